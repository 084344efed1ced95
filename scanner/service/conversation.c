#include "scanner/service/conversation.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16384, READS_MAX = 4 };

bool conversation_is_exhaustion(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
    case EAGAIN:
    case EADDRNOTAVAIL:
    case EADDRINUSE:
        return true;
    default:
        return false;
    }
}

/* The inquirer's single place of sending: nothing outside the scope, and nothing on the never-scan list, gets past it.
 */
static int guarded_connect(const struct conversation *conversation, const struct scope *scope, int fd)
{
    struct sockaddr_storage sockaddr;
    socklen_t length;
    int rc = scope_permits(scope, &conversation->addr, NULL);

    if (rc < 0) {
        return rc;
    }
    length = addr_to_sockaddr(&conversation->addr, conversation->port, &sockaddr);
    if (connect(fd, (const struct sockaddr *)&sockaddr, length) < 0) {
        return errno == EINPROGRESS ? 0 : errno;
    }
    return 0;
}

int conversation_open(struct conversation *conversation, const struct scope *scope)
{
    int fd = socket(conversation->addr.is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc;

    assert(conversation->fd < 0);
    if (fd < 0) {
        return errno;
    }
    rc = guarded_connect(conversation, scope, fd);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    conversation->fd = fd;
    conversation->connecting = true;
    conversation->blocked = false;
    return 0;
}

void conversation_close(struct conversation *conversation, bool in_order)
{
    static const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    if (conversation->fd >= 0) {
        if (!in_order) {
            setsockopt(conversation->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        }
        close(conversation->fd);
    }
    tls_destroy(conversation->tls);
    conversation->fd = -1;
    conversation->tls = NULL;
    conversation->stands = false;
    conversation->framed = false;
    conversation->first_size = 0;
}

bool conversation_is_stuck(const struct conversation *conversation)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof(info);
    int waiting = 0;

    return conversation->fd >= 0 && !conversation->connecting && ioctl(conversation->fd, SIOCOUTQ, &waiting) == 0 &&
           waiting > 0 && getsockopt(conversation->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
           length >= offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(info.tcpi_snd_wnd) && info.tcpi_snd_wnd == 0;
}

/* The inquiry is still about this connection. */
static bool goes_on(const struct inquiry *inquiry)
{
    enum inquiry_next next = inquiry_wish(inquiry).next;

    return next == INQUIRY_TALK || next == INQUIRY_SECURE;
}

static const struct inquiry_refusal no_word = {0};

static int begin_tls(struct conversation *conversation, const struct tls_context *context, struct inquiry *inquiry)
{
    struct inquiry_wish wish = inquiry_wish(inquiry);
    struct tls_options options = {
        .name = conversation->name, .host = conversation->host, .lowest = wish.lowest, .highest = wish.highest};
    int rc = tls_create(context, &options, &conversation->tls);

    conversation->framed = wish.framed;
    conversation->sending = (struct tds_frame){0};
    conversation->receiving = (struct tds_frame){0};
    if (rc == 0 && tls_step(conversation->tls) == TLS_FAILED) {
        rc = inquiry_unsecured(inquiry, mono_now(), &no_word);
    }
    return rc;
}

/* How many bytes the socket took. That a connection is lost is heard of when it is read, after what the server said
 * before. */
static size_t send_some(struct conversation *conversation, struct span bytes)
{
    ssize_t sent = bytes.size > 0 ? send(conversation->fd, bytes.bytes, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    size_t taken = sent > 0 ? (size_t)sent : 0;

    conversation->blocked = taken < bytes.size;
    return taken;
}

/* One header, or what is behind it, as far as the socket takes it. */
static void send_framed(struct conversation *conversation)
{
    bool is_header;
    struct span bytes = tds_outgoing(&conversation->sending, tls_outgoing(conversation->tls), &is_header);
    size_t sent = send_some(conversation, bytes);

    tds_sent(&conversation->sending, is_header, sent);
    if (!is_header) {
        tls_sent(conversation->tls, sent);
    }
}

static void send_tls(struct conversation *conversation)
{
    struct span bytes = tls_outgoing(conversation->tls);

    conversation->blocked = false;
    while (bytes.size > 0 && !conversation->blocked) {
        if (conversation->framed) {
            send_framed(conversation);
        } else {
            tls_sent(conversation->tls, send_some(conversation, bytes));
        }
        bytes = tls_outgoing(conversation->tls);
    }
}

/* What the protocol says, in clear or by way of TLS. */
static void send_words(struct conversation *conversation, struct inquiry *inquiry)
{
    struct span bytes = inquiry_outgoing(inquiry);
    size_t sent = 0;

    if (conversation->tls == NULL) {
        sent = send_some(conversation, bytes);
    } else {
        if (bytes.size > 0 && tls_step(conversation->tls) == TLS_STANDS && tls_write(conversation->tls, bytes) == 0) {
            sent = bytes.size;
        }
        send_tls(conversation);
    }
    if (sent > 0) {
        inquiry_sent(inquiry, mono_now(), sent);
    }
}

int conversation_send(struct conversation *conversation, const struct tls_context *tls, struct inquiry *inquiry)
{
    if (conversation->connecting) {
        return 0;
    }
    if (inquiry_wish(inquiry).next == INQUIRY_SECURE && conversation->tls == NULL) {
        int rc = begin_tls(conversation, tls, inquiry);
        if (rc < 0 || !goes_on(inquiry)) {
            return rc;
        }
    }
    if (conversation->tls != NULL && !conversation->stands) {
        send_tls(conversation);
    } else {
        send_words(conversation, inquiry);
    }
    return 0;
}

/* A connect to an own address whose source port happens to be its destination meets itself (RFC 9293, 3.5). */
static bool met_itself(const struct conversation *conversation)
{
    struct sockaddr_storage sockaddr;
    socklen_t length = sizeof(sockaddr);
    struct addr addr;
    uint16_t port;

    if (getsockname(conversation->fd, (struct sockaddr *)&sockaddr, &length) < 0 ||
        addr_from_sockaddr((const struct sockaddr *)&sockaddr, &addr, &port) < 0) {
        return false;
    }
    addr.zone = conversation->addr.zone;
    return port == conversation->port && addr_equal(&addr, &conversation->addr);
}

/* False while it is not known yet, or when it did not come about. */
static int finish_connect(struct conversation *conversation, const struct tls_context *tls, struct inquiry *inquiry)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (getsockopt(conversation->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) {
        error = errno;
    }
    conversation->connecting = false;
    if (error != 0 || met_itself(conversation)) {
        inquiry_failed(inquiry, mono_now());
        return 0;
    }
    inquiry_connected(inquiry, mono_now());
    return goes_on(inquiry) && inquiry_wish(inquiry).secured ? begin_tls(conversation, tls, inquiry) : 0;
}

/* Who is spoken to, as far as the handshake came. False: no version was agreed on. */
static bool gather_tls(const struct conversation *conversation, struct inquiry_tls *ret_tls, struct facts *facts)
{
    if (!tls_agreed(conversation->tls, &ret_tls->version)) {
        return false;
    }
    tls_certificate_facts(conversation->tls, wall_now_ms() / 1000, facts);
    ret_tls->facts = facts;
    ret_tls->certificate = tls_certificate(conversation->tls);
    return true;
}

static int tell_secured(struct conversation *conversation, struct inquiry *inquiry)
{
    struct facts facts = {0};
    struct inquiry_tls told;
    bool agreed = gather_tls(conversation, &told, &facts);

    assert(agreed);
    conversation->stands = true;
    if (conversation->framed) {
        /* Our last word may still wait to be sent, in its packet. */
        send_tls(conversation);
        conversation->framed = false;
    }
    return inquiry_secured(inquiry, mono_now(), &told);
}

static int tell_unsecured(struct conversation *conversation, struct inquiry *inquiry)
{
    struct facts facts = {0};
    struct inquiry_tls told;
    struct inquiry_refusal refusal = {.alert = tls_alert(conversation->tls),
                                      .record = {conversation->first, conversation->first_size}};

    refusal.alerted = tls_is_record(refusal.record);

    if (gather_tls(conversation, &told, &facts)) {
        refusal.agreed = &told;
        refusal.alerted = true;
    }
    if (tls_wants_certificate(conversation->tls)) {
        inquiry_barred(inquiry);
    }
    return inquiry_unsecured(inquiry, mono_now(), &refusal);
}

static int tell_ended(struct conversation *conversation, struct inquiry *inquiry, bool reset)
{
    if (conversation->tls != NULL && !conversation->stands && conversation->first_size > 0) {
        return tell_unsecured(conversation, inquiry);
    }
    if (conversation->tls != NULL && tls_wants_certificate(conversation->tls)) {
        inquiry_barred(inquiry);
    }
    return inquiry_ended(inquiry, mono_now(), reset);
}

static int read_tls(struct conversation *conversation, struct inquiry *inquiry)
{
    uint8_t bytes[READ_SIZE];
    int rc = 0;

    for (;;) {
        size_t size = tls_read(conversation->tls, bytes, sizeof(bytes));
        if (size == 0 || rc < 0 || !goes_on(inquiry)) {
            return rc;
        }
        rc = inquiry_arrived(inquiry, mono_now(), (struct span){bytes, size});
    }
}

/* TLS goes on as far as it can by what has arrived. */
static int step_tls(struct conversation *conversation, struct inquiry *inquiry)
{
    enum tls_state state = tls_step(conversation->tls);
    int rc = 0;

    if (state == TLS_FAILED && !conversation->stands) {
        /* An alert of ours says why. */
        send_tls(conversation);
        return tell_unsecured(conversation, inquiry);
    }
    if (state == TLS_STANDS && !conversation->stands) {
        rc = tell_secured(conversation, inquiry);
    }
    if (rc == 0 && conversation->stands && goes_on(inquiry)) {
        rc = read_tls(conversation, inquiry);
    }
    state = rc == 0 && goes_on(inquiry) ? tls_step(conversation->tls) : TLS_STANDS;
    if (state == TLS_ENDED || state == TLS_FAILED) {
        rc = tell_ended(conversation, inquiry, false);
    }
    return rc;
}

static void keep_first(struct conversation *conversation, struct span bytes)
{
    size_t room = sizeof(conversation->first) - conversation->first_size;
    size_t size = bytes.size < room ? bytes.size : room;

    memcpy(conversation->first + conversation->first_size, bytes.bytes, size);
    conversation->first_size += size;
}

/* The record types of a handshake and of an alert (RFC 8446, section 5.1). */
static bool may_be_tls(uint8_t byte)
{
    return byte == 0x16 || byte == 0x15;
}

static int take_records(struct conversation *conversation, struct inquiry *inquiry, struct span bytes)
{
    int rc = 0;

    if (conversation->first_size == 0 && !may_be_tls(bytes.bytes[0])) {
        return inquiry_unsecured(inquiry, mono_now(), &(struct inquiry_refusal){.said = bytes});
    }
    keep_first(conversation, bytes);
    while (rc == 0 && bytes.size > 0 && goes_on(inquiry)) {
        size_t taken = tls_arrive(conversation->tls, bytes);
        bytes = span_from(bytes, taken);
        rc = step_tls(conversation, inquiry);
        if (taken == 0 && bytes.size > 0 && rc == 0 && goes_on(inquiry)) {
            /* No room, and nothing that would make some. */
            rc = tell_ended(conversation, inquiry, true);
        }
    }
    return rc;
}

static int take_tls(struct conversation *conversation, struct inquiry *inquiry, struct span bytes)
{
    int rc = 0;

    while (rc == 0 && bytes.size > 0 && conversation->framed && goes_on(inquiry)) {
        struct span records = tds_arrived(&conversation->receiving, &bytes);
        if (conversation->receiving.failed) {
            return inquiry_unsecured(inquiry, mono_now(), &no_word);
        }
        rc = records.size > 0 ? take_records(conversation, inquiry, records) : 0;
    }
    return rc == 0 && bytes.size > 0 && goes_on(inquiry) ? take_records(conversation, inquiry, bytes) : rc;
}

static int end_socket(struct conversation *conversation, struct inquiry *inquiry, bool reset)
{
    int rc = 0;

    if (conversation->tls != NULL && conversation->first_size > 0) {
        tls_closed(conversation->tls);
        rc = step_tls(conversation, inquiry);
    }
    return rc == 0 && goes_on(inquiry) ? tell_ended(conversation, inquiry, reset) : rc;
}

static int read_socket(struct conversation *conversation, struct inquiry *inquiry)
{
    int rc = 0;

    for (int i = 0; i < READS_MAX && rc == 0 && goes_on(inquiry); i++) {
        uint8_t bytes[READ_SIZE];
        ssize_t got = recv(conversation->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (got <= 0) {
            rc = end_socket(conversation, inquiry, got < 0);
        } else if (conversation->tls != NULL) {
            rc = take_tls(conversation, inquiry, (struct span){bytes, (size_t)got});
        } else {
            rc = inquiry_arrived(inquiry, mono_now(), (struct span){bytes, (size_t)got});
        }
    }
    return rc;
}

int conversation_serve(struct conversation *conversation, const struct tls_context *tls, struct inquiry *inquiry)
{
    int rc = conversation->connecting ? finish_connect(conversation, tls, inquiry) : 0;

    return rc == 0 && goes_on(inquiry) ? read_socket(conversation, inquiry) : rc;
}
