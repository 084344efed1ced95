#include "auditd/policy/policy.h"

#include "auditd/policy/decision.h"
#include "auditd/report/typeset.h"
#include "lib/clock.h"

#include <errno.h>
#include <string.h>

/* What stands in a policy, or was given on a command line, as a terminal may be shown it. One a place, for printf(). */
struct shown {
    char text[2048];
};

static const char *shown(const char *text, struct shown *place)
{
    typeset_escape(text, place->text, sizeof(place->text));
    return place->text;
}

static void explain_rules(const struct rule_set *set, bool forbid, const struct rule_view *view, FILE *out)
{
    const struct rule_list *list = forbid ? &set->forbid : &set->allow;
    const char *word = forbid ? "forbid   " : "allow    ";
    struct shown id;
    struct shown known;
    char facts[FACT_TEXT_SIZE];

    if (list->count == 0) {
        fprintf(out, "  %s  the policy has no such rule\n", word);
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct rule *rule = &list->items[i];
        enum rule_answer answer = forbid ? rule_forbids(set, rule, view) : rule_allows(set, rule, view);
        fact_text_of_rule(rule, answer, view->exposure, true, facts);
        fprintf(out, "  %s  user/%s (line %u): %s%s%s\n", word, shown(rule->id, &id), rule->line,
                rule_answer_text(answer), facts[0] != '\0' ? ": " : "", shown(facts, &known));
    }
}

static void explain_row(const struct baseline_row *row, const struct rule_view *view, bool hard, FILE *out)
{
    const char *word = hard ? "hard     " : "baseline ";
    bool forbidden = row != NULL && (row->forbidden_from & 1U << view->reach) != 0;

    if (row == NULL || row->hard != hard) {
        fprintf(out, "  %s  no %srule for this port\n", word, hard ? "hard " : "");
    } else {
        fprintf(out, "  %s  baseline/%s: %s: %s\n", word, row->id, row->to_whom,
                forbidden ? "it applies" : "it does not forbid this source");
    }
}

static void explain_verdict(const struct verdict *verdict, FILE *out)
{
    static const char *const kinds[] = {
        [VERDICT_ALLOWED] = "allowed",
        [VERDICT_FINDING] = "a finding",
        [VERDICT_UNVERIFIED] = "unverified (listed, no alert)",
        [VERDICT_UNPROVEN] = "unproven (listed, no alert)",
    };
    struct shown text;

    fprintf(out, "decided by %s: %s\n", shown(verdict->rule_id, &text), kinds[verdict->verdict]);
    fprintf(out, "  %s\n", shown(verdict->title, &text));
    fprintf(out, "  why: %s\n", shown(verdict->why, &text));
    if (verdict->verdict == VERDICT_ALLOWED) {
        return;
    }
    fprintf(out, "  fix: %s\n", shown(verdict->fix, &text));
    fprintf(out, "  severity %s; penalty %.2f = service %g (%s) x breadth %g (%s) x evidence %g (%s) x need %g (%s)\n",
            severity_name(verdict->severity), verdict->penalty, verdict->service_weight, verdict->service,
            verdict->breadth, verdict->breadth_class, verdict->evidence, verdict->evidence_kind, verdict->need,
            verdict->need_kind);
}

/* What comes before all rules but the hard ones. */
static void explain_ways(const struct exposure *exposure, FILE *out)
{
    if (exposure->vantage_class == VANTAGE_SELF) {
        fprintf(out, "  loopback   %s\n",
                exposure_is_loopback(exposure) ? "it listens on loopback alone: nobody else reaches it"
                                               : "it does not listen on loopback alone");
    }
    if (exposure->asked) {
        bool door = decision_fact_is(exposure, "auth", "none") && decision_fact(exposure, "door") != NULL;
        fprintf(out, "  open door  %s\n",
                door ? "it answers strangers: no rule can allow that" : "it is not known to answer strangers");
    }
}

static void explain_sight(const struct policy *policy, const struct exposure *exposure, FILE *out)
{
    const struct rule_set *set = policy_rules(policy);
    const struct baseline_row *row = decision_row(policy, exposure);
    struct rule_view view;
    struct shown texts[3];

    decision_view(policy, exposure, &view);
    fprintf(out, "%u/%s seen open from %s (%s) in the realm %s, under %s\n", exposure->port, exposure->proto,
            shown(exposure->vantage, &texts[0]), vantage_class_name(exposure->vantage_class),
            shown(exposure->realm, &texts[1]), shown(policy_name(policy), &texts[2]));
    fprintf(out, "looked at, in this order:\n");
    explain_row(row, &view, true, out);
    explain_ways(exposure, out);
    explain_rules(set, true, &view, out);
    explain_rules(set, false, &view, out);
    explain_row(row, &view, false, out);
    fprintf(out, "  default    what nothing allows is a finding\n");
}

/* Tags by which selectors know the host, and facts by which conditions know what answers. */
static void explain_known(const struct exposure *exposure, FILE *out)
{
    struct shown texts[2];

    for (size_t i = 0; i < exposure->tag_count; i++) {
        fprintf(out, "%s%s=%s%s", i == 0 ? "tags: " : ", ", shown(exposure->tags[i].key, &texts[0]),
                shown(exposure->tags[i].value, &texts[1]), i + 1 == exposure->tag_count ? "\n" : "");
    }
    for (size_t i = 0; i < exposure->fact_count; i++) {
        fprintf(out, "%s%s=%s%s", i == 0 ? "what answers: " : ", ", shown(exposure->facts[i].name, &texts[0]),
                shown(exposure->facts[i].value, &texts[1]), i + 1 == exposure->fact_count ? "\n" : "");
    }
}

void policy_explain(const struct policy *policy, const struct exposure *exposure, FILE *out)
{
    struct verdict verdict;
    struct shown vantage;

    explain_known(exposure, out);
    if (exposure->sight_count == 0) {
        explain_sight(policy, exposure, out);
    }
    for (size_t i = 0; i < exposure->sight_count; i++) {
        const struct exposure_sight *sight = &exposure->sights[i];
        if (sight->open) {
            struct exposure seen = exposure_seen_by(exposure, sight);
            explain_sight(policy, &seen, out);
        } else {
            fprintf(out, "not open to %s (%s), which has looked\n", shown(sight->vantage, &vantage),
                    vantage_class_name(sight->vantage_class));
        }
    }
    judge_exposure(policy, exposure, &verdict);
    explain_verdict(&verdict, out);
}
