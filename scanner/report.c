#include "scanner/report.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "scanner/fold.h"
#include "scanner/portruns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS = REASON_ABORTED + 1, NOTICE_SIZE = 512, EVERY_PORT_LEAST = 1000, CERTIFICATES_KNOWN = 1024 };

/* What comes alone is read at once. What comes thick goes out together: as often, or by report_flush(). */
static const uint64_t HOLD_NS = UINT64_C(50) * 1000000;

/* Ports of the host at hand that share a reason; a reason belongs to one state only. */
struct bucket {
    struct portruns ports;
    enum port_state state;
};

struct report {
    struct report_options options;
    struct report_counts counts;
    struct mono_time flushed;
    struct mono_time listeners_read;
    bool listeners_known;
    bool is_held; /* an output may not have written all it was handed */
    int error;
    struct problem problem;
    struct bucket buckets[REASONS];
    struct fold fold;
    /* Of certificates that were told, the head of the fingerprint, at a place that it gives. */
    uint64_t certificates[CERTIFICATES_KNOWN];
};

struct report *report_create(const struct report_options *options)
{
    struct report *report = calloc(1, sizeof(*report));

    if (report != NULL) {
        report->options = *options;
    }
    return report;
}

void report_destroy(struct report *report)
{
    for (int reason = 0; report != NULL && reason < REASONS; reason++) {
        portruns_done(&report->buckets[reason].ports);
    }
    free(report);
}

const struct report_counts *report_counts(const struct report *report)
{
    return &report->counts;
}

int report_error(const struct report *report, struct problem *problem)
{
    if (problem != NULL) {
        *problem = report->problem;
    }
    return report->error;
}

static void count(struct report *report, const struct observation *observation)
{
    switch (observation->type) {
    case OBSERVATION_PORT:
        report->counts.open += observation->port.state == PORT_OPEN ? 1 : 0;
        break;
    case OBSERVATION_HOST:
        report->counts.hosts_up += observation->host.up ? 1 : 0;
        report->counts.hosts_down += observation->host.up ? 0 : 1;
        report->counts.hosts_unasked += observation->host.unasked > 0 ? 1 : 0;
        report->counts.unasked += observation->host.unasked;
        break;
    case OBSERVATION_CANARY:
        report->counts.canary_start |= !observation->canary.at_end;
        break;
    case OBSERVATION_SERVICE:
        report->counts.services++;
        break;
    case OBSERVATION_START:
    case OBSERVATION_CERTIFICATE:
    case OBSERVATION_SLAB:
    case OBSERVATION_PROGRESS:
    case OBSERVATION_NOTICE:
    case OBSERVATION_END:
        break;
    }
}

static bool is_journalled(enum observation_type type)
{
    return type == OBSERVATION_PORT || type == OBSERVATION_SERVICE || type == OBSERVATION_CERTIFICATE ||
           type == OBSERVATION_HOST || type == OBSERVATION_CANARY || type == OBSERVATION_NOTICE;
}

static void check_alive(struct report *report, size_t outputs)
{
    if (outputs == 0 && report->error == 0) {
        report->error = problem_set(&report->problem, -EPIPE, "no output is left to write to");
    }
}

void report_flush(struct report *report)
{
    if (report->is_held) {
        report->is_held = false;
        progress_clear(report->options.progress);
        check_alive(report, outputs_flush(report->options.outputs));
    }
}

static void hand_out(struct report *report, const struct observation *observation)
{
    struct mono_time now = mono_now();

    progress_clear(report->options.progress);
    check_alive(report, outputs_write(report->options.outputs, observation));
    report->is_held = true;
    if (mono_elapsed_ns(report->flushed, now) >= HOLD_NS) {
        report->flushed = now;
        report_flush(report);
    }
}

static void say(struct report *report, const char *message)
{
    progress_clear(report->options.progress);
    log_notice("%s", message);
}

static void say_folded(struct report *report)
{
    char text[FOLD_TEXT_SIZE];

    while (fold_next(&report->fold, text)) {
        say(report, text);
    }
}

