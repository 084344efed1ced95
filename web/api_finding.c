/* /api/v1/findings: which open ports need not be open, why, how to fix it, and how each number came about. */
#include "web/api_finding.h"
#include "lib/standard.h"
#include "web/api.h"
#include "web/api_change.h"
#include "web/list.h"

static const char *const finding_protos[] = {"tcp", "udp", NULL};
static const char *const finding_presences[] = {"NEW",        "OPEN",    "VERIFYING", "FIXED",
                                                "REAPPEARED", "ALLOWED", "FOLDED",    NULL};
static const char *const finding_dispositions[] = {"NONE", "ACKNOWLEDGED", "WAIVED", NULL};
static const char *const finding_sights[] = {"FRESH", "STALE", "RETIRED", NULL};
static const char *const finding_adopted[] = {"true", "false", NULL};
static const char *const finding_severities[] = {"low", "medium", "high", "critical", NULL};
static const char *const finding_sorts[] = {"id",         "severity",  "penalty",    "port",
                                            "first_seen", "last_seen", "changed_at", NULL};
static const char *const finding_groups[] = {"severity", "presence", "disposition", "sight", "realm", "service",
                                             "port",     "rule_id",  "host",        "owner", "tag",   NULL};

static const struct param finding_params[] = {
    {"uuid", PARAM_TEXTS, offsetof(struct store_finding_filter, uuids), NULL},
    {"host", PARAM_TEXTS, offsetof(struct store_finding_filter, hosts), NULL},
    {"realm", PARAM_TEXTS, offsetof(struct store_finding_filter, realms), NULL},
    {"address", PARAM_TEXTS, offsetof(struct store_finding_filter, addresses), NULL},
    {"vantage", PARAM_TEXTS, offsetof(struct store_finding_filter, vantages), NULL},
    {"proto", PARAM_CHOICES, offsetof(struct store_finding_filter, protos), finding_protos},
    {"port", PARAM_PORTS, offsetof(struct store_finding_filter, ports), NULL},
    {"service", PARAM_TEXTS, offsetof(struct store_finding_filter, services), NULL},
    {"kind", PARAM_TEXTS, offsetof(struct store_finding_filter, kinds), NULL},
    {"rule_id", PARAM_TEXTS, offsetof(struct store_finding_filter, rules), NULL},
    {"owner", PARAM_TEXTS, offsetof(struct store_finding_filter, owners), NULL},
    {"tag", PARAM_TEXTS, offsetof(struct store_finding_filter, tags), NULL},
    {"presence", PARAM_CHOICES, offsetof(struct store_finding_filter, presences), finding_presences},
    {"disposition", PARAM_CHOICES, offsetof(struct store_finding_filter, dispositions), finding_dispositions},
    {"sight", PARAM_CHOICES, offsetof(struct store_finding_filter, sights), finding_sights},
    {"adopted", PARAM_CHOICES, offsetof(struct store_finding_filter, adopted), finding_adopted},
    {"severity", PARAM_CHOICES, offsetof(struct store_finding_filter, severities), finding_severities},
    {"severity_min", PARAM_SEVERITY, offsetof(struct store_finding_filter, severity_min), NULL},
    {"breadth_class", PARAM_TEXTS, offsetof(struct store_finding_filter, breadth_classes), NULL},
    {"as_of", PARAM_TIME, offsetof(struct store_finding_filter, as_of), NULL},
    {"first_seen_since", PARAM_TIME, offsetof(struct store_finding_filter, first_seen_since), NULL},
    {"first_seen_before", PARAM_TIME, offsetof(struct store_finding_filter, first_seen_before), NULL},
    {"last_seen_since", PARAM_TIME, offsetof(struct store_finding_filter, last_seen_since), NULL},
    {"last_seen_before", PARAM_TIME, offsetof(struct store_finding_filter, last_seen_before), NULL},
    {"changed_since", PARAM_TIME, offsetof(struct store_finding_filter, changed_since), NULL},
    {"changed_before", PARAM_TIME, offsetof(struct store_finding_filter, changed_before), NULL},
    {"due_since", PARAM_TIME, offsetof(struct store_finding_filter, due_since), NULL},
    {"due_before", PARAM_TIME, offsetof(struct store_finding_filter, due_before), NULL},
};

const struct param_table api_finding_table = {
    .resource = "findings",
    .params = finding_params,
    .param_count = sizeof(finding_params) / sizeof(*finding_params),
    .page_offset = offsetof(struct store_finding_filter, page),
    .sorts = finding_sorts,
    .sort = STORE_FINDING_BY_SEVERITY,
    .is_descending = true,
    .groups = finding_groups,
};

static void finding_write_term(struct json_writer *writer, const char *name, double value, const char *because)
{
    json_open_object(writer, name);
    json_put_real(writer, "value", value);
    json_put_text(writer, "because", because);
    json_close_object(writer);
}

