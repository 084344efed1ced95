/* bare THREADS READER INTERFACE SOURCE MAC FIRST HOSTS LOW COUNT: sends a bare SYN to each of COUNT TCP ports from LOW
 * on of each of HOSTS IPv4 addresses from FIRST on, once, as fast as sendmmsg on packet sockets can. Each thread has a
 * share. MAC is the next hop's. With READER 1 a TPACKET_V3 ring takes the answers meanwhile: SYN-ACKs are printed,
 * "ADDRESS PORT" a line, RSTs counted; the end is when all is answered or nothing comes for 200 ms. No pacing, no
 * retries, no books, no random order: what the raw engine is measured against. What was sent, answered and dropped is
 * said on stderr. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum {
    BATCH = 64,
    THREADS_MAX = 64,
    SOURCE_PORT = 61000,
    SEQUENCE = 0x4c503031,
    BLOCK_SIZE = 1 << 18,
    BLOCKS = 64,
    RETIRE_MS = 4,
    QUIET_MS = 200,
    LOOK_MS = 10,
};

struct frame {
    struct ether_header link;
    struct iphdr ip;
    struct tcphdr tcp;
} __attribute__((packed));

struct job {
    int interface;
    uint32_t first; /* host byte order */
    uint64_t hosts;
    uint32_t low;
    uint64_t probes;
    struct frame template; /* all but destination, port and sums */
    uint32_t ip_sum;       /* of the template */
    uint32_t tcp_sum;
};

struct sender {
    pthread_t thread;
    const struct job *job;
    uint64_t next;
    uint64_t end;
    struct frame frames[BATCH];
};

struct reader {
    pthread_t thread;
    int fd;
    uint8_t *ring;
    uint64_t probes;
    uint64_t open;
    uint64_t closed;
    atomic_bool all_sent;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* RFC 1071, byte order left as it is. */
static uint32_t sum_words(const void *bytes, size_t size)
{
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < size; i += 2) {
        uint16_t word;
        memcpy(&word, (const uint8_t *)bytes + i, sizeof(word));
        sum += word;
    }
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* ---- sending --------------------------------------------------------------------------------------------------------
 */

static void job_template(struct job *job, const uint8_t *source_mac, const uint8_t *next_mac, struct in_addr source)
{
    struct frame *frame = &job->template;

    memcpy(frame->link.ether_shost, source_mac, ETH_ALEN);
    memcpy(frame->link.ether_dhost, next_mac, ETH_ALEN);
    frame->link.ether_type = htons(ETHERTYPE_IP);
    frame->ip.version = 4;
    frame->ip.ihl = 5;
    frame->ip.tot_len = htons(sizeof(frame->ip) + sizeof(frame->tcp));
    frame->ip.frag_off = htons(IP_DF);
    frame->ip.ttl = 64;
    frame->ip.protocol = IPPROTO_TCP;
    frame->ip.saddr = source.s_addr;
    frame->tcp.source = htons(SOURCE_PORT);
    frame->tcp.seq = htonl(SEQUENCE);
    frame->tcp.doff = 5;
    frame->tcp.syn = 1;
    frame->tcp.window = htons(64240);
    job->ip_sum = sum_words(&frame->ip, sizeof(frame->ip));
    job->tcp_sum = sum_words(&frame->tcp, sizeof(frame->tcp)) + sum_words(&source, sizeof(source)) +
                   htons(IPPROTO_TCP) + htons(sizeof(frame->tcp));
}

static void fill(const struct job *job, struct frame *frame, uint64_t index)
{
    uint32_t address = htonl(job->first + (uint32_t)(index % job->hosts));
    uint16_t port = htons((uint16_t)(job->low + index / job->hosts));
    uint32_t halves = (address & 0xffff) + (address >> 16);

    frame->ip.daddr = address;
    frame->ip.check = fold(job->ip_sum + halves);
    frame->tcp.dest = port;
    frame->tcp.check = fold(job->tcp_sum + halves + port);
}

static int sender_socket(const struct job *job)
{
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_ifindex = job->interface};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        die("packet socket");
    }
    return fd;
}

static void *sender_run(void *context)
{
    struct sender *sender = context;
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    int fd = sender_socket(sender->job);

    for (int i = 0; i < BATCH; i++) {
        sender->frames[i] = sender->job->template;
        parts[i] = (struct iovec){&sender->frames[i], sizeof(sender->frames[i])};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while (sender->next < sender->end) {
        uint64_t left = sender->end - sender->next;
        unsigned int count = left < BATCH ? (unsigned int)left : BATCH;
        int sent;

        for (unsigned int i = 0; i < count; i++) {
            fill(sender->job, &sender->frames[i], sender->next + i);
        }
        sent = sendmmsg(fd, messages, count, 0);
        if (sent < 0 && errno != ENOBUFS && errno != EINTR) {
            die("sendmmsg");
        }
        sender->next += sent < 0 ? 0 : (uint64_t)sent;
    }
    close(fd);
    return NULL;
}

/* ---- receiving ------------------------------------------------------------------------------------------------------
 */

/* IPv4 without options, TCP, to our port. */
static void reader_filter(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct frame, ip)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 5),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct frame, ip.protocol)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct frame, tcp.dest)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOURCE_PORT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, sizeof(struct frame)),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0) {
        die("filter");
    }
}

