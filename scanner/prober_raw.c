#include "scanner/prober.h"
#include "scanner/raw/engine.h"
#include "scanner/raw/links.h"
#include "scanner/raw/patience.h"
#include "scanner/raw/privilege.h"

#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What UDP probes are held to without --rate: answers to them say too little of loss to find a rate by. */
enum { UNREACHABLE_NAMED = 8, MOVED_NAMED = 8, UDP_RATE_PPS = 20000 };

struct prober {
    struct prober_options options;
    struct raw_engine *engine;
    struct addr canary;
    struct prober_slab slab;
    struct pacer_rate host_rate;
    char *record;
    char *replay;
    uint32_t *zero_windows; /* of each host of the slab: ports */
    uint32_t unreachable;
    uint32_t moved;
    bool drops_said;
    bool unsendable_said;
    bool allowance_said;
};

static void hear_link(void *context, const char *interface, const char *driver, const char *reason, size_t ring_bytes)
{
    (void)context;
    if (ring_bytes == 0) {
        log_notice("%s: link driver %s (%s), no receive ring", interface, driver, reason);
        return;
    }
    log_notice("%s: link driver %s (%s), receive rings of %zu KiB", interface, driver, reason, ring_bytes / 1024);
}

static struct addr host_addr(const struct prober *prober, uint32_t host)
{
    struct addr addr;

    prober->slab.map.host(prober->slab.map.context, host, &addr);
    return addr;
}

static void hear_unreachable(void *context, uint32_t host, int error)
{
    struct prober *prober = context;
    struct addr addr = host_addr(prober, host);
    char text[ADDR_TEXT_SIZE];

    /* Nobody at an address on link is what most addresses are: its host line says so. */
    if (prober->slab.quiet || error == EHOSTDOWN || prober->unreachable > UNREACHABLE_NAMED) {
        return;
    }
    prober->unreachable++;
    if (prober->unreachable > UNREACHABLE_NAMED) {
        report_notice(prober->options.report, "unreachable", NULL, "more hosts cannot be reached from this machine");
        return;
    }
    report_notice(prober->options.report, "unreachable", &addr, "%s: this machine cannot send to it: %s",
                  addr_format(&addr, text), prober_error_text(error));
}

static void hear_rerouted(void *context)
{
    struct prober *prober = context;

    report_notice(prober->options.report, "rerouted", NULL,
                  "routes changed under the scan: what is unanswered goes by the new ones");
}

static void hear_ports_ruled(void *context)
{
    struct prober *prober = context;

    report_notice(prober->options.report, "port-rules", NULL,
                  "this machine has a policy rule (ip rule) that routes by port, which raw probes do not follow: what "
                  "--connect shows of these ports may differ");
}

static void hear_moved(void *context, const struct addr *hop, const uint8_t mac[6])
{
    struct prober *prober = context;
    char text[ADDR_TEXT_SIZE];

    prober->moved++;
    if (prober->moved > MOVED_NAMED) {
        return;
    }
    report_notice(
        prober->options.report, "moved", NULL,
        "%s answers from another hardware address now (%02x:%02x:%02x:%02x:%02x:%02x): what was unanswered is "
        "asked again there%s",
        addr_format(hop, text), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
        prober->moved == MOVED_NAMED ? "; more are not named" : "");
}

static void hear_gone(void *context, const struct addr *hop)
{
    const struct prober *prober = context;
    char text[ADDR_TEXT_SIZE];

    report_notice(
        prober->options.report, "gone", NULL,
        "%s no longer answers for its hardware address: ports that are silent there, or behind it, may be so for "
        "that reason",
        addr_format(hop, text));
}

static void hear_zero_window(void *context, uint32_t host)
{
    struct prober *prober = context;

    prober->zero_windows[host]++;
}

static void tell_zero_windows(const struct prober *prober, uint32_t host)
{
    struct addr addr = host_addr(prober, host);
    char text[ADDR_TEXT_SIZE];

    report_notice(prober->options.report, "zero-window", &addr,
                  "%s: %" PRIu32 " of its open ports take no data (their window is zero): a tarpit or a middlebox, not "
                  "necessarily a service",
                  addr_format(&addr, text), prober->zero_windows[host]);
}

/* The slab's listener, with what belongs to a host told before its line. */
static void hear_host_done(void *context, uint32_t host)
{
    const struct prober *prober = context;

    if (prober->zero_windows[host] > 0 && !prober->slab.quiet) {
        tell_zero_windows(prober, host);
    }
    prober->slab.listener.host_done(prober->slab.listener.context, host);
}

static void hear_open(void *context, const struct sweep_found *found)
{
    const struct prober *prober = context;

    prober->slab.listener.found_open(prober->slab.listener.context, found);
}

static void hear_host_eased(void *context, uint32_t host)
{
    const struct prober *prober = context;

    prober->slab.listener.host_eased(prober->slab.listener.context, host);
}

