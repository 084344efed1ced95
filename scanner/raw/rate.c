#include "scanner/raw/rate.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

static const uint64_t NS_PER_MS = 1000000;
static const double NS_PER_S = 1e9;

/* A share counts as lower when chance alone would show it in one window of 30,000 … */
static const double LOW_SIGMAS = 4;
/* … and it is lower by so much that it matters: what a retransmission mends anyway is not worth a slower scan. */
static const double LOW_SHARE = 0.985;
/* … and by so many packets: fewer are chance, whatever a normal distribution says of so few. */
static const double LOW_PACKETS = 2.5;
/* What is held stays this far below what got through. */
static const double HOLD_SHARE = 0.96;
static const double DOUBT_SHARE = 0.8;
/* Of what was sent, so much lost here is mended by a retransmission; more slows down by twice its share, at most by
 * half. */
static const double LOCAL_SHARE = 0.002;
static const double LOCAL_STEP_MOST = 0.5;
/* Attempts that succeed grow bolder. */
static const double BOOST = 1.3;
static const double STEP_MOST = 2;

enum {
    /* Answers that must have been expected before the rate doubles, unless that takes longer than PATIENCE_MS. */
    GROW_ANSWERS = 8,
    PATIENCE_MS = 5,
    DOUBT_ANSWERS = 100,
    DOUBT_MS = 200,
    /* As many low windows in a row are no burst. */
    CONFIRM_WINDOWS = 2,
    CHECK_ANSWERS = 100,
    CHECK_MS_MOST = 1000,
    /* Attempts upwards: their evidence at least, their pause, doubled with each that fails. */
    TRY_ANSWERS = 256,
    TRY_MS = 50,
    TRY_MS_WANTED = 500,
    TRY_MS_MOST = 3000,
    PAUSE_MS = 100,
    PAUSE_MS_MOST = 5000,
    LOCAL_MS = 5,
    LOCAL_LEAST = 8,
    /* A slow-down is believed when the same rate fails a second time within. */
    STRIKE_MS = 10000,
    /* The evidence of what is held forgets by halves, so that it notices what changes. */
    STAGE_ANSWERS_MOST = 20000,
};

enum rate_phase {
    RATE_GROWING,  /* doubles */
    RATE_CHECKING, /* has slowed down: was it the rate? */
    RATE_HOLDING,
    RATE_TRYING, /* a little more than what is held */
};

struct evidence {
    double sent;
    double answered;
    double span_ns;
};

struct rate {
    struct rate_options options;
    uint64_t limit_pps;
    _Atomic uint64_t pps;
    struct mono_time due;
    enum rate_phase phase;
    struct evidence base;    /* of this slab at rates that lost nothing */
    struct evidence stage;   /* at the present rate */
    double waited_ns;        /* at about this rate, before it */
    struct evidence suspect; /* low windows in a row */
    struct evidence flagged; /* what led to the check */
    uint32_t suspicions;
    uint64_t before_pps; /* the rate to return to when the check says so, or the attempt fails */
    double step;         /* of the attempt */
    double boost;
    double believed_pps;  /* clean, by enough answers */
    struct evidence held; /* of what is returned to when the attempt fails */
    double strike_pps;    /* that failed last */
    uint64_t strike_ns;
    uint64_t local_lost;
    double reached_pps; /* by the latest window */
    bool was_growing;
    bool local; /* what stands in the way is this machine's own */
    uint64_t known_pps;
    uint64_t pause_ms;
    uint64_t held_since_ns;
    uint64_t local_ns;
    struct rate_figures figures;
};

static uint64_t ceiling_of(const struct rate *rate)
{
    uint64_t ceiling = rate->options.ceiling_pps == 0 ? RATE_UNLIMITED : rate->options.ceiling_pps;

    return rate->limit_pps != 0 && rate->limit_pps < ceiling ? rate->limit_pps : ceiling;
}

static void set_pps(struct rate *rate, double pps)
{
    double ceiling = (double)ceiling_of(rate);
    uint64_t value;

    if (rate->options.brakeless) {
        atomic_store_explicit(&rate->pps, ceiling_of(rate), memory_order_relaxed);
        return;
    }
    pps = fmin(fmax(pps, RATE_LEAST_PPS), 1e9);
    value = pps < ceiling ? (uint64_t)pps : ceiling_of(rate);
    if (value != rate_pps(rate)) {
        atomic_store_explicit(&rate->pps, value, memory_order_relaxed);
        rate->stage = (struct evidence){0};
        rate->waited_ns = 0;
    }
}