static void finding_write_terms(struct json_writer *writer, const struct store_finding *finding)
{
    json_put_real(writer, "penalty", finding->penalty);
    json_open_object(writer, "terms");
    finding_write_term(writer, "service", finding->service_weight, finding->service);
    finding_write_term(writer, "breadth", finding->breadth, finding->breadth_class);
    finding_write_term(writer, "evidence", finding->evidence, finding->evidence_kind);
    finding_write_term(writer, "need", finding->need, finding->need_kind);
    json_close_object(writer);
}

static void finding_write_head(struct json_writer *writer, const struct store_finding *finding)
{
    json_put_text(writer, "uuid", finding->uuid);
    json_put_text(writer, "fingerprint", finding->fingerprint);
    json_open_object(writer, "host");
    json_put_text(writer, "uuid", finding->host);
    json_put_text(writer, "realm", finding->realm);
    json_put_text_or_null(writer, "address", finding->address);
    json_put_text_or_null(writer, "name", finding->name);
    json_close_object(writer);
    json_put_text(writer, "proto", finding->proto);
    json_put_number(writer, "port", finding->port);
    json_put_text_or_null(writer, "service", finding->service);
    json_put_text(writer, "kind", finding->kind);
    json_put_text(writer, "severity", finding->severity);
    json_put_text(writer, "presence", finding->presence);
    json_put_text(writer, "disposition", finding->disposition);
    json_put_text(writer, "sight", finding->sight);
}

/* What auditors ask for by number. */
static void finding_write_controls(struct json_writer *writer, const char *list)
{
    const struct standard_control *control;

    json_open_array(writer, "controls");
    while ((control = standard_control_next(&list)) != NULL) {
        json_open_object(writer, NULL);
        json_put_text(writer, "standard", control->standard);
        json_put_text(writer, "edition", control->edition);
        json_put_text(writer, "control", control->number);
        json_put_text(writer, "title", control->title);
        json_close_object(writer);
    }
    json_close_array(writer);
}

/* What the log does not know of the past stands as null. */
static void finding_write_past(struct json_writer *writer)
{
    json_put_null(writer, "policy");
    json_put_null(writer, "penalty");
    json_put_null(writer, "terms");
    json_put_null(writer, "last_seen");
    json_put_null(writer, "due_at");
    json_put_null(writer, "adopted_at");
}

static void finding_write_now(struct json_writer *writer, const struct store_finding *finding)
{
    json_open_object(writer, "policy");
    json_put_text(writer, "name", finding->policy);
    json_put_text(writer, "hash", finding->policy_hash);
    json_close_object(writer);
    finding_write_terms(writer, finding);
    json_put_time(writer, "last_seen", finding->last_seen);
    json_put_time(writer, "due_at", finding->due_at);
    json_put_time(writer, "adopted_at", finding->adopted_at);
}

static void finding_write(struct json_writer *writer, const struct store_finding *finding, bool is_past)
{
    finding_write_head(writer, finding);
    json_put_text(writer, "title", finding->title);
    json_put_text(writer, "why", finding->why);
    json_put_text(writer, "fix", finding->fix);
    json_put_text_or_null(writer, "owner", finding->owner);
    json_put_text(writer, "rule_id", finding->rule_id);
    finding_write_controls(writer, finding->controls);
    if (is_past) {
        finding_write_past(writer);
    } else {
        finding_write_now(writer, finding);
    }
    json_put_time(writer, "first_seen", finding->first_seen);
    json_put_time(writer, "changed_at", finding->changed_at);
    json_put_time(writer, "fixed_at", finding->fixed_at);
}

struct finding_list {
    struct list list;
    bool is_past;
};

static int finding_list_row(void *context, const struct store_finding *finding)
{
    struct finding_list *findings = context;
    struct list *list = &findings->list;

    if (list_takes(list, finding->sort_key, finding->id)) {
        json_open_object(&list->writer, NULL);
        finding_write(&list->writer, finding, findings->is_past);
        json_close_object(&list->writer);
    }
    return 0;
}

/* ---- counts ---- */

struct finding_group_target {
    struct json_writer writer;
    const struct params *params;
    uint32_t count;
    bool is_past;
};

static int finding_group_row(void *context, const struct store_group *group)
{
    struct finding_group_target *target = context;
    struct json_writer *writer = &target->writer;

    if (target->count++ == target->params->limit) {
        return 0;
    }
    json_open_object(writer, NULL);
    for (size_t i = 0; i < target->params->group_count; i++) {
        json_put_text_or_null(writer, finding_groups[target->params->groups[i]], group->values[i]);
    }
    json_put_number(writer, "count", group->count);
    if (target->is_past) {
        json_put_null(writer, "exposure");
    } else {
        json_put_real(writer, "exposure", group->penalty);
    }
    json_put_time(writer, "first_seen_mean", group->first_seen_mean);
    json_close_object(writer);
    return 0;
}

