#include "scanner/connect.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256 };

static const uint32_t NOWHERE = UINT32_MAX;
static const uint64_t WAKE = UINT64_MAX;

/* A try on its way, and the socket that it and those before and after it in the same place use. */
struct
try {
    struct addr addr;
    struct mono_time sent;
    uint32_t probe;
    uint32_t next; /* in the free list, or of those that are settled already */
    int fd;        /* -1: none yet */
    int error;     /* what connect() said at once; 0 when connected, EINPROGRESS when not yet known */
    uint16_t port;
    bool is_ipv6; /* the socket */
    bool watched; /* the socket, by epoll */
    bool busy;
    bool settled;
    bool dead; /* the socket has ended without an answer: only the time-out is waited for */
};

/* What is to be tried. */
struct errand {
    const struct addr *addr;
    struct mono_time sent;
    uint32_t probe;
    uint16_t port;
};

struct connect_engine {
    struct connect_options options;
    int epoll_fd;
    struct try *tries;
    uint32_t free_head;
    uint32_t fresh; /* the tries from here on were never used */
    uint32_t settled_head;
    uint64_t refused;
    struct mono_time now; /* the answers at hand were there */
};

int connect_create(const struct connect_options *options, struct connect_engine **ret_engine)
{
    struct connect_engine *engine = calloc(1, sizeof(*engine));
    int rc = 0;

    assert(options->sockets >= 1);
    if (engine == NULL) {
        return -ENOMEM;
    }
    engine->options = *options;
    engine->free_head = NOWHERE;
    engine->settled_head = NOWHERE;
    engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (engine->epoll_fd < 0) {
        rc = -errno;
        goto fail;
    }
    rc = options->wake_fd >= 0 ? connect_wake_on(engine, options->wake_fd) : 0;
    if (rc < 0) {
        goto fail;
    }
    engine->tries = calloc(options->sockets, sizeof(*engine->tries));
    if (engine->tries == NULL) {
        rc = -ENOMEM;
        goto fail;
    }
    *ret_engine = engine;
    return 0;
fail:
    connect_destroy(engine);
    return rc;
}

int connect_wake_on(struct connect_engine *engine, int fd)
{
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = WAKE};

    return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &wake) < 0 ? -errno : 0;
}

void connect_destroy(struct connect_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (uint32_t i = 0; engine->tries != NULL && i < engine->fresh; i++) {
        if (engine->tries[i].fd >= 0) {
            close(engine->tries[i].fd);
        }
    }
    if (engine->epoll_fd >= 0) {
        close(engine->epoll_fd);
    }
    free(engine->tries);
    free(engine);
}

uint64_t connect_refused(const struct connect_engine *engine)
{
    return engine->refused;
}

static bool is_exhaustion(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC: /* epoll's max_user_watches */
    case EAGAIN:
    case EADDRNOTAVAIL:
    case EADDRINUSE:
        return true;
    default:
        return false;
    }
}

/* The single place where a probe is sent: nothing outside the scope, and nothing on the never-scan list, gets past it.
 * 0, or the errno of connect(), or -EPERM/-EACCES when the guard refused. */
static int guarded_connect(struct connect_engine *engine, int fd, const struct addr *addr, uint16_t port)
{
    struct sockaddr_storage sockaddr;
    socklen_t length;
    int rc = scope_permits(engine->options.scope, addr, NULL);

    if (rc < 0) {
        engine->refused++;
        return rc;
    }
    length = addr_to_sockaddr(addr, port, &sockaddr);
    return connect(fd, (const struct sockaddr *)&sockaddr, length) < 0 ? errno : 0;
}

/* EADDRNOTAVAIL has two causes: every local port is taken, or there is no local address to send from at all. A datagram
 * socket, whose connect() sends nothing, meets only the second. */
static bool has_source_address(struct connect_engine *engine, const struct addr *addr, uint16_t port)
{
    int fd = socket(addr->is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return true;
    }
    error = guarded_connect(engine, fd, addr, port);
    close(fd);
    return error != EADDRNOTAVAIL;
}

static int open_socket(const struct addr *addr)
{
    /* Closing by RST leaves nothing in TIME_WAIT. */
    static const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    static const int on = 1;
    /* The third packet of the handshake waits for data to go with it (200 ms in Linux's tcp_rcv_synsent_state_process),
     * and the RST is sooner: the server's program never hears of the connection, so that none is spent on it, and none
     * counts as broken handshake, for which MySQL locks a source out (error 1129). */
    static const int defer_s = 1;
    int fd = socket(addr->is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0 ||
        setsockopt(fd, addr->is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, addr->is_ipv6 ? IPV6_RECVERR : IP_RECVERR, &on,
                   sizeof(on)) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    /* Where a kernel does not know it, servers hear of us, and the answers are the same. */
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s));
    return fd;
}

