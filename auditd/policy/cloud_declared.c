#include "auditd/policy/cloud_declared.h"

#include "auditd/policy/compliance.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const double EVIDENCE_UNLOOKED = 0.7;
static const double EVIDENCE_NOT_FOUND = 0.4;
static const double WEIGHT_CONTRADICTION = 20;
/* Advice beside what the port itself weighs. */
static const double WEIGHT_TRAP = 2;
static const double WEIGHT_MANAGED = 2;
static const double WEIGHT_FLAW = 2;
/* As a service that is found to speak in clear. */
static const double WEIGHT_PLAIN = 10;
/* Fewer of the world's addresses than that are somebody's range: 2^-8 is more than any single owner's. */
static const double SHARE_OF_RANGES = 1.0 / 256;

/* ---- the join ---- */

static bool lets_in(enum reach_verdict verdict)
{
    return verdict == REACH_REACHABLE || verdict == REACH_CONDITIONAL;
}

enum declared_says cloud_declared_join(enum reach_verdict verdict, enum observed observed, bool looked,
                                       enum vantage_class vantage_class)
{
    bool from_world = looked && vantage_class == VANTAGE_WORLD;

    if (verdict == REACH_UNKNOWN) {
        return DECLARED_UNREAD;
    }
    if (lets_in(verdict)) {
        if (!looked) {
            return DECLARED_UNLOOKED;
        }
        if (observed == OBSERVED_FILTERED) {
            /* What keeps an insider out says nothing about the internet. */
            return from_world ? DECLARED_SILENT : DECLARED_UNLOOKED;
        }
        return observed == OBSERVED_OPEN ? DECLARED_EXPOSED : DECLARED_EMPTY_ROOM;
    }
    if (from_world && observed == OBSERVED_OPEN) {
        return DECLARED_CONTRADICTED;
    }
    return looked && verdict == REACH_BLOCKED_RETURN && observed != OBSERVED_CLOSED ? DECLARED_TRAP : DECLARED_NOTHING;
}

/* ---- findings ---- */

/* The widest that finds it open, and whether anybody of the world looked. */
static enum vantage_class widest_open(const struct exposure *exposure, bool *ret_world_looked)
{
    enum vantage_class widest = VANTAGE_SELF;

    *ret_world_looked = exposure->sight_count == 0 && exposure->vantage_class == VANTAGE_WORLD;
    if (exposure->sight_count == 0) {
        return exposure->vantage_class;
    }
    for (size_t i = 0; i < exposure->sight_count; i++) {
        const struct exposure_sight *sight = &exposure->sights[i];
        *ret_world_looked = *ret_world_looked || sight->vantage_class == VANTAGE_WORLD;
        widest = sight->open && sight->vantage_class > widest ? sight->vantage_class : widest;
    }
    return widest;
}

static void verdict_begin(const struct verdict *like, const char *kind, struct verdict *verdict)
{
    *verdict = *like;
    verdict->verdict = VERDICT_FINDING;
    verdict->evidence = 1;
    verdict->need = 1;
    snprintf(verdict->kind, sizeof(verdict->kind), "%s", kind);
    snprintf(verdict->rule_id, sizeof(verdict->rule_id), CLOUD_DECLARED_RULE "%s", kind);
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "seen");
    snprintf(verdict->need_kind, sizeof(verdict->need_kind), "forbidden");
}

static void verdict_weigh(const struct addr *address, struct verdict *verdict)
{
    verdict->penalty = verdict->service_weight * verdict->breadth * verdict->evidence * verdict->need;
    verdict->severity = judge_severity(verdict->penalty);
    compliance_note(verdict, "", address);
}

static void verdict_end(const struct exposure *exposure, struct verdict *verdict)
{
    verdict_weigh(exposure->address_count > 0 ? &exposure->addresses[0] : NULL, verdict);
}

