/* Answers that were given before, for as long as what they were read from stands. Each thread has its own, bounded in
 * number and bytes; whoever was asked for longest ago goes first. Who may have an answer is decided before: a reader of
 * the store sees what its principal may, and no two readers share an answer. */
#ifndef LEASTPORT_WEB_RECALL_H
#define LEASTPORT_WEB_RECALL_H

#include "web/store_pool.h"

enum { RECALL_ETAG_SIZE = 40, RECALL_ANSWERS = 64, RECALL_BYTES = 4 * 1024 * 1024, RECALL_ANSWER_BYTES = 1024 * 1024 };

/* Bytes and their entity tag, shared and never changed: the last who lets go of it frees it, in whatever thread. */
struct answer;

/* Takes `bytes`, from malloc(), also when it fails: NULL when out of memory. `is_packed`: they are gzip. */
struct answer *answer_create(char *bytes, size_t length, const char *etag, bool is_packed);
struct answer *answer_hold(struct answer *answer);
/* Takes NULL. */
void answer_release(struct answer *answer);
char *answer_bytes(const struct answer *answer);
size_t answer_length(const struct answer *answer);
const char *answer_etag(const struct answer *answer);
bool answer_is_packed(const struct answer *answer);
/* Something that goes with the answer, and is released by `release` before its bytes are freed: takes it. One at most,
 * attached and asked for by one thread. NULL: there is none. */
void answer_attach(struct answer *answer, void *attached, void release(void *attached));
void *answer_attached(const struct answer *answer);

struct recall;

/* The caller owns the result: recall_destroy(), after the threads that used it have ended. */
MUST_USE int recall_create(struct recall **ret_recall);
void recall_destroy(struct recall *recall);

/* What this thread answered to the target, path and query, or another key, when it last read at that moment; held for
 * the caller. NULL: nothing, or what it read from has changed. */
struct answer *recall_find(struct recall *recall, const struct store_stamp *stamp, const char *target);

/* Keeps a hold of it, unless it is too large or there is no memory. */
void recall_keep(struct recall *recall, const struct store_stamp *stamp, const char *target, struct answer *answer);

#endif
