/* Where there is no Ethernet: loopback, tun, WireGuard. Whole IP packets leave by raw(7) sockets, and the kernel sees
 * to what is under them; its own routing is held to the one interface. */
#include "scanner/raw/link.h"
#include "scanner/raw/sendmany.h"
#include "scanner/raw/tap.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IPV4_HEADER = 20, IPV4_DESTINATION = 16, IPV6_HEADER = 40, IPV6_DESTINATION = 24 };

struct link {
    struct tap *tap;
    char *interface;
    uint32_t ifindex;
    bool loopback;
    bool ipv4;
    bool ipv6;
    _Atomic uint64_t refusals;
    _Atomic uint64_t unsendable;
    _Atomic int unsendable_errno;
};

struct link_sender {
    struct link *link;
    struct sendmany ipv4;
    struct sendmany ipv6;
    struct sendmany_name names[SENDMANY_BATCH];
    int ipv4_fd;
    int ipv6_fd;
};

static int ip_open(const struct link_options *options, struct link **ret_link, struct problem *problem)
{
    struct link *link = calloc(1, sizeof(*link));
    int rc;

    if (link == NULL || (link->interface = strdup(options->interface)) == NULL) {
        free(link);
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    link->ifindex = options->ifindex;
    link->ipv4 = options->filter.ipv4;
    link->ipv6 = options->filter.ipv6;
    rc = tap_open(options, LINK_IP, &link->tap, problem);
    if (rc < 0) {
        free(link->interface);
        free(link);
        return rc;
    }
    *ret_link = link;
    return 0;
}

static void ip_close(struct link *link)
{
    tap_close(link->tap);
    free(link->interface);
    free(link);
}

static enum link_layer ip_layer(const struct link *link)
{
    (void)link;
    return LINK_IP;
}

static bool is_loopback(int fd, const char *interface)
{
    struct ifreq request = {0};

    memcpy(request.ifr_name, interface, strnlen(interface, IFNAMSIZ - 1));
    return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_LOOPBACK) != 0;
}

/* IPPROTO_RAW: the header is in the data, for IPv6 too, and nothing is received. What goes by loopback is not bound to
 * it: this machine's own addresses belong to other interfaces, and their routes would not be found. */
