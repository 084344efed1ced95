/* /api/v1/scans/compare: what opened, closed and changed between two scans of a realm. */
#include "web/api.h"
#include "web/list.h"

#include <stdio.h>
#include <string.h>

/* Kinds first, within them by id: the order stays what it is while scans write. */
enum { COMPARE_ID_BITS = 40 };

struct compare_filter {
    const char *from;
    const char *to;
    struct store_texts kinds;
    struct store_page page;
};

static const char *const compare_kinds[] = {"opened", "closed", "changed", NULL};

static const struct param compare_params[] = {
    {"from", PARAM_TEXT, offsetof(struct compare_filter, from), NULL},
    {"to", PARAM_TEXT, offsetof(struct compare_filter, to), NULL},
    {"kind", PARAM_CHOICES, offsetof(struct compare_filter, kinds), compare_kinds},
};

static const struct param_table compare_table = {
    .resource = "scans/compare",
    .params = compare_params,
    .param_count = sizeof(compare_params) / sizeof(*compare_params),
    .page_offset = offsetof(struct compare_filter, page),
};

/* ---- the two ---- */

struct compare_scan {
    bool is_there;
    int64_t judged_at;
    char realm[256];
};

static int compare_scan_row(void *context, const struct store_scan *scan)
{
    struct compare_scan *one = context;

    one->is_there = true;
    one->judged_at = scan->judged_at;
    snprintf(one->realm, sizeof(one->realm), "%s", scan->realm);
    return 0;
}

static bool compare_find(struct exchange *exchange, const char *name, const char *uuid, struct compare_scan *scan)
{
    struct store_scan_filter filter = {.uuids = {&uuid, 1}};
    int rc;

    if (uuid == NULL) {
        problem_set(&exchange->problem, 400, "\"%s\" is missing: the id of a scan.", name);
        problem_point(&exchange->problem, "query", name, "is missing");
        return false;
    }
    rc = store_read_scans(exchange->reader, &filter, compare_scan_row, scan);
    if (rc != 0) {
        exchange_fail(exchange, rc);
    } else if (!scan->is_there) {
        problem_set(&exchange->problem, 404, "No scan has the id %.64s.", uuid);
        problem_point(&exchange->problem, "query", name, "is no scan's id");
    } else if (scan->judged_at == 0) {
        problem_set(&exchange->problem, 409, "What the scan %.64s saw is not judged yet.", uuid);
        problem_point(&exchange->problem, "query", name, "is not judged yet");
    }
    return exchange->problem.status == 0;
}

static bool compare_find_both(struct exchange *exchange, const struct compare_filter *filter, struct compare_scan *from,
                              struct compare_scan *to)
{
    if (!compare_find(exchange, "from", filter->from, from) || !compare_find(exchange, "to", filter->to, to)) {
        return false;
    }
    if (strcmp(from->realm, to->realm) != 0) {
        problem_set(&exchange->problem, 400, "The scans are of different realms, %.200s and %.200s.", from->realm,
                    to->realm);
        problem_point(&exchange->problem, "query", "to", "must be of the same realm");
    } else if (from->judged_at > to->judged_at) {
        problem_set(&exchange->problem, 400, "The scan to compare from is the later one: exchange them.");
        problem_point(&exchange->problem, "query", "from", "must be the earlier one");
    }
    return exchange->problem.status == 0;
}

/* ---- what became of findings between them ---- */

struct compare_target {
    struct list list;
    const struct compare_filter *filter;
    int64_t counts[sizeof(compare_kinds) / sizeof(*compare_kinds) - 1];
};

static void compare_write_changes(struct json_writer *writer, const char *changes)
{
    char part[32];

    json_open_array(writer, "changes");
    while (*changes != '\0') {
        size_t length = strcspn(changes, ",");
        snprintf(part, sizeof(part), "%.*s", (int)length, changes);
        json_put_text(writer, NULL, part);
        changes += length + (changes[length] == ',' ? 1 : 0);
    }
    json_close_array(writer);
}

static void compare_write(struct json_writer *writer, const struct store_drift *drift)
{
    json_open_object(writer, NULL);
    json_put_text(writer, "kind", compare_kinds[drift->kind]);
    json_put_text(writer, "finding", drift->uuid);
    json_open_object(writer, "host");
    json_put_text(writer, "uuid", drift->host);
    json_put_text(writer, "realm", drift->realm);
    json_put_text_or_null(writer, "address", drift->address);
    json_put_text_or_null(writer, "name", drift->name);
    json_close_object(writer);
    json_put_text(writer, "proto", drift->proto);
    json_put_number(writer, "port", drift->port);
    json_put_text_or_null(writer, "service", drift->service);
    json_put_text(writer, "severity", drift->severity);
    json_put_text(writer, "title", drift->title);
    json_put_text_or_null(writer, "owner", drift->owner);
    json_put_text_or_null(writer, "was", drift->was);
    json_put_text_or_null(writer, "became", drift->became);
    compare_write_changes(writer, drift->changes);
    json_put_time(writer, "first_seen", drift->first_seen);
    json_put_time(writer, "last_seen", drift->last_seen);
    json_close_object(writer);
}

static bool compare_wants(const struct store_texts *kinds, const char *kind)
{
    for (size_t i = 0; i < kinds->count; i++) {
        if (strcmp(kinds->values[i], kind) == 0) {
            return true;
        }
    }
    return kinds->count == 0;
}

/* All are counted; those of the page are written. */
static int compare_row(void *context, const struct store_drift *drift)
{
    struct compare_target *target = context;
    const struct store_position *after = &target->filter->page.after;
    int64_t id = ((int64_t)drift->kind << COMPARE_ID_BITS) + drift->id;

    target->counts[drift->kind]++;
    if (compare_wants(&target->filter->kinds, compare_kinds[drift->kind]) && (!after->is_set || id > after->id) &&
        list_takes(&target->list, 0, id)) {
        compare_write(&target->list.writer, drift);
    }
    return 0;
}

static void compare_close(struct exchange *exchange, struct compare_target *target, int rc)
{
    struct json_writer *writer = &target->list.writer;

    if (rc == 0) {
        json_close_array(writer);
        json_open_object(writer, "counts");
        for (size_t i = 0; compare_kinds[i] != NULL; i++) {
            json_put_number(writer, compare_kinds[i], target->counts[i]);
        }
        json_close_object(writer);
        list_put_cursor(&target->list);
        json_close_object(writer);
    } else {
        exchange_fail(exchange, rc);
    }
}

void api_scans_compare(struct exchange *exchange)
{
    struct compare_filter filter = {0};
    struct compare_target target = {.filter = &filter};
    struct compare_scan from = {0};
    struct compare_scan to = {0};
    struct params params;
    struct store_drift_ends ends;

    if (!params_parse(&compare_table, exchange->uri, &filter, &params, &exchange->problem) ||
        !compare_find_both(exchange, &filter, &from, &to)) {
        return;
    }
    ends =
        (struct store_drift_ends){.since = from.judged_at, .until = to.judged_at, .realm = from.realm, .by_id = true};
    list_open(&target.list, exchange, &params);
    compare_close(exchange, &target, store_list_drift(exchange->reader, &ends, compare_row, &target));
}
