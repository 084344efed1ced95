#include "auditd/finding/scoring_group.h"

#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "auditd/store/asset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_SAX
#include <uthash.h>

enum { GROUP_NAME_SIZE = 2048 };

struct scoring_group {
    struct pile pile;
    bool is_named;  /* by the policy, so that its hosts are found by its selector */
    bool had_score; /* when this run began */
    uint64_t host;  /* the last one that joined it, counted */
    UT_hash_handle hh;
    char name[];
};

struct scoring_groups {
    struct store *store;
    struct policy *policy; /* NULL where it names none */
    struct scoring_group *all;
    struct scoring_group **named; /* by the policy's number; NULL where it has no name */
    struct scoring_group **of_host;
    size_t of_host_count;
    size_t of_host_size;
    uint8_t *memo;
    uint64_t hosts;
};

static int group_find(struct scoring_groups *groups, const char *name, struct scoring_group **ret_group)
{
    size_t size = strlen(name);
    struct scoring_group *group;

    HASH_FIND(hh, groups->all, name, (unsigned)size, group);
    if (group == NULL) {
        group = calloc(1, sizeof(*group) + size + 1);
        if (group == NULL) {
            return -ENOMEM;
        }
        memcpy(group->name, name, size + 1);
        HASH_ADD_KEYPTR(hh, groups->all, group->name, (unsigned)size, group);
    }
    *ret_group = group;
    return 0;
}

static int group_had_score(void *context, const char *name)
{
    struct scoring_group *group;
    int rc = group_find(context, name, &group);

    if (rc == 0) {
        group->had_score = true;
    }
    return rc;
}

static int groups_name(struct scoring_groups *groups, const struct rule_set *set)
{
    int rc = 0;

    groups->memo = malloc(set->group_count + 1);
    groups->named = calloc(set->group_count + 1, sizeof(struct scoring_group *));
    if (groups->memo == NULL || groups->named == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < set->group_count && rc == 0; i++) {
        if (set->groups[i].is_named) {
            rc = group_find(groups, set->groups[i].name, &groups->named[i]);
            groups->named[i]->is_named = rc == 0;
        }
    }
    return rc;
}

static bool groups_has_name(const struct rule_set *set)
{
    for (size_t i = 0; i < set->group_count; i++) {
        if (set->groups[i].is_named) {
            return true;
        }
    }
    return false;
}

/* A text that another version of this program took, and this one does not, names no groups. */
static int groups_load_policy(struct scoring_groups *groups, int64_t policy_id)
{
    struct problems *problems = malloc(sizeof(*problems));
    char *source = NULL;
    int rc = store_score_policy_source(groups->store, policy_id, &source);

    if (rc == 0 && problems == NULL) {
        rc = -ENOMEM;
    }
    if (rc == 0 && source[0] != '\0') {
        problems_init(problems);
        rc = policy_parse(source, strlen(source), "policy", problems, &groups->policy);
        rc = rc == -EBADMSG ? 0 : rc;
    }
    free(source);
    free(problems);
    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    if (groups->policy != NULL && !groups_has_name(policy_rules(groups->policy))) {
        policy_destroy(groups->policy);
        groups->policy = NULL;
    }
    return groups->policy == NULL ? 0 : groups_name(groups, policy_rules(groups->policy));
}

int scoring_groups_create(struct store *store, int64_t policy_id, struct scoring_groups **ret_groups)
{
    struct scoring_groups *groups = calloc(1, sizeof(*groups));
    int rc = groups == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        groups->store = store;
        rc = store_score_groups(store, group_had_score, groups);
    }
    if (rc == 0) {
        rc = groups_load_policy(groups, policy_id);
    }
    if (rc < 0) {
        scoring_groups_destroy(groups);
        return rc;
    }
    *ret_groups = groups;
    return 0;
}

void scoring_groups_destroy(struct scoring_groups *groups)
{
    struct scoring_group *group;
    struct scoring_group *next;

    if (groups == NULL) {
        return;
    }
    group = groups->all;
    HASH_CLEAR(hh, groups->all);
    for (; group != NULL; group = next) {
        next = group->hh.next;
        pile_done(&group->pile);
        free(group);
    }
    policy_destroy(groups->policy);
    free(groups->named);
    free(groups->of_host);
    free(groups->memo);
    free(groups);
}

static int groups_enter(struct scoring_groups *groups, struct scoring_group *group)
{
    if (group->host == groups->hosts + 1) {
        return 0;
    }
    if (groups->of_host_count == groups->of_host_size) {
        size_t size = groups->of_host_size == 0 ? 16 : groups->of_host_size * 2;
        struct scoring_group **grown = reallocarray(groups->of_host, size, sizeof(struct scoring_group *));
        if (grown == NULL) {
            return -ENOMEM;
        }
        groups->of_host = grown;
        groups->of_host_size = size;
    }
    group->host = groups->hosts + 1;
    groups->of_host[groups->of_host_count++] = group;
    return 0;
}

int scoring_groups_tag(struct scoring_groups *groups, const char *key, const char *value)
{
    struct scoring_group *group;
    char name[GROUP_NAME_SIZE];
    int rc;

    snprintf(name, sizeof(name), "%s=%s", key, value);
    rc = group_find(groups, name, &group);
    return rc < 0 ? rc : groups_enter(groups, group);
}

static int groups_ask(struct scoring_groups *groups, const struct host_view *host)
{
    const struct rule_set *set = policy_rules(groups->policy);
    int rc = 0;

    memset(groups->memo, HOST_MEMO_UNKNOWN, set->group_count + 1);
    for (size_t i = 0; i < set->group_count && rc == 0; i++) {
        if (groups->named[i] != NULL && group_holds(set->groups, i, host) == TRUTH_YES) {
            rc = groups_enter(groups, groups->named[i]);
        }
    }
    return rc;
}

static int groups_select(struct scoring_groups *groups, const struct score_asset *asset)
{
    struct store_known known;
    int rc = store_asset_known(groups->store, asset->id, &known);

    if (rc == 0) {
        rc = groups_ask(groups, &(struct host_view){
                                    .realm = asset->realm,
                                    .names = (const char *const *)known.names,
                                    .name_count = known.name_count,
                                    .addresses = known.addresses,
                                    .address_count = known.address_count,
                                    .tags = known.tags,
                                    .tag_count = known.tag_count,
                                    .memo = groups->memo,
                                });
        store_known_done(&known);
    }
    return rc;
}

int scoring_groups_host(struct scoring_groups *groups, const struct score_asset *asset, const struct pile *pile)
{
    int rc = groups->policy == NULL ? 0 : groups_select(groups, asset);

    for (size_t i = 0; i < groups->of_host_count && rc == 0; i++) {
        rc = pile_join(&groups->of_host[i]->pile, pile);
    }
    groups->of_host_count = 0;
    groups->hosts++;
    return rc;
}

int scoring_groups_each(const struct scoring_groups *groups,
                        int (*each)(void *context, const char *name, const struct pile *pile, bool counts),
                        void *context)
{
    const struct scoring_group *group;
    int rc = 0;

    for (group = groups->all; group != NULL && rc == 0; group = group->hh.next) {
        bool counts = group->pile.hosts >= (group->is_named ? 1 : 2);
        if (counts || group->had_score) {
            rc = each(context, group->name, &group->pile, counts);
        }
    }
    return rc;
}
