#include "auditd/policy/verdict_memo.h"

#include "auditd/policy/decision.h"

#include <stdlib.h>

/* uthash's own choice falls through its cases without saying so, which clang warns of. */
#define HASH_FUNCTION HASH_SAX
#include <uthash.h>

enum { MEMO_MOST = 8192 };

struct verdict_memo_entry {
    struct decision_key key;
    struct verdict verdict;
    int64_t hash;
    UT_hash_handle hh;
};

struct verdict_memo {
    const struct policy *policy;
    struct verdict_memo_entry *entries;
    size_t count;
};

struct verdict_memo *verdict_memo_create(const struct policy *policy)
{
    struct verdict_memo *memo = calloc(1, sizeof(*memo));

    if (memo != NULL) {
        memo->policy = policy;
    }
    return memo;
}

static void memo_forget(struct verdict_memo *memo)
{
    struct verdict_memo_entry *entry = memo->entries;

    /* The table goes first; what it held is still a list. */
    HASH_CLEAR(hh, memo->entries);
    while (entry != NULL) {
        struct verdict_memo_entry *next = entry->hh.next;
        free(entry);
        entry = next;
    }
    memo->count = 0;
}

void verdict_memo_destroy(struct verdict_memo *memo)
{
    if (memo != NULL) {
        memo_forget(memo);
        free(memo);
    }
}

const struct verdict *verdict_memo_judge(struct verdict_memo *memo, const struct exposure *exposure, int64_t *ret_hash)
{
    struct verdict_memo_entry *entry;
    struct decision_key key;
    struct decision decision;

    decision_make(memo->policy, exposure, &decision);
    key = decision_key(&decision);
    HASH_FIND(hh, memo->entries, &key, sizeof(key), entry);
    if (entry == NULL) {
        if (memo->count == MEMO_MOST) {
            memo_forget(memo);
        }
        entry = calloc(1, sizeof(*entry));
        if (entry == NULL) {
            return NULL;
        }
        entry->key = key;
        decision_write(&decision, &entry->verdict);
        entry->hash = verdict_hash(&entry->verdict);
        HASH_ADD(hh, memo->entries, key, sizeof(entry->key), entry);
        memo->count++;
    }
    *ret_hash = entry->hash;
    return &entry->verdict;
}