static void set_breadth(const struct cloud_declared *declared, struct verdict *verdict)
{
    enum vantage_class reach = declared->share < SHARE_OF_RANGES ? VANTAGE_PUBLIC_RANGE : VANTAGE_WORLD;

    verdict->breadth = vantage_class_weight(reach);
    snprintf(verdict->breadth_class, sizeof(verdict->breadth_class), "%s", vantage_class_name(reach));
}

static void judge_exposed(const struct exposure *exposure, const struct cloud_declared *declared, bool world_looked,
                          struct verdict *verdict)
{
    const struct verdict *world = &declared->world;
    const char *who = declared->share < SHARE_OF_RANGES ? "ranges of the internet" : "the internet";

    verdict_begin(world, "declared-exposure", verdict);
    verdict->need = world->need;
    snprintf(verdict->need_kind, sizeof(verdict->need_kind), "%s", world->need_kind);
    set_breadth(declared, verdict);
    verdict->evidence = world_looked ? EVIDENCE_NOT_FOUND : EVIDENCE_UNLOOKED;
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "%s",
             world_looked ? "declared, not found open" : "declared, not looked");
    snprintf(verdict->title, sizeof(verdict->title), "%s is open, and the cloud's rules let %s reach it",
             world->subject, who);
    snprintf(verdict->why, sizeof(verdict->why), "%s%s%.100s: %.200s. It is open inside; %s", declared->way,
             declared->way[0] == '\0' ? "" : ", ", declared->record, declared->words,
             world_looked ? "who looked from the internet did not find it open."
                          : "nobody has looked from the internet yet.");
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Narrow the rule to the sources that need it; or say by an allow rule who does, from where and why.");
    verdict_end(exposure, verdict);
}

static void judge_contradicted(const struct exposure *exposure, const struct cloud_declared *declared,
                               const struct verdict *seen, struct verdict *verdict)
{
    verdict_begin(seen, "undeclared-exposure", verdict);
    verdict->service_weight = seen->service_weight > WEIGHT_CONTRADICTION ? seen->service_weight : WEIGHT_CONTRADICTION;
    snprintf(verdict->title, sizeof(verdict->title), "%s answers the internet, and no rule of the cloud lets it",
             seen->subject);
    snprintf(verdict->why, sizeof(verdict->why),
             "By what is declared it is blocked (%.100s: %.200s), and it was seen open from the world: there is a path "
             "that nobody declared, or the model or the scan is wrong.",
             declared->record, declared->words);
    snprintf(
        verdict->fix, sizeof(verdict->fix),
        "Find the path: what forwards to this host, a tunnel, a proxy, an address that another host has now. Import "
        "the account anew, look again, and close the path or declare it.");
    verdict_end(exposure, verdict);
}

static void judge_bypass(const struct exposure *exposure, const struct cloud_declared *declared,
                         struct verdict *verdict)
{
    verdict_begin(&declared->world, "balancer-bypass", verdict);
    set_breadth(declared, verdict);
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "declared, not looked");
    verdict->evidence = EVIDENCE_UNLOOKED;
    snprintf(verdict->title, sizeof(verdict->title), "%s is reachable around its load balancer",
             declared->world.subject);
    snprintf(
        verdict->why, sizeof(verdict->why),
        "The internet gets there by %.120s and past it (%.100s: %.140s): what the balancer adds, its TLS, its filters, "
        "its log, is not there for who asks the target itself.",
        declared->way, declared->record, declared->words);
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Let only the balancer's group reach the target, and take its public address away.");
    verdict_end(exposure, verdict);
}

size_t cloud_declared_judge(const struct exposure *exposure, const struct verdict *exposure_verdict,
                            struct verdict ret_verdicts[DECLARED_KINDS])
{
    const struct cloud_declared *declared = exposure->cloud;
    bool sees_world = false;
    enum vantage_class widest = widest_open(exposure, &sees_world);
    bool world_looked = declared->verdict == REACH_REACHABLE && (sees_world || declared->world_looked);
    bool matters = declared->world.verdict == VERDICT_FINDING;
    size_t count = 0;

