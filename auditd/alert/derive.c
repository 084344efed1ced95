#include "auditd/alert/derive.h"

#include "auditd/report/typeset.h"
#include "auditd/store/alert.h"
#include "auditd/store/condition.h"
#include "lib/clock.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* More new messages than these of one rule to one receiver are lines of a single one. */
enum { DERIVE_MESSAGES_MAX = 20, DERIVE_KEY_SIZE = 1024 };

struct derive {
    const struct config_alerts *alerts;
    struct store *store;
    int64_t now_ms;
};

/* What hosts, tags and people call things, without what a terminal, a header or a log would obey. */
struct derive_words {
    char kind[STORE_ALERT_NAME_SIZE];
    char service[STORE_ALERT_NAME_SIZE];
    char owner[STORE_ALERT_NAME_SIZE];
    char title[2 * VERDICT_TEXT_SIZE];
    char fix[2 * VERDICT_TEXT_SIZE];
    char address[STORE_ALERT_NAME_SIZE];
};

/* A rule allowed it as far as was known, which nobody is told of; now it is known that none does. */
static int derive_need(const struct store_alert_event *event)
{
    bool was_meant = strcmp(event->was, "unverified") == 0 || strcmp(event->was, "unproven") == 0;

    if (!was_meant || !event->was_open || !event->is_open) {
        return -1;
    }
    return event->was_plain ? (int)ALERT_REOPENED : (int)ALERT_NEW;
}

/* -1: nothing that anybody is told. NEW is told when a second probe makes it OPEN: a listener that came and went is
 * none. */
static int derive_change(const struct store_alert_event *event)
{
    if (event->is_retired || event->is_meant) {
        return -1;
    }
    if (strcmp(event->what, "disposition") == 0) {
        return strcmp(event->was, "WAIVED") == 0 && !event->is_waived && event->is_open ? (int)ALERT_REOPENED : -1;
    }
    if (event->is_waived) {
        return -1;
    }
    if (strcmp(event->what, "need") == 0) {
        return derive_need(event);
    }
    if (strcmp(event->became, "REAPPEARED") == 0) {
        return ALERT_REOPENED;
    }
    if (strcmp(event->became, "FIXED") == 0) {
        return event->was_open ? (int)ALERT_FIXED : -1;
    }
    if (strcmp(event->became, "OPEN") == 0) {
        return !event->was_open ? (int)ALERT_NEW : strcmp(event->was, "ALLOWED") == 0 ? (int)ALERT_REOPENED : -1;
    }
    return -1;
}

static bool derive_matches(const struct config_alert_rule *rule, unsigned change, int severity_rank, const char *owner)
{
    if ((rule->changes & 1U << change) == 0 || severity_rank < (int)rule->severity) {
        return false;
    }
    /* What Leastport says about itself belongs to nobody. */
    for (size_t i = 0; change != ALERT_SELF && i < rule->owners.count; i++) {
        if (fnmatch(rule->owners.items[i], owner, 0) == 0) {
            return true;
        }
    }
    return change == ALERT_SELF || rule->owners.count == 0;
}

int64_t derive_next_at(const struct config_alert_rule *rule, int64_t now_ms)
{
    int64_t at_ms = now_ms + rule->gather_ms;
    int64_t free_s;

    if (rule->is_digest) {
        at_ms = cron_next(&rule->digest, rule->zone, now_ms / 1000) * 1000;
    }
    free_s = blackout_free_at(rule->quiet, rule->quiet_count, rule->zone, at_ms / 1000);
    return free_s == INT64_MAX || free_s * 1000 <= at_ms ? at_ms : free_s * 1000;
}

static int derive_put(const struct derive *derive, const struct config_alert_rule *rule, struct store_alert_line *line)
{
    bool was_told = false;
    int64_t waiting = 0;
    int rc = line->finding_id == 0
                 ? 0
                 : store_alert_was_told(derive->store, line, derive->now_ms - rule->dedup_ms, &was_told);

    if (rc < 0 || was_told) {
        return rc;
    }
    rc = store_alert_waiting(derive->store, rule->name, line->receiver, &waiting);
    line->is_alone = !rule->is_digest && waiting < DERIVE_MESSAGES_MAX;
    return rc < 0 ? rc : store_alert_put(derive->store, line, NULL);
}

