#include "scanner/scan.h"

#include "lib/log.h"
#include "scanner/asking.h"
#include "scanner/hostgroup.h"
#include "scanner/limits.h"
#include "scanner/loss.h"
#include "scanner/prober.h"
#include "scanner/report.h"
#include "scanner/slab.h"
#include "scanner/totals.h"
#include "scanner/tracking.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CANARY_RETRIES = 4,
};

static const uint64_t NS_PER_MS = 1000000;
static const uint64_t TICK_NS = UINT64_C(1000000000) / TRACKING_LOOKS_PER_S;
static const uint64_t PROGRESS_LINE_NS = UINT64_C(1000) * 1000000;

struct scan {
    const struct scan_options *options;
    struct report *report;
    const struct prober_ops *ops;
    struct prober *prober;
    struct asking *asking; /* NULL: services are not asked */
    struct totals totals;
    struct progress_meter meter;
    struct mono_time begun;
    struct mono_time ticked;
    struct mono_time line_told;
    struct mono_time now;
    bool stopped;
    struct tracking tracking;
    bool tainted_said;
    /* The slab at hand. */
    uint64_t slab_number;
    struct hostgroup *group;
    struct slab *slab;
    struct permutation order; /* the prober has it until its end, which an error brings late */
    bool working;             /* the prober is at it */
};

static uint64_t probes_sent(const struct scan *scan)
{
    return scan->totals.sent + (scan->slab != NULL ? slab_totals(scan->slab)->sent : 0);
}

static uint64_t probes_done(const struct scan *scan)
{
    uint64_t before = plan_probes_before(scan->options->plan, scan->slab_number);

    return before + (scan->working && scan->group != NULL ? scan->ops->settled(scan->prober) : 0);
}

static void on_open(void *context, const struct sweep_found *found)
{
    struct scan *scan = context;

    report_open(scan->report, scan->group, found);
}

static void tell_host(void *context, uint32_t host)
{
    struct scan *scan = context;

    report_host(scan->report, scan->group, scan->slab, scan->slab_number, host);
}

/* Where its open ports are asked first, its line waits for them. */
static void on_host_done(void *context, uint32_t host)
{
    struct scan *scan = context;

    if (scan->asking == NULL) {
        slab_host(scan->slab, host)->told = true;
        tell_host(scan, host);
    }
}

static void on_host_eased(void *context, uint32_t host)
{
    struct scan *scan = context;
    struct addr addr = hostgroup_addr(scan->group, host);
    char text[ADDR_TEXT_SIZE];

    report_notice(scan->report, "eased", &addr, "%s: its answers slow, stop or get lost under the scan: easing off",
                  addr_format(&addr, text));
}

static void tell_progress(struct scan *scan)
{
    struct observation observation = {.type = OBSERVATION_PROGRESS};
    struct observation_progress *figures = &observation.progress;

    figures->probes_done = probes_done(scan);
    figures->probes = plan_probes(scan->options->plan);
    figures->probes_sent = probes_sent(scan);
    figures->open = report_counts(scan->report)->open;
    figures->asks = scan->asking != NULL;
    figures->asked = report_counts(scan->report)->services;
    progress_meter_update(&scan->meter, scan->now, figures);
    if (scan->options->progress_lines && mono_elapsed_ns(scan->line_told, scan->now) >= PROGRESS_LINE_NS) {
        scan->line_told = scan->now;
        report_tell(scan->report, &observation);
    }
    progress_show(scan->options->progress, figures);
}

static uint64_t connects_made(const struct scan *scan)
{
    return scan->asking != NULL ? asking_connects(scan->asking) : 0;
}

/* Tracked connections outlive their sockets (a SYN without an answer two minutes), and when the table is full packets
 * vanish without an error: the nearer its limit, the less is sent. What was under way when some did vanish is sent
 * again. */