void report_tell(struct report *report, struct observation *observation)
{
    struct problem problem;
    int rc = 0;

    if (observation->type == OBSERVATION_END) {
        say_folded(report);
    }

    observation->ts_ms = wall_now_ms();
    count(report, observation);
    if (report->options.state != NULL && is_journalled(observation->type)) {
        rc = state_append(report->options.state, observation, &problem);
    }
    if (rc < 0 && report->error == 0) {
        report->error = rc;
        report->problem = problem;
    }
    hand_out(report, observation);
}

void report_notice(struct report *report, const char *code, const struct addr *addr, const char *format, ...)
{
    char message[NOTICE_SIZE];
    struct observation observation = {.type = OBSERVATION_NOTICE,
                                      .notice = {.code = code, .message = message, .host = addr}};
    va_list list;

    va_start(list, format);
    vsnprintf(message, sizeof(message), format, list);
    va_end(list);
    if (fold_take(&report->fold, &observation.notice)) {
        say(report, message);
    }
    report_tell(report, &observation);
}

static int replay_one(void *context, const struct observation *observation)
{
    struct report *report = context;

    count(report, observation);
    hand_out(report, observation);
    return 0;
}

int report_replay(struct report *report, struct problem *problem)
{
    return state_replay(report->options.state, replay_one, report, problem);
}

/* Listeners come and go; a second's age is young enough for a scan of oneself. */
static bool find_bound(struct report *report, const struct addr *addr, uint16_t port, struct addr *ret_bound)
{
    struct mono_time now = mono_now();

    if (!report->listeners_known || mono_elapsed_ns(report->listeners_read, now) > UINT64_C(1000000000)) {
        report->listeners_known = own_read_listeners(report->options.own) == 0;
        report->listeners_read = now;
    }
    return report->listeners_known && own_bound(report->options.own, addr, port, ret_bound);
}

static void tell_port(struct report *report, const struct observation_port *port)
{
    struct observation observation = {.type = OBSERVATION_PORT, .port = *port};
    struct addr bound;

    observation.port.name = plan_name(report->options.plan, &port->host);
    observation.port.proto = plan_probe_proto(plan_probe(report->options.plan));
    observation.port.watch = plan_is_watched(report->options.plan, &port->host, port->port);
    observation.port.self = own_has(report->options.own, &port->host);
    if (observation.port.self && port->state == PORT_OPEN && find_bound(report, &port->host, port->port, &bound)) {
        observation.port.bound = &bound;
    }
    report_tell(report, &observation);
}

static bool is_udp(const struct report *report)
{
    return plan_probe(report->options.plan) == PLAN_PROBE_UDP;
}

/* How a RST, or what stands for it, is called by those who saw it. */
static enum reason closed_reason(const struct report *report)
{
    switch (plan_probe(report->options.plan)) {
    case PLAN_PROBE_SYN:
        return REASON_RESET;
    case PLAN_PROBE_UDP:
        return REASON_PORT_UNREACH;
    case PLAN_PROBE_CONNECT:
        break;
    }
    return REASON_CONN_REFUSED;
}

static enum reason open_reason(const struct report *report)
{
    return is_udp(report) ? REASON_UDP_RESPONSE : REASON_SYN_ACK;
}

/* Nobody has to answer a datagram: silence may be a service's. */
static enum port_state state_of(const struct report *report, enum probe_answer answer)
{
    return answer == PROBE_NONE && is_udp(report) ? PORT_OPEN_FILTERED : probe_port_state(answer);
}

void report_open(struct report *report, const struct hostgroup *group, const struct sweep_found *found)
{
    struct observation_port port = {.state = PORT_OPEN,
                                    .reason = open_reason(report),
                                    .tries = found->tries,
                                    .has_rtt = found->has_rtt,
                                    .rtt_us = found->rtt_us,
                                    .proof = found->proof};
    uint32_t host;

    hostgroup_probe(group, found->probe, &host, &port.port);
    port.host = hostgroup_addr(group, host);
    tell_port(report, &port);
}

