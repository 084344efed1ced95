#include "web/repeat.h"

#include "lib/clock.h"
#include "web/route.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_ENTRIES = 1024, REPEAT_HASH_BYTES = 32, REPEAT_BYTES = 16 << 20 };

static const uint64_t repeat_life_ns = UINT64_C(24) * 3600 * 1000000000;

struct repeat_entry {
    unsigned char who[REPEAT_HASH_BYTES];  /* token, method, path and key */
    unsigned char what[REPEAT_HASH_BYTES]; /* the target and the content */
    struct mono_time at;
    bool is_done;
    unsigned status;
    struct problem problem;
    char *body;
    size_t length;
    char location[EXCHANGE_LOCATION_SIZE];
};

struct repeat_table {
    pthread_mutex_t mutex;
    struct repeat_entry *entries[REPEAT_ENTRIES];
    size_t bytes; /* of the bodies */
};

struct repeat_table *repeat_table_create(void)
{
    struct repeat_table *table = calloc(1, sizeof(*table));

    if (table != NULL) {
        pthread_mutex_init(&table->mutex, NULL);
    }
    return table;
}

static void repeat_entry_destroy(struct repeat_entry *entry)
{
    if (entry != NULL) {
        free(entry->body);
        free(entry);
    }
}

void repeat_table_destroy(struct repeat_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < REPEAT_ENTRIES; i++) {
        repeat_entry_destroy(table->entries[i]);
    }
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

/* Each part with its end, so that no two lists of parts are the same bytes. */
static void repeat_add(crypto_generichash_state *state, const char *text)
{
    crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

static void repeat_hash(const struct exchange *exchange, struct repeat_entry *entry)
{
    const struct request_head *head = exchange->head;
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, REPEAT_HASH_BYTES);
    repeat_add(&state, exchange->principal.token);
    repeat_add(&state, head->method);
    repeat_add(&state, exchange->uri->path);
    repeat_add(&state, head->idempotency_key);
    crypto_generichash_final(&state, entry->who, REPEAT_HASH_BYTES);
    crypto_generichash_init(&state, NULL, 0, REPEAT_HASH_BYTES);
    repeat_add(&state, head->target);
    repeat_add(&state, head->if_match == NULL ? "" : head->if_match);
    crypto_generichash_update(&state, (const unsigned char *)head->content, head->content_length);
    crypto_generichash_final(&state, entry->what, REPEAT_HASH_BYTES);
}

/* The entry's place, or NULL. */
static struct repeat_entry **repeat_find(struct repeat_table *table, const struct repeat_entry *like)
{
    for (size_t i = 0; i < REPEAT_ENTRIES; i++) {
        struct repeat_entry *entry = table->entries[i];
        if (entry != NULL && memcmp(entry->who, like->who, REPEAT_HASH_BYTES) == 0) {
            return &table->entries[i];
        }
    }
    return NULL;
}

static void repeat_drop(struct repeat_table *table, struct repeat_entry **place)
{
    table->bytes -= (*place)->length;
    repeat_entry_destroy(*place);
    *place = NULL;
}

static void repeat_expire(struct repeat_table *table, struct mono_time now)
{
    for (size_t i = 0; i < REPEAT_ENTRIES; i++) {
        const struct repeat_entry *entry = table->entries[i];
        if (entry != NULL && entry->is_done && mono_elapsed_ns(entry->at, now) >= repeat_life_ns) {
            repeat_drop(table, &table->entries[i]);
        }
    }
}

/* Of the answers that are kept, NULL when there is none. */
static struct repeat_entry **repeat_oldest(struct repeat_table *table)
{
    struct repeat_entry **oldest = NULL;

    for (size_t i = 0; i < REPEAT_ENTRIES; i++) {
        struct repeat_entry **place = &table->entries[i];
        if (*place != NULL && (*place)->is_done && (oldest == NULL || (*place)->at.ns < (*oldest)->at.ns)) {
            oldest = place;
        }
    }
    return oldest;
}

/* A free place, else that of the oldest answer; NULL when all are of requests under way. */
static struct repeat_entry **repeat_make_room(struct repeat_table *table)
{
    struct repeat_entry **oldest;

    for (size_t i = 0; i < REPEAT_ENTRIES; i++) {
        if (table->entries[i] == NULL) {
            return &table->entries[i];
        }
    }
    oldest = repeat_oldest(table);
    if (oldest != NULL) {
        repeat_drop(table, oldest);
    }
    return oldest;
}

