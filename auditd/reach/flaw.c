#include "auditd/reach/flaw.h"

#include "auditd/reach/proof.h"
#include "auditd/reach/shadow.h"

#include <stdio.h>
#include <string.h>

struct flaw_walk {
    const struct reach_model *model;
    reach_flaw_fn tell;
    void *context;
};

const char *reach_flaw_name(enum reach_flaw_kind kind)
{
    static const char *const names[] = {"shadowed-rule", "dead-reference", "unused-group"};

    return names[kind];
}

bool reach_flaw_is_known(const struct reach_model *model, enum reach_flaw_kind kind)
{
    const bool *unread = model->unread;

    switch (kind) {
    case REACH_SHADOWED_RULE:
        return !unread[REACH_ACL];
    case REACH_DEAD_REFERENCE:
        return !unread[REACH_GROUP] && !unread[REACH_TABLE] && !unread[REACH_PEERING];
    case REACH_UNUSED_GROUP:
        /* A database's interface that was not read is known by its record. */
        return !unread[REACH_GROUP] && !unread[REACH_ENI] && !unread[REACH_DATABASE];
    case REACH_FLAW_KINDS:
        break;
    }
    return false;
}

static int flaw_tell(const struct flaw_walk *walk, enum reach_flaw_kind kind, const struct reach_ref *vpc,
                     const char *record, const char *text)
{
    const struct reach_flaw flaw = {.kind = kind, .vpc = vpc->at, .record = record, .text = text};

    return vpc->at == REACH_NONE ? 0 : walk->tell(walk->context, &flaw);
}

/* ---- shadowed rules ---- */

/* "110 allows tcp 22 from 10.0.0.0/8". */
static const char *entry_words(const struct reach_entry *entry, char buffer[160])
{
    char traffic[64];
    char prefix[PREFIX_TEXT_SIZE];

    snprintf(buffer, 160, "%u %s %s %s %s", entry->number, entry->allow ? "allows" : "denies",
             reach_traffic_name(entry->proto, entry->ports, traffic), entry->egress ? "to" : "from",
             prefix_format(&entry->prefix, prefix));
    return buffer;
}

static int flaw_entry(const struct flaw_walk *walk, const struct reach_acl *acl, size_t at)
{
    const struct reach_entry *entries = acl->entries.items;
    char text[REACH_FLAW_TEXT];
    char words[2][160];
    struct reach_shadow shadow;
    int rc = reach_shadow_of(acl, at, &shadow);

    if (rc != 1) {
        return rc;
    }
    snprintf(text, sizeof(text), "%s: rule %s and is never asked: %s%s %s", entries[at].egress ? "out" : "in",
             entry_words(&entries[at], words[0]), entry_words(&entries[shadow.by], words[1]),
             shadow.by_others ? ", with others," : "",
             shadow.otherwise ? "before it, and decides otherwise" : "before it, as it would itself");
    return flaw_tell(walk, REACH_SHADOWED_RULE, &acl->vpc, acl->id, text);
}

static int flaw_acls(const struct flaw_walk *walk)
{
    int rc = 0;

    for (size_t i = 0; i < walk->model->acls.count; i++) {
        const struct reach_acl *acl = &walk->model->acls.items[i];
        for (size_t j = 0; rc == 0 && j < acl->entries.count; j++) {
            rc = acl->entries.items[j].number < REACH_ENTRY_CLOSING ? flaw_entry(walk, acl, j) : 0;
        }
    }
    return rc;
}

/* ---- dead references ---- */

static int flaw_rule(const struct flaw_walk *walk, const struct reach_group *group, const struct reach_rule *rule)
{
    char text[REACH_FLAW_TEXT];
    char traffic[64];

    if (rule->peer != REACH_PEER_GROUP || (!rule->stale && (rule->foreign || rule->ref.at != REACH_NONE))) {
        return 0;
    }
    snprintf(text, sizeof(text), "%s: allows %s %s %.100s, %s", rule->egress ? "out" : "in",
             reach_traffic_name(rule->proto, rule->ports, traffic), rule->egress ? "to" : "from", rule->ref.id,
             rule->stale ? "a group behind a peering that is gone" : "a group that is gone");
    return flaw_tell(walk, REACH_DEAD_REFERENCE, &group->vpc, group->id, text);
}

/* A blackhole, whatever it led to; or a peering that is not there any more. */
static int flaw_route(const struct flaw_walk *walk, const struct reach_table *table, const struct reach_route *route)
{
    char text[REACH_FLAW_TEXT];
    char prefix[PREFIX_TEXT_SIZE];
    bool lost = route->hop == REACH_HOP_PEERING && route->via.at == REACH_NONE;

    if (!route->blackhole && !lost) {
        return 0;
    }
    snprintf(text, sizeof(text), "the route to %.100s by %.100s leads nowhere: %s",
             route->list.id != NULL ? route->list.id : prefix_format(&route->prefix, prefix),
             route->via.id == NULL ? "what it names" : route->via.id,
             lost ? "the peering is gone" : "it is a blackhole, for what it leads to is gone or stopped");
    return flaw_tell(walk, REACH_DEAD_REFERENCE, &table->vpc, table->id, text);
}

static int flaw_references(const struct flaw_walk *walk)
{
    int rc = 0;

    for (size_t i = 0; i < walk->model->groups.count; i++) {
        const struct reach_group *group = &walk->model->groups.items[i];
        for (size_t j = 0; rc == 0 && j < group->rules.count; j++) {
            rc = flaw_rule(walk, group, &group->rules.items[j]);
        }
    }
    for (size_t i = 0; i < walk->model->tables.count; i++) {
        const struct reach_table *table = &walk->model->tables.items[i];
        for (size_t j = 0; rc == 0 && j < table->routes.count; j++) {
            rc = flaw_route(walk, table, &table->routes.items[j]);
        }
    }
    return rc;
}

/* ---- unused groups ---- */

/* The default group stays for as long as its VPC does. */
static int flaw_group(const struct flaw_walk *walk, const struct reach_group *group)
{
    char text[REACH_FLAW_TEXT];
    bool is_default = group->name != NULL && strcmp(group->name, "default") == 0;

    if (is_default || group->holders.count > 0) {
        return 0;
    }
    snprintf(text, sizeof(text), "\"%.80s\", with %zu rule%s: no interface holds it",
             group->name == NULL ? "" : group->name, group->rules.count, group->rules.count == 1 ? "" : "s");
    return flaw_tell(walk, REACH_UNUSED_GROUP, &group->vpc, group->id, text);
}

static int flaw_groups(const struct flaw_walk *walk)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < walk->model->groups.count; i++) {
        rc = flaw_group(walk, &walk->model->groups.items[i]);
    }
    return rc;
}

int reach_flaws(const struct reach_model *model, reach_flaw_fn tell, void *context)
{
    static int (*const walks[])(const struct flaw_walk *) = {flaw_acls, flaw_references, flaw_groups};
    const struct flaw_walk walk = {model, tell, context};
    int rc = 0;

    for (int kind = 0; rc == 0 && kind < REACH_FLAW_KINDS; kind++) {
        rc = reach_flaw_is_known(model, (enum reach_flaw_kind)kind) ? walks[kind](&walk) : 0;
    }
    return rc;
}
