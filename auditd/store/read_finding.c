/* The findings of the read-only store: lists, counts by groups, and the vantages that see one. */
#include "auditd/store/finding_past.h"
#include "auditd/store/query.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define FINDING_NAME STORE_ASSET_IDENTITY("f.asset_id", "name")
/* What counts was judged, with the same result, by the last that judged everything anew. */
#define FINDING_POLICY                                                                                                 \
    "CASE WHEN f.presence IN ('NEW', 'OPEN', 'REAPPEARED') AND f.sight <> 'RETIRED' THEN "                             \
    "COALESCE((SELECT j.policy_id FROM judgement j ORDER BY j.id DESC LIMIT 1), f.policy_id) ELSE f.policy_id END"
#define FINDING_PLACE " JOIN asset a ON a.id = f.asset_id JOIN realm r ON r.id = a.realm_id"
/* Several sources may say the same of a host. */
#define FINDING_TAG                                                                                                    \
    " LEFT JOIN (SELECT DISTINCT asset_id, key || '=' || value AS tag FROM asset_tag WHERE valid_to IS NULL) t "       \
    "ON t.asset_id = f.asset_id"
#define FINDING_PAST_TAG                                                                                               \
    " LEFT JOIN (SELECT DISTINCT asset_id, key || '=' || value AS tag FROM asset_tag CROSS JOIN past_moment "          \
    "WHERE valid_from <= past_at AND (valid_to IS NULL OR valid_to > past_at)) t ON t.asset_id = f.asset_id"
/* Looked up for each: CROSS keeps SQLite from beginning with the realms. */
#define FINDING_OWN_PLACE " CROSS JOIN asset a ON a.id = f.asset_id CROSS JOIN realm r ON r.id = a.realm_id"
#define FINDING_BESIDE FINDING_OWN_PLACE " CROSS JOIN policy p ON p.id = " FINDING_POLICY

/* When it shall be over; 0 where it is waived, does not count, or nothing is said of its severity. */
#define FINDING_DUE                                                                                                    \
    "iif(f.disposition <> 'WAIVED' AND f.sight <> 'RETIRED' AND f.presence IN ('NEW', 'OPEN', 'VERIFYING', "           \
    "'REAPPEARED'), coalesce((SELECT coalesce(f.opened_at, f.first_seen) + d.after_ms FROM due d WHERE d.severity = "  \
    "f.severity AND d.after_ms > 0), 0), 0)"

static const char finding_columns[] =
    "f.id, f.uuid, f.fingerprint, a.uuid, r.name, " STORE_FINDING_ADDRESS ", " FINDING_NAME
    ", f.proto, f.kind, f.port, f.presence, f.disposition, f.sight, f.severity, f.service, f.rule_id, p.name, p.hash, "
    "f.service_weight, f.breadth, f.evidence, f.need, f.penalty, f.breadth_class, f.evidence_kind, f.need_kind, "
    "f.title, f.why, f.fix, f.owner, f.controls, f.first_seen, f.last_seen, f.changed_at, f.fixed_at, "
    "coalesce(f.opened_at, f.first_seen), " FINDING_DUE ", f.adopted_at, "
    "(SELECT s.uuid FROM scan s WHERE s.id = f.last_scan_id)";

static const char *finding_sort_key(int sort)
{
    switch ((enum store_finding_sort)sort) {
    case STORE_FINDING_BY_SEVERITY:
        return "f.severity_rank";
    case STORE_FINDING_BY_PENALTY:
        return "f.penalty";
    case STORE_FINDING_BY_PORT:
        return "f.port";
    case STORE_FINDING_BY_FIRST_SEEN:
        return "f.first_seen";
    case STORE_FINDING_BY_LAST_SEEN:
        return "f.last_seen";
    case STORE_FINDING_BY_CHANGE:
        return "f.changed_at";
    case STORE_FINDING_BY_ID:
        break;
    }
    return "f.id";
}

