#include "auditd/finding/grant.h"

#include "auditd/finding/disposition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Breadths are sums and products of a few constants: what differs by less is the same. */
static const double grant_breadth_least = 1e-9;

/* A grant at work: the first time it accepts whatever it finds, later only what is within that. */
struct grant_item {
    struct stored_grant grant;
    json_t *services;
    double breadth;
};

struct grant_work {
    struct store *store;
    struct grant_hosts *hosts; /* numbered as the items */
    struct grant_item *items;
    size_t count;
    size_t size;
    bool is_first;
    const char *actor;
    int64_t at_ms;
    uint64_t covered;
};

static int grant_work_begin(struct grant_work *work)
{
    work->hosts = grant_hosts_create(work->store);
    return work->hosts == NULL ? -ENOMEM : 0;
}

static void grant_work_done(struct grant_work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        store_grant_done(&work->items[i].grant);
        json_decref(work->items[i].services);
    }
    free(work->items);
    grant_hosts_destroy(work->hosts);
}

/* Takes the grant, also when it fails. */
static int grant_work_add(struct grant_work *work, struct stored_grant *grant, const json_t *hosts,
                          const char **ret_unknown)
{
    struct grant_item item = {.services = json_loads(grant->accepted_services, 0, NULL)};
    int rc = item.services == NULL ? -ENOMEM : 0;

    if (rc == 0 && work->count == work->size) {
        size_t size = work->size == 0 ? 8 : work->size * 2;
        struct grant_item *items = reallocarray(work->items, size, sizeof(*items));
        rc = items == NULL ? -ENOMEM : 0;
        work->items = items == NULL ? work->items : items;
        work->size = items == NULL ? work->size : size;
    }
    if (rc < 0) {
        json_decref(item.services);
        store_grant_done(grant);
        return rc;
    }
    item.grant = *grant;
    *grant = (struct stored_grant){0};
    work->items[work->count++] = item;
    return grant_hosts_add(work->hosts, hosts, ret_unknown);
}

/* ---- what they cover ---- */

static bool grant_accepts(const struct grant_work *work, const struct grant_item *item,
                          const struct stored_finding *finding)
{
    size_t index;
    json_t *service;

    if (strcmp(item->grant.rule_id, finding->verdict.rule_id) != 0) {
        return false;
    }
    if (work->is_first) {
        return true;
    }
    if (finding->verdict.breadth > item->grant.accepted_breadth + grant_breadth_least) {
        return false;
    }
    json_array_foreach(item->services, index, service)
    {
        if (strcmp(json_string_value(service), finding->verdict.service) == 0) {
            return true;
        }
    }
    return false;
}

/* What the grant accepts grows only while it is given. */
static int grant_learn(struct grant_item *item, const struct stored_finding *finding)
{
    size_t index;
    json_t *service;

    item->breadth = finding->verdict.breadth > item->breadth ? finding->verdict.breadth : item->breadth;
    json_array_foreach(item->services, index, service)
    {
        if (strcmp(json_string_value(service), finding->verdict.service) == 0) {
            return 0;
        }
    }
    return json_array_append_new(item->services, json_string(finding->verdict.service)) < 0 ? -ENOMEM : 0;
}

/* 1 when it covers the finding from now on. */
static int grant_take(struct grant_work *work, struct grant_item *item, struct stored_finding *finding)
{
    const struct store_waiver_terms terms = {
        .owner = item->grant.owner,
        .reason = item->grant.reason,
        .until_ms = item->grant.until_ms,
        .actor = work->actor,
        .grant_id = item->grant.id,
        .at_ms = work->at_ms,
    };
    bool had = false;
    int rc = 0;

    if (!grant_accepts(work, item, finding)) {
        return 0;
    }
    rc = store_grant_had(work->store, item->grant.id, finding->id, &had);
    if (rc < 0 || had) {
        return rc;
    }
    rc = work->is_first ? grant_learn(item, finding) : 0;
    return rc < 0 ? rc : disposition_waive(work->store, finding, &terms);
}

/* The oldest waiver that accepts it has it. */
static int grant_take_any(struct grant_work *work, struct stored_finding *finding, const size_t *numbers, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = grant_take(work, &work->items[numbers[i]], finding);
    }
    work->covered += rc > 0 ? 1 : 0;
    return rc < 0 ? rc : 0;
}

