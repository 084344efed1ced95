#include "scanner/service/inquiry_inside.h"

bool inquiry_is_open(const struct inquiry *inquiry)
{
    return inquiry->stage == STAGE_CONNECTING || inquiry->stage == STAGE_SHAKING || inquiry->stage == STAGE_LISTENING ||
           inquiry->stage == STAGE_TALKING || inquiry->stage == STAGE_SECURING || inquiry->stage == STAGE_PARTING;
}

/* Time. */

uint64_t inquiry_rtt_ms(const struct inquiry *inquiry)
{
    uint32_t rtt_us = inquiry->options.rtt_us < RTT_MAX_US ? inquiry->options.rtt_us : RTT_MAX_US;

    return rtt_us / 1000;
}

static uint64_t spent_ns(const struct inquiry *inquiry, struct mono_time now)
{
    return inquiry->spent_ns + (inquiry_is_open(inquiry) ? mono_elapsed_ns(inquiry->began, now) : 0);
}

/* Never past the end of the whole inquiry. */
void inquiry_wait_for(struct inquiry *inquiry, struct mono_time now, uint64_t wait_ms)
{
    uint64_t spent_ms = spent_ns(inquiry, now) / NS_PER_MS;
    uint64_t left_ms = spent_ms < INQUIRY_TIME_MAX_MS ? INQUIRY_TIME_MAX_MS - spent_ms : 0;

    inquiry->deadline = mono_add_ns(now, (wait_ms < left_ms ? wait_ms : left_ms) * NS_PER_MS);
}

/* Whether there is time for something further to be tried. */
bool inquiry_has_time(const struct inquiry *inquiry)
{
    uint64_t most_ms = inquiry->options.brief ? BRIEF_MS + 6 * inquiry_rtt_ms(inquiry) : inquiry->options.silent_ms;

    return inquiry->spent_ns - inquiry->layer_began_ns < most_ms * NS_PER_MS;
}

/* Who ends connections has read what it was asked, and who reads nothing at all never will. */
bool inquiry_may_be_slow(const struct inquiry *inquiry)
{
    return !inquiry->spoke && inquiry->manners.ends + inquiry->manners.resets + inquiry->manners.stuck == 0;
}

uint64_t inquiry_greet_wait_ms(const struct inquiry *inquiry)
{
    uint64_t least = GREET_MS > 3 * inquiry_rtt_ms(inquiry) ? GREET_MS : 3 * inquiry_rtt_ms(inquiry);

    if (inquiry->options.brief) {
        return GREET_BRIEF_MS > least ? GREET_BRIEF_MS : least;
    }
    if (inquiry->slow_ms > 0) {
        return 2 * inquiry->slow_ms + GREET_EXPECTED_MS;
    }
    if (inquiry->errand == ERRAND_LINGER && inquiry_may_be_slow(inquiry)) {
        return INQUIRY_KEPT_MS + 3 * inquiry_rtt_ms(inquiry);
    }
    if (inquiry->errand == ERRAND_LINGER || (inquiry->protocol != NULL && inquiry->protocol->greets) ||
        candidates_expect_greeting(&inquiry->candidates)) {
        return GREET_EXPECTED_MS + 3 * inquiry_rtt_ms(inquiry);
    }
    return least;
}

/* Whether the connection at hand may be kept aside: the first in clear, when it was asked and nothing at all was said.
 * Not that of a delicate server, which is to see one at a time. */
bool inquiry_may_keep(const struct inquiry *inquiry)
{
    return inquiry->errand == ERRAND_LISTEN && !inquiry->candidates.secured && inquiry->aside == ASIDE_NONE &&
           !inquiry->heard && !inquiry->options.brief && !inquiry->delicate &&
           !candidates_expect_delicate(&inquiry->candidates);
}

/* A port's own protocol, and the first that is asked on a connection that was listened to, are given time; the others
 * as much as the server's answers so far needed, and some more. */
static uint64_t answer_wait_ms(const struct inquiry *inquiry)
{
    const struct protocol *protocol = inquiry->protocol;
    uint64_t quick_ms = 8 * inquiry->answered_ns / NS_PER_MS + ANSWER_LEAST_MS;
    uint64_t wait_ms = ANSWER_MS;

    if (inquiry->options.brief) {
        wait_ms = ANSWER_BRIEF_MS;
    } else if (inquiry->dialogue.recognised || candidates_is_likely(&inquiry->candidates, protocol)) {
        wait_ms = ANSWER_EXPECTED_MS > protocol->patience_ms ? ANSWER_EXPECTED_MS : protocol->patience_ms;
    } else if (inquiry_may_keep(inquiry)) {
        wait_ms = ANSWER_KEPT_MS;
    } else if (inquiry->errand == ERRAND_LISTEN || inquiry->hint == protocol) {
        wait_ms = ANSWER_FIRST_MS;
    } else if (inquiry->answered_ns > 0 && quick_ms < wait_ms) {
        wait_ms = quick_ms;
    }
    return wait_ms + 3 * inquiry_rtt_ms(inquiry);
}

uint64_t inquiry_shake_wait_ms(const struct inquiry *inquiry)
{
    bool expected = inquiry->heard || inquiry->tls_stood || candidates_expect_tls(&inquiry->candidates);
    uint64_t wait_ms = inquiry->options.brief ? BRIEF_MS : expected ? SHAKE_MS : SHAKE_GUESSED_MS;

    return wait_ms + 3 * inquiry_rtt_ms(inquiry);
}

uint64_t inquiry_talk_left_ms(const struct inquiry *inquiry, struct mono_time now)
{
    uint64_t most_ms = TALK_MAX_MS + (uint64_t)inquiry->protocol->patience_ms;
    uint64_t so_far_ms = mono_elapsed_ns(inquiry->began, now) / NS_PER_MS;

    return so_far_ms < most_ms ? most_ms - so_far_ms : 0;
}

void inquiry_wait_for_answer(struct inquiry *inquiry, struct mono_time now)
{
    uint64_t wait_ms = answer_wait_ms(inquiry);
    uint64_t left_ms = inquiry_talk_left_ms(inquiry, now);

    inquiry_wait_for(inquiry, now, wait_ms < left_ms ? wait_ms : left_ms);
}