static void finding_add_places(struct store_query *query, const struct store_finding_filter *filter)
{
    int as_of = filter->as_of == 0 ? 0 : FINDING_PAST_MOMENT;

    store_query_among(query, "f.uuid", &filter->uuids);
    store_query_among(query, "a.uuid", &filter->hosts);
    store_query_among(query, "r.name", &filter->realms);
    if (filter->addresses.count != 0) {
        store_query_add(query, " AND f.asset_id IN (SELECT i.asset_id FROM asset_identity i WHERE i.kind = 'address'");
        store_query_alive(query, "i.valid_from", "i.valid_to", as_of);
        store_query_among(query, "i.value", &filter->addresses);
        store_query_add(query, ")");
    }
    if (filter->tags.count != 0) {
        store_query_add(query, " AND f.asset_id IN (SELECT t.asset_id FROM asset_tag t WHERE 1");
        store_query_alive(query, "t.valid_from", "t.valid_to", as_of);
        store_query_among(query, "t.key || '=' || t.value", &filter->tags);
        store_query_add(query, ")");
    }
    if (filter->vantages.count != 0) {
        store_query_add(query, " AND f.id IN (SELECT x.finding_id FROM finding_vantage x JOIN vantage v ON "
                               "v.id = x.vantage_id WHERE 1");
        store_query_alive(query, "x.since", "x.until", as_of);
        store_query_among(query, "v.name", &filter->vantages);
        store_query_add(query, ")");
    }
}

static void finding_add_filter(struct store_query *query, const struct store_finding_filter *filter)
{
    finding_add_places(query, filter);
    store_query_among(query, "f.proto", &filter->protos);
    store_query_among_numbers(query, "f.port", &filter->ports);
    store_query_among(query, "f.service", &filter->services);
    store_query_among(query, "f.kind", &filter->kinds);
    store_query_among(query, "f.rule_id", &filter->rules);
    store_query_among(query, "f.owner", &filter->owners);
    store_query_among(query, "f.presence", &filter->presences);
    store_query_among(query, "f.disposition", &filter->dispositions);
    store_query_among(query, "f.sight", &filter->sights);
    store_query_among(query, "f.breadth_class", &filter->breadth_classes);
    store_query_among(query, "iif(f.adopted_at IS NULL, 'false', 'true')", &filter->adopted);
    if (filter->severity_min > 0) {
        store_query_add(query, " AND f.severity_rank >= ?%d", store_query_number(query, filter->severity_min));
    }
    store_query_between(query, "f.first_seen", filter->first_seen_since, filter->first_seen_before);
    store_query_between(query, "f.last_seen", filter->last_seen_since, filter->last_seen_before);
    store_query_between(query, "f.changed_at", filter->changed_since, filter->changed_before);
    if (filter->due_since != 0 || filter->due_before != 0) {
        /* Worked out once for each, and never 0. */
        store_query_add(query, " AND " FINDING_DUE " BETWEEN ?%d",
                        store_query_number(query, filter->due_since > 0 ? filter->due_since : 1));
        store_query_add(query, " AND ?%d",
                        store_query_number(query, filter->due_before == 0 ? INT64_MAX : filter->due_before - 1));
    }
    if (filter->uuids.count != 0 || filter->changed_since != 0) {
        return;
    }
    if (filter->presences.count == 0) {
        store_query_add(query, " AND f.presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED')");
    }
    if (filter->sights.count == 0) {
        store_query_add(query, " AND f.sight <> 'RETIRED'");
    }
}

/* Where a query's findings come from: what finding_begin() has defined. */
static const char *finding_source(const struct store_finding_filter *filter)
{
    return filter->as_of != 0 ? "finding_past" : "finding";
}

static void finding_begin(struct store_query *query, const struct store_finding_filter *filter)
{
    store_query_init(query, "");
    if (filter->as_of != 0) {
        finding_past_define(query, filter->as_of);
    }
}

