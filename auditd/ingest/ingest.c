#include "auditd/ingest/ingest.h"

#include "auditd/ingest/answer.h"
#include "auditd/ingest/asset.h"
#include "auditd/ingest/port_line.h"
#include "auditd/plan_echo.h"
#include "auditd/scan_plan.h"
#include "auditd/store/arrivals.h"
#include "auditd/store/asset.h"
#include "auditd/store/endpoint.h"
#include "auditd/store/scan.h"
#include "auditd/watch.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INGEST_BATCH_ROWS = 20000, INGEST_BATCH_MS = 1000 };

struct ingest {
    struct store *store;
    struct ingest_options options;
    struct ingest_counts counts;
    struct scan_plan *plan;
    struct ingest_place place;
    char uuid[STORE_UUID_SIZE];
    int64_t slabs_done;
    int64_t slabs_total;
    int64_t last_ts_ms;
    bool ended;
    bool complete;
    struct store_arrivals *arrivals; /* of the open batch */
    uint32_t rows;                   /* in the open batch */
    struct mono_time batch_begun;
    bool has_batch; /* the store's open transaction is ours */
    int yield_rc;   /* why a batch that another wanted to end could not be stored */
};

struct ingest_options ingest_options_default(void)
{
    return (struct ingest_options){.batch_rows = INGEST_BATCH_ROWS, .batch_ms = INGEST_BATCH_MS};
}

int ingest_create(struct store *store, const struct ingest_options *options, struct ingest **ret_ingest)
{
    struct ingest *ingest = calloc(1, sizeof(*ingest));

    if (ingest == NULL) {
        return -ENOMEM;
    }
    ingest->store = store;
    ingest->options = *options;
    ingest->place.known = ingest_known_create();
    ingest->arrivals = store_arrivals_create(store);
    if (ingest->place.known == NULL || ingest->arrivals == NULL) {
        ingest_destroy(ingest);
        return -ENOMEM;
    }
    *ret_ingest = ingest;
    return 0;
}

void ingest_destroy(struct ingest *ingest)
{
    if (ingest == NULL) {
        return;
    }
    if (ingest->has_batch) {
        store_rollback(ingest->store);
    }
    /* Fails only where the store has failed before: its next transaction says so. */
    (void)!store_end_batches(ingest->store);
    scan_plan_destroy(ingest->plan);
    ingest_known_destroy(ingest->place.known);
    store_arrivals_destroy(ingest->arrivals);
    free(ingest);
}

struct ingest_counts ingest_counts(const struct ingest *ingest)
{
    return ingest->counts;
}

const char *ingest_scan_uuid(const struct ingest *ingest)
{
    return ingest->uuid;
}

bool ingest_complete(const struct ingest *ingest)
{
    return ingest->complete;
}

