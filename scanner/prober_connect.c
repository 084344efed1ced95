#include "scanner/prober.h"

#include "scanner/connect_pool.h"
#include "scanner/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Descriptors left for outputs, the state, files of /proc and the C library. */
    RESERVED_DESCRIPTORS = 16,
    SOCKETS_MAX = 32768,
    SOCKETS_LOW = 512,
    /* Left for those who ask what answers, but not more than half of all. */
    RESERVED_FOR_SERVICES = 2048,
    LOCAL_ERRORS_NAMED = 8,
};

struct prober {
    struct prober_options options;
    struct connect_pool *pool;
    struct pacer pacer;
    struct pacer_rate rate; /* at the moment */
    struct pacer_rate plan_rate;
    struct pacer_rate host_rate;
    uint32_t ceiling; /* that the slab before has reached */
    uint32_t local_errors;
    struct addr local_error_host;
    struct prober_slab slab;
    struct sweep *sweep;
};

static void on_exhausted(void *context, int error)
{
    struct prober *prober = context;
    const char *what = error == EADDRNOTAVAIL || error == EADDRINUSE ? "no local port is free" : strerror(error);

    report_notice(prober->options.report, "exhausted", NULL,
                  "this machine: %s: fewer connections at once, the probes are sent later "
                  "(\"leastport doctor\" says what would help)",
                  what);
}

static void tell_local_error(struct prober *prober, const struct connect_answer *answer)
{
    struct addr addr;
    uint32_t host;
    uint16_t port;
    char text[ADDR_TEXT_SIZE];

    prober->slab.map.locate(prober->slab.map.context, answer->probe, &host, &addr, &port);
    if (prober->local_errors > LOCAL_ERRORS_NAMED || addr_equal(&addr, &prober->local_error_host)) {
        return;
    }
    prober->local_errors++;
    prober->local_error_host = addr;
    if (prober->local_errors > LOCAL_ERRORS_NAMED) {
        report_notice(prober->options.report, "unreachable", NULL, "more hosts cannot be reached from this machine");
        return;
    }
    report_notice(prober->options.report, "unreachable", &addr, "%s: this machine cannot send to it: %s",
                  addr_format(&addr, text), prober_error_text(answer->local_errno));
}

static void on_answer(void *context, const struct connect_answer *answer)
{
    struct prober *prober = context;
    struct sweep_answer taken = {.probe = answer->probe,
                                 .answer = answer->answer,
                                 .reason = answer->reason,
                                 .from_host = answer->from_host,
                                 .took_ns = answer->took_ns};

    if (answer->local_errno != 0 && !prober->slab.quiet) {
        tell_local_error(prober, answer);
    }
    sweep_take(prober->sweep, &taken, answer->at);
}

static void on_not_sent(void *context, uint32_t probe)
{
    struct prober *prober = context;

    sweep_take_back(prober->sweep, probe, mono_now());
}

static void on_short_of_threads(void *context, uint32_t wanted, uint32_t started, int error)
{
    struct prober *prober = context;

    report_notice(prober->options.report, "threads", NULL, "%" PRIu32 " threads send instead of %" PRIu32 ": %s",
                  started, wanted, strerror(error));
}

static void locate(const void *context, uint32_t probe, struct addr *ret_addr, uint16_t *ret_port)
{
    const struct prober_map *map = context;
    uint32_t host;

    map->locate(map->context, probe, &host, ret_addr, ret_port);
}

/* How many sockets there may be at once; says so when a low limit of open files decides it. -errno. */
static int size_engine(struct prober *prober, struct limits *ret_limits, uint32_t *ret_sockets, struct problem *problem)
{
    uint64_t soft_before;
    uint64_t taken;
    uint64_t room;
    int rc = limits_read(ret_limits);

    soft_before = rc == 0 ? ret_limits->descriptors_soft : 0;
    if (rc == 0) {
        rc = limits_raise_descriptors();
    }
    if (rc == 0) {
        rc = limits_read(ret_limits);
    }
    if (rc < 0) {
        return problem_set(problem, rc, "reading the limit of open files: %s", strerror(-rc));
    }
    taken = ret_limits->descriptors_open + RESERVED_DESCRIPTORS;
    if (ret_limits->descriptors_soft <= taken) {
        return problem_set(problem, -EMFILE,
                           "only %" PRIu64 " open files are allowed, %" PRIu64
                           " are needed at least: \"ulimit -n 1024\"",
                           ret_limits->descriptors_soft, taken + 1);
    }
    room = ret_limits->descriptors_soft - taken;
    if (plan_asks_services(prober->options.plan)) {
        room -= room / 2 < RESERVED_FOR_SERVICES ? room / 2 : RESERVED_FOR_SERVICES;
    }
    *ret_sockets = room < SOCKETS_MAX ? (uint32_t)room : SOCKETS_MAX;
    if (*ret_sockets < SOCKETS_LOW) {
        report_notice(prober->options.report, "descriptors", NULL,
                      "only %" PRIu32 " connections at once: the limit of open files is %" PRIu64
                      "; \"ulimit -n 65536\" before the scan makes it faster",
                      *ret_sockets, ret_limits->descriptors_soft);
    } else if (soft_before < SOCKETS_LOW) {
        report_notice(prober->options.report, "descriptors-raised", NULL,
                      "the limit of open files was %" PRIu64 ", raised to %" PRIu64 ": up to %" PRIu32
                      " connections at once",
                      soft_before, ret_limits->descriptors_soft, *ret_sockets);
    }
    return 0;
}

