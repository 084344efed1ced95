/* What the parts of test_history_fleet.c share: a history under way, and its names. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_STORY_H
#define LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_STORY_H

#include "tests/unit/auditd/fixture.h"
#include "tests/unit/auditd/history_fleet.h"

#include "auditd/config/config.h"
#include "auditd/policy/policy.h"
#include "tests/unit/seed.h"

enum { STEP_MS = 7200 * 1000 };

static const char *const realms[FLEET_REALMS] = {"east", "west"};
static const char *const vantages[FLEET_VANTAGES] = {"here", "there", "paper"};

struct history {
    struct fixture *fixture;
    struct fleet fleet;
    struct config config;
    struct policy *policies[FLEET_POLICIES];
    int64_t policy_ids[FLEET_POLICIES];
    uint64_t source;
    uint64_t seed;
    int step;
    char did[256]; /* the last step, for a person */
};

static inline int draw(struct history *history, int below)
{
    return seed_draw(&history->source, below);
}

static inline const char *address_text(int address, char text[24])
{
    snprintf(text, 24, "10.0.0.%d", address + 1);
    return text;
}

static inline const struct fleet_machine *machine_at(const struct fleet *fleet, int realm, int address)
{
    for (int m = 0; m < FLEET_MACHINES; m++) {
        const struct fleet_machine *machine = &fleet->machines[realm][m];
        if (machine->address == address && machine->up) {
            return machine;
        }
    }
    return NULL;
}

#endif