static int raw_socket(struct link *link, int family, struct sendmany *many)
{
    int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    int rc = 0;

    if (fd < 0) {
        return -errno;
    }
    link->loopback = is_loopback(fd, link->interface);
    if (!link->loopback &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link->interface, (socklen_t)strlen(link->interface)) < 0) {
        rc = -errno;
    }
    if (rc == 0) {
        rc = sendmany_init(many, fd);
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

static void ip_sender_close(struct link_sender *sender)
{
    if (sender->ipv4_fd >= 0) {
        close(sender->ipv4_fd);
    }
    if (sender->ipv6_fd >= 0) {
        close(sender->ipv6_fd);
    }
    free(sender);
}

static int ip_sender_open(struct link *link, struct link_sender **ret_sender, struct problem *problem)
{
    struct link_sender *sender = calloc(1, sizeof(*sender));
    int rc = 0;

    if (sender == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    sender->link = link;
    sender->ipv4_fd = -1;
    sender->ipv6_fd = -1;
    if (link->ipv4) {
        sender->ipv4_fd = raw_socket(link, AF_INET, &sender->ipv4);
        rc = sender->ipv4_fd < 0 ? sender->ipv4_fd : 0;
    }
    if (rc == 0 && link->ipv6) {
        sender->ipv6_fd = raw_socket(link, AF_INET6, &sender->ipv6);
        rc = sender->ipv6_fd < 0 ? sender->ipv6_fd : 0;
    }
    if (rc < 0) {
        ip_sender_close(sender);
        return problem_set(problem, rc, "%s: opening a raw socket to send by: %s", link->interface, strerror(-rc));
    }
    *ret_sender = sender;
    return 0;
}

static bool is_ipv6(const struct iovec *frame)
{
    const uint8_t *bytes = frame->iov_base;

    return frame->iov_len >= IPV6_HEADER && bytes[0] >> 4 == 6;
}

static void name_ipv4(const struct iovec *frame, struct sendmany_name *name)
{
    struct sockaddr_in sockaddr = {.sin_family = AF_INET};

    memcpy(&sockaddr.sin_addr, (const uint8_t *)frame->iov_base + IPV4_DESTINATION, sizeof(sockaddr.sin_addr));
    memcpy(&name->sockaddr, &sockaddr, sizeof(sockaddr));
    name->length = sizeof(sockaddr);
}

static void name_ipv6(const struct link *link, const struct iovec *frame, struct sendmany_name *name)
{
    struct sockaddr_in6 sockaddr = {.sin6_family = AF_INET6};

    memcpy(&sockaddr.sin6_addr, (const uint8_t *)frame->iov_base + IPV6_DESTINATION, sizeof(sockaddr.sin6_addr));
    if (IN6_IS_ADDR_LINKLOCAL(&sockaddr.sin6_addr) && !link->loopback) {
        sockaddr.sin6_scope_id = link->ifindex;
    }
    memcpy(&name->sockaddr, &sockaddr, sizeof(sockaddr));
    name->length = sizeof(sockaddr);
}

/* How many frames from the first on are of its version. */
static uint32_t run_of(const struct iovec *frames, uint32_t count)
{
    uint32_t run = 1;

    while (run < count && is_ipv6(&frames[run]) == is_ipv6(&frames[0])) {
        run++;
    }
    return run;
}

/* Of one packet, not of the socket: this machine's own firewall or routing refuses it. */
static bool is_unsendable(int error)
{
    return error == EPERM || error == EACCES || error == EHOSTUNREACH || error == ENETUNREACH || error == EMSGSIZE ||
           error == EINVAL;
}

static int send_run(struct link_sender *sender, const struct iovec *frames, uint32_t count)
{
    struct link *link = sender->link;
    bool six = is_ipv6(frames);
    int sent;

    for (uint32_t i = 0; i < count; i++) {
        if (six) {
            name_ipv6(link, &frames[i], &sender->names[i]);
        } else {
            name_ipv4(&frames[i], &sender->names[i]);
        }
    }
    sent = sendmany(six ? &sender->ipv6 : &sender->ipv4, frames, sender->names, count, &link->refusals);
    if (sent < 0 && is_unsendable(-sent)) {
        link->unsendable++;
        link->unsendable_errno = -sent;
        return 1;
    }
    return sent;
}

static int ip_send(struct link_sender *sender, const struct iovec *frames, uint32_t count)
{
    uint32_t done = 0;

    while (done < count) {
        int sent = send_run(sender, frames + done, run_of(frames + done, count - done));
        if (sent < 0) {
            return done > 0 ? (int)done : sent;
        }
        if (sent == 0) {
            break;
        }
        done += (uint32_t)sent;
    }
    return (int)done;
}

static int ip_receive(struct link *link, uint32_t most, link_take_fn *take, void *context)
{
    return tap_receive(link->tap, most, take, context);
}

static int ip_descriptor(const struct link *link)
{
    return tap_descriptor(link->tap);
}

static struct link_losses ip_losses(struct link *link)
{
    return (struct link_losses){.receive_drops = tap_drops(link->tap),
                                .send_refusals = link->refusals,
                                .unsendable = link->unsendable,
                                .unsendable_errno = link->unsendable_errno};
}

static size_t ip_ring_bytes(const struct link *link)
{
    return tap_bytes(link->tap);
}

const struct link_ops link_ip = {
    .name = "ip",
    .open = ip_open,
    .close = ip_close,
    .layer = ip_layer,
    .sender_open = ip_sender_open,
    .sender_close = ip_sender_close,
    .send = ip_send,
    .receive = ip_receive,
    .descriptor = ip_descriptor,
    .losses = ip_losses,
    .ring_bytes = ip_ring_bytes,
};
