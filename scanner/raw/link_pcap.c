/* No network at all: what is sent goes into a capture file, and what another holds comes in, through libpcap's savefile
 * functions. */
#include "scanner/raw/link.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SNAP_BYTES = 65535 };

struct link {
    enum link_layer layer;
    pcap_t *dead; /* stands for the link in the recording */
    pcap_dumper_t *record;
    pcap_t *replay;
    pthread_mutex_t lock; /* of the recording: senders have threads of their own */
};

struct link_sender {
    struct link *link;
};

static void pcap_close_link(struct link *link)
{
    if (link->record != NULL) {
        pcap_dump_close(link->record);
    }
    if (link->dead != NULL) {
        pcap_close(link->dead);
    }
    if (link->replay != NULL) {
        pcap_close(link->replay);
    }
    pthread_mutex_destroy(&link->lock);
    free(link);
}

/* libpcap names the file in some of its errors. */
static int say(struct problem *problem, const char *path, const char *text)
{
    bool is_named = strncmp(text, path, strlen(path)) == 0;

    return problem_set(problem, -EIO, "%s%s%s", is_named ? "" : path, is_named ? "" : ": ", text);
}

static int open_replay(struct link *link, const char *path, struct problem *problem)
{
    char text[PCAP_ERRBUF_SIZE];

    link->replay = pcap_open_offline(path, text);
    if (link->replay == NULL) {
        return say(problem, path, text);
    }
    switch (pcap_datalink(link->replay)) {
    case DLT_EN10MB:
        link->layer = LINK_ETHERNET;
        return 0;
    case DLT_RAW:
        link->layer = LINK_IP;
        return 0;
    default:
        return problem_set(problem, -EINVAL, "%s: of a kind of network (%s) that is not read: Ethernet or raw IP", path,
                           pcap_datalink_val_to_name(pcap_datalink(link->replay)));
    }
}

static int open_record(struct link *link, const char *path, struct problem *problem)
{
    link->dead = pcap_open_dead(link->layer == LINK_ETHERNET ? DLT_EN10MB : DLT_RAW, SNAP_BYTES);
    if (link->dead == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    link->record = pcap_dump_open(link->dead, path);
    return link->record == NULL ? say(problem, path, pcap_geterr(link->dead)) : 0;
}

static int pcap_open_link(const struct link_options *options, struct link **ret_link, struct problem *problem)
{
    struct link *link = calloc(1, sizeof(*link));
    int rc = 0;

    if (link == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    pthread_mutex_init(&link->lock, NULL);
    if (options->replay != NULL) {
        rc = open_replay(link, options->replay, problem);
    }
    if (rc == 0 && options->record != NULL) {
        rc = open_record(link, options->record, problem);
    }
    if (rc < 0) {
        pcap_close_link(link);
        return rc;
    }
    *ret_link = link;
    return 0;
}

static enum link_layer pcap_layer(const struct link *link)
{
    return link->layer;
}

static int pcap_sender_open(struct link *link, struct link_sender **ret_sender, struct problem *problem)
{
    struct link_sender *sender = calloc(1, sizeof(*sender));

    if (sender == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    sender->link = link;
    *ret_sender = sender;
    return 0;
}

static void pcap_sender_close(struct link_sender *sender)
{
    free(sender);
}

static int pcap_send_frames(struct link_sender *sender, const struct iovec *frames, uint32_t count)
{
    struct link *link = sender->link;
    struct pcap_pkthdr header = {0};
    struct timespec now;
    int rc = (int)count;

    if (link->record == NULL) {
        return rc;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    header.ts.tv_sec = now.tv_sec;
    header.ts.tv_usec = now.tv_nsec / 1000;
    pthread_mutex_lock(&link->lock);
    for (uint32_t i = 0; i < count; i++) {
        union {
            pcap_dumper_t *dumper;
            u_char *user;
        } to = {.dumper = link->record};
        header.caplen = (bpf_u_int32)frames[i].iov_len;
        header.len = header.caplen;
        pcap_dump(to.user, &header, frames[i].iov_base);
    }
    /* A recording that a full disk cut short is none. */
    if (ferror(pcap_dump_file(link->record)) != 0) {
        rc = -EIO;
    }
    pthread_mutex_unlock(&link->lock);
    return rc;
}

/* What is behind a damaged record is not read: the file ends there. */
static int pcap_receive(struct link *link, uint32_t most, link_take_fn *take, void *context)
{
    for (uint32_t i = 0; link->replay != NULL && i < most; i++) {
        struct pcap_pkthdr *header;
        const u_char *bytes;
        struct link_frame frame = {0};
        int rc = pcap_next_ex(link->replay, &header, &bytes);
        if (rc != 1) {
            return rc == PCAP_ERROR_BREAK ? 0 : -EBADMSG;
        }
        frame.bytes = bytes;
        frame.length = header->caplen;
        frame.truncated = header->caplen < header->len;
        take(context, &frame);
    }
    return 0;
}

static int pcap_descriptor(const struct link *link)
{
    (void)link;
    return -1;
}

static struct link_losses pcap_losses(struct link *link)
{
    (void)link;
    return (struct link_losses){0};
}

static size_t pcap_ring_bytes(const struct link *link)
{
    (void)link;
    return 0;
}

const struct link_ops link_pcap = {
    .name = "pcap",
    .open = pcap_open_link,
    .close = pcap_close_link,
    .layer = pcap_layer,
    .sender_open = pcap_sender_open,
    .sender_close = pcap_sender_close,
    .send = pcap_send_frames,
    .receive = pcap_receive,
    .descriptor = pcap_descriptor,
    .losses = pcap_losses,
    .ring_bytes = pcap_ring_bytes,
};
