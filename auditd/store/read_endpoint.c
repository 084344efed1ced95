/* The endpoints of the read-only store: the intervals in which a port had one state, now, then, or all, and what was
 * known by their end of what answers. */
#include "auditd/store/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where it was seen from, as the judge takes it (auditd/settle_port.c): the host itself, the class that was declared of
 * the vantage, else its own network. */
#define ENDPOINT_CLASS "CASE WHEN t.self THEN 'self' ELSE COALESCE(v.declared_class, 'own-vpc') END"

static const char endpoint_select[] =
    "t.id, a.uuid, r.name, v.name, " ENDPOINT_CLASS ", e.address, e.proto, t.state, t.reason, t.service, "
    "t.bound, e.port, t.first_seen, t.last_seen, t.ended_at, e.id FROM endpoint e JOIN endpoint_state t ON "
    "t.endpoint_id = e.id JOIN asset a ON a.id = e.asset_id JOIN realm r ON r.id = a.realm_id JOIN vantage v ON "
    "v.id = e.vantage_id WHERE 1";

static const char *endpoint_sort_key(int sort)
{
    switch ((enum store_endpoint_sort)sort) {
    case STORE_ENDPOINT_BY_PORT:
        return "e.port";
    case STORE_ENDPOINT_BY_LAST_SEEN:
        return "t.last_seen";
    case STORE_ENDPOINT_BY_ID:
        break;
    }
    return "t.id";
}

/* ---- what was known of what answers ---- */

enum { ENDPOINT_FACTS_MAX = 96 };

/* The facts of one row; the texts stand one after another in `text`, which the next row takes over. */
struct endpoint_facts {
    struct store_endpoint_fact items[ENDPOINT_FACTS_MAX];
    size_t offsets[ENDPOINT_FACTS_MAX][2];
    size_t count;
    char *text;
    size_t length;
    size_t room;
};

static int endpoint_keep(struct endpoint_facts *facts, const char *text, size_t *ret_offset)
{
    size_t size = strlen(text) + 1;

    if (facts->room - facts->length < size) {
        size_t room = 2 * facts->room + size + 1024;
        char *grown = realloc(facts->text, room);
        if (grown == NULL) {
            return -ENOMEM;
        }
        facts->text = grown;
        facts->room = room;
    }
    memcpy(facts->text + facts->length, text, size);
    *ret_offset = facts->length;
    facts->length += size;
    return 0;
}

static int endpoint_fact_row(struct store_row *row, void *context)
{
    struct endpoint_facts *facts = context;
    size_t *offsets;
    int rc;

    if (facts->count == ENDPOINT_FACTS_MAX) {
        return 0;
    }
    offsets = facts->offsets[facts->count];
    rc = endpoint_keep(facts, store_row_text(row), &offsets[0]);
    rc = rc == 0 ? endpoint_keep(facts, store_row_text(row), &offsets[1]) : rc;
    facts->count += rc == 0;
    return rc;
}

/* The text no longer moves. */
static void endpoint_point(struct endpoint_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        facts->items[i].name = facts->text + facts->offsets[i][0];
        facts->items[i].value = facts->text + facts->offsets[i][1];
    }
}

const char *store_endpoint_fact(const struct store_endpoint *endpoint, const char *name)
{
    for (size_t i = 0; i < endpoint->fact_count; i++) {
        if (strcmp(endpoint->facts[i].name, name) == 0) {
            return endpoint->facts[i].value;
        }
    }
    return NULL;
}

/* The moment whose facts a row of the interval t tells: `as_of`, or the last of an interval that has ended. 0 is now.
 */
static int64_t endpoint_moment(const struct store_endpoint_filter *filter, const struct store_endpoint *endpoint)
{
    return filter->as_of != 0 ? filter->as_of : endpoint->ended_at != 0 ? endpoint->ended_at - 1 : 0;
}

struct endpoint_answer {
    struct endpoint_facts *facts;
    struct store_endpoint *endpoint;
    size_t evidence;
};

static int endpoint_answer_row(struct store_row *row, void *context)
{
    struct endpoint_answer *answer = context;

    answer->endpoint->was_asked = true;
    answer->endpoint->asked_at = store_row_number(row);
    return endpoint_keep(answer->facts, store_row_text(row), &answer->evidence);
}

