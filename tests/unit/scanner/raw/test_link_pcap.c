#include "scanner/raw/link.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { FRAMES = 3, FRAME = 60 };

static char path[64];

struct heard {
    uint32_t frames;
    uint8_t first[FRAMES];
    size_t lengths[FRAMES];
};

static void take(void *context, const struct link_frame *frame)
{
    struct heard *heard = context;

    assert_in_range(heard->frames, 0, FRAMES - 1);
    heard->first[heard->frames] = frame->bytes[0];
    heard->lengths[heard->frames++] = frame->length;
}

static struct link *open_link(const char *record, const char *replay)
{
    struct link_options options = {.record = record, .replay = replay};
    struct problem problem = {0};
    struct link *link = NULL;

    if (link_pcap.open(&options, &link, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    return link;
}

static void record_frames(void)
{
    struct link *link = open_link(path, NULL);
    struct link_sender *sender = NULL;
    struct problem problem;
    uint8_t bytes[FRAMES][FRAME];
    struct iovec parts[FRAMES];

    for (size_t i = 0; i < FRAMES; i++) {
        memset(bytes[i], (int)i + 1, FRAME);
        parts[i] = (struct iovec){.iov_base = bytes[i], .iov_len = FRAME - i};
    }
    assert_int_equal(link_pcap.sender_open(link, &sender, &problem), 0);
    assert_int_equal(link_pcap.send(sender, parts, FRAMES), FRAMES);
    link_pcap.sender_close(sender);
    link_pcap.close(link);
}

static void replays_what_it_recorded(void **state)
{
    struct heard heard = {0};
    struct link *link;
    (void)state;
    record_frames();
    link = open_link(NULL, path);
    assert_int_equal(link_pcap.layer(link), LINK_ETHERNET);
    assert_int_equal(link_pcap.receive(link, 2, take, &heard), 0);
    assert_int_equal(heard.frames, 2);
    assert_int_equal(link_pcap.receive(link, 2, take, &heard), 0);
    assert_int_equal(link_pcap.receive(link, 2, take, &heard), 0);
    assert_int_equal(heard.frames, FRAMES);
    for (size_t i = 0; i < FRAMES; i++) {
        assert_int_equal(heard.first[i], i + 1);
        assert_int_equal(heard.lengths[i], FRAME - i);
    }
    link_pcap.close(link);
}

static void a_file_cut_short_is_an_error(void **state)
{
    struct heard heard = {0};
    struct link *link;
    (void)state;
    record_frames();
    assert_int_equal(truncate(path, 24 + 16 + FRAME + 16 + 5), 0);
    link = open_link(NULL, path);
    assert_int_equal(link_pcap.receive(link, 9, take, &heard), -EBADMSG);
    assert_int_equal(heard.frames, 1);
    link_pcap.close(link);
}

static void assert_refused(const char *wanted)
{
    struct link_options options = {.replay = path};
    struct problem problem = {0};
    struct link *link = NULL;

    assert_true(link_pcap.open(&options, &link, &problem) < 0);
    assert_non_null(strstr(problem.text, wanted));
}

static void what_is_no_capture_is_refused(void **state)
{
    static const uint8_t bluetooth[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0xff, 0xff, 0, 0, 187};
    FILE *file;
    (void)state;
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("no capture, but long enough to be one", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_refused(path);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bluetooth, sizeof(bluetooth), 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_refused("Ethernet or raw IP");
}

static void a_full_disk_is_said(void **state)
{
    struct link_options options = {.record = "/dev/full"};
    struct problem problem = {0};
    struct link *link = NULL;
    struct link_sender *sender = NULL;
    static uint8_t bytes[60000];
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    int rc = 0;
    (void)state;
    assert_int_equal(link_pcap.open(&options, &link, &problem), 0);
    assert_int_equal(link_pcap.sender_open(link, &sender, &problem), 0);
    for (int i = 0; i < 4 && rc >= 0; i++) {
        rc = link_pcap.send(sender, &part, 1);
    }
    assert_int_equal(rc, -EIO);
    link_pcap.sender_close(sender);
    link_pcap.close(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_what_it_recorded),
        cmocka_unit_test(a_file_cut_short_is_an_error),
        cmocka_unit_test(what_is_no_capture_is_refused),
        cmocka_unit_test(a_full_disk_is_said),
    };
    int failed;
    int fd;

    snprintf(path, sizeof(path), "/tmp/leastport-pcap-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0) {
        return 1;
    }
    close(fd);
    failed = cmocka_run_group_tests_name("link_pcap", tests, NULL, NULL);
    unlink(path);
    return failed;
}
