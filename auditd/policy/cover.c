#include "auditd/policy/cover.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_PER_STEP = 8 };

struct cover {
    const struct rule_set *set;
    size_t *same; /* of each group: the first that is written with the same words */
    uint64_t steps_left;
};

struct named {
    const char *name;
    size_t group;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *one = a;
    const struct named *other = b;
    int order = strcmp(one->name, other->name);

    return order != 0 ? order : (one->group > other->group) - (one->group < other->group);
}

/* A name that was cut says nothing about the rest. */
static bool is_whole(const char *name)
{
    return strlen(name) < RULE_GROUP_NAME_SIZE - 1;
}

static bool find_same(struct cover *cover)
{
    size_t count = cover->set->group_count;
    struct named *names = calloc(count + 1, sizeof(*names));

    if (names == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = (struct named){cover->set->groups[i].name, i};
    }
    qsort(names, count, sizeof(*names), compare_named);
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && is_whole(names[i].name) && strcmp(names[i].name, names[i - 1].name) == 0;
        cover->same[names[i].group] = again ? cover->same[names[i - 1].group] : names[i].group;
    }
    free(names);
    return true;
}

struct cover *cover_create(const struct rule_set *set, uint64_t steps)
{
    struct cover *cover = calloc(1, sizeof(*cover));

    if (cover == NULL) {
        return NULL;
    }
    cover->set = set;
    cover->steps_left = steps;
    cover->same = calloc(set->group_count + 1, sizeof(*cover->same));
    if (cover->same == NULL || !find_same(cover)) {
        cover_destroy(cover);
        return NULL;
    }
    return cover;
}

void cover_destroy(struct cover *cover)
{
    if (cover != NULL) {
        free(cover->same);
        free(cover);
    }
}

bool cover_is_spent(const struct cover *cover)
{
    return cover->steps_left == 0;
}

static bool take_steps(struct cover *cover, size_t steps)
{
    cover->steps_left = cover->steps_left > steps ? cover->steps_left - steps : 0;
    return cover->steps_left > 0;
}

static bool covers_ports(struct cover *cover, const struct rule *outer, const struct rule *inner)
{
    size_t first = inner->port_first / 64;
    size_t last = inner->port_last / 64;

    if (inner->port_first < outer->port_first || inner->port_last > outer->port_last ||
        inner->port_count > outer->port_count || (outer->proto[0] != '\0' && strcmp(outer->proto, inner->proto) != 0) ||
        !take_steps(cover, 1 + (last - first) / WORDS_PER_STEP)) {
        return false;
    }
    for (size_t i = first; i <= last; i++) {
        if ((inner->ports.words[i] & ~outer->ports.words[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool covers_service(const struct rule *outer, const struct rule *inner)
{
    return outer->service[0] == '\0' || strcmp(outer->service, inner->service) == 0;
}

/* The same hosts, or all there are; or the group is one of those that the other is made of. */
static bool covers_hosts(struct cover *cover, size_t outer, size_t inner)
{
    const struct selector *selector = &cover->set->groups[outer].selector;

    if (outer == 0 || selector->kind == SELECTOR_ANY || cover->same[outer] == cover->same[inner]) {
        return true;
    }
    if (selector->kind == SELECTOR_AND && selector->child_count == 1) {
        selector = &selector->children[0];
    }
    if (selector->kind == SELECTOR_OR && !take_steps(cover, selector->child_count)) {
        return false;
    }
    for (size_t i = 0; selector->kind == SELECTOR_OR && i < selector->child_count; i++) {
        const struct selector *child = &selector->children[i];
        if (child->kind == SELECTOR_GROUP && child->group == inner) {
            return true;
        }
    }
    return selector->kind == SELECTOR_GROUP && selector->group == inner;
}

bool cover_has_target(struct cover *cover, const struct rule *outer, const struct rule *inner)
{
    return take_steps(cover, 1) && outer->condition_count == 0 && outer->until_ms == 0 &&
           covers_ports(cover, outer, inner) && covers_service(outer, inner) &&
           covers_hosts(cover, outer->to, inner->to);
}

/* ---- sources ---- */

/* Whether what one source stands for is a part of what the other does. */
static bool covers_source(const struct rule_source *outer, const struct rule_source *inner, bool forbids)
{
    if (outer->kind == RULE_SOURCE_ANYONE) {
        return inner->kind != RULE_SOURCE_CLASS || inner->vantage_class != VANTAGE_SELF;
    }
    /* A port that the world may reach may be reached by all; one that it may not is forbidden to it alone. */
    if (outer->kind == RULE_SOURCE_CLASS && outer->vantage_class == VANTAGE_WORLD && !forbids) {
        return true;
    }
    return outer->kind == inner->kind && strcmp(outer->text, inner->text) == 0;
}

static bool is_among(const struct rule *outer, const struct rule_source *source, bool forbids)
{
    bool among = outer->source_count == 0;

    for (size_t i = 0; i < outer->source_count && !among; i++) {
        among = covers_source(&outer->sources[i], source, forbids);
    }
    return among;
}

bool cover_has_sources(struct cover *cover, const struct rule *outer, const struct rule *inner)
{
    bool all = take_steps(cover, outer->source_count * inner->source_count + 1) &&
               (inner->source_count > 0 || outer->source_count == 0);

    for (size_t i = 0; i < inner->source_count && all; i++) {
        all = is_among(outer, &inner->sources[i], false);
    }
    return all;
}

const struct rule_source *cover_forbidden_source(struct cover *cover, const struct rule *forbid,
                                                 const struct rule *allow)
{
    if (!take_steps(cover, forbid->source_count * allow->source_count + 1)) {
        return NULL;
    }
    for (size_t i = 0; i < allow->source_count; i++) {
        if (is_among(forbid, &allow->sources[i], true)) {
            return &allow->sources[i];
        }
    }
    return NULL;
}
