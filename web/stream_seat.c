#include "web/stream_seat.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* uthash's own choice falls through its cases without saying so, which clang warns of. */
#define HASH_FUNCTION HASH_SAX
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->is_lost = true)
#include <uthash.h>

enum { SEAT_BATCH = 100 };

struct stream_seat {
    char token[TOKEN_ID_SIZE];
    size_t count;
    bool was_seen; /* in the check that runs */
    bool is_over;
    bool is_lost; /* there was no memory to hold it */
    UT_hash_handle hh;
};

struct stream_seats {
    pthread_mutex_t mutex;
    size_t all;
    size_t per_token;
    size_t taken;
    struct stream_seat *tokens;
};

struct stream_seats *stream_seats_create(size_t all, size_t per_token)
{
    struct stream_seats *seats = calloc(1, sizeof(*seats));

    if (seats != NULL) {
        pthread_mutex_init(&seats->mutex, NULL);
        seats->all = all;
        seats->per_token = per_token;
    }
    return seats;
}

void stream_seats_destroy(struct stream_seats *seats)
{
    if (seats != NULL) {
        pthread_mutex_destroy(&seats->mutex);
        free(seats);
    }
}

static int seat_take(struct stream_seats *seats, const char *token, struct stream_seat **ret_seat)
{
    struct stream_seat *seat = NULL;

    if (seats->taken >= seats->all) {
        return -ENOSPC;
    }
    HASH_FIND_STR(seats->tokens, token, seat);
    if (seat == NULL) {
        seat = calloc(1, sizeof(*seat));
        if (seat == NULL) {
            return -ENOMEM;
        }
        strncpy(seat->token, token, sizeof(seat->token) - 1);
        HASH_ADD_STR(seats->tokens, token, seat);
        if (seat->is_lost) {
            free(seat);
            return -ENOMEM;
        }
    } else if (seat->count >= seats->per_token) {
        return -EDQUOT;
    }
    seat->count++;
    seats->taken++;
    *ret_seat = seat;
    return 0;
}

int stream_seat_take(struct stream_seats *seats, const char *token, struct stream_seat **ret_seat)
{
    int rc;

    pthread_mutex_lock(&seats->mutex);
    rc = seat_take(seats, token, ret_seat);
    pthread_mutex_unlock(&seats->mutex);
    return rc;
}

void stream_seat_leave(struct stream_seats *seats, struct stream_seat *seat)
{
    pthread_mutex_lock(&seats->mutex);
    seats->taken--;
    if (--seat->count == 0) {
        HASH_DEL(seats->tokens, seat);
        free(seat);
    }
    pthread_mutex_unlock(&seats->mutex);
}

size_t stream_seats_taken(struct stream_seats *seats)
{
    size_t taken;

    pthread_mutex_lock(&seats->mutex);
    taken = seats->taken;
    pthread_mutex_unlock(&seats->mutex);
    return taken;
}

bool stream_seat_is_over(struct stream_seats *seats, const struct stream_seat *seat)
{
    bool is_over;

    pthread_mutex_lock(&seats->mutex);
    is_over = seat->is_over;
    pthread_mutex_unlock(&seats->mutex);
    return is_over;
}

/* ---- looking whether tokens are good ---- */

struct seat_batch {
    char tokens[SEAT_BATCH][TOKEN_ID_SIZE];
    const char *texts[SEAT_BATCH];
    bool is_good[SEAT_BATCH];
    size_t count;
    int64_t now_ms;
};

/* Those that the running check has not come to yet. */
static void seat_collect(struct stream_seats *seats, struct seat_batch *batch)
{
    struct stream_seat *next;

    batch->count = 0;
    pthread_mutex_lock(&seats->mutex);
    for (struct stream_seat *seat = seats->tokens; seat != NULL && batch->count < SEAT_BATCH; seat = next) {
        next = seat->hh.next;
        if (!seat->was_seen) {
            memcpy(batch->tokens[batch->count], seat->token, TOKEN_ID_SIZE);
            batch->texts[batch->count] = batch->tokens[batch->count];
            batch->is_good[batch->count++] = false;
            seat->was_seen = true;
        }
    }
    pthread_mutex_unlock(&seats->mutex);
}

static int seat_look(void *context, const struct store_read_token *token)
{
    struct seat_batch *batch = context;
    bool is_good = token->revoked_at == 0 &&
                   (strcmp(token->kind, "link") == 0 || token->expires_at == 0 || token->expires_at > batch->now_ms);

    for (size_t i = 0; i < batch->count; i++) {
        if (strcmp(batch->texts[i], token->public_id) == 0) {
            batch->is_good[i] = is_good;
        }
    }
    return 0;
}

static void seat_judge(struct stream_seats *seats, const struct seat_batch *batch)
{
    pthread_mutex_lock(&seats->mutex);
    for (size_t i = 0; i < batch->count; i++) {
        struct stream_seat *seat = NULL;
        HASH_FIND_STR(seats->tokens, batch->texts[i], seat);
        if (seat != NULL && !batch->is_good[i]) {
            seat->is_over = true;
        }
    }
    pthread_mutex_unlock(&seats->mutex);
}

static void seat_begin_check(struct stream_seats *seats)
{
    pthread_mutex_lock(&seats->mutex);
    for (struct stream_seat *seat = seats->tokens; seat != NULL; seat = seat->hh.next) {
        seat->was_seen = false;
    }
    pthread_mutex_unlock(&seats->mutex);
}

int stream_seats_check(struct stream_seats *seats, struct store_reader *reader, int64_t now_ms)
{
    struct seat_batch batch = {.now_ms = now_ms};
    int rc = 0;

    seat_begin_check(seats);
    for (seat_collect(seats, &batch); rc == 0 && batch.count > 0; seat_collect(seats, &batch)) {
        const struct store_token_filter filter = {.public_ids = {batch.texts, batch.count}, .with_ended = true};
        rc = store_read_tokens(reader, &filter, seat_look, &batch);
        if (rc == 0) {
            seat_judge(seats, &batch);
        }
    }
    return rc;
}
