#include "scanner/raw/doubt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* By its number among the neighbours. */
struct asked {
    uint8_t before[ROUTE_MAC];
    uint8_t other[ROUTE_MAC];
    bool has_other;
};

struct doubt {
    struct neighbours *neighbours;
    struct asked *asked;
    size_t count;
    size_t room;
};

struct doubt *doubt_create(struct pacer *pacer)
{
    struct doubt *doubt = calloc(1, sizeof(*doubt));

    if (doubt != NULL) {
        doubt->neighbours = neighbours_create(pacer);
    }
    if (doubt != NULL && doubt->neighbours == NULL) {
        free(doubt);
        return NULL;
    }
    return doubt;
}

void doubt_destroy(struct doubt *doubt)
{
    if (doubt == NULL) {
        return;
    }
    neighbours_destroy(doubt->neighbours);
    free(doubt->asked);
    free(doubt);
}

int doubt_add(struct doubt *doubt, const struct neighbour_question *question, const uint8_t mac[ROUTE_MAC])
{
    int64_t number;

    if (doubt->count == doubt->room) {
        size_t wanted = doubt->room == 0 ? 8 : 2 * doubt->room;
        struct asked *grown = realloc(doubt->asked, wanted * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        doubt->asked = grown;
        doubt->room = wanted;
    }
    number = neighbours_add(doubt->neighbours, question);
    if (number < 0) {
        return (int)number;
    }
    if ((size_t)number == doubt->count) {
        doubt->asked[doubt->count] = (struct asked){.has_other = false};
        memcpy(doubt->asked[doubt->count].before, mac, ROUTE_MAC);
        doubt->count++;
    }
    return 0;
}

bool doubt_next(struct doubt *doubt, struct mono_time now, struct neighbour_question *ret_question)
{
    return neighbours_next(doubt->neighbours, now, ret_question);
}

/* Another address ends no question: the one before may still answer. */
void doubt_learn(struct doubt *doubt, uint32_t link, const struct addr *addr, const uint8_t mac[ROUTE_MAC])
{
    int64_t number = neighbours_find(doubt->neighbours, link, addr);
    struct asked *asked;

    if (number < 0) {
        return;
    }
    asked = &doubt->asked[number];
    if (memcmp(asked->before, mac, ROUTE_MAC) == 0) {
        neighbours_learn(doubt->neighbours, link, addr, mac);
        return;
    }
    memcpy(asked->other, mac, ROUTE_MAC);
    asked->has_other = true;
}

struct mono_time doubt_wakeup(const struct doubt *doubt)
{
    return neighbours_wakeup(doubt->neighbours);
}

bool doubt_is_over(const struct doubt *doubt, struct mono_time now)
{
    return neighbours_done(doubt->neighbours, now);
}

const uint8_t *doubt_moved(const struct doubt *doubt, uint32_t link, const struct addr *addr)
{
    int64_t number = neighbours_find(doubt->neighbours, link, addr);

    if (number < 0 || neighbours_mac(doubt->neighbours, number) != NULL || !doubt->asked[number].has_other) {
        return NULL;
    }
    return doubt->asked[number].other;
}

const struct neighbour_question *doubt_gone(const struct doubt *doubt, size_t n)
{
    int64_t number = (int64_t)n;

    return neighbours_mac(doubt->neighbours, number) == NULL && !doubt->asked[n].has_other
               ? neighbours_question(doubt->neighbours, number)
               : NULL;
}

size_t doubt_count(const struct doubt *doubt)
{
    return doubt->count;
}
