#include "web/journal.h"

#include "auditd/protocol.h"
#include "lib/clock.h"
#include "lib/token.h"
#include "web/control.h"
#include "web/utf8.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    JOURNAL_ROOM = 1024,
    JOURNAL_BATCH = 128,
    JOURNAL_TOKENS = 256,
    JOURNAL_SESSIONS = 4096,
    JOURNAL_AGAIN_MS = 1000,
    JOURNAL_USED_S = 60
};
enum { JOURNAL_TEXT_SIZE = 512, JOURNAL_PATIENCE_MS = 5000 };

struct journal_token {
    char token[TOKEN_ID_SIZE];
    struct mono_time noted;
    int64_t at_ms; /* 0: told */
};

struct journal {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    const char *control_path;
    json_t *events;   /* that wait */
    json_t *sessions; /* by hash */
    uint64_t lost;
    uint64_t telling; /* of the lost ones, in the batch that is under way */
    struct journal_token tokens[JOURNAL_TOKENS];
    size_t waiting; /* tokens that are to be told */
    bool stops;
};

static json_t *journal_text(const char *text)
{
    char copy[JOURNAL_TEXT_SIZE];

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = copy; *at != '\0';) {
        size_t length = utf8_sequence(at, strlen(at));
        if (length == 0) {
            *at = '?';
            length = 1;
        }
        at += length;
    }
    return json_string(copy);
}

static json_t *journal_event(const struct journal_entry *entry)
{
    return json_pack("{s:I, s:o, s:o, s:s, s:b, s:o}", "at", (json_int_t)wall_now_ms(), "actor",
                     journal_text(entry->actor), "address", journal_text(entry->address), "what", entry->what,
                     "refused", (int)entry->refused, "detail", journal_text(entry->detail));
}

void journal_write(struct journal *journal, const struct journal_entry *entry)
{
    json_t *event;

    if (journal->control_path == NULL) {
        return;
    }
    event = journal_event(entry);
    pthread_mutex_lock(&journal->mutex);
    if (event == NULL || json_array_size(journal->events) >= JOURNAL_ROOM ||
        json_array_append(journal->events, event) != 0) {
        journal->lost++;
    }
    json_decref(event);
    pthread_cond_signal(&journal->wake);
    pthread_mutex_unlock(&journal->mutex);
}

/* Its row, else the one that was noted longest ago and has been told. */
static struct journal_token *journal_find(struct journal *journal, const char *token)
{
    struct journal_token *oldest = NULL;

    for (size_t i = 0; i < JOURNAL_TOKENS; i++) {
        struct journal_token *row = &journal->tokens[i];
        if (strcmp(row->token, token) == 0) {
            return row;
        }
        if (row->at_ms == 0 && (oldest == NULL || row->noted.ns < oldest->noted.ns)) {
            oldest = row;
        }
    }
    if (oldest != NULL) {
        *oldest = (struct journal_token){0};
    }
    return oldest;
}

void journal_use(struct journal *journal, const char *token)
{
    struct mono_time now = mono_now();
    struct journal_token *row;

    if (journal->control_path == NULL) {
        return;
    }
    pthread_mutex_lock(&journal->mutex);
    row = journal_find(journal, token);
    if (row != NULL && row->at_ms == 0 &&
        (row->token[0] == '\0' || mono_elapsed_ns(row->noted, now) >= JOURNAL_USED_S * UINT64_C(1000000000))) {
        snprintf(row->token, sizeof(row->token), "%s", token);
        row->noted = now;
        row->at_ms = wall_now_ms();
        journal->waiting++;
        pthread_cond_signal(&journal->wake);
    }
    pthread_mutex_unlock(&journal->mutex);
}

void journal_tell(struct journal *journal, const struct journal_session *session)
{
    json_t *told;

    if (journal->control_path == NULL) {
        return;
    }
    told = session->token == NULL
               ? json_pack("{s:s, s:b}", "hash", session->hash, "ended", 1)
               : json_pack("{s:s, s:s, s:I, s:I}", "hash", session->hash, "token", session->token, "begun_at",
                           (json_int_t)session->begun_ms, "seen_at", (json_int_t)wall_now_ms());
    pthread_mutex_lock(&journal->mutex);
    if (json_object_get(journal->sessions, session->hash) != NULL ||
        json_object_size(journal->sessions) < JOURNAL_SESSIONS) {
        json_object_set(journal->sessions, session->hash, told);
    }
    json_decref(told);
    pthread_cond_signal(&journal->wake);
    pthread_mutex_unlock(&journal->mutex);
}

/* ---- the thread ---- */

static json_t *journal_told(struct journal *journal)
{
    json_t *list = json_array();
    const char *hash;
    json_t *session;

    json_object_foreach(journal->sessions, hash, session)
    {
        if (json_array_size(list) < JOURNAL_BATCH) {
            json_array_append(list, session);
        }
    }
    return list;
}

static json_t *journal_used(struct journal *journal)
{
    json_t *used = json_array();

    for (size_t i = 0; used != NULL && i < JOURNAL_TOKENS; i++) {
        const struct journal_token *row = &journal->tokens[i];
        if (row->at_ms != 0) {
            json_array_append_new(used, json_pack("{s:s, s:I}", "token", row->token, "at", (json_int_t)row->at_ms));
        }
    }
    return used;
}