static void tell_watched(struct report *report, const struct addr *addr, uint16_t number, const struct slab *slab,
                         uint32_t probe)
{
    struct observation_port port = {.host = *addr,
                                    .port = number,
                                    .state = state_of(report, slab_answer(slab, probe)),
                                    .reason = slab_reason(slab, probe),
                                    .tries = slab_tries(slab, probe)};

    tell_port(report, &port);
}

/* Sorts the host's ports that were probed into the buckets, and tells of the watched ones. Returns how many were
 * probed. For each probe of the plan, most of them when the last answers are there: what is only for some is not made
 * for all. */
static uint32_t sort_ports(struct report *report, const struct hostgroup *group, struct slab *slab, uint32_t host)
{
    struct addr addr = hostgroup_addr(group, host);
    uint32_t end = hostgroup_first_probe(group, host + 1);
    uint32_t probed = 0;

    for (uint32_t probe = hostgroup_first_probe(group, host); probe < end; probe++) {
        enum probe_answer answer = slab_answer(slab, probe);
        struct bucket *bucket;
        uint32_t found_host;
        uint16_t port;
        if (answer == PROBE_NONE && !slab_tried(slab, probe)) {
            continue; /* another shard's */
        }
        probed++;
        if (answer == PROBE_SYN_ACK) {
            continue; /* told when it was found */
        }
        hostgroup_probe(group, probe, &found_host, &port);
        if (plan_is_watched(report->options.plan, &addr, port)) {
            tell_watched(report, &addr, port, slab, probe);
            continue;
        }
        bucket = &report->buckets[slab_reason(slab, probe)];
        bucket->state = state_of(report, answer);
        portruns_add(&bucket->ports, port);
    }
    return probed;
}

/* The ports that this shard would have asked. */
static uint32_t count_unasked(const struct report *report, const struct hostgroup *group, const struct slab *slab,
                              uint64_t slab_number, uint32_t host)
{
    const struct plan *plan = report->options.plan;
    uint32_t first = hostgroup_first_probe(group, host);
    uint32_t end = hostgroup_first_probe(group, host + 1);
    struct permutation order;
    uint32_t count = 0;

    if (plan_shard_count(plan) == 1) {
        return end - first;
    }
    order = plan_permutation(plan, slab_number, slab_probes(slab));
    for (uint32_t probe = first; probe < end; probe++) {
        count += permutation_position(&order, probe) % plan_shard_count(plan) == plan_shard_index(plan) - 1 ? 1 : 0;
    }
    return count;
}

static enum reason host_reason(const struct slab_host *facts, const struct report *report, bool self)
{
    if (self) {
        return REASON_LOCALHOST_RESPONSE;
    }
    if (facts->counts[PROBE_SYN_ACK] > 0) {
        return open_reason(report);
    }
    if (facts->counts[PROBE_RST] > 0) {
        return closed_reason(report);
    }
    if (facts->discovered_by != REASON_NO_RESPONSE) {
        return (enum reason)facts->discovered_by;
    }
    for (int reason = 0; facts->counts[PROBE_ICMP] > 0 && reason < REASONS; reason++) {
        if (reason != REASON_NO_RESPONSE && report->buckets[reason].ports.count > 0) {
            return (enum reason)reason;
        }
    }
    return REASON_NO_RESPONSE;
}

/* Fills `rows` (REASONS of them) from the buckets, which keep the texts. */
static size_t gather_not_shown(struct report *report, struct observation_not_shown *rows)
{
    size_t used = 0;

    for (int reason = 0; reason < REASONS; reason++) {
        struct bucket *bucket = &report->buckets[reason];
        if (bucket->ports.count == 0) {
            continue;
        }
        rows[used] = (struct observation_not_shown){.proto = plan_probe_proto(plan_probe(report->options.plan)),
                                                    .state = bucket->state,
                                                    .reason = (enum reason)reason,
                                                    .count = bucket->ports.count,
                                                    .ports = portruns_end(&bucket->ports)};
        used++;
    }
    return used;
}

static void empty_buckets(struct report *report)
{
    for (int reason = 0; reason < REASONS; reason++) {
        portruns_clear(&report->buckets[reason].ports);
    }
}

