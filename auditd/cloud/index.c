#include "auditd/cloud/index.h"

#include <stdlib.h>
#include <string.h>

/* uthash's own choice falls through its cases without saying so, which clang warns of. */
#define HASH_FUNCTION HASH_SAX
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->is_lost = true)
#include <uthash.h>

struct index_entry {
    struct index_number first; /* `next` owned, as the whole chain */
    struct index_number *last;
    bool is_lost;
    UT_hash_handle hh;
    char key[];
};

static struct index_entry *entry_add(struct index *index, const char *key, uint64_t number)
{
    size_t length = strlen(key);
    struct index_entry *entry = calloc(1, sizeof(*entry) + length + 1);

    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->key, key, length + 1);
    entry->first.number = number;
    entry->last = &entry->first;
    HASH_ADD_KEYPTR(hh, index->entries, entry->key, (unsigned)length, entry);
    if (entry->is_lost) {
        free(entry);
        return NULL;
    }
    return entry;
}

void index_add(struct index *index, const char *key, uint64_t number)
{
    struct index_entry *entry = NULL;
    struct index_number *more;

    HASH_FIND(hh, index->entries, key, (unsigned)strlen(key), entry);
    if (entry == NULL) {
        index->failed = entry_add(index, key, number) == NULL || index->failed;
        return;
    }
    more = malloc(sizeof(*more));
    if (more == NULL) {
        index->failed = true;
        return;
    }
    *more = (struct index_number){.number = number, .next = NULL};
    entry->last->next = more;
    entry->last = more;
}

const struct index_number *index_find(const struct index *index, const char *key)
{
    struct index_entry *entry = NULL;

    HASH_FIND(hh, index->entries, key, (unsigned)strlen(key), entry);
    return entry == NULL ? NULL : &entry->first;
}

static void entry_destroy(struct index_entry *entry)
{
    const struct index_number *number = entry->first.next;

    while (number != NULL) {
        const struct index_number *behind = number->next;
        free((void *)(uintptr_t)number);
        number = behind;
    }
    free(entry);
}

void index_done(struct index *index)
{
    struct index_entry *entry = index->entries;

    /* The entries stay, one behind the other. */
    HASH_CLEAR(hh, index->entries);
    while (entry != NULL) {
        struct index_entry *behind = entry->hh.next;
        entry_destroy(entry);
        entry = behind;
    }
    *index = (struct index){0};
}