static int endpoint_read_answer(struct store_reader *reader, int64_t endpoint_id, int64_t moment,
                                struct endpoint_answer *answer)
{
    struct store_query query;
    int rc;

    if (moment == 0) {
        store_query_init(&query, "SELECT n.last_seen, n.evidence FROM endpoint_answer n");
        store_query_add(&query, " WHERE n.endpoint_id = ?%d", store_query_number(&query, endpoint_id));
    } else {
        store_query_init(&query, "SELECT 0, CASE WHEN n.changed_at <= ");
        store_query_add(&query, "?%d THEN n.evidence END FROM endpoint_answer n", store_query_number(&query, moment));
        store_query_add(&query, " WHERE n.endpoint_id = ?%d AND n.first_seen <= ?1",
                        store_query_number(&query, endpoint_id));
    }
    rc = store_query_run(&query, reader, endpoint_answer_row, answer);
    store_query_done(&query);
    return rc;
}

static int endpoint_read_facts(struct store_reader *reader, int64_t endpoint_id, int64_t moment,
                               struct endpoint_facts *facts)
{
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT f.name, f.value FROM endpoint_fact f");
    store_query_add(&query, " WHERE f.endpoint_id = ?%d", store_query_number(&query, endpoint_id));
    store_query_alive(&query, "f.since", "f.ended_at", moment == 0 ? 0 : store_query_number(&query, moment));
    store_query_add(&query, " ORDER BY f.name");
    rc = store_query_run(&query, reader, endpoint_fact_row, facts);
    store_query_done(&query);
    return rc;
}

/* ---- the list ---- */

struct endpoint_target {
    store_endpoint_fn *fn;
    void *context;
    struct store_reader *reader;
    const struct store_endpoint_filter *filter;
    struct endpoint_facts facts;
};

/* What answers, if anybody asked: a row of its own for each, so that the list is put in order without it. */
static int endpoint_know(struct endpoint_target *target, int64_t endpoint_id, struct store_endpoint *endpoint)
{
    struct endpoint_facts *facts = &target->facts;
    struct endpoint_answer answer = {.facts = facts, .endpoint = endpoint};
    int64_t moment = endpoint_moment(target->filter, endpoint);
    const char *service;
    int rc;

    if (!target->filter->with_facts || strcmp(endpoint->state, "open") != 0) {
        return 0;
    }
    facts->count = 0;
    facts->length = 0;
    rc = endpoint_read_answer(target->reader, endpoint_id, moment, &answer);
    if (rc != 0 || !endpoint->was_asked) {
        return rc;
    }
    rc = endpoint_read_facts(target->reader, endpoint_id, moment, facts);
    if (rc != 0) {
        return rc;
    }
    endpoint_point(facts);
    endpoint->evidence = facts->text + answer.evidence;
    endpoint->facts = facts->items;
    endpoint->fact_count = facts->count;
    service = store_endpoint_fact(endpoint, "service");
    endpoint->service = service == NULL ? "" : service;
    return 0;
}

static int endpoint_row(struct store_row *row, void *context)
{
    struct endpoint_target *target = context;
    struct store_endpoint endpoint = {.evidence = ""};
    int rc;

    endpoint.sort_key = store_row_real(row);
    endpoint.id = store_row_number(row);
    endpoint.host = store_row_text(row);
    endpoint.realm = store_row_text(row);
    endpoint.vantage = store_row_text(row);
    endpoint.vantage_class = store_row_text(row);
    endpoint.address = store_row_text(row);
    endpoint.proto = store_row_text(row);
    endpoint.state = store_row_text(row);
    endpoint.reason = store_row_text(row);
    endpoint.service = store_row_text(row);
    endpoint.bound = store_row_text(row);
    endpoint.port = store_row_number(row);
    endpoint.first_seen = store_row_number(row);
    endpoint.last_seen = store_row_number(row);
    endpoint.ended_at = store_row_number(row);
    rc = endpoint_know(target, store_row_number(row), &endpoint);
    return rc != 0 ? rc : target->fn(target->context, &endpoint);
}

