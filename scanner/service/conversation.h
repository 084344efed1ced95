/* One connection of an inquiry: the socket, TLS over it, and the bytes between the server and the inquiry. It holds the
 * one connect() of the inquirer, and the guard before it. Knows neither when a connection may be made nor whose turn it
 * is. */
#ifndef LEASTPORT_SCANNER_SERVICE_CONVERSATION_H
#define LEASTPORT_SCANNER_SERVICE_CONVERSATION_H

#include "lib/addr.h"
#include "lib/clock.h"
#include "scanner/scope.h"
#include "scanner/service/inquiry.h"
#include "scanner/service/tds.h"
#include "scanner/service/tls.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONVERSATION_FIRST_SIZE = 16 };

/* `fd` is -1 while there is none. */
struct conversation {
    struct addr addr;
    const char *host; /* the address as text, and the name that is asked for: borrowed */
    const char *name;
    uint16_t port;
    int fd;
    bool connecting;
    bool blocked; /* bytes wait until the socket takes more */
    struct tls *tls;
    bool stands; /* TLS */
    bool framed; /* TLS is inside of TDS's packets, as long as it does not stand */
    struct tds_frame sending;
    struct tds_frame receiving;
    /* What the server said first when TLS was begun. */
    uint8_t first[CONVERSATION_FIRST_SIZE];
    size_t first_size;
};

/* Makes a connection: 0, and conversation_serve() is due when the socket can be written; a positive errno: this machine
 * refused, it has none (conversation_is_exhaustion() tells of what); -EPERM or -EACCES: the guard refused. */
MUST_USE int conversation_open(struct conversation *conversation, const struct scope *scope);
/* Whether an errno says that this machine has run out of something. */
bool conversation_is_exhaustion(int error);
/* In order, or by RST, which leaves nothing in TIME_WAIT. */
void conversation_close(struct conversation *conversation, bool in_order);

/* Takes what the socket has, a bounded amount, and tells the inquiry; ends as soon as that wishes for another
 * connection. -ENOMEM. */
MUST_USE int conversation_serve(struct conversation *conversation, const struct tls_context *tls,
                                struct inquiry *inquiry);
/* Begins TLS when that is wished for, and sends what is to be sent, as far as the socket takes it. -ENOMEM. */
MUST_USE int conversation_send(struct conversation *conversation, const struct tls_context *tls,
                               struct inquiry *inquiry);
/* The server has not acknowledged what was sent and has no room for it. */
bool conversation_is_stuck(const struct conversation *conversation);

#endif
