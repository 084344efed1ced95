#include "auditd/finding/grant.h"

#include "auditd/finding/disposition.h"
#include "auditd/policy/selector.h"
#include "auditd/store/asset.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Breadths are sums and products of a few constants: what differs by less is the same. */
static const double grant_breadth_least = 1e-9;

/* ---- which hosts ---- */

static const struct {
    const char *name;
    enum selector_kind kind;
} grant_lists[] = {{"realm", SELECTOR_REALM}, {"cidr", SELECTOR_CIDR}, {"name", SELECTOR_NAME}};

enum { GRANT_LISTS = sizeof(grant_lists) / sizeof(*grant_lists) };

static int grant_check_list(const char *name, const json_t *list, char *ret_reason)
{
    struct prefix prefix;
    size_t index;
    json_t *item;

    if (!json_is_array(list) || json_array_size(list) == 0) {
        snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: \"%s\" is no list of text", name);
        return -EINVAL;
    }
    json_array_foreach(list, index, item)
    {
        const char *text = json_string_value(item);
        if (text == NULL || text[0] == '\0') {
            snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: a %s is empty", name);
            return -EINVAL;
        }
        if (strcmp(name, "cidr") == 0 && prefix_parse(text, &prefix) < 0) {
            snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: \"%.80s\" is no address and no CIDR range", text);
            return -EINVAL;
        }
    }
    return 0;
}

static int grant_check_tags(const json_t *tags, char *ret_reason)
{
    const char *key;
    json_t *value;

    if (!json_is_object(tags)) {
        snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: \"tag\" is no object of text");
        return -EINVAL;
    }
    json_object_foreach((json_t *)(uintptr_t)tags, key, value)
    {
        if (key[0] == '\0' || !json_is_string(value)) {
            snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: the tag \"%.80s\" has no value that is text", key);
            return -EINVAL;
        }
    }
    return 0;
}

int grant_check_hosts(const json_t *hosts, char ret_reason[GRANT_REASON_SIZE])
{
    const char *key;
    json_t *value;

    if (!json_is_object(hosts)) {
        snprintf(ret_reason, GRANT_REASON_SIZE, "\"hosts\" is no object");
        return -EINVAL;
    }
    json_object_foreach((json_t *)(uintptr_t)hosts, key, value)
    {
        bool is_list = false;
        int rc;
        for (size_t i = 0; i < GRANT_LISTS; i++) {
            is_list = is_list || strcmp(key, grant_lists[i].name) == 0;
        }
        if (!is_list && strcmp(key, "tag") != 0) {
            snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: \"%.80s\" is none of realm, cidr, name, tag", key);
            return -EINVAL;
        }
        rc = is_list ? grant_check_list(key, value, ret_reason) : grant_check_tags(value, ret_reason);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int grant_make_prefixes(struct selector *selector, const json_t *list)
{
    size_t count = json_array_size(list);
    struct prefix *prefixes = calloc(count + 1, sizeof(*prefixes));
    int rc = prefixes == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = prefix_parse(json_string_value(json_array_get(list, i)), &prefixes[i]);
    }
    if (rc == 0) {
        selector->prefixes = prefix_set_create(prefixes, count);
        rc = selector->prefixes == NULL ? -ENOMEM : 0;
    }
    free(prefixes);
    return rc;
}

static int grant_add_text(struct selector *selector, const char *text)
{
    selector->texts[selector->text_count] = strdup(text);
    return selector->texts[selector->text_count++] == NULL ? -ENOMEM : 0;
}

static int grant_make_list(struct selector *selector, enum selector_kind kind, const json_t *list)
{
    size_t count = json_array_size(list);
    int rc = 0;

    selector->kind = kind;
    if (kind == SELECTOR_CIDR) {
        return grant_make_prefixes(selector, list);
    }
    selector->texts = calloc(count + 1, sizeof(*selector->texts));
    rc = selector->texts == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = grant_add_text(selector, json_string_value(json_array_get(list, i)));
    }
    return rc;
}

