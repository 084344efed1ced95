#include "scanner/raw/ingress.h"

#include "tests/unit/scanner/raw/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

enum { FIRST = 61000, LAST = 61031, RST_ACK = 0x14, SYN_ACK = 0x12, PASSES = -1, ENDS = 2 };

static bool entered;
static bool permitted;

struct frame {
    uint8_t bytes[128];
    size_t length;
};

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static struct frame ipv4(const char *to, uint16_t port, uint8_t flags)
{
    struct frame frame = {.length = 54};
    uint8_t *ip = frame.bytes + 14;

    put16(frame.bytes + 12, ETHERTYPE_IP);
    ip[0] = 0x45;
    put16(ip + 2, 40);
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    assert_int_equal(inet_pton(AF_INET, "10.9.0.2", ip + 12), 1);
    assert_int_equal(inet_pton(AF_INET, to, ip + 16), 1);
    put16(ip + 20 + 2, port);
    ip[20 + 12] = 0x50;
    ip[20 + 13] = flags;
    return frame;
}

static struct frame ipv6(const char *to, uint16_t port, uint8_t flags)
{
    struct frame frame = {.length = 74};
    uint8_t *ip = frame.bytes + 14;

    put16(frame.bytes + 12, ETHERTYPE_IPV6);
    ip[0] = 0x60;
    put16(ip + 4, 20);
    ip[6] = IPPROTO_TCP;
    assert_int_equal(inet_pton(AF_INET6, to, ip + 24), 1);
    put16(ip + 40 + 2, port);
    ip[40 + 12] = 0x50;
    ip[40 + 13] = flags;
    return frame;
}

static int load(const char *const *own, size_t count)
{
    struct bpf_insn program[INGRESS_MAX];
    struct addr addrs[INGRESS_ADDRS_MAX];
    union bpf_attr attributes;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(addr_parse(own[i], &addrs[i]), 0);
    }
    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attributes.insns = (uint64_t)(uintptr_t)program;
    attributes.insn_cnt = (uint32_t)ingress_build(FIRST, LAST, addrs, count, program);
    attributes.license = (uint64_t)(uintptr_t) "";
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

/* The kernel itself judges. */
static int verdict(int program, const struct frame *frame)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof(attributes));
    attributes.test.prog_fd = (uint32_t)program;
    attributes.test.data_in = (uint64_t)(uintptr_t)frame->bytes;
    attributes.test.data_size_in = (uint32_t)frame->length;
    assert_int_equal(syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)), 0);
    return (int)attributes.test.retval;
}

static int verdict_on(int program, struct frame frame)
{
    return verdict(program, &frame);
}

static void only_resets_to_our_ports_end(void **state)
{
    static const char *const own[] = {"10.9.0.1", "fd00::1", "10.9.0.7", "fd00::7:1"};
    struct frame frame;
    int program;
    (void)state;
    if (!permitted) {
        skip();
    }
    program = load(own, 4);
    assert_true(program >= 0);
    for (int flags = 0; flags < 256; flags++) {
        int wanted = (flags & 0x04) != 0 ? ENDS : PASSES;
        assert_int_equal(verdict_on(program, ipv4("10.9.0.1", FIRST, (uint8_t)flags)), wanted);
        assert_int_equal(verdict_on(program, ipv6("fd00::7:1", LAST, (uint8_t)flags)), wanted);
    }
    assert_int_equal(verdict_on(program, ipv4("10.9.0.7", LAST, RST_ACK)), ENDS);
    assert_int_equal(verdict_on(program, ipv6("fd00::1", FIRST, RST_ACK)), ENDS);
    for (uint32_t port = 0; port <= UINT16_MAX; port += port < FIRST - 2 || port > LAST + 2 ? 97 : 1) {
        int wanted = port >= FIRST && port <= LAST ? ENDS : PASSES;
        assert_int_equal(verdict_on(program, ipv4("10.9.0.1", (uint16_t)port, RST_ACK)), wanted);
        assert_int_equal(verdict_on(program, ipv6("fd00::1", (uint16_t)port, RST_ACK)), wanted);
    }
    assert_int_equal(verdict_on(program, ipv4("10.9.0.2", FIRST, RST_ACK)), PASSES);
    assert_int_equal(verdict_on(program, ipv4("10.9.1.1", FIRST, RST_ACK)), PASSES);
    assert_int_equal(verdict_on(program, ipv6("fd00::2", FIRST, RST_ACK)), PASSES);
    assert_int_equal(verdict_on(program, ipv6("fd01::1", FIRST, RST_ACK)), PASSES);
    frame = ipv4("10.9.0.1", FIRST, RST_ACK);
    frame.bytes[0] = 2; /* to another's hardware address */
    assert_int_equal(verdict(program, &frame), PASSES);
    close(program);
}