static void reader_open(struct reader *reader, const struct job *job)
{
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_ifindex = job->interface, .sll_protocol = htons(ETH_P_IP)};
    struct tpacket_req3 rings = {.tp_block_size = BLOCK_SIZE,
                                 .tp_block_nr = BLOCKS,
                                 .tp_frame_size = 2048,
                                 .tp_frame_nr = BLOCK_SIZE / 2048 * BLOCKS,
                                 .tp_retire_blk_tov = RETIRE_MS};
    int version = TPACKET_V3;
    int one = 1;

    reader->probes = job->probes;
    reader->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (reader->fd < 0 || setsockopt(reader->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
        setsockopt(reader->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
        setsockopt(reader->fd, SOL_PACKET, PACKET_RX_RING, &rings, sizeof(rings)) < 0) {
        die("ring");
    }
    reader_filter(reader->fd);
    reader->ring = mmap(NULL, (size_t)BLOCK_SIZE * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, reader->fd, 0);
    if (reader->ring == MAP_FAILED || bind(reader->fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        die("ring");
    }
}

static void take(struct reader *reader, const struct frame *frame)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address = {.s_addr = frame->ip.saddr};

    if (ntohl(frame->tcp.ack_seq) != SEQUENCE + 1U) {
        return;
    }
    if (frame->tcp.rst) {
        reader->closed++;
    } else if (frame->tcp.syn) {
        reader->open++;
        printf("%s %u\n", inet_ntop(AF_INET, &address, text, sizeof(text)), ntohs(frame->tcp.source));
    }
}

static void take_block(struct reader *reader, const struct tpacket_block_desc *block)
{
    const uint8_t *at = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;

    for (uint32_t i = 0; i < block->hdr.bh1.num_pkts; i++) {
        struct tpacket3_hdr header;
        struct frame frame;

        memcpy(&header, at, sizeof(header));
        if (header.tp_snaplen >= sizeof(frame)) {
            memcpy(&frame, at + header.tp_mac, sizeof(frame));
            take(reader, &frame);
        }
        at += header.tp_next_offset;
    }
}

static void *reader_run(void *context)
{
    struct reader *reader = context;
    struct pollfd ready = {.fd = reader->fd, .events = POLLIN};
    uint32_t current = 0;
    int quiet_ms = 0;

    while (reader->open + reader->closed < reader->probes && quiet_ms < QUIET_MS) {
        struct tpacket_block_desc *block = (void *)(reader->ring + (size_t)current * BLOCK_SIZE);

        if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
            bool idle = poll(&ready, 1, LOOK_MS) == 0;
            quiet_ms = idle && atomic_load(&reader->all_sent) ? quiet_ms + LOOK_MS : 0;
            continue;
        }
        quiet_ms = 0;
        take_block(reader, block);
        __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        current = (current + 1) % BLOCKS;
    }
    return NULL;
}

static void reader_tell(const struct reader *reader)
{
    struct tpacket_stats_v3 stats = {0};
    socklen_t size = sizeof(stats);

    if (getsockopt(reader->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0) {
        die("statistics");
    }
    fprintf(stderr, "sent %llu, SYN-ACK %llu, RST %llu, ring received %u, dropped %u\n",
            (unsigned long long)reader->probes, (unsigned long long)reader->open, (unsigned long long)reader->closed,
            stats.tp_packets, stats.tp_drops);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------
 */

static void send_all(const struct job *job, uint64_t threads)
{
    static struct sender senders[THREADS_MAX];

    for (uint64_t i = 0; i < threads; i++) {
        senders[i].job = job;
        senders[i].next = job->probes * i / threads;
        senders[i].end = job->probes * (i + 1) / threads;
        if (pthread_create(&senders[i].thread, NULL, sender_run, &senders[i]) != 0) {
            die("pthread_create");
        }
    }
    for (uint64_t i = 0; i < threads; i++) {
        pthread_join(senders[i].thread, NULL);
    }
}

/* MAC address and index of an interface. */
static void interface_read(const char *name, uint8_t *mac, int *index)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
    if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0) {
        die(name);
    }
    memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
    *index = (int)if_nametoindex(name);
    close(fd);
}

static bool mac_parse(const char *text, uint8_t *mac)
{
    for (int i = 0; i < ETH_ALEN; i++) {
        char *end;
        mac[i] = (uint8_t)strtoul(text, &end, 16);
        if (end != text + 2 || *end != (i < ETH_ALEN - 1 ? ':' : '\0')) {
            return false;
        }
        text = end + 1;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct job job;
    static struct reader reader;
    uint64_t threads = argc == 10 ? strtoul(argv[1], NULL, 10) : 0;
    bool reading = argc == 10 && strcmp(argv[2], "1") == 0;
    uint8_t source_mac[ETH_ALEN];
    uint8_t next_mac[ETH_ALEN];
    struct in_addr source;
    struct in_addr first;

    if (threads < 1 || threads > THREADS_MAX || inet_pton(AF_INET, argv[4], &source) != 1 ||
        !mac_parse(argv[5], next_mac) || inet_pton(AF_INET, argv[6], &first) != 1) {
        fputs("bare THREADS READER INTERFACE SOURCE MAC FIRST HOSTS LOW COUNT\n", stderr);
        return 2;
    }
    interface_read(argv[3], source_mac, &job.interface);
    job.first = ntohl(first.s_addr);
    job.hosts = strtoul(argv[7], NULL, 10);
    job.low = (uint32_t)strtoul(argv[8], NULL, 10);
    job.probes = job.hosts * strtoul(argv[9], NULL, 10);
    job_template(&job, source_mac, next_mac, source);
    if (reading) {
        reader_open(&reader, &job);
        if (pthread_create(&reader.thread, NULL, reader_run, &reader) != 0) {
            die("pthread_create");
        }
    }
    send_all(&job, threads);
    if (reading) {
        atomic_store(&reader.all_sent, true);
        pthread_join(reader.thread, NULL);
        reader_tell(&reader);
    }
    return 0;
}
