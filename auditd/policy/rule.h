/* The rules of a policy in the form in which they are matched: three answers, for an unknown fact never satisfies a
 * condition. Pure; knows neither YAML nor precedence. */
#ifndef LEASTPORT_AUDITD_POLICY_RULE_H
#define LEASTPORT_AUDITD_POLICY_RULE_H

#include "auditd/policy/condition.h"
#include "auditd/policy/judge.h"
#include "lib/portset.h"

#include <stddef.h>

/* A set of hosts: each kind of condition that is given must hold, one of its values is enough. */
struct rule_group {
    char *name;
    bool any;
    bool has_tags; /* tags are not known yet: whether a host has them is unknown */
    struct prefix *prefixes;
    size_t prefix_count;
    char **realms;
    size_t realm_count;
    char **name_globs;
    size_t name_glob_count;
};

/* Anyone: whoever is not the host itself. */
enum rule_source_kind { RULE_SOURCE_CLASS, RULE_SOURCE_ANYONE, RULE_SOURCE_GROUP, RULE_SOURCE_PREFIX };

/* A prefix of length 0, or prefixes that add up to the world, are the class world. */
struct rule_source {
    enum rule_source_kind kind;
    enum vantage_class vantage_class;
    char *text; /* as written */
};

/* Text members are never NULL: "" where nothing was written. */
struct rule {
    char *id;
    size_t to; /* index of the group */
    bool to_not;
    struct portset ports;
    char *proto;   /* "tcp", "udp" or "" for both */
    char *service; /* "" asks nothing */
    struct rule_source *sources;
    size_t source_count;          /* 0: from anywhere */
    struct condition *conditions; /* all must hold */
    size_t condition_count;
    char *why;
    char *fix;
    char *owner;
    bool has_severity;
    enum severity severity;
    int64_t until_ms; /* the first moment at which it no longer holds; 0: for ever */
    uint32_t line;    /* in the source */
};

struct rule_list {
    struct rule *items;
    size_t count;
};

struct rule_set {
    struct rule_group *groups;
    size_t group_count;
    struct rule_list allow;
    struct rule_list forbid;
    char *owner; /* of findings whose rule names none */
};

void rule_set_done(struct rule_set *set);

/* What a rule says of an exposure; the first that applies, "no" before "unknown". */
enum rule_answer {
    RULE_APPLIES,
    RULE_OTHER_HOST,
    RULE_OTHER_PORT,
    RULE_OTHER_SERVICE,
    RULE_OTHER_SOURCE,
    RULE_OTHER_FACT,
    RULE_EXPIRED,
    RULE_UNKNOWN_HOST,
    RULE_UNKNOWN_SERVICE,
    RULE_UNKNOWN_SOURCE,
    RULE_UNKNOWN_FACT,
};

/* "it is for other hosts", … */
const char *rule_answer_text(enum rule_answer answer);
bool rule_answer_is_unknown(enum rule_answer answer);

/* An exposure as rules see it. */
struct rule_view {
    const struct exposure *exposure;
    /* From where it is reached: with VANTAGE_SELF and a listener past loopback the listener's own network. */
    enum vantage_class reach;
    const char *services[2]; /* what answers, or what the port is known as; NULL where unknown */
};

/* Whether the rule grants this. From the host itself nobody's reach can be seen, so that a rule that grants the port to
 * anyone counts. */
enum rule_answer rule_allows(const struct rule_set *set, const struct rule *rule, const struct rule_view *view);
/* Whether the rule forbids this: what the world reaches, every source reaches. */
enum rule_answer rule_forbids(const struct rule_set *set, const struct rule *rule, const struct rule_view *view);

#endif
