#include "web/stream_text.h"

#include "web/api_change.h"
#include "web/api_scan.h"
#include "web/api_score.h"
#include "web/stream_place.h"

#include <string.h>

enum { TEXT_OVER = 1, TEXT_FULL = 2, TEXT_PROGRESS_MAX = 32 };

struct text_walk {
    struct buffer *out;
    const struct stream_text_options *options;
    struct store_stream_place *place;
    size_t left;
    size_t data_at; /* where the data of the event at hand begins */
};

/* 0 when there is room for one more, whose number is `id`. */
static int text_step(struct text_walk *walk, int64_t id, int64_t until)
{
    if (id > until) {
        return TEXT_OVER;
    }
    if (walk->left == 0 || walk->out->length >= walk->options->bytes) {
        return TEXT_FULL;
    }
    walk->left--;
    return 0;
}

static int text_open(struct text_walk *walk, const char *event)
{
    char id[STREAM_PLACE_TEXT_SIZE];
    int rc = store_read_stream_mark(walk->options->reader, walk->place);

    if (rc == 0) {
        stream_place_format(walk->place, walk->options->key, id);
        buffer_print(walk->out, "event: %s\nid: %s\ndata: ", event, id);
        walk->data_at = walk->out->length;
    }
    return rc;
}

/* JSON that the store holds may be on several lines; between its tokens a blank means the same. */
static void text_close(struct text_walk *walk)
{
    for (size_t i = walk->data_at; i < walk->out->length; i++) {
        char *at = &walk->out->bytes[i];
        *at = *at == '\n' || *at == '\r' ? ' ' : *at;
    }
    buffer_add(walk->out, "\n\n", 2);
}

static int text_change(void *context, const struct store_change *change)
{
    struct text_walk *walk = context;
    struct json_writer writer;
    int rc = text_step(walk, change->id, walk->options->until.change);

    if (rc != 0) {
        return rc;
    }
    walk->place->change = change->id;
    rc = text_open(walk, "finding");
    if (rc != 0) {
        return rc;
    }
    json_writer_init(&writer, walk->out);
    rc = api_change_row(&writer, change);
    text_close(walk);
    return rc;
}

static int text_score(void *context, const struct store_score *score)
{
    struct text_walk *walk = context;
    struct json_writer writer;
    int rc = text_step(walk, score->id, walk->options->until.score);

    if (rc != 0) {
        return rc;
    }
    walk->place->score = score->id;
    rc = text_open(walk, "score");
    if (rc != 0) {
        return rc;
    }
    json_writer_init(&writer, walk->out);
    api_score_write(&writer, score);
    text_close(walk);
    return 0;
}

static int text_scan_row(void *context, const struct store_scan *scan)
{
    api_scan_write(context, "scan", scan);
    return 0;
}

static int text_scan(void *context, const struct store_scan_event *event)
{
    struct text_walk *walk = context;
    struct store_scan_filter filter = {0};
    struct json_writer writer;
    int rc = text_step(walk, event->id, walk->options->until.scan);

    if (rc != 0) {
        return rc;
    }
    walk->place->scan = event->id;
    rc = text_open(walk, "scan");
    if (rc != 0) {
        return rc;
    }
    filter.uuids = (struct store_texts){&event->scan, 1};
    json_writer_init(&writer, walk->out);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "what", event->what);
    rc = store_read_scans(walk->options->reader, &filter, text_scan_row, &writer);
    json_close_object(&writer);
    text_close(walk);
    return rc;
}

static int text_changes(struct text_walk *walk)
{
    const struct store_change_filter filter = {
        .page = {.sort = STORE_CHANGE_BY_ID,
                 .limit = (uint32_t)walk->left + 1,
                 .after = {.is_set = true, .key = (double)walk->place->change, .id = walk->place->change}}};

    return store_read_changes(walk->options->reader, &filter, text_change, walk);
}

static int text_scores(struct text_walk *walk)
{
    static const char *const scopes[] = {"fleet", "realm"};
    const struct store_score_filter filter = {
        .scopes = {scopes, 2},
        .with_ended = true,
        .page = {.sort = STORE_SCORE_BY_ID,
                 .limit = (uint32_t)walk->left + 1,
                 .after = {.is_set = true, .key = (double)walk->place->score, .id = walk->place->score}}};

    return store_read_scores(walk->options->reader, &filter, text_score, walk);
}

