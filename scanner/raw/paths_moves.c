/* Neighbours that are elsewhere than they were when the slab began: doubted, asked again, followed or given up. */
#include "scanner/raw/paths_inner.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

bool paths_may_move(const struct paths *paths, uint32_t host)
{
    return paths->settled && paths->hops[host] != NO_HOP && paths->ways[host].path < SKIPPED &&
           !paths->ways[host].proxied && !neighbours_is_fixed(paths->neighbours, paths->hops[host]);
}

static int doubt_hop(struct paths *paths, int64_t hop)
{
    const uint8_t *mac = neighbours_mac(paths->neighbours, hop);

    assert(mac != NULL);
    if (paths->doubt == NULL) {
        paths->doubt = doubt_create(&paths->pacer);
    }
    return paths->doubt == NULL ? -ENOMEM : doubt_add(paths->doubt, neighbours_question(paths->neighbours, hop), mac);
}

int paths_doubt(struct paths *paths, uint32_t host)
{
    return paths_may_move(paths, host) ? doubt_hop(paths, paths->hops[host]) : 0;
}

int paths_doubt_heard(struct paths *paths)
{
    int64_t heard = paths->heard;

    paths->heard = -1;
    return heard >= 0 ? doubt_hop(paths, heard) : 0;
}

bool paths_is_doubting(const struct paths *paths)
{
    return paths->doubt != NULL;
}

bool paths_doubt_is_over(const struct paths *paths, struct mono_time now)
{
    return doubt_is_over(paths->doubt, now);
}

static const uint8_t *new_mac(const struct paths *paths, uint32_t host)
{
    const struct neighbour_question *question;

    if (!paths_may_move(paths, host)) {
        return NULL;
    }
    question = neighbours_question(paths->neighbours, paths->hops[host]);
    return doubt_moved(paths->doubt, question->link, &question->addr);
}

bool paths_has_moved(const struct paths *paths, uint32_t host)
{
    return paths->doubt != NULL && new_mac(paths, host) != NULL;
}

static bool is_told_gone(const struct paths *paths, const struct addr *hop)
{
    for (uint32_t i = 0; i < paths->gone_count; i++) {
        if (addr_equal(&paths->gone[i], hop)) {
            return true;
        }
    }
    return false;
}

/* Each once in a scan. */
static void tell_gone(struct paths *paths)
{
    for (size_t i = 0; i < doubt_count(paths->doubt) && paths->gone_count < GONE_TOLD; i++) {
        const struct neighbour_question *question = doubt_gone(paths->doubt, i);
        if (question != NULL && !is_told_gone(paths, &question->addr)) {
            paths->gone[paths->gone_count++] = question->addr;
            paths->options.gone(paths->options.context, &question->addr);
        }
    }
}

void paths_end_doubt(struct paths *paths)
{
    tell_gone(paths);
    for (uint32_t host = 0; host < paths->hosts.count; host++) {
        const uint8_t *mac = new_mac(paths, host);
        uint32_t hop = paths->hops[host];
        if (mac == NULL) {
            continue;
        }
        memcpy(paths->ways[host].mac, mac, ROUTE_MAC);
        if (memcmp(neighbours_mac(paths->neighbours, hop), mac, ROUTE_MAC) != 0) {
            const struct neighbour_question *question = neighbours_question(paths->neighbours, hop);
            neighbours_learn(paths->neighbours, question->link, &question->addr, mac);
            paths->options.moved(paths->options.context, &question->addr, mac);
        }
    }
    doubt_destroy(paths->doubt);
    paths->doubt = NULL;
}