static void fragments_options_and_the_truncated_go_on(void **state)
{
    static const char *const own[] = {"10.9.0.1", "fd00::1"};
    static const uint16_t fragments[] = {0x2000, 0x0001, 0x3fff, 0x1000};
    struct frame frame;
    int program;
    (void)state;
    if (!permitted) {
        skip();
    }
    program = load(own, 2);
    assert_true(program >= 0);
    for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
        frame = ipv4("10.9.0.1", FIRST, RST_ACK);
        put16(frame.bytes + 20, fragments[i]);
        assert_int_equal(verdict(program, &frame), PASSES);
    }
    frame = ipv4("10.9.0.1", FIRST, RST_ACK);
    put16(frame.bytes + 20, 0x4000);
    assert_int_equal(verdict(program, &frame), ENDS);
    frame.bytes[14] = 0x46;
    assert_int_equal(verdict(program, &frame), PASSES);
    frame = ipv4("10.9.0.1", FIRST, RST_ACK);
    frame.bytes[23] = IPPROTO_UDP;
    assert_int_equal(verdict(program, &frame), PASSES);
    frame = ipv6("fd00::1", FIRST, RST_ACK);
    frame.bytes[20] = IPPROTO_DSTOPTS;
    assert_int_equal(verdict(program, &frame), PASSES);
    frame = ipv4("10.9.0.1", FIRST, RST_ACK);
    put16(frame.bytes + 12, ETHERTYPE_VLAN);
    assert_int_equal(verdict(program, &frame), PASSES);
    /* The kernel tries no frame without a whole network header. */
    for (size_t length = 34; length < 54; length++) {
        frame = ipv4("10.9.0.1", FIRST, RST_ACK);
        frame.length = length;
        assert_int_equal(verdict(program, &frame), PASSES);
    }
    for (size_t length = 54; length < 74; length++) {
        frame = ipv6("fd00::1", FIRST, RST_ACK);
        frame.length = length;
        assert_int_equal(verdict(program, &frame), PASSES);
    }
    close(program);
}

static void any_number_of_addresses_is_a_program(void **state)
{
    static const char *const all[] = {"10.9.0.1", "fd00::1", "10.9.0.3", "fd00::3",
                                      "10.9.0.5", "fd00::5", "10.9.0.7", "fd00::7"};
    static const char *const six[] = {"fd00::1", "fd00::2", "fd00::3", "fd00::4",
                                      "fd00::5", "fd00::6", "fd00::7", "fd00::8"};
    (void)state;
    if (!permitted) {
        skip();
    }
    for (size_t count = 1; count <= INGRESS_ADDRS_MAX; count++) {
        int program = load(all, count);
        assert_true(program >= 0);
        assert_int_equal(verdict_on(program, ipv4("10.9.0.1", FIRST, RST_ACK)), ENDS);
        assert_int_equal(verdict_on(program, ipv6("fd00::7", FIRST, RST_ACK)), count == 8 ? ENDS : PASSES);
        close(program);
        program = load(six, count);
        assert_true(program >= 0);
        assert_int_equal(verdict_on(program, ipv4("10.9.0.1", FIRST, RST_ACK)), PASSES);
        assert_int_equal(verdict_on(program, ipv6("fd00::8", FIRST, RST_ACK)), count == 8 ? ENDS : PASSES);
        close(program);
    }
}

static const struct link_filter filter = {
    .first_port = FIRST, .last_port = LAST, .ipv4 = true, .ipv6 = true, .tcp = true, .arp = true};

static struct link_options options_on(const char *interface)
{
    return (struct link_options){.interface = interface, .ifindex = if_nametoindex(interface), .filter = filter};
}

/* IpInReceives of this namespace: the third of the numbers in the second line that begins so. */
static unsigned long received(void)
{
    FILE *file = fopen("/proc/net/snmp", "re");
    unsigned long value = 0;
    char line[1024];
    char *at;

    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    assert_non_null(fgets(line, sizeof(line), file));
    fclose(file);
    assert_memory_equal(line, "Ip: ", 4);
    at = line + 4;
    for (int i = 0; i < 3; i++) {
        value = strtoul(at, &at, 10);
    }
    return value;
}

