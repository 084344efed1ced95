#include "auditd/report/jsonl.h"

#include "auditd/report/raise.h"

#include "lib/clock.h"
#include "lib/fact.h"
#include "lib/standard.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct lines {
    struct store_reader *reader;
    FILE *out;
    /* What the youngest look at the finding's port saw. */
    char state[16];
    char reason[64];
    char vantage[160];
    json_t *facts; /* what answers there; NULL where nobody asked */
};

static int print_line(FILE *out, json_t *object)
{
    int rc = object == NULL ? -ENOMEM : 0;

    if (rc == 0 && (json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)) != 0 ||
                    fputc('\n', out) == EOF || fflush(out) != 0)) {
        rc = errno != 0 ? -errno : -EIO;
    }
    json_decref(object);
    return rc;
}

/* Text from the network need not be UTF-8, which JSON wants: bytes that are not become U+FFFD. */
static json_t *text(const char *bytes)
{
    json_t *string = json_string(bytes);
    char clean[1024];
    size_t used = 0;

    if (string != NULL) {
        return string;
    }
    for (; *bytes != '\0' && used + 4 < sizeof(clean); bytes++) {
        if ((unsigned char)*bytes < 0x80) {
            clean[used++] = *bytes;
        } else {
            memcpy(clean + used, "\xef\xbf\xbd", 3);
            used += 3;
        }
    }
    clean[used] = '\0';
    return json_string(clean);
}

/* Each as its own type, the days left by the certificate's end. NULL out of memory. */
static json_t *facts_of(const struct store_endpoint *endpoint)
{
    json_t *facts = json_object();

    for (size_t i = 0; facts != NULL && i < endpoint->fact_count; i++) {
        const struct store_endpoint_fact *fact = &endpoint->facts[i];
        const struct fact_kind *kind = fact_kind_find(fact->name);
        json_t *value;
        if (kind != NULL && kind->type == FACT_NUMBER) {
            value = json_integer(strtoll(fact->value, NULL, 10));
        } else if (kind != NULL && kind->type == FACT_TRUTH) {
            value = json_boolean(strcmp(fact->value, "true") == 0);
        } else {
            value = text(fact->value);
        }
        if (value == NULL || json_object_set_new(facts, fact->name, value) != 0) {
            json_decref(facts);
            facts = NULL;
        }
    }
    return facts;
}

/* The bytes in turns; null where the store has none. */
static json_t *evidence_of(const struct store_endpoint *endpoint)
{
    json_t *evidence = json_loads(endpoint->evidence, 0, NULL);

    return evidence == NULL ? json_null() : evidence;
}

static int take_endpoint(void *context, const struct store_endpoint *endpoint)
{
    struct lines *lines = context;

    if (endpoint->was_asked) {
        json_decref(lines->facts);
        lines->facts = facts_of(endpoint);
        if (lines->facts == NULL) {
            return -ENOMEM;
        }
    }

    snprintf(lines->state, sizeof(lines->state), "%s", endpoint->state);
    snprintf(lines->reason, sizeof(lines->reason), "%s", endpoint->reason);
    snprintf(lines->vantage, sizeof(lines->vantage), "%s", endpoint->vantage);
    return 0;
}

static int read_endpoint(struct lines *lines, const struct store_finding *finding)
{
    const struct store_endpoint_filter filter = {
        .hosts = {&finding->host, 1},
        .protos = {&finding->proto, 1},
        .ports = {&finding->port, 1},
        .with_facts = true,
        .page = {.sort = STORE_ENDPOINT_BY_LAST_SEEN, .is_descending = true, .limit = 1},
    };

    json_decref(lines->facts);
    lines->facts = NULL;
    lines->state[0] = '\0';
    lines->reason[0] = '\0';
    lines->vantage[0] = '\0';
    return store_read_endpoints(lines->reader, &filter, take_endpoint, lines);
}

static json_t *controls_of(const char *list)
{
    const struct standard_control *control;
    json_t *controls = json_array();

    while (controls != NULL && (control = standard_control_next(&list)) != NULL) {
        json_array_append_new(controls, json_pack("{s:s, s:s, s:s}", "standard", control->standard, "edition",
                                                  control->edition, "control", control->number));
    }
    return controls;
}

static int print_finding(void *context, const struct store_finding *finding)
{
    struct lines *lines = context;
    char seen[WALL_TEXT_SIZE];
    char first[WALL_TEXT_SIZE];
    char due[WALL_TEXT_SIZE];
    int rc = read_endpoint(lines, finding);

    if (rc != 0) {
        return rc;
    }
    wall_format(finding->last_seen, seen);
    wall_format(finding->first_seen, first);
    return print_line(
        lines->out,
        json_pack(
            "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:I, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:f, s:f, "
            "s:f, s:f, s:f, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:O?, s:s, s:o, s:b}",
            "schema", "leastport.finding/1", "type", "finding", "scan_id", finding->scan, "ts", seen, "realm",
            text(finding->realm), "vantage", text(lines->vantage), "host", text(finding->address), "name",
            text(finding->name), "proto", finding->proto, "port", (json_int_t)finding->port, "state", lines->state,
            "reason", text(lines->reason), "service", text(finding->service), "rule_id", text(finding->rule_id),
            "severity", finding->severity, "presence", finding->presence, "disposition", finding->disposition, "sight",
            finding->sight, "service_weight", finding->service_weight, "breadth", finding->breadth, "evidence",
            finding->evidence, "need", finding->need, "penalty", finding->penalty, "breadth_class",
            finding->breadth_class, "evidence_kind", finding->evidence_kind, "need_kind", finding->need_kind, "title",
            text(finding->title), "why", text(finding->why), "fix", text(finding->fix), "owner", text(finding->owner),
            "first_seen", first, "fingerprint", finding->fingerprint, "policy_hash", finding->policy_hash, "controls",
            controls_of(finding->controls), "facts", lines->facts, "uuid", finding->uuid, "due",
            finding->due_at == 0 ? json_null() : json_string(wall_format(finding->due_at, due)), "adopted",
            finding->adopted_at != 0));
}