/* 0: a refused line is no error of the stream. */
static int ingest_refuse(struct ingest *ingest, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int ingest_refuse(struct ingest *ingest, const char *format, ...)
{
    char reason[OBSERVATION_REASON_SIZE + 128];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    ingest->counts.refused++;
    if (ingest->options.refused != NULL) {
        ingest->options.refused(ingest->options.context, ingest->counts.lines, reason);
    }
    return 0;
}

static void ingest_rollback(struct ingest *ingest)
{
    store_arrivals_drop(ingest->arrivals);
    if (ingest->has_batch) {
        store_rollback(ingest->store);
        ingest->has_batch = false;
    }
}

int ingest_flush(struct ingest *ingest)
{
    int rc;

    if (!ingest->has_batch) {
        return ingest->yield_rc;
    }
    ingest->rows = 0;
    rc = store_arrivals_write(ingest->arrivals);
    if (rc < 0) {
        ingest_rollback(ingest);
        return rc;
    }
    ingest->has_batch = false;
    return store_commit(ingest->store);
}

/* Another writes next, who may join assets or end them: what is remembered of addresses may be wrong afterwards. */
static void ingest_yield(void *context)
{
    struct ingest *ingest = context;

    ingest->yield_rc = ingest_flush(ingest);
    ingest_known_clear(ingest->place.known);
}

/* Opens the batch's transaction when none is open. Its checkpoint stands in it: what a power cut takes back is sent
 * again. */
static int ingest_touch(struct ingest *ingest)
{
    int rc;

    ingest->rows++;
    if (ingest->has_batch || ingest->yield_rc < 0) {
        return ingest->yield_rc;
    }
    ingest->rows = 1;
    ingest->batch_begun = mono_now();
    rc = ingest->options.whole ? store_begin(ingest->store) : store_begin_batch(ingest->store, ingest_yield, ingest);
    ingest->has_batch = rc == 0;
    return rc;
}

static int ingest_commit_part(struct ingest *ingest)
{
    return ingest->options.whole ? 0 : ingest_flush(ingest);
}

static int ingest_continue(struct ingest *ingest, const struct observation *line, const struct stored_scan *scan)
{
    char *plan;
    char *hash;
    bool same;
    int rc = store_scan_plan(ingest->store, scan->id, &plan, &hash);

    if (rc < 0) {
        return rc;
    }
    same = strcmp(hash, line->scan_start.plan_hash) == 0;
    free(plan);
    free(hash);
    if (!same) {
        ingest_refuse(ingest, "scan_start: scan %s is stored with another plan", line->scan_id);
        return -EPROTO;
    }
    if (strcmp(scan->state, "complete") == 0) {
        ingest_refuse(ingest, "scan_start: scan %s is stored and complete", line->scan_id);
        return -EPROTO;
    }
    if (line->scan_start.from_slab > scan->slabs_done) {
        ingest_refuse(ingest, "scan_start: goes on from slab %lld, but only %lld are stored",
                      (long long)line->scan_start.from_slab, (long long)scan->slabs_done);
        return -EPROTO;
    }
    ingest->place.scan_id = scan->id;
    ingest->place.started_at = scan->started_at;
    ingest->slabs_done = scan->slabs_done;
    return store_scan_continue(ingest->store, scan->id);
}

static int ingest_insert(struct ingest *ingest, const struct observation *line)
{
    char *plan = json_dumps(line->scan_start.plan, JSON_COMPACT | JSON_SORT_KEYS);
    const struct store_scan_start start = {
        .uuid = line->scan_id,
        .realm_id = ingest->place.realm_id,
        .vantage_id = ingest->place.vantage_id,
        .plan = plan,
        .plan_hash = line->scan_start.plan_hash,
        .slabs_total = line->scan_start.slabs,
        .probes_planned = line->scan_start.probes,
        .started_at = line->ts_ms,
    };
    int rc;

    if (plan == NULL) {
        return -ENOMEM;
    }
    if (line->scan_start.from_slab != 0) {
        ingest_refuse(ingest, "scan_start: goes on from slab %lld, but nothing of scan %s is stored",
                      (long long)line->scan_start.from_slab, line->scan_id);
        free(plan);
        return -EPROTO;
    }
    rc = store_scan_insert(ingest->store, &start, &ingest->place.scan_id);
    ingest->place.started_at = line->ts_ms;
    free(plan);
    return rc;
}

static int ingest_begin_scan(struct ingest *ingest, const struct observation *line)
{
    const struct observation_scan_start *start = &line->scan_start;
    struct stored_scan scan;
    int rc = ingest_touch(ingest);

    snprintf(ingest->place.scanner, sizeof(ingest->place.scanner), "scanner:%s", start->vantage);
    if (rc == 0) {
        rc = store_realm_put(ingest->store, start->realm, line->ts_ms, &ingest->place.realm_id);
    }
    if (rc == 0) {
        rc = store_vantage_put(ingest->store, start->vantage, line->ts_ms, &ingest->place.vantage_id);
    }
    if (rc == 0) {
        rc = store_scan_find(ingest->store, line->scan_id, &scan);
        rc = rc == 0 ? ingest_continue(ingest, line, &scan) : rc == -ENOENT ? ingest_insert(ingest, line) : rc;
    }
    if (rc == 0) {
        rc = ingest_commit_part(ingest);
    }
    if (rc < 0) {
        ingest_rollback(ingest);
    }
    return rc;
}

/* The scanner repeats what it was told to do; what it sees is then held against that. */
static int ingest_check_start(struct ingest *ingest, const struct observation *line)
{
    char reason[PLAN_ECHO_REASON_SIZE];
    int rc = 0;

    if (ingest->options.scan_uuid != NULL && strcmp(ingest->options.scan_uuid, line->scan_id) != 0) {
        ingest_refuse(ingest, "scan_start: of scan %s, which was not asked for", line->scan_id);
        return -EPROTO;
    }
    if (ingest->options.plan != NULL) {
        rc = plan_echo_check(ingest->options.plan, line->scan_start.plan, reason);
    }
    if (rc == -EBADMSG) {
        ingest_refuse(ingest, "scan_start: %s", reason);
        return -EPROTO;
    }
    return rc;
}

static int ingest_scan_start(struct ingest *ingest, const struct observation *line)
{
    char reason[OBSERVATION_REASON_SIZE];
    int rc;

    if (ingest->plan != NULL) {
        return ingest_refuse(ingest, "scan_start: a scan has begun already");
    }
    rc = ingest_check_start(ingest, line);
    if (rc < 0) {
        return rc;
    }
    rc = scan_plan_create(line->scan_start.plan, &ingest->plan, reason);
    if (rc == -EBADMSG) {
        ingest_refuse(ingest, "scan_start: %s", reason);
        return -EPROTO;
    }
    if (rc < 0) {
        return rc;
    }
    rc = ingest_begin_scan(ingest, line);
    if (rc < 0) {
        scan_plan_destroy(ingest->plan);
        ingest->plan = NULL;
        return rc;
    }
    ingest->place.plan = ingest->plan;
    ingest->slabs_total = line->scan_start.slabs;
    snprintf(ingest->uuid, sizeof(ingest->uuid), "%s", line->scan_id);
    return 0;
}

/* After what waits of the same asset: that is older. */
static int ingest_endpoint(struct ingest *ingest, const struct store_endpoint_key *key,
                           const struct store_endpoint_seen *seen)
{
    int rc = 0;

    if (store_arrivals_may_hold(ingest->arrivals, key->asset_id)) {
        rc = store_arrivals_write(ingest->arrivals);
    }
    if (rc == 0) {
        rc = store_endpoint_seen(ingest->store, key, seen);
    }
    return rc < 0 ? rc : 0;
}

static int ingest_port(struct ingest *ingest, const struct observation *line)
{
    const struct observation_port *port = &line->port;
    char address[ADDR_TEXT_SIZE];
    struct ingest_known_asset asset = {0};
    const struct ingest_host host = {&port->host, port->name, port->self, line->ts_ms};
    struct store_endpoint_key key = {
        .vantage_id = ingest->place.vantage_id,
        .address = addr_format(&port->host, address),
        .is_udp = port->is_udp,
        .port = port->port,
    };
    const struct store_endpoint_seen seen = {
        .state = port->state,
        .reason = port->reason,
        .service = port->service,
        .bound = port->bound,
        .self = port->self,
        .tries = port->tries,
        .answers = port->answers,
        .at_ms = line->ts_ms,
        .scan_id = ingest->place.scan_id,
    };
    bool joins = ingest_may_join(&host);
    bool arrives;
    int rc;

    if (!scan_plan_has_endpoint(ingest->plan, &port->host, port->is_udp, port->port)) {
        return ingest_refuse(ingest, "port: %s %s/%u is not in the plan", address, port->is_udp ? "udp" : "tcp",
                             port->port);
    }
    rc = ingest_touch(ingest);
    if (rc == 0 && joins) {
        rc = store_arrivals_write(ingest->arrivals);
    }
    if (rc == 0) {
        rc = ingest_asset(ingest->store, &ingest->place, &host, port->state == PORT_STATE_OPEN, &asset);
    }
    if (rc == 0) {
        key.asset_id = asset.id;
        ingest->counts.open_ports += port->state == PORT_STATE_OPEN;
        arrives = asset.is_new && !joins && port->state == PORT_STATE_OPEN;
        rc = arrives ? store_arrivals_add(ingest->arrivals, &key, &seen) : ingest_endpoint(ingest, &key, &seen);
    }
    return rc == -ENOENT ? 0 : rc;
}

static int ingest_service(struct ingest *ingest, const struct observation *line)
{
    const struct observation_service *service = &line->service;
    char address[ADDR_TEXT_SIZE];
    struct ingest_known_asset asset = {0};
    const struct ingest_host host = {&service->host, service->name, service->self, line->ts_ms};
    struct store_endpoint_key key = {
        .vantage_id = ingest->place.vantage_id,
        .address = addr_format(&service->host, address),
        .is_udp = service->is_udp,
        .port = service->port,
    };
    int rc;

    if (!scan_plan_has_endpoint(ingest->plan, &service->host, service->is_udp, service->port)) {
        return ingest_refuse(ingest, "service: %s %s/%u is not in the plan", address, service->is_udp ? "udp" : "tcp",
                             service->port);
    }
    rc = ingest_touch(ingest);
    if (rc == 0) {
        rc = ingest_asset(ingest->store, &ingest->place, &host, false, &asset);
    }
    if (rc == 0) {
        key.asset_id = asset.id;
        rc = ingest_answer(ingest->store, &key, line, ingest->place.scan_id);
    }
    return rc == -ENOENT ? ingest_refuse(ingest, "service: %s %s/%u was never told to be open", address,
                                         service->is_udp ? "udp" : "tcp", service->port)
                         : rc;
}

static int ingest_certificate(struct ingest *ingest, const struct observation *line)
{
    char reason[OBSERVATION_REASON_SIZE];
    int rc = ingest_touch(ingest);

    if (rc == 0) {
        rc = ingest_answer_certificate(ingest->store, line, reason);
    }
    return rc == -EBADMSG ? ingest_refuse(ingest, "certificate: %s", reason) : rc;
}

static int ingest_summaries(struct ingest *ingest, const struct observation *line, struct store_endpoint_key *key)
{
    struct portset *ports = malloc(sizeof(*ports));
    size_t offset;
    int rc = ports == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < line->host.summary_count; i++) {
        const struct observation_summary *summary = &line->host.summaries[i];
        const struct store_endpoint_seen seen = {
            .state = summary->state,
            .reason = summary->reason,
            .service = "",
            .bound = "",
            .self = line->host.self,
            .at_ms = line->ts_ms,
            .scan_id = ingest->place.scan_id,
        };
        rc = portset_parse(summary->ports, ports, &offset);
        if (rc == 0) {
            key->is_udp = summary->is_udp;
            rc = store_endpoint_seen_all(ingest->store, key, ports, &seen);
        }
    }
    free(ports);
    return rc;
}