static void count_frame(void *context, const struct link_frame *frame)
{
    (void)frame;
    ++*(uint32_t *)context;
}

/* By the far end to the near one's hardware address; what the link heard of them. */
static uint32_t send_and_hear(struct link *link, struct frame frame, uint32_t count)
{
    struct link_options options = options_on("far");
    struct iovec part = {.iov_base = frame.bytes, .iov_len = frame.length};
    struct link_sender *sender = NULL;
    struct problem problem = {0};
    struct link *far = NULL;
    uint32_t heard = 0;

    frame.bytes[0] = 2;
    frame.bytes[5] = 1;
    options.answers = 1;
    assert_int_equal(link_packet.open(&options, &far, &problem), 0);
    assert_int_equal(link_packet.sender_open(far, &sender, &problem), 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(link_packet.send(sender, &part, 1), 1);
    }
    while (link != NULL && heard < count) {
        struct pollfd wait = {.fd = link_packet.descriptor(link), .events = POLLIN};
        if (poll(&wait, 1, 500) == 0) {
            break;
        }
        assert_int_equal(link_packet.receive(link, 7, count_frame, &heard), 0);
    }
    link_packet.sender_close(sender);
    link_packet.close(far);
    return heard;
}

static void the_tap_hears_what_ends_there(void **state)
{
    struct link_options options = options_on("near");
    struct problem problem = {0};
    struct link *link = NULL;
    unsigned long before;
    (void)state;
    if (!entered || !permitted) {
        skip();
    }
    for (options.ring_shares = 1; options.ring_shares <= 2; options.ring_shares++) {
        assert_int_equal(link_packet.open(&options, &link, &problem), 0);
        before = received();
        assert_int_equal(send_and_hear(link, ipv4("10.9.0.1", FIRST, RST_ACK), 10), 10);
        assert_int_equal(received() - before, 0);
        assert_int_equal(send_and_hear(link, ipv4("10.9.0.1", FIRST, SYN_ACK), 10), 10);
        assert_int_equal(received() - before, 10);
        link_packet.close(link);
        before = received();
        assert_int_equal(send_and_hear(NULL, ipv4("10.9.0.1", FIRST, RST_ACK), 10), 0);
        assert_int_equal(received() - before, 10);
    }
}

static void not_where_the_interface_forwards(void **state)
{
    struct link_options options = options_on("near");
    int fd;
    (void)state;
    if (!entered || !permitted) {
        skip();
    }
    assert_true(place_write("/proc/sys/net/ipv4/conf/near/forwarding", "1"));
    assert_int_equal(ingress_open(&options), -EOPNOTSUPP);
    assert_true(place_write("/proc/sys/net/ipv4/conf/near/forwarding", "0"));
    fd = ingress_open(&options);
    assert_true(fd >= 0);
    close(fd);
}

/* Of the far end's address nothing ends at the near one, and without one there is nothing to end. */
static void not_without_an_address(void **state)
{
    struct link_options options = options_on("far");
    (void)state;
    if (!entered) {
        skip();
    }
    assert_int_equal(ingress_open(&options), -EADDRNOTAVAIL);
}

static int make_place(void **state)
{
    static const char *const own[] = {"10.9.0.1"};
    int program;
    (void)state;
    entered = place_enter() && place_ip("link set lo up") && place_ip("link add near type veth peer name far") &&
              place_write("/proc/sys/net/ipv6/conf/near/disable_ipv6", "1") &&
              place_write("/proc/sys/net/ipv6/conf/far/disable_ipv6", "1") &&
              place_write("/proc/sys/net/ipv4/conf/near/forwarding", "0") &&
              place_write("/proc/sys/net/ipv4/conf/far/forwarding", "0") &&
              place_ip("link set near address 02:00:00:00:00:01") && place_ip("addr add 10.9.0.1/24 dev near") &&
              place_ip("link set near up") && place_ip("link set far up");
    program = load(own, 1);
    permitted = program >= 0;
    if (permitted) {
        close(program);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_resets_to_our_ports_end),
        cmocka_unit_test(fragments_options_and_the_truncated_go_on),
        cmocka_unit_test(any_number_of_addresses_is_a_program),
        cmocka_unit_test(the_tap_hears_what_ends_there),
        cmocka_unit_test(not_where_the_interface_forwards),
        cmocka_unit_test(not_without_an_address),
    };
    return cmocka_run_group_tests_name("ingress", tests, make_place, NULL);
}