static void watch_conntrack(struct scan *scan)
{
    struct tracking_reading reading = {.table = limits_conntrack(), .sent = probes_sent(scan) + connects_made(scan)};
    struct tracking_pace pace;
    uint32_t tainted;

    reading.lost_known = limits_conntrack_lost(&reading.lost);
    tracking_look(&scan->tracking, &reading, &pace);
    scan->ops->limit(scan->prober, pace.most_pps);
    if (scan->asking != NULL) {
        asking_limit(scan->asking, pace.most_pps);
    }
    if (pace.nears) {
        report_notice(scan->report, "conntrack", NULL,
                      "the connection tracking table is nearly full (%" PRIu64 " of %" PRIu64
                      "): slowing down until there is room",
                      reading.table.used, reading.table.max);
    }
    tainted = pace.lost > 0 ? scan->ops->taint(scan->prober) : 0;
    if (tainted > 0 && !scan->tainted_said) {
        scan->tainted_said = true;
        report_notice(scan->report, "conntrack-lost", NULL,
                      "connection tracking on this machine has lost packets (%" PRIu64
                      "): slowing down; what stays silent of the %" PRIu32 " probes under way is sent again",
                      pace.lost, tainted);
    }
}

static bool wants_stop(const struct scan *scan)
{
    struct pollfd stop = {.fd = scan->options->stop_fd, .events = POLLIN};

    if (scan->options->stop_fd < 0 || poll(&stop, 1, 0) <= 0) {
        return false;
    }
    scan->options->stopping(scan->options->context);
    return true;
}

static void tick(struct scan *scan)
{
    if (mono_elapsed_ns(scan->ticked, scan->now) < TICK_NS) {
        return;
    }
    scan->ticked = scan->now;
    watch_conntrack(scan);
    scan->ops->tick(scan->prober);
    report_flush(scan->report);
    if (scan->group != NULL) {
        tell_progress(scan);
    }
    if (!scan->stopped && (wants_stop(scan) || report_error(scan->report, NULL) != 0)) {
        scan->stopped = true;
        scan->ops->stop(scan->prober);
        if (scan->asking != NULL) {
            asking_stop(scan->asking);
        }
    }
}

/* Until the slab is done, or stopped and drained; *ret_complete: nothing of it is left to do. */
static int work(struct scan *scan, const struct prober_slab *slab, bool *ret_complete, struct problem *problem)
{
    int rc = scan->ops->begin(scan->prober, slab, problem);

    scan->working = rc == 0;
    if (rc == 0 && scan->stopped) {
        scan->ops->stop(scan->prober);
    }
    while (rc == 0 && !scan->ops->is_done(scan->prober)) {
        scan->now = mono_now();
        /* Before anything runs out of time: a packet lost here is known of sooner than its answer is given up. */
        tick(scan);
        rc = scan->ops->step(scan->prober, mono_add_ns(scan->now, TICK_NS), problem);
    }
    *ret_complete = rc == 0 && scan->ops->is_complete(scan->prober);
    return rc;
}

static void rest(struct scan *scan)
{
    if (scan->prober != NULL) {
        scan->ops->end(scan->prober);
    }
    scan->working = false;
}

/* One probe of the canary, through the same prober as all others. */
struct canary {
    struct addr addr;
    uint16_t port;
};

static void canary_host(const void *context, uint32_t host, struct addr *ret_addr)
{
    const struct canary *canary = context;

    (void)host;
    *ret_addr = canary->addr;
}

static void canary_locate(const void *context, uint32_t probe, uint32_t *ret_host, struct addr *ret_addr,
                          uint16_t *ret_port)
{
    const struct canary *canary = context;

    (void)probe;
    *ret_host = 0;
    *ret_addr = canary->addr;
    *ret_port = canary->port;
}

static int64_t canary_find(const void *context, const struct addr *addr, uint16_t port)
{
    const struct canary *canary = context;

    return port == canary->port && addr_equal(addr, &canary->addr) ? 0 : -1;
}

static void ignore_open(void *context, const struct sweep_found *found)
{
    (void)context;
    (void)found;
}

static void ignore_host(void *context, uint32_t host)
{
    (void)context;
    (void)host;
}

static void tell_canary(struct scan *scan, const struct canary *canary, const struct slab *slab, bool at_end)
{
    struct observation observation = {.type = OBSERVATION_CANARY,
                                      .canary = {.host = canary->addr,
                                                 .proto = plan_probe_proto(plan_probe(scan->options->plan)),
                                                 .port = canary->port,
                                                 .at_end = at_end,
                                                 .answered = slab_answer(slab, 0) >= PROBE_RST,
                                                 .reason = slab_reason(slab, 0)}};

    report_tell(scan->report, &observation);
}

