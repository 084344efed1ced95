/* Port expressions: "22,80-90,https,common,all,-1024,60000-,!25". Pure: text and a table of names in, a set out. */
#ifndef LEASTPORT_SCANNER_PORTS_H
#define LEASTPORT_SCANNER_PORTS_H

#include "lib/portset.h"
#include "lib/service.h"
#include "scanner/problem.h"

/* Items with commas between, no spaces: a number 0 to 65535; a range, either end may be left out (1, 65535); an IANA
 * service name; "common"; "all" (1 to 65535). An item after "!" is taken away again, wherever it stands.
 * -EINVAL (syntax, empty result), -ERANGE (number, range backwards), -ENOENT (unknown name): *problem says what, at
 * which column, and what would be right. `services` may be NULL. `proto`, "tcp" or "udp": whose names and whose common
 * ports are meant. */
MUST_USE int ports_parse(const char *text, const struct services *services, const char *proto, struct portset *ret_set,
                         struct problem *problem);

#endif
