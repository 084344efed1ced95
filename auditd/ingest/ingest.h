/* Stores a scan's lines, in order and in batches, each in one transaction with the checkpoint. Judges nothing: that is
 * settle.h. Lines outside the plan are refused and counted. Memory follows the plan's text, not the scan's size. */
#ifndef LEASTPORT_AUDITD_INGEST_INGEST_H
#define LEASTPORT_AUDITD_INGEST_INGEST_H

#include "auditd/ingest/observation.h"
#include "auditd/store/store.h"

struct ingest;

struct ingest_options {
    /* What was asked for: the scan's UUID, and the plan as it was sent; borrowed until ingest_destroy(). A scan_start
     * that is another scan's or repeats another plan ends the stream with -EPROTO. NULL: it may begin any scan. */
    const char *scan_uuid;
    const json_t *plan;
    /* A batch is committed at a slab line, and before it when it holds so many rows or is so old. */
    uint32_t batch_rows;
    uint32_t batch_ms;
    /* Nothing is committed before ingest_flush() or ingest_finish(): all of the scan is stored, or none of it. */
    bool whole;
    /* Told of each line that was refused: what it was and why. NULL: counted only. `reason` is borrowed for the call.
     */
    void (*refused)(void *context, uint64_t line_number, const char *reason);
    /* Told of each line that was taken (progress and notices are not stored): for the caller's own display. NULL: no.
     */
    void (*taken)(void *context, const struct observation *observation);
    void *context;
};

struct ingest_options ingest_options_default(void);

struct ingest_counts {
    uint64_t lines;
    uint64_t refused;
    uint64_t open_ports;
};

/* Borrows the store until ingest_destroy(). One ingest takes one scan. The caller owns the result. */
MUST_USE int ingest_create(struct store *store, const struct ingest_options *options, struct ingest **ret_ingest);

/* Rolls back what was not committed: ingest_finish() comes first. Takes NULL. */
void ingest_destroy(struct ingest *ingest);

/* One line without its newline. 0 also for a refused line; an error is the store's (store_last_error() says it), or
 * -EPROTO: the scan cannot go on (its first line was refused), with the reason given to `refused`. */
MUST_USE int ingest_line(struct ingest *ingest, const char *line, size_t length);

/* Commits what waits in the open batch: for a timer, while no line comes. */
MUST_USE int ingest_flush(struct ingest *ingest);

/* Commits what is left when the scanner's output has ended. Without a scan_end the scan becomes 'incomplete' with
 * `cause`; with one, `cause` is not used. 0 also when no scan had begun. */
MUST_USE int ingest_finish(struct ingest *ingest, const char *cause);

struct ingest_counts ingest_counts(const struct ingest *ingest);

/* "" before scan_start. */
const char *ingest_scan_uuid(const struct ingest *ingest);
bool ingest_complete(const struct ingest *ingest);

#endif
