#include "scanner/raw/patience.h"

#include "scanner/timers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    GROUP_MOST = 63,
    /* Tries of the volley's passes have the numbers below; groups take turns among the rest. */
    TRY_FIRST = 13,
    TRIES = LOSS_PASSES_MAX - TRY_FIRST,
    /* So many errors in a row without running dry, and the host is asked a little faster. */
    STREAK = 4,
    STREAKS_MOST = 5,
    /* The pace is told once so many have come at it, if it makes the scan so much longer. */
    MEASURED_ERRORS = 8,
    LIMITED_LEAST_S = 10,
};

static const uint64_t NS_PER_S = UINT64_C(1000000000);
static const uint64_t NS_PER_US = 1000;
/* Between two errors: at first, at least (no limit that is known is above), and at most. */
static const uint64_t GAP_FIRST_NS = 20000000;
static const uint64_t GAP_LEAST_NS = 200000;
static const uint64_t GAP_MOST_NS = UINT64_C(8000000000);
static const uint64_t HEARING_LEAST_NS = 25000000;
static const uint32_t NONE = UINT32_MAX;

enum stage {
    RESTING, /* until its timer */
    ASKING,  /* a group is leaving; where the host has a ceiling, the next of it at the timer */
    HEARING, /* it has left; until its timer, or its last probe is answered */
    OVER,
};

struct patient {
    uint32_t *silent; /* probes; from `at` on stand those of the group */
    uint8_t *calm;    /* how often each was silent while there was an error to be had */
    uint32_t count;
    uint32_t at;
    uint32_t group; /* how many */
    uint32_t given; /* of these and the control */
    uint32_t control;
    uint32_t wanted; /* size of the next group */
    uint64_t gap_ns;
    uint64_t begun_ns;
    uint64_t sent_ns;  /* the latest of the group */
    uint64_t answered; /* of the group, by place; the control's is at `group` */
    uint64_t learnt_ns;
    uint32_t errors; /* since then */
    uint32_t streak; /* errors since it ran dry */
    uint32_t streaks;
    uint8_t turn; /* of groups */
    enum stage stage;
    bool controlled; /* the group has the control behind it */
    bool doubtful;   /* the next one must have it */
    bool learnt;     /* it has run dry, and answered after */
    bool dry;        /* the latest group had no answer at all */
    bool told;
};

struct patience {
    struct patience_options options;
    struct patient **patients; /* by host; NULL: not taken up */
    struct timers *timers;
    struct pacer pacer;
    uint32_t asking;  /* the host whose group is leaving, or NONE */
    uint32_t in_work; /* hosts */
    uint64_t left;
    uint64_t sent;
};

struct patience *patience_create(const struct patience_options *options)
{
    struct patience *patience = calloc(1, sizeof(*patience));
    uint32_t hosts = slab_hosts(options->slab);

    if (patience == NULL) {
        return NULL;
    }
    assert(options->tries >= 1);
    patience->options = *options;
    patience->asking = NONE;
    patience->patients = calloc((size_t)hosts + 1, sizeof(struct patient *));
    patience->timers = timers_create(hosts);
    if (patience->patients == NULL || patience->timers == NULL) {
        patience_destroy(patience);
        return NULL;
    }
    return patience;
}

static void patient_destroy(struct patient *patient)
{
    if (patient != NULL) {
        free(patient->silent);
        free(patient->calm);
        free(patient);
    }
}

void patience_destroy(struct patience *patience)
{
    if (patience == NULL) {
        return;
    }
    for (uint32_t host = 0; patience->patients != NULL && host < slab_hosts(patience->options.slab); host++) {
        patient_destroy(patience->patients[host]);
    }
    timers_destroy(patience->timers);
    free(patience->patients);
    free(patience);
}

/* ---- taking up --------------------------------------------------------------------------------------------------- */

static bool is_silent(const struct slab *slab, uint32_t probe)
{
    return slab_answer(slab, probe) == PROBE_NONE && slab_tried(slab, probe);
}

static uint32_t count_silent(struct slab *slab, uint32_t host)
{
    uint32_t end = slab_host(slab, host + 1)->first_probe;
    uint32_t count = 0;

    for (uint32_t probe = slab_host(slab, host)->first_probe; probe < end; probe++) {
        count += is_silent(slab, probe) ? 1 : 0;
    }
    return count;
}

bool patience_suits(struct slab *slab, uint32_t host)
{
    return slab_host(slab, host)->counts[PROBE_RST] > 0 && count_silent(slab, host) > 0;
}

static uint32_t find_control(struct slab *slab, uint32_t host)
{
    uint32_t probe = slab_host(slab, host)->first_probe;

    while (slab_answer(slab, probe) != PROBE_RST) {
        probe++;
    }
    return probe;
}