/* Of the ports that were looked at, those from which nothing came; of a host that is down: all. The caller frees it;
 * NULL when out of memory. */
static char *ingest_silent(const struct observation_host *host, struct portset *ports)
{
    struct portset *told;
    size_t offset;
    char *text;

    if (!host->up) {
        return portset_format(ports);
    }
    told = calloc(2, sizeof(*told));
    for (size_t i = 0; told != NULL && i < host->summary_count; i++) {
        const struct observation_summary *summary = &host->summaries[i];
        if (!summary->is_udp && summary->state == PORT_STATE_FILTERED &&
            portset_parse(summary->ports, &told[1], &offset) == 0) {
            portset_union(&told[0], &told[1]);
        }
    }
    text = told == NULL ? NULL : portset_format(&told[0]);
    free(told);
    return text;
}

/* A host that is up has been judged at all of its planned ports; one that is down was planned only. */
static int ingest_coverage(struct ingest *ingest, const struct observation *line, int64_t asset_id)
{
    struct store_coverage coverage = {
        .asset_id = asset_id,
        .vantage_id = ingest->place.vantage_id,
        .scan_id = ingest->place.scan_id,
        .planned_at = line->ts_ms,
        .judged_at = line->host.up ? line->ts_ms : 0,
    };
    struct portset *ports = malloc(sizeof(*ports));
    char *text = NULL;
    char *silent = NULL;
    int rc = 0;

    if (ports == NULL) {
        return -ENOMEM;
    }
    if (scan_plan_ports(ingest->plan, &line->host.host, false, ports)) {
        text = portset_format(ports);
        silent = ingest_silent(&line->host, ports);
        rc = text == NULL || silent == NULL ? -ENOMEM : 0;
    }
    if (rc == 0 && text != NULL && text[0] != '\0') {
        coverage.ports = text;
        coverage.silent = silent;
        rc = store_coverage_put(ingest->store, &coverage);
    }
    free(silent);
    free(text);
    free(ports);
    return rc;
}

