/* patch [PROBES]: processor nanoseconds that a probe costs from its destination to a frame that is ready to be sent,
 * and that an answer costs to be told from anybody else's traffic. Nothing is sent. */
#include "scanner/packet/answer.h"
#include "scanner/packet/checksum.h"
#include "scanner/packet/tcp.h"
#include "scanner/packet/template.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FRAMES = 64, ROUNDS = 5 };

static const uint8_t key[COOKIE_KEY_BYTES] = "least exposure!";
static const struct cookie_ports ports = {40000, 20000};

struct job {
    const char *name;
    enum packet_probe probe;
    bool is_ipv6;
};

static const struct job jobs[] = {
    {"SYN", PACKET_TCP_SYN, false},    {"SYN, IPv6", PACKET_TCP_SYN, true},   {"ACK", PACKET_TCP_ACK, false},
    {"UDP (DNS)", PACKET_UDP, false},  {"UDP (DNS), IPv6", PACKET_UDP, true}, {"echo", PACKET_ECHO, false},
    {"echo, IPv6", PACKET_ECHO, true},
};

static double processor_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct template template_of(const struct job *job)
{
    struct addr source = {.bytes = {10, 9, 0, 1}, .is_ipv6 = job->is_ipv6};
    uint8_t link[ETHERNET_ADDRESS_SIZE] = {2, 0, 0, 0, 0, 1};
    struct ethernet_header ethernet = {.destination = link, .source = link};
    struct template_options options = {.probe = job->probe,
                                       .source = &source,
                                       .link = &ethernet,
                                       .key = key,
                                       .ports = ports,
                                       .payload = payload_for(53, 0)};
    struct template template;

    template_init(&template, &options);
    return template;
}

/* As a sender does it: into the buffers of a batch, in turns. */
static double time_patch(const struct job *job, uint32_t probes)
{
    static uint8_t frames[FRAMES][TEMPLATE_FRAME_MAX];
    struct template template = template_of(job);
    struct addr host = {.bytes = {10, 9}, .is_ipv6 = job->is_ipv6};
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double begun = processor_ns();
        double took;
        for (uint32_t i = 0; i < probes; i++) {
            struct template_target target = {.destination = host.bytes, .port = (uint16_t)(i / 256), .clock_ms = i};
            host.bytes[3] = (uint8_t)i;
            template_patch(&template, &target, frames[i % FRAMES]);
        }
        took = (processor_ns() - begun) / probes;
        best = round == 0 || took < best ? took : best;
    }
    return best;
}

/* A SYN-ACK as Linux answers with, from the host that was asked. */
static size_t make_syn_ack(const uint8_t *syn, uint8_t *frame)
{
    struct ip_packet packet;
    struct tcp_segment asked;
    struct tcp_segment answer;
    struct ip_header ip;
    size_t length;

    if (ip_parse(syn + ETHERNET_HEADER_SIZE, 60, &packet) != PACKET_FINE ||
        tcp_parse(&packet, true, &asked) != PACKET_FINE) {
        fputs("patch: the probe is broken\n", stderr);
        exit(2);
    }
    ip = packet.header;
    ip.source = packet.header.destination;
    ip.destination = packet.header.source;
    answer = asked;
    answer.source_port = asked.destination_port;
    answer.destination_port = asked.source_port;
    answer.ack = asked.seq + 1;
    answer.flags = TCP_SYN_FLAG | TCP_ACK_FLAG;
    memcpy(frame, syn, ETHERNET_HEADER_SIZE);
    length = tcp_build(frame + ETHERNET_HEADER_SIZE + IP_HEADER_SIZE, &ip, &answer);
    return ETHERNET_HEADER_SIZE + length + ip_build(frame + ETHERNET_HEADER_SIZE, &ip, length);
}

static double time_read(uint32_t answers)
{
    struct template template = template_of(&jobs[0]);
    struct template_target target = {.destination = (const uint8_t[]){10, 9, 0, 2}, .port = 443};
    uint8_t syn[TEMPLATE_FRAME_MAX];
    uint8_t frame[TEMPLATE_FRAME_MAX];
    struct answer_reader reader;
    uint32_t recognised = 0;
    double best = 0;
    size_t length;

    template_patch(&template, &target, syn);
    length = make_syn_ack(syn, frame);
    answer_reader_init(&reader, key, ports, 3);
    for (int round = 0; round < ROUNDS; round++) {
        double begun = processor_ns();
        double took;
        for (uint32_t i = 0; i < answers; i++) {
            struct answer answer;
            answer_read(&reader, frame, length, ANSWER_ETHERNET, &answer);
            recognised += answer.kind == ANSWER_SYN_ACK;
        }
        took = (processor_ns() - begun) / answers;
        best = round == 0 || took < best ? took : best;
    }
    if (recognised != ROUNDS * answers) {
        fputs("patch: an answer was not recognised\n", stderr);
        exit(2);
    }
    return best;
}

int main(int argc, char **argv)
{
    uint32_t probes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000000;

    if (probes == 0) {
        fputs("patch [PROBES]\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++) {
        printf("%-20s %6.1f ns a probe\n", jobs[i].name, time_patch(&jobs[i], probes));
    }
    printf("%-20s %6.1f ns an answer\n", "SYN-ACK", time_read(probes));
    return 0;
}
