#include "auditd/finding/grant_hosts.h"

#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "auditd/store/asset.h"
#include "auditd/store/scan.h"
#include "auditd/store/score.h"
#include "auditd/store/waiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_SAX
#include <uthash.h>

static const struct {
    const char *name;
    enum selector_kind kind;
} grant_lists[] = {
    {"realm", SELECTOR_REALM}, {"cidr", SELECTOR_CIDR}, {"name", SELECTOR_NAME}, {"group", SELECTOR_GROUP}};

enum { GRANT_LISTS = sizeof(grant_lists) / sizeof(*grant_lists), GRANT_KEY_SIZE = 2048 };

/* ---- the shape ---- */

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

int grant_hosts_check(const json_t *hosts, char ret_reason[GRANT_REASON_SIZE])
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
            snprintf(ret_reason, GRANT_REASON_SIZE, "hosts: \"%.80s\" is none of realm, cidr, name, group, tag", key);
            return -EINVAL;
        }
        rc = is_list ? grant_check_list(key, value, ret_reason) : grant_check_tags(value, ret_reason);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- what it selects ---- */

/* Waivers that only hosts with this address, or this tag, can fit. */
struct grant_key {
    size_t *numbers;
    size_t count;
    size_t size;
    bool is_tag;
    size_t key_size; /* of a tag: where its "=" stands */
    UT_hash_handle hh;
    char text[];
};

struct grant_hosts {
    struct store *store;
    struct policy *policy;
    bool has_looked; /* for the policy */
    struct selector *selectors;
    size_t count;
    size_t size;
    struct grant_key *keys;
    size_t *general; /* those that only asking tells */
    size_t general_count;
    uint8_t *memo;
    /* Of the host at hand. */
    size_t *found;
    size_t found_count;
};

static const struct rule_group *grant_groups(const struct grant_hosts *all)
{
    return all->policy == NULL ? NULL : policy_rules(all->policy)->groups;
}

static size_t grant_group_count(const struct grant_hosts *all)
{
    return all->policy == NULL ? 0 : policy_rules(all->policy)->group_count;
}

/* A text that this program does not take any more names no groups. */
static int grant_load_policy(struct grant_hosts *all)
{
    struct problems *problems = malloc(sizeof(*problems));
    char *source = NULL;
    int64_t policy_id;
    int64_t at_ms;
    int rc = problems == NULL ? -ENOMEM : store_policy_current(all->store, &policy_id, &at_ms);

    rc = rc < 0 ? rc : store_score_policy_source(all->store, policy_id, &source);
    if (rc == 0 && source[0] != '\0') {
        problems_init(problems);
        rc = policy_parse(source, strlen(source), "policy", problems, &all->policy);
    }
    free(source);
    free(problems);
    rc = rc == -ENOENT || rc == -EBADMSG ? 0 : rc;
    if (rc == 0) {
        all->memo = malloc(grant_group_count(all) + 1);
        rc = all->memo == NULL ? -ENOMEM : 0;
    }
    all->has_looked = rc == 0;
    return rc;
}

static bool grant_find_group(const struct grant_hosts *all, const char *name, size_t *ret_group)
{
    const struct rule_group *groups = grant_groups(all);

    for (size_t i = 0; i < grant_group_count(all); i++) {
        if (groups[i].is_named && strcmp(groups[i].name, name) == 0) {
            *ret_group = i;
            return true;
        }
    }
    return false;
}

/* One of them; without any that is known: no host. */
static int grant_make_groups(struct grant_hosts *all, struct selector *selector, const json_t *list,
                             const char **ret_unknown)
{
    size_t index;
    json_t *item;
    int rc = all->has_looked ? 0 : grant_load_policy(all);

    *selector = (struct selector){.kind = SELECTOR_OR};
    selector->children = calloc(json_array_size(list) + 1, sizeof(*selector->children));
    rc = rc == 0 && selector->children == NULL ? -ENOMEM : rc;
    json_array_foreach(list, index, item)
    {
        struct selector child = {.kind = SELECTOR_GROUP};
        if (rc == 0 && grant_find_group(all, json_string_value(item), &child.group)) {
            selector->children[selector->child_count++] = child;
        } else if (rc == 0 && ret_unknown != NULL) {
            *ret_unknown = json_string_value(item);
        }
    }
    return rc;
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

static int grant_make_texts(struct selector *selector, const json_t *list)
{
    size_t count = json_array_size(list);
    int rc;

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
static int grant_make_selector(struct grant_hosts *all, struct selector *selector, const json_t *hosts,
                               const char **ret_unknown)
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
        struct selector *child = &selector->children[selector->child_count];
        if (list == NULL) {
            continue;
        }
        selector->child_count++;
        child->kind = grant_lists[i].kind;
        rc = child->kind == SELECTOR_CIDR    ? grant_make_prefixes(child, list)
             : child->kind == SELECTOR_GROUP ? grant_make_groups(all, child, list, ret_unknown)
                                             : grant_make_texts(child, list);
    }
    json_object_foreach(tags, key, value)
    {
        if (rc == 0) {
            rc = grant_make_tag(&selector->children[selector->child_count++], key, json_string_value(value));
        }
    }
    return rc;
}

