/* Judges one open endpoint under a policy. Pure: facts in, verdict out; knows neither store nor history. */
#ifndef LEASTPORT_AUDITD_POLICY_JUDGE_H
#define LEASTPORT_AUDITD_POLICY_JUDGE_H

#include "auditd/policy/host.h"
#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cloud_declared;
struct front;
struct policy;

/* Where a vantage stands towards a target, narrowest first; the weight is vantage_class_weight(). */
enum vantage_class {
    VANTAGE_SELF,
    VANTAGE_OWN_VPC,
    VANTAGE_VPN,
    VANTAGE_PEER,
    VANTAGE_PUBLIC_RANGE,
    VANTAGE_WORLD,
};

/* "self", "own-vpc", … as the schema has them. */
const char *vantage_class_name(enum vantage_class vantage_class);
MUST_USE int vantage_class_parse(const char *name, enum vantage_class *ret_class);
/* How a sentence calls who reaches that far: "its own network", "the world". */
const char *vantage_class_open_to(enum vantage_class vantage_class);
/* 0, 0.15, 0.4, 0.4, 0.6, 1 (design: breadth). */
double vantage_class_weight(enum vantage_class vantage_class);

enum severity { SEVERITY_LOW = 1, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

const char *severity_name(enum severity severity);
MUST_USE int severity_parse(const char *name, enum severity *ret_severity);

/* A fact about what answers, by lib/fact.h's name, as the store's text of it. */
struct exposure_fact {
    const char *name;
    const char *value;
};

/* By the penalty: critical from 30, high from 15, medium from 5. */
enum severity judge_severity(double penalty);

/* One vantage that looked at the port. */
struct exposure_sight {
    enum vantage_class vantage_class;
    const char *vantage;
    bool open; /* else it looked, and did not find it open */
    const struct addr *bound;
    const struct host_view *host; /* where it stands; NULL: not known */
};

/* One port of one asset that was seen open. Text is borrowed for the call. */
struct exposure {
    const char *realm;
    const char *const *names;
    size_t name_count;
    const struct addr *addresses;
    size_t address_count;
    const struct host_tag *tags;
    size_t tag_count;
    uint8_t *memo; /* of the asset, as struct host_view has it; may be NULL */
    const char *proto;
    uint16_t port;
    /* Who looked. Each that sees it open is judged, and the worst verdict stands. With none, the next four are the one
     * that sees it open. */
    const struct exposure_sight *sights;
    size_t sight_count;
    enum vantage_class vantage_class;
    const char *vantage;
    const struct host_view *from; /* where the vantage stands; NULL: not known */
    /* With VANTAGE_SELF: what the listener is bound to, or NULL when that is not known (counts as wildcard). */
    const struct addr *bound;
    int64_t now_ms;
    /* Somebody has asked what answers there; what came out. Not asked: the port's number has to do. */
    bool asked;
    const struct exposure_fact *facts;
    size_t fact_count;
    /* What a cloud's rules let the internet do there: "reachable", … "blocked"; NULL where none is known. Lives for
     * ever. */
    const char *declared;
    /* What serves the same page and stands before it; NULL where nothing is known to. */
    const struct front *front;
    /* What a cloud's rules say of it; NULL where none that is known has the host. */
    const struct cloud_declared *cloud;
};

enum verdict_kind {
    /* A rule of the policy allows it, or it can be reached from nowhere but its own host. */
    VERDICT_ALLOWED,
    VERDICT_FINDING,
    /* A rule allows it from some group or range, and it is reached from there, or from nobody knows where; no vantage
     * outside has looked. Listed, no alert. */
    VERDICT_UNVERIFIED,
    /* A rule allows it on a condition that is not known to hold. Listed, no alert. */
    VERDICT_UNPROVEN,
};

enum { VERDICT_TEXT_SIZE = 512, VERDICT_NAME_SIZE = 64, VERDICT_CONTROLS_SIZE = 256 };

/* The kind of a finding that says no more than that the port is open; checks have names of their own. */
#define VERDICT_KIND_EXPOSURE "exposure"

/* Every term of penalty = service x breadth x evidence x need is kept, so that it can be explained. */
struct verdict {
    enum verdict_kind verdict;
    enum severity severity;
    double service_weight;
    double breadth;
    double evidence;
    double need;
    double penalty;
    char kind[VERDICT_NAME_SIZE];          /* VERDICT_KIND_EXPOSURE, or the name of a check */
    char service[VERDICT_NAME_SIZE];       /* what answers, or what the port is known as: "redis" */
    char rule_id[VERDICT_NAME_SIZE];       /* "baseline/redis", "user/ssh", "default" */
    char breadth_class[VERDICT_NAME_SIZE]; /* vantage class, "loopback", "wildcard" */
    char evidence_kind[VERDICT_NAME_SIZE]; /* "port only" where what answers would decide, else "seen" */
    char need_kind[VERDICT_NAME_SIZE];     /* "allowed", "unknown", "forbidden", "unverified", "unproven" */
    char owner[VERDICT_NAME_SIZE];
    char subject[2 * VERDICT_NAME_SIZE]; /* how titles begin: "Redis on 6379/tcp", "Port 4000/tcp" */
    char title[VERDICT_TEXT_SIZE];
    char why[VERDICT_TEXT_SIZE];
    char fix[VERDICT_TEXT_SIZE];
    char controls[VERDICT_CONTROLS_SIZE]; /* of lib/standard.h, with blanks between */
};

/* By its need_kind: VERDICT_FINDING for all that is neither "unverified", "unproven" nor "allowed". */
enum verdict_kind verdict_kind_of(const char *need_kind);

/* Precedence: the user's forbid, the user's allow, the baseline's forbid, the default (nothing allows it: a finding);
 * the baseline's hard rules come first of all. */
/* Of all that stands in it, never 0: two verdicts with the same are the same. */
int64_t verdict_hash(const struct verdict *verdict);

/* A port that nobody is known to reach from outside is judged for whoever might. */
void judge_exposure(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict);

#endif
