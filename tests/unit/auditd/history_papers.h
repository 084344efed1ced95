/* The part of test_history_fleet.c in which files of other scanners are imported: what they say was seen from a place
 * of their own. One of a finished scan tells all of its hosts, another only what is open. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_PAPERS_H
#define LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_PAPERS_H

#include "tests/unit/auditd/history_story.h"

#include "auditd/import/entry.h"
#include "auditd/import/import.h"

#include <errno.h>

static inline void paper_host(struct history *history, struct answers *answers, int address,
                              const struct fleet_machine *machine)
{
    static const enum port_state states[] = {
        ['o'] = PORT_STATE_OPEN, ['c'] = PORT_STATE_CLOSED, ['f'] = PORT_STATE_FILTERED};
    struct answers_host *host;
    char text[24];

    assert_int_equal(answers_add_host(answers, &host), 0);
    assert_int_equal(addr_parse(address_text(address, text), &host->address), 0);
    host->seen_ms = history->fixture->now_ms += 10;
    for (int p = 0; p < FLEET_PORTS; p++) {
        struct answers_port port = {.port = (uint16_t)fleet_ports[p],
                                    .state = states[(unsigned char)machine->truth[FLEET_PAPER][p]]};
        snprintf(port.reason, sizeof(port.reason), "%s",
                 port.state == PORT_STATE_OPEN     ? "syn-ack"
                 : port.state == PORT_STATE_CLOSED ? "reset"
                                                   : "no-response");
        assert_int_equal(answers_add_port(answers, host, &port), 0);
    }
}

/* What a host of the file means to the model. */
static inline void paper_believe(struct history *history, int realm, const struct answers *answers, size_t index)
{
    const struct answers_host *host = answers->hosts[index];
    int address = host->address.bytes[3] - 1;
    struct fleet *fleet = &history->fleet;
    int holder = fleet_holder(fleet, realm, address);

    for (int p = 0; p < FLEET_PORTS; p++) {
        bool open = host->ports[p].state == PORT_STATE_OPEN;
        if (holder < 0 && (open || (answers->is_finished && p + 1 == FLEET_PORTS))) {
            holder = fleet_add(fleet, realm, address, host->seen_ms);
        }
        if (holder >= 0 && (open || answers->is_finished)) {
            struct fleet_asset *asset = &fleet->assets[holder];
            char state = open ? 'o' : host->ports[p].state == PORT_STATE_CLOSED ? 'c' : 'f';
            fleet_state(&asset->ports[p], FLEET_PAPER, state, host->seen_ms);
            asset->is_retired = asset->is_retired && !open;
            fleet_look(fleet, asset, p, FLEET_PAPER, open ? 'O' : state == 'c' ? 'R' : 'B');
        }
    }
    if (holder >= 0 && answers->is_finished) {
        fleet_say(&fleet->assets[holder], FLEET_PAPER, address, true, host->seen_ms);
    }
}

/* Who is nowhere any more was not seen where it would be looked for. */
static inline void paper_miss(struct history *history, int realm, const struct answers *answers,
                              const struct answers_host *host)
{
    struct fleet *fleet = &history->fleet;

    for (int i = 0; i < fleet->asset_count * FLEET_PORTS; i++) {
        struct fleet_asset *asset = &fleet->assets[i / FLEET_PORTS];
        int p = i % FLEET_PORTS;
        if (asset->is_living && asset->realm == realm && asset->address < 0 &&
            asset->last_address == host->address.bytes[3] - 1 &&
            (answers->is_finished || host->ports[p].state == PORT_STATE_OPEN)) {
            fleet_look(fleet, asset, p, FLEET_PAPER, 'B');
        }
    }
}

/* What the command and the daemon do. A file that is older than the newest is refused. */
static inline bool paper_store(struct history *history, int realm, const struct answers *answers)
{
    struct fixture *fixture = history->fixture;
    char digest[IMPORT_DIGEST_SIZE];
    const struct import_place place = {realms[realm], vantages[FLEET_PAPER], "nmap", digest};
    const struct import_origin origin = {
        .realm = place.realm, .vantage = place.vantage, .digest = digest, .begun_ms = answers->begun_ms};
    struct prefix_list scope = {0};
    const struct import_entry entry = {fixture->store, &origin, &scope};
    char reason[IMPORT_REASON_SIZE];
    struct import_part part;
    size_t stored = 0;
    bool is_new = answers->begun_ms > history->fleet.imported_ms[realm];

    snprintf(digest, sizeof(digest), "%064d", history->step);
    assert_int_equal(prefix_list_add(&scope, "10.0.0.0/24"), 0);
    assert_int_equal(import_entry_begin(fixture->store, &origin, &stored, reason), is_new ? 0 : -EEXIST);
    assert_int_equal(stored, 0);
    assert_int_equal(import_part(&place, answers, 0, &part), 0);
    assert_int_equal(part.to, answers->host_count);
    assert_int_equal(import_entry_store(&entry, &(struct import_lines){part.text, part.size}, fixture->scan, reason),
                     is_new ? 0 : -EEXIST);
    free(part.text);
    prefix_list_done(&scope);
    return is_new;
}

/* False where there is nothing to be judged; else the scan is the fixture's. */
static inline bool paper_import(struct history *history)
{
    struct fixture *fixture = history->fixture;
    int realm = draw(history, FLEET_REALMS);
    struct answers answers = {.is_finished = draw(history, 2) == 0, .begun_ms = fixture->now_ms};
    bool is_stored;

    for (int a = 0; a < FLEET_ADDRESSES; a++) {
        const struct fleet_machine *machine = machine_at(&history->fleet, realm, a);
        if (machine != NULL && draw(history, 3) > 0) {
            paper_host(history, &answers, a, machine);
        }
    }
    snprintf(history->did, sizeof(history->did), "import into %s of %zu hosts%s", realms[realm], answers.host_count,
             answers.is_finished ? "" : ", unfinished");
    answers.ended_ms = fixture->now_ms += 10;
    is_stored = answers.host_count > 0 && paper_store(history, realm, &answers);
    if (is_stored) {
        history->fleet.imported_ms[realm] = answers.begun_ms;
        for (size_t i = 0; i < answers.host_count; i++) {
            paper_believe(history, realm, &answers, i);
            paper_miss(history, realm, &answers, answers.hosts[i]);
        }
    }
    answers_done(&answers);
    return is_stored;
}

#endif