    switch (cloud_declared_join(declared->verdict, OBSERVED_OPEN, true, widest)) {
    case DECLARED_EXPOSED:
        /* Where the world sees it, the exposure itself says so. */
        if (matters && widest != VANTAGE_WORLD) {
            judge_exposed(exposure, declared, world_looked, &ret_verdicts[count++]);
        }
        break;
    case DECLARED_CONTRADICTED:
        judge_contradicted(exposure, declared, exposure_verdict, &ret_verdicts[count++]);
        break;
    case DECLARED_TRAP:
    case DECLARED_MANAGED:
    case DECLARED_PLAIN:
    case DECLARED_NOTHING:
    case DECLARED_EMPTY_ROOM:
    case DECLARED_SILENT:
    case DECLARED_UNLOOKED:
    case DECLARED_UNREAD:
        break;
    }
    if (declared->is_bypass && matters) {
        judge_bypass(exposure, declared, &ret_verdicts[count++]);
    }
    return count;
}

/* ---- what no scan sees ---- */

enum { RULE_TEXT_SIZE = 360 };

/* "sg-1: in: allows tcp 22 from 0.0.0.0/0", by whatever balancer it is, which is named once. */
static void by_which_rule(const struct cloud_declared *declared, char *text, size_t size)
{
    if (declared->way[0] != '\0' && strstr(declared->way, declared->record) != NULL) {
        snprintf(text, size, "%.120s: %.140s", declared->way, declared->words);
        return;
    }
    snprintf(text, size, "%.120s%s%.90s: %.140s", declared->way, declared->way[0] == '\0' ? "" : ", ", declared->record,
             declared->words);
}

static const char *who_gets_in(const struct cloud_declared *declared)
{
    return declared->share < SHARE_OF_RANGES ? "ranges of the internet" : "the internet";
}

static void claim_empty_room(const struct cloud_declared *declared, const struct declared_ports *ports,
                             struct verdict *verdict)
{
    char rule[RULE_TEXT_SIZE];

    by_which_rule(declared, rule, sizeof(rule));
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "declared, seen closed");
    snprintf(verdict->title, sizeof(verdict->title), "%.120s: the cloud's rules let %s in, and nothing listens",
             ports->subject, who_gets_in(declared));
    snprintf(verdict->why, sizeof(verdict->why),
             "%s. The host refused when it was asked: an open door to an empty room. Whatever is started there next is "
             "open to the internet at once.",
             rule);
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Take the rule away, or narrow it to the ports that are served and the sources that need them.");
}

/* A host that answers elsewhere has a firewall of its own, more likely than not; of one that never answered nobody
 * knows what stands before it. */
static void claim_silent(const struct cloud_declared *declared, const struct declared_ports *ports,
                         struct verdict *verdict)
{
    char rule[RULE_TEXT_SIZE];

    by_which_rule(declared, rule, sizeof(rule));
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "declared, not found open");
    snprintf(verdict->title, sizeof(verdict->title), "%.120s: the cloud's rules let %s in, and no answer comes out",
             ports->subject, who_gets_in(declared));
    snprintf(verdict->why, sizeof(verdict->why), "%s. Who asked from the internet heard nothing: %s.", rule,
             ports->is_running ? "more likely a firewall of the host's own, for the host is up; less likely something "
                                 "on the way that the model does not know"
                               : "something on the way that the model does not know, or the host is down, or its own "
                                 "firewall drops it");
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Do not lean on what is not declared: narrow the cloud's rule to what is meant, so that both say the "
             "same.");
}

static void claim_unlooked(const struct cloud_declared *declared, const struct declared_ports *ports,
                           struct verdict *verdict)
{
    char rule[RULE_TEXT_SIZE];

    by_which_rule(declared, rule, sizeof(rule));
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "declared, not looked");
    snprintf(verdict->title, sizeof(verdict->title), "%.120s: the cloud's rules let %s reach %s", ports->subject,
             who_gets_in(declared), ports->is_plural ? "them" : "it");
    snprintf(verdict->why, sizeof(verdict->why), "%s. No scan has found out yet what answers there.", rule);
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Narrow the rule to the sources that need it, or say by an allow rule who does, from where and why; and "
             "scan the host to know what answers.");
}