static int grant_make_tag(struct selector *selector, const char *key, const char *glob)
{
    selector->kind = SELECTOR_TAG;
    selector->key = strdup(key);
    selector->texts = calloc(2, sizeof(*selector->texts));
    return selector->key == NULL || selector->texts == NULL ? -ENOMEM : grant_add_text(selector, glob);
}

/* A host has to fit each of them. `selector` is to be ended by selector_done() in any case. */
static int grant_make_selector(struct selector *selector, const json_t *hosts)
{
    json_t *tags = json_object_get(hosts, "tag");
    const char *key;
    json_t *value;
    int rc = 0;

    *selector = (struct selector){.kind = SELECTOR_AND};
    selector->children = calloc(GRANT_LISTS + json_object_size(tags) + 1, sizeof(*selector->children));
    if (selector->children == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < GRANT_LISTS && rc == 0; i++) {
        const json_t *list = json_object_get(hosts, grant_lists[i].name);
        if (list != NULL) {
            rc = grant_make_list(&selector->children[selector->child_count++], grant_lists[i].kind, list);
        }
    }
    json_object_foreach(tags, key, value)
    {
        if (rc == 0) {
            rc = grant_make_tag(&selector->children[selector->child_count++], key, json_string_value(value));
        }
    }
    return rc;
}

static int grant_fits(struct store *store, const struct selector *selector, int64_t asset_id, bool *ret_fits)
{
    struct store_known known;
    struct host_view host;
    char *realm = NULL;
    int64_t realm_id = 0;
    int rc = store_query_int(store, &realm_id, "SELECT realm_id FROM asset WHERE id = ?", "i", asset_id);

    rc = rc < 0 ? rc : store_realm_name(store, realm_id, &realm);
    rc = rc < 0 ? rc : store_asset_known(store, asset_id, &known);
    if (rc == 0) {
        host = (struct host_view){
            .realm = realm,
            .names = (const char *const *)known.names,
            .name_count = known.name_count,
            .addresses = known.addresses,
            .address_count = known.address_count,
            .tags = known.tags,
            .tag_count = known.tag_count,
        };
        *ret_fits = selector_holds(selector, NULL, &host) == TRUTH_YES;
        store_known_done(&known);
    }
    free(realm);
    return rc;
}

/* ---- what they cover ---- */

/* A grant at work: the first time it accepts whatever it finds, later only what is within that. */
struct grant_work {
    struct store *store;
    const struct stored_grant *grant;
    struct selector selector;
    json_t *services;
    bool is_first;
    double breadth;
    struct store_waiver_terms terms;
    uint64_t covered;
};

static bool grant_accepts(const struct grant_work *work, const struct stored_finding *finding)
{
    size_t index;
    json_t *service;

    if (work->is_first) {
        return true;
    }
    if (finding->verdict.breadth > work->grant->accepted_breadth + grant_breadth_least) {
        return false;
    }
    json_array_foreach(work->services, index, service)
    {
        if (strcmp(json_string_value(service), finding->verdict.service) == 0) {
            return true;
        }
    }
    return false;
}

/* What the grant accepts grows only while it is given. */
static int grant_learn(struct grant_work *work, const struct stored_finding *finding)
{
    size_t index;
    json_t *service;

    work->breadth = finding->verdict.breadth > work->breadth ? finding->verdict.breadth : work->breadth;
    json_array_foreach(work->services, index, service)
    {
        if (strcmp(json_string_value(service), finding->verdict.service) == 0) {
            return 0;
        }
    }
    return json_array_append_new(work->services, json_string(finding->verdict.service)) < 0 ? -ENOMEM : 0;
}

static int grant_take(struct grant_work *work, struct stored_finding *finding)
{
    bool fits = false;
    int rc = grant_accepts(work, finding) ? grant_fits(work->store, &work->selector, finding->asset_id, &fits) : 0;

    if (rc < 0 || !fits) {
        return rc;
    }
    rc = work->is_first ? grant_learn(work, finding) : 0;
    rc = rc < 0 ? rc : disposition_waive(work->store, finding, &work->terms);
    work->covered += rc > 0 ? 1 : 0;
    return rc < 0 ? rc : 0;
}