static json_t *journal_batch(struct journal *journal)
{
    json_t *events = json_array();
    char detail[64];

    journal->telling = journal->lost;
    if (journal->lost > 0) {
        snprintf(detail, sizeof(detail), "%llu entries found no room", (unsigned long long)journal->lost);
        json_array_append_new(events,
                              journal_event(&(struct journal_entry){
                                  .actor = WEB_PROGRAM, .address = "", .what = "entries lost", .detail = detail}));
    }
    for (size_t i = 0; i < json_array_size(journal->events) && i < JOURNAL_BATCH; i++) {
        json_array_append(events, json_array_get(journal->events, i));
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "op", CONTROL_OP_ACCESS, "events", events, "used", journal_used(journal),
                     "sessions", journal_told(journal));
}

/* What was said of a session since then waits for the next batch. */
static void journal_forget_sessions(struct journal *journal, const json_t *sent)
{
    size_t index;
    json_t *session;

    json_array_foreach(sent, index, session)
    {
        const char *hash = json_string_value(json_object_get(session, "hash"));
        if (json_object_get(journal->sessions, hash) == session) {
            json_object_del(journal->sessions, hash);
        }
    }
}

/* What was sent waits no more. New entries came behind the old ones. */
static void journal_forget(struct journal *journal, const json_t *batch)
{
    size_t sent = json_array_size(json_object_get(batch, "events"));
    size_t index;
    json_t *used;

    journal->lost -= journal->telling;
    journal_forget_sessions(journal, json_object_get(batch, "sessions"));
    for (size_t i = 0; i < sent && json_array_size(journal->events) > 0; i++) {
        if (json_equal(json_array_get(journal->events, 0), json_array_get(json_object_get(batch, "events"), i))) {
            json_array_remove(journal->events, 0);
        }
    }
    json_array_foreach(json_object_get(batch, "used"), index, used)
    {
        for (size_t i = 0; i < JOURNAL_TOKENS; i++) {
            struct journal_token *row = &journal->tokens[i];
            if (row->at_ms != 0 && strcmp(row->token, json_string_value(json_object_get(used, "token"))) == 0) {
                row->at_ms = 0;
                journal->waiting--;
            }
        }
    }
}

/* With the mutex held, which is given up while it waits for auditd. */
static bool journal_send(struct journal *journal)
{
    json_t *batch = journal_batch(journal);
    json_t *answer = NULL;
    bool is_done;

    pthread_mutex_unlock(&journal->mutex);
    is_done = batch != NULL && control_request(journal->control_path, batch, JOURNAL_PATIENCE_MS, &answer) == 0 &&
              json_is_true(json_object_get(answer, "ok"));
    json_decref(answer);
    pthread_mutex_lock(&journal->mutex);
    if (is_done) {
        journal_forget(journal, batch);
    }
    json_decref(batch);
    return is_done;
}

static bool journal_has_work(const struct journal *journal)
{
    return json_array_size(journal->events) > 0 || journal->waiting > 0 || journal->lost > 0 ||
           json_object_size(journal->sessions) > 0;
}

static void journal_pause(struct journal *journal)
{
    struct mono_time until = mono_add_ns(mono_now(), JOURNAL_AGAIN_MS * UINT64_C(1000000));
    struct timespec time = {.tv_sec = (time_t)(until.ns / UINT64_C(1000000000)),
                            .tv_nsec = (long)(until.ns % UINT64_C(1000000000))};

    while (!journal->stops && pthread_cond_timedwait(&journal->wake, &journal->mutex, &time) == 0) {
        /* New work waits for the same answer. */
    }
}

static void *journal_run(void *context)
{
    struct journal *journal = context;

    pthread_mutex_lock(&journal->mutex);
    while (!journal->stops) {
        if (!journal_has_work(journal)) {
            pthread_cond_wait(&journal->wake, &journal->mutex);
        } else if (!journal_send(journal)) {
            journal_pause(journal);
        }
    }
    if (journal_has_work(journal)) {
        (void)journal_send(journal);
    }
    pthread_mutex_unlock(&journal->mutex);
    return NULL;
}

int journal_create(const char *control_path, struct journal **ret_journal)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    pthread_condattr_t attributes;
    int rc;

    if (journal == NULL) {
        return -ENOMEM;
    }
    journal->control_path = control_path;
    journal->events = json_array();
    journal->sessions = json_object();
    pthread_mutex_init(&journal->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    rc = journal->events == NULL || journal->sessions == NULL
             ? -ENOMEM
             : -pthread_create(&journal->thread, NULL, journal_run, journal);
    if (rc != 0) {
        pthread_cond_destroy(&journal->wake);
        pthread_mutex_destroy(&journal->mutex);
        json_decref(journal->events);
        json_decref(journal->sessions);
        free(journal);
        return rc;
    }
    *ret_journal = journal;
    return 0;
}

void journal_destroy(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    pthread_mutex_lock(&journal->mutex);
    journal->stops = true;
    pthread_cond_signal(&journal->wake);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->thread, NULL);
    pthread_cond_destroy(&journal->wake);
    pthread_mutex_destroy(&journal->mutex);
    json_decref(journal->events);
    json_decref(journal->sessions);
    free(journal);
}
