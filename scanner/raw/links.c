#include "scanner/raw/links.h"

#include "scanner/raw/allowance.h"
#include "scanner/raw/ear.h"
#include "scanner/raw/together.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { WAKERS_MAX = 4, CLOSINGS_MAX = 32, EARS = 2 };

struct entry {
    const struct link_ops *ops;
    struct link *link;
    struct link_sender **senders;
    uint32_t sender_count;
    struct ear *ears[EARS]; /* of ARP and neighbour discovery; NULL: the link hears them itself, or there are none */
    struct allowance *allowance; /* NULL: the interface has no such counters */
    uint32_t ifindex;
    char interface[ROUTE_NAME];
};

struct links {
    struct links_options options;
    struct entry entries[LINKS_MAX];
    uint32_t count;
};

struct receiver {
    links_take_fn *take;
    void *context;
    uint32_t number;
};

static const struct link_ops *const drivers[] = {&link_packet, &link_packet_bypass, &link_ip, &link_pcap};

static const struct link_ops *find_driver(const char *name)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(struct link_ops *); i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            return drivers[i];
        }
    }
    return NULL;
}

bool links_has_driver(const char *name)
{
    return find_driver(name) != NULL;
}

const char *links_driver_names(void)
{
    return "packet, packet-bypass, ip, pcap";
}

int links_create(const struct links_options *options, struct links **ret_links, struct problem *problem)
{
    struct links *links;

    if (options->driver != NULL && !links_has_driver(options->driver)) {
        return problem_set(problem, -EINVAL, "there is no link driver \"%s\": %s", options->driver,
                           links_driver_names());
    }
    links = calloc(1, sizeof(*links));
    if (links == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    links->options = *options;
    *ret_links = links;
    return 0;
}

/* Something to close: a packet socket's end waits for the kernel's readers (RCU), some 10 ms, and a ring's twice; side
 * by side all of them wait once. */
struct closing {
    const struct link_ops *ops;
    struct link_sender *sender; /* NULL: the ear … */
    struct ear *ear;            /* NULL: the link itself */
    struct link *link;
};

static void close_one(void *thing)
{
    const struct closing *closing = thing;

    if (closing->sender != NULL) {
        closing->ops->sender_close(closing->sender);
    } else if (closing->ear != NULL) {
        ear_close(closing->ear);
    } else {
        closing->ops->close(closing->link);
    }
}

static void close_together(struct closing *closings, uint32_t count)
{
    together(close_one, closings, sizeof(*closings), count);
}

static void add_closing(struct closing *closings, uint32_t *used, const struct closing *closing)
{
    if (*used == CLOSINGS_MAX) {
        close_together(closings, *used);
        *used = 0;
    }
    closings[(*used)++] = *closing;
}

/* A link after its senders, which belong to it. */
static void close_entries(struct entry *entries, uint32_t count)
{
    struct closing closings[CLOSINGS_MAX];
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        allowance_close(entries[i].allowance);
        for (uint32_t sender = 0; sender < entries[i].sender_count; sender++) {
            add_closing(closings, &used,
                        &(struct closing){.ops = entries[i].ops, .sender = entries[i].senders[sender]});
        }
        free(entries[i].senders);
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t ear = 0; ear < EARS; ear++) {
            if (entries[i].ears[ear] != NULL) {
                add_closing(closings, &used, &(struct closing){.ear = entries[i].ears[ear]});
            }
        }
        if (entries[i].link != NULL) {
            add_closing(closings, &used, &(struct closing){.ops = entries[i].ops, .link = entries[i].link});
        }
    }
    close_together(closings, used);
    memset(entries, 0, count * sizeof(*entries));
}

void links_destroy(struct links *links)
{
    if (links == NULL) {
        return;
    }
    close_entries(links->entries, links->count);
    free(links);
}

