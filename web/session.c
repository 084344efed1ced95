#include "web/session.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSION_HASH_BYTES = 32, SESSION_SECRET_BYTES = 32, SESSION_CSRF_BYTES = 16 };

enum session_state { SESSION_NONE, SESSION_LIVING, SESSION_ENDED };

struct session_slot {
    enum session_state state;
    char hash[SESSION_HASH_SIZE];
    char token[TOKEN_ID_SIZE];
    uint64_t age_ms; /* when `begun` was */
    struct mono_time begun;
    struct mono_time seen;
    struct mono_time told;
};

struct session_table {
    pthread_mutex_t mutex;
    atomic_uint_fast32_t ends;
    uint16_t port;
    struct session_slot slots[SESSION_MAX];
};

struct session_table *session_table_create(uint16_t port)
{
    struct session_table *table = calloc(1, sizeof(*table));

    if (table != NULL) {
        pthread_mutex_init(&table->mutex, NULL);
        table->port = port;
    }
    return table;
}

void session_table_destroy(struct session_table *table)
{
    if (table != NULL) {
        pthread_mutex_destroy(&table->mutex);
        sodium_memzero(table, sizeof(*table));
        free(table);
    }
}

void session_hash(const struct session_table *table, const char *id, char ret_hash[SESSION_HASH_SIZE])
{
    unsigned char hash[SESSION_HASH_BYTES];
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    crypto_generichash_update(&state, (const unsigned char *)&table->port, sizeof(table->port));
    crypto_generichash_update(&state, (const unsigned char *)id, strlen(id));
    crypto_generichash_final(&state, hash, sizeof(hash));
    sodium_bin2hex(ret_hash, SESSION_HASH_SIZE, hash, sizeof(hash));
}

/* Made of the cookie's value, so that pages that are open go on after the server was started again; the value cannot be
 * told from it. */
static void session_make_csrf(const char *id, char ret_csrf[SESSION_CSRF_SIZE])
{
    static const unsigned char purpose[] = "leastport CSRF token";
    unsigned char bytes[SESSION_CSRF_BYTES];

    crypto_generichash(bytes, sizeof(bytes), (const unsigned char *)id, strlen(id), purpose, sizeof(purpose) - 1);
    sodium_bin2hex(ret_csrf, SESSION_CSRF_SIZE, bytes, sizeof(bytes));
}

static uint64_t session_age_ms(const struct session_slot *slot, struct mono_time now)
{
    return slot->age_ms + mono_elapsed_ns(slot->begun, now) / UINT64_C(1000000);
}

/* What has ended is remembered for as long as it could have lived: nobody brings it back. */
static bool session_is_over(const struct session_slot *slot, struct mono_time now)
{
    return session_age_ms(slot, now) >= SESSION_LIFE_MS ||
           (slot->state == SESSION_LIVING && mono_elapsed_ns(slot->seen, now) >= SESSION_IDLE_MS * UINT64_C(1000000));
}

static struct session_slot *session_room(struct session_table *table, struct mono_time now)
{
    struct session_slot *oldest = &table->slots[0];

    for (size_t i = 0; i < SESSION_MAX; i++) {
        struct session_slot *slot = &table->slots[i];
        if (slot->state == SESSION_NONE || session_is_over(slot, now)) {
            return slot;
        }
        oldest = slot->seen.ns < oldest->seen.ns ? slot : oldest;
    }
    return oldest;
}

/* How long comparing takes tells nothing: nobody chooses what a hash begins with. */
static struct session_slot *session_look(struct session_table *table, const char *hash)
{
    for (size_t i = 0; i < SESSION_MAX; i++) {
        struct session_slot *slot = &table->slots[i];
        if (slot->state != SESSION_NONE && memcmp(slot->hash, hash, SESSION_HASH_SIZE) == 0) {
            return slot;
        }
    }
    return NULL;
}

static void session_put(struct session_table *table, const struct session_slot *session, struct mono_time now)
{
    struct session_slot *slot = session_room(table, now);

    if (slot->state == SESSION_LIVING) {
        atomic_fetch_add(&table->ends, 1);
    }
    *slot = *session;
}

void session_begin(struct session_table *table, const char *token, struct mono_time now, char ret_id[SESSION_ID_SIZE])
{
    struct session_slot slot = {.state = SESSION_LIVING, .begun = now, .seen = now, .told = now};
    unsigned char secret[SESSION_SECRET_BYTES];

    randombytes_buf(secret, sizeof(secret));
    sodium_bin2hex(ret_id, SESSION_ID_SIZE, secret, sizeof(secret));
    session_hash(table, ret_id, slot.hash);
    snprintf(slot.token, sizeof(slot.token), "%s", token);
    pthread_mutex_lock(&table->mutex);
    session_put(table, &slot, now);
    pthread_mutex_unlock(&table->mutex);
}

void session_recall(struct session_table *table, const char *id, const char *token, uint64_t age_ms,
                    struct mono_time now)
{
    struct session_slot slot = {.state = SESSION_LIVING, .age_ms = age_ms, .begun = now, .seen = now, .told = now};

    session_hash(table, id, slot.hash);
    snprintf(slot.token, sizeof(slot.token), "%s", token);
    pthread_mutex_lock(&table->mutex);
    if (session_look(table, slot.hash) == NULL) {
        session_put(table, &slot, now);
    }
    pthread_mutex_unlock(&table->mutex);
}

int session_find(struct session_table *table, const char *id, struct mono_time now, struct session *ret_session)
{
    char hash[SESSION_HASH_SIZE];
    struct session_slot *slot;
    int rc = -ENOENT;

    session_hash(table, id, hash);
    pthread_mutex_lock(&table->mutex);
    slot = session_look(table, hash);
    if (slot != NULL && (slot->state == SESSION_ENDED || session_is_over(slot, now))) {
        slot->state = SESSION_ENDED;
        rc = -ESTALE;
    } else if (slot != NULL) {
        slot->seen = now;
        memcpy(ret_session->token, slot->token, sizeof(slot->token));
        session_make_csrf(id, ret_session->csrf);
        ret_session->left_ms = SESSION_LIFE_MS - (uint32_t)session_age_ms(slot, now);
        ret_session->is_to_tell = mono_elapsed_ns(slot->told, now) >= SESSION_TELL_MS * UINT64_C(1000000);
        slot->told = ret_session->is_to_tell ? now : slot->told;
        rc = 0;
    }
    pthread_mutex_unlock(&table->mutex);
    return rc;
}

void session_end(struct session_table *table, const char *id, struct mono_time now)
{
    struct session_slot ended = {.state = SESSION_ENDED, .begun = now, .seen = now};
    struct session_slot *slot;

    session_hash(table, id, ended.hash);
    pthread_mutex_lock(&table->mutex);
    slot = session_look(table, ended.hash);
    if (slot == NULL) {
        session_put(table, &ended, now);
    } else if (slot->state == SESSION_LIVING) {
        slot->state = SESSION_ENDED;
        atomic_fetch_add(&table->ends, 1);
    }
    pthread_mutex_unlock(&table->mutex);
}

bool session_lives(struct session_table *table, const char *id, struct mono_time now)
{
    char hash[SESSION_HASH_SIZE];
    const struct session_slot *slot;
    bool lives;

    session_hash(table, id, hash);
    pthread_mutex_lock(&table->mutex);
    slot = session_look(table, hash);
    lives = slot != NULL && slot->state == SESSION_LIVING && !session_is_over(slot, now);
    pthread_mutex_unlock(&table->mutex);
    return lives;
}

uint32_t session_ends(const struct session_table *table)
{
    return (uint32_t)atomic_load(&table->ends);
}
