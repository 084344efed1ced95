#include "auditd/finding/rejudge_altered.h"

#include "auditd/store/put_off.h"
#include "auditd/store/sql.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* uthash's own choice falls through its cases without saying so, which clang warns of. */
#define HASH_FUNCTION HASH_SAX
#include <uthash.h>

/* Of verdicts, 2.3 KB each. */
enum { ALTERED_VERDICTS_MAX = 4096 };
/* An index is built anew where one finding in so many is altered. */
enum { ALTERED_SHARE = 4 };

struct altered_verdict {
    int64_t hash;
    struct verdict verdict;
    UT_hash_handle hh;
};

struct altered_finding {
    int64_t id;
    const struct altered_verdict *verdict;
};

/* What its events said of one. */
enum { ALTERED_LOGGED = 1, ALTERED_LISTED = 2 };

struct rejudge_altered {
    struct altered_verdict *verdicts;
    struct altered_finding *findings;
    size_t count;
    size_t size;
};

struct rejudge_altered *rejudge_altered_create(void)
{
    return calloc(1, sizeof(struct rejudge_altered));
}

void rejudge_altered_destroy(struct rejudge_altered *altered)
{
    struct altered_verdict *entry;

    if (altered == NULL) {
        return;
    }
    /* The table goes first; what it held is still a list. */
    entry = altered->verdicts;
    HASH_CLEAR(hh, altered->verdicts);
    while (entry != NULL) {
        struct altered_verdict *next = entry->hh.next;
        free(entry);
        entry = next;
    }
    free(altered->findings);
    free(altered);
}

static int altered_keep(struct rejudge_altered *altered, const struct verdict *verdict, int64_t hash,
                        const struct altered_verdict **ret_entry)
{
    struct altered_verdict *entry;

    HASH_FIND(hh, altered->verdicts, &hash, sizeof(hash), entry);
    if (entry == NULL) {
        if (HASH_COUNT(altered->verdicts) == ALTERED_VERDICTS_MAX) {
            return -ENOSPC;
        }
        entry = calloc(1, sizeof(*entry));
        if (entry == NULL) {
            return -ENOMEM;
        }
        entry->hash = hash;
        entry->verdict = *verdict;
        HASH_ADD(hh, altered->verdicts, hash, sizeof(entry->hash), entry);
    }
    *ret_entry = entry;
    return 0;
}

int rejudge_altered_add(struct rejudge_altered *altered, int64_t finding_id, const struct verdict *verdict,
                        int64_t hash)
{
    const struct altered_verdict *kept;
    int rc = altered_keep(altered, verdict, hash, &kept);

    if (rc < 0) {
        return rc;
    }
    if (altered->count == altered->size) {
        size_t size = altered->size == 0 ? 256 : altered->size * 2;
        struct altered_finding *grown = reallocarray(altered->findings, size, sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        altered->findings = grown;
        altered->size = size;
    }
    altered->findings[altered->count++] = (struct altered_finding){finding_id, kept};
    return 0;
}

size_t rejudge_altered_count(const struct rejudge_altered *altered)
{
    return altered->count;
}

void rejudge_altered_cut(struct rejudge_altered *altered, size_t count)
{
    assert(count <= altered->count);
    altered->count = count;
}

/* ---- writing ---- */

struct altered_writing {
    const struct rejudge_altered *altered;
    struct store *store;
    const struct rejudge_altered_options *options;
    uint8_t *marks; /* of each finding */
    size_t listed;
};

/* Indices that a revision writes: of any, and of one that lists tell apart. */
static const char *const altered_indices[] = {"finding_by_asset", "finding_by_change", "finding_by_latest_change"};
static const char *const altered_listed_indices[] = {"finding_by_severity", "finding_by_penalty", "finding_by_service",
                                                     "finding_counted"};

static struct store_finding_revision altered_revision(const struct altered_writing *this, size_t i)
{
    const struct altered_verdict *entry = this->altered->findings[i].verdict;

    return (struct store_finding_revision){&entry->verdict, entry->hash, this->options->policy_id};
}

static int altered_log(struct altered_writing *this)
{
    struct store_event event = *this->options->event;

    for (size_t i = 0; i < this->altered->count; i++) {
        const struct store_finding_revision revision = altered_revision(this, i);
        bool listed;
        int rc;
        event.finding_id = this->altered->findings[i].id;
        rc = store_finding_log_revision(this->store, &revision, &event, &listed);
        if (rc < 0) {
            return rc;
        }
        this->marks[i] = (uint8_t)((rc > 0 ? ALTERED_LOGGED : 0) | (listed ? ALTERED_LISTED : 0));
        this->listed += listed;
    }
    return 0;
}

static int altered_revise(const struct altered_writing *this)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < this->altered->count; i++) {
        const struct store_finding_revision revision = altered_revision(this, i);
        rc = store_finding_revise(this->store, this->altered->findings[i].id, &revision,
                                  (this->marks[i] & ALTERED_LOGGED) != 0 ? this->options->event->at_ms : 0,
                                  (this->marks[i] & ALTERED_LISTED) != 0);
    }
    return rc;
}

static int altered_put_off(const struct altered_writing *this, size_t count, const char *const *names,
                           size_t name_count, struct store_put_off *put_off)
{
    int64_t all = 0;
    int rc = 0;

    if (count < this->options->put_off_from) {
        return 0;
    }
    rc = store_query_int(this->store, &all, "SELECT count(*) FROM finding", "");
    for (size_t i = 0; rc == 0 && count >= (uint64_t)all / ALTERED_SHARE && i < name_count; i++) {
        rc = store_put_off(this->store, put_off, names[i]);
    }
    return rc;
}

/* Events first: they say which indices the rows will need. */
static int altered_run(struct altered_writing *this, struct store_put_off *put_off)
{
    int rc = altered_log(this);

    if (rc == 0) {
        rc = altered_put_off(this, this->listed, altered_listed_indices,
                             sizeof(altered_listed_indices) / sizeof(*altered_listed_indices), put_off);
    }
    if (rc == 0) {
        rc = altered_put_off(this, this->altered->count, altered_indices,
                             sizeof(altered_indices) / sizeof(*altered_indices), put_off);
    }
    rc = rc == 0 ? altered_revise(this) : rc;
    return rc == 0 ? store_put_off_build(this->store, put_off) : rc;
}

int rejudge_altered_write(const struct rejudge_altered *altered, struct store *store,
                          const struct rejudge_altered_options *options)
{
    struct altered_writing this = {.altered = altered, .store = store, .options = options};
    struct store_put_off put_off = {0};
    int rc;

    this.marks = malloc(altered->count + 1);
    if (this.marks == NULL) {
        return store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory");
    }
    rc = altered_run(&this, &put_off);
    store_put_off_done(&put_off);
    free(this.marks);
    return rc;
}