int links_find(const struct links *links, uint32_t ifindex, uint32_t *ret_number)
{
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->entries[i].ifindex == ifindex) {
            *ret_number = i;
            return 0;
        }
    }
    return -ENOENT;
}

/* Bypassing the queueing discipline gains nothing by itself, and takes the machine's own shaping out of the way, so it
 * is chosen only when asked for. */
static const struct link_ops *choose(const struct links *links, const struct route *route, const char **ret_reason,
                                     struct problem *problem)
{
    const struct link_ops *forced = links->options.driver != NULL ? find_driver(links->options.driver) : NULL;

    if (forced == NULL) {
        *ret_reason = route->layer == LINK_ETHERNET ? "Ethernet: whole frames, by sendmmsg and a receive ring"
                                                    : "no Ethernet with ARP: the kernel sees to what is under IP";
        return route->layer == LINK_ETHERNET ? &link_packet : &link_ip;
    }
    *ret_reason = "asked for by --link";
    if ((forced == &link_packet || forced == &link_packet_bypass) && route->layer != LINK_ETHERNET) {
        problem_write(problem, "%s is no Ethernet with ARP: --link %s does not work there, \"ip\" does",
                      route->interface, forced->name);
        return NULL;
    }
    return forced;
}

static int open_senders(const struct links *links, struct entry *entry, struct problem *problem)
{
    entry->senders = calloc(links->options.senders, sizeof(struct link_sender *));
    if (entry->senders == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    while (entry->sender_count < links->options.senders) {
        int rc = entry->ops->sender_open(entry->link, &entry->senders[entry->sender_count], problem);
        if (rc < 0) {
            return rc;
        }
        entry->sender_count++;
    }
    return 0;
}

/* An IPv4 route may have a gateway by IPv6 (RFC 5549). */
static int open_ears(const struct link_options *options, struct entry *entry, struct problem *problem)
{
    const struct link_filter *filter = &options->filter;
    int rc = 0;

    if (!filter->arp || !filter->ipv4 || entry->ops->layer(entry->link) != LINK_ETHERNET) {
        return 0;
    }
    if (!filter->arp_ring) {
        rc = ear_open(options->interface, options->ifindex, ETH_P_ARP, &entry->ears[0], problem);
    }
    if (rc == 0 && !filter->ipv6) {
        rc = ear_open(options->interface, options->ifindex, ETH_P_IPV6, &entry->ears[1], problem);
    }
    return rc;
}

int links_open(struct links *links, const struct route *route, uint32_t *ret_number, struct problem *problem)
{
    struct link_options options = {.interface = route->interface,
                                   .ifindex = route->ifindex,
                                   .filter = links->options.filter,
                                   .ring_bytes = links->options.ring_bytes,
                                   .ring_shares = links->options.ring_shares,
                                   .answers = links->options.answers,
                                   .record = links->options.record,
                                   .replay = links->options.replay};
    struct entry *entry = &links->entries[links->count];
    const char *reason;
    int rc;

    if (links_find(links, route->ifindex, ret_number) == 0) {
        return 0;
    }
    if (links->count == LINKS_MAX) {
        return problem_set(problem, -E2BIG, "the targets are reached by more than %d interfaces", LINKS_MAX);
    }
    entry->ops = choose(links, route, &reason, problem);
    if (entry->ops == NULL) {
        return -EINVAL;
    }
    rc = entry->ops->open(&options, &entry->link, problem);
    if (rc == 0) {
        rc = open_senders(links, entry, problem);
    }
    if (rc == 0) {
        rc = open_ears(&options, entry, problem);
    }
    if (rc < 0) {
        close_entries(entry, 1);
        return rc;
    }
    if (allowance_open(&(struct allowance_options){.interface = route->interface}, &entry->allowance) < 0) {
        entry->allowance = NULL;
    }
    entry->ifindex = route->ifindex;
    memcpy(entry->interface, route->interface, sizeof(entry->interface));
    if (links->options.opened != NULL) {
        links->options.opened(links->options.context, entry->interface, entry->ops->name, reason,
                              entry->ops->ring_bytes(entry->link));
    }
    *ret_number = links->count++;
    return 0;
}

enum link_layer links_layer(const struct links *links, uint32_t number)
{
    return links->entries[number].ops->layer(links->entries[number].link);
}

const char *links_interface(const struct links *links, uint32_t number)
{
    return links->entries[number].interface;
}

int links_send(struct links *links, uint32_t number, uint32_t sender, const struct iovec *frames, uint32_t count)
{
    struct entry *entry = &links->entries[number];

    return entry->ops->send(entry->senders[sender], frames, count);
}

static void take_from(void *context, const struct link_frame *frame)
{
    const struct receiver *receiver = context;

    receiver->take(receiver->context, receiver->number, frame);
}

int links_receive(struct links *links, uint32_t most, links_take_fn *take, void *context, uint32_t *ret_number)
{
    for (uint32_t i = 0; i < links->count; i++) {
        struct receiver receiver = {.take = take, .context = context, .number = i};
        int rc = links->entries[i].ops->receive(links->entries[i].link, most, take_from, &receiver);
        if (rc < 0) {
            *ret_number = i;
            return rc;
        }
    }
    return 0;
}

void links_hear(struct links *links, links_take_fn *take, void *context)
{
    for (uint32_t i = 0; i < links->count; i++) {
        struct receiver receiver = {.take = take, .context = context, .number = i};
        for (uint32_t ear = 0; ear < EARS; ear++) {
            if (links->entries[i].ears[ear] != NULL) {
                ear_receive(links->entries[i].ears[ear], take_from, &receiver);
            }
        }
    }
}

static void wait_for(struct pollfd *waits, nfds_t count, struct mono_time until, const int *fds, size_t fd_count)
{
    uint64_t left_ns = mono_elapsed_ns(mono_now(), until);
    struct timespec left = {.tv_sec = (time_t)(left_ns / 1000000000), .tv_nsec = (long)(left_ns % 1000000000)};

    assert(fd_count <= WAKERS_MAX);
    for (size_t i = 0; i < fd_count; i++) {
        waits[count++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    /* A signal ends the wait early, and that is all. */
    (void)ppoll(waits, count, &left, NULL);
}

void links_wait(const struct links *links, struct mono_time until, const int *fds, size_t fd_count)
{
    struct pollfd waits[LINKS_MAX + WAKERS_MAX];
    nfds_t count = 0;

    for (uint32_t i = 0; i < links->count; i++) {
        waits[count++] =
            (struct pollfd){.fd = links->entries[i].ops->descriptor(links->entries[i].link), .events = POLLIN};
    }
    wait_for(waits, count, until, fds, fd_count);
}

void links_nap(struct mono_time until, const int *fds, size_t fd_count)
{
    struct pollfd waits[WAKERS_MAX];

    wait_for(waits, 0, until, fds, fd_count);
}

struct link_losses links_losses(struct links *links)
{
    struct link_losses sum = {0};

    for (uint32_t i = 0; i < links->count; i++) {
        struct link_losses losses = links->entries[i].ops->losses(links->entries[i].link);
        sum.receive_drops += losses.receive_drops;
        sum.send_refusals += losses.send_refusals;
        sum.unsendable += losses.unsendable;
        sum.unsendable_errno = losses.unsendable_errno != 0 ? losses.unsendable_errno : sum.unsendable_errno;
    }
    return sum;
}

uint64_t links_allowance_exceeded(struct links *links, const char **ret_name)
{
    uint64_t sum = 0;

    *ret_name = NULL;
    for (uint32_t i = 0; i < links->count; i++) {
        const char *name;
        if (links->entries[i].allowance != NULL) {
            sum += allowance_exceeded(links->entries[i].allowance, &name);
            *ret_name = name != NULL ? name : *ret_name;
        }
    }
    return sum;
}
