#include "scanner/raw/link.h"

#include "tests/unit/scanner/raw/place.h"

#include <arpa/inet.h>
#include <cap-ng.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

enum { FRAME = 60, MARK = 50 };

/* An Ethernet frame with a SYN-ACK to port 61000, and a number of its own. */
static void make_frame(uint8_t frame[FRAME], uint32_t number)
{
    static const uint8_t head[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 6};

    memset(frame, 0, FRAME);
    memcpy(frame, head, sizeof(head));
    frame[36] = (uint8_t)(61000 >> 8);
    frame[37] = (uint8_t)61000;
    frame[47] = 0x12;
    memcpy(frame + MARK, &number, sizeof(number));
}

struct heard {
    uint32_t frames;
    uint32_t next;
    size_t length;
    bool in_order;
};

static void take(void *context, const struct link_frame *frame)
{
    struct heard *heard = context;
    uint32_t number;

    heard->frames++;
    heard->length = frame->length;
    assert_false(frame->truncated);
    if (frame->length == FRAME) {
        memcpy(&number, frame->bytes + MARK, sizeof(number));
        heard->in_order &= number == heard->next++;
    }
}

/* Until `frames` came, or for half a second nothing did. */
static struct heard listen_to(const struct link_ops *ops, struct link *link, uint32_t frames)
{
    struct heard heard = {.in_order = true};

    while (heard.frames < frames) {
        struct pollfd wait = {.fd = ops->descriptor(link), .events = POLLIN};
        if (poll(&wait, 1, 500) == 0) {
            break;
        }
        assert_int_equal(ops->receive(link, 7, take, &heard), 0);
    }
    return heard;
}

static const struct link_filter filter = {.first_port = 61000,
                                          .last_port = 61000,
                                          .ipv4 = true,
                                          .ipv6 = true,
                                          .tcp = true,
                                          .udp = true,
                                          .arp = true,
                                          .arp_ring = true};

