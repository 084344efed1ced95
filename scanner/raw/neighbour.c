#include "scanner/raw/neighbour.h"

#include "scanner/loss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* uthash's own choice falls through its cases without saying so, which clang warns of. */
#define HASH_FUNCTION HASH_SAX
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct key {
    uint8_t bytes[16];
    uint32_t zone;
    uint32_t link;
    uint32_t is_ipv6;
};

struct neighbour {
    struct key key;
    struct neighbour_question question;
    uint32_t number;
    uint8_t mac[ROUTE_MAC];
    bool known;
    bool spared;
    bool fixed;
    UT_hash_handle hh;
};

struct neighbours {
    struct neighbour *by_key;
    struct neighbour **all;
    size_t count;
    size_t room;
    size_t unknown;
    size_t at; /* in this round */
    uint32_t round;
    uint32_t rounds; /* that are to be, as far as is known */
    struct loss_counts found;
    bool asking; /* in a round, not in the rest behind it */
    struct pacer *pacer;
    struct pacer_rate rate;
    struct mono_time rest_until; /* the round's time-out, once all of it has been asked */
};

static struct key key_of(uint32_t link, const struct addr *addr)
{
    struct key key = {.link = link, .zone = addr->zone, .is_ipv6 = addr->is_ipv6};

    memcpy(key.bytes, addr->bytes, sizeof(key.bytes));
    return key;
}

static struct neighbour *find(const struct neighbours *neighbours, uint32_t link, const struct addr *addr,
                              struct key *ret_key)
{
    struct neighbour *found = NULL;

    *ret_key = key_of(link, addr);
    HASH_FIND(hh, neighbours->by_key, ret_key, sizeof(*ret_key), found);
    return found;
}

struct neighbours *neighbours_create(struct pacer *pacer)
{
    struct neighbours *neighbours = calloc(1, sizeof(*neighbours));

    if (neighbours != NULL) {
        neighbours->pacer = pacer;
        neighbours->rate = pacer_rate_of(NEIGHBOUR_RATE_PPS, 32);
        neighbours->rounds = NEIGHBOUR_TRIES;
    }
    return neighbours;
}

void neighbours_destroy(struct neighbours *neighbours)
{
    if (neighbours == NULL) {
        return;
    }
    HASH_CLEAR(hh, neighbours->by_key);
    for (size_t i = 0; i < neighbours->count; i++) {
        free(neighbours->all[i]);
    }
    free(neighbours->all);
    free(neighbours);
}

static int grow(struct neighbours *neighbours)
{
    size_t wanted = neighbours->room == 0 ? 64 : 2 * neighbours->room;
    struct neighbour **grown;

    if (neighbours->count < neighbours->room) {
        return 0;
    }
    grown = realloc(neighbours->all, wanted * sizeof(struct neighbour *));
    if (grown == NULL) {
        return -ENOMEM;
    }
    neighbours->all = grown;
    neighbours->room = wanted;
    return 0;
}

int64_t neighbours_add(struct neighbours *neighbours, const struct neighbour_question *question)
{
    struct key key;
    struct neighbour *neighbour = find(neighbours, question->link, &question->addr, &key);
    size_t before = HASH_COUNT(neighbours->by_key);

    if (neighbour != NULL) {
        return neighbour->number;
    }
    neighbour = grow(neighbours) == 0 ? calloc(1, sizeof(*neighbour)) : NULL;
    if (neighbour == NULL) {
        return -ENOMEM;
    }
    neighbour->key = key;
    neighbour->question = *question;
    neighbour->number = (uint32_t)neighbours->count;
    HASH_ADD(hh, neighbours->by_key, key, sizeof(neighbour->key), neighbour);
    if (HASH_COUNT(neighbours->by_key) == before) {
        free(neighbour);
        return -ENOMEM;
    }
    neighbours->all[neighbours->count++] = neighbour;
    neighbours->unknown++;
    return neighbour->number;
}

int64_t neighbours_find(const struct neighbours *neighbours, uint32_t link, const struct addr *addr)
{
    struct key key;
    const struct neighbour *neighbour = find(neighbours, link, addr, &key);

    return neighbour != NULL ? (int64_t)neighbour->number : -1;
}

void neighbours_spare(struct neighbours *neighbours, int64_t number)
{
    struct neighbour *neighbour = neighbours->all[number];

    neighbours->unknown -= neighbour->known || neighbour->spared ? 0 : 1;
    neighbour->spared = true;
}