struct finding_target {
    store_finding_fn *fn;
    void *context;
};

static int finding_row(struct store_row *row, void *context)
{
    struct finding_target *target = context;
    struct store_finding finding;

    finding.sort_key = store_row_real(row);
    finding.id = store_row_number(row);
    finding.uuid = store_row_text(row);
    finding.fingerprint = store_row_text(row);
    finding.host = store_row_text(row);
    finding.realm = store_row_text(row);
    finding.address = store_row_text(row);
    finding.name = store_row_text(row);
    finding.proto = store_row_text(row);
    finding.kind = store_row_text(row);
    finding.port = store_row_number(row);
    finding.presence = store_row_text(row);
    finding.disposition = store_row_text(row);
    finding.sight = store_row_text(row);
    finding.severity = store_row_text(row);
    finding.service = store_row_text(row);
    finding.rule_id = store_row_text(row);
    finding.policy = store_row_text(row);
    finding.policy_hash = store_row_text(row);
    finding.service_weight = store_row_real(row);
    finding.breadth = store_row_real(row);
    finding.evidence = store_row_real(row);
    finding.need = store_row_real(row);
    finding.penalty = store_row_real(row);
    finding.breadth_class = store_row_text(row);
    finding.evidence_kind = store_row_text(row);
    finding.need_kind = store_row_text(row);
    finding.title = store_row_text(row);
    finding.why = store_row_text(row);
    finding.fix = store_row_text(row);
    finding.owner = store_row_text(row);
    finding.controls = store_row_text(row);
    finding.first_seen = store_row_number(row);
    finding.last_seen = store_row_number(row);
    finding.changed_at = store_row_number(row);
    finding.fixed_at = store_row_number(row);
    finding.opened_at = store_row_number(row);
    finding.due_at = store_row_number(row);
    finding.adopted_at = store_row_number(row);
    finding.scan = store_row_text(row);
    return target->fn(target->context, &finding);
}

/* A list that goes by severity is walked in the index of that order, and there from the first rank that was asked for
 * to the last: a list of the lowest does not walk all that is worse, nor sort what there is of them. */
static void finding_add_severities(struct store_query *query, const struct store_finding_filter *filter, bool is_walked)
{
    static const char *const names[] = {"low", "medium", "high", "critical"};
    int64_t first = 0;
    int64_t last = 0;

    is_walked = is_walked && filter->page.sort == STORE_FINDING_BY_SEVERITY;
    for (int64_t rank = 1; rank <= 4; rank++) {
        for (size_t i = 0; i < filter->severities.count; i++) {
            if (strcmp(filter->severities.values[i], names[rank - 1]) == 0) {
                first = first == 0 ? rank : first;
                last = rank;
            }
        }
    }
    /* The plus keeps SQLite from any other index over severities. */
    store_query_among(query, is_walked ? "+f.severity" : "f.severity", &filter->severities);
    if (is_walked && first != 0) {
        store_query_add(query, " AND f.severity_rank BETWEEN ?%d", store_query_number(query, first));
        store_query_add(query, " AND ?%d", store_query_number(query, last));
    }
}

/* Whether an index has the list's order, and nothing leads to its findings by way of their hosts: rows come as they are
 * asked for. */
static bool finding_is_walked(const struct store_finding_filter *filter)
{
    const struct store_page *page = &filter->page;
    bool has_index =
        filter->as_of == 0 &&
        (page->sort == STORE_FINDING_BY_ID || page->sort == STORE_FINDING_BY_CHANGE ||
         (page->is_descending && (page->sort == STORE_FINDING_BY_SEVERITY || page->sort == STORE_FINDING_BY_PENALTY)));

    return page->limit == 0 || filter->uuids.count != 0 ||
           (has_index && filter->hosts.count == 0 && filter->realms.count == 0 && filter->addresses.count == 0 &&
            filter->tags.count == 0 && filter->vantages.count == 0);
}

