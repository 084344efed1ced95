#include "auditd/finding/scoring.h"

#include "auditd/finding/pile.h"
#include "auditd/finding/scoring_group.h"
#include "auditd/store/score.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_SAX
#include <uthash.h>

struct scoring_realm {
    struct pile pile;
    UT_hash_handle hh;
    char name[];
};

/* One walk over all hosts: what each of them is made of is added to its realm, its groups and the fleet. */
struct scoring {
    struct store *store;
    const struct scoring_options *options;
    struct pile_kinds *kinds;
    struct pile host;
    struct pile fleet;
    struct scoring_realm *realms;
    struct scoring_groups *groups;
};

static int scoring_keep(struct scoring *scoring, const struct score_subject *subject, const struct score *score)
{
    json_t *terms = score_terms_json(score);
    json_t *caps = score_caps_json(score);
    char *terms_text = terms == NULL ? NULL : json_dumps(terms, JSON_COMPACT | JSON_REAL_PRECISION(15));
    char *caps_text = caps == NULL ? NULL : json_dumps(caps, JSON_COMPACT | JSON_REAL_PRECISION(15));
    int rc = -ENOMEM;

    if (terms_text != NULL && caps_text != NULL) {
        const struct score_record record = {
            .subject = *subject,
            .score = score->score,
            .grade = score->grade,
            .caps = caps_text,
            .exposure = score->exposure,
            .waived = score->waived,
            .coverage = score->coverage,
            .terms = terms_text,
            .policy_id = scoring->options->policy_id,
            .at_ms = scoring->options->now_ms,
        };
        rc = store_score_put(scoring->store, &record);
    }
    free(terms_text);
    free(caps_text);
    json_decref(terms);
    json_decref(caps);
    return rc;
}

static int scoring_subject(struct scoring *scoring, const char *scope, const char *name, const struct pile *pile)
{
    const struct score_subject subject = {scope, name};
    struct score score;
    int rc = pile_score(pile, &score);

    if (rc < 0) {
        return rc;
    }
    rc = scoring_keep(scoring, &subject, &score);
    score_done(&score);
    return rc;
}

/* ---- the walk ---- */

static int scoring_on_finding(void *context, const struct score_item *item)
{
    struct scoring *scoring = context;

    return pile_add(scoring->kinds, &scoring->host, item);
}

static int scoring_on_tag(void *context, const char *key, const char *value)
{
    struct scoring *scoring = context;

    return scoring_groups_tag(scoring->groups, key, value);
}

static int scoring_add_realm(void *context, const char *name)
{
    struct scoring *scoring = context;
    size_t size = strlen(name);
    struct scoring_realm *realm = calloc(1, sizeof(*realm) + size + 1);

    if (realm == NULL) {
        return -ENOMEM;
    }
    memcpy(realm->name, name, size + 1);
    HASH_ADD_KEYPTR(hh, scoring->realms, realm->name, (unsigned)size, realm);
    return 0;
}

static int scoring_on_asset(void *context, const struct score_asset *asset)
{
    struct scoring *scoring = context;
    struct scoring_realm *realm;
    int rc;

    scoring->host.planned = asset->planned;
    scoring->host.judged = asset->judged;
    scoring->host.hosts = asset->is_host;
    HASH_FIND(hh, scoring->realms, asset->realm, (unsigned)strlen(asset->realm), realm);
    rc = pile_join(&scoring->fleet, &scoring->host);
    if (rc == 0 && realm != NULL) {
        rc = pile_join(&realm->pile, &scoring->host);
    }
    rc = rc < 0 ? rc : scoring_groups_host(scoring->groups, asset, &scoring->host);
    if (rc == 0 && asset->is_touched && asset->is_host) {
        rc = scoring_subject(scoring, "host", asset->uuid, &scoring->host);
    }
    pile_clear(&scoring->host);
    return rc;
}