/* The first port of the host's ranges that nobody asked for; -1 when there is none. */
static int ingest_outsider(const struct ingest *ingest, const struct observation_summary *summary,
                           const struct addr *host, int32_t *ret_port)
{
    struct portset *told = calloc(2, sizeof(*told));
    struct portset *planned = told == NULL ? NULL : told + 1;
    int32_t port;
    size_t offset;
    int rc = told == NULL ? -ENOMEM : portset_parse(summary->ports, told, &offset);

    if (rc < 0) {
        free(told);
        return rc;
    }
    (void)scan_plan_ports(ingest->plan, host, summary->is_udp, planned);
    portset_subtract(told, planned);
    port = portset_next(told, 0);
    while (port >= 0 && scan_plan_has_endpoint(ingest->plan, host, summary->is_udp, (uint16_t)port)) {
        port = portset_next(told, (uint32_t)port + 1);
    }
    free(told);
    *ret_port = port;
    return 0;
}

static int ingest_check_host(struct ingest *ingest, const struct observation_host *host, const char *address)
{
    if (!scan_plan_has_host(ingest->plan, &host->host)) {
        return ingest_refuse(ingest, "host: %s is not in the plan", address);
    }
    for (size_t i = 0; i < host->summary_count; i++) {
        int32_t port;
        int rc = ingest_outsider(ingest, &host->summaries[i], &host->host, &port);
        if (rc < 0) {
            return rc;
        }
        if (port >= 0) {
            return ingest_refuse(ingest, "host: %s %s/%d is not in the plan", address,
                                 host->summaries[i].is_udp ? "udp" : "tcp", (int)port);
        }
    }
    return 0;
}