static void claim_trap(const struct cloud_declared *declared, const struct declared_ports *ports,
                       struct verdict *verdict)
{
    verdict->service_weight = WEIGHT_TRAP;
    verdict->need = 1;
    snprintf(verdict->need_kind, sizeof(verdict->need_kind), "forbidden");
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "declared, no answer seen");
    snprintf(verdict->title, sizeof(verdict->title),
             "%.120s: no answer gets out to the internet, the network ACL stops it", ports->subject);
    snprintf(verdict->why, sizeof(verdict->why),
             "Its groups let the internet in, and %.100s lets no answer leave (%.160s): what somebody believes to be "
             "served is not, and a change of the ACL would open it at once.",
             declared->record, declared->words);
    snprintf(verdict->fix, sizeof(verdict->fix),
             "If it is meant to be reached, let the ACL pass answers to client ports 1024-65535; if not, take the rule "
             "from the group.");
}

static void claim_managed(const struct cloud_declared *declared, const struct declared_ports *ports,
                          struct verdict *verdict)
{
    char rule[RULE_TEXT_SIZE];

    by_which_rule(declared, rule, sizeof(rule));
    verdict->service_weight = WEIGHT_MANAGED;
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "declared");
    snprintf(verdict->title, sizeof(verdict->title),
             "%.120s: the cloud's rules let %s in, and Session Manager serves the host without it", ports->subject,
             who_gets_in(declared));
    snprintf(verdict->why, sizeof(verdict->why),
             "%s. The instance's agent is online: who administers it can log in with no port open at all.", rule);
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Take the rule away and log in by Session Manager, which asks IAM and keeps a record.");
}

static void claim_plain(const struct cloud_declared *declared, const struct declared_ports *ports,
                        struct verdict *verdict)
{
    verdict->service_weight = WEIGHT_PLAIN;
    verdict->need = 1;
    snprintf(verdict->need_kind, sizeof(verdict->need_kind), "forbidden");
    snprintf(verdict->evidence_kind, sizeof(verdict->evidence_kind), "declared");
    snprintf(verdict->title, sizeof(verdict->title),
             "%.120s: the load balancer serves %s without encryption and does not redirect", ports->subject,
             who_gets_in(declared));
    snprintf(verdict->why, sizeof(verdict->why),
             "Its listener's actions do not all lead to HTTPS: what is sent there, passwords and cookies among it, can "
             "be read and changed on the way.");
    snprintf(verdict->fix, sizeof(verdict->fix),
             "Let each of the listener's actions redirect to HTTPS (HTTP_301), or take the listener away.");
}

void cloud_declared_claim(enum declared_says says, const struct cloud_declared *declared,
                          const struct declared_ports *ports, struct verdict *ret_verdict)
{
    static const struct {
        const char *kind;
        double evidence;
        void (*tell)(const struct cloud_declared *declared, const struct declared_ports *ports,
                     struct verdict *verdict);
    } claims[] = {
        [DECLARED_EMPTY_ROOM] = {"empty-room", EVIDENCE_NOT_FOUND, claim_empty_room},
        [DECLARED_SILENT] = {"declared-silent", EVIDENCE_NOT_FOUND, claim_silent},
        [DECLARED_UNLOOKED] = {"declared-unlooked", EVIDENCE_UNLOOKED, claim_unlooked},
        [DECLARED_TRAP] = {"acl-trap", 1, claim_trap},
        [DECLARED_MANAGED] = {"managed-login", 1, claim_managed},
        [DECLARED_PLAIN] = {"plain-listener", 1, claim_plain},
    };

    assert((size_t)says < sizeof(claims) / sizeof(*claims) && claims[says].kind != NULL);
    verdict_begin(&declared->world, claims[says].kind, ret_verdict);
    ret_verdict->need = declared->world.need;
    snprintf(ret_verdict->need_kind, sizeof(ret_verdict->need_kind), "%s", declared->world.need_kind);
    ret_verdict->evidence = claims[says].evidence;
    set_breadth(declared, ret_verdict);
    claims[says].tell(declared, ports, ret_verdict);
    verdict_weigh(ports->address, ret_verdict);
}