static int grant_cover(struct grant_work *work)
{
    struct stored_finding finding = {0};
    int rc;

    while ((rc = store_grant_candidate(work->store, work->grant->id, work->grant->rule_id, finding.id, &finding)) ==
           0) {
        rc = grant_take(work, &finding);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

static int grant_work(struct grant_work *work)
{
    json_t *hosts = json_loads(work->grant->hosts, 0, NULL);
    char *services = NULL;
    int rc = hosts == NULL ? -ENOMEM : grant_make_selector(&work->selector, hosts);

    work->services = work->is_first ? json_array() : json_loads(work->grant->accepted_services, 0, NULL);
    rc = rc == 0 && work->services == NULL ? -ENOMEM : rc;
    rc = rc < 0 ? rc : grant_cover(work);
    if (rc == 0 && work->is_first) {
        services = json_dumps(work->services, JSON_COMPACT);
        rc = services == NULL ? -ENOMEM : store_grant_accept(work->store, work->grant->id, work->breadth, services);
    }
    free(services);
    json_decref(work->services);
    selector_done(&work->selector);
    json_decref(hosts);
    return rc;
}

int grant_give(struct store *store, const char *rule_id, const json_t *hosts, const struct store_waiver_terms *terms,
               struct grant_given *ret_given)
{
    struct stored_grant grant = {
        .hosts = json_dumps(hosts, JSON_COMPACT | JSON_SORT_KEYS),
        .owner = (char *)(uintptr_t)terms->owner,
        .reason = (char *)(uintptr_t)terms->reason,
        .until_ms = terms->until_ms,
    };
    struct grant_work work = {.store = store, .grant = &grant, .is_first = true, .terms = *terms};
    int rc;

    snprintf(grant.rule_id, sizeof(grant.rule_id), "%s", rule_id);
    rc = grant.hosts == NULL ? -ENOMEM : store_grant_put(store, &grant, terms->actor, terms->at_ms);
    if (rc == 0) {
        work.terms.grant_id = grant.id;
        rc = grant_work(&work);
    }
    free(grant.hosts);
    if (rc < 0) {
        return rc;
    }
    memcpy(ret_given->uuid, grant.uuid, sizeof(grant.uuid));
    ret_given->covered = work.covered;
    return work.covered == 0 ? -ENOENT : 0;
}

int grant_end(struct store *store, int64_t grant_id, const struct store_event *event, uint64_t *moved)
{
    struct stored_finding finding;
    int rc = store_grant_end(store, grant_id, event->reason, event->at_ms);

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_grant_covered(store, grant_id, &finding)) == 0) {
        rc = disposition_reopen(store, &finding, event);
        if (rc < 0) {
            return rc;
        }
        *moved += (uint64_t)rc;
    }
    return rc == -ENOENT ? 0 : rc;
}

static int grant_apply(struct store *store, const struct stored_grant *grant, int64_t now_ms, uint64_t *moved)
{
    struct grant_work work = {
        .store = store,
        .grant = grant,
        .terms = {.owner = grant->owner,
                  .reason = grant->reason,
                  .until_ms = grant->until_ms,
                  .actor = "auditd",
                  .grant_id = grant->id,
                  .at_ms = now_ms},
    };
    int rc;

    if (grant->until_ms <= now_ms) {
        const struct store_event event = {
            .at_ms = now_ms, .actor = "auditd", .reason = "the waiver ended", .evidence = "{}"};
        return grant_end(store, grant->id, &event, moved);
    }
    rc = grant_work(&work);
    *moved += work.covered;
    return rc;
}

int grants_apply(struct store *store, int64_t now_ms, uint64_t *moved)
{
    struct stored_grant grant = {0};
    int64_t last = 0;
    int rc;

    while ((rc = store_grant_next(store, last, &grant)) == 0) {
        last = grant.id;
        rc = grant_apply(store, &grant, now_ms, moved);
        store_grant_done(&grant);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}