/* Who was not heard in the first round shows that questions or answers get lost: then each find is followed by as many
 * rounds as are planned for the silent, and by as many in all as leave next to nobody to be missed. What is known
 * before it was asked for says nothing. */
static void heed_find(struct neighbours *neighbours)
{
    uint32_t round = neighbours->round + (neighbours->asking ? 1 : 0);
    uint32_t wanted;

    if (round == 0) {
        return;
    }
    neighbours->found.answers[round - 1]++;
    wanted = loss_tries(&neighbours->found, neighbours->rounds);
    if (round > 1 && wanted < round + NEIGHBOUR_TRIES) {
        wanted = round + NEIGHBOUR_TRIES;
    }
    wanted = wanted < NEIGHBOUR_TRIES_MOST ? wanted : NEIGHBOUR_TRIES_MOST;
    neighbours->rounds = wanted > neighbours->rounds ? wanted : neighbours->rounds;
}

void neighbours_learn(struct neighbours *neighbours, uint32_t link, const struct addr *addr,
                      const uint8_t mac[ROUTE_MAC])
{
    struct key key;
    struct neighbour *neighbour = find(neighbours, link, addr, &key);

    if (neighbour == NULL) {
        return;
    }
    memcpy(neighbour->mac, mac, ROUTE_MAC);
    if (!neighbour->known && !neighbour->spared) {
        neighbours->unknown--;
        heed_find(neighbours);
    }
    neighbour->known = true;
}

const struct neighbour_question *neighbours_question(const struct neighbours *neighbours, int64_t number)
{
    return &neighbours->all[number]->question;
}

void neighbours_fix(struct neighbours *neighbours, int64_t number)
{
    neighbours->all[number]->fixed = true;
}

bool neighbours_is_fixed(const struct neighbours *neighbours, int64_t number)
{
    return neighbours->all[number]->fixed;
}

const uint8_t *neighbours_mac(const struct neighbours *neighbours, int64_t number)
{
    const struct neighbour *neighbour = neighbours->all[number];

    return neighbour->known ? neighbour->mac : NULL;
}

/* All of this round has been asked: its answers are given their time, which doubles from round to round. */
static void end_round(struct neighbours *neighbours, struct mono_time now)
{
    uint32_t doublings = neighbours->round < NEIGHBOUR_TRIES ? neighbours->round : NEIGHBOUR_TRIES - 1;
    uint64_t rest_ms = (uint64_t)NEIGHBOUR_TIME_OUT_MS << doublings;

    neighbours->rest_until = mono_add_ns(now, rest_ms * 1000000);
    neighbours->round++;
    neighbours->at = 0;
    neighbours->asking = false;
}

static bool is_last_round(const struct neighbours *neighbours)
{
    return neighbours->round >= neighbours->rounds;
}

static bool begin_round(struct neighbours *neighbours, struct mono_time now)
{
    if (!neighbours->asking && (now.ns < neighbours->rest_until.ns || is_last_round(neighbours))) {
        return false;
    }
    neighbours->asking = true;
    return true;
}

bool neighbours_next(struct neighbours *neighbours, struct mono_time now, struct neighbour_question *ret_question)
{
    if (neighbours->unknown == 0 || !begin_round(neighbours, now)) {
        return false;
    }
    while (neighbours->at < neighbours->count &&
           (neighbours->all[neighbours->at]->known || neighbours->all[neighbours->at]->spared)) {
        neighbours->at++;
    }
    if (neighbours->at == neighbours->count) {
        end_round(neighbours, now);
        return false;
    }
    if (pacer_take(neighbours->pacer, &neighbours->rate, now, 1) == 0) {
        return false;
    }
    *ret_question = neighbours->all[neighbours->at++]->question;
    return true;
}

struct mono_time neighbours_wakeup(const struct neighbours *neighbours)
{
    struct mono_time due = pacer_next(neighbours->pacer, &neighbours->rate);

    return due.ns > neighbours->rest_until.ns ? due : neighbours->rest_until;
}

bool neighbours_done(const struct neighbours *neighbours, struct mono_time now)
{
    return neighbours->unknown == 0 ||
           (!neighbours->asking && now.ns >= neighbours->rest_until.ns && is_last_round(neighbours));
}
