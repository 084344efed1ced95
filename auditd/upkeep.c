#include "auditd/upkeep.h"

#include "auditd/access.h"
#include "auditd/protocol.h"
#include "auditd/store/room.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    UPKEEP_FIRST_MS = 60 * 1000,
    UPKEEP_AGAIN_MS = 10 * 60 * 1000, /* after an error */
    UPKEEP_BUSY_MS = 1000,            /* while nothing may be written */
    UPKEEP_PAUSE_MS = 10,             /* at least, between two steps */
    UPKEEP_SHARE = 4,                 /* so many times as long as the last step took */
    UPKEEP_LONG_MS = 50,              /* a step that takes longer makes the next one smaller */
    UPKEEP_SHORT_MS = 10,
    UPKEEP_SLICE_MIN = 20,
    UPKEEP_GIVE_PAGES = 256,
    UPKEEP_TEXT_SIZE = 320,
};

static const uint64_t UPKEEP_MS_NS = 1000000;

enum upkeep_phase { UPKEEP_WAITS, UPKEEP_FORGETS, UPKEEP_GIVES };

struct upkeep {
    struct upkeep_options options;
    uv_timer_t timer;
    enum upkeep_phase phase;
    bool stopping;
    bool said_old;
    struct retention retention;
    struct room before;
    int64_t begun_ms;
    int64_t next_ms;
    int64_t ended_ms; /* of the last whole pass; 0: there was none */
    int64_t rows;     /* that went, by all passes */
    int64_t freed_bytes;
    int64_t file_bytes;
    char error[sizeof(((struct store_error *)NULL)->text)]; /* "": the last pass ended well */
};

static void upkeep_on_timer(uv_timer_t *timer);

static void upkeep_wait(struct upkeep *upkeep, uint64_t ms)
{
    (void)uv_timer_start(&upkeep->timer, upkeep_on_timer, ms, 0);
}

static void upkeep_wait_for_next(struct upkeep *upkeep, int64_t ms)
{
    int64_t every_ms = upkeep->options.config->keeping.every_ms;
    int64_t wait_ms = every_ms < ms ? every_ms : ms;

    upkeep->phase = UPKEEP_WAITS;
    upkeep->next_ms = wall_now_ms() + wait_ms;
    upkeep_wait(upkeep, (uint64_t)wait_ms);
}

/* Said once, until a pass ends well. */
static void upkeep_fail(struct upkeep *upkeep)
{
    const char *why = store_last_error(upkeep->options.store)->text;

    if (upkeep->error[0] == '\0') {
        log_error("what is old cannot be deleted: %s", why);
    }
    snprintf(upkeep->error, sizeof(upkeep->error), "%s", why);
    upkeep_wait_for_next(upkeep, UPKEEP_AGAIN_MS);
}

/* ---- a pass ---- */

static int upkeep_begin(struct upkeep *upkeep)
{
    struct retention gone = {0};
    int rc = room_look(upkeep->options.store, &upkeep->before);

    if (rc < 0) {
        return rc;
    }
    upkeep->begun_ms = wall_now_ms();
    /* What a pass that failed had deleted is told by the one that ends. */
    gone = upkeep->error[0] == '\0' ? gone : upkeep->retention;
    upkeep->retention = (struct retention){0};
    memcpy(upkeep->retention.gone, gone.gone, sizeof(gone.gone));
    keeping_before(upkeep->options.config, upkeep->begun_ms, upkeep->retention.before_ms);
    upkeep->phase = UPKEEP_FORGETS;
    return 0;
}

static int upkeep_forget(struct upkeep *upkeep)
{
    int rc = retention_step(upkeep->options.store, false, &upkeep->retention);

    if (rc == 0) {
        upkeep->phase = UPKEEP_GIVES;
    }
    return rc < 0 ? rc : 0;
}

static int64_t upkeep_rows(const struct retention *retention)
{
    int64_t rows = 0;

    for (int i = 0; i < RETENTION_KINDS; i++) {
        rows += retention->gone[i];
    }
    return rows;
}

/* "12 intervals, 3 alerts" */
static void upkeep_list(const struct retention *retention, char text[UPKEEP_TEXT_SIZE])
{
    size_t length = 0;

    snprintf(text, UPKEEP_TEXT_SIZE, "nothing was old enough");
    for (int i = 0; i < RETENTION_KINDS; i++) {
        int64_t gone = retention->gone[i];
        if (gone > 0 && length < UPKEEP_TEXT_SIZE) {
            length += (size_t)snprintf(text + length, UPKEEP_TEXT_SIZE - length, "%s%" PRId64 " %s",
                                       length == 0 ? "" : ", ", gone, retention_name((enum retention_kind)i));
        }
    }
}

int upkeep_record(struct store *store, const char *actor, const struct retention *retention, const char *room)
{
    const struct access_options options = {.actor = actor, .now_ms = wall_now_ms()};
    char list[UPKEEP_TEXT_SIZE];
    char detail[2 * UPKEEP_TEXT_SIZE];

    upkeep_list(retention, list);
    snprintf(detail, sizeof(detail), "%s; %s", list, room);
    return access_log(store, &options, "retention", false, detail);
}

/* What went is told; that nothing did is not. */
static int upkeep_tell(const struct upkeep *upkeep, int64_t before_bytes)
{
    char list[UPKEEP_TEXT_SIZE];
    char room[UPKEEP_TEXT_SIZE];

    if (upkeep_rows(&upkeep->retention) == 0 && before_bytes == upkeep->file_bytes) {
        return 0;
    }
    upkeep_list(&upkeep->retention, list);
    snprintf(room, sizeof(room), "the database has %" PRId64 " KiB, %" PRId64 " before", upkeep->file_bytes / 1024,
             before_bytes / 1024);
    log_notice("what was over and old is deleted: %s; %s", list, room);
    return upkeep_record(upkeep->options.store, AUDITD_PROGRAM, &upkeep->retention, room);
}

