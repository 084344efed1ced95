/* Valid inputs with bytes changed, cut, doubled and swapped, into every parser of the scanner: under the sanitizers
 * none may misbehave, and what is refused is refused with words. */
#include "scanner/plan.h"
#include "scanner/ports.h"
#include "scanner/state.h"
#include "scanner/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 3000, INPUT_MAX = 4096 };

static uint64_t generator;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t below)
{
    uint64_t value = generator += UINT64_C(0x9e3779b97f4a7c15);

    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (value ^ (value >> 31)) % below;
}

static int choose_seed(void **state)
{
    const char *given = getenv("LEASTPORT_TEST_SEED");
    (void)state;
    generator = given == NULL ? 20261122 : strtoull(given, NULL, 10);
    print_message("LEASTPORT_TEST_SEED=%llu\n", (unsigned long long)generator);
    return 0;
}

/* Changes 1 to 4 places; returns the new length. `bytes` has room for INPUT_MAX. */
static size_t mutate(char *bytes, size_t length)
{
    static const char spice[] = "-:,[]/%.!\"{}0957aF \n#\\";

    for (uint64_t i = draw(4) + 1; i > 0 && length > 0; i--) {
        size_t at = (size_t)draw(length);
        size_t span = (size_t)draw(length - at) + 1;
        switch (draw(5)) {
        case 0:
            bytes[at] = (char)draw(256);
            break;
        case 1:
            bytes[at] = spice[draw(sizeof(spice) - 1)];
            break;
        case 2:
            memmove(bytes + at, bytes + at + span, length - at - span);
            length -= span;
            break;
        case 3:
            if (length + span < INPUT_MAX) {
                memmove(bytes + at + span, bytes + at, length - at);
                length += span;
            }
            break;
        default:
            bytes[at] ^= (char)(1 << draw(8));
            break;
        }
    }
    return length;
}

static void ports_bear_it(void **state)
{
    static const char *const seeds[] = {"22,80-90,https,-1024,60000-", "common,!25,all", "0,65535,ssh"};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        char bytes[INPUT_MAX];
        const char *from = seeds[draw(3)];
        struct problem problem = {{0}};
        struct portset set;
        memcpy(bytes, from, strlen(from));
        bytes[mutate(bytes, strlen(from))] = '\0';
        int rc = ports_parse(bytes, NULL, "tcp", &set, &problem);
        assert_true(rc == 0 ? portset_count(&set) > 0 : strlen(problem.text) > 10);
    }
}

static void targets_bear_it(void **state)
{
    static const char text[] =
        "10.0.0.1-50 10.0.0.0/24:22,80-90 # c\n[fd00::1-fd00::ff]:443\tfe80::1%lo db.example:https\n";
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        char bytes[INPUT_MAX];
        struct problem problem = {{0}};
        struct targets *targets = targets_create();
        memcpy(bytes, text, sizeof(text) - 1);
        size_t length = mutate(bytes, sizeof(text) - 1);
        FILE *stream = length == 0 ? tmpfile() : fmemopen(bytes, length, "r");
        int rc = targets_read(targets, stream, "x", NULL, &problem);
        assert_true(rc == 0 || strlen(problem.text) > 10);
        for (size_t j = 0; j < targets_count(targets); j++) {
            const struct target *target = targets_at(targets, j);
            assert_true(target->name != NULL || addr_compare(&target->first, &target->last) <= 0);
        }
        fclose(stream);
        targets_destroy(targets);
    }
}

static int fake_resolve(void *context, const char *name, struct addr *addrs, size_t *ret_count)
{
    (void)context;
    (void)name;
    addrs[0] = addr_loopback(true);
    *ret_count = 1;
    return 0;
}

static void plans_bear_it(void **state)
{
    static const char text[] =
        "{\"schema\":\"leastport.plan/"
        "1\",\"realm\":\"r\",\"vantage\":\"v\",\"ports\":\"22,80\",\"probes\":[\"connect\"],"
        "\"targets\":[\"10.0.0.0/24\",\"10.0.0.7:443\",\"db.example\"],\"exclude\":[\"10.0.0.9\"],\"retries\":3,"
        "\"resolved\":{\"db.example\":[\"10.1.0.1\"]},\"never_scan\":[\"10.0.0.16/28\"],\"scope\":[\"10.0.0.0/8\"],"
        "\"canary\":{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":22},\"shard\":{\"index\":1,\"count\":3},"
        "\"watch\":[{\"host\":\"10.0.0.3\",\"proto\":\"tcp\",\"port\":9}]}";
    struct plan_means means = plan_means_default();
    (void)state;
    means.resolver = (struct resolver){.resolve = fake_resolve};
    for (int i = 0; i < ROUNDS; i++) {
        char bytes[INPUT_MAX];
        struct problem problem = {{0}};
        struct plan *plan = NULL;
        memcpy(bytes, text, sizeof(text) - 1);
        int rc = plan_from_json(bytes, mutate(bytes, sizeof(text) - 1), &means, &plan, &problem);
        assert_true(rc < 0 ? plan == NULL && strlen(problem.text) > 10 : strlen(plan_hash(plan)) == 64);
        plan_destroy(plan);
    }
}

static int ignore(void *context, const struct observation *observation)
{
    (void)context;
    (void)observation;
    return 0;
}

static size_t make_state_file(const char *path, char *bytes)
{
    struct state_head head = {.plan_json = "{}", .plan_hash = "h", .scan_id = "id"};
    struct observation notice = {.type = OBSERVATION_NOTICE};
    struct state_mark mark = {.slab = 1, .totals = "T", .totals_size = 1, .partial = "P", .partial_size = 1};
    struct problem problem;
    struct state *journal;

    notice.notice = (struct observation_notice){.code = "c", .message = "m"};
    assert_int_equal(state_create(path, &head, true, &journal, &problem), 0);
    assert_int_equal(state_append(journal, &notice, &problem), 0);
    assert_int_equal(state_checkpoint(journal, &mark, &problem), 0);
    state_close(journal);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, bytes, INPUT_MAX);
    close(fd);
    assert_true(size > 100);
    return (size_t)size;
}

static void state_files_bear_it(void **state)
{
    char path[64];
    char whole[INPUT_MAX];
    (void)state;
    snprintf(path, sizeof(path), "/tmp/leastport-mutation-%ld.state", (long)getpid());
    size_t size = make_state_file(path, whole);
    for (int i = 0; i < ROUNDS; i++) {
        char bytes[INPUT_MAX];
        struct problem problem = {{0}};
        struct state *journal = NULL;
        memcpy(bytes, whole, size);
        size_t length = mutate(bytes, size);
        int fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, bytes, length), (ssize_t)length);
        close(fd);
        int rc = state_open(path, &journal, &problem);
        assert_true(rc == 0 || strlen(problem.text) > 10);
        if (rc == 0) {
            assert_int_equal(state_replay(journal, ignore, NULL, &problem), 0);
        }
        state_close(journal);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_bear_it),
        cmocka_unit_test(targets_bear_it),
        cmocka_unit_test(plans_bear_it),
        cmocka_unit_test(state_files_bear_it),
    };
    return cmocka_run_group_tests_name("mutation", tests, choose_seed, NULL);
}
