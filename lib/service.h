/* Ports and their IANA service names: our own table of common ports, then the system's services database.
 * A name says what a port is registered for, never what answers there. */
#ifndef LEASTPORT_LIB_SERVICE_H
#define LEASTPORT_LIB_SERVICE_H

#include "lib/addr.h"
#include "lib/portset.h"

#include <stddef.h>
#include <stdint.h>

/* A row of the ports that a scan takes by default ("common"). */
struct service {
    uint16_t port;
    const char *proto;  /* "tcp" or "udp" */
    const char *name;   /* IANA's, lower case; the name in use where IANA has none */
    const char *reason; /* why it is worth a look, one phrase */
};

/* The table, ascending by port, TCP before UDP; it lives for ever. */
const struct service *service_common(size_t *ret_count);

/* Adds the table's ports of that protocol to `set`. */
void service_common_ports(const char *proto, struct portset *set);

struct services;

/* Reads the system's database (/etc/services or what NSS has), once, and then needs it no more. Without one only the
 * table's names are known. NULL when out of memory. The caller owns the result: services_destroy(). Call it before any
 * thread starts. */
struct services *services_create(void);
void services_destroy(struct services *services);

/* NULL when the port has no name. Borrowed until services_destroy(). `services` may be NULL: the table alone. */
const char *services_name(const struct services *services, uint16_t port, const char *proto);

/* Names are compared without case. -ENOENT when the name is unknown. `services` may be NULL: the table alone. */
MUST_USE int services_port(const struct services *services, const char *name, const char *proto, uint16_t *ret_port);

#endif