/* ---- by key ---- */

static int grant_key_find(struct grant_hosts *all, const char *text, bool is_tag, struct grant_key **ret_key)
{
    size_t size = strlen(text);
    struct grant_key *key;

    HASH_FIND(hh, all->keys, text, (unsigned)size, key);
    if (key == NULL) {
        key = calloc(1, sizeof(*key) + size + 1);
        if (key == NULL) {
            return -ENOMEM;
        }
        memcpy(key->text, text, size + 1);
        key->is_tag = is_tag;
        key->key_size = strcspn(text, "=");
        HASH_ADD_KEYPTR(hh, all->keys, key->text, (unsigned)size, key);
    }
    *ret_key = key;
    return 0;
}

static int grant_key_add(struct grant_hosts *all, const char *text, bool is_tag, size_t number)
{
    struct grant_key *key;
    int rc = grant_key_find(all, text, is_tag, &key);

    if (rc == 0 && key->count == key->size) {
        size_t size = key->size == 0 ? 2 : key->size * 2;
        size_t *numbers = reallocarray(key->numbers, size, sizeof(*numbers));
        if (numbers == NULL) {
            return -ENOMEM;
        }
        key->numbers = numbers;
        key->size = size;
    }
    if (rc == 0 && (key->count == 0 || key->numbers[key->count - 1] != number)) {
        key->numbers[key->count++] = number;
    }
    return rc;
}

/* Link-local ones are written with their interface, or without. */
static bool grant_is_address(const struct prefix *prefix)
{
    struct addr last = prefix_last(prefix);
    struct prefix link_local;

    return addr_equal(&prefix->addr, &last) && prefix_parse("fe80::/10", &link_local) == 0 &&
           !prefix_contains(&link_local, &prefix->addr);
}

/* Whether all of the list are single addresses. */
static bool grant_has_addresses(const json_t *list)
{
    struct prefix prefix;
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item)
    {
        if (prefix_parse(json_string_value(item), &prefix) < 0 || !grant_is_address(&prefix)) {
            return false;
        }
    }
    return json_array_size(list) > 0;
}

static int grant_key_addresses(struct grant_hosts *all, const json_t *list, size_t number)
{
    char text[ADDR_TEXT_SIZE];
    struct prefix prefix;
    size_t index;
    json_t *item;
    int rc = 0;

    json_array_foreach(list, index, item)
    {
        if (rc == 0) {
            rc = prefix_parse(json_string_value(item), &prefix);
        }
        if (rc == 0) {
            rc = grant_key_add(all, addr_format(&prefix.addr, text), false, number);
        }
    }
    return rc;
}

/* 1 when a tag without a glob's signs tells which. */
static int grant_key_tag(struct grant_hosts *all, json_t *tags, size_t number)
{
    char text[GRANT_KEY_SIZE];
    const char *key;
    json_t *value;

    json_object_foreach(tags, key, value)
    {
        const char *glob = json_string_value(value);
        if (strpbrk(glob, "*?[\\") == NULL && strchr(key, '=') == NULL &&
            snprintf(text, sizeof(text), "%s=%s", key, glob) < (int)sizeof(text)) {
            int rc = grant_key_add(all, text, true, number);
            return rc < 0 ? rc : 1;
        }
    }
    return 0;
}

static int grant_index(struct grant_hosts *all, const json_t *hosts, size_t number)
{
    const json_t *cidrs = json_object_get(hosts, "cidr");
    size_t *general;
    int rc;

    if (grant_has_addresses(cidrs)) {
        return grant_key_addresses(all, cidrs, number);
    }
    rc = grant_key_tag(all, json_object_get(hosts, "tag"), number);
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    general = reallocarray(all->general, all->general_count + 1, sizeof(*general));
    if (general == NULL) {
        return -ENOMEM;
    }
    all->general = general;
    general[all->general_count++] = number;
    return 0;
}

struct grant_hosts *grant_hosts_create(struct store *store)
{
    struct grant_hosts *all = calloc(1, sizeof(*all));

    if (all != NULL) {
        all->store = store;
    }
    return all;
}

void grant_hosts_destroy(struct grant_hosts *all)
{
    struct grant_key *key;
    struct grant_key *next;

    if (all == NULL) {
        return;
    }
    key = all->keys;
    HASH_CLEAR(hh, all->keys);
    for (; key != NULL; key = next) {
        next = key->hh.next;
        free(key->numbers);
        free(key);
    }
    for (size_t i = 0; i < all->count; i++) {
        selector_done(&all->selectors[i]);
    }
    policy_destroy(all->policy);
    free(all->selectors);
    free(all->general);
    free(all->memo);
    free(all->found);
    free(all);
}