/* " AND …": `f` held when the row's facts are told. */
static void endpoint_fact_held(struct store_query *query, const struct store_endpoint_filter *filter, int as_of)
{
    if (as_of != 0 || !filter->with_ended) {
        store_query_alive(query, "f.since", "f.ended_at", as_of);
    } else {
        store_query_add(query,
                        " AND CASE WHEN t.ended_at IS NULL THEN f.ended_at IS NULL ELSE f.since < t.ended_at AND "
                        "(f.ended_at IS NULL OR f.ended_at >= t.ended_at) END");
    }
}

/* " AND …": a fact of an open endpoint is one of these. Now it is found by its value, then by its endpoint. */
static void endpoint_has_fact(struct store_query *query, const struct store_endpoint_filter *filter, int as_of,
                              const char *name, const struct store_texts *values)
{
    bool now = as_of == 0 && !filter->with_ended;

    store_query_add(query, "t.state = 'open' AND %s (SELECT f.endpoint_id FROM endpoint_fact f WHERE f.name = '%s'",
                    now ? "e.id IN" : "EXISTS", name);
    if (!now) {
        store_query_add(query, " AND f.endpoint_id = e.id");
    }
    store_query_among(query, "f.value", values);
    endpoint_fact_held(query, filter, as_of);
    store_query_add(query, ")");
}

/* Nobody had asked by then. */
static void endpoint_unasked(struct store_query *query, const struct store_endpoint_filter *filter, int as_of)
{
    store_query_add(query,
                    "(t.state <> 'open' OR NOT EXISTS (SELECT 1 FROM endpoint_answer n WHERE n.endpoint_id = e.id");
    if (as_of != 0) {
        store_query_add(query, " AND n.first_seen <= ?%d", as_of);
    } else if (filter->with_ended) {
        store_query_add(query, " AND (t.ended_at IS NULL OR n.first_seen < t.ended_at)");
    }
    store_query_add(query, "))");
}

static void endpoint_by_answer(struct store_query *query, const struct store_endpoint_filter *filter, int as_of)
{
    if (filter->services.count != 0) {
        store_query_add(query, " AND ((");
        endpoint_has_fact(query, filter, as_of, "service", &filter->services);
        store_query_add(query, ") OR (t.service");
        store_query_in(query, &filter->services);
        store_query_add(query, " AND ");
        endpoint_unasked(query, filter, as_of);
        store_query_add(query, "))");
    }
    if (filter->auths.count != 0) {
        store_query_add(query, " AND ");
        endpoint_has_fact(query, filter, as_of, "auth", &filter->auths);
    }
}

static void endpoint_build(struct store_query *query, const struct store_endpoint_filter *filter)
{
    const char *key = endpoint_sort_key(filter->page.sort);
    int as_of = filter->as_of == 0 ? 0 : store_query_number(query, filter->as_of);

    store_query_add(query, "SELECT %s, %s", key, endpoint_select);
    store_query_among(query, "a.uuid", &filter->hosts);
    store_query_among(query, "r.name", &filter->realms);
    store_query_among(query, "v.name", &filter->vantages);
    store_query_among(query, ENDPOINT_CLASS, &filter->vantage_classes);
    store_query_among(query, "e.address", &filter->addresses);
    store_query_among(query, "e.proto", &filter->protos);
    store_query_among_numbers(query, "e.port", &filter->ports);
    store_query_among(query, "t.state", &filter->states);
    endpoint_by_answer(query, filter, as_of);
    store_query_between(query, "t.first_seen", filter->first_seen_since, filter->first_seen_before);
    store_query_between(query, "t.last_seen", filter->last_seen_since, filter->last_seen_before);
    if (as_of != 0 || !filter->with_ended) {
        store_query_alive(query, "t.first_seen", "t.ended_at", as_of);
    }
    store_query_page(query, &filter->page, key, "t.id");
}

int store_read_endpoints(struct store_reader *reader, const struct store_endpoint_filter *filter, store_endpoint_fn *fn,
                         void *context)
{
    struct endpoint_target target = {.fn = fn, .context = context, .reader = reader, .filter = filter};
    struct store_query query;
    int rc;

    store_query_init(&query, "");
    endpoint_build(&query, filter);
    rc = store_query_run(&query, reader, endpoint_row, &target);
    store_query_done(&query);
    free(target.facts.text);
    return rc;
}