static int scoring_on_group(void *context, const char *name, const struct pile *pile, bool counts)
{
    struct scoring *scoring = context;

    return counts ? scoring_subject(scoring, "group", name, pile)
                  : store_score_end(scoring->store, &(struct score_subject){"group", name}, scoring->options->now_ms);
}

static int scoring_walk(struct scoring *scoring)
{
    const struct score_visitor visitor = {scoring_on_finding, scoring_on_tag, scoring_on_asset, scoring};
    const struct score_walk_options options = {
        .judged_since_ms = scoring->options->now_ms - scoring->options->max_age_ms,
        .since_ms = scoring->options->since_ms,
        .changed_since_ms = scoring->options->changed_since_ms,
    };
    int rc;

    scoring->kinds = pile_kinds_create();
    rc = scoring->kinds == NULL ? -ENOMEM : store_score_realms(scoring->store, scoring_add_realm, scoring);
    rc = rc < 0 ? rc : scoring_groups_create(scoring->store, scoring->options->policy_id, &scoring->groups);
    return rc < 0 ? rc : store_score_walk(scoring->store, &options, &visitor);
}

static int scoring_run(struct scoring *scoring)
{
    const struct scoring_realm *realm;
    int rc = scoring_walk(scoring);

    rc = rc < 0 ? rc : scoring_subject(scoring, "fleet", "", &scoring->fleet);
    for (realm = scoring->realms; realm != NULL && rc == 0; realm = realm->hh.next) {
        rc = scoring_subject(scoring, "realm", realm->name, &realm->pile);
    }
    rc = rc < 0 ? rc : scoring_groups_each(scoring->groups, scoring_on_group, scoring);
    return rc < 0 ? rc : store_score_end_hosts(scoring->store, scoring->options->now_ms);
}

static void scoring_done(struct scoring *scoring)
{
    struct scoring_realm *realm = scoring->realms;
    struct scoring_realm *next;

    HASH_CLEAR(hh, scoring->realms);
    for (; realm != NULL; realm = next) {
        next = realm->hh.next;
        pile_done(&realm->pile);
        free(realm);
    }
    scoring_groups_destroy(scoring->groups);
    pile_done(&scoring->host);
    pile_done(&scoring->fleet);
    pile_kinds_destroy(scoring->kinds);
}

/* Widens what is looked at to hosts that a scan touched which nobody scored. */
static int scoring_widen(struct store *store, struct scoring_options *options)
{
    int64_t unscored_ms;
    int rc = store_score_unscored(store, &unscored_ms);

    if (rc < 0) {
        return rc == -ENOENT ? 0 : rc;
    }
    if (options->changed_since_ms != 0) {
        options->changed_since_ms = 0;
        options->since_ms = 0;
    } else if (unscored_ms < options->since_ms) {
        options->since_ms = unscored_ms;
    }
    return 0;
}

int scoring_catch_up(struct store *store, const struct scoring_options *options)
{
    struct scoring_options late = *options;
    int rc = store_score_unscored(store, &late.since_ms);

    return rc == -ENOENT ? 0 : rc < 0 ? rc : scoring_update(store, &late);
}

int scoring_update(struct store *store, const struct scoring_options *options)
{
    struct scoring_options wide = *options;
    struct scoring scoring = {.store = store, .options = &wide};
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = scoring_widen(store, &wide);
    rc = rc < 0 ? rc : scoring_run(&scoring);
    if (rc == 0) {
        rc = store_commit(store);
    } else {
        store_rollback(store);
    }
    scoring_done(&scoring);
    return rc;
}

int scoring_changed(struct store *store, int64_t now_ms, int64_t max_age_ms)
{
    struct scoring_options options = {.max_age_ms = max_age_ms, .now_ms = now_ms, .changed_since_ms = now_ms};
    int rc = store_score_policy(store, &options.policy_id);

    return rc == -ENOENT ? 0 : rc < 0 ? rc : scoring_update(store, &options);
}