static int ingest_host(struct ingest *ingest, const struct observation *line)
{
    uint64_t refused = ingest->counts.refused;
    char address[ADDR_TEXT_SIZE];
    struct ingest_known_asset asset = {0};
    const struct ingest_host host = {&line->host.host, line->host.name, line->host.self, line->ts_ms};
    struct store_endpoint_key key = {
        .vantage_id = ingest->place.vantage_id,
        .address = addr_format(&line->host.host, address),
    };
    struct store_sight_of_asset seen = {
        .vantage_id = ingest->place.vantage_id,
        .scan_id = ingest->place.scan_id,
        .address = address,
        .up = line->host.up,
        .reason = line->host.reason,
        .at_ms = line->ts_ms,
    };
    int rc = ingest_check_host(ingest, &line->host, address);

    if (rc < 0 || ingest->counts.refused > refused) {
        return rc;
    }
    rc = ingest_touch(ingest);
    /* A silent address that nobody ever saw is no asset. */
    if (rc == 0) {
        rc = ingest_asset(ingest->store, &ingest->place, &host, line->host.up, &asset);
    }
    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    seen.asset_id = key.asset_id = asset.id;
    rc = store_asset_seen(ingest->store, &seen);
    if (rc == 0) {
        rc = ingest_summaries(ingest, line, &key);
    }
    return rc < 0 ? rc : ingest_coverage(ingest, line, asset.id);
}

