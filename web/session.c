#include "web/session.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSION_HASH_BYTES = 32, SESSION_SECRET_BYTES = 32, SESSION_CSRF_BYTES = 16 };

struct session_slot {
    bool is_used;
    unsigned char hash[SESSION_HASH_BYTES];
    char token[TOKEN_ID_SIZE];
    char csrf[SESSION_CSRF_SIZE];
    struct mono_time begun;
    struct mono_time seen;
};

struct session_table {
    pthread_mutex_t mutex;
    atomic_uint_fast32_t ends;
    struct session_slot slots[SESSION_MAX];
};

struct session_table *session_table_create(void)
{
    struct session_table *table = calloc(1, sizeof(*table));

    if (table != NULL) {
        pthread_mutex_init(&table->mutex, NULL);
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

static void session_hash(const char *id, unsigned char hash[SESSION_HASH_BYTES])
{
    crypto_generichash(hash, SESSION_HASH_BYTES, (const unsigned char *)id, strlen(id), NULL, 0);
}

static bool session_is_over(const struct session_slot *slot, struct mono_time now)
{
    return mono_elapsed_ns(slot->begun, now) >= SESSION_LIFE_MS * UINT64_C(1000000) ||
           mono_elapsed_ns(slot->seen, now) >= SESSION_IDLE_MS * UINT64_C(1000000);
}

static struct session_slot *session_room(struct session_table *table, struct mono_time now)
{
    struct session_slot *oldest = &table->slots[0];

    for (size_t i = 0; i < SESSION_MAX; i++) {
        struct session_slot *slot = &table->slots[i];
        if (!slot->is_used || session_is_over(slot, now)) {
            return slot;
        }
        oldest = slot->seen.ns < oldest->seen.ns ? slot : oldest;
    }
    return oldest;
}

void session_begin(struct session_table *table, const char *token, struct mono_time now, char ret_id[SESSION_ID_SIZE])
{
    unsigned char secret[SESSION_SECRET_BYTES];
    unsigned char csrf[SESSION_CSRF_BYTES];
    struct session_slot *slot;

    randombytes_buf(secret, sizeof(secret));
    randombytes_buf(csrf, sizeof(csrf));
    sodium_bin2hex(ret_id, SESSION_ID_SIZE, secret, sizeof(secret));
    pthread_mutex_lock(&table->mutex);
    slot = session_room(table, now);
    if (slot->is_used) {
        atomic_fetch_add(&table->ends, 1);
    }
    *slot = (struct session_slot){.is_used = true, .begun = now, .seen = now};
    session_hash(ret_id, slot->hash);
    snprintf(slot->token, sizeof(slot->token), "%s", token);
    sodium_bin2hex(slot->csrf, sizeof(slot->csrf), csrf, sizeof(csrf));
    pthread_mutex_unlock(&table->mutex);
}

static struct session_slot *session_look(struct session_table *table, const char *id)
{
    unsigned char hash[SESSION_HASH_BYTES];

    session_hash(id, hash);
    for (size_t i = 0; i < SESSION_MAX; i++) {
        if (table->slots[i].is_used && sodium_memcmp(table->slots[i].hash, hash, sizeof(hash)) == 0) {
            return &table->slots[i];
        }
    }
    return NULL;
}

int session_find(struct session_table *table, const char *id, struct mono_time now, struct session *ret_session)
{
    struct session_slot *slot;
    int rc = -ENOENT;

    pthread_mutex_lock(&table->mutex);
    slot = session_look(table, id);
    if (slot != NULL && session_is_over(slot, now)) {
        slot->is_used = false;
    } else if (slot != NULL) {
        slot->seen = now;
        memcpy(ret_session->token, slot->token, sizeof(slot->token));
        memcpy(ret_session->csrf, slot->csrf, sizeof(slot->csrf));
        ret_session->left_ms = SESSION_LIFE_MS - (uint32_t)(mono_elapsed_ns(slot->begun, now) / UINT64_C(1000000));
        rc = 0;
    }
    pthread_mutex_unlock(&table->mutex);
    return rc;
}

void session_end(struct session_table *table, const char *id)
{
    struct session_slot *slot;

    pthread_mutex_lock(&table->mutex);
    slot = session_look(table, id);
    if (slot != NULL) {
        *slot = (struct session_slot){0};
        atomic_fetch_add(&table->ends, 1);
    }
    pthread_mutex_unlock(&table->mutex);
}

bool session_lives(struct session_table *table, const char *id, struct mono_time now)
{
    struct session_slot *slot;
    bool lives;

    pthread_mutex_lock(&table->mutex);
    slot = session_look(table, id);
    lives = slot != NULL && !session_is_over(slot, now);
    pthread_mutex_unlock(&table->mutex);
    return lives;
}

uint32_t session_ends(const struct session_table *table)
{
    return (uint32_t)atomic_load(&table->ends);
}
