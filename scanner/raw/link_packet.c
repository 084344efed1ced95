#include "scanner/raw/link.h"
#include "scanner/raw/sendmany.h"
#include "scanner/raw/tap.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct link {
    struct tap *tap;
    char *interface;
    uint32_t ifindex;
    bool bypass;
    _Atomic uint64_t refusals;
    _Atomic uint64_t unsendable;
};

struct link_sender {
    struct link *link;
    struct sendmany many;
    int fd;
};

static int open_link(const struct link_options *options, bool bypass, struct link **ret_link, struct problem *problem)
{
    struct link *link = calloc(1, sizeof(*link));
    int rc;

    if (link == NULL || (link->interface = strdup(options->interface)) == NULL) {
        free(link);
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    link->ifindex = options->ifindex;
    link->bypass = bypass;
    rc = tap_open(options, LINK_ETHERNET, &link->tap, problem);
    if (rc < 0) {
        free(link->interface);
        free(link);
        return rc;
    }
    *ret_link = link;
    return 0;
}

static int packet_open(const struct link_options *options, struct link **ret_link, struct problem *problem)
{
    return open_link(options, false, ret_link, problem);
}

static int bypass_open(const struct link_options *options, struct link **ret_link, struct problem *problem)
{
    return open_link(options, true, ret_link, problem);
}

static void packet_close(struct link *link)
{
    tap_close(link->tap);
    free(link->interface);
    free(link);
}

static enum link_layer packet_layer(const struct link *link)
{
    (void)link;
    return LINK_ETHERNET;
}

static int prepare(struct link_sender *sender)
{
    static const int on = 1;
    /* Protocol 0: it receives nothing. */
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_ifindex = (int)sender->link->ifindex};

    if (sender->link->bypass && setsockopt(sender->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0) {
        return -errno;
    }
    if (bind(sender->fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        return -errno;
    }
    return sendmany_init(&sender->many, sender->fd);
}

/* SO_SNDBUF stays as it is: above 400 KB the bursts that it lets through overflow the backlog of a target on the same
 * machine (1,000 packets), and a third of them is gone. */
static int packet_sender_open(struct link *link, struct link_sender **ret_sender, struct problem *problem)
{
    struct link_sender *sender = calloc(1, sizeof(*sender));
    int rc;

    if (sender == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    sender->link = link;
    sender->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    rc = sender->fd < 0 ? -errno : prepare(sender);
    if (rc < 0) {
        rc = problem_set(problem, rc, "%s: opening a socket to send by: %s", link->interface, strerror(-rc));
        if (sender->fd >= 0) {
            close(sender->fd);
        }
        free(sender);
        return rc;
    }
    *ret_sender = sender;
    return 0;
}

static void packet_sender_close(struct link_sender *sender)
{
    close(sender->fd);
    free(sender);
}

/* A frame above the interface's MTU is lost, as IP sends it with its "don't fragment"; those behind it are not. */
static int packet_send(struct link_sender *sender, const struct iovec *frames, uint32_t count)
{
    int sent = sendmany(&sender->many, frames, NULL, count, &sender->link->refusals);

    if (sent == -EMSGSIZE) {
        sender->link->unsendable++;
        return 1;
    }
    return sent;
}

static int packet_receive(struct link *link, uint32_t most, link_take_fn *take, void *context)
{
    return tap_receive(link->tap, most, take, context);
}

static int packet_descriptor(const struct link *link)
{
    return tap_descriptor(link->tap);
}

static struct link_losses packet_losses(struct link *link)
{
    return (struct link_losses){.receive_drops = tap_drops(link->tap),
                                .send_refusals = link->refusals,
                                .unsendable = link->unsendable,
                                .unsendable_errno = link->unsendable > 0 ? EMSGSIZE : 0};
}

static size_t packet_ring_bytes(const struct link *link)
{
    return tap_bytes(link->tap);
}

const struct link_ops link_packet = {
    .name = "packet",
    .open = packet_open,
    .close = packet_close,
    .layer = packet_layer,
    .sender_open = packet_sender_open,
    .sender_close = packet_sender_close,
    .send = packet_send,
    .receive = packet_receive,
    .descriptor = packet_descriptor,
    .losses = packet_losses,
    .ring_bytes = packet_ring_bytes,
};

const struct link_ops link_packet_bypass = {
    .name = "packet-bypass",
    .open = bypass_open,
    .close = packet_close,
    .layer = packet_layer,
    .sender_open = packet_sender_open,
    .sender_close = packet_sender_close,
    .send = packet_send,
    .receive = packet_receive,
    .descriptor = packet_descriptor,
    .losses = packet_losses,
    .ring_bytes = packet_ring_bytes,
};