/* A resume may be narrower than its plan, which was checked as a whole. */
static bool is_refused_now(const struct scan *scan, const struct addr *addr)
{
    return scan->options->resume && scope_permits(scan->options->scope, addr, NULL) < 0;
}

static int ask_canary(struct scan *scan, bool at_end, struct problem *problem)
{
    static const uint8_t seed[PERMUTATION_SEED_BYTES] = {0};
    static const uint32_t first_probes[2] = {0, 1};
    struct canary canary;
    struct permutation order;
    struct prober_slab slab = {
        .order = &order,
        .shard_count = 1,
        .retries = CANARY_RETRIES,
        .listener = {ignore_open, ignore_host, ignore_host, NULL},
        .map = {.hosts = 1, .host = canary_host, .locate = canary_locate, .find = canary_find, .context = &canary},
        .quiet = true};
    bool complete;
    int rc;

    if (!plan_canary(scan->options->plan, &canary.addr, &canary.port) || is_refused_now(scan, &canary.addr)) {
        return 0;
    }
    permutation_init(&order, seed, 0, 1);
    rc = slab_create(first_probes, 1, &slab.slab);
    if (rc < 0) {
        return problem_set(problem, rc, "out of memory");
    }
    rc = work(scan, &slab, &complete, problem);
    rest(scan);
    if (rc == 0 && complete) {
        tell_canary(scan, &canary, slab.slab, at_end);
    }
    slab_destroy(slab.slab);
    return rc;
}

static int checkpoint(struct scan *scan, uint64_t slab, const uint8_t *partial, size_t partial_size,
                      struct problem *problem)
{
    struct totals totals = scan->totals;
    struct state_mark mark = {.slab = slab, .partial = partial, .partial_size = partial_size};
    char *text;
    int rc;