static void hear_limited(void *context, uint32_t host, double errors_per_s, uint32_t silent)
{
    struct prober *prober = context;
    struct addr addr = host_addr(prober, host);
    char text[ADDR_TEXT_SIZE];

    report_notice(prober->options.report, "icmp-limited", &addr,
                  "%s: it sends only about %.2g ICMP errors a second: to tell which of its %" PRIu32
                  " silent ports are closed takes up to %.0f s",
                  addr_format(&addr, text), errors_per_s, silent, fmin(silent / errors_per_s, PATIENCE_MOST_S));
}

static void hear_undecided(void *context, uint32_t host, uint32_t silent)
{
    struct prober *prober = context;
    struct addr addr = host_addr(prober, host);
    char text[ADDR_TEXT_SIZE];

    report_notice(prober->options.report, "icmp-undecided", &addr,
                  "%s: it limits its ICMP errors so much that after %d minutes %" PRIu32
                  " of its ports are neither known to be closed nor to be silent: they count as open|filtered",
                  addr_format(&addr, text), PATIENCE_MOST_S / 60, silent);
}

/* "pcap:RECORD[,REPLAY]". */
static int split_capture(struct prober *prober, const char *link, const char **ret_driver, struct problem *problem)
{
    static const char prefix[] = "pcap:";
    const char *comma;

    *ret_driver = link;
    if (link == NULL || strncmp(link, "pcap", 4) != 0) {
        return 0;
    }
    if (strncmp(link, prefix, sizeof(prefix) - 1) != 0 || link[sizeof(prefix) - 1] == '\0') {
        return problem_set(problem, -EINVAL, "--link pcap needs a file: pcap:RECORD, or pcap:RECORD,REPLAY");
    }
    link += sizeof(prefix) - 1;
    comma = strchr(link, ',');
    prober->record = strndup(link, comma != NULL ? (size_t)(comma - link) : strlen(link));
    prober->replay = comma != NULL ? strdup(comma + 1) : NULL;
    *ret_driver = "pcap";
    return prober->record == NULL || (comma != NULL && prober->replay == NULL)
               ? problem_set(problem, -ENOMEM, "out of memory")
               : 0;
}

static void raw_destroy(struct prober *prober)
{
    raw_engine_destroy(prober->engine);
    free(prober->zero_windows);
    free(prober->record);
    free(prober->replay);
    free(prober);
}

static uint64_t ceiling_of(const struct plan *plan)
{
    bool held = plan_probe(plan) == PLAN_PROBE_UDP && plan_rate_pps(plan) == 0 && !plan_is_unbraked(plan);

    return held ? UDP_RATE_PPS : plan_rate_pps(plan);
}

static int open_engine(struct prober *prober, struct problem *problem)
{
    const struct plan *plan = prober->options.plan;
    struct raw_engine_options options = {.space = plan_space(plan),
                                         .scope = prober->options.scope,
                                         .probe = plan_probe(plan) == PLAN_PROBE_UDP ? PACKET_UDP : PACKET_TCP_SYN,
                                         .discovers = plan_discovers(plan),
                                         .senders = prober->options.threads,
                                         .connects = plan_asks_services(plan),
                                         .rate = {.ceiling_pps = ceiling_of(plan), .brakeless = plan_is_unbraked(plan)},
                                         .listener = {.link_opened = hear_link,
                                                      .unreachable = hear_unreachable,
                                                      .zero_window = hear_zero_window,
                                                      .rerouted = hear_rerouted,
                                                      .ports_ruled = hear_ports_ruled,
                                                      .moved = hear_moved,
                                                      .gone = hear_gone,
                                                      .limited = hear_limited,
                                                      .undecided = hear_undecided,
                                                      .context = prober}};
    uint16_t port;
    int rc = split_capture(prober, prober->options.link, &options.driver, problem);

    if (rc < 0) {
        return rc;
    }
    options.record = prober->record;
    options.replay = prober->replay;
    if (plan_canary(plan, &prober->canary, &port)) {
        options.canary = &prober->canary;
    }
    rc = raw_engine_create(&options, &prober->engine, problem);
    return rc == -EPERM && prober->replay == NULL && !privilege_has_raw()
               ? problem_set(problem, rc,
                             "raw packets need CAP_NET_RAW: \"leastport doctor\" says how to get it; --connect scans "
                             "without")
               : rc;
}

