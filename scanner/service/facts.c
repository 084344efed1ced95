#include "scanner/service/facts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { ESCAPED_SIZE = 4 };

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

/* How many bytes at the start of `span` are one character of UTF-8 (RFC 3629) that may be shown; 0: none. */
static size_t character(struct span span)
{
    uint8_t first = span.bytes[0];
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

    if (size > span.size || first < 0x20 || first == 0x7f) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((span.bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* C1 controls, overlong forms, surrogates, past the end of Unicode; what steers the direction of text. */
    if ((first == 0xc2 && span.bytes[1] < 0xa0) || (first == 0xe0 && span.bytes[1] < 0xa0) ||
        (first == 0xed && span.bytes[1] >= 0xa0) || (first == 0xf0 && span.bytes[1] < 0x90) ||
        (first == 0xf4 && span.bytes[1] >= 0x90)) {
        return 0;
    }
    if (first == 0xe2 && ((span.bytes[1] == 0x80 && span.bytes[2] >= 0xa8 && span.bytes[2] <= 0xae) ||
                          (span.bytes[1] == 0x81 && span.bytes[2] >= 0xa6 && span.bytes[2] <= 0xa9))) {
        return 0;
    }
    /* So that what is escaped cannot be mistaken for what was said. */
    return first == '\\' && span.size > 1 && span.bytes[1] == 'x' ? 0 : size;
}

/* Into what is left of the room; returns the size without the NUL. */
static size_t escape(struct span from, char *to, size_t room)
{
    size_t used = 0;

    while (from.size > 0) {
        size_t size = character(from);
        size_t needed = size > 0 ? size : ESCAPED_SIZE;
        if (used + needed >= room) {
            break;
        }
        if (size > 0) {
            memcpy(to + used, from.bytes, size);
        } else {
            snprintf(to + used, ESCAPED_SIZE + 1, "\\x%02X", from.bytes[0]);
        }
        used += needed;
        from = span_from(from, size > 0 ? size : 1);
    }
    to[used] = '\0';
    return used;
}

void facts_set_text(struct facts *facts, const char *name, struct span text)
{
    char escaped[FACTS_TEXT_MAX + 1];
    size_t size = escape(text, escaped, sizeof(escaped));
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