/* Whether a rule before this one has told that receiver already. */
static bool derive_was_served(const struct config_alert_rule *const *served, size_t count, const char *receiver)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < served[i]->to.count; j++) {
            if (strcmp(served[i]->to.items[j], receiver) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The first rule that matches and names a receiver is the one by which that receiver is told. */
static int derive_line(const struct derive *derive, unsigned change, int64_t asset_id, struct store_alert_line *line)
{
    const struct config_alert_rule *served[CONFIG_ALERT_RULES_MAX];
    char value[STORE_ALERT_NAME_SIZE];
    char raw[2 * STORE_ALERT_NAME_SIZE];
    char group[4 * STORE_ALERT_NAME_SIZE];
    char key[DERIVE_KEY_SIZE];
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < derive->alerts->rule_count; i++) {
        const struct config_alert_rule *rule = &derive->alerts->rules[i];
        if (!derive_matches(rule, change, line->severity_rank, line->owner)) {
            continue;
        }
        group[0] = '\0';
        if (rule->group_by != NULL && asset_id != 0) {
            rc = store_alert_tag(derive->store, asset_id, rule->group_by, value);
            snprintf(raw, sizeof(raw), "%s=%s", rule->group_by, value);
            (void)typeset_escape(raw, group, sizeof(group));
        }
        snprintf(key, sizeof(key), "%s|%s|%s|%s|%s|%u|%s|%s", line->change, line->kind, line->service, group,
                 line->proto, line->port, line->owner, line->finding_id == 0 ? line->title : "");
        line->rule = rule->name;
        line->group = group;
        line->key = key;
        line->next_at_ms = derive_next_at(rule, derive->now_ms);
        for (size_t j = 0; rc == 0 && j < rule->to.count; j++) {
            line->receiver = rule->to.items[j];
            rc = derive_was_served(served, count, line->receiver) ? 0 : derive_put(derive, rule, line);
        }
        served[count++] = rule;
    }
    line->group = "";
    line->key = "";
    return rc;
}

static int derive_event(void *context, const struct store_alert_event *event)
{
    const struct derive *derive = context;
    int change = derive_change(event);
    struct derive_words words;
    struct store_alert_line line = {
        .severity_rank = event->severity_rank,
        .kind = words.kind,
        .service = words.service,
        .proto = event->proto,
        .port = event->port,
        .owner = words.owner,
        .title = words.title,
        .fix = words.fix,
        .address = words.address,
        .finding_id = event->finding_id,
        .at_ms = derive->now_ms,
    };

    if (change < 0) {
        return 0;
    }
    (void)typeset_escape(event->kind, words.kind, sizeof(words.kind));
    (void)typeset_escape(event->service, words.service, sizeof(words.service));
    (void)typeset_escape(event->owner, words.owner, sizeof(words.owner));
    (void)typeset_escape(event->title, words.title, sizeof(words.title));
    (void)typeset_escape(event->fix, words.fix, sizeof(words.fix));
    (void)typeset_escape(event->address, words.address, sizeof(words.address));
    line.change = alert_change_name((enum alert_change)change);
    return derive_line(derive, (unsigned)change, event->asset_id, &line);
}

static int derive_conditions(const struct derive *derive)
{
    struct stored_condition condition;
    int rc;

    while ((rc = store_condition_take(derive->store, &condition)) == 0) {
        char title[2 * STORE_CONDITION_TEXT_SIZE];
        struct store_alert_line line = {
            .change = alert_change_name(ALERT_SELF),
            .severity_rank = SEVERITY_HIGH,
            .kind = condition.kind,
            .service = "",
            .proto = "",
            .owner = "",
            .title = title,
            .fix = "",
            .address = "",
            .at_ms = derive->now_ms,
        };
        (void)typeset_escape(condition.text, title, sizeof(title));
        rc = derive_line(derive, ALERT_SELF, 0, &line);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

int derive_run(void *context, struct store *store)
{
    struct derive derive = {.alerts = context, .store = store, .now_ms = wall_now_ms()};
    int64_t event_id = 0;
    int rc = store_alert_cursor(store, &event_id);

    rc = rc == 0 ? store_alert_events(store, event_id, derive_event, &derive) : rc;
    rc = rc == 0 ? store_alert_advance(store) : rc;
    return rc == 0 ? derive_conditions(&derive) : rc;
}

int derive_attach(struct store *store, const struct config_alerts *alerts)
{
    int64_t event_id;
    int rc;

    if (alerts->rule_count == 0) {
        return 0;
    }
    rc = store_alert_cursor(store, &event_id);
    if (rc == 0) {
        store_on_commit(store, derive_run, (void *)(uintptr_t)alerts);
    }
    return rc;
}

int derive_test(struct store *store, const struct config_alerts *alerts, const char *receiver,
                char ret_uuid[STORE_UUID_SIZE])
{
    char key[64];
    struct store_alert_line line = {
        .rule = "",
        .receiver = receiver,
        .key = key,
        .change = alert_change_name(ALERT_TEST),
        .severity_rank = SEVERITY_LOW,
        .kind = "test",
        .service = "",
        .proto = "",
        .owner = "",
        .group = "",
        .title = "A test: alerts of Leastport arrive here",
        .fix = "",
        .address = "",
        .at_ms = wall_now_ms(),
        .next_at_ms = wall_now_ms(),
        .is_alone = true,
    };

    int rc;

    if (alerts_receiver(alerts, receiver) == NULL) {
        return -ENOENT;
    }
    store_uuid(key);
    rc = store_begin(store);
    if (rc < 0) {
        return rc;
    }
    rc = store_alert_put(store, &line, ret_uuid);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}