struct rate *rate_create(const struct rate_options *options)
{
    struct rate *rate = calloc(1, sizeof(*rate));

    if (rate != NULL) {
        rate->options = *options;
        rate->pause_ms = PAUSE_MS;
        rate->boost = 1;
        set_pps(rate, RATE_FIRST_PPS);
    }
    return rate;
}

void rate_destroy(struct rate *rate)
{
    free(rate);
}

uint64_t rate_pps(const struct rate *rate)
{
    return atomic_load_explicit(&rate->pps, memory_order_relaxed);
}

void rate_limit(struct rate *rate, uint64_t ceiling_pps)
{
    rate->limit_pps = ceiling_pps;
    set_pps(rate, (double)rate_pps(rate));
}

void rate_keep_due(struct rate *rate, struct mono_time due)
{
    rate->due = due;
}

struct mono_time rate_due(const struct rate *rate, struct mono_time now)
{
    return rate->due.ns <= mono_add_ns(now, UINT64_C(1000000000)).ns ? rate->due : (struct mono_time){0};
}

static double share_of(const struct evidence *evidence)
{
    return evidence->sent > 0 ? evidence->answered / evidence->sent : 0;
}

static void begin(struct rate *rate, double share, struct mono_time now)
{
    double held = (double)rate_pps(rate);

    if (rate->options.brakeless) {
        return;
    }
    /* What ended while it still grew has met no limit, however short it was; what ended in a check has not been found
     * guilty. */
    if (rate->phase == RATE_HOLDING || rate->phase == RATE_TRYING) {
        rate->known_pps = (uint64_t)held;
    }
    rate->phase = RATE_GROWING;
    rate->base = (struct evidence){0};
    rate->stage = (struct evidence){0};
    rate->suspicions = 0;
    rate->believed_pps = 0;
    rate->held_since_ns = now.ns;
    set_pps(rate, fmin(held, fmax(held * share, RATE_FIRST_PPS)));
}

void rate_begin_slab(struct rate *rate, struct mono_time now)
{
    begin(rate, 0.25, now);
}

void rate_begin_wave(struct rate *rate, struct mono_time now)
{
    double waited_ns = rate->stage.span_ns + rate->waited_ns;

    begin(rate, 0.99, now);
    rate->waited_ns = waited_ns;
}

void rate_begin_heard(struct rate *rate, struct mono_time now)
{
    begin(rate, share_of(&rate->base), now);
}

static void gather(struct evidence *into, const struct evidence *more)
{
    into->sent += more->sent;
    into->answered += more->answered;
    into->span_ns += more->span_ns;
}

/* How many answers the base would have let expect. */
static double expected_in(const struct rate *rate, const struct evidence *evidence)
{
    return evidence->sent * share_of(&rate->base);
}

/* Two proportions (the pooled z test, one-sided), half an event put to either side so that a share of 1 has a spread.
 */
static bool is_lower(const struct evidence *here, const struct evidence *there, double matters)
{
    double pooled;
    double spread;

    if (here->sent <= 0 || there->sent <= 0 || share_of(here) >= matters * share_of(there) ||
        here->sent * share_of(there) - here->answered < LOW_PACKETS) {
        return false;
    }
    pooled = (here->answered + there->answered + 1) / (here->sent + there->sent + 2);
    spread = sqrt(fmax(0, pooled * (1 - pooled)) * (1 / here->sent + 1 / there->sent));
    return share_of(there) - share_of(here) > LOW_SIGMAS * spread;
}

static double actual_pps(const struct evidence *evidence)
{
    return evidence->span_ns > 0 ? evidence->sent / evidence->span_ns * NS_PER_S : 0;
}

static void note_clean(struct rate *rate, const struct evidence *evidence)
{
    double pps = actual_pps(evidence);

    if (pps > (double)rate->figures.highest_pps) {
        rate->figures.highest_pps = (uint64_t)pps;
    }
}

static void hold(struct rate *rate, double pps, struct mono_time now)
{
    rate->phase = RATE_HOLDING;
    rate->held_since_ns = now.ns;
    rate->suspicions = 0;
    set_pps(rate, pps);
    rate->known_pps = rate_pps(rate);
}

