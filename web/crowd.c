#include "web/crowd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* uthash's own choice falls through its cases without saying so, which clang warns of. Out of memory one address is not
 * counted. */
#define HASH_FUNCTION HASH_SAX
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) free(element)
#include <uthash.h>

struct crowd_address {
    unsigned char key[16 + sizeof(uint32_t)]; /* an IPv4 address has nought behind it, and a zone that none has */
    uint32_t count;
    UT_hash_handle hh;
};

struct crowd {
    pthread_mutex_t mutex;
    struct crowd_address *addresses;
};

struct crowd *crowd_create(void)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));

    if (crowd != NULL) {
        pthread_mutex_init(&crowd->mutex, NULL);
    }
    return crowd;
}

void crowd_destroy(struct crowd *crowd)
{
    struct crowd_address *address;

    if (crowd == NULL) {
        return;
    }
    address = crowd->addresses;
    HASH_CLEAR(hh, crowd->addresses);
    while (address != NULL) {
        struct crowd_address *next = address->hh.next;
        free(address);
        address = next;
    }
    pthread_mutex_destroy(&crowd->mutex);
    free(crowd);
}

static struct crowd_address *crowd_find(const struct crowd *crowd, const struct addr *address,
                                        unsigned char key[sizeof(((struct crowd_address *)0)->key)])
{
    uint32_t zone = address->is_ipv6 != 0 ? address->zone : UINT32_MAX;
    struct crowd_address *found = NULL;

    memcpy(key, address->bytes, 16);
    memcpy(key + 16, &zone, sizeof(zone));
    HASH_FIND(hh, crowd->addresses, key, 16 + sizeof(zone), found);
    return found;
}

void crowd_enter(struct crowd *crowd, const struct addr *address)
{
    unsigned char key[sizeof(((struct crowd_address *)0)->key)];
    struct crowd_address *found;

    pthread_mutex_lock(&crowd->mutex);
    found = crowd_find(crowd, address, key);
    if (found != NULL) {
        found->count++;
    } else {
        found = calloc(1, sizeof(*found));
        if (found != NULL) {
            memcpy(found->key, key, sizeof(key));
            found->count = 1;
            HASH_ADD(hh, crowd->addresses, key, sizeof(found->key), found);
        }
    }
    pthread_mutex_unlock(&crowd->mutex);
}

void crowd_leave(struct crowd *crowd, const struct addr *address)
{
    unsigned char key[sizeof(((struct crowd_address *)0)->key)];
    struct crowd_address *found;

    pthread_mutex_lock(&crowd->mutex);
    found = crowd_find(crowd, address, key);
    if (found != NULL && --found->count == 0) {
        HASH_DEL(crowd->addresses, found);
        free(found);
    }
    pthread_mutex_unlock(&crowd->mutex);
}

uint32_t crowd_of(struct crowd *crowd, const struct addr *address)
{
    unsigned char key[sizeof(((struct crowd_address *)0)->key)];
    const struct crowd_address *found;
    uint32_t count;

    pthread_mutex_lock(&crowd->mutex);
    found = crowd_find(crowd, address, key);
    count = found == NULL ? 0 : found->count;
    pthread_mutex_unlock(&crowd->mutex);
    return count;
}