void cloud_declared_wide(const struct verdict *like, const char *group, const char *source, const struct addr *address,
                         struct verdict *ret_verdict)
{
    verdict_begin(like, "wide-database", ret_verdict);
    ret_verdict->need = like->need;
    snprintf(ret_verdict->need_kind, sizeof(ret_verdict->need_kind), "%s", like->need_kind);
    ret_verdict->evidence = EVIDENCE_UNLOOKED;
    snprintf(ret_verdict->evidence_kind, sizeof(ret_verdict->evidence_kind), "declared, not looked");
    snprintf(ret_verdict->title, sizeof(ret_verdict->title),
             "%s: more than its applications' groups may reach the database", like->subject);
    snprintf(
        ret_verdict->why, sizeof(ret_verdict->why),
        "%.120s lets %.120s in. A group names the applications that a database is for; this names whoever is there, "
        "today or next.",
        group, source);
    snprintf(ret_verdict->fix, sizeof(ret_verdict->fix),
             "Name the applications' own security groups as the only sources of the rule.");
    verdict_weigh(address, ret_verdict);
}

/* ---- the rules themselves ---- */

void cloud_declared_flaws(const struct declared_flaws *flaws, struct verdict *ret_verdict)
{
    static const struct {
        const char *one, *many;
        const char *why;
        const char *fix;
    } texts[] = {
        [REACH_SHADOWED_RULE] =
            {"a rule of a network ACL is never asked", "rules of network ACLs are never asked",
             "Earlier rules decide all that it is about: it looks as if it did something, and does not.",
             "Take the rule away; where it should decide, give it a number before those that do."},
        [REACH_DEAD_REFERENCE] =
            {"a rule or route leads to what is gone", "rules and routes lead to what is gone",
             "A group or peering that they name is not there any more; nobody knows whom they were meant for, and "
             "a route may lead elsewhere as soon as what it names returns.",
             "Take the rules and routes away, or name what stands there now."},
        [REACH_UNUSED_GROUP] =
            {"a security group is held by nothing", "security groups are held by nothing",
             "Its rules wait for whatever is started with it next, and nobody looks at them until then.",
             "Delete the group, after a look at the launch templates and functions that name it."},
    };
    const bool is_one = flaws->count == 1;

    verdict_begin(&(struct verdict){.verdict = VERDICT_FINDING}, reach_flaw_name(flaws->kind), ret_verdict);
    ret_verdict->service_weight = WEIGHT_FLAW;
    ret_verdict->breadth = vantage_class_weight(VANTAGE_OWN_VPC);
    snprintf(ret_verdict->breadth_class, sizeof(ret_verdict->breadth_class), "%s", vantage_class_name(VANTAGE_OWN_VPC));
    snprintf(ret_verdict->service, sizeof(ret_verdict->service), "rules");
    snprintf(ret_verdict->evidence_kind, sizeof(ret_verdict->evidence_kind), "declared");
    snprintf(ret_verdict->subject, sizeof(ret_verdict->subject), "%.120s", flaws->network);
    if (is_one) {
        snprintf(ret_verdict->title, sizeof(ret_verdict->title), "%.120s: %s", flaws->network, texts[flaws->kind].one);
    } else {
        snprintf(ret_verdict->title, sizeof(ret_verdict->title), "%.120s: %zu %s", flaws->network, flaws->count,
                 texts[flaws->kind].many);
    }
    snprintf(ret_verdict->why, sizeof(ret_verdict->why), "%s %s", texts[flaws->kind].why, flaws->words);
    snprintf(ret_verdict->fix, sizeof(ret_verdict->fix), "%s", texts[flaws->kind].fix);
    verdict_weigh(NULL, ret_verdict);
}
