#include "scanner/tracking.h"

/* More than connects can reach. */
static const uint64_t AMPLE_PPS = 1000000;

/* What may be sent until the next look without filling the table: at most half of the room that is left below the
 * trickle. A table that is small is neared so step by step, and never overrun between two looks. */
static uint64_t room_pps(const struct limits_table *table)
{
    uint64_t brim = table->max - table->max / 10;
    uint64_t room = brim > table->used ? brim - table->used : 0;
    uint64_t most_pps = room / 2 * TRACKING_LOOKS_PER_S;

    return most_pps > TRACKING_TRICKLE_PPS ? most_pps : TRACKING_TRICKLE_PPS;
}

/* After a loss half of what was sent when it happened, and then a quarter more with every look that sees none. */
static void ease(struct tracking *tracking, uint64_t lost, uint64_t sent)
{
    uint64_t sent_pps = sent * TRACKING_LOOKS_PER_S;

    if (lost > 0) {
        if (tracking->eased_pps == 0 || sent_pps < tracking->eased_pps) {
            tracking->eased_pps = sent_pps;
        }
        tracking->eased_pps /= 2;
    } else if (tracking->eased_pps > 0) {
        tracking->eased_pps += tracking->eased_pps / 4 + 1;
    }
    if (lost > 0 && tracking->eased_pps < TRACKING_TRICKLE_PPS) {
        tracking->eased_pps = TRACKING_TRICKLE_PPS;
    }
    if (tracking->eased_pps >= AMPLE_PPS) {
        tracking->eased_pps = 0;
    }
}

void tracking_look(struct tracking *tracking, const struct tracking_reading *reading, struct tracking_pace *ret_pace)
{
    const struct limits_table *table = &reading->table;
    /* Said once for each time that it fills. */
    bool near = table->known && table->used >= table->max / 4 * (tracking->near ? 2 : 3);
    struct tracking_pace pace = {.nears = near && !tracking->near};

    if (tracking->looked && reading->lost_known && reading->lost > tracking->lost) {
        pace.lost = reading->lost - tracking->lost;
    }
    ease(tracking, pace.lost, reading->sent - tracking->sent);
    pace.most_pps = table->known ? room_pps(table) : AMPLE_PPS;
    if (tracking->eased_pps > 0 && tracking->eased_pps < pace.most_pps) {
        pace.most_pps = tracking->eased_pps;
    }
    if (pace.most_pps >= AMPLE_PPS) {
        pace.most_pps = 0;
    }
    tracking->near = near;
    tracking->looked = true;
    tracking->lost = reading->lost;
    tracking->sent = reading->sent;
    *ret_pace = pace;
}