    if (scan->options->state == NULL) {
        return 0;
    }
    report_flush(scan->report);
    totals.elapsed_ms += mono_elapsed_ns(scan->begun, mono_now()) / NS_PER_MS;
    text = totals_format(&totals);
    if (text == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    mark.totals = text;
    mark.totals_size = strlen(text);
    rc = state_checkpoint(scan->options->state, &mark, problem);
    free(text);
    return rc;
}

static int slab_open(struct scan *scan, struct problem *problem)
{
    uint32_t hosts;
    uint32_t *first_probes;
    int rc = hostgroup_create(plan_space(scan->options->plan), scan->slab_number, &scan->group);

    if (rc < 0) {
        return problem_set(problem, rc, "out of memory");
    }
    hosts = hostgroup_hosts(scan->group);
    first_probes = calloc((size_t)hosts + 1, sizeof(*first_probes));
    if (first_probes == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    for (uint32_t host = 0; host <= hosts; host++) {
        first_probes[host] = hostgroup_first_probe(scan->group, host);
    }
    rc = slab_create(first_probes, hosts, &scan->slab);
    free(first_probes);
    return rc < 0 ? problem_set(problem, rc, "out of memory") : 0;
}

static void slab_close(struct scan *scan)
{
    slab_destroy(scan->slab);
    hostgroup_destroy(scan->group);
    scan->slab = NULL;
    scan->group = NULL;
}

static void tell_refused(struct scan *scan, uint32_t count, const struct addr *first)
{
    char text[ADDR_TEXT_SIZE];

    if (count == 1) {
        report_notice(scan->report, "never-scan", first, "%s is not probed any more: this resume has it out of bounds",
                      addr_format(first, text));
    } else if (count > 1) {
        report_notice(scan->report, "never-scan", NULL,
                      "%s and %" PRIu32 " more hosts of this part of the scan are not probed any more: this resume has "
                      "them out of bounds",
                      addr_format(first, text), count - 1);
    }
}

/* What is left of a slab that was suspended, and the hosts that are not to be sent to any more. */
static int slab_prepare(struct scan *scan, struct problem *problem)
{
    const struct state_mark *mark = scan->options->resume ? state_mark(scan->options->state) : NULL;
    uint32_t refused = 0;
    struct addr first_refused = {0};
    int rc;

    if (mark != NULL && mark->partial_size > 0 && mark->slab == scan->slab_number) {
        rc = slab_restore(scan->slab, mark->partial, mark->partial_size);
        if (rc < 0) {
            return problem_set(problem, rc, "%s: the unfinished part is damaged: %s", state_path(scan->options->state),
                               strerror(-rc));
        }
    }
    for (uint32_t host = 0; host < hostgroup_hosts(scan->group); host++) {
        struct addr addr = hostgroup_addr(scan->group, host);
        struct slab_host *facts = slab_host(scan->slab, host);
        if (facts->done) {
            continue;
        }
        if (plan_is_skipped(scan->options->plan, &addr)) {
            facts->done = true;
        } else if (is_refused_now(scan, &addr)) {
            facts->done = true;
            first_refused = refused++ == 0 ? addr : first_refused;
        }
        facts->told |= facts->done;
    }
    tell_refused(scan, refused, &first_refused);
    return 0;
}

/* A checkpoint for those who read along: every line up to this slab stands before it. */
static void tell_slab(struct scan *scan, uint64_t slab)
{
    const struct plan *plan = scan->options->plan;
    struct observation observation = {.type = OBSERVATION_SLAB,
                                      .slab = {.slab = slab,
                                               .slabs = space_slabs(plan_space(plan)),
                                               .probes_done = plan_probes_before(plan, slab + 1),
                                               .probes_sent = scan->totals.sent}};

    report_tell(scan->report, &observation);
}

static int slab_finish(struct scan *scan, struct problem *problem)
{
    const struct slab_totals *totals = slab_totals(scan->slab);
    int rc;

    scan->totals.sent += totals->sent;
    loss_add(&scan->totals.loss, &totals->loss);
    slab_close(scan);
    rc = checkpoint(scan, scan->slab_number + 1, NULL, 0, problem);
    tell_slab(scan, scan->slab_number);
    scan->slab_number++;
    return rc;
}

static int slab_suspend(struct scan *scan, struct problem *problem)
{
    uint8_t *bytes;
    size_t size;
    int rc;

    if (scan->options->state == NULL) {
        return 0;
    }
    rc = slab_serialise(scan->slab, &bytes, &size);
    if (rc < 0) {
        return problem_set(problem, rc, "out of memory");
    }
    rc = checkpoint(scan, scan->slab_number, bytes, size, problem);
    free(bytes);
    return rc;
}

/* A link that failed, say, need not cost the slab; but what was sent last and stayed silent may not have left. The
 * first error is the one to be told. */
static void keep_after_error(struct scan *scan)
{
    struct problem ignored;

    if (report_error(scan->report, NULL) < 0) {
        return;
    }
    for (uint32_t probe = 0; probe < slab_probes(scan->slab); probe++) {
        if (slab_answer(scan->slab, probe) == PROBE_NONE &&
            !slab_host(scan->slab, slab_host_of(scan->slab, probe))->done) {
            slab_set_tried(scan->slab, probe, false);
        }
    }
    (void)slab_suspend(scan, &ignored);
}

static void group_host(const void *context, uint32_t host, struct addr *ret_addr)
{
    const struct scan *scan = context;

    hostgroup_put_addr(scan->group, host, ret_addr);
}

static void group_locate(const void *context, uint32_t probe, uint32_t *ret_host, struct addr *ret_addr,
                         uint16_t *ret_port)
{
    const struct scan *scan = context;

    hostgroup_locate(scan->group, probe, ret_host, ret_addr, ret_port);
}

static int64_t group_find(const void *context, const struct addr *addr, uint16_t port)
{
    const struct scan *scan = context;

    return hostgroup_find(scan->group, addr, port);
}

static int64_t group_find_host(const void *context, const struct addr *addr)
{
    const struct scan *scan = context;

    return hostgroup_find_host(scan->group, addr);
}

static bool group_is_known(const void *context, uint32_t host)
{
    const struct scan *scan = context;
    struct addr addr = hostgroup_addr(scan->group, host);

    return plan_watches_host(scan->options->plan, &addr);
}

static bool is_barred(const void *context, const struct addr *addr)
{
    const struct scan *scan = context;

    return plan_is_skipped(scan->options->plan, addr) || is_refused_now(scan, addr);
}

/* What answers at the slab's open ports; then its hosts' lines. *ret_complete as work() has it. */
static int ask_services(struct scan *scan, bool *ret_complete, struct problem *problem)
{
    struct asking_slab slab = {
        .group = scan->group, .slab = scan->slab, .is_barred = is_barred, .host_done = tell_host, .context = scan};
    int rc = asking_begin(scan->asking, &slab, problem);

    while (rc == 0 && !asking_is_done(scan->asking)) {
        scan->now = mono_now();
        tick(scan);
        rc = asking_step(scan->asking, mono_add_ns(scan->now, TICK_NS), problem);
    }
    *ret_complete = rc == 0 && asking_is_complete(scan->asking);
    asking_end(scan->asking);
    return rc;
}

static int work_slab(struct scan *scan, struct problem *problem)
{
    struct prober_slab slab = {.order = &scan->order,
                               .shard_index = plan_shard_index(scan->options->plan) - 1,
                               .shard_count = plan_shard_count(scan->options->plan),
                               .retries = plan_retries(scan->options->plan),
                               .listener = {on_open, on_host_done, on_host_eased, scan}};
    bool complete;
    int rc = slab_open(scan, problem);

    if (rc == 0) {
        rc = slab_prepare(scan, problem);
    }
    if (rc < 0) {
        return rc;
    }
    scan->order = plan_permutation(scan->options->plan, scan->slab_number, slab_probes(scan->slab));
    slab.slab = scan->slab;
    slab.map = (struct prober_map){.hosts = hostgroup_hosts(scan->group),
                                   .host = group_host,
                                   .locate = group_locate,
                                   .find = group_find,
                                   .find_host = group_find_host,
                                   .is_known = group_is_known,
                                   .context = scan};
    rc = work(scan, &slab, &complete, problem);
    if (rc == 0 && complete && scan->asking != NULL) {
        rc = ask_services(scan, &complete, problem);
    }
    rest(scan);
    if (rc < 0) {
        keep_after_error(scan);
        return rc;
    }
    return complete ? slab_finish(scan, problem) : slab_suspend(scan, problem);
}

static int work_slabs(struct scan *scan, struct problem *problem)
{
    uint64_t slabs = space_slabs(plan_space(scan->options->plan));
    int rc = 0;

    if (!report_counts(scan->report)->canary_start) {
        rc = ask_canary(scan, false, problem);
    }
    while (rc == 0 && !scan->stopped && scan->slab_number < slabs) {
        rc = work_slab(scan, problem);
    }
    if (rc == 0 && !scan->stopped) {
        rc = ask_canary(scan, true, problem);
    }
    return rc == 0 ? report_error(scan->report, problem) : rc;
}

static void tell_start(struct scan *scan)
{
    const struct plan *plan = scan->options->plan;
    struct portset ports;
    size_t offset;
    struct observation observation = {.type = OBSERVATION_START,
                                      .start = {.plan_json = plan_json(plan),
                                                .plan_hash = plan_hash(plan),
                                                .realm = plan_realm(plan),
                                                .vantage = plan_vantage(plan),
                                                .ports = plan_ports(plan),
                                                .args = scan->options->arguments,
                                                .probe = plan_probe_name(plan_probe(plan)),
                                                .proto = plan_probe_proto(plan_probe(plan)),
                                                .slabs = space_slabs(plan_space(plan)),
                                                .from_slab = scan->options->from_slab,
                                                .hosts = space_hosts(plan_space(plan)),
                                                .probes = plan_probes(plan)}};

    if (portset_parse(plan_ports(plan), &ports, &offset) == 0) {
        observation.start.port_count = portset_count(&ports);
    }
    report_tell(scan->report, &observation);
}

/* Probes that were asked, are done and got no answer: what is said to be missed can have been missed only there. */
static double unanswered(const struct scan *scan, uint64_t done)
{
    uint64_t answered = report_counts(scan->report)->unasked;

    for (size_t i = 0; i < LOSS_PASSES_MAX; i++) {
        answered += scan->totals.loss.answers[i];
    }
    return done > answered ? (double)(done - answered) : 0;
}

static void tell_end(struct scan *scan, int rc, const struct problem *problem)
{
    uint32_t passes = plan_retries(scan->options->plan) + 1;
    const struct report_counts *counts = report_counts(scan->report);
    struct loss_estimate loss;
    struct observation observation = {.type = OBSERVATION_END};
    struct observation_end *end = &observation.end;

    end->complete = rc == 0 && !scan->stopped;
    end->cause = rc < 0 && rc != -EPIPE ? SCAN_CAUSE_ERROR : end->complete ? SCAN_CAUSE_DONE : SCAN_CAUSE_INTERRUPTED;
    end->message = rc < 0 ? problem->text : NULL;
    end->probes = plan_probes(scan->options->plan);
    end->probes_done = probes_done(scan);
    end->probes_sent = probes_sent(scan);
    end->probes_unasked = counts->unasked;
    end->hosts_up = counts->hosts_up;
    end->hosts_down = counts->hosts_down;
    end->open = counts->open;
    if (scan->slab != NULL) {
        loss_add(&scan->totals.loss, &slab_totals(scan->slab)->loss);
    }
    end->has_loss = loss_estimate(&scan->totals.loss, passes, &loss);
    if (end->has_loss) {
        end->loss = loss.share;
    }
    /* What a part may have missed is no word on the whole. */
    if (end->has_loss && end->complete) {
        struct loss_missed missed = loss_missed(&loss, &scan->totals.loss, passes, counts->open);
        end->has_missed = true;
        end->missed_low = fmin(missed.low, unanswered(scan, end->probes_done));
        end->missed_high = fmin(missed.high, unanswered(scan, end->probes_done));
    }
    end->elapsed_ms = scan->totals.elapsed_ms + mono_elapsed_ns(scan->begun, mono_now()) / NS_PER_MS;
    report_tell(scan->report, &observation);
}

static void tell_unasked(struct scan *scan)
{
    uint64_t hosts = report_counts(scan->report)->hosts_unasked;

    if (hosts > 0) {
        report_notice(scan->report, "undiscovered", NULL,
                      "%" PRIu64 " host%s did not answer discovery: %" PRIu64
                      " ports were not asked; --no-discovery asks them all the same",
                      hosts, hosts == 1 ? "" : "s", report_counts(scan->report)->unasked);
    }
}

static void tell_left_out(struct scan *scan)
{
    uint64_t hosts = plan_never_scan_hosts(scan->options->plan);
    size_t count;
    const struct addr *named = plan_never_scan_named(scan->options->plan, &count);
    char list[PLAN_NAMED_MOST * (ADDR_TEXT_SIZE + 2)];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        char text[ADDR_TEXT_SIZE];
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ",
                                 addr_format(&named[i], text));
    }
    if (count > 0) {
        report_notice(scan->report, "never-scan", NULL, "%s: on the never-scan list, left out", list);
    } else if (hosts > 0) {
        report_notice(scan->report, "never-scan", NULL,
                      "%" PRIu64 " of the addresses stand on the never-scan list and are left out", hosts);
    }
}