/* Settled before any event: kept until connect_poll() hands it over. */
static void settle(struct connect_engine *engine, uint32_t index, int error)
{
    struct try *try = &engine->tries[index];

    try->error = error;
    try->settled = true;
    try->next = engine->settled_head;
    engine->settled_head = index;
}

static void occupy(struct connect_engine *engine, uint32_t index, const struct errand *errand)
{
    struct try *try = &engine->tries[index];

    engine->free_head = try->next;
    try->probe = errand->probe;
    try->sent = errand->sent;
    try->addr = *errand->addr;
    try->port = errand->port;
    try->error = EINPROGRESS;
    try->busy = true;
    try->settled = false;
    try->dead = false;
}

static void drop_socket(struct try *try)
{
    if (try->fd >= 0) {
        close(try->fd);
    }
    try->fd = -1;
    try->watched = false;
}

static void release(struct connect_engine *engine, uint32_t index)
{
    struct try *try = &engine->tries[index];

    try->busy = false;
    try->next = engine->free_head;
    engine->free_head = index;
}

/* A socket of the errand's family in this place, the one that is there if it can be. -errno. */
static int provide_socket(struct try *try, const struct addr *addr)
{
    if (try->fd >= 0 && try->is_ipv6 != addr->is_ipv6) {
        drop_socket(try);
    }
    if (try->fd < 0) {
        try->fd = open_socket(addr);
        try->is_ipv6 = addr->is_ipv6;
    }
    if (try->fd < 0) {
        int rc = try->fd;
        try->fd = -1;
        return rc;
    }
    return 0;
}

/* Once for each socket. Edges only: a socket at rest is always readable for its hang-up. */
static int watch(struct connect_engine *engine, uint32_t index)
{
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.u64 = index};
    struct try *try = &engine->tries[index];

    if (try->watched) {
        return 0;
    }
    if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, try->fd, &event) < 0) {
        return errno;
    }
    try->watched = true;
    return 0;
}

/* 0: on its way; EAGAIN and other positive errnos: nothing was sent; negative: the guard's refusal. */
static int start(struct connect_engine *engine, uint32_t index, const struct errand *errand)
{
    struct try *try = &engine->tries[index];
    int error = -provide_socket(try, errand->addr);
    int watching;

    if (error > 0) {
        return error;
    }
    error = guarded_connect(engine, try->fd, errand->addr, errand->port);
    if (error == EADDRNOTAVAIL && !has_source_address(engine, errand->addr, errand->port)) {
        error = ENETUNREACH;
    }
    if (error < 0 || is_exhaustion(error)) {
        return error;
    }
    watching = error == EINPROGRESS ? watch(engine, index) : 0;
    if (watching != 0) {
        drop_socket(try);
        return watching;
    }
    occupy(engine, index, errand);
    if (error != EINPROGRESS) {
        settle(engine, index, error);
    }
    return 0;
}

/* The place that was used last, so that few sockets serve where few are on their way; else one that never was. */
static uint32_t free_place(struct connect_engine *engine)
{
    if (engine->free_head == NOWHERE && engine->fresh < engine->options.sockets) {
        engine->tries[engine->fresh].fd = -1;
        engine->tries[engine->fresh].next = NOWHERE;
        engine->free_head = engine->fresh++;
    }
    return engine->free_head;
}

static int engine_send(void *context, uint32_t probe, const struct addr *addr, uint16_t port, uint32_t *ret_handle)
{
    struct connect_engine *engine = context;
    struct errand errand = {.addr = addr, .sent = mono_now(), .probe = probe, .port = port};
    uint32_t index = free_place(engine);
    int error;

    if (index == NOWHERE) {
        return -EAGAIN;
    }
    error = start(engine, index, &errand);
    if (error < 0) {
        return error;
    }
    if (is_exhaustion(error)) {
        if (engine->options.exhausted != NULL) {
            engine->options.exhausted(engine->options.context, error);
        }
        return -EAGAIN;
    }
    if (error != 0) {
        /* No socket of this kind to be had, such as IPv6 on a machine without it. */
        occupy(engine, index, &errand);
        settle(engine, index, error);
    }
    *ret_handle = index;
    return 0;
}

static void unlink_settled(struct connect_engine *engine, uint32_t index)
{
    uint32_t *at = &engine->settled_head;

    while (*at != index) {
        assert(*at != NOWHERE);
        at = &engine->tries[*at].next;
    }
    *at = engine->tries[index].next;
}