static int print_score(void *context, const struct store_score *score)
{
    struct lines *lines = context;
    char moment[WALL_TEXT_SIZE];
    json_t *caps = json_loads(score->caps, 0, NULL);
    json_t *terms = json_loads(score->terms, 0, NULL);

    if (caps == NULL || terms == NULL) {
        json_decref(caps);
        json_decref(terms);
        return -EUCLEAN;
    }
    wall_format(score->last_at, moment);
    return print_line(lines->out,
                      json_pack("{s:s, s:s, s:s, s:f, s:s, s:f, s:f, s:f, s:o, s:o?, s:o}", "schema",
                                "leastport.finding/1", "type", "score", "ts", moment, "score", score->score, "grade",
                                score->grade, "exposure", score->exposure, "waived", score->waived, "coverage",
                                score->coverage, "caps", caps, "raise", raise_json(terms), "terms", terms));
}

/* An open port that was asked, whatever is thought of it. */
static int print_service(void *context, const struct store_endpoint *endpoint)
{
    struct lines *lines = context;
    char asked[WALL_TEXT_SIZE];
    json_t *facts;

    if (!endpoint->was_asked) {
        return 0;
    }
    facts = facts_of(endpoint);
    if (facts == NULL) {
        return -ENOMEM;
    }
    return print_line(lines->out,
                      json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:o, s:o, s:o}", "schema",
                                "leastport.finding/1", "type", "service", "ts", wall_format(endpoint->asked_at, asked),
                                "realm", text(endpoint->realm), "vantage", text(endpoint->vantage), "host",
                                text(endpoint->address), "proto", endpoint->proto, "port", (json_int_t)endpoint->port,
                                "service", text(endpoint->service), "facts", facts, "evidence", evidence_of(endpoint)));
}

static int print_all(struct lines *lines)
{
    static const char *const scopes[] = {"fleet"};
    const struct store_score_filter score = {.scopes = {scopes, 1}};
    const struct store_finding_filter findings = {.page = {.sort = STORE_FINDING_BY_PENALTY, .is_descending = true}};
    static const char *const open[] = {"open"};
    const struct store_endpoint_filter endpoints = {.states = {open, 1}, .with_facts = true};
    int rc = store_read_findings(lines->reader, &findings, print_finding, lines);

    rc = rc == 0 ? store_read_endpoints(lines->reader, &endpoints, print_service, lines) : rc;
    return rc == 0 ? store_read_scores(lines->reader, &score, print_score, lines) : rc;
}

int report_jsonl_print(struct store_reader *reader, FILE *out)
{
    struct lines lines = {.reader = reader, .out = out};
    int rc = store_reader_begin(reader);

    if (rc != 0) {
        return rc;
    }
    rc = print_all(&lines);
    store_reader_end(reader);
    json_decref(lines.facts);
    return rc;
}

int report_jsonl_findings(struct store_reader *reader, const struct store_finding_filter *filter, FILE *out)
{
    struct lines lines = {.reader = reader, .out = out};
    int rc = store_read_findings(reader, filter, print_finding, &lines);

    json_decref(lines.facts);
    return rc;
}

static int print_endpoint(void *context, const struct store_endpoint *endpoint)
{
    struct lines *lines = context;
    char seen[WALL_TEXT_SIZE];
    char first[WALL_TEXT_SIZE];
    json_t *facts = endpoint->was_asked ? facts_of(endpoint) : NULL;

    if (endpoint->was_asked && facts == NULL) {
        return -ENOMEM;
    }
    return print_line(
        lines->out,
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:s, s:I, s:s, s:o, s:o, s:s, s:o*}", "schema",
                  "leastport.endpoint/1", "type", "endpoint", "ts", wall_format(endpoint->last_seen, seen), "realm",
                  text(endpoint->realm), "vantage", text(endpoint->vantage), "vantage_class", endpoint->vantage_class,
                  "host", text(endpoint->address), "proto", endpoint->proto, "port", (json_int_t)endpoint->port,
                  "state", endpoint->state, "reason", text(endpoint->reason), "service", text(endpoint->service),
                  "first_seen", wall_format(endpoint->first_seen, first), "facts", facts));
}

int report_jsonl_endpoints(struct store_reader *reader, const struct store_endpoint_filter *filter, FILE *out)
{
    struct lines lines = {.reader = reader, .out = out};

    return store_read_endpoints(reader, filter, print_endpoint, &lines);
}