/* Before the first probe: does what the plan may hold open at once fit into the tracking table? */
static void check_conntrack(struct scan *scan)
{
    const uint64_t syn_sent_s = limits_conntrack_syn_sent_s();
    struct limits_table table = limits_conntrack();
    uint64_t rate = plan_rate_pps(scan->options->plan);
    uint64_t tries = plan_probes(scan->options->plan);
    uint64_t room;

    /* Where nothing is tracked at this moment, not even what this machine does otherwise, nothing tracks. */
    if (!table.known || table.used == 0) {
        return;
    }
    room = table.max > table.used ? table.max - table.used : 0;
    if (tries < UINT64_MAX / PLAN_RETRIES_MAX) {
        tries *= plan_retries(scan->options->plan) + 1;
    }
    if (rate > 0 && rate * syn_sent_s < tries) {
        tries = rate * syn_sent_s;
    }
    if (tries > room) {
        report_notice(scan->report, "conntrack-room", NULL,
                      "the connection tracking table has room for %" PRIu64 " more, and this scan may need %" PRIu64
                      ": it is watched, and the scan slows down near its limit",
                      room, tries);
    }
}

/* Before the prober, which may confine the process. */
static int open_asking(struct scan *scan, struct problem *problem)
{
    struct asking_options options = {.plan = scan->options->plan,
                                     .scope = scan->options->scope,
                                     .report = scan->report,
                                     .wake_fd = scan->options->stop_fd};

    return plan_asks_services(scan->options->plan) ? asking_create(&options, &scan->asking, problem) : 0;
}