static void upkeep_say_old(struct upkeep *upkeep)
{
    if (!upkeep->said_old) {
        upkeep->said_old = true;
        log_notice("the database was made by an earlier version: its file does not get smaller. To change that once, "
                   "stop the daemon and run: leastport retain --compact");
    }
}

static int upkeep_end(struct upkeep *upkeep, const struct room *after)
{
    int64_t before_bytes = upkeep->before.pages * upkeep->before.page_bytes;
    int rc = room_settle(upkeep->options.store);

    if (rc < 0) {
        return rc;
    }
    if (!after->gives_back) {
        upkeep_say_old(upkeep);
    }
    upkeep->file_bytes = after->pages * after->page_bytes;
    rc = upkeep_tell(upkeep, before_bytes);
    if (rc == 0) {
        upkeep->ended_ms = wall_now_ms();
        upkeep->rows += upkeep_rows(&upkeep->retention);
        upkeep->freed_bytes += before_bytes > upkeep->file_bytes ? before_bytes - upkeep->file_bytes : 0;
        upkeep->error[0] = '\0';
        upkeep_wait_for_next(upkeep, INT64_MAX);
    }
    return rc;
}

static int upkeep_give(struct upkeep *upkeep)
{
    struct room room = {0};
    int rc = room_look(upkeep->options.store, &room);

    if (rc == 0 && room.gives_back && room.free_pages > 0) {
        return room_give(upkeep->options.store, UPKEEP_GIVE_PAGES);
    }
    return rc == 0 ? upkeep_end(upkeep, &room) : rc;
}

static int upkeep_step(struct upkeep *upkeep)
{
    switch (upkeep->phase) {
    case UPKEEP_WAITS:
        return upkeep_begin(upkeep);
    case UPKEEP_FORGETS:
        return upkeep_forget(upkeep);
    case UPKEEP_GIVES:
        break;
    }
    return upkeep_give(upkeep);
}

/* So that a step is short whatever the database and the disk are like. */
static void upkeep_pace(struct upkeep *upkeep, uint64_t took_ms)
{
    int64_t slice = upkeep->retention.slice == 0 ? RETENTION_SLICE_MAX : upkeep->retention.slice;

    if (took_ms > UPKEEP_LONG_MS && slice / 2 >= UPKEEP_SLICE_MIN) {
        upkeep->retention.slice = slice / 2;
    } else if (took_ms < UPKEEP_SHORT_MS && slice * 2 <= RETENTION_SLICE_MAX) {
        upkeep->retention.slice = slice * 2;
    }
}

static void upkeep_on_timer(uv_timer_t *timer)
{
    struct upkeep *upkeep = timer->data;
    struct mono_time began;
    uint64_t took_ms;

    if (!upkeep->options.may_write(upkeep->options.context)) {
        upkeep_wait(upkeep, UPKEEP_BUSY_MS);
        return;
    }
    began = mono_now();
    if (upkeep_step(upkeep) < 0) {
        upkeep_fail(upkeep);
        return;
    }
    if (upkeep->phase != UPKEEP_WAITS) {
        took_ms = mono_elapsed_ns(began, mono_now()) / UPKEEP_MS_NS;
        upkeep_pace(upkeep, took_ms);
        upkeep_wait(upkeep, UPKEEP_PAUSE_MS + UPKEEP_SHARE * took_ms);
    }
}

/* ---- life ---- */

struct upkeep *upkeep_create(uv_loop_t *loop, const struct upkeep_options *options)
{
    struct upkeep *upkeep = calloc(1, sizeof(*upkeep));

    if (upkeep == NULL) {
        return NULL;
    }
    upkeep->options = *options;
    uv_timer_init(loop, &upkeep->timer);
    upkeep->timer.data = upkeep;
    upkeep_wait_for_next(upkeep, UPKEEP_FIRST_MS);
    return upkeep;
}

static json_t *upkeep_time(int64_t at_ms)
{
    char text[WALL_TEXT_SIZE];

    return at_ms == 0 ? json_null() : json_string(wall_format(at_ms, text));
}

json_t *upkeep_status(const struct upkeep *upkeep)
{
    bool waits = upkeep->phase == UPKEEP_WAITS;

    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:o}", "state", waits ? "waiting" : "running", "ended_at",
                     upkeep_time(upkeep->ended_ms), "next_at", upkeep_time(waits ? upkeep->next_ms : 0), "rows",
                     (json_int_t)upkeep->rows, "freed_bytes", (json_int_t)upkeep->freed_bytes, "file_bytes",
                     (json_int_t)upkeep->file_bytes, "error",
                     upkeep->error[0] == '\0' ? json_null() : json_string(upkeep->error));
}

void upkeep_stop(struct upkeep *upkeep)
{
    if (upkeep != NULL && !upkeep->stopping) {
        upkeep->stopping = true;
        if (upkeep->phase == UPKEEP_FORGETS && upkeep_rows(&upkeep->retention) > 0 &&
            upkeep->options.may_write(upkeep->options.context) &&
            upkeep_record(upkeep->options.store, AUDITD_PROGRAM, &upkeep->retention, "the daemon's end cut it off") <
                0) {
            log_error("the audit log cannot be written: %s", store_last_error(upkeep->options.store)->text);
        }
        uv_close((uv_handle_t *)&upkeep->timer, NULL);
    }
}

void upkeep_destroy(struct upkeep *upkeep)
{
    free(upkeep);
}
