/* The stream of the read-only store: where it stands, and whether something is missing after a place. Tables are named
 * with their schema where a limited reader's views must not be asked: places are the same for all. */
#include "auditd/store/query.h"
#include "auditd/store/reader.h"

#include <errno.h>
#include <string.h>

static int stream_number(struct store_row *row, void *context)
{
    int64_t *number = context;

    *number = store_row_number(row);
    return 0;
}

static int stream_ask(struct store_reader *reader, const char *select, int64_t *ret_number)
{
    struct store_query query;
    int rc;

    store_query_init(&query, select);
    rc = store_query_run(&query, reader, stream_number, ret_number);
    store_query_done(&query);
    return rc;
}

static int stream_place(struct store_row *row, void *context)
{
    struct store_stream_place *place = context;

    place->change = store_row_number(row);
    place->score = store_row_number(row);
    place->scan = store_row_number(row);
    return 0;
}

int store_read_stream_mark(struct store_reader *reader, struct store_stream_place *place)
{
    struct store_query query;
    int64_t mark = 0;
    int rc;

    /* Times of this century by a million stay within 64 bits. */
    store_query_init(&query, "SELECT coalesce((SELECT at FROM main.finding_event WHERE id = ");
    store_query_add(&query, "?%d), 0)", store_query_number(&query, place->change));
    store_query_add(&query, " + 1000003 * coalesce((SELECT first_at FROM main.score WHERE id = ?%d), 0)",
                    store_query_number(&query, place->score));
    store_query_add(&query, " + 1009 * coalesce((SELECT scan_id FROM main.scan_event WHERE id = ?%d), 0)",
                    store_query_number(&query, place->scan));
    rc = store_query_run(&query, reader, stream_number, &mark);
    store_query_done(&query);
    if (rc == 0) {
        place->mark = mark;
    }
    return rc;
}

int store_read_stream_head(struct store_reader *reader, struct store_stream_place *ret_head)
{
    struct store_stream_place head = {0};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT coalesce((SELECT max(id) FROM main.finding_event), 0),"
                             " coalesce((SELECT max(id) FROM main.score), 0),"
                             " coalesce((SELECT max(id) FROM main.scan_event), 0)");
    rc = store_query_run(&query, reader, stream_place, &head);
    store_query_done(&query);
    rc = rc == 0 ? store_read_stream_mark(reader, &head) : rc;
    if (rc == 0) {
        *ret_head = head;
    }
    return rc;
}

/* Numbers are given one after the other, so as many rows as numbers are there unless some were deleted. */
static int stream_is_dense(struct store_reader *reader, const char *select, int64_t after, int64_t last)
{
    struct store_query query;
    int64_t count = 0;
    int rc;

    if (after > last || last - after > STORE_STREAM_SPAN) {
        return -ESTALE;
    }
    store_query_init(&query, select);
    store_query_add(&query, " WHERE id > ?%d", store_query_number(&query, after));
    rc = store_query_run(&query, reader, stream_number, &count);
    store_query_done(&query);
    return rc != 0 ? rc : count < last - after ? -ESTALE : 0;
}

int store_read_stream_check(struct store_reader *reader, const struct store_stream_place *place)
{
    struct store_stream_place known = *place;
    struct store_stream_place head;
    int rc = store_read_stream_head(reader, &head);

    rc = rc == 0 ? store_read_stream_mark(reader, &known) : rc;
    if (rc == 0 && (known.mark != place->mark || place->change < 0 || place->score < 0 || place->scan < 0)) {
        return -ESTALE;
    }
    rc = rc == 0 ? stream_is_dense(reader, "SELECT count(*) FROM main.finding_event", place->change, head.change) : rc;
    rc = rc == 0 ? stream_is_dense(reader, "SELECT count(*) FROM main.score", place->score, head.score) : rc;
    return rc == 0 ? stream_is_dense(reader, "SELECT count(*) FROM main.scan_event", place->scan, head.scan) : rc;
}

static int stream_key(struct store_row *row, void *context)
{
    const void *key = sqlite3_column_blob(row->statement, 0);

    if (key == NULL || sqlite3_column_bytes(row->statement, 0) != STORE_STREAM_KEY_BYTES) {
        return -EUCLEAN;
    }
    memcpy(context, key, STORE_STREAM_KEY_BYTES);
    return 1;
}

int store_read_stream_key(struct store_reader *reader, unsigned char ret_key[STORE_STREAM_KEY_BYTES])
{
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT key FROM main.stream_key");
    rc = store_query_run(&query, reader, stream_key, ret_key);
    store_query_done(&query);
    return rc == 1 ? 0 : store_reader_refuse(reader, rc < 0 ? rc : -EUCLEAN, "has no key for streams");
}

int store_read_version(struct store_reader *reader, int64_t *ret_version)
{
    return stream_ask(reader, "PRAGMA data_version", ret_version);
}

struct stream_target {
    store_scan_event_fn *fn;
    void *context;
};

static int stream_scan_event(struct store_row *row, void *context)
{
    struct stream_target *target = context;
    struct store_scan_event event;

    event.id = store_row_number(row);
    event.what = store_row_text(row);
    event.scan = store_row_text(row);
    return target->fn(target->context, &event);
}

int store_read_scan_events(struct store_reader *reader, int64_t after, uint32_t limit, store_scan_event_fn *fn,
                           void *context)
{
    struct stream_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT e.id, e.what, s.uuid FROM scan_event e JOIN scan s ON s.id = e.scan_id WHERE");
    store_query_add(&query, " e.id > ?%d", store_query_number(&query, after));
    store_query_add(&query, " ORDER BY e.id LIMIT ?%d", store_query_number(&query, limit));
    rc = store_query_run(&query, reader, stream_scan_event, &target);
    store_query_done(&query);
    return rc;
}