/* Doubles again, up to what is known to be too much. */
static void grow_to(struct rate *rate, double known_pps)
{
    rate->phase = RATE_GROWING;
    rate->suspicions = 0;
    rate->known_pps = (uint64_t)fmax(known_pps, RATE_LEAST_PPS);
    rate->stage = (struct evidence){0};
}

/* To what got through, and a little below. Whether the rate was at fault is seen there. Senders that stood still for a
 * moment sent little in these windows, which says nothing of what the network bears: what they sent before counts too.
 */
static void back_off(struct rate *rate, struct mono_time now)
{
    double through = share_of(&rate->suspect) / fmax(share_of(&rate->base), 1e-12);
    double sent_pps = fmax(actual_pps(&rate->suspect), actual_pps(&rate->stage));

    rate->flagged = rate->suspect;
    rate->before_pps = rate_pps(rate);
    rate->was_growing = rate->phase == RATE_GROWING;
    rate->phase = RATE_CHECKING;
    rate->held_since_ns = now.ns;
    rate->suspicions = 0;
    rate->local = false;
    set_pps(rate, sent_pps * fmin(fmax(through, 0.02), 1) * HOLD_SHARE);
}

/* Low windows in a row, taken together; true when they are too many for a burst. */
static bool suspect(struct rate *rate, const struct evidence *window)
{
    bool low = is_lower(window, &rate->base, LOW_SHARE) || is_lower(&rate->stage, &rate->base, LOW_SHARE);

    if (!low) {
        rate->suspicions = 0;
        return false;
    }
    if (rate->suspicions++ == 0) {
        rate->suspect = (struct evidence){0};
    }
    gather(&rate->suspect, window);
    return rate->suspicions >= CONFIRM_WINDOWS && is_lower(&rate->suspect, &rate->base, LOW_SHARE);
}

static bool has_waited(const struct rate *rate, double answers, double most_ms)
{
    return fmax(expected_in(rate, &rate->stage), rate->stage.answered) >= answers ||
           rate->stage.span_ns + rate->waited_ns >= most_ms * (double)NS_PER_MS;
}

/* Where answers are few, doubling would outrun the evidence: a share that looks lower, by more than one sigma of the
 * difference, is looked at for longer. The base's own share is as uncertain while its answers are few: one that was
 * lucky is no reason to wait. */
static bool is_doubtful(const struct rate *rate)
{
    double expected = expected_in(rate, &rate->stage);
    double sigma = sqrt(expected + expected * expected / fmax(rate->base.answered, 1));

    return rate->base.answered > 0 && rate->stage.answered < fmin(DOUBT_SHARE * expected, expected - sigma);
}

/* Where answers come often and are back within a millisecond, the wait for them, and for the next window, is what takes
 * time: two steps in one. */
static double growth(const struct evidence *stage)
{
    static const double SHORT_NS = 2.5e6;

    return stage->span_ns <= SHORT_NS && stage->answered >= GROW_ANSWERS ? 4 : 2;
}

static void hear_growing(struct rate *rate, const struct evidence *window, struct mono_time now)
{
    double pps = (double)rate_pps(rate);

    if (suspect(rate, window)) {
        back_off(rate, now);
        return;
    }
    if (rate->suspicions > 0 || !has_waited(rate, GROW_ANSWERS, PATIENCE_MS) ||
        (is_doubtful(rate) && !has_waited(rate, DOUBT_ANSWERS, DOUBT_MS))) {
        return;
    }
    if (is_doubtful(rate) && expected_in(rate, &rate->stage) >= DOUBT_ANSWERS) {
        rate->suspect = rate->stage;
        back_off(rate, now);
        return;
    }
    gather(&rate->base, &rate->stage);
    note_clean(rate, &rate->stage);
    if (rate->known_pps != 0 && pps >= (double)rate->known_pps) {
        hold(rate, pps, now);
        return;
    }
    /* What the senders cannot reach is no rate that was tried (as RFC 7661 has it of a congestion window). */
    if (actual_pps(&rate->stage) < pps * 0.7) {
        rate->stage = (struct evidence){0};
        return;
    }
    pps *= growth(&rate->stage);
    set_pps(rate, rate->known_pps > 0 ? fmin(pps, (double)rate->known_pps) : pps);
}