/* By columns that finding_counted has, and not by the index of the other direction, whose rows are read from the table
 * one by one. */
static const char *finding_sorted_key(int sort)
{
    if (sort == STORE_FINDING_BY_SEVERITY) {
        return "CASE f.severity WHEN 'low' THEN 1 WHEN 'medium' THEN 2 WHEN 'high' THEN 3 ELSE 4 END";
    }
    return sort == STORE_FINDING_BY_PENALTY ? "+f.penalty" : finding_sort_key(sort);
}

static void finding_ask_walked(struct store_query *query, const struct store_finding_filter *filter)
{
    const char *key = finding_sort_key(filter->page.sort);

    store_query_add(query, "SELECT %s, %s FROM %s f" FINDING_BESIDE " WHERE 1", key, finding_columns,
                    finding_source(filter));
    finding_add_filter(query, filter);
    finding_add_severities(query, filter, true);
    store_query_page(query, &filter->page, key, "f.id");
}

/* All is sorted by the key and the id alone; what else there is of them is read of the page's few rows. */
static void finding_ask_sorted(struct store_query *query, const struct store_finding_filter *filter)
{
    const char *key = finding_sorted_key(filter->page.sort);
    bool asks_for_place = filter->hosts.count != 0 || filter->realms.count != 0;

    store_query_add(query, "SELECT w.key, %s FROM (SELECT %s AS key, f.id AS id FROM %s f%s WHERE 1", finding_columns,
                    key, finding_source(filter), asks_for_place ? FINDING_PLACE : "");
    finding_add_filter(query, filter);
    finding_add_severities(query, filter, false);
    store_query_page(query, &filter->page, key, "f.id");
    store_query_add(query, ") w CROSS JOIN %s f ON f.id = w.id" FINDING_BESIDE " ORDER BY w.key %s, w.id",
                    finding_source(filter), filter->page.is_descending ? "DESC" : "ASC");
}

int store_read_findings(struct store_reader *reader, const struct store_finding_filter *filter, store_finding_fn *fn,
                        void *context)
{
    struct finding_target target = {fn, context};
    struct store_query query;
    int rc;

    finding_begin(&query, filter);
    if (finding_is_walked(filter)) {
        finding_ask_walked(&query, filter);
    } else {
        finding_ask_sorted(&query, filter);
    }
    rc = store_query_run(&query, reader, finding_row, &target);
    store_query_done(&query);
    return rc;
}

/* ---- counts ---- */

static const char *const finding_group_columns[STORE_GROUP_COUNT] = {
    [STORE_GROUP_SEVERITY] = "f.severity",
    [STORE_GROUP_PRESENCE] = "f.presence",
    [STORE_GROUP_DISPOSITION] = "f.disposition",
    [STORE_GROUP_SIGHT] = "f.sight",
    [STORE_GROUP_REALM] = "r.name",
    /* The plus keeps SQLite from walking that column's own index, and the table with it, instead of finding_counted. */
    [STORE_GROUP_SERVICE] = "+f.service",
    [STORE_GROUP_PORT] = "f.proto || '/' || f.port",
    [STORE_GROUP_RULE] = "f.rule_id",
    [STORE_GROUP_HOST] = "a.uuid",
    [STORE_GROUP_OWNER] = "f.owner",
    [STORE_GROUP_TAG] = "t.tag",
};

struct group_target {
    store_group_fn *fn;
    void *context;
    size_t key_count;
};

static int group_row(struct store_row *row, void *context)
{
    struct group_target *target = context;
    struct store_group group = {0};

    for (size_t i = 0; i < target->key_count; i++) {
        group.values[i] = store_row_text(row);
    }
    group.count = store_row_number(row);
    group.penalty = store_row_real(row);
    group.first_seen_mean = store_row_number(row);
    return target->fn(target->context, &group);
}