static int ingest_canary(struct ingest *ingest, const struct observation *line)
{
    const struct observation_canary *canary = &line->canary;
    const struct watch_answer answer = {
        .realm_id = ingest->place.realm_id,
        .vantage_id = ingest->place.vantage_id,
        .host = &canary->host,
        .is_udp = canary->is_udp,
        .port = canary->port,
        .at_ms = line->ts_ms,
    };
    char address[ADDR_TEXT_SIZE];
    int rc;

    if (!scan_plan_is_canary(ingest->plan, &canary->host, canary->is_udp, canary->port)) {
        return ingest_refuse(ingest, "canary: %s port %u is not the plan's canary", addr_format(&canary->host, address),
                             canary->port);
    }
    rc = ingest_touch(ingest);
    if (rc == 0) {
        rc = store_scan_canary(ingest->store, ingest->place.scan_id, canary->answered);
    }
    if (rc == 0 && canary->answered) {
        rc = watch_canary_answered(ingest->store, &answer);
    }
    return rc;
}

static int ingest_slab(struct ingest *ingest, const struct observation *line)
{
    const struct observation_slab *slab = &line->slab;
    int rc;

    if (slab->slabs != ingest->slabs_total || slab->slab > ingest->slabs_done) {
        return ingest_refuse(ingest, "slab: %lld of %lld cannot follow %lld of %lld", (long long)slab->slab,
                             (long long)slab->slabs, (long long)ingest->slabs_done, (long long)ingest->slabs_total);
    }
    if (slab->slab == ingest->slabs_done) {
        ingest->slabs_done++;
    }
    rc = ingest_touch(ingest);
    if (rc == 0) {
        rc = store_scan_checkpoint(ingest->store, ingest->place.scan_id, ingest->slabs_done, slab->probes_done,
                                   slab->probes_sent);
    }
    return rc < 0 ? rc : ingest_commit_part(ingest);
}

static int ingest_display_only(struct ingest *ingest, const struct observation *line)
{
    (void)ingest;
    (void)line;
    return 0;
}

static int ingest_scan_end(struct ingest *ingest, const struct observation *line)
{
    const struct observation_scan_end *end = &line->scan_end;
    bool all = ingest->slabs_done == ingest->slabs_total;
    char cause[OBSERVATION_TEXT_SIZE];
    struct store_scan_end stored = {
        .state = end->complete && all               ? "complete"
                 : strcmp(end->cause, "error") == 0 ? "failed"
                                                    : "incomplete",
        .cause = cause,
        .ended_at = line->ts_ms,
        .probes_done = end->probes_done,
        .probes_sent = end->probes_sent,
        .hosts_up = end->hosts_up,
        .hosts_down = end->hosts_down,
        .ports_open = end->open,
        .loss = end->loss,
        .has_missed = end->has_missed,
        .missed_low = end->missed_low,
        .missed_high = end->missed_high,
    };
    int rc = ingest_touch(ingest);

    snprintf(cause, sizeof(cause), "%s", end->message[0] != '\0' ? end->message : end->cause);
    if (end->complete && !all) {
        snprintf(cause, sizeof(cause), "it ended after slab %lld of %lld", (long long)ingest->slabs_done,
                 (long long)ingest->slabs_total);
    }
    if (rc == 0) {
        rc = store_scan_finish(ingest->store, ingest->place.scan_id, &stored);
    }
    if (rc == 0) {
        rc = ingest_commit_part(ingest);
    }
    if (rc == 0) {
        ingest->ended = true;
        ingest->complete = end->complete && all;
    }
    return rc;
}