static int open_prober(struct scan *scan, struct problem *problem)
{
    struct prober_options options = {.plan = scan->options->plan,
                                     .scope = scan->options->scope,
                                     .report = scan->report,
                                     .threads = scan->options->threads,
                                     .link = scan->options->link,
                                     .wake_fd = scan->options->stop_fd};
    int rc;

    scan->ops = plan_probe(scan->options->plan) == PLAN_PROBE_CONNECT ? &prober_connect : &prober_raw;
    rc = scan->ops->create(&options, &scan->prober, problem);
    if (rc == 0) {
        check_conntrack(scan);
        watch_conntrack(scan);
    }
    return rc;
}

static void hear_of_skipped(void *context, const char *code, const char *host, const char *message)
{
    struct scan *scan = context;
    struct addr addr;
    bool is_addr = addr_parse(host, &addr) == 0;

    report_notice(scan->report, code, is_addr ? &addr : NULL, "%s", message);
}

static int take_up(struct scan *scan, struct problem *problem)
{
    const struct state_mark *mark;
    int rc;

    scan->slab_number = scan->options->from_slab;
    if (!scan->options->resume) {
        return 0;
    }
    mark = state_mark(scan->options->state);
    scan->slab_number = mark->slab;
    rc = totals_parse(mark->totals, mark->totals_size, &scan->totals);
    if (rc < 0) {
        return problem_set(problem, rc, "%s: its counters are damaged", state_path(scan->options->state));
    }
    rc = report_replay(scan->report, problem);
    if (rc == 0 && scan->slab_number > 0) {
        tell_slab(scan, scan->slab_number - 1);
    }
    if (rc == 0 && plan_refresh(scan->options->plan, scan->options->resolver, hear_of_skipped, scan) < 0) {
        rc = problem_set(problem, -ENOMEM, "out of memory");
    }
    return rc;
}