static bool group_asks_for(struct store_group_keys keys, enum store_finding_group key)
{
    for (size_t i = 0; i < keys.count; i++) {
        if (keys.values[i] == key) {
            return true;
        }
    }
    return false;
}

/* Without its host a million findings are counted from an index alone, in a fifth of the time. */
static bool group_asks_for_place(const struct store_finding_filter *filter, struct store_group_keys keys)
{
    return group_asks_for(keys, STORE_GROUP_REALM) || group_asks_for(keys, STORE_GROUP_HOST) ||
           filter->hosts.count != 0 || filter->realms.count != 0;
}

/* The columns of finding_counted as far as groups go by them, in its order, and what goes by each. */
static const struct {
    const char *columns;
    enum store_finding_group key;
} group_counted[] = {
    {"f.severity", STORE_GROUP_SEVERITY},    {", f.sight", STORE_GROUP_SIGHT},
    {", f.presence", STORE_GROUP_PRESENCE},  {", f.disposition", STORE_GROUP_DISPOSITION},
    {", f.service", STORE_GROUP_SERVICE},    {", f.rule_id", STORE_GROUP_RULE},
    {", f.proto, f.port", STORE_GROUP_PORT},
};

enum { GROUP_COUNTED = sizeof(group_counted) / sizeof(*group_counted) };

/* How many rows of it all the keys are among; 0: some are not, or a filter asks for what the index has not. */
static size_t group_depth(const struct store_finding_filter *filter, struct store_group_keys keys)
{
    size_t depth = 0;
    size_t found = 0;

    for (size_t i = 0; i < GROUP_COUNTED; i++) {
        if (group_asks_for(keys, group_counted[i].key)) {
            depth = i + 1;
            found++;
        }
    }
    if (found < keys.count || filter->as_of != 0 || filter->uuids.count != 0 || filter->hosts.count != 0 ||
        filter->realms.count != 0 || filter->addresses.count != 0 || filter->tags.count != 0 ||
        filter->vantages.count != 0 || filter->kinds.count != 0 || filter->owners.count != 0 ||
        filter->breadth_classes.count != 0 || filter->severity_min != 0 || filter->last_seen_since != 0 ||
        filter->last_seen_before != 0 || filter->changed_since != 0 || filter->changed_before != 0 ||
        filter->due_since != 0 || filter->due_before != 0 || filter->adopted.count != 0) {
        return 0;
    }
    return depth;
}

/* Whether they go by hosts alone, in whose order finding_by_asset is. */
static bool group_goes_by_host(const struct store_finding_filter *filter, struct store_group_keys keys)
{
    size_t found = (size_t)group_asks_for(keys, STORE_GROUP_REALM) + (size_t)group_asks_for(keys, STORE_GROUP_HOST);

    return found == keys.count && filter->as_of == 0 && filter->hosts.count == 0 && filter->realms.count == 0;
}

static void group_add_keys(struct store_query *query, struct store_group_keys keys)
{
    for (size_t i = 0; i < keys.count; i++) {
        store_query_add(query, "%s, ", finding_group_columns[keys.values[i]]);
    }
}

/* Runs of rows that are equal in an index's first columns become one each, in its order; only those are left to be
 * sorted and summed up. */
static void group_ask_runs(struct store_query *query, const struct store_finding_filter *filter,
                           struct store_group_keys keys, const char *columns)
{
    store_query_add(query, "SELECT ");
    group_add_keys(query, keys);
    store_query_add(
        query,
        "SUM(f.count), SUM(f.penalty), CAST(TOTAL(f.first_seen) / SUM(f.count) AS INTEGER) FROM (SELECT "
        "COUNT(*) AS count, SUM(f.penalty) AS penalty, TOTAL(f.first_seen) AS first_seen, %s FROM finding f "
        "WHERE 1",
        columns);
    finding_add_filter(query, filter);
    store_query_among(query, "f.severity", &filter->severities);
    store_query_add(query, " GROUP BY %s) f", columns);
}