static void list_silent(const struct slab *slab, struct patient *patient, uint32_t first, uint32_t end)
{
    uint32_t count = 0;

    for (uint32_t probe = first; probe < end; probe++) {
        if (is_silent(slab, probe)) {
            patient->silent[count++] = probe;
        }
    }
}

int patience_add(struct patience *patience, uint32_t host, struct mono_time now)
{
    struct slab *slab = patience->options.slab;
    struct slab_host *facts = slab_host(slab, host);
    struct patient *patient = calloc(1, sizeof(*patient));
    uint32_t count = count_silent(slab, host);

    assert(count > 0 && patience->patients[host] == NULL);
    if (patient != NULL) {
        patient->silent = calloc(count, sizeof(*patient->silent));
        patient->calm = calloc(count, sizeof(*patient->calm));
    }
    if (patient == NULL || patient->silent == NULL || patient->calm == NULL) {
        patient_destroy(patient);
        return -ENOMEM;
    }
    list_silent(slab, patient, facts->first_probe, slab_host(slab, host + 1)->first_probe);
    patient->count = count;
    patient->control = find_control(slab, host);
    patient->wanted = 1;
    patient->doubtful = true;
    patient->gap_ns = GAP_FIRST_NS;
    patient->begun_ns = now.ns;
    facts->done = false;
    patience->patients[host] = patient;
    patience->in_work++;
    patience->left += count;
    timers_set(patience->timers, host, now);
    return 0;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static void host_over(struct patience *patience, uint32_t host)
{
    struct patient *patient = patience->patients[host];
    const struct patience_listener *listener = &patience->options.listener;

    patient->stage = OVER;
    timers_clear(patience->timers, host);
    patience->in_work--;
    patience->left -= patient->count;
    if (patience->asking == host) {
        patience->asking = NONE;
    }
    if (patient->count > 0) {
        listener->undecided(listener->context, host, patient->count);
    }
    slab_host(patience->options.slab, host)->done = true;
    listener->sweep.host_done(listener->sweep.context, host);
}

static void take_out(struct patience *patience, struct patient *patient, uint32_t place)
{
    patient->count--;
    patience->left--;
    patient->silent[place] = patient->silent[patient->count];
    patient->calm[place] = patient->calm[patient->count];
}

/* The list goes round: what was asked just now comes last. */
static void begin_group(struct patient *patient)
{
    if (patient->at >= patient->count) {
        patient->at = 0;
    }
    patient->group = patient->wanted < GROUP_MOST ? patient->wanted : GROUP_MOST;
    if (patient->group > patient->count - patient->at) {
        patient->group = patient->count - patient->at;
    }
    patient->controlled = patient->doubtful || patient->group > 1;
    patient->given = 0;
    patient->answered = 0;
    patient->turn = (uint8_t)((patient->turn + 1) % TRIES);
    patient->stage = ASKING;
}

static bool group_has(const struct patient *patient, uint32_t place)
{
    return (patient->answered >> place & 1) != 0;
}

/* How many of the group stand before the last that was answered by an error: 0 when none was. */
static uint32_t group_reach(const struct patient *patient)
{
    return patient->answered == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(patient->answered);
}

/* What is too fast for the first time may be so by much, later by little. */
static void slow_down(struct patient *patient)
{
    uint64_t gap = patient->gap_ns * (patient->learnt ? 5 : 8) / 4;

    patient->gap_ns = gap < GAP_MOST_NS ? gap : GAP_MOST_NS;
    patient->streak = 0;
    patient->streaks = 0;
    patient->dry = true;
}

/* The longer it has not run dry, the larger the steps: a gap that lost packets have widened closes again. */
static void speed_up(struct patient *patient, uint32_t errors, struct mono_time now)
{
    uint64_t gap;

    if (patient->dry && !patient->learnt) {
        patient->learnt = true;
        patient->learnt_ns = now.ns;
    } else if (patient->learnt) {
        patient->errors += errors;
    }
    patient->dry = false;
    patient->streak += errors;
    if (patient->streak < STREAK) {
        return;
    }
    patient->streak = 0;
    patient->streaks += patient->streaks < STREAKS_MOST ? 1 : 0;
    gap = patient->gap_ns - patient->gap_ns / 10 * patient->streaks;
    patient->gap_ns = gap > GAP_LEAST_NS ? gap : GAP_LEAST_NS;
}

static void tell_limit(struct patience *patience, uint32_t host, struct mono_time now)
{
    struct patient *patient = patience->patients[host];
    const struct patience_listener *listener = &patience->options.listener;
    double errors_per_s;

    if (patient->told || patient->errors < MEASURED_ERRORS || now.ns <= patient->learnt_ns) {
        return;
    }
    patient->told = true;
    errors_per_s = patient->errors * (double)NS_PER_S / (double)(now.ns - patient->learnt_ns);
    if (patient->count / errors_per_s >= LIMITED_LEAST_S) {
        listener->limited(listener->context, host, errors_per_s, patient->count);
    }
}

/* What the group has shown of its ports. From the end, so that taking out moves nothing that is still to be judged. */
static void judge_ports(struct patience *patience, struct patient *patient)
{
    uint32_t reach = group_reach(patient);
    uint32_t kept = 0;

    for (uint32_t i = patient->group; i-- > 0;) {
        uint32_t place = patient->at + i;
        if (slab_answer(patience->options.slab, patient->silent[place]) != PROBE_NONE) {
            take_out(patience, patient, place);
        } else if (i < reach && ++patient->calm[place] >= patience->options.tries) {
            take_out(patience, patient, place);
        } else {
            kept += i < reach ? 1 : 0;
        }
    }
    patient->at += kept;
}

/* How large the next should be: closed ports use up errors, silent ones do not. */
static void size_next(struct patient *patient)
{
    uint64_t closed = patient->answered & ~(patient->controlled ? UINT64_C(1) << patient->group : 0);

    if (patient->answered == 0) {
        patient->doubtful = true;
        patient->wanted = patient->controlled ? (patient->wanted + 1) / 2 : patient->wanted;
    } else if (closed == 0) {
        patient->wanted = 2 * patient->group < GROUP_MOST ? 2 * patient->group : GROUP_MOST;
        patient->doubtful = true;
    } else {
        uint32_t before = (uint32_t)__builtin_ctzll(closed);
        patient->wanted = before + 1 < patient->wanted ? (patient->wanted + 1) / 2 : patient->wanted;
        patient->doubtful = patient->wanted > 1;
    }
}

static void end_group(struct patience *patience, uint32_t host, struct mono_time now)
{
    struct patient *patient = patience->patients[host];
    uint32_t errors = (uint32_t)__builtin_popcountll(patient->answered);
    bool empty = errors == 0 && patient->controlled;
    uint64_t due = now.ns;

    size_next(patient);
    judge_ports(patience, patient);
    if (empty) {
        slow_down(patient);
        due = now.ns + patient->gap_ns;
    } else if (errors > 0) {
        due = patient->sent_ns + errors * patient->gap_ns;
        speed_up(patient, errors, now);
        tell_limit(patience, host, now);
    }
    if (due < patient->sent_ns + patience->options.host_rate.interval_ns) {
        due = patient->sent_ns + patience->options.host_rate.interval_ns;
    }
    patient->stage = RESTING;
    if (patient->count == 0 || now.ns - patient->begun_ns > patience->options.most_s * NS_PER_S) {
        host_over(patience, host);
        return;
    }
    timers_set(patience->timers, host, (struct mono_time){due > now.ns ? due : now.ns});
}

/* ---- what leaves ------------------------------------------------------------------------------------------------- */

static bool is_all_given(const struct patient *patient)
{
    return patient->given == patient->group + (patient->controlled ? 1U : 0U);
}

/* Shorter than a time-out of RFC 6298 where the host is near: who answers late is heard all the same, and before its
 * silence has been found often enough. */
static uint64_t hearing_ns(const struct rtt *rtt)
{
    uint64_t wait_ns = (rtt->srtt_us + 4 * (uint64_t)rtt->rttvar_us) * NS_PER_US;

    if (!rtt->measured || wait_ns > rtt->rto_us * NS_PER_US) {
        return rtt->rto_us * NS_PER_US;
    }
    return wait_ns > HEARING_LEAST_NS ? wait_ns : HEARING_LEAST_NS;
}

static void group_left(struct patience *patience, uint32_t host, struct mono_time now)
{
    struct patient *patient = patience->patients[host];
    const struct slab_host *facts = slab_host(patience->options.slab, host);

    patient->stage = HEARING;
    patience->asking = NONE;
    timers_set(patience->timers, host, mono_add_ns(now, hearing_ns(&facts->rtt)));
}

static void give(struct patience *patience, uint32_t host, struct mono_time now, struct patience_shot *ret_shot)
{
    struct patient *patient = patience->patients[host];
    uint64_t apart_ns = patience->options.host_rate.interval_ns;
    bool is_control = patient->given == patient->group;

    ret_shot->probe = is_control ? patient->control : patient->silent[patient->at + patient->given];
    ret_shot->try_number = (uint8_t)(TRY_FIRST + patient->turn);
    patient->given++;
    patient->sent_ns = now.ns;
    patience->sent++;
    if (is_all_given(patient)) {
        group_left(patience, host, now);
    } else if (apart_ns > 0) {
        patience->asking = NONE;
        timers_set(patience->timers, host, mono_add_ns(now, apart_ns));
    }
}

/* Ends groups whose time is over, and begins the next that is due. */
static bool find_group(struct patience *patience, struct mono_time now)
{
    struct mono_time deadline;
    uint32_t host;

    while (patience->asking == NONE && timers_first(patience->timers, &host, &deadline) && deadline.ns <= now.ns) {
        if (patience->patients[host]->stage == HEARING) {
            end_group(patience, host, now);
            continue;
        }
        if (patience->patients[host]->stage == RESTING) {
            begin_group(patience->patients[host]);
        }
        timers_clear(patience->timers, host);
        patience->asking = host;
    }
    return patience->asking != NONE;
}

/* A group leaves in one go, because its order in time is what it proves by: the pace is kept between groups. */
bool patience_next(struct patience *patience, struct mono_time now, struct patience_shot *ret_shot)
{
    if (patience->asking == NONE && !pacer_ready(&patience->pacer, &patience->options.rate, now)) {
        return false;
    }
    if (!find_group(patience, now)) {
        return false;
    }
    patience->pacer.due_ns =
        (patience->pacer.due_ns > now.ns ? patience->pacer.due_ns : now.ns) + patience->options.rate.interval_ns;
    give(patience, patience->asking, now, ret_shot);
    return true;
}

struct mono_time patience_wakeup(const struct patience *patience)
{
    struct mono_time due = pacer_next(&patience->pacer, &patience->options.rate);
    struct mono_time first = {.ns = UINT64_MAX};
    uint32_t host;

    if (patience->asking != NONE) {
        return (struct mono_time){0};
    }
    (void)timers_first(patience->timers, &host, &first);
    return first.ns > due.ns ? first : due;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static bool names_group(const struct patient *patient, const struct sweep_answer *answer)
{
    return answer->try_number == TRY_FIRST + patient->turn;
}

/* The place of the probe in the group, NONE when it is not in it or has not left. */
static uint32_t group_place(const struct patient *patient, uint32_t probe)
{
    for (uint32_t i = 0; i < patient->group && i < patient->given; i++) {
        if (patient->silent[patient->at + i] == probe) {
            return i;
        }
    }
    return patient->controlled && patient->given > patient->group && probe == patient->control ? patient->group : NONE;
}

static void note_error(struct patience *patience, uint32_t host, const struct sweep_answer *answer)
{
    struct patient *patient = patience->patients[host];
    uint32_t place;

    if ((patient->stage != ASKING && patient->stage != HEARING) || !names_group(patient, answer)) {
        return;
    }
    place = group_place(patient, answer->probe);
    if (place != NONE) {
        patient->answered |= UINT64_C(1) << place;
    }
}

static void tell_open(struct patience *patience, uint32_t host, const struct sweep_answer *answer)
{
    const struct sweep_listener *listener = &patience->options.listener.sweep;
    struct sweep_found found = {.probe = answer->probe,
                                .host = host,
                                .tries = slab_tries(patience->options.slab, answer->probe),
                                .proof = answer->proof};

    listener->found_open(listener->context, &found);
}

/* A probe that is answered outside of a group stays in the list until a group comes by it. */
void patience_take(struct patience *patience, const struct sweep_answer *answer, struct mono_time now)
{
    struct slab *slab = patience->options.slab;
    uint32_t host = slab_host_of(slab, answer->probe);
    struct patient *patient = patience->patients[host];

    if (patient == NULL || patient->stage == OVER) {
        return;
    }
    if (answer->answer == PROBE_RST) {
        note_error(patience, host, answer);
    }
    if (slab_upgrade(slab, answer->probe, answer->answer, answer->reason) && answer->answer == PROBE_SYN_ACK) {
        tell_open(patience, host, answer);
    }
    /* Nothing behind it is waited for. */
    if (patient->stage == HEARING && group_has(patient, patient->group - (patient->controlled ? 0U : 1U))) {
        end_group(patience, host, now);
    }
}

bool patience_knows_try(const struct patience *patience, uint32_t host, uint8_t try_number)
{
    const struct patient *patient = patience->patients[host];
    uint32_t turn = (uint32_t)try_number - TRY_FIRST;

    if (try_number <= slab_host(patience->options.slab, host)->pass) {
        return true;
    }
    return patient != NULL && try_number >= TRY_FIRST &&
           (turn == patient->turn || turn == (patient->turn + TRIES - 1U) % TRIES);
}

bool patience_is_done(const struct patience *patience)
{
    return patience->in_work == 0;
}

uint64_t patience_left(const struct patience *patience)
{
    return patience->left;
}

uint64_t patience_sent(const struct patience *patience)
{
    return patience->sent;
}