int scan_run(const struct scan_options *options, enum scan_result *ret_result, struct problem *problem)
{
    struct report_options telling = {.plan = options->plan,
                                     .outputs = options->outputs,
                                     .state = options->state,
                                     .own = options->own,
                                     .progress = options->progress};
    struct scan scan = {.options = options, .report = report_create(&telling)};
    int rc;

    if (scan.report == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    scan.begun = mono_now();
    scan.now = scan.begun;
    tell_start(&scan);
    tell_left_out(&scan);
    rc = take_up(&scan, problem);
    progress_meter_init(&scan.meter, scan.now, probes_done(&scan), probes_sent(&scan));
    if (rc == 0) {
        rc = open_asking(&scan, problem);
    }
    if (rc == 0) {
        rc = open_prober(&scan, problem);
    }
    if (rc == 0) {
        rc = work_slabs(&scan, problem);
    }
    progress_clear(options->progress);
    if (scan.prober != NULL && scan.ops->conclude != NULL) {
        scan.ops->conclude(scan.prober);
    }
    tell_unasked(&scan);
    tell_end(&scan, rc, problem);
    rest(&scan);
    slab_close(&scan);
    if (scan.prober != NULL) {
        scan.ops->destroy(scan.prober);
    }
    asking_destroy(scan.asking);
    report_destroy(scan.report);
    if (rc == 0 || rc == -EPIPE) {
        *ret_result = rc == -EPIPE ? SCAN_UNHEARD : scan.stopped ? SCAN_STOPPED : SCAN_COMPLETE;
        rc = 0;
    }
    return rc;
}
