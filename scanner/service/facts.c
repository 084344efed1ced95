#include "scanner/service/facts.h"

#include "scanner/service/escape.h"

#include <assert.h>
#include <string.h>

void facts_clear(struct facts *facts)
{
    facts->count = 0;
    facts->texts_used = 0;
}

void facts_copy(struct facts *facts, const struct facts *from)
{
    facts_clear(facts);
    facts_merge(facts, from);
}

/* Where it stands, or is to stand. */
static size_t place_of(const struct facts *facts, const char *name, bool *ret_found)
{
    size_t i = 0;
    int order = 1;

    while (i < facts->count && (order = strcmp(name, facts->items[i].kind->name)) > 0) {
        i++;
    }
    *ret_found = i < facts->count && order == 0;
    return i;
}

static bool is_text(const struct fact *fact)
{
    return fact->kind->type == FACT_TEXT || fact->kind->type == FACT_VERSION;
}

/* Texts lie one behind the other: those after it move up. */
static void free_text(struct facts *facts, const char *text)
{
    size_t at = (size_t)(text - facts->texts);
    size_t size = strlen(text) + 1;

    memmove(facts->texts + at, facts->texts + at + size, facts->texts_used - at - size);
    facts->texts_used -= size;
    for (size_t i = 0; i < facts->count; i++) {
        if (is_text(&facts->items[i]) && facts->items[i].text > text) {
            facts->items[i].text -= size;
        }
    }
}

void facts_remove(struct facts *facts, const char *name)
{
    bool found;
    size_t i = place_of(facts, name, &found);

    if (!found) {
        return;
    }
    if (is_text(&facts->items[i])) {
        const char *text = facts->items[i].text;
        free_text(facts, text);
    }
    memmove(&facts->items[i], &facts->items[i + 1], (facts->count - i - 1) * sizeof(*facts->items));
    facts->count--;
}

/* NULL when there is no room. */
static struct fact *add(struct facts *facts, const char *name)
{
    const struct fact_kind *kind = fact_kind_find(name);
    bool found;
    size_t i;

    assert(kind != NULL);
    facts_remove(facts, name);
    if (facts->count == FACTS_MAX) {
        return NULL;
    }
    i = place_of(facts, name, &found);
    memmove(&facts->items[i + 1], &facts->items[i], (facts->count - i) * sizeof(*facts->items));
    facts->count++;
    facts->items[i] = (struct fact){.kind = kind};
    return &facts->items[i];
}

void facts_set_text(struct facts *facts, const char *name, struct span text)
{
    char escaped[FACTS_TEXT_MAX + 1];
    size_t size = escape_text(text, escaped, sizeof(escaped));
    struct fact *fact;

    facts_remove(facts, name);
    if (size == 0 || size + 1 > sizeof(facts->texts) - facts->texts_used) {
        return;
    }
    fact = add(facts, name);
    if (fact == NULL) {
        return;
    }
    assert(is_text(fact));
    memcpy(facts->texts + facts->texts_used, escaped, size + 1);
    fact->text = facts->texts + facts->texts_used;
    facts->texts_used += size + 1;
}

void facts_set_string(struct facts *facts, const char *name, const char *text)
{
    facts_set_text(facts, name, (struct span){(const uint8_t *)text, strlen(text)});
}

void facts_set_number(struct facts *facts, const char *name, int64_t number)
{
    struct fact *fact = add(facts, name);

    if (fact != NULL) {
        assert(fact->kind->type == FACT_NUMBER || fact->kind->type == FACT_TIME);
        fact->number = number;
    }
}

void facts_set_truth(struct facts *facts, const char *name, bool truth)
{
    struct fact *fact = add(facts, name);

    if (fact != NULL) {
        assert(fact->kind->type == FACT_TRUTH);
        fact->truth = truth;
    }
}

const struct fact *facts_find(const struct facts *facts, const char *name)
{
    bool found;
    size_t i = place_of(facts, name, &found);

    return found ? &facts->items[i] : NULL;
}

const char *facts_text(const struct facts *facts, const char *name)
{
    const struct fact *fact = facts_find(facts, name);

    return fact != NULL ? fact->text : NULL;
}

int64_t facts_number(const struct facts *facts, const char *name, int64_t otherwise)
{
    const struct fact *fact = facts_find(facts, name);

    return fact != NULL ? fact->number : otherwise;
}

bool facts_truth(const struct facts *facts, const char *name, bool otherwise)
{
    const struct fact *fact = facts_find(facts, name);

    return fact != NULL ? fact->truth : otherwise;
}

/* The text is clean already: escaping it again would change it. */
static void take_text(struct facts *facts, const struct fact *from)
{
    size_t size = strlen(from->text);
    struct fact *fact;

    facts_remove(facts, from->kind->name);
    if (size + 1 > sizeof(facts->texts) - facts->texts_used) {
        return;
    }
    fact = add(facts, from->kind->name);
    if (fact != NULL) {
        memcpy(facts->texts + facts->texts_used, from->text, size + 1);
        fact->text = facts->texts + facts->texts_used;
        facts->texts_used += size + 1;
    }
}

void facts_merge(struct facts *facts, const struct facts *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct fact *fact = &from->items[i];
        struct fact *added;
        if (is_text(fact)) {
            take_text(facts, fact);
            continue;
        }
        added = add(facts, fact->kind->name);
        if (added != NULL) {
            *added = *fact;
        }
    }
}