static struct link *open_shared(const struct link_ops *ops, const char *interface, uint32_t ring_bytes,
                                uint32_t ring_shares)
{
    struct link_options options = {.interface = interface,
                                   .ifindex = if_nametoindex(interface),
                                   .filter = filter,
                                   .ring_bytes = ring_bytes,
                                   .ring_shares = ring_shares};
    struct problem problem = {0};
    struct link *link = NULL;

    if (ops->open(&options, &link, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    return link;
}

static struct link *open_on(const struct link_ops *ops, const char *interface, uint32_t ring_bytes)
{
    return open_shared(ops, interface, ring_bytes, 1);
}

static struct link_sender *sender_on(const struct link_ops *ops, struct link *link)
{
    struct problem problem = {0};
    struct link_sender *sender = NULL;

    if (ops->sender_open(link, &sender, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    return sender;
}

static void send_numbered(const struct link_ops *ops, struct link_sender *sender, uint32_t first, uint32_t count)
{
    uint8_t frames[64][FRAME];
    struct iovec parts[64];

    assert_in_range(count, 1, 64);
    for (uint32_t i = 0; i < count; i++) {
        make_frame(frames[i], first + i);
        parts[i] = (struct iovec){.iov_base = frames[i], .iov_len = FRAME};
    }
    assert_int_equal(ops->send(sender, parts, count), (int)count);
}

static void carries(const struct link_ops *ops)
{
    struct link *near = open_on(ops, "near", 0);
    struct link *far = open_on(ops, "far", 0);
    struct link_sender *sender = sender_on(ops, near);
    struct heard heard;

    assert_int_equal(ops->layer(near), LINK_ETHERNET);
    for (uint32_t i = 0; i < 100; i++) {
        send_numbered(ops, sender, i * 64, 64);
    }
    heard = listen_to(ops, far, 6400);
    assert_int_equal(heard.frames, 6400);
    assert_int_equal(heard.length, FRAME);
    assert_true(heard.in_order);
    assert_int_equal(ops->losses(far).receive_drops, 0);
    assert_int_equal(ops->losses(near).send_refusals, 0);
    assert_true(ops->ring_bytes(near) > 0);
    /* It does not hear itself. */
    assert_int_equal(listen_to(ops, near, 1).frames, 0);
    ops->sender_close(sender);
    ops->close(near);
    ops->close(far);
}

static void packets_arrive_whole_and_in_order(void **state)
{
    (void)state;
    carries(&link_packet);
    carries(&link_packet_bypass);
}

static void what_the_ring_cannot_hold_is_counted(void **state)
{
    struct link *near = open_on(&link_packet, "near", 0);
    struct link *far = open_on(&link_packet, "far", 1);
    struct link_sender *sender = sender_on(&link_packet, near);
    struct heard heard = {.in_order = true};
    uint64_t drops;
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        send_numbered(&link_packet, sender, 0, 64);
    }
    drops = link_packet.losses(far).receive_drops;
    heard = listen_to(&link_packet, far, 12800);
    assert_true(drops > 0);
    assert_int_equal(heard.frames + drops, 12800);
    assert_int_equal(link_packet.losses(far).receive_drops, drops);
    link_packet.sender_close(sender);
    link_packet.close(near);
    link_packet.close(far);
}

/* A block with a single frame in it is handed over too, when it is old: a reader that is kept from reading for a while
 * needs many of them, however small its ring is. */
static void a_small_ring_bears_a_late_reader(void **state)
{
    static const struct timespec older_than_a_block = {.tv_nsec = 6 * 1000 * 1000};
    struct link *near = open_on(&link_packet, "near", 0);
    struct link *far = open_on(&link_packet, "far", 512 * 1024);
    struct link_sender *sender = sender_on(&link_packet, near);
    (void)state;
    for (uint32_t i = 0; i < 20; i++) {
        send_numbered(&link_packet, sender, i, 1);
        nanosleep(&older_than_a_block, NULL);
    }
    assert_int_equal(listen_to(&link_packet, far, 20).frames, 20);
    assert_int_equal(link_packet.losses(far).receive_drops, 0);
    link_packet.sender_close(sender);
    link_packet.close(near);
    link_packet.close(far);
}

/* What one processor takes in finds room in the others' shares: 5,000 of these frames need more than half. */
static void shares_are_room_for_whoever_needs_it(void **state)
{
    enum { SHARED = 1024 * 1024, FRAMES = 5056 };
    struct link *near = open_on(&link_packet, "near", 0);
    struct link *far = open_shared(&link_packet, "far", SHARED, 2);
    struct link *whole = open_on(&link_packet, "far", SHARED);
    struct link_sender *sender = sender_on(&link_packet, near);
    cpu_set_t before;
    cpu_set_t one;
    (void)state;
    assert_int_equal(link_packet.ring_bytes(far), link_packet.ring_bytes(whole));
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    for (uint32_t i = 0; i < FRAMES / 64; i++) {
        send_numbered(&link_packet, sender, i * 64, 64);
    }
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(listen_to(&link_packet, far, FRAMES + 1).frames, FRAMES);
    assert_int_equal(link_packet.losses(far).receive_drops, 0);
    link_packet.sender_close(sender);
    link_packet.close(near);
    link_packet.close(far);
    link_packet.close(whole);
}

/* Each of them goes to one share, whichever processor it came in by. */
static void shares_hear_each_frame_once(void **state)
{
    enum { ROUNDS = 20 };
    struct link *near = open_on(&link_packet, "near", 0);
    struct link *far = open_shared(&link_packet, "far", 0, 3);
    struct link_sender *sender = sender_on(&link_packet, near);
    cpu_set_t before;
    uint32_t sent = 0;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    for (int i = 0; i < ROUNDS; i++) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            if (CPU_ISSET(cpu, &before) && sched_setaffinity(0, sizeof(one), &one) == 0) {
                send_numbered(&link_packet, sender, sent, 64);
                sent += 64;
            }
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(listen_to(&link_packet, far, sent + 1).frames, sent);
    assert_int_equal(link_packet.losses(far).receive_drops, 0);
    link_packet.sender_close(sender);
    link_packet.close(near);
    link_packet.close(far);
}

static void an_interface_that_goes_down_is_an_error(void **state)
{
    struct link *near = open_on(&link_packet, "near", 0);
    struct link_sender *sender = sender_on(&link_packet, near);
    uint8_t frame[FRAME];
    struct iovec part = {.iov_base = frame, .iov_len = FRAME};
    struct heard heard = {0};
    (void)state;
    make_frame(frame, 0);
    assert_true(place_ip("link set near down"));
    assert_int_equal(link_packet.receive(near, 7, take, &heard), -ENETDOWN);
    assert_int_equal(link_packet.send(sender, &part, 1), -ENETDOWN);
    assert_true(place_ip("link set near up"));
    link_packet.sender_close(sender);
    link_packet.close(near);
}

static struct link *open_few(const struct link_ops *ops, const char *interface, uint32_t answers)
{
    struct link_options options = {
        .interface = interface, .ifindex = if_nametoindex(interface), .filter = filter, .answers = answers};
    struct problem problem = {0};
    struct link *link = NULL;

    options.filter.arp_ring = false;
    if (ops->open(&options, &link, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    return link;
}

/* Whether the bound of a socket's queue (net.core.rmem_max) may be lifted. */
static void may_administer(bool may)
{
    capng_get_caps_process();
    capng_update(may ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE, CAP_NET_ADMIN);
    assert_int_equal(capng_apply(CAPNG_SELECT_CAPS), 0);
}

/* So many that a socket with the bound holds a third of them. */
static uint32_t more_than_a_queue_holds(void)
{
    char line[32] = "";
    FILE *file = fopen("/proc/sys/net/core/rmem_max", "re");
    unsigned long bound;

    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    fclose(file);
    bound = strtoul(line, NULL, 10);
    assert_in_range(bound, 1024, 64 * 1024 * 1024);
    return (uint32_t)bound / 512 * 3 / 64 * 64;
}

/* In one queue without a bound, and in many with it. */
static void few_answers_need_no_ring(void **state)
{
    const uint32_t frames = more_than_a_queue_holds();

    (void)state;
    for (int bound = 0; bound < 2; bound++) {
        struct link *near = open_on(&link_packet, "near", 0);
        struct link_sender *sender = sender_on(&link_packet, near);
        struct link *far;
        struct heard heard;
        may_administer(bound == 0);
        far = open_few(&link_packet, "far", frames);
        may_administer(true);
        assert_int_equal(link_packet.ring_bytes(far), 0);
        for (uint32_t i = 0; i < frames; i += 64) {
            send_numbered(&link_packet, sender, i, 64);
        }
        heard = listen_to(&link_packet, far, frames + 1);
        assert_int_equal(heard.frames, frames);
        assert_true(heard.in_order || bound == 1);
        assert_int_equal(link_packet.losses(far).receive_drops, 0);
        link_packet.sender_close(sender);
        link_packet.close(near);
        link_packet.close(far);
    }
}

static void what_a_queue_cannot_hold_is_counted(void **state)
{
    enum { FRAMES = 6400 };
    struct link *near = open_on(&link_packet, "near", 0);
    struct link *far = open_few(&link_packet, "far", 64);
    struct link_sender *sender = sender_on(&link_packet, near);
    uint64_t drops;

    (void)state;
    for (uint32_t i = 0; i < FRAMES; i += 64) {
        send_numbered(&link_packet, sender, i, 64);
    }
    drops = link_packet.losses(far).receive_drops;
    assert_true(drops > 0);
    assert_int_equal(listen_to(&link_packet, far, FRAMES).frames + drops, FRAMES);
    assert_int_equal(link_packet.losses(far).receive_drops, drops);
    link_packet.sender_close(sender);
    link_packet.close(near);
    link_packet.close(far);
}

static void what_no_queues_hold_has_a_ring(void **state)
{
    struct link *link;

    (void)state;
    may_administer(false);
    link = open_few(&link_packet, "far", 4 * 1000 * 1000);
    may_administer(true);
    assert_true(link_packet.ring_bytes(link) > 0);
    link_packet.close(link);
}

static void a_queue_notices_that_its_interface_goes_down(void **state)
{
    struct link *near = open_few(&link_packet, "near", 64);
    struct heard heard = {0};

    (void)state;
    assert_int_equal(link_packet.ring_bytes(near), 0);
    assert_true(place_ip("link set near down"));
    assert_int_equal(link_packet.receive(near, 7, take, &heard), -ENETDOWN);
    assert_true(place_ip("link set near up"));
    link_packet.close(near);
}

/* A whole IPv4 or IPv6 packet that the other side of the raw socket takes for an answer. */
static size_t make_packet(uint8_t packet[FRAME], bool is_ipv6)
{
    static const uint8_t four[] = {0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1};
    static const uint8_t six[40] = {0x60, 0, 0, 0, 0, 20, 6, 64, [23] = 1, [39] = 1};
    size_t head = is_ipv6 ? sizeof(six) : sizeof(four);

    memset(packet, 0, FRAME);
    memcpy(packet, is_ipv6 ? six : four, head);
    packet[head + 2] = (uint8_t)(61000 >> 8);
    packet[head + 3] = (uint8_t)61000;
    packet[head + 12] = 0x50;
    packet[head + 13] = 0x04;
    return head + 20;
}

static void raw_ip_over_loopback(void **state)
{
    struct link *link = open_on(&link_ip, "lo", 0);
    struct link_sender *sender = sender_on(&link_ip, link);
    uint8_t packets[4][FRAME];
    struct iovec parts[4];
    struct heard heard;
    (void)state;
    assert_int_equal(link_ip.layer(link), LINK_IP);
    for (size_t i = 0; i < 4; i++) {
        parts[i] = (struct iovec){.iov_base = packets[i], .iov_len = make_packet(packets[i], i % 2 == 1)};
    }
    assert_int_equal(link_ip.send(sender, parts, 4), 4);
    heard = listen_to(&link_ip, link, 4);
    assert_int_equal(heard.frames, 4);
    assert_int_equal(link_ip.losses(link).unsendable, 0);
    link_ip.sender_close(sender);
    link_ip.close(link);
}

/* An own address belongs to another interface, and leaves by loopback all the same. */
static void own_addresses_are_reached_by_loopback(void **state)
{
    struct link *link = open_on(&link_ip, "lo", 0);
    struct link_sender *sender = sender_on(&link_ip, link);
    uint8_t packet[FRAME];
    struct iovec part = {.iov_base = packet};
    (void)state;
    assert_true(place_ip("addr add 10.88.0.1/24 dev near"));
    part.iov_len = make_packet(packet, false);
    memcpy(packet + 12, (const uint8_t[]){10, 88, 0, 1, 10, 88, 0, 1}, 8);
    assert_int_equal(link_ip.send(sender, &part, 1), 1);
    assert_int_equal(listen_to(&link_ip, link, 1).frames, 1);
    assert_int_equal(link_ip.losses(link).unsendable, 0);
    link_ip.sender_close(sender);
    link_ip.close(link);
}

/* One that cannot leave holds up none of the others. */
static void an_unsendable_packet_is_counted_and_passed_over(void **state)
{
    struct link *link = open_on(&link_ip, "lo", 0);
    struct link_sender *sender = sender_on(&link_ip, link);
    static uint8_t packets[3][70000];
    struct iovec parts[3];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        parts[i] = (struct iovec){.iov_base = packets[i], .iov_len = make_packet(packets[i], false)};
    }
    parts[1].iov_len = sizeof(packets[1]); /* longer than an IPv4 packet can be */
    assert_int_equal(link_ip.send(sender, parts, 3), 3);
    assert_int_equal(listen_to(&link_ip, link, 2).frames, 2);
    assert_int_equal(link_ip.losses(link).unsendable, 1);
    assert_int_equal(link_ip.losses(link).unsendable_errno, EMSGSIZE);
    link_ip.sender_close(sender);
    link_ip.close(link);
}

static void a_missing_interface_is_named(void **state)
{
    struct link_options options = {.interface = "none0", .ifindex = 4711, .filter = filter};
    struct problem problem = {0};
    struct link *link = NULL;
    (void)state;
    assert_true(link_packet.open(&options, &link, &problem) < 0);
    assert_non_null(strstr(problem.text, "none0"));
    assert_null(link);
}

static int make_place(void **state)
{
    (void)state;
    /* No IPv6 on the cable: its own neighbour discovery would be heard. */
    return place_ip("link set lo up") && place_ip("link add near type veth peer name far") &&
                   place_write("/proc/sys/net/ipv6/conf/near/disable_ipv6", "1") &&
                   place_write("/proc/sys/net/ipv6/conf/far/disable_ipv6", "1") && place_ip("link set near up") &&
                   place_ip("link set far up")
               ? 0
               : -1;
}

static void without_namespaces(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_arrive_whole_and_in_order),
        cmocka_unit_test(what_the_ring_cannot_hold_is_counted),
        cmocka_unit_test(a_small_ring_bears_a_late_reader),
        cmocka_unit_test(shares_are_room_for_whoever_needs_it),
        cmocka_unit_test(shares_hear_each_frame_once),
        cmocka_unit_test(an_interface_that_goes_down_is_an_error),
        cmocka_unit_test(few_answers_need_no_ring),
        cmocka_unit_test(what_a_queue_cannot_hold_is_counted),
        cmocka_unit_test(what_no_queues_hold_has_a_ring),
        cmocka_unit_test(a_queue_notices_that_its_interface_goes_down),
        cmocka_unit_test(raw_ip_over_loopback),
        cmocka_unit_test(own_addresses_are_reached_by_loopback),
        cmocka_unit_test(an_unsendable_packet_is_counted_and_passed_over),
        cmocka_unit_test(a_missing_interface_is_named),
    };
    const struct CMUnitTest none[] = {cmocka_unit_test(without_namespaces)};

    return place_enter() ? cmocka_run_group_tests_name("link", tests, make_place, NULL)
                         : cmocka_run_group_tests_name("link (no network namespace can be made)", none, NULL, NULL);
}
