#include "auditd/policy/judge.h"

#include "auditd/policy/decision.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    double weight;
    const char *open_to;
} CLASSES[] = {
    [VANTAGE_SELF] = {"self", 0, "the host itself"},
    [VANTAGE_OWN_VPC] = {"own-vpc", 0.15, "its own network"},
    [VANTAGE_VPN] = {"vpn", 0.4, "the VPN"},
    [VANTAGE_PEER] = {"peer", 0.4, "a peered network"},
    [VANTAGE_PUBLIC_RANGE] = {"public-range", 0.6, "a public range"},
    [VANTAGE_WORLD] = {"world", 1, "the world"},
};

static const char *const SEVERITIES[] = {
    [SEVERITY_LOW] = "low",
    [SEVERITY_MEDIUM] = "medium",
    [SEVERITY_HIGH] = "high",
    [SEVERITY_CRITICAL] = "critical",
};

const char *vantage_class_name(enum vantage_class vantage_class)
{
    return CLASSES[vantage_class].name;
}

double vantage_class_weight(enum vantage_class vantage_class)
{
    return CLASSES[vantage_class].weight;
}

int vantage_class_parse(const char *name, enum vantage_class *ret_class)
{
    for (size_t i = 0; i < sizeof(CLASSES) / sizeof(*CLASSES); i++) {
        if (strcmp(CLASSES[i].name, name) == 0) {
            *ret_class = (enum vantage_class)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *vantage_class_open_to(enum vantage_class vantage_class)
{
    return CLASSES[vantage_class].open_to;
}

const char *severity_name(enum severity severity)
{
    return SEVERITIES[severity];
}

int severity_parse(const char *name, enum severity *ret_severity)
{
    for (size_t i = SEVERITY_LOW; i <= SEVERITY_CRITICAL; i++) {
        if (strcmp(SEVERITIES[i], name) == 0) {
            *ret_severity = (enum severity)i;
            return 0;
        }
    }
    return -EINVAL;
}

enum severity judge_severity(double penalty)
{
    if (penalty >= 30) {
        return SEVERITY_CRITICAL;
    }
    if (penalty >= 15) {
        return SEVERITY_HIGH;
    }
    return penalty >= 5 ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

enum verdict_kind verdict_kind_of(const char *need_kind)
{
    static const struct {
        const char *need_kind;
        enum verdict_kind kind;
    } kinds[] = {{"allowed", VERDICT_ALLOWED}, {"unverified", VERDICT_UNVERIFIED}, {"unproven", VERDICT_UNPROVEN}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i].need_kind, need_kind) == 0) {
            return kinds[i].kind;
        }
    }
    return VERDICT_FINDING;
}

void judge_exposure(const struct policy *policy, const struct exposure *exposure, struct verdict *ret_verdict)
{
    struct decision decision;

    decision_make(policy, exposure, &decision);
    decision_write(&decision, ret_verdict);
}