static void finding_write_groups(struct exchange *exchange, const struct store_finding_filter *filter,
                                 const struct params *params)
{
    struct finding_group_target target = {.params = params, .is_past = filter->as_of != 0};
    enum store_finding_group values[PARAMS_MAX_GROUPS];
    const struct store_group_keys keys = {values, params->group_count};
    int rc;

    if (uri_param(exchange->uri, "cursor") != NULL) {
        problem_set(&exchange->problem, 400, "Counts have no cursor: narrow the filters or raise the limit.");
        problem_point(&exchange->problem, "query", "cursor", "cannot stand beside group_by");
        return;
    }
    for (size_t i = 0; i < params->group_count; i++) {
        values[i] = (enum store_finding_group)params->groups[i];
    }
    json_writer_init(&target.writer, &exchange->body);
    json_open_object(&target.writer, NULL);
    json_open_array(&target.writer, "groups");
    rc = store_read_finding_groups(exchange->reader, filter, keys, finding_group_row, &target);
    json_close_array(&target.writer);
    json_put_flag(&target.writer, "is_complete", target.count <= params->limit);
    json_close_object(&target.writer);
    if (rc != 0) {
        exchange_fail(exchange, rc);
    }
}

/* Whether the past that is asked for can be told. */
static bool finding_is_kept(struct exchange *exchange, const struct store_finding_filter *filter)
{
    bool by_sort = filter->page.sort == STORE_FINDING_BY_PENALTY || filter->page.sort == STORE_FINDING_BY_LAST_SEEN;
    const struct {
        bool is_asked;
        const char *name;
    } unkept[] = {{by_sort, "sort"},
                  {filter->last_seen_since != 0, "last_seen_since"},
                  {filter->last_seen_before != 0, "last_seen_before"},
                  {filter->adopted.count != 0, "adopted"},
                  {filter->due_since != 0, "due_since"},
                  {filter->due_before != 0, "due_before"}};

    for (size_t i = 0; i < sizeof(unkept) / sizeof(*unkept) && filter->as_of != 0; i++) {
        if (unkept[i].is_asked) {
            problem_set(&exchange->problem, 400,
                        "What a penalty, a last sight, a due date or an adoption was at a past moment is not kept.");
            problem_point(&exchange->problem, "query", unkept[i].name, "cannot stand beside as_of");
            return false;
        }
    }
    return true;
}

bool api_finding_is_of_now(struct exchange *exchange, const struct store_finding_filter *filter)
{
    if (filter->as_of == 0) {
        return true;
    }
    problem_set(&exchange->problem, 400, "Only lists and counts of findings can be of a past moment.");
    problem_point(&exchange->problem, "query", "as_of", "is for /api/v1/findings alone");
    return false;
}

void api_findings(struct exchange *exchange)
{
    struct store_finding_filter filter = {0};
    struct params params;
    struct finding_list findings;

    if (!params_parse(&api_finding_table, exchange->uri, &filter, &params, &exchange->problem)) {
        return;
    }
    if (!finding_is_kept(exchange, &filter)) {
        return;
    }
    if (params.group_count != 0) {
        finding_write_groups(exchange, &filter, &params);
        return;
    }
    findings.is_past = filter.as_of != 0;
    list_open(&findings.list, exchange, &params);
    list_close(&findings.list, store_read_findings(exchange->reader, &filter, finding_list_row, &findings));
}

/* ---- one finding ---- */

struct finding_one {
    struct json_writer writer;
    int64_t id;
};

static int finding_one_row(void *context, const struct store_finding *finding)
{
    struct finding_one *one = context;

    one->id = finding->id;
    json_open_object(&one->writer, NULL);
    finding_write(&one->writer, finding, false);
    return 0;
}

static int finding_vantage_row(void *context, const struct store_finding_vantage *vantage)
{
    struct finding_one *one = context;

    json_open_object(&one->writer, NULL);
    json_put_text(&one->writer, "vantage", vantage->vantage);
    json_put_text(&one->writer, "class", vantage->vantage_class);
    json_put_time(&one->writer, "since", vantage->since);
    json_put_time(&one->writer, "until", vantage->until);
    json_close_object(&one->writer);
    return 0;
}

static int finding_write_parts(struct exchange *exchange, struct finding_one *one)
{
    struct store_change_filter filter = {.findings = {&exchange->uuid, 1}, .page = {.limit = PARAMS_LIMIT_MAX}};
    int rc;

    json_open_array(&one->writer, "vantages");
    rc = store_read_finding_vantages(exchange->reader, one->id, finding_vantage_row, one);
    json_close_array(&one->writer);
    if (rc != 0) {
        return rc;
    }
    json_open_array(&one->writer, "events");
    filter.page.is_descending = true;
    rc = store_read_changes(exchange->reader, &filter, api_change_row, &one->writer);
    json_close_array(&one->writer);
    json_close_object(&one->writer);
    return rc;
}

void api_finding(struct exchange *exchange)
{
    struct store_finding_filter filter = {.uuids = {&exchange->uuid, 1}};
    struct finding_one one = {0};
    int rc;

    json_writer_init(&one.writer, &exchange->body);
    rc = store_read_findings(exchange->reader, &filter, finding_one_row, &one);
    if (rc == 0 && one.id == 0) {
        problem_set(&exchange->problem, 404, "No finding has the id %s.", exchange->uuid);
        return;
    }
    if (rc == 0) {
        rc = finding_write_parts(exchange, &one);
    }
    if (rc != 0) {
        exchange_fail(exchange, rc);
    }
}
