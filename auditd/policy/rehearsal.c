#include "auditd/policy/rehearsal.h"

#include "auditd/policy/rule.h"
#include "auditd/report/typeset.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_SIZE = 2048, FACTS_MOST = 32 };

/* Nobody is the same in all scenes. */
enum { MEMO_TARGET, MEMO_SOURCE, MEMO_NOBODY, MEMOS };

/* One source of one case. */
struct scene {
    const struct rule_set *set;
    const struct rule_test *test;
    const struct rule_source *source;
    struct selector_sample target;
    struct selector_sample from;
    struct exposure_fact facts[FACTS_MOST];
    /* What is known of which groups they are in: the host asked about, who asks, who is in none. NULL: not kept. */
    uint8_t *memos[MEMOS];
    char problem[256]; /* "" when it can be played */
};

static void place_host(const struct host_view *host, struct exposure *exposure)
{
    exposure->realm = host->realm;
    exposure->names = host->names;
    exposure->name_count = host->name_count;
    exposure->addresses = host->addresses;
    exposure->address_count = host->address_count;
    exposure->tags = host->tags;
    exposure->tag_count = host->tag_count;
}

/* From where the case's source sees it: a class is somebody of it who is in no group. False when no host of the group
 * can be made up. */
static bool place_source(struct scene *scene, const struct host_view *nobody, struct exposure_sight *sight)
{
    const struct rule_source *source = scene->source;

    sight->open = true;
    sight->host = nobody;
    sight->vantage = source->text;
    switch (source->kind) {
    case RULE_SOURCE_CLASS:
        sight->vantage_class = source->vantage_class;
        return true;
    case RULE_SOURCE_ANYONE:
        sight->vantage_class = VANTAGE_WORLD;
        return true;
    case RULE_SOURCE_PREFIX:
        memset(&scene->from, 0, sizeof(scene->from));
        scene->from.address = source->prefix.addr;
        scene->from.host = (struct host_view){
            .addresses = &scene->from.address, .address_count = 1, .tags = &selector_no_security_group, .tag_count = 1};
        break;
    case RULE_SOURCE_GROUP:
        if (!group_sample(scene->set->groups, source->group, scene->memos[MEMO_SOURCE], &scene->from)) {
            snprintf(scene->problem, sizeof(scene->problem), "no host of the group \"%.100s\" can be made up",
                     source->text);
            return false;
        }
        break;
    }
    sight->vantage_class = VANTAGE_OWN_VPC;
    sight->host = &scene->from.host;
    return true;
}

static size_t place_facts(struct scene *scene)
{
    const struct rule_test *test = scene->test;
    size_t count = 0;

    for (; count < test->fact_count && count < FACTS_MOST - 1; count++) {
        scene->facts[count] = test->facts[count];
    }
    if (test->service[0] != '\0') {
        scene->facts[count++] = (struct exposure_fact){"service", test->service};
    }
    return count;
}

static void judge_scene(struct scene *scene, const struct policy *policy, int64_t now_ms, struct verdict *ret_verdict)
{
    /* Someone who is in no group looks from elsewhere and finds it closed: who reaches it is all of them. */
    struct addr elsewhere = {.bytes = {192, 0, 2, 254}};
    const struct host_view nobody = {.realm = "",
                                     .addresses = &elsewhere,
                                     .address_count = 1,
                                     .tags = &selector_no_security_group,
                                     .tag_count = 1,
                                     .memo = scene->memos[MEMO_NOBODY]};
    struct exposure_sight sights[] = {{0}, {.vantage_class = VANTAGE_OWN_VPC, .vantage = "elsewhere", .host = &nobody}};
    struct exposure exposure = {
        .proto = scene->test->proto,
        .port = scene->test->port,
        .sights = sights,
        .sight_count = 2,
        .now_ms = now_ms,
        .facts = scene->facts,
        .memo = scene->memos[MEMO_TARGET],
    };

    if (!group_sample(scene->set->groups, scene->test->to, scene->memos[MEMO_TARGET], &scene->target)) {
        snprintf(scene->problem, sizeof(scene->problem), "no host of the group %.100s can be made up",
                 scene->set->groups[scene->test->to].name);
        return;
    }
    if (!place_source(scene, &nobody, &sights[0])) {
        return;
    }
    exposure.fact_count = place_facts(scene);
    exposure.asked = exposure.fact_count > 0;
    place_host(&scene->target.host, &exposure);
    exposure.vantage_class = sights[0].vantage_class;
    exposure.vantage = sights[0].vantage;
    judge_exposure(policy, &exposure, ret_verdict);
}

