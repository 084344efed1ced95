#include "auditd/finding/pile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* uthash's own choice falls through its cases without saying so, which clang warns of. */
#define HASH_FUNCTION HASH_SAX
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->is_lost = true)
#include <uthash.h>

/* Compared byte by byte: unused ones are 0. */
struct pile_key {
    uint64_t numbers[5]; /* the bits of a double each */
    char texts[3][VERDICT_NAME_SIZE];
    uint64_t waived;
};

struct pile_kind {
    struct pile_key key;
    struct score_item item; /* its text is the key's */
    bool is_lost;           /* there was no memory to enter it */
    UT_hash_handle hh;
};

struct pile_kinds {
    struct pile_kind *all;
    const struct pile_kind *last; /* findings of one host come together: mostly it is this one again */
};

struct pile_kinds *pile_kinds_create(void)
{
    return calloc(1, sizeof(struct pile_kinds));
}

void pile_kinds_destroy(struct pile_kinds *kinds)
{
    struct pile_kind *kind;
    struct pile_kind *next;

    if (kinds == NULL) {
        return;
    }
    kind = kinds->all;
    HASH_CLEAR(hh, kinds->all);
    for (; kind != NULL; kind = next) {
        next = kind->hh.next;
        free(kind);
    }
    free(kinds);
}

static void pile_key_fill(struct pile_key *key, const struct score_item *item)
{
    const char *const texts[] = {item->kind, item->service, item->breadth_class};
    const double numbers[] = {item->service_weight, item->breadth, item->evidence, item->need, item->penalty};

    _Static_assert(sizeof(numbers) == sizeof(key->numbers), "as many");
    memset(key, 0, sizeof(*key));
    memcpy(key->numbers, numbers, sizeof(key->numbers));
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        strncpy(key->texts[i], texts[i], VERDICT_NAME_SIZE - 1);
    }
    key->waived = item->waived ? 1 : 0;
}

static struct pile_kind *pile_kind_create(struct pile_kinds *kinds, const struct pile_key *key,
                                          const struct score_item *item)
{
    struct pile_kind *kind = calloc(1, sizeof(*kind));

    if (kind == NULL) {
        return NULL;
    }
    kind->key = *key;
    kind->item = *item;
    kind->item.kind = kind->key.texts[0];
    kind->item.service = kind->key.texts[1];
    kind->item.breadth_class = kind->key.texts[2];
    HASH_ADD(hh, kinds->all, key, sizeof(kind->key), kind);
    if (kind->is_lost) {
        free(kind);
        return NULL;
    }
    return kind;
}

/* NULL when out of memory. */
static const struct pile_kind *pile_kind_find(struct pile_kinds *kinds, const struct score_item *item)
{
    struct pile_kind *kind = NULL;
    struct pile_key key;

    pile_key_fill(&key, item);
    if (kinds->last != NULL && memcmp(&kinds->last->key, &key, sizeof(key)) == 0) {
        return kinds->last;
    }
    HASH_FIND(hh, kinds->all, &key, sizeof(key), kind);
    if (kind == NULL) {
        kind = pile_kind_create(kinds, &key, item);
    }
    kinds->last = kind;
    return kind;
}

static int pile_count(struct pile *pile, const struct score_item *kind, uint64_t count)
{
    for (size_t i = 0; i < pile->count; i++) {
        if (pile->entries[i].kind == kind) {
            pile->entries[i].count += count;
            return 0;
        }
    }
    if (pile->count == pile->size) {
        size_t size = pile->size == 0 ? 8 : pile->size * 2;
        struct pile_entry *entries = reallocarray(pile->entries, size, sizeof(*entries));
        if (entries == NULL) {
            return -ENOMEM;
        }
        pile->entries = entries;
        pile->size = size;
    }
    pile->entries[pile->count++] = (struct pile_entry){kind, count};
    return 0;
}

int pile_add(struct pile_kinds *kinds, struct pile *pile, const struct score_item *item)
{
    const struct pile_kind *kind = pile_kind_find(kinds, item);

    return kind == NULL ? -ENOMEM : pile_count(pile, &kind->item, 1);
}

int pile_join(struct pile *pile, const struct pile *other)
{
    for (size_t i = 0; i < other->count; i++) {
        int rc = pile_count(pile, other->entries[i].kind, other->entries[i].count);
        if (rc < 0) {
            return rc;
        }
    }
    pile->planned += other->planned;
    pile->judged += other->judged;
    pile->hosts += other->hosts;
    return 0;
}

void pile_clear(struct pile *pile)
{
    pile->count = 0;
    pile->planned = pile->judged = pile->hosts = 0;
}

void pile_done(struct pile *pile)
{
    free(pile->entries);
    *pile = (struct pile){0};
}

int pile_score(const struct pile *pile, struct score *ret_score)
{
    struct score_item *items = calloc(pile->count + 1, sizeof(*items));
    double coverage = pile->planned == 0 ? 0 : (double)pile->judged / (double)pile->planned;
    int rc;

    if (items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < pile->count; i++) {
        items[i] = *pile->entries[i].kind;
        items[i].count = pile->entries[i].count;
    }
    rc = score_compute(items, pile->count, coverage, ret_score);
    free(items);
    return rc;
}
