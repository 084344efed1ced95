/* inject INTERFACE hostile|zero-window: answers each SYN that comes in by the interface, IPv4 or IPv6, with what a liar
 * in the network could send, until it is killed. Prints "ready" when it listens.
 * hostile: packets that a scanner must not take for answers, each SYN another kind, and a thousand copies of the right
 * answer for port COPIED. zero-window: right answers, as a tarpit gives them. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MOST = 256, TCP_SIZE = 20, COPIED = 6001, COPIES = 1000, FLOOD = 20 };
enum { FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };

/* Where things stand in the SYN, and what is made of it. */
struct syn {
    const uint8_t *frame;
    const uint8_t *ip;
    const uint8_t *tcp;
    size_t address_size;
    size_t ip_size; /* of a header without options */
    uint32_t seq;
    uint16_t port;
    bool is_ipv6;
};

struct frame {
    uint8_t bytes[FRAME_MOST];
    size_t length;
};

/* What an answer says, if it is not what it should say. */
struct answer {
    uint8_t flags;
    uint16_t window;
    uint32_t ack_off;    /* added to the right acknowledgement */
    uint16_t port_off;   /* added to the scanner's port */
    uint8_t address_off; /* added to the last byte of the answering address */
    uint8_t checksum_off;
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    }
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static bool read_syn(const uint8_t *frame, size_t length, struct syn *syn)
{
    uint16_t type = length >= 54 ? get16(frame + 12) : 0;

    memset(syn, 0, sizeof(*syn));
    syn->frame = frame;
    syn->ip = frame + 14;
    syn->is_ipv6 = type == ETHERTYPE_IPV6;
    syn->address_size = syn->is_ipv6 ? 16 : 4;
    syn->ip_size = syn->is_ipv6 ? 40 : 20;
    syn->tcp = syn->ip + syn->ip_size;
    if ((type != ETHERTYPE_IP && type != ETHERTYPE_IPV6) || length < 14 + syn->ip_size + TCP_SIZE ||
        syn->ip[syn->is_ipv6 ? 6 : 9] != IPPROTO_TCP || (syn->tcp[13] & 0x3f) != FLAG_SYN) {
        return false;
    }
    syn->seq = get32(syn->tcp + 4);
    syn->port = get16(syn->tcp + 2);
    return true;
}

static uint8_t *source_of(uint8_t *ip, bool is_ipv6)
{
    return ip + (is_ipv6 ? 8 : 12);
}

/* Ethernet and IP, back to where the SYN came from. */
static uint8_t *begin(const struct syn *syn, struct frame *frame, uint8_t protocol, size_t body)
{
    const uint8_t *asked = syn->ip + (syn->is_ipv6 ? 8 : 12);
    uint8_t *ip = frame->bytes + 14;

    memset(frame, 0, sizeof(*frame));
    memcpy(frame->bytes, syn->frame + 6, 6);
    memcpy(frame->bytes + 6, syn->frame, 6);
    memcpy(frame->bytes + 12, syn->frame + 12, 2);
    frame->length = 14 + syn->ip_size + body;
    if (syn->is_ipv6) {
        ip[0] = 0x60;
        put16(ip + 4, (uint32_t)body);
        ip[6] = protocol;
        ip[7] = 64;
    } else {
        ip[0] = 0x45;
        put16(ip + 2, (uint32_t)(20 + body));
        ip[8] = 64;
        ip[9] = protocol;
    }
    memcpy(source_of(ip, syn->is_ipv6), asked + syn->address_size, syn->address_size);
    memcpy(source_of(ip, syn->is_ipv6) + syn->address_size, asked, syn->address_size);
    return ip + syn->ip_size;
}

static void sum_up(const struct syn *syn, struct frame *frame, uint8_t protocol, size_t at)
{
    uint8_t *ip = frame->bytes + 14;
    uint8_t *body = ip + syn->ip_size;
    size_t size = frame->length - 14 - syn->ip_size;
    bool plain = protocol == IPPROTO_ICMP;
    uint32_t sum = plain ? 0 : add_up(protocol + (uint32_t)size, source_of(ip, syn->is_ipv6), 2 * syn->address_size);

    put16(body + at, 0);
    put16(body + at, fold(add_up(sum, body, size)));
    if (!syn->is_ipv6) {
        put16(ip + 10, 0);
        put16(ip + 10, fold(add_up(0, ip, 20)));
    }
}

static void make_answer(const struct syn *syn, const struct answer *answer, struct frame *frame)
{
    uint8_t *tcp = begin(syn, frame, IPPROTO_TCP, TCP_SIZE);

    source_of(frame->bytes + 14, syn->is_ipv6)[syn->address_size - 1] += answer->address_off;
    put16(tcp, syn->port);
    put16(tcp + 2, (uint32_t)get16(syn->tcp) + answer->port_off);
    put32(tcp + 4, 12345);
    put32(tcp + 8, syn->seq + 1 + answer->ack_off);
    tcp[12] = TCP_SIZE / 4 << 4;
    tcp[13] = answer->flags;
    put16(tcp + 14, answer->window);
    sum_up(syn, frame, IPPROTO_TCP, 16);
    tcp[16] += answer->checksum_off;
}

