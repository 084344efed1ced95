/* Gathers the ports of hosts that are under way, for formats that show a host whole. Its memory is that of the open and
 * watched ports of hosts whose host line is still to come: one slab's. */
#ifndef LEASTPORT_SCANNER_OUTPUT_HOSTBOOK_H
#define LEASTPORT_SCANNER_OUTPUT_HOSTBOOK_H

#include "lib/addr.h"
#include "lib/service.h"
#include "scanner/observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At most so many ports of a state that have no line of their own are shown singly. */
enum { HOSTBOOK_SINGLE_MAX = 10 };

/* What answers on a port, as people read it; NULL where not known. */
struct hostbook_answer {
    const char *service;
    const char *product;
    const char *version;
    const char *os;
    const char *hostname;
    const char *cpe;
    const char *behaviour;
    bool tls;
    bool open_door; /* it answers without a credential */
    char texts[];
};

struct hostbook_port {
    char *service;                  /* by the port's number; NULL: none */
    struct hostbook_answer *answer; /* NULL: nobody has asked */
    char *bound;                    /* NULL: not known */
    uint16_t port;
    bool is_udp;
    enum port_state state;
    enum reason reason;
    uint32_t order; /* in which it was told */
};

/* A host as people read it. `rows` ascend by port; `rest` are the groups that are not among them. */
struct hostbook_view {
    char *name;      /* of an unfinished host: as its ports had it, NULL for none */
    bool unfinished; /* its host line never came */
    struct hostbook_port *rows;
    size_t row_count;
    const struct observation_not_shown **rest;
    size_t rest_count;
};

struct hostbook;

/* NULL when out of memory. Borrows `services` (may be NULL), which names the ports that are shown singly. */
struct hostbook *hostbook_create(const struct services *services);
void hostbook_destroy(struct hostbook *book);

/* A port that is told twice counts as told last. -ENOMEM. */
MUST_USE int hostbook_add(struct hostbook *book, const struct observation_port *port);

/* What answers on a port that was added before; a port that was not is passed over. -ENOMEM. */
MUST_USE int hostbook_add_service(struct hostbook *book, const struct observation_service *service);

/* Takes the host out of the book. `rest` borrows from `host`. The caller owns the view: hostbook_view_done(). -ENOMEM.
 */
MUST_USE int hostbook_take(struct hostbook *book, const struct observation_host *host, struct hostbook_view *ret_view);
/* Takes out the host with the least address of those that are left when a scan ends: their open ports are known, their
 * lines have not come. Fills *ret_host with what its ports tell; its name is the view's. The view as above.
 * -ENOENT when the book is empty, -ENOMEM. */
MUST_USE int hostbook_take_unfinished(struct hostbook *book, struct observation_host *ret_host,
                                      struct hostbook_view *ret_view);
void hostbook_view_done(struct hostbook_view *view);

#endif
