/* State files: once as they are, and once with every record's checksum made right, which a fuzzer cannot guess. */
#include "scanner/plan.h"
#include "scanner/state.h"
#include "scanner/totals.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The layout that scanner/state.c describes. */
enum { PREFACE_BYTES = 20, HEADER_BYTES = 8, CHECKSUM_BYTES = 16 };

static size_t little_endian(const uint8_t *bytes, size_t width)
{
    size_t value = 0;

    for (size_t i = width; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void seal(uint8_t *bytes, size_t size)
{
    size_t at = PREFACE_BYTES;
    uint8_t number[8] = {0};

    while (size >= HEADER_BYTES + CHECKSUM_BYTES && at <= size - HEADER_BYTES - CHECKSUM_BYTES) {
        size_t payload = little_endian(bytes + at + 4, 4);
        crypto_generichash_state hash;
        if (payload > size - at - HEADER_BYTES - CHECKSUM_BYTES) {
            break;
        }
        crypto_generichash_init(&hash, NULL, 0, CHECKSUM_BYTES);
        crypto_generichash_update(&hash, number, sizeof(number));
        crypto_generichash_update(&hash, bytes + at, HEADER_BYTES + payload);
        crypto_generichash_final(&hash, bytes + at + HEADER_BYTES + payload, CHECKSUM_BYTES);
        at += HEADER_BYTES + payload + CHECKSUM_BYTES;
        number[0]++;
        number[1] = (uint8_t)(number[1] + (number[0] == 0));
    }
}

static int replay(void *context, const struct observation *observation)
{
    const char *scan_id = context;
    json_t *line = observation_encode(observation, scan_id);

    assert(line != NULL);
    json_decref(line);
    return 0;
}

static int resolve(void *context, const char *name, struct addr *addrs, size_t *ret_count)
{
    (void)context;
    (void)name;
    addrs[0] = addr_loopback(false);
    *ret_count = 1;
    return 0;
}

/* What a resume does with the file. */
static void resume(struct state *state)
{
    const struct state_head *head = state_head(state);
    const struct state_mark *mark = state_mark(state);
    struct plan_means means = plan_means_default();
    struct problem problem = {{0}};
    struct plan *plan = NULL;
    struct totals totals;
    char scan_id[64];
    int rc;

    snprintf(scan_id, sizeof(scan_id), "%.36s", head->scan_id);
    means.resolver = (struct resolver){.resolve = resolve};
    if (plan_from_json(head->plan_json, strlen(head->plan_json), &means, &plan, &problem) == 0) {
        assert(state_check_plan(state, plan_hash(plan), &problem) == 0 || problem.text[0] != '\0');
        (void)plan_probes_before(plan, mark->slab);
        plan_destroy(plan);
    }
    rc = totals_parse(mark->totals, mark->totals_size, &totals);
    assert(rc == 0 || rc == -EBADMSG);
    rc = state_replay(state, replay, scan_id, &problem);
    assert(rc == 0 || problem.text[0] != '\0');
}

static void open_state(const uint8_t *bytes, size_t size)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    struct problem problem = {{0}};
    struct state *state = NULL;
    char path[64];
    int rc;

    assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = state_open(path, &state, &problem);
    assert(rc == 0 || problem.text[0] != '\0');
    if (rc == 0) {
        resume(state);
        state_close(state);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *sealed = (uint8_t *)fuzz_text(data, size);

    open_state(data, size);
    seal(sealed, size);
    open_state(sealed, size);
    free(sealed);
    return 0;
}
