/* The room that deleted rows leave in the database's file, and giving it back to the disk. */
#ifndef LEASTPORT_AUDITD_STORE_ROOM_H
#define LEASTPORT_AUDITD_STORE_ROOM_H

#include "auditd/store/store.h"

struct room {
    int64_t page_bytes;
    int64_t pages;      /* of the file, as the last commit left it */
    int64_t free_pages; /* of them, those that hold nothing */
    bool gives_back;    /* false: the file was made by a version that could not; room_compact() changes that */
};

MUST_USE int room_look(struct store *store, struct room *ret_room);

/* Takes up to `pages` empty pages out of the file, in a transaction of its own. The file on the disk is shorter after
 * room_settle(). Not within a transaction; only of a file that gives back. */
MUST_USE int room_give(struct store *store, uint32_t pages);

/* Brings the log back into the file, as far as no reader needs it. */
MUST_USE int room_settle(struct store *store);

/* Writes the whole file anew, without empty pages, as one that gives back. One transaction that takes as long as
 * copying the file does, and up to twice its size on the disk meanwhile: not for a daemon. */
MUST_USE int room_compact(struct store *store);

#endif