/* The lower rate is clean. A machine that stood still for a moment looks the same: what fails once is tried again. */
static void settle(struct rate *rate, struct mono_time now)
{
    double failed = (double)rate->before_pps;
    bool again = rate->strike_pps > 0 && failed < 1.6 * rate->strike_pps && failed > 0.6 * rate->strike_pps &&
                 now.ns < rate->strike_ns + STRIKE_MS * NS_PER_MS;

    rate->strike_pps = failed;
    rate->strike_ns = now.ns;
    rate->believed_pps = (double)rate_pps(rate);
    if (again) {
        hold(rate, (double)rate_pps(rate), now);
    } else {
        grow_to(rate, 0.9 * failed);
    }
}

static void hear_checking(struct rate *rate, const struct evidence *window, struct mono_time now)
{
    double half = (share_of(&rate->base) + share_of(&rate->flagged)) / 2;
    /* A base of few answers may have been luck, which looks like a loss at any rate. */
    bool better = share_of(&rate->stage) > half && is_lower(&rate->flagged, &rate->stage, 1);

    (void)window;
    if (!has_waited(rate, CHECK_ANSWERS, CHECK_MS_MOST)) {
        return;
    }
    if (better && is_lower(&rate->stage, &rate->base, LOW_SHARE)) {
        /* Better, and not yet well. */
        rate->suspect = rate->stage;
        rate->figures.slowdowns++;
        back_off(rate, now);
    } else if (better) {
        rate->figures.slowdowns++;
        note_clean(rate, &rate->stage);
        gather(&rate->base, &rate->stage);
        settle(rate, now);
    } else {
        /* As low at a lower rate, or as high as ever: not the rate's business. */
        if (is_lower(&rate->stage, &rate->base, 1)) {
            rate->base = rate->stage;
        } else {
            gather(&rate->base, &rate->stage);
        }
        rate->phase = rate->was_growing ? RATE_GROWING : RATE_HOLDING;
        rate->held_since_ns = now.ns;
        rate->stage = (struct evidence){0};
        set_pps(rate, (double)rate->before_pps);
    }
}

/* As many answers as show, at four sigmas on either side, the loss that the step brings where there is no more room. */
static double try_answers(const struct rate *rate, double step)
{
    double loss = 1 - 1 / step;

    return fmax(TRY_ANSWERS, 32 / (loss * loss) * (1 - share_of(&rate->base)));
}

/* The smallest step that is told from none within TRY_MS_WANTED. */
static double try_step(const struct rate *rate)
{
    static const double steps[] = {1.08, 1.25, 1.6};
    double answers = (double)rate_pps(rate) * share_of(&rate->base) * TRY_MS_WANTED / 1000;
    size_t i = 0;

    while (i + 1 < sizeof(steps) / sizeof(steps[0]) && try_answers(rate, steps[i]) > answers) {
        i++;
    }
    return steps[i];
}

/* What is held has shown enough answers to be believed clean; the base learns from nothing else. */
static bool is_believed(struct rate *rate, const struct evidence *window)
{
    double wanted = try_answers(rate, try_step(rate));

    if (rate->suspicions > 0) {
        return false;
    }
    if (rate->believed_pps >= (double)rate_pps(rate)) {
        if (rate->base.answered < 2 * wanted) {
            gather(&rate->base, window);
        }
        return true;
    }
    if (expected_in(rate, &rate->stage) < wanted) {
        return false;
    }
    rate->believed_pps = (double)rate_pps(rate);
    gather(&rate->base, &rate->stage);
    return true;
}

static void hear_holding(struct rate *rate, const struct evidence *window, struct mono_time now)
{
    double pps = (double)rate_pps(rate);
    bool reached = actual_pps(&rate->stage) >= pps * 0.7;
    bool believed;

    if (suspect(rate, window)) {
        rate->believed_pps = 0;
        back_off(rate, now);
        return;
    }
    if (rate->stage.answered > STAGE_ANSWERS_MOST) {
        rate->stage.sent /= 2;
        rate->stage.answered /= 2;
        rate->stage.span_ns /= 2;
    }
    believed = is_believed(rate, window) && rate->base.answered >= try_answers(rate, try_step(rate));
    if (now.ns < rate->held_since_ns + rate->pause_ms * NS_PER_MS || !reached || pps >= (double)ceiling_of(rate) ||
        rate->suspicions > 0 || (!believed && !rate->local)) {
        return;
    }
    note_clean(rate, &rate->stage);
    rate->held = rate->stage;
    rate->before_pps = rate_pps(rate);
    rate->phase = RATE_TRYING;
    rate->held_since_ns = now.ns;
    rate->step = fmin(try_step(rate) * rate->boost, STEP_MOST);
    set_pps(rate, pps * rate->step);
}