static int (*const ingest_types[])(struct ingest *ingest, const struct observation *line) = {
    [OBSERVATION_SCAN_START] = ingest_scan_start,
    [OBSERVATION_PORT] = ingest_port,
    [OBSERVATION_SERVICE] = ingest_service,
    [OBSERVATION_CERTIFICATE] = ingest_certificate,
    [OBSERVATION_HOST] = ingest_host,
    [OBSERVATION_CANARY] = ingest_canary,
    [OBSERVATION_SLAB] = ingest_slab,
    [OBSERVATION_PROGRESS] = ingest_display_only,
    [OBSERVATION_NOTICE] = ingest_display_only,
    [OBSERVATION_SCAN_END] = ingest_scan_end,
};

static int ingest_take(struct ingest *ingest, const struct observation *line)
{
    uint64_t refused = ingest->counts.refused;
    int rc = 0;

    if (ingest->plan == NULL && line->type != OBSERVATION_SCAN_START) {
        return ingest_refuse(ingest, "a line before scan_start");
    }
    if (ingest->ended) {
        return ingest_refuse(ingest, "a line after scan_end");
    }
    if (ingest->plan != NULL && strcmp(line->scan_id, ingest->uuid) != 0) {
        return ingest_refuse(ingest, "a line of another scan, %s", line->scan_id);
    }
    /* What waits has to be there before all but another port's line. */
    if (line->type != OBSERVATION_PORT) {
        rc = store_arrivals_write(ingest->arrivals);
    }
    if (rc == 0) {
        rc = ingest_types[line->type](ingest, line);
    }
    if (rc == 0 && ingest->counts.refused == refused) {
        ingest->last_ts_ms = line->ts_ms;
        if (ingest->options.taken != NULL) {
            ingest->options.taken(ingest->options.context, line);
        }
    }
    return rc;
}

int ingest_line(struct ingest *ingest, const char *line, size_t length)
{
    char reason[OBSERVATION_REASON_SIZE];
    struct observation observation;
    bool full;
    int rc;

    ingest->counts.lines++;
    rc = port_line_parse(line, length, &observation) ? 0 : observation_parse(line, length, &observation, reason);
    if (rc < 0) {
        return rc == -EBADMSG ? ingest_refuse(ingest, "%s", reason) : rc;
    }
    rc = ingest_take(ingest, &observation);
    observation_done(&observation);
    if (rc < 0) {
        ingest_rollback(ingest);
        return rc;
    }
    full = ingest->rows >= ingest->options.batch_rows ||
           mono_elapsed_ns(ingest->batch_begun, mono_now()) >= (uint64_t)ingest->options.batch_ms * 1000000;
    return full ? ingest_commit_part(ingest) : 0;
}

int ingest_finish(struct ingest *ingest, const char *cause)
{
    const struct store_scan_end end = {
        .state = "incomplete",
        .cause = cause,
        .ended_at = ingest->last_ts_ms,
        .probes_done = -1,
        .probes_sent = -1,
        .hosts_up = -1,
        .hosts_down = -1,
        .ports_open = -1,
        .loss = -1,
    };
    int rc;

    if (ingest->plan == NULL || ingest->ended) {
        return ingest_flush(ingest);
    }
    rc = ingest_touch(ingest);
    if (rc == 0) {
        rc = store_arrivals_write(ingest->arrivals);
    }
    if (rc == 0) {
        rc = store_scan_finish(ingest->store, ingest->place.scan_id, &end);
    }
    if (rc < 0) {
        ingest_rollback(ingest);
        return rc;
    }
    ingest->ended = true;
    return ingest_flush(ingest);
}
