/* Target expressions as a person writes them: addresses, CIDR, ranges, host names, each with ports of its own or
 * without. Pure parsing: a range stays a range however large, a name stays a name (scanner/resolver.h). */
#ifndef LEASTPORT_SCANNER_TARGETS_H
#define LEASTPORT_SCANNER_TARGETS_H

#include "lib/addr.h"
#include "lib/service.h"
#include "scanner/problem.h"

#include <stddef.h>
#include <stdio.h>

/* Either `name` or first..last (one family, one zone, first <= last) is set. */
struct target {
    char *text; /* the expression, its ports as numbers: it parses to the same target again anywhere */
    char *name; /* a host name, lower case, no dot at the end; NULL for a range */
    struct addr first;
    struct addr last;
    char *ports; /* ports of this target alone, as portset_format() has them; NULL: the plan's */
};

struct targets;

/* NULL when out of memory. The caller owns the result. */
struct targets *targets_create(void);
void targets_destroy(struct targets *targets);

/* Whose names and common ports the ports behind a colon mean from now on: "tcp" (so from the start) or "udp". The text
 * is borrowed. */
void targets_use_proto(struct targets *targets, const char *proto);

/* One expression: 10.0.0.5, 10.0.0.0/24, 10.0.0.1-50, 10.0.0.1-10.0.1.20, fd00::1-fd00::ff, fe80::1%eth0, db.example,
 * each with ":PORTS" after it (scanner/ports.h); IPv6 then stands in brackets: [fd00::1]:443, [fd00::]/120:22.
 * -EINVAL and others with *problem: what was wrong, at which column, what would be right. */
MUST_USE int targets_add(struct targets *targets, const char *expression, const struct services *services,
                         struct problem *problem);

/* Expressions with white space between, "#" begins a comment; `source` names the stream in errors ("hosts.txt:3:7: …").
 * A line may be at most 64 KiB. -EIO when reading fails. What stood before an error has been added. */
MUST_USE int targets_read(struct targets *targets, FILE *stream, const char *source, const struct services *services,
                          struct problem *problem);

size_t targets_count(const struct targets *targets);
/* Borrowed until the next targets_add() or targets_read(). */
const struct target *targets_at(const struct targets *targets, size_t index);

#endif