static void set_rates(struct prober *prober)
{
    uint64_t rate = plan_rate_pps(prober->options.plan);

    /* A hundredth of a second at once at most, so that the ceiling holds in every short span too. */
    prober->plan_rate = pacer_rate_of(rate, rate < 100 ? 1 : rate > 25600 ? 256 : (uint32_t)(rate / 100));
    prober->host_rate = pacer_rate_of(plan_host_rate_pps(prober->options.plan), 1);
    prober->rate = prober->plan_rate;
}

static void connect_prober_destroy(struct prober *prober)
{
    sweep_destroy(prober->sweep);
    connect_pool_destroy(prober->pool);
    free(prober);
}

static int open_pool(struct prober *prober, struct problem *problem)
{
    struct connect_pool_options options = {.scope = prober->options.scope,
                                           .threads = prober->options.threads,
                                           .wake_fd = prober->options.wake_fd,
                                           .listener = {.answered = on_answer,
                                                        .not_sent = on_not_sent,
                                                        .exhausted = on_exhausted,
                                                        .short_of_threads = on_short_of_threads,
                                                        .context = prober}};
    struct limits limits = {0};
    int rc = size_engine(prober, &limits, &options.descriptors, problem);

    if (rc < 0) {
        return rc;
    }
    rc = connect_pool_create(&options, &prober->pool);
    return rc < 0 ? problem_set(problem, rc, "opening the connect engine: %s", strerror(-rc)) : 0;
}

static int connect_prober_create(const struct prober_options *options, struct prober **ret_prober,
                                 struct problem *problem)
{
    struct prober *prober = calloc(1, sizeof(*prober));
    int rc;

    if (prober == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    prober->options = *options;
    set_rates(prober);
    rc = open_pool(prober, problem);
    if (rc < 0) {
        connect_prober_destroy(prober);
        return rc;
    }
    *ret_prober = prober;
    return 0;
}

static int connect_prober_begin(struct prober *prober, const struct prober_slab *slab, struct problem *problem)
{
    struct sweep_options options = {.slab = slab->slab,
                                    .order = slab->order,
                                    .shard_index = slab->shard_index,
                                    .shard_count = slab->shard_count,
                                    .retries = slab->retries,
                                    .ceiling = slab->quiet ? 0 : prober->ceiling,
                                    .pacer = &prober->pacer,
                                    .rate = &prober->rate,
                                    .host_rate = prober->host_rate,
                                    .map = {locate, &prober->slab.map},
                                    .ops = connect_pool_ops(),
                                    .engine = prober->pool,
                                    .listener = slab->listener};

    prober->slab = *slab;
    return sweep_create(&options, &prober->sweep) < 0 ? problem_set(problem, -ENOMEM, "out of memory") : 0;
}

static int connect_prober_step(struct prober *prober, struct mono_time until, struct problem *problem)
{
    struct mono_time due;
    int rc = sweep_step(prober->sweep, mono_now());

    if (rc == 0 && !sweep_is_done(prober->sweep)) {
        due = sweep_wakeup(prober->sweep);
        rc = connect_pool_poll(prober->pool, due.ns < until.ns ? due : until);
    }
    if (rc == -ENOBUFS) {
        return problem_set(problem, rc,
                           "this machine has had no room for a single probe for %d s; \"leastport doctor\" "
                           "says what would help",
                           SWEEP_STARVED_S);
    }
    if (rc == -EPERM || rc == -EACCES) {
        return problem_set(problem, rc,
                           "the guard refused a probe that the plan should not have held; nothing was sent");
    }
    return rc < 0 ? problem_set(problem, rc, "probing: %s", strerror(-rc)) : 0;
}

/* The plan's rate, or the bound when that is less. */
static void connect_prober_limit(struct prober *prober, uint64_t most_pps)
{
    uint64_t rate_pps = plan_rate_pps(prober->options.plan);

    if (most_pps == 0 || (rate_pps > 0 && most_pps >= rate_pps)) {
        prober->rate = prober->plan_rate;
    } else {
        prober->rate = pacer_rate_of(most_pps, most_pps < 100 ? 1 : (uint32_t)(most_pps / 100));
    }
}

static uint32_t connect_prober_taint(struct prober *prober)
{
    return prober->sweep != NULL ? sweep_taint(prober->sweep) : 0;
}

static void connect_prober_tick(struct prober *prober)
{
    (void)prober;
}

static void connect_prober_stop(struct prober *prober)
{
    sweep_stop(prober->sweep);
}

static bool connect_prober_is_done(const struct prober *prober)
{
    return sweep_is_done(prober->sweep);
}

static bool connect_prober_is_complete(const struct prober *prober)
{
    return prober->sweep != NULL && sweep_is_complete(prober->sweep);
}

static uint64_t connect_prober_settled(const struct prober *prober)
{
    return prober->sweep != NULL ? sweep_settled(prober->sweep) : 0;
}

static void connect_prober_end(struct prober *prober)
{
    if (prober->sweep != NULL && !prober->slab.quiet) {
        prober->ceiling = sweep_ceiling(prober->sweep);
    }
    sweep_destroy(prober->sweep);
    prober->sweep = NULL;
}

const struct prober_ops prober_connect = {
    .create = connect_prober_create,
    .destroy = connect_prober_destroy,
    .begin = connect_prober_begin,
    .step = connect_prober_step,
    .tick = connect_prober_tick,
    .limit = connect_prober_limit,
    .taint = connect_prober_taint,
    .stop = connect_prober_stop,
    .is_done = connect_prober_is_done,
    .is_complete = connect_prober_is_complete,
    .settled = connect_prober_settled,
    .end = connect_prober_end,
};
