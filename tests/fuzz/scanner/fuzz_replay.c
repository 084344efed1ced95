/* Capture files as --link pcap replays them, from the savefile to what is made of each frame. */
#include "scanner/packet/answer.h"
#include "scanner/raw/link.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TAKEN_MOST = 256, TRIES = 3 };

static const uint8_t key[COOKIE_KEY_BYTES] = "least exposure!";
static const struct cookie_ports ports = {40000, 20000};

struct heard {
    struct answer_reader reader;
    unsigned int flags;
    uint32_t frames;
};

/* A copy that ends where its memory ends: the savefile's buffer is larger than the frame. */
static void take(void *context, const struct link_frame *frame)
{
    struct heard *heard = context;
    uint8_t *copy = malloc(frame->length + 1);
    struct answer answer;

    assert(copy != NULL);
    memcpy(copy + 1, frame->bytes, frame->length);
    answer_read(&heard->reader, copy + 1, frame->length, heard->flags, &answer);
    /* Nobody can know the cookie. A UDP port without a payload has no more of it than its source port. */
    assert(answer.kind != ANSWER_SYN_ACK && answer.kind != ANSWER_RST && answer.kind != ANSWER_ECHO);
    heard->frames++;
    free(copy);
}

static int receive_all(struct link *link)
{
    struct heard heard = {.flags = link_pcap.layer(link) == LINK_ETHERNET ? ANSWER_ETHERNET : 0};
    uint32_t before;
    int rc;

    answer_reader_init(&heard.reader, key, ports, TRIES);
    do {
        before = heard.frames;
        rc = link_pcap.receive(link, TAKEN_MOST, take, &heard);
        assert(heard.frames - before <= TAKEN_MOST);
    } while (rc == 0 && heard.frames > before);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("capture", MFD_CLOEXEC);
    struct problem problem = {0};
    struct link *link = NULL;
    char path[64];

    assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (link_pcap.open(&(struct link_options){.replay = path}, &link, &problem) < 0) {
        assert(problem.text[0] != '\0');
        fuzz_check_text(problem.text, strlen(problem.text));
    } else {
        int rc = receive_all(link);
        assert(rc == 0 || rc == -EBADMSG);
        link_pcap.close(link);
    }
    close(fd);
    return 0;
}
