/* /metrics for Prometheus: few series, bounded labels; never an address, a port or a name. */
#include "web/api.h"
#include "web/exchange.h"
#include "web/metrics.h"
#include "web/stream.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void metrics_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *const metrics_limits[METRICS_LIMITS] = {
    [METRICS_ADDRESS_CONNECTIONS] = "address_connections",
    [METRICS_FAILURES] = "failures",
    [METRICS_TOKEN_REQUESTS] = "token_requests",
    [METRICS_WAITING] = "waiting",
    [METRICS_STREAMS] = "streams",
};

static void metrics_refusals(struct buffer *out, struct metrics *metrics)
{
    metrics_head(out, "leastport_http_refusals_total", "counter",
                 "Connections and requests that were refused because a limit was reached.");
    for (int limit = 0; limit < METRICS_LIMITS; limit++) {
        buffer_print(out, "leastport_http_refusals_total{limit=\"%s\"} %" PRIuFAST64 "\n", metrics_limits[limit],
                     atomic_load(&metrics->refusals[limit]));
    }
}

static void metrics_own(struct buffer *out, struct metrics *metrics, struct stream *stream)
{
    metrics_head(out, "leastport_build_info", "gauge", "The version that runs; always 1.");
    buffer_print(out, "leastport_build_info{version=\"" LEASTPORT_VERSION "\"} 1\n");
    metrics_head(out, "leastport_http_responses_total", "counter", "Responses by the class of their status.");
    for (unsigned digit = 2; digit < 6; digit++) {
        buffer_print(out, "leastport_http_responses_total{class=\"%uxx\"} %" PRIuFAST64 "\n", digit,
                     atomic_load(&metrics->responses[digit]));
    }
    metrics_head(out, "leastport_http_connections", "gauge", "Connections that are open now.");
    buffer_print(out, "leastport_http_connections %" PRIuFAST64 "\n", atomic_load(&metrics->connections));
    if (stream != NULL) {
        metrics_head(out, "leastport_event_streams", "gauge", "Clients that listen to events now.");
        buffer_print(out, "leastport_event_streams %zu\n", stream_count(stream));
    }
    metrics_head(out, "leastport_http_late_connections_total", "counter",
                 "Connections that were closed because a request or its answer took too long.");
    buffer_print(out, "leastport_http_late_connections_total %" PRIuFAST64 "\n",
                 atomic_load(&metrics->late_connections));
    metrics_refusals(out, metrics);
}

static int metrics_score(void *context, const struct store_score *score)
{
    struct buffer *out = context;

    metrics_head(out, "leastport_score", "gauge", "The fleet's score, 0 to 100.");
    buffer_print(out, "leastport_score %.10g\n", score->score);
    metrics_head(out, "leastport_exposure", "gauge", "The sum of all penalties of the fleet.");
    buffer_print(out, "leastport_exposure %.10g\n", score->exposure);
    metrics_head(out, "leastport_coverage_ratio", "gauge", "The share of known endpoints that was judged lately.");
    buffer_print(out, "leastport_coverage_ratio %.10g\n", score->coverage);
    return 0;
}

struct metrics_findings {
    int64_t counts[5][3];
};

static int metrics_name_index(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *const metrics_severities[] = {"low", "medium", "high", "critical"};
static const char *const metrics_sights[] = {"FRESH", "STALE"};

static int metrics_finding_group(void *context, const struct store_group *group)
{
    struct metrics_findings *findings = context;
    int severity = metrics_name_index(metrics_severities, 4, group->values[0]);
    int sight = metrics_name_index(metrics_sights, 2, group->values[1]);

    if (severity >= 0 && sight >= 0) {
        findings->counts[severity][sight] = group->count;
    }
    return 0;
}

static int metrics_findings(struct exchange *exchange)
{
    static const enum store_finding_group values[] = {STORE_GROUP_SEVERITY, STORE_GROUP_SIGHT};
    const struct store_group_keys keys = {values, sizeof(values) / sizeof(*values)};
    struct store_finding_filter filter = {0};
    struct metrics_findings findings = {0};
    int rc = store_read_finding_groups(exchange->reader, &filter, keys, metrics_finding_group, &findings);

    metrics_head(&exchange->body, "leastport_findings", "gauge", "Findings that count now, by severity and sight.");
    for (int severity = 0; severity < 4; severity++) {
        for (int sight = 0; sight < 2; sight++) {
            buffer_print(&exchange->body, "leastport_findings{severity=\"%s\",sight=\"%s\"} %" PRId64 "\n",
                         metrics_severities[severity], sight == 0 ? "fresh" : "stale",
                         findings.counts[severity][sight]);
        }
    }
    return rc;
}

static int metrics_scan(void *context, const struct store_scan *scan)
{
    struct buffer *out = context;

    metrics_head(out, "leastport_last_scan_start_timestamp_seconds", "gauge", "When the youngest scan began.");
    buffer_print(out, "leastport_last_scan_start_timestamp_seconds %.3f\n", (double)scan->started_at / 1000);
    metrics_head(out, "leastport_last_scan_complete", "gauge", "1 when the youngest scan is complete, else 0.");
    buffer_print(out, "leastport_last_scan_complete %d\n", strcmp(scan->state, "complete") == 0 ? 1 : 0);
    if (!isnan(scan->loss)) {
        metrics_head(out, "leastport_last_scan_loss_ratio", "gauge", "The share of probes that it lost.");
        buffer_print(out, "leastport_last_scan_loss_ratio %.10g\n", scan->loss);
    }
    return 0;
}

static int metrics_inventories(struct exchange *exchange)
{
    int64_t count = 0;
    int64_t failed = 0;
    int rc = store_read_inventory_counts(exchange->reader, &count, &failed);

    if (rc == 0) {
        metrics_head(&exchange->body, "leastport_inventories", "gauge", "Inventories that were ever read.");
        buffer_print(&exchange->body, "leastport_inventories %" PRId64 "\n", count);
        metrics_head(&exchange->body, "leastport_inventories_failed", "gauge",
                     "Those that could not be read, or not wholly, the last time.");
        buffer_print(&exchange->body, "leastport_inventories_failed %" PRId64 "\n", failed);
    }
    return rc;
}

static int metrics_store(struct exchange *exchange)
{
    static const char *const fleet[] = {"fleet"};
    struct store_score_filter score_filter = {.scopes = {fleet, 1}, .page = {.limit = 1}};
    struct store_scan_filter scan_filter = {.page = {.is_descending = true, .limit = 1}};
    int rc = store_read_scores(exchange->reader, &score_filter, metrics_score, &exchange->body);

    if (rc == 0) {
        rc = metrics_findings(exchange);
    }
    if (rc == 0) {
        rc = store_read_scans(exchange->reader, &scan_filter, metrics_scan, &exchange->body);
    }
    if (rc == 0) {
        rc = metrics_inventories(exchange);
    }
    return rc;
}

void api_metrics(struct exchange *exchange)
{
    int rc;

    exchange->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_own(&exchange->body, exchange->site->metrics, exchange->site->stream);
    rc = metrics_store(exchange);
    if (rc != 0) {
        exchange_fail(exchange, rc);
    }
    metrics_head(&exchange->body, "leastport_database_ready", "gauge",
                 "Always 1: without its database there are no figures.");
    buffer_print(&exchange->body, "leastport_database_ready 1\n");
}
