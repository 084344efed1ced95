#include "scanner/raw/filter.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The kernel itself judges: a datagram to a UNIX socket runs through its filter as a frame does through a tap's. */
static bool judges(const struct sock_fprog *program, const uint8_t *frame, size_t length)
{
    uint8_t got[256];
    int fds[2];
    ssize_t sent;
    ssize_t received;

    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_ATTACH_FILTER, program, sizeof(*program)), 0);
    sent = send(fds[0], frame, length, 0);
    received = recv(fds[1], got, sizeof(got), MSG_DONTWAIT);
    close(fds[0]);
    close(fds[1]);
    assert_true(sent == (ssize_t)length || sent == -1);
    return received == (ssize_t)length;
}

static bool lets_in(const struct link_filter *wanted, uint16_t ethertype, uint32_t base, const uint8_t *bytes,
                    size_t length)
{
    struct sock_filter rows[FILTER_MAX];
    struct sock_fprog program = {.filter = rows};
    uint8_t frame[256] = {0};

    program.len = (unsigned short)filter_build(wanted, ethertype, base, rows);
    memcpy(frame + base, bytes, length);
    if (base > 0) {
        frame[base - 2] = (uint8_t)(ethertype >> 8);
        frame[base - 1] = (uint8_t)ethertype;
    }
    return judges(&program, frame, base + length);
}

static const struct link_filter everything = {
    .first_port = 61000, .last_port = 61003, .ipv4 = true, .ipv6 = true, .tcp = true, .udp = true, .arp = true};

struct packet {
    uint8_t bytes[128];
    size_t length;
};

/* `words`: 32-bit words of options behind the header. */
static struct packet ipv4(uint8_t protocol, uint16_t fragment, uint32_t words)
{
    struct packet packet = {.length = 20 + 4 * words};

    packet.bytes[0] = (uint8_t)(0x45 + words);
    packet.bytes[6] = (uint8_t)(fragment >> 8);
    packet.bytes[7] = (uint8_t)fragment;
    packet.bytes[9] = protocol;
    return packet;
}

static struct packet ipv6(uint8_t next)
{
    struct packet packet = {.length = 40};

    packet.bytes[0] = 0x60;
    packet.bytes[6] = next;
    return packet;
}

static struct packet with_ports(struct packet packet, uint16_t to, uint8_t flags)
{
    uint8_t *at = packet.bytes + packet.length;

    at[2] = (uint8_t)(to >> 8);
    at[3] = (uint8_t)to;
    at[13] = flags;
    packet.length += 20;
    return packet;
}

static struct packet with_type(struct packet packet, uint8_t type)
{
    packet.bytes[packet.length] = type;
    packet.length += 8;
    return packet;
}

#define IN4(packet)                                                                                                    \
    (lets_in(&everything, ETHERTYPE_IP, 0, (packet).bytes, (packet).length) &&                                         \
     lets_in(&everything, ETHERTYPE_IP, 14, (packet).bytes, (packet).length))
#define OUT4(packet)                                                                                                   \
    (!lets_in(&everything, ETHERTYPE_IP, 0, (packet).bytes, (packet).length) &&                                        \
     !lets_in(&everything, ETHERTYPE_IP, 14, (packet).bytes, (packet).length))
#define IN6(packet)                                                                                                    \
    (lets_in(&everything, ETHERTYPE_IPV6, 0, (packet).bytes, (packet).length) &&                                       \
     lets_in(&everything, ETHERTYPE_IPV6, 14, (packet).bytes, (packet).length))
#define OUT6(packet)                                                                                                   \
    (!lets_in(&everything, ETHERTYPE_IPV6, 0, (packet).bytes, (packet).length) &&                                      \
     !lets_in(&everything, ETHERTYPE_IPV6, 14, (packet).bytes, (packet).length))

static void tcp_to_our_ports_with_syn_or_rst(void **state)
{
    static const uint8_t answers[] = {0x12, 0x04, 0x14, 0x02, 0x52};
    static const uint8_t others[] = {0x10, 0x18, 0x11, 0x00, 0x01};
    struct packet packet;
    (void)state;
    for (uint32_t words = 0; words <= 10; words += 5) {
        for (size_t i = 0; i < sizeof(answers); i++) {
            packet = with_ports(ipv4(IPPROTO_TCP, 0x4000, words), 61000, answers[i]);
            assert_true(IN4(packet));
            packet = with_ports(ipv4(IPPROTO_TCP, 0, words), 61003, others[i]);
            assert_true(OUT4(packet));
        }
    }
    packet = with_ports(ipv4(IPPROTO_TCP, 0, 0), 60999, 0x12);
    assert_true(OUT4(packet));
    packet = with_ports(ipv4(IPPROTO_TCP, 0, 0), 61004, 0x12);
    assert_true(OUT4(packet));
    packet = with_ports(ipv4(IPPROTO_TCP, 0x0010, 0), 61000, 0x12);
    assert_true(OUT4(packet));
    packet = with_ports(ipv6(IPPROTO_TCP), 61003, 0x14);
    assert_true(IN6(packet));
    packet = with_ports(ipv6(IPPROTO_TCP), 61004, 0x14);
    assert_true(OUT6(packet));
    packet = with_ports(ipv6(IPPROTO_TCP), 61003, 0x10);
    assert_true(OUT6(packet));
}

