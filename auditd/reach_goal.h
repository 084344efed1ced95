/* What `leastport reach` is asked: assets, sources and ports from text. */
#ifndef LEASTPORT_AUDITD_REACH_GOAL_H
#define LEASTPORT_AUDITD_REACH_GOAL_H

#include "auditd/reach/engine.h"

enum { REACH_GOAL_REASON_SIZE = 320 };

struct reach_goal {
    uint32_t *to; /* interfaces */
    size_t to_count;
    bool has_address; /* that one of theirs was named; else all of them are meant */
    struct addr address;
    uint32_t *sources; /* with REACH_FROM_ENI */
    size_t source_count;
    enum reach_from from;
    struct prefix prefix;
    const char *from_text;
    bool has_ports; /* else all protocols and ports */
    uint16_t proto;
    struct reach_ports ports;
};

/* "i-0123", "web:443", "10.0.1.5:3000-4000/udp", "[2600::5]:22"; from "world" or NULL, "198.51.100.0/24", an asset.
 * -EINVAL and -ENOENT with a sentence in `reason`, which is not touched else; -ENOMEM. Borrows the texts. */
MUST_USE int reach_goal_parse(const struct reach_model *model, const char *to, const char *from,
                              struct reach_goal *ret_goal, char reason[REACH_GOAL_REASON_SIZE]);
void reach_goal_done(struct reach_goal *goal);

/* Whether an address of an interface of `to` is meant. */
bool reach_goal_means(const struct reach_goal *goal, const struct reach_address *own);

#endif
