#include "web/quota.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTA_SLOTS = 4096, QUOTA_WAYS = 8 };

struct quota_slot {
    uint64_t key;
    struct mono_time since; /* its window's beginning */
    uint32_t count;         /* 0: free */
};

struct quota {
    pthread_mutex_t mutex;
    uint32_t limit;
    uint64_t window_ns;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    struct quota_slot slots[QUOTA_SLOTS];
};

struct quota *quota_create(uint32_t limit, uint32_t window_ms)
{
    struct quota *quota = calloc(1, sizeof(*quota));

    if (quota != NULL) {
        pthread_mutex_init(&quota->mutex, NULL);
        quota->limit = limit;
        quota->window_ns = window_ms * UINT64_C(1000000);
        randombytes_buf(quota->secret, sizeof(quota->secret));
    }
    return quota;
}

void quota_destroy(struct quota *quota)
{
    if (quota != NULL) {
        pthread_mutex_destroy(&quota->mutex);
        free(quota);
    }
}

/* The key's slot, else a free one, else the one whose window is oldest. */
static struct quota_slot *quota_find(struct quota *quota, uint64_t key)
{
    struct quota_slot *set = &quota->slots[key % (QUOTA_SLOTS / QUOTA_WAYS) * QUOTA_WAYS];
    struct quota_slot *oldest = set;

    for (size_t i = 0; i < QUOTA_WAYS; i++) {
        if (set[i].count != 0 && set[i].key == key) {
            return &set[i];
        }
        if (oldest->count != 0 && (set[i].count == 0 || set[i].since.ns < oldest->since.ns)) {
            oldest = &set[i];
        }
    }
    *oldest = (struct quota_slot){.key = key};
    return oldest;
}

static uint32_t quota_count(struct quota *quota, uint64_t key, struct mono_time now, uint32_t *ret_over)
{
    struct quota_slot *slot = quota_find(quota, key);
    uint64_t passed;

    if (slot->count == 0 || mono_elapsed_ns(slot->since, now) >= quota->window_ns) {
        slot->since = now;
        slot->count = 0;
    }
    slot->count += slot->count < UINT32_MAX ? 1 : 0;
    if (slot->count <= quota->limit) {
        return 0;
    }
    *ret_over = slot->count - quota->limit;
    passed = mono_elapsed_ns(slot->since, now);
    return (uint32_t)((quota->window_ns - passed) / UINT64_C(1000000000)) + 1;
}

uint32_t quota_take(struct quota *quota, const void *key, size_t size, struct mono_time now, uint32_t *ret_over)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;
    uint32_t over = 0;
    uint32_t wait_s = 0;

    if (quota->limit != 0) {
        crypto_shorthash(hash, key, size, quota->secret);
        memcpy(&number, hash, sizeof(number));
        pthread_mutex_lock(&quota->mutex);
        wait_s = quota_count(quota, number, now, &over);
        pthread_mutex_unlock(&quota->mutex);
    }
    if (ret_over != NULL) {
        *ret_over = over;
    }
    return wait_s;
}