/* The address that an ICMP error came from stands behind the error itself (ip(7), SO_EE_OFFENDER). */
static bool is_offender(const struct sock_extended_err *error, size_t room, const struct addr *addr)
{
    struct sockaddr_storage offender = {0};
    struct addr from;

    if (room > sizeof(offender)) {
        room = sizeof(offender);
    }
    memcpy(&offender, error + 1, room);
    if (addr_from_sockaddr((const struct sockaddr *)&offender, &from, NULL) < 0) {
        return false;
    }
    from.zone = addr->zone;
    return addr_equal(&from, addr);
}

static bool read_icmp(const struct cmsghdr *header, const struct addr *addr, struct connect_answer *answer)
{
    struct sock_extended_err error;
    union {
        const unsigned char *bytes;
        const struct sock_extended_err *error;
    } data = {.bytes = CMSG_DATA(header)};
    size_t length = header->cmsg_len - CMSG_LEN(0);
    bool arrived;

    if (length < sizeof(error)) {
        return false;
    }
    memcpy(&error, data.bytes, sizeof(error));
    if (error.ee_origin == SO_EE_ORIGIN_ICMP) {
        arrived = probe_reason_icmp(error.ee_type, error.ee_code, &answer->reason);
    } else if (error.ee_origin == SO_EE_ORIGIN_ICMP6) {
        arrived = probe_reason_icmp6(error.ee_type, error.ee_code, &answer->reason);
    } else {
        return false;
    }
    answer->answer = PROBE_ICMP;
    answer->from_host = is_offender(data.error, length - sizeof(error), addr);
    return arrived;
}

static bool find_icmp(struct msghdr *message, const struct addr *addr, struct connect_answer *answer)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        bool of_errors = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                         (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);
        if (of_errors && read_icmp(at, addr, answer)) {
            return true;
        }
    }
    return false;
}

/* Empties the socket's error queue, so that its next try finds there only what concerns it. True when an ICMP error was
 * among it: the first counts. */
static bool take_icmp(const struct try *try, struct connect_answer *answer)
{
    union {
        char bytes[512];
        struct cmsghdr align;
    } control;
    char payload[1];
    struct iovec part = {.iov_base = payload, .iov_len = sizeof(payload)};
    bool found = false;

    for (;;) {
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};
        if (recvmsg(try->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            return found;
        }
        found = found || find_icmp(&message, &try->addr, answer);
    }
}

/* AF_UNSPEC takes a socket back to its beginning (connect(2)), whatever it was at: what it had connected is reset, and
 * its port is free again. */
static void disconnect(struct try *try)
{
    static const struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct connect_answer ignored;

    if (try->fd >= 0 && connect(try->fd, &none, sizeof(none)) < 0) {
        drop_socket(try);
    }
    if (try->fd >= 0) {
        take_icmp(try, &ignored);
    }
}

static void engine_cancel(void *context, uint32_t handle)
{
    struct connect_engine *engine = context;
    struct try *try = &engine->tries[handle];

    if (try->settled) {
        unlink_settled(engine, handle);
    }
    disconnect(try);
    release(engine, handle);
}

static uint32_t engine_capacity(void *context)
{
    const struct connect_engine *engine = context;

    return engine->options.sockets;
}

const struct probe_engine_ops *connect_ops(void)
{
    static const struct probe_engine_ops ops = {
        .send = engine_send,
        .cancel = engine_cancel,
        .capacity = engine_capacity,
        .tells_tries_apart = true,
    };

    return &ops;
}

/* A connect to an own address whose source port happens to be its destination meets itself (RFC 9293, 3.5: simultaneous
 * open) and looks open. */
static bool met_itself(const struct try *try)
{
    struct sockaddr_storage sockaddr;
    socklen_t length = sizeof(sockaddr);
    struct addr addr;
    uint16_t port;

    if (getsockname(try->fd, (struct sockaddr *)&sockaddr, &length) < 0 ||
        addr_from_sockaddr((const struct sockaddr *)&sockaddr, &addr, &port) < 0) {
        return false;
    }
    addr.zone = try->addr.zone;
    return port == try->port && addr_equal(&addr, &try->addr);
}

static void answer_open(const struct try *try, struct connect_answer *answer)
{
    bool itself = met_itself(try);

    answer->answer = itself ? PROBE_RST : PROBE_SYN_ACK;
    answer->reason = itself ? REASON_SELF_CONNECT : REASON_SYN_ACK;
    answer->from_host = true;
}

