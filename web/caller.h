/* Who asks, and for what: all that is read of a connection's request before anything is answered. */
#ifndef LEASTPORT_WEB_CALLER_H
#define LEASTPORT_WEB_CALLER_H

#include "web/framing.h"
#include "web/proxy.h"
#include "web/route.h"

struct MHD_Connection;

struct caller_rules {
    const struct proxy_options *proxy;
    const struct authority_names *names;
    bool is_tls;         /* the connection is */
    bool takes_any_host; /* what no list of names forbids */
};

/* Points into itself: not to be copied. */
struct caller {
    struct framing framing;
    struct request_head head;
    struct proxy_word word;
    struct problem problem; /* of what a proxy said */
    char client[ADDR_TEXT_SIZE];
};

/* The framing alone, of a request whose answer is yet to come. `method` is the HTTP library's own, here and below:
 * where it lies the head begins. */
void caller_read_framing(const struct caller_rules *rules, struct MHD_Connection *connection, const char *method,
                         struct framing *ret_framing);
/* `method` and `target` are borrowed as long as the caller is used; so is what the connection holds. */
void caller_read(const struct caller_rules *rules, struct MHD_Connection *connection, const char *method,
                 const char *target, struct caller *ret_caller);
/* False, with the problem set, when it must not be served, and the connection ends. */
bool caller_is_sound(const struct caller *caller, struct problem *problem);

#endif
