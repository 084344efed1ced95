#include "auditd/asked_log.h"

#include "auditd/access.h"
#include "auditd/protocol.h"
#include "auditd/store/hindrance.h"
#include "auditd/store/token.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_LOG_ROOM = 256, ASKED_LOG_AGAIN_MS = 2000 };

struct asked_entry {
    char actor[CONTROL_ACTOR_SIZE];
    char address[CONTROL_ADDRESS_SIZE];
    char asked[CONTROL_ASKED_SIZE];
    char error[STORE_LOG_TEXT_MAX];
    bool is_refused;
    int64_t at_ms;
};

struct asked_log {
    uv_timer_t timer;
    struct store *store;
    struct asked_entry waiting[ASKED_LOG_ROOM]; /* oldest first */
    size_t count;
    uint64_t lost;
};

bool asked_log_is_look(const char *asked)
{
    static const char *const looks[] = {CONTROL_OP_STATUS,
                                        CONTROL_OP_SCHEDULE " " CONTROL_SCHEDULE_LIST,
                                        CONTROL_OP_INVENTORY " " CONTROL_INVENTORY_LIST,
                                        CONTROL_OP_ALERT " " CONTROL_ALERT_LIST,
                                        CONTROL_OP_ALERT " " CONTROL_ALERT_AMISS,
                                        CONTROL_OP_SCANNERS,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_CHECK,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_EXPLAIN,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_TEST,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_SUGGEST,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_DRY_RUN,
                                        CONTROL_OP_REACH " " CONTROL_REACH_ASK,
                                        CONTROL_OP_REACH " " CONTROL_REACH_SURFACE,
                                        CONTROL_OP_REACH " " CONTROL_REACH_WHAT_IF,
                                        CONTROL_OP_ACCESS,
                                        CONTROL_OP_IMPORT " " CONTROL_IMPORT_LINES};

    for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
        if (strcmp(looks[i], asked) == 0) {
            return true;
        }
    }
    return false;
}

static int asked_log_put(struct asked_log *log, const struct asked_entry *entry)
{
    const struct access_options options = {.actor = entry->actor, .address = entry->address, .now_ms = entry->at_ms};

    return access_log(log->store, &options, entry->asked, entry->is_refused, entry->error);
}

/* Without waiting for anybody. */
static bool asked_log_may_write(const struct asked_log *log)
{
    char hindrance[STORE_HINDRANCE_SIZE];

    store_hindrance(log->store, 0, hindrance);
    return hindrance[0] == '\0';
}

static int asked_log_put_lost(struct asked_log *log)
{
    struct asked_entry entry = {.actor = "auditd", .asked = "entries lost", .at_ms = wall_now_ms()};
    int rc;

    if (log->lost == 0) {
        return 0;
    }
    snprintf(entry.error, sizeof(entry.error), "%llu entries found no room", (unsigned long long)log->lost);
    rc = asked_log_put(log, &entry);
    log->lost = rc < 0 ? log->lost : 0;
    return rc;
}

static void asked_log_flush(struct asked_log *log)
{
    size_t done = 0;

    if (log->count == 0 || !asked_log_may_write(log)) {
        return;
    }
    while (done < log->count && asked_log_put(log, &log->waiting[done]) >= 0) {
        done++;
    }
    log->count -= done;
    memmove(log->waiting, log->waiting + done, log->count * sizeof(*log->waiting));
    if (log->count == 0 && asked_log_put_lost(log) >= 0) {
        uv_timer_stop(&log->timer);
    }
}

static void asked_log_on_timer(uv_timer_t *timer)
{
    asked_log_flush(timer->data);
}

struct asked_log *asked_log_create(uv_loop_t *loop, struct store *store)
{
    struct asked_log *log = calloc(1, sizeof(*log));

    if (log != NULL) {
        log->store = store;
        uv_timer_init(loop, &log->timer);
        log->timer.data = log;
    }
    return log;
}

void asked_log_stop(struct asked_log *log)
{
    if (log == NULL || uv_is_closing((uv_handle_t *)&log->timer)) {
        return;
    }
    asked_log_flush(log);
    if (log->count + log->lost > 0) {
        log_error("the audit log cannot be written: %llu entries are lost", (unsigned long long)log->count + log->lost);
    }
    uv_close((uv_handle_t *)&log->timer, NULL);
}

void asked_log_destroy(struct asked_log *log)
{
    free(log);
}

static void asked_log_wait(struct asked_log *log, const struct asked_entry *entry)
{
    if (log->count == ASKED_LOG_ROOM) {
        log->lost++;
        return;
    }
    log->waiting[log->count++] = *entry;
    if (log->count == 1) {
        log_error("the audit log cannot be written yet: %s asked for \"%s\"", entry->actor, entry->asked);
        (void)uv_timer_start(&log->timer, asked_log_on_timer, ASKED_LOG_AGAIN_MS, ASKED_LOG_AGAIN_MS);
    }
}

void asked_log_note(struct asked_log *log, const struct control_client *client, const char *asked, const char *error)
{
    bool is_token = strncmp(asked, CONTROL_OP_TOKEN " ", sizeof(CONTROL_OP_TOKEN)) == 0;
    struct asked_entry entry = {.is_refused = error != NULL, .at_ms = wall_now_ms()};

    if (asked_log_is_look(asked) || (is_token && error == NULL)) {
        return;
    }
    snprintf(entry.actor, sizeof(entry.actor), "%s", control_client_actor(client));
    snprintf(entry.address, sizeof(entry.address), "%s", control_client_address(client));
    snprintf(entry.asked, sizeof(entry.asked), "%s", asked);
    snprintf(entry.error, sizeof(entry.error), "%s", error == NULL ? "" : error);
    asked_log_flush(log);
    if (log->count > 0 || !asked_log_may_write(log) || asked_log_put(log, &entry) < 0) {
        asked_log_wait(log, &entry);
    }
}