/* False when the error is none of an answer's. */
static bool answer_error(int error, bool at_once, struct connect_answer *answer)
{
    answer->answer = PROBE_ICMP;
    answer->local_errno = at_once ? error : 0;
    switch (error) {
    case ECONNREFUSED:
        answer->answer = PROBE_RST;
        answer->reason = REASON_CONN_REFUSED;
        answer->from_host = true;
        answer->local_errno = 0;
        return true;
    case ETIMEDOUT:
    case ECONNABORTED:
        return false;
    case EHOSTUNREACH:
    case EHOSTDOWN:
        answer->reason = REASON_HOST_UNREACH;
        return true;
    case EPERM:
    case EACCES:
        answer->reason = REASON_ADMIN_PROHIBITED;
        return true;
    default:
        answer->reason = REASON_NET_UNREACH;
        return true;
    }
}

/* A second connect() does not connect: it takes the error that ended the first, and the socket is as new; 0: connected;
 * EALREADY: not known yet (connect(2); POSIX leaves it open, Linux does so). The address does not matter then, so it is
 * one that leads nowhere. */
static int reap(const struct try *try)
{
    static const struct sockaddr_in nowhere = {.sin_family = AF_INET};
    static const struct sockaddr_in6 nowhere6 = {.sin6_family = AF_INET6};
    int rc = try->is_ipv6 ? connect(try->fd, (const struct sockaddr *)&nowhere6, sizeof(nowhere6))
                          : connect(try->fd, (const struct sockaddr *)&nowhere, sizeof(nowhere));

    return rc < 0 ? errno : 0;
}

/* What the try has to say; false: nothing. The error alone would not tell a port-unreachable from a RST. */
static bool examine(struct try *try, int error, struct connect_answer *answer)
{
    if (error != 0 && try->fd >= 0 && take_icmp(try, answer)) {
        disconnect(try);
        return true;
    }
    if (error == 0 || error == ECONNRESET || error == EPIPE) {
        /* With an error: it had accepted, and closed at once. */
        answer_open(try, answer);
        disconnect(try);
        return true;
    }
    return error != EALREADY && answer_error(error, try->settled, answer);
}

static uint64_t took_ns(const struct connect_engine *engine, const struct try *try)
{
    uint64_t ns = mono_elapsed_ns(try->sent, engine->now);

    return ns > 0 ? ns : 1;
}

static void hand_over(struct connect_engine *engine, uint32_t index, uint32_t events, connect_answer_fn *answer,
                      void *context)
{
    struct try *try = &engine->tries[index];
    struct connect_answer found = {.probe = try->probe, .took_ns = took_ns(engine, try), .at = engine->now};
    int error = reap(try);

    if (error == EALREADY && (events & EPOLLERR) == 0) {
        return;
    }
    if (!examine(try, error, &found)) {
        try->dead = error != EALREADY;
        return;
    }
    release(engine, index);
    answer(context, &found);
}

static void hand_over_settled(struct connect_engine *engine, connect_answer_fn *answer, void *context)
{
    while (engine->settled_head != NOWHERE) {
        uint32_t index = engine->settled_head;
        struct try *try = &engine->tries[index];
        struct connect_answer found = {.probe = try->probe, .took_ns = took_ns(engine, try), .at = engine->now};
        engine->settled_head = try->next;
        if (!examine(try, try->error, &found)) {
            found.answer = PROBE_ICMP;
            found.reason = REASON_NET_UNREACH;
            found.local_errno = try->error;
        }
        release(engine, index);
        answer(context, &found);
    }
}

static struct timespec time_left(const struct connect_engine *engine, struct mono_time until)
{
    uint64_t ns = engine->settled_head != NOWHERE ? 0 : mono_elapsed_ns(mono_now(), until);
    struct timespec left;

    if (ns > UINT64_C(1000000000)) {
        ns = UINT64_C(1000000000);
    }
    left.tv_sec = (time_t)(ns / 1000000000);
    left.tv_nsec = (long)(ns % 1000000000);
    return left;
}

int connect_poll(struct connect_engine *engine, struct mono_time until, connect_answer_fn *answer, void *context)
{
    struct epoll_event events[EVENTS];
    struct timespec left = time_left(engine, until);
    int count = epoll_pwait2(engine->epoll_fd, events, EVENTS, &left, NULL);

    if (count < 0 && errno != EINTR) {
        return -errno;
    }
    engine->now = mono_now();
    hand_over_settled(engine, answer, context);
    for (int i = 0; i < count; i++) {
        /* Events of a try that is over may still be in hand, and then another may be in its place: it is asked, too. */
        const struct try *try = events[i].data.u64 != WAKE ? &engine->tries[events[i].data.u64] : NULL;
        if (try != NULL && try->busy && !try->settled && !try->dead) {
            hand_over(engine, (uint32_t)events[i].data.u64, events[i].events, answer, context);
        }
    }
    return 0;
}