static void try_failed(struct rate *rate, struct mono_time now)
{
    rate->pause_ms = rate->pause_ms * 2 < PAUSE_MS_MOST ? rate->pause_ms * 2 : PAUSE_MS_MOST;
    rate->boost = 1;
    hold(rate, (double)rate->before_pps, now);
    rate->stage = rate->held;
}

static void hear_trying(struct rate *rate, const struct evidence *window, struct mono_time now)
{
    bool enough = expected_in(rate, &rate->stage) >= try_answers(rate, rate->step);

    if (suspect(rate, window)) {
        try_failed(rate, now);
        return;
    }
    if (rate->stage.span_ns < TRY_MS * (double)NS_PER_MS || rate->suspicions > 0) {
        return;
    }
    if (enough || rate->local) {
        rate->pause_ms = PAUSE_MS;
        rate->boost *= BOOST;
        note_clean(rate, &rate->stage);
        rate->believed_pps = rate->local ? rate->believed_pps : (double)rate_pps(rate);
        hold(rate, (double)rate_pps(rate), now);
    } else if (rate->stage.span_ns > TRY_MS_MOST * (double)NS_PER_MS) {
        try_failed(rate, now);
    }
}

void rate_hear_window(struct rate *rate, const struct rate_window *window, struct mono_time now)
{
    static void (*const heard[])(struct rate *, const struct evidence *, struct mono_time) = {
        [RATE_GROWING] = hear_growing,
        [RATE_CHECKING] = hear_checking,
        [RATE_HOLDING] = hear_holding,
        [RATE_TRYING] = hear_trying,
    };
    struct evidence evidence = {(double)window->sent, (double)window->answered, (double)window->span_ns};

    assert(window->answered <= window->sent);
    if (window->sent == 0) {
        return;
    }
    if (rate->options.brakeless) {
        note_clean(rate, &evidence);
        return;
    }
    rate->reached_pps = actual_pps(&evidence);
    if (window->aimed_pps != rate_pps(rate)) {
        return; /* of a rate that is over: its word was heard, or its successor's is better */
    }
    gather(&rate->stage, &evidence);
    heard[rate->phase](rate, &evidence, now);
}

bool rate_doubts(const struct rate *rate, const struct rate_window *window)
{
    struct evidence evidence = {(double)window->sent, (double)window->answered, (double)window->span_ns};
    struct evidence all = rate->stage;

    if (rate->options.brakeless || window->aimed_pps != rate_pps(rate)) {
        return false;
    }
    gather(&all, &evidence);
    return is_lower(&evidence, &rate->base, LOW_SHARE) || is_lower(&all, &rate->base, LOW_SHARE);
}

void rate_hear_lost_here(struct rate *rate, uint64_t packets, struct mono_time now)
{
    uint64_t since_ns = rate->local_ns == 0 ? UINT64_MAX : now.ns - rate->local_ns;
    double pps = (double)rate_pps(rate);
    double share;
    uint64_t lost;

    rate->figures.lost_here += packets;
    rate->local_lost += packets;
    if (rate->local_lost == 0 || rate->options.brakeless || since_ns < LOCAL_MS * NS_PER_MS) {
        return;
    }
    /* Of what left meanwhile; what was lost after a long calm was lost lately. */
    since_ns = since_ns < 4 * NS_PER_MS * LOCAL_MS ? since_ns : LOCAL_MS * NS_PER_MS;
    pps = rate->reached_pps > 0 ? fmin(pps, 1.25 * rate->reached_pps) : pps;
    share = (double)rate->local_lost * NS_PER_S / (pps * (double)since_ns);
    lost = rate->local_lost;
    rate->local_lost = 0;
    rate->local_ns = now.ns;
    if (share < LOCAL_SHARE || lost < LOCAL_LEAST) {
        return;
    }
    rate->local = true;
    rate->figures.slowdowns++;
    grow_to(rate, pps * (1 - fmin(share, LOCAL_STEP_MOST) / 4));
    set_pps(rate, pps * (1 - fmin(2 * share, LOCAL_STEP_MOST)));
}

struct rate_figures rate_figures(const struct rate *rate)
{
    struct rate_figures figures = rate->figures;

    figures.held_pps = rate_pps(rate);
    return figures;
}