static int text_scans(struct text_walk *walk)
{
    return store_read_scan_events(walk->options->reader, walk->place->scan, (uint32_t)walk->left + 1, text_scan, walk);
}

int stream_text_events(struct buffer *out, const struct stream_text_options *options, struct store_stream_place *place,
                       bool *ret_is_whole)
{
    const struct store_stream_place *until = &options->until;
    struct text_walk walk = {.out = out, .options = options, .place = place, .left = options->events};
    int rc = place->change < until->change ? text_changes(&walk) : 0;

    if (rc == 0 || rc == TEXT_OVER) {
        place->change = until->change;
        rc = place->score < until->score ? text_scores(&walk) : 0;
    }
    if (rc == 0 || rc == TEXT_OVER) {
        place->score = until->score;
        rc = place->scan < until->scan ? text_scans(&walk) : 0;
    }
    if (rc == 0 || rc == TEXT_OVER) {
        *place = *until;
    }
    if (rc < 0) {
        return rc;
    }
    *ret_is_whole = rc != TEXT_FULL;
    return rc == TEXT_FULL ? store_read_stream_mark(options->reader, place) : 0;
}

void stream_text_note(struct buffer *out, const char *event, const struct store_stream_place *place,
                      const unsigned char *key, const char *data)
{
    char id[STREAM_PLACE_TEXT_SIZE];

    stream_place_format(place, key, id);
    buffer_print(out, "event: %s\nid: %s\ndata: %s\n\n", event, id, data);
}

/* ---- progress ---- */

struct text_progress {
    struct buffer *out;
    const json_t *jobs;
    size_t count;
};

static const json_t *text_job_of(const json_t *jobs, const char *scan)
{
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        const json_t *job = json_array_get(jobs, i);
        const char *of = json_string_value(json_object_get(job, "scan"));
        if (of != NULL && strcmp(of, scan) == 0) {
            return job;
        }
    }
    return NULL;
}

static void text_put_job(struct json_writer *writer, const char *key, const json_t *job)
{
    const json_t *value = json_object_get(job, key);

    if (json_is_integer(value)) {
        json_put_number(writer, key, json_integer_value(value));
    } else {
        json_put_null(writer, key);
    }
}

/* What the daemon has counted is younger than what it has stored. */
static int64_t text_larger(const json_t *job, const char *key, int64_t stored)
{
    int64_t counted = json_integer_value(json_object_get(job, key));

    return counted > stored ? counted : stored;
}

static int text_progress_row(void *context, const struct store_scan *scan)
{
    struct text_progress *progress = context;
    const json_t *job = text_job_of(progress->jobs, scan->uuid);
    struct json_writer writer;

    progress->count++;
    buffer_print(progress->out, "event: progress\ndata: ");
    json_writer_init(&writer, progress->out);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "scan", scan->uuid);
    json_put_text(&writer, "realm", scan->realm);
    json_put_text(&writer, "vantage", scan->vantage);
    json_put_text(&writer, "phase", json_string_value(json_object_get(job, "phase")));
    json_put_number(&writer, "slabs_done", scan->slabs_done);
    json_put_number(&writer, "slabs_total", scan->slabs_total);
    json_put_number(&writer, "probes_done", text_larger(job, "probes_done", scan->probes_done));
    json_put_number(&writer, "probes_planned", text_larger(job, "probes", scan->probes_planned));
    json_put_number(&writer, "ports_open", text_larger(job, "open", scan->ports_open));
    text_put_job(&writer, "rate_pps", job);
    text_put_job(&writer, "eta_s", job);
    json_close_object(&writer);
    buffer_add(progress->out, "\n\n", 2);
    return 0;
}

int stream_text_progress(struct buffer *out, struct store_reader *reader, const json_t *jobs, size_t *ret_count)
{
    static const char *const running[] = {"running"};
    const struct store_scan_filter filter = {.states = {running, 1}, .page = {.limit = TEXT_PROGRESS_MAX}};
    struct text_progress progress = {.out = out, .jobs = jobs};
    int rc = store_read_scans(reader, &filter, text_progress_row, &progress);

    if (rc == 0) {
        *ret_count = progress.count;
    }
    return rc;
}
