/* The rules of a policy in the form in which they are matched: three answers, for an unknown fact never satisfies a
 * condition. Pure; knows neither YAML nor precedence. */
#ifndef LEASTPORT_AUDITD_POLICY_RULE_H
#define LEASTPORT_AUDITD_POLICY_RULE_H

#include "auditd/policy/condition.h"
#include "auditd/policy/judge.h"
#include "auditd/policy/selector.h"
#include "lib/portset.h"

#include <stddef.h>

/* RULE_GROUPS_MAX counts what rules select without giving it a name, too. */
enum { RULE_LIST_MAX = 5000, RULE_GROUPS_MAX = 20000, RULE_SECURITY_GROUPS_MAX = 2000 };

/* How many sources a rule or a test may list, how many of them all tests together, and what is kept of the text of a
 * group without a name. */
enum { RULE_SOURCES_MAX = 256, RULE_QUESTIONS_MAX = 20000, RULE_GROUP_NAME_SIZE = 120 };

/* A set of hosts. One that a rule writes down for itself is called by its text: "{not: bastion}". */
struct rule_group {
    char *name;
    bool is_named;          /* by the policy's writer */
    bool is_security_group; /* made for "from: sg-0123" */
    struct selector selector;
    uint32_t line; /* in the source; 0: "any" */
    uint32_t column;
};

/* Anyone: whoever is not the host itself. */
enum rule_source_kind { RULE_SOURCE_CLASS, RULE_SOURCE_ANYONE, RULE_SOURCE_GROUP, RULE_SOURCE_PREFIX };

/* A prefix of length 0, or prefixes that add up to the world, are the class world. */
struct rule_source {
    enum rule_source_kind kind;
    enum vantage_class vantage_class;
    size_t group;
    struct prefix prefix;
    char *text; /* as written */
};

/* Text members are never NULL: "" where nothing was written. */
struct rule {
    char *id;
    size_t to; /* index of the group */
    struct portset ports;
    uint16_t port_first; /* of `ports`, which is never empty */
    uint16_t port_last;
    uint32_t port_count;
    char *proto;   /* "tcp", "udp" or "" for both */
    char *service; /* "" asks nothing */
    struct rule_source *sources;
    size_t source_count;          /* 0: from anywhere */
    struct condition *conditions; /* all must hold */
    size_t condition_count;
    char *why;
    char *fix;
    char *owner;
    char *controls; /* of lib/standard.h, with blanks between */
    bool has_severity;
    enum severity severity;
    int64_t until_ms; /* the first moment at which it no longer holds; 0: for ever */
    uint32_t line;    /* in the source */
    uint32_t column;
    uint64_t hash; /* of what verdicts take from it, and nothing else */
};

struct rule_list {
    struct rule *items;
    size_t count;
};

/* What the policy's writer expects of it. */
struct rule_test {
    size_t to;
    uint16_t port;
    const char *proto; /* lives for ever */
    struct rule_source *sources;
    size_t source_count;
    char *service; /* "" is not known */
    struct exposure_fact *facts;
    size_t fact_count;
    const char *expect; /* "finding", "allowed", "unproven"; lives for ever */
    uint32_t line;
    uint32_t column;
};

struct rule_index;

struct rule_set {
    struct rule_group *groups;
    size_t group_count;
    struct rule_list allow;
    struct rule_list forbid;
    struct rule_test *tests;
    size_t test_count;
    struct rule_index *index;
    bool asks_declared; /* some rule asks what a cloud declares */
    bool asks_outside;  /* some allow rule is from a group or a range: who looked from elsewhere matters */
    char *owner;        /* of findings whose rule names none */
};

void rule_set_done(struct rule_set *set);

/* The first moment after `now_ms` at which a rule ends; 0 when none does. */
int64_t rule_set_next_end(const struct rule_set *set, int64_t now_ms);

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
    RULE_UNKNOWN_FACT,
    RULE_UNKNOWN_SOURCE,
    RULE_UNVERIFIED_SOURCE, /* it is reached from inside of the sources; nobody has looked from outside */
};

/* "it is for other hosts", … */
const char *rule_answer_text(enum rule_answer answer);
bool rule_answer_is_unknown(enum rule_answer answer);
/* Whether it is not known that the rule means this port at all: it decides nothing, but is worth saying. */
bool rule_answer_is_aside(enum rule_answer answer);
/* Whether what is not known is only who else reaches it: "unverified" and not "unproven". */
bool rule_answer_is_unverified(enum rule_answer answer);

/* An exposure as rules see it. */
struct rule_view {
    const struct exposure *exposure;
    struct host_view host; /* the exposed one */
    /* From where it is reached: with VANTAGE_SELF and a listener past loopback the listener's own network. */
    enum vantage_class reach;
    const struct host_view *from; /* where the vantage stands; NULL: not known */
    const char *services[2];      /* what answers, or what the port is known as; NULL where unknown */
};

/* Whether the rule grants this. From the host itself nobody's reach can be seen, so that a rule that grants the port to
 * anyone counts. */
enum rule_answer rule_allows(const struct rule_set *set, const struct rule *rule, const struct rule_view *view);
/* Whether the rule forbids this: what the world reaches, every source reaches. */
enum rule_answer rule_forbids(const struct rule_set *set, const struct rule *rule, const struct rule_view *view);
/* Whether the rule means this port of this host and service, whoever reaches it: as the others, without the sources. */
enum rule_answer rule_means(const struct rule_set *set, const struct rule *rule, const struct rule_view *view);

#endif