int grant_hosts_add(struct grant_hosts *all, const json_t *hosts, const char **ret_unknown)
{
    size_t number = all->count;
    int rc;

    if (ret_unknown != NULL) {
        *ret_unknown = NULL;
    }
    if (all->count == all->size) {
        size_t size = all->size == 0 ? 4 : all->size * 2;
        struct selector *selectors = reallocarray(all->selectors, size, sizeof(*selectors));
        if (selectors == NULL) {
            return -ENOMEM;
        }
        all->selectors = selectors;
        all->size = size;
    }
    rc = grant_make_selector(all, &all->selectors[number], hosts, ret_unknown);
    all->count++;
    return rc < 0 ? rc : grant_index(all, hosts, number);
}

/* ---- which a host fits ---- */

static int grant_number_compare(const void *left, const void *right)
{
    const size_t *a = left;
    const size_t *b = right;

    return (*a > *b) - (*a < *b);
}

static void grant_ask(struct grant_hosts *all, size_t number, const struct host_view *host)
{
    if (selector_holds(&all->selectors[number], grant_groups(all), host) == TRUTH_YES) {
        all->found[all->found_count++] = number;
    }
}

static void grant_ask_key(struct grant_hosts *all, const char *text, const struct host_view *host)
{
    struct grant_key *key;

    HASH_FIND(hh, all->keys, text, (unsigned)strlen(text), key);
    for (size_t i = 0; key != NULL && i < key->count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < all->found_count && !is_known; j++) {
            is_known = all->found[j] == key->numbers[i];
        }
        if (!is_known) {
            grant_ask(all, key->numbers[i], host);
        }
    }
}

static void grant_ask_all(struct grant_hosts *all, const struct host_view *host)
{
    char text[GRANT_KEY_SIZE];

    for (size_t i = 0; i < host->address_count; i++) {
        grant_ask_key(all, addr_format(&host->addresses[i], text), host);
    }
    for (size_t i = 0; i < host->tag_count; i++) {
        snprintf(text, sizeof(text), "%s=%s", host->tags[i].key, host->tags[i].value);
        grant_ask_key(all, text, host);
    }
    /* Last: no key leads to these. */
    for (size_t i = 0; i < all->general_count; i++) {
        grant_ask(all, all->general[i], host);
    }
    qsort(all->found, all->found_count, sizeof(*all->found), grant_number_compare);
}

int grant_hosts_of(struct grant_hosts *all, int64_t asset_id, const char *realm, const size_t **ret_numbers,
                   size_t *ret_count)
{
    struct store_known known;
    size_t *found = reallocarray(all->found, all->count + 1, sizeof(*found));
    int rc = found == NULL ? -ENOMEM : store_asset_known(all->store, asset_id, &known);

    all->found = found == NULL ? all->found : found;
    if (rc < 0) {
        return rc;
    }
    all->found_count = 0;
    if (all->memo != NULL) {
        memset(all->memo, HOST_MEMO_UNKNOWN, grant_group_count(all) + 1);
    }
    grant_ask_all(all, &(struct host_view){
                           .realm = realm,
                           .names = (const char *const *)known.names,
                           .name_count = known.name_count,
                           .addresses = known.addresses,
                           .address_count = known.address_count,
                           .tags = known.tags,
                           .tag_count = known.tag_count,
                           .memo = all->memo,
                       });
    store_known_done(&known);
    *ret_numbers = all->found;
    *ret_count = all->found_count;
    return 0;
}

/* ---- which hosts there are ---- */

static int grant_collect(struct grant_hosts *all, int64_t scan_id, struct store_grant_assets *assets)
{
    char name[GRANT_KEY_SIZE];
    const struct grant_key *key;
    int rc = 0;

    if (scan_id != 0 || all->general_count > 0) {
        return store_grant_assets(all->store, scan_id, assets);
    }
    for (key = all->keys; key != NULL && rc == 0; key = key->hh.next) {
        if (key->is_tag) {
            snprintf(name, sizeof(name), "%.*s", (int)key->key_size, key->text);
            rc = store_grant_assets_tagged(all->store, name, key->text + key->key_size + 1, assets);
        } else {
            rc = store_grant_assets_at(all->store, key->text, assets);
        }
    }
    return rc;
}

int grant_hosts_walk(struct grant_hosts *all, int64_t scan_id,
                     int (*each)(void *context, int64_t asset_id, const char *realm), void *context)
{
    struct store_grant_assets assets = {0};
    char *realm = NULL;
    int64_t realm_id = 0;
    int rc = grant_collect(all, scan_id, &assets);

    store_grant_assets_sort(&assets);
    for (size_t i = 0; i < assets.count && rc == 0; i++) {
        if (i > 0 && assets.items[i].id == assets.items[i - 1].id) {
            continue;
        }
        if (realm == NULL || assets.items[i].realm_id != realm_id) {
            free(realm);
            realm = NULL;
            realm_id = assets.items[i].realm_id;
            rc = store_realm_name(all->store, realm_id, &realm);
        }
        rc = rc < 0 ? rc : each(context, assets.items[i].id, realm);
    }
    free(realm);
    free(assets.items);
    return rc;
}
