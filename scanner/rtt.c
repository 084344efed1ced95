#include "scanner/rtt.h"

#include <stddef.h>

static uint32_t bound(uint64_t rto_us, uint32_t least_us)
{
    if (rto_us < least_us) {
        return least_us;
    }
    return rto_us > RTT_RTO_MAX_US ? RTT_RTO_MAX_US : (uint32_t)rto_us;
}

void rtt_init(struct rtt *rtt, const struct rtt *seed)
{
    *rtt = (struct rtt){.rto_us = RTT_RTO_INITIAL_US};
    if (seed != NULL && seed->measured) {
        rtt->srtt_us = seed->srtt_us;
        rtt->rttvar_us = seed->srtt_us / 2;
        rtt->rto_us = bound((uint64_t)seed->srtt_us * 3, RTT_RTO_INITIAL_US / 2);
    }
}

void rtt_sample(struct rtt *rtt, uint32_t sample_us)
{
    uint32_t deviation_us;

    if (sample_us > RTT_RTO_MAX_US) {
        sample_us = RTT_RTO_MAX_US;
    }
    if (!rtt->measured) {
        /* RFC 6298, 2.2. */
        rtt->srtt_us = sample_us;
        rtt->rttvar_us = sample_us / 2;
        rtt->measured = true;
    } else {
        /* RFC 6298, 2.3: alpha = 1/8, beta = 1/4; RTTVAR is updated before SRTT. */
        deviation_us = rtt->srtt_us > sample_us ? rtt->srtt_us - sample_us : sample_us - rtt->srtt_us;
        rtt->rttvar_us = (uint32_t)((3 * (uint64_t)rtt->rttvar_us + deviation_us) / 4);
        rtt->srtt_us = (uint32_t)((7 * (uint64_t)rtt->srtt_us + sample_us) / 8);
    }
    rtt->rto_us = bound((uint64_t)rtt->srtt_us + 4 * (uint64_t)rtt->rttvar_us, RTT_RTO_MIN_US);
}

void rtt_back_off(struct rtt *rtt)
{
    rtt->rto_us = bound(2 * (uint64_t)rtt->rto_us, RTT_RTO_MIN_US);
}
