#include "scanner/pacer.h"

#include <assert.h>

static const uint64_t NS_PER_S = UINT64_C(1000000000);

struct pacer_rate pacer_rate_of(uint64_t rate_pps, uint32_t burst_pkts)
{
    struct pacer_rate rate = {0};

    assert(burst_pkts >= 1);
    if (rate_pps == 0) {
        return rate;
    }
    rate.interval_ns = (NS_PER_S + rate_pps - 1) / rate_pps;
    rate.tolerance_ns = rate.interval_ns * (burst_pkts - 1);
    return rate;
}

bool pacer_ready(const struct pacer *pacer, const struct pacer_rate *rate, struct mono_time now)
{
    return rate->interval_ns == 0 || pacer->due_ns <= now.ns + rate->tolerance_ns;
}

uint32_t pacer_take(struct pacer *pacer, const struct pacer_rate *rate, struct mono_time now, uint32_t want_pkts)
{
    uint64_t horizon = now.ns + rate->tolerance_ns;
    uint64_t room;
    uint32_t taken;

    if (rate->interval_ns == 0 || want_pkts == 0) {
        return want_pkts;
    }
    if (pacer->due_ns > horizon) {
        return 0;
    }
    if (pacer->due_ns < now.ns) {
        pacer->due_ns = now.ns;
    }
    room = (horizon - pacer->due_ns) / rate->interval_ns + 1;
    taken = room < want_pkts ? (uint32_t)room : want_pkts;
    pacer->due_ns += taken * rate->interval_ns;
    return taken;
}

void pacer_put_back(struct pacer *pacer, const struct pacer_rate *rate)
{
    if (pacer->due_ns >= rate->interval_ns) {
        pacer->due_ns -= rate->interval_ns;
    }
}

struct mono_time pacer_next(const struct pacer *pacer, const struct pacer_rate *rate)
{
    struct mono_time next = {0};

    if (rate->interval_ns != 0 && pacer->due_ns > rate->tolerance_ns) {
        next.ns = pacer->due_ns - rate->tolerance_ns;
    }
    return next;
}
