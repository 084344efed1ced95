/* What the daemon does for its database from time to time: what is over and old goes, and the room that it took goes
 * back to the disk. In small steps with pauses between, so that whoever else writes waits for milliseconds. */
#ifndef LEASTPORT_AUDITD_UPKEEP_H
#define LEASTPORT_AUDITD_UPKEEP_H

#include "auditd/config/config.h"
#include "auditd/store/store.h"

#include <jansson.h>
#include <uv.h>

struct upkeep;

/* One entry of the audit log: what went, and what became of its room, in words. */
MUST_USE int upkeep_record(struct store *store, const char *actor, const struct retention *retention, const char *room);

struct upkeep_options {
    struct store *store;         /* borrowed until upkeep_destroy() */
    const struct config *config; /* the same */
    /* Whether the store may be written to now. */
    bool (*may_write)(void *context);
    void *context;
};

/* First a minute after the start, or sooner when `retention.every` is shorter; then as long after each pass as that
 * says, ten minutes at most after one that failed. NULL when out of memory. */
struct upkeep *upkeep_create(uv_loop_t *loop, const struct upkeep_options *options);

/* When the last whole pass ended, what all of them did since the start, and the error of one that failed since: an
 * object as "upkeep" in the answer to "status" (schema/control.schema.json); a new reference, NULL when out of memory.
 */
json_t *upkeep_status(const struct upkeep *upkeep);

/* Looks no more; what a pass that is under way has deleted is recorded. Takes NULL; a second call does nothing. */
void upkeep_stop(struct upkeep *upkeep);
/* After the loop has run its closing callbacks. Takes NULL. */
void upkeep_destroy(struct upkeep *upkeep);

#endif
