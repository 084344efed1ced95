/* The state file: plan and everything found so far, so that a scan can be resumed and its whole result be told again.
 * A journal: records are only appended, each with a checksum; `kill -9` and a torn tail lose at most the unfinished
 * slab. Knows nothing of how slabs are worked: totals and an unfinished slab's bookkeeping are opaque bytes of the
 * engine's. */
#ifndef LEASTPORT_SCANNER_STATE_H
#define LEASTPORT_SCANNER_STATE_H

#include "lib/addr.h"
#include "scanner/observation.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands at the head of the file, all that a resume needs to run the same plan. */
struct state_head {
    const char *plan_json;
    const char *plan_hash;
    const char *scan_id; /* a UUID; the resumed scan keeps it */
    int64_t started_ms;
};

/* Where a resume begins. */
struct state_mark {
    uint64_t slab;      /* the first slab that is not finished */
    const void *totals; /* the engine's counters at that point, as it gave them; size 0 before the first checkpoint */
    size_t totals_size;
    const void *partial; /* the unfinished slab's bookkeeping, size 0 when it begins anew */
    size_t partial_size;
    bool finished; /* the scan is complete: nothing is left to resume */
};

struct state;

/* Creates the file (mode 0600) and writes the head; the file appears under its name only when the head is on disk.
 * Of a file that is there already only a state file is ever replaced: a finished one, or with `replace` an unfinished
 * one too; else -EEXIST. -EBUSY: another process has it. All errors with *problem. The caller owns the result:
 * state_close(). */
MUST_USE int state_create(const char *path, const struct state_head *head, bool replace, struct state **ret_state,
                          struct problem *problem);

/* Opens for a resume, locks, verifies, and cuts off what stands after the last checkpoint. -ENOENT, -EBADMSG (not a
 * state file, damaged), -EPROTO (of a newer version), -EBUSY, …, all with *problem. */
MUST_USE int state_open(const char *path, struct state **ret_state, struct problem *problem);

/* Releases the lock; the file stays. */
void state_close(struct state *state);
/* Removes the file, then closes. For a scan that is complete and whose outputs are written. */
MUST_USE int state_remove(struct state *state, struct problem *problem);

/* Borrowed until state_close(). */
const struct state_head *state_head(const struct state *state);
const struct state_mark *state_mark(const struct state *state);
const char *state_path(const struct state *state);
/* Bytes that state_open() cut off: an unfinished slab's results, a torn record, or what damage made unreadable. */
uint64_t state_cut_bytes(const struct state *state);

/* -ESTALE and *problem when the file was written for another plan. */
MUST_USE int state_check_plan(const struct state *state, const char *plan_hash, struct problem *problem);

typedef int state_replay_fn(void *context, const struct observation *observation);
/* Calls `replay` for every observation that was journalled before the mark, in order, from the file, one at a time;
 * stops when it returns other than 0 and returns that. */
MUST_USE int state_replay(struct state *state, state_replay_fn *replay, void *context, struct problem *problem);

/* Journals a port, host, canary or notice; it counts once a checkpoint follows. Buffered. Errors (-ENOSPC, -EIO, …)
 * stick: every later call returns them. */
MUST_USE int state_append(struct state *state, const struct observation *observation, struct problem *problem);

typedef void state_lost_fn(void *context, const struct problem *problem);
/* From now on a write that fails ends the journal and not the scan: `lost` hears of it once, later calls do nothing and
 * return 0, and what the last checkpoint kept stays. */
void state_make_optional(struct state *state, state_lost_fn *lost, void *context);

/* All slabs before mark->slab are finished. On disk (fdatasync) when it returns. With partial bytes: the scan is
 * suspended within mark->slab, and what was appended since the last checkpoint belongs to that slab. */
MUST_USE int state_checkpoint(struct state *state, const struct state_mark *mark, struct problem *problem);

#endif