static int raw_create(const struct prober_options *options, struct prober **ret_prober, struct problem *problem)
{
    struct prober *prober = calloc(1, sizeof(*prober));
    int rc;

    if (prober == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    prober->options = *options;
    prober->host_rate = pacer_rate_of(plan_host_rate_pps(options->plan), 1);
    rc = open_engine(prober, problem);
    if (rc < 0) {
        raw_destroy(prober);
        return rc;
    }
    *ret_prober = prober;
    return 0;
}

static int raw_begin(struct prober *prober, const struct prober_slab *slab, struct problem *problem)
{
    struct raw_engine_slab wanted = {.slab = slab->slab,
                                     .order = slab->order,
                                     .shard_index = slab->shard_index,
                                     .shard_count = slab->shard_count,
                                     .retries = slab->retries,
                                     .host_rate = prober->host_rate,
                                     .listener = {hear_open, hear_host_done, hear_host_eased, prober},
                                     .map = {.hosts = slab->map.hosts,
                                             .host = slab->map.host,
                                             .locate = slab->map.locate,
                                             .find = slab->map.find,
                                             .find_host = slab->map.find_host,
                                             .is_known = slab->map.is_known,
                                             .context = slab->map.context}};

    prober->slab = *slab;
    free(prober->zero_windows);
    prober->zero_windows = calloc(slab->map.hosts, sizeof(*prober->zero_windows));
    if (prober->zero_windows == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    return raw_engine_begin(prober->engine, &wanted, problem);
}

static int raw_step(struct prober *prober, struct mono_time until, struct problem *problem)
{
    return raw_engine_step(prober->engine, until, prober->options.wake_fd, problem);
}

static void raw_tick(struct prober *prober)
{
    struct raw_engine_figures figures = raw_engine_figures(prober->engine);

    if (figures.receive_drops > 0 && !prober->drops_said) {
        prober->drops_said = true;
        report_notice(prober->options.report, "receive-drops", NULL,
                      "this machine lost answers that it had no room for (%" PRIu64
                      " so far): they are asked for again%s",
                      figures.receive_drops, plan_is_unbraked(prober->options.plan) ? "" : ", more slowly");
    }
    if (figures.allowance_exceeded > 0 && !prober->allowance_said) {
        prober->allowance_said = true;
        report_notice(prober->options.report, "allowance", NULL,
                      "the cloud's network throws packets away that are above this machine's allowance (%s: %" PRIu64
                      " so far): they are sent again%s",
                      figures.allowance_name != NULL ? figures.allowance_name : "allowance_exceeded",
                      figures.allowance_exceeded, plan_is_unbraked(prober->options.plan) ? "" : ", more slowly");
    }
    if (figures.unsendable > 0 && !prober->unsendable_said) {
        prober->unsendable_said = true;
        report_notice(prober->options.report, "unsendable", NULL, "this machine lets some probes not out: %s%s",
                      strerror(figures.unsendable_errno),
                      figures.unsendable_errno == EMSGSIZE ? " (longer than the MTU of their way: they count as silent)"
                                                           : "");
    }
}

/* What came to our ports, or about them, and did not carry what only an answer can carry. */
static void raw_conclude(struct prober *prober)
{
    struct raw_engine_figures figures = raw_engine_figures(prober->engine);
    uint64_t damaged = figures.refused[ANSWER_TRUNCATED] + figures.refused[ANSWER_MALFORMED] +
                       figures.refused[ANSWER_CHECKSUM] + figures.refused[ANSWER_FRAGMENT];
    char first[ADDR_TEXT_SIZE + 32] = "";
    char text[ADDR_TEXT_SIZE];

    if (figures.refused[ANSWER_COOKIE] > 0) {
        snprintf(first, sizeof(first), ", the first from %s", addr_format(&figures.stranger, text));
    }
    if (figures.refused[ANSWER_COOKIE] + damaged > 0) {
        report_notice(prober->options.report, "forged", NULL,
                      "not taken for answers: %" PRIu64
                      " packets without the mark of a probe (from another address than was asked, forged, or to an "
                      "earlier scan%s) and %" PRIu64 " that were damaged or in fragments",
                      figures.refused[ANSWER_COOKIE], first, damaged);
    }
}

static void raw_limit(struct prober *prober, uint64_t most_pps)
{
    raw_engine_limit(prober->engine, most_pps);
}

/* What stays silent is asked again in any case. */
static uint32_t raw_taint(struct prober *prober)
{
    (void)prober;
    return 0;
}

static void raw_stop(struct prober *prober)
{
    raw_engine_stop(prober->engine);
}

static bool raw_is_done(const struct prober *prober)
{
    return raw_engine_is_done(prober->engine);
}

static bool raw_is_complete(const struct prober *prober)
{
    return raw_engine_is_complete(prober->engine);
}

static uint64_t raw_settled(const struct prober *prober)
{
    return raw_engine_settled(prober->engine);
}

static void raw_end(struct prober *prober)
{
    raw_engine_end(prober->engine);
}

const struct prober_ops prober_raw = {
    .create = raw_create,
    .destroy = raw_destroy,
    .begin = raw_begin,
    .step = raw_step,
    .tick = raw_tick,
    .limit = raw_limit,
    .taint = raw_taint,
    .stop = raw_stop,
    .is_done = raw_is_done,
    .is_complete = raw_is_complete,
    .settled = raw_settled,
    .conclude = raw_conclude,
    .end = raw_end,
};