static int grant_cover(void *context, int64_t asset_id, const char *realm)
{
    struct grant_work *work = context;
    struct stored_finding finding = {0};
    const size_t *numbers = NULL;
    size_t count = 0;
    int rc = grant_hosts_of(work->hosts, asset_id, realm, &numbers, &count);

    if (rc < 0 || count == 0) {
        return rc;
    }
    while ((rc = store_grant_candidate(work->store, asset_id, finding.id, &finding)) == 0) {
        rc = grant_take_any(work, &finding, numbers, count);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

/* ---- given ---- */

static int grant_accept(const struct grant_work *work)
{
    const struct grant_item *item = &work->items[0];
    char *services = json_dumps(item->services, JSON_COMPACT);
    int rc = services == NULL ? -ENOMEM : store_grant_accept(work->store, item->grant.id, item->breadth, services);

    free(services);
    return rc;
}

static int grant_first(struct grant_work *work, struct stored_grant *grant, const json_t *hosts, char *ret_reason)
{
    const char *unknown = NULL;
    int rc = grant_work_begin(work);

    if (rc < 0) {
        store_grant_done(grant);
        return rc;
    }
    rc = grant_work_add(work, grant, hosts, &unknown);
    if (rc == 0 && unknown != NULL) {
        snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: the policy has no group \"%.80s\"", unknown);
        return -EINVAL;
    }
    rc = rc < 0 ? rc : grant_hosts_walk(work->hosts, 0, grant_cover, work);
    return rc < 0 ? rc : grant_accept(work);
}

static int grant_enter(struct store *store, const char *rule_id, const json_t *hosts,
                       const struct store_waiver_terms *terms, struct stored_grant *ret_grant)
{
    struct stored_grant grant = {
        .hosts = json_dumps(hosts, JSON_COMPACT | JSON_SORT_KEYS),
        .owner = strdup(terms->owner),
        .reason = strdup(terms->reason),
        .accepted_services = strdup("[]"),
        .until_ms = terms->until_ms,
    };
    int rc = grant.hosts == NULL || grant.owner == NULL || grant.reason == NULL || grant.accepted_services == NULL
                 ? -ENOMEM
                 : 0;

    snprintf(grant.rule_id, sizeof(grant.rule_id), "%s", rule_id);
    rc = rc < 0 ? rc : store_grant_put(store, &grant, terms->actor, terms->at_ms);
    if (rc < 0) {
        store_grant_done(&grant);
        return rc;
    }
    *ret_grant = grant;
    return 0;
}

int grant_give(struct store *store, const char *rule_id, const json_t *hosts, const struct store_waiver_terms *terms,
               struct grant_given *ret_given)
{
    struct grant_work work = {.store = store, .is_first = true, .actor = terms->actor, .at_ms = terms->at_ms};
    struct stored_grant grant;
    struct grant_given given = {0};
    int rc = grant_enter(store, rule_id, hosts, terms, &grant);

    if (rc < 0) {
        return rc;
    }
    memcpy(given.uuid, grant.uuid, sizeof(given.uuid));
    rc = grant_first(&work, &grant, hosts, given.reason);
    given.covered = work.covered;
    grant_work_done(&work);
    *ret_given = given;
    return rc < 0 ? rc : given.covered == 0 ? -ENOENT : 0;
}

/* ---- later ---- */

int grant_end(struct store *store, int64_t grant_id, const struct store_event *event, uint64_t *moved)
{
    struct stored_finding finding = {0};
    int rc = store_grant_end(store, grant_id, event->reason, event->at_ms);

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_grant_covered(store, grant_id, finding.id, &finding)) == 0) {
        rc = disposition_reopen(store, &finding, event);
        if (rc < 0) {
            return rc;
        }
        *moved += (uint64_t)rc;
    }
    return rc == -ENOENT ? 0 : rc;
}

/* The living ones; ends those that are past their time. */
static int grants_load(struct grant_work *work, uint64_t *moved)
{
    const struct store_event ended = {
        .at_ms = work->at_ms, .actor = "auditd", .reason = "the waiver ended", .evidence = "{}"};
    struct stored_grant grant = {0};
    int64_t last = 0;
    int rc;

    while ((rc = store_grant_next(work->store, last, &grant)) == 0) {
        last = grant.id;
        if (grant.until_ms <= work->at_ms) {
            store_grant_done(&grant);
            rc = grant_end(work->store, last, &ended, moved);
        } else {
            json_t *hosts = json_loads(grant.hosts, 0, NULL);
            rc = hosts == NULL ? (store_grant_done(&grant), -ENOMEM) : grant_work_add(work, &grant, hosts, NULL);
            json_decref(hosts);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

int grants_apply(struct store *store, int64_t now_ms, int64_t scan_id, uint64_t *moved)
{
    struct grant_work work = {.store = store, .actor = "auditd", .at_ms = now_ms};
    int rc = grant_work_begin(&work);

    rc = rc < 0 ? rc : grants_load(&work, moved);
    if (rc == 0 && work.count > 0) {
        rc = grant_hosts_walk(work.hosts, scan_id, grant_cover, &work);
        *moved += work.covered;
    }
    grant_work_done(&work);
    return rc;
}
