/* rejudge_all DB POLICY: judges all that is open in DB anew under POLICY, twice, and says of each what it took: wall
 * and processor seconds, peak memory in MiB, endpoints, those whose findings changed, and findings that opened, that
 * the policy allows now, that were altered. rejudge_all -n DB POLICY: a dry run of it, once. */
#include "auditd/finding/rejudge.h"
#include "auditd/policy/policy.h"
#include "auditd/store/scan.h"
#include "auditd/store/store.h"
#include "lib/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(struct store *store, const struct policy *policy, bool dry_run)
{
    const struct store_policy row = {policy_hash(policy), policy_name(policy), policy_source(policy),
                                     policy_baseline(policy)};
    struct rejudge_options options = rejudge_options_default();
    struct rejudge_result result = {0};
    double wall = seconds_of(CLOCK_MONOTONIC);
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    struct rusage usage;
    int rc = dry_run ? 0 : store_policy_put(store, &row, options.now_ms, &options.policy_id);

    options.policy = policy;
    options.dry_run = dry_run;
    if (rc == 0) {
        rc = rejudge_run(store, &options, &result);
    }
    if (rc < 0) {
        fprintf(stderr, "rejudge_run: %s\n", store_last_error(store)->text);
        return rc;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%.2f %.2f %ld %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
           seconds_of(CLOCK_MONOTONIC) - wall, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, usage.ru_maxrss / 1024,
           result.endpoints, result.ports, result.opened, result.allowed, result.altered);
    return 0;
}

int main(int argc, char **argv)
{
    bool dry_run = argc > 1 && strcmp(argv[1], "-n") == 0;
    const struct store_options options = store_options_default();
    struct store_error error = {0};
    struct problems problems;
    struct policy *policy;
    struct store *store;
    int rc;

    argv += dry_run ? 1 : 0;
    argc -= dry_run ? 1 : 0;
    if (argc != 3) {
        fprintf(stderr, "usage: rejudge_all [-n] DB POLICY\n");
        return EXIT_FAILURE;
    }
    problems_init(&problems);
    if (policy_load(argv[2], &problems, &policy) < 0) {
        problems_print(&problems, argv[2], stderr);
        return EXIT_FAILURE;
    }
    if (store_open(argv[1], &options, &store, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    rc = run(store, policy, dry_run);
    rc = rc == 0 && !dry_run ? run(store, policy, false) : rc;
    store_close(store);
    policy_destroy(policy);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