static void group_ask_counted(struct store_query *query, const struct store_finding_filter *filter,
                              struct store_group_keys keys, size_t depth)
{
    char columns[128] = "";
    size_t length = 0;

    for (size_t i = 0; i < depth; i++) {
        length += (size_t)snprintf(columns + length, sizeof(columns) - length, "%s", group_counted[i].columns);
    }
    group_ask_runs(query, filter, keys, columns);
}

static void group_ask_by_host(struct store_query *query, const struct store_finding_filter *filter,
                              struct store_group_keys keys)
{
    group_ask_runs(query, filter, keys, "f.asset_id");
    store_query_add(query, FINDING_OWN_PLACE);
}

static void group_ask(struct store_query *query, const struct store_finding_filter *filter,
                      struct store_group_keys keys)
{
    store_query_add(query, "SELECT ");
    group_add_keys(query, keys);
    store_query_add(query, "COUNT(*), SUM(f.penalty), CAST(AVG(f.first_seen) AS INTEGER) FROM %s f%s%s WHERE 1",
                    finding_source(filter), group_asks_for_place(filter, keys) ? FINDING_PLACE : "",
                    !group_asks_for(keys, STORE_GROUP_TAG) ? ""
                    : filter->as_of != 0                   ? FINDING_PAST_TAG
                                                           : FINDING_TAG);
    finding_add_filter(query, filter);
    store_query_among(query, "f.severity", &filter->severities);
}

int store_read_finding_groups(struct store_reader *reader, const struct store_finding_filter *filter,
                              struct store_group_keys keys, store_group_fn *fn, void *context)
{
    struct group_target target = {fn, context, keys.count};
    size_t depth = group_depth(filter, keys);
    struct store_query query;
    int rc;

    assert(keys.count >= 1 && keys.count <= STORE_GROUP_COUNT);
    finding_begin(&query, filter);
    if (depth != 0) {
        group_ask_counted(&query, filter, keys, depth);
    } else if (group_goes_by_host(filter, keys)) {
        group_ask_by_host(&query, filter, keys);
    } else {
        group_ask(&query, filter, keys);
    }
    store_query_add(&query, " GROUP BY ");
    for (size_t i = 0; i < keys.count; i++) {
        store_query_add(&query, "%s%zu", i == 0 ? "" : ", ", i + 1);
    }
    store_query_add(&query, " ORDER BY %zu DESC", keys.count + 1);
    for (size_t i = 0; i < keys.count; i++) {
        store_query_add(&query, ", %zu", i + 1);
    }
    if (filter->page.limit != 0) {
        store_query_add(&query, " LIMIT ?%d", store_query_number(&query, filter->page.limit));
    }
    rc = store_query_run(&query, reader, group_row, &target);
    store_query_done(&query);
    return rc;
}

/* ---- vantages ---- */

struct finding_vantage_target {
    store_finding_vantage_fn *fn;
    void *context;
};

static int finding_vantage_row(struct store_row *row, void *context)
{
    struct finding_vantage_target *target = context;
    struct store_finding_vantage vantage;

    vantage.vantage = store_row_text(row);
    vantage.vantage_class = store_row_text(row);
    vantage.since = store_row_number(row);
    vantage.until = store_row_number(row);
    return target->fn(target->context, &vantage);
}

int store_read_finding_vantages(struct store_reader *reader, int64_t finding_id, store_finding_vantage_fn *fn,
                                void *context)
{
    struct finding_vantage_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT v.name, x.class, x.since, x.until FROM finding_vantage x JOIN vantage v ON "
                             "v.id = x.vantage_id WHERE x.finding_id = ");
    store_query_add(&query, "?%d ORDER BY x.until IS NULL DESC, x.since DESC, v.name",
                    store_query_number(&query, finding_id));
    rc = store_query_run(&query, reader, finding_vantage_row, &target);
    store_query_done(&query);
    return rc;
}
