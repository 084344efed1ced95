/* Where the vantages stand, as the store and their configuration know: what "from a group" is judged by. */
#ifndef LEASTPORT_AUDITD_FINDING_STANDING_H
#define LEASTPORT_AUDITD_FINDING_STANDING_H

#include "auditd/policy/judge.h"
#include "auditd/store/asset.h"

struct standing {
    int64_t vantage_id;
    char name[132];
    bool is_declared;
    enum vantage_class vantage_class; /* declared, else own-vpc */
    bool is_known;                    /* anything in `host` is known */
    struct host_view host;
    struct store_known known; /* what `host` borrows from */
    char realm[256];
};

struct standings {
    struct standing *items; /* owned; they stay where they are */
    size_t count;
};

/* All vantages of the store. `group_count` is how many groups the policy has that hosts are asked about. End it with
 * standings_done(). */
MUST_USE int standings_load(struct store *store, size_t group_count, struct standings *ret_standings);
void standings_done(struct standings *standings);

/* NULL when there is no such vantage. */
const struct standing *standings_find(const struct standings *standings, int64_t vantage_id);

#endif