static const char *word_of(enum verdict_kind verdict)
{
    static const char *const words[] = {
        [VERDICT_ALLOWED] = "allowed",
        [VERDICT_FINDING] = "finding",
        /* Whether somebody has looked from elsewhere is not what a test asks. */
        [VERDICT_UNVERIFIED] = "allowed",
        [VERDICT_UNPROVEN] = "unproven",
    };

    return words[verdict];
}

static bool play(struct scene *scene, const struct policy *policy, const char *path, int64_t now_ms, FILE *out)
{
    const struct rule_test *test = scene->test;
    struct verdict verdict = {0};
    char shown[2][SHOWN_SIZE];

    scene->problem[0] = '\0';
    for (size_t i = 0; i < MEMO_NOBODY && scene->memos[i] != NULL; i++) {
        memset(scene->memos[i], HOST_MEMO_UNKNOWN, scene->set->group_count);
    }
    judge_scene(scene, policy, now_ms, &verdict);
    if (scene->problem[0] == '\0' && strcmp(word_of(verdict.verdict), test->expect) == 0) {
        return true;
    }
    fprintf(out, "%s:%u:%u: ", path, test->line, test->column);
    if (scene->problem[0] != '\0') {
        typeset_escape(scene->problem, shown[0], SHOWN_SIZE);
        fprintf(out, "cannot be tried: %s\n", shown[0]);
        return false;
    }
    typeset_escape(scene->source->text, shown[0], SHOWN_SIZE);
    typeset_escape(verdict.rule_id, shown[1], SHOWN_SIZE);
    fprintf(out, "%u/%s from %s is %s, by %s; expected: %s\n", test->port, test->proto, shown[0],
            verdict.verdict == VERDICT_FINDING ? "a finding" : word_of(verdict.verdict), shown[1], test->expect);
    typeset_escape(verdict.why, shown[0], SHOWN_SIZE);
    fprintf(out, "  why: %s\n", shown[0]);
    return false;
}

struct rehearsal policy_rehearse(const struct policy *policy, const char *path, int64_t now_ms, FILE *out)
{
    const struct rule_set *set = policy_rules(policy);
    struct rehearsal rehearsal = {0};
    uint8_t *memos = malloc(set->group_count * MEMOS + 1);

    if (memos != NULL) {
        memset(memos, HOST_MEMO_UNKNOWN, set->group_count * MEMOS);
    }
    for (size_t i = 0; i < set->test_count; i++) {
        bool passed = true;
        for (size_t j = 0; j < set->tests[i].source_count; j++) {
            struct scene scene = {.set = set, .test = &set->tests[i], .source = &set->tests[i].sources[j]};
            for (size_t k = 0; k < MEMOS; k++) {
                scene.memos[k] = memos == NULL ? NULL : memos + k * set->group_count;
            }
            passed = play(&scene, policy, path, now_ms, out) && passed;
        }
        rehearsal.passed += passed ? 1 : 0;
        rehearsal.failed += passed ? 0 : 1;
    }
    free(memos);
    fprintf(out, "%s: %zu of %zu tests passed\n", path, rehearsal.passed, set->test_count);
    return rehearsal;
}