static void tell_host(struct report *report, struct observation *observation, struct observation_not_shown *rows,
                      size_t row_count)
{
    bool whole = true;

    for (size_t i = 0; i < row_count; i++) {
        whole &= rows[i].ports != NULL;
    }
    observation->host.not_shown = rows;
    observation->host.not_shown_count = row_count;
    if (whole) {
        report_tell(report, observation);
    } else if (report->error == 0) {
        report->error = problem_set(&report->problem, -ENOMEM, "out of memory while telling of a host");
    }
}

static void tell_every_port(struct report *report, const struct addr *addr, uint32_t count)
{
    char text[ADDR_TEXT_SIZE];

    report_notice(report, "every-port", addr,
                  "%s: all of the %" PRIu32
                  " ports that were probed are open: a middlebox or a tarpit may answer for it, "
                  "not services",
                  addr_format(addr, text), count);
}

void report_host(struct report *report, const struct hostgroup *group, struct slab *slab, uint64_t slab_number,
                 uint32_t host)
{
    const struct slab_host *facts = slab_host(slab, host);
    struct observation_not_shown rows[REASONS];
    struct observation observation = {.type = OBSERVATION_HOST};
    struct addr addr = hostgroup_addr(group, host);
    bool self = own_has(report->options.own, &addr);

    uint32_t probed = sort_ports(report, group, slab, host);

    if (facts->counts[PROBE_SYN_ACK] == probed && probed >= EVERY_PORT_LEAST && !facts->every_port) {
        tell_every_port(report, &addr, probed);
    }
    if (probed > 0 || facts->undiscovered) {
        observation.host = (struct observation_host){
            .host = addr,
            .name = plan_name(report->options.plan, &addr),
            .up = self || facts->heard,
            .reason = host_reason(facts, report, self),
            .slab = slab_number,
            .self = self,
            .open = facts->counts[PROBE_SYN_ACK],
            .has_rtt = facts->rtt.measured,
            .rtt_us = facts->rtt.srtt_us,
            .unasked = facts->undiscovered ? count_unasked(report, group, slab, slab_number, host) : 0,
        };
        tell_host(report, &observation, rows, gather_not_shown(report, rows));
    }
    empty_buckets(report);
}

/* What is the certificate's own, whoever shows it, and on whatever day. */
static void certificate_facts(const struct facts *facts, struct facts *ret_own)
{
    static const char *const others[] = {"cert.days_left", "cert.name_mismatch", "cert.verdict"};

    facts_copy(ret_own, facts);
    for (size_t i = ret_own->count; i > 0; i--) {
        const char *name = ret_own->items[i - 1].kind->name;
        if (strncmp(name, "cert.", strlen("cert.")) != 0) {
            facts_remove(ret_own, name);
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        facts_remove(ret_own, others[i]);
    }
}

static void tell_certificate(struct report *report, const struct report_answer *answer)
{
    const char *print = facts_text(answer->facts, "cert.sha256");
    struct facts own = {0};
    struct observation observation = {.type = OBSERVATION_CERTIFICATE,
                                      .certificate = {.der = answer->certificate, .facts = &own}};
    char head[17] = "";
    uint64_t number;
    uint64_t *known;

    if (print == NULL || answer->certificate.size == 0) {
        return;
    }
    snprintf(head, sizeof(head), "%s", print);
    number = strtoull(head, NULL, 16);
    known = &report->certificates[number % CERTIFICATES_KNOWN];
    if (*known != number) {
        *known = number;
        certificate_facts(answer->facts, &own);
        report_tell(report, &observation);
    }
}

void report_service(struct report *report, const struct report_answer *answer)
{
    struct observation observation = {.type = OBSERVATION_SERVICE,
                                      .service = {.host = answer->host,
                                                  .name = plan_name(report->options.plan, &answer->host),
                                                  .proto = plan_probe_proto(plan_probe(report->options.plan)),
                                                  .port = answer->port,
                                                  .self = own_has(report->options.own, &answer->host),
                                                  .facts = answer->facts,
                                                  .evidence = answer->evidence}};

    tell_certificate(report, answer);
    report_tell(report, &observation);
}