static void udp_only_where_it_is_wanted(void **state)
{
    struct link_filter tcp_only = everything;
    struct packet packet = with_ports(ipv4(IPPROTO_UDP, 0, 0), 61001, 0);
    (void)state;
    assert_true(IN4(packet));
    tcp_only.udp = false;
    assert_false(lets_in(&tcp_only, ETHERTYPE_IP, 0, packet.bytes, packet.length));
    packet = with_ports(ipv6(IPPROTO_UDP), 61001, 0);
    assert_true(IN6(packet));
    assert_false(lets_in(&tcp_only, ETHERTYPE_IPV6, 0, packet.bytes, packet.length));
    packet = with_ports(ipv4(IPPROTO_SCTP, 0, 0), 61001, 0x12);
    assert_true(OUT4(packet));
}

static void icmp_errors_and_echo_replies(void **state)
{
    static const uint8_t in4[] = {0, 3, 11, 12};
    static const uint8_t in6[] = {1, 2, 3, 4, 129, 136};
    (void)state;
    for (unsigned int type = 0; type < 256; type++) {
        struct packet packet = with_type(ipv4(IPPROTO_ICMP, 0, type % 3), (uint8_t)type);
        bool wanted = memchr(in4, (int)type, sizeof(in4)) != NULL;
        assert_true(wanted ? IN4(packet) : OUT4(packet));
        packet = with_type(ipv6(IPPROTO_ICMPV6), (uint8_t)type);
        wanted = type == 0 || memchr(in6, (int)type, sizeof(in6)) != NULL; /* 0 is reserved, and no harm */
        assert_true(wanted ? IN6(packet) : OUT6(packet));
    }
}

static void ipv6_extension_headers_are_left_to_the_reader(void **state)
{
    struct packet packet = with_type(ipv6(IPPROTO_DSTOPTS), 6);
    (void)state;
    assert_true(IN6(packet));
    packet = with_type(ipv6(IPPROTO_FRAGMENT), 6);
    assert_true(OUT6(packet));
}

static void arp_replies_and_announcements(void **state)
{
    uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 2, [14] = 10, 9, 0, 2, [24] = 10, 9, 0, 1};
    (void)state;
    assert_true(lets_in(&everything, ETHERTYPE_ARP, 14, arp, sizeof(arp)));
    arp[7] = 1;
    assert_false(lets_in(&everything, ETHERTYPE_ARP, 14, arp, sizeof(arp)));
    arp[27] = 2;
    assert_true(lets_in(&everything, ETHERTYPE_ARP, 14, arp, sizeof(arp)));
    arp[7] = 3;
    assert_false(lets_in(&everything, ETHERTYPE_ARP, 14, arp, sizeof(arp)));
}

/* Where the tap sees all protocols. */
static void frames_of_another_type_stay_out(void **state)
{
    struct packet packet = with_ports(ipv4(IPPROTO_TCP, 0, 0), 61000, 0x12);
    struct sock_filter rows[FILTER_MAX];
    struct sock_fprog program = {.filter = rows};
    uint8_t frame[256] = {0};
    (void)state;
    program.len = (unsigned short)filter_build(&everything, ETHERTYPE_IP, ETHER_HDR_LEN, rows);
    memcpy(frame + ETHER_HDR_LEN, packet.bytes, packet.length);
    for (unsigned int type = 0; type <= UINT16_MAX; type += 8) {
        frame[12] = (uint8_t)(type >> 8);
        frame[13] = (uint8_t)type;
        assert_int_equal(judges(&program, frame, ETHER_HDR_LEN + packet.length), type == ETHERTYPE_IP);
    }
}

/* What is cut short reads as nothing: the kernel ends a filter that looks behind the end. */
static void the_truncated_stay_out(void **state)
{
    struct packet packet = with_ports(ipv4(IPPROTO_TCP, 0, 0), 61000, 0x12);
    (void)state;
    for (size_t length = 1; length < 34; length++) {
        assert_false(lets_in(&everything, ETHERTYPE_IP, 0, packet.bytes, length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_to_our_ports_with_syn_or_rst),
        cmocka_unit_test(udp_only_where_it_is_wanted),
        cmocka_unit_test(icmp_errors_and_echo_replies),
        cmocka_unit_test(ipv6_extension_headers_are_left_to_the_reader),
        cmocka_unit_test(arp_replies_and_announcements),
        cmocka_unit_test(frames_of_another_type_stay_out),
        cmocka_unit_test(the_truncated_stay_out),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