/* Port unreachable, about the SYN with `change` added to its byte at `at`. */
static void make_error(const struct syn *syn, size_t at, uint8_t change, struct frame *frame)
{
    size_t quoted = syn->ip_size + TCP_SIZE;
    uint8_t protocol = syn->is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    uint8_t *icmp = begin(syn, frame, protocol, 8 + quoted);

    icmp[0] = syn->is_ipv6 ? 1 : 3;
    icmp[1] = syn->is_ipv6 ? 4 : 3;
    memcpy(icmp + 8, syn->ip, quoted);
    icmp[8 + at] += change;
    sum_up(syn, frame, protocol, 2);
}

static void shoot(int fd, const struct frame *frame)
{
    /* One that finds no room is one lie less. */
    (void)!send(fd, frame->bytes, frame->length, MSG_DONTWAIT);
}

static void shoot_answer(int fd, const struct syn *syn, const struct answer *answer)
{
    struct frame frame;

    make_answer(syn, answer, &frame);
    shoot(fd, &frame);
}

static void shoot_errors(int fd, const struct syn *syn)
{
    /* Sequence number, destination port, destination, and a source port that is another program's. */
    const size_t altered[] = {syn->ip_size + 5, syn->ip_size + 3, syn->ip_size - 1, syn->ip_size + 1};
    static const uint8_t changes[] = {1, 1, 1, 100};
    struct frame frame;

    for (size_t i = 0; i < sizeof(changes); i++) {
        make_error(syn, altered[i], changes[i], &frame);
        shoot(fd, &frame);
    }
}

/* The right answer but for being cut off, or for being a fragment. */
static void shoot_pieces(int fd, const struct syn *syn)
{
    static const struct answer right = {.flags = FLAG_SYN | FLAG_ACK, .window = 1000};
    struct frame frame;

    make_answer(syn, &right, &frame);
    for (size_t cut = 1; cut < TCP_SIZE; cut += 6) {
        frame.length -= 6;
        shoot(fd, &frame);
    }
    if (!syn->is_ipv6) {
        make_answer(syn, &right, &frame);
        put16(frame.bytes + 14 + 6, 0x2000); /* more fragments */
        sum_up(syn, &frame, IPPROTO_TCP, 16);
        shoot(fd, &frame);
    }
}

static void lie(int fd, const struct syn *syn, unsigned int kind)
{
    static const struct answer lies[] = {
        {.flags = FLAG_SYN | FLAG_ACK, .window = 1000, .ack_off = 7},
        {.flags = FLAG_SYN | FLAG_ACK, .window = 1000, .address_off = 1},
        {.flags = FLAG_SYN | FLAG_ACK, .window = 1000, .checksum_off = 1},
        {.flags = FLAG_RST | FLAG_ACK, .ack_off = 2},
        {.flags = FLAG_RST, .ack_off = 99},
        {.flags = FLAG_RST | FLAG_ACK, .checksum_off = 1},
    };
    const unsigned int count = sizeof(lies) / sizeof(*lies);

    kind %= count + 3;
    if (kind < count) {
        shoot_answer(fd, syn, &lies[kind]);
    } else if (kind == count) {
        shoot_errors(fd, syn);
    } else if (kind == count + 1) {
        shoot_pieces(fd, syn);
    } else {
        for (unsigned int i = 0; i < FLOOD; i++) {
            struct answer rst = {.flags = FLAG_RST | FLAG_ACK, .ack_off = 3 + i, .port_off = (uint16_t)i};
            shoot_answer(fd, syn, &rst);
        }
    }
}

static int listen_on(const char *interface)
{
    struct sockaddr_ll name = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd < 0 || name.sll_ifindex == 0 || bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        perror("inject");
        exit(1);
    }
    return fd;
}

static void answer_syns(int fd, bool zero_window)
{
    static const struct answer tarpit = {.flags = FLAG_SYN | FLAG_ACK, .window = 0};
    static const struct answer right = {.flags = FLAG_SYN | FLAG_ACK, .window = 1000};
    uint8_t bytes[2048];
    struct sockaddr_ll from = {0};
    unsigned int kind = 0;

    for (;;) {
        socklen_t length = sizeof(from);
        ssize_t size = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length);
        struct syn syn;
        if (size < 0) {
            return;
        }
        if (from.sll_pkttype == PACKET_OUTGOING || !read_syn(bytes, (size_t)size, &syn)) {
            continue;
        }
        if (zero_window) {
            shoot_answer(fd, &syn, &tarpit);
            continue;
        }
        lie(fd, &syn, kind++);
        for (int i = 0; syn.port == COPIED && i < COPIES; i++) {
            shoot_answer(fd, &syn, &right);
        }
    }
}

int main(int argc, char **argv)
{
    int fd;

    if (argc != 3 || (strcmp(argv[2], "hostile") != 0 && strcmp(argv[2], "zero-window") != 0)) {
        fputs("inject INTERFACE hostile|zero-window\n", stderr);
        return 2;
    }
    fd = listen_on(argv[1]);
    puts("ready");
    fflush(stdout);
    answer_syns(fd, strcmp(argv[2], "zero-window") == 0);
    perror("inject");
    return 1;
}