static enum repeat_state repeat_answer(struct exchange *exchange, const struct repeat_entry *entry,
                                       const struct repeat_entry *asked)
{
    if (memcmp(entry->what, asked->what, REPEAT_HASH_BYTES) != 0) {
        problem_set(&exchange->problem, 422, "This Idempotency-Key came with another request; choose a new one.");
        problem_point(&exchange->problem, "header", "Idempotency-Key", "was used for another request");
        return REPEAT_REFUSED;
    }
    if (!entry->is_done) {
        problem_set(&exchange->problem, 409, "The request with this Idempotency-Key is still under way.");
        problem_point(&exchange->problem, "header", "Idempotency-Key", "is in use");
        return REPEAT_REFUSED;
    }
    exchange->status = entry->status;
    exchange->problem = entry->problem;
    memcpy(exchange->location, entry->location, sizeof(exchange->location));
    buffer_add(&exchange->body, entry->body, entry->length);
    return REPEAT_ANSWERED;
}

static bool repeat_is_key(const char *key)
{
    size_t length = 0;

    while (key[length] >= 0x21 && key[length] <= 0x7e) {
        length++;
    }
    return key[length] == '\0' && length >= 1 && length <= REPEAT_KEY_MAX;
}

/* Takes `asked` when it is new. */
static enum repeat_state repeat_enter(struct repeat_table *table, struct exchange *exchange, struct repeat_entry *asked)
{
    struct repeat_entry **place;
    enum repeat_state state;

    repeat_expire(table, asked->at);
    place = repeat_find(table, asked);
    if (place != NULL) {
        state = repeat_answer(exchange, *place, asked);
        free(asked);
        return state;
    }
    place = repeat_make_room(table);
    if (place == NULL) {
        problem_set(&exchange->problem, 503, "Too many requests with an Idempotency-Key are under way.");
        free(asked);
        return REPEAT_REFUSED;
    }
    *place = asked;
    return REPEAT_NEW;
}

enum repeat_state repeat_begin(struct repeat_table *table, struct exchange *exchange)
{
    const char *key = exchange->head->idempotency_key;
    struct repeat_entry *asked;
    enum repeat_state state;

    if (key == NULL || table == NULL) {
        return REPEAT_NOT_ASKED;
    }
    if (!repeat_is_key(key)) {
        problem_set(&exchange->problem, 400, "An Idempotency-Key is 1 to %d visible ASCII characters.", REPEAT_KEY_MAX);
        problem_point(&exchange->problem, "header", "Idempotency-Key", "is too long or has other characters in it");
        return REPEAT_REFUSED;
    }
    asked = calloc(1, sizeof(*asked));
    if (asked == NULL) {
        problem_set(&exchange->problem, 503, "Out of memory.");
        return REPEAT_REFUSED;
    }
    repeat_hash(exchange, asked);
    asked->at = mono_now();
    pthread_mutex_lock(&table->mutex);
    state = repeat_enter(table, exchange, asked);
    pthread_mutex_unlock(&table->mutex);
    return state;
}

/* False: it is not to be kept. */
static bool repeat_fill(struct repeat_entry *entry, const struct exchange *exchange)
{
    if (exchange->problem.status >= 500 || exchange->body.failed) {
        return false;
    }
    entry->status = exchange->status;
    entry->problem = exchange->problem;
    memcpy(entry->location, exchange->location, sizeof(entry->location));
    if (exchange->problem.status == 0 && exchange->body.length > 0) {
        entry->body = malloc(exchange->body.length);
        if (entry->body == NULL) {
            return false;
        }
        entry->length = exchange->body.length;
        memcpy(entry->body, exchange->body.bytes, entry->length);
    }
    entry->is_done = true;
    return true;
}

void repeat_keep(struct repeat_table *table, const struct exchange *exchange)
{
    struct repeat_entry like;
    struct repeat_entry **place;

    repeat_hash(exchange, &like);
    pthread_mutex_lock(&table->mutex);
    place = repeat_find(table, &like);
    if (place != NULL && repeat_fill(*place, exchange)) {
        table->bytes += (*place)->length;
    } else if (place != NULL) {
        repeat_drop(table, place);
    }
    while (table->bytes > REPEAT_BYTES && (place = repeat_oldest(table)) != NULL) {
        repeat_drop(table, place);
    }
    pthread_mutex_unlock(&table->mutex);
}
