/* The part of test_history_fleet.c in which people decide: new tenants, policies, acknowledgements, waivers by finding,
 * by rule and hosts, and from a file. What the model refuses the store has to refuse too, and nothing is done then. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_PEOPLE_H
#define LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_PEOPLE_H

#include "tests/unit/auditd/history_story.h"

#include "auditd/finding/decide.h"
#include "auditd/finding/disposition.h"
#include "auditd/finding/rejudge.h"
#include "auditd/store/asset.h"

#include <errno.h>

/* By which ports are judged that nobody allows. */
static const bool people_is_database[FLEET_PORTS] = {false, false, true};
static const char *const people_rules[] = {"default", "baseline/postgresql"};

/* ---- the model ---- */

static inline void people_waive(struct fleet_port *port, int64_t until_ms, int grant)
{
    port->disposition = 'W';
    port->until_ms = until_ms;
    port->grant = grant;
    if (grant >= 0) {
        port->was_covered[grant] = true;
    }
}

static inline bool people_may_cover(const struct fleet *fleet, int g, const struct fleet_asset *asset, int p)
{
    const struct fleet_grant *grant = &fleet->grants[g];

    return asset->is_living && fleet_counts(asset, p) && asset->ports[p].disposition != 'W' &&
           grant->of_baseline == people_is_database[p] && (grant->realm < 0 || grant->realm == asset->realm) &&
           (grant->address < 0 || grant->address == asset->address);
}

static inline void people_cover(struct fleet *fleet, struct fleet_asset *asset, int p)
{
    for (int g = 0; g < fleet->grant_count; g++) {
        if (fleet->grants[g].is_living && fleet->grants[g].accepts[p] && !asset->ports[p].was_covered[g] &&
            people_may_cover(fleet, g, asset, p)) {
            people_waive(&asset->ports[p], fleet->grants[g].until_ms, g);
        }
    }
}

/* What was accepted until a time that has come is so no longer; what is left of waivers by rule takes what is new. */
static inline void people_enforce(struct fleet *fleet, int64_t now_ms)
{
    for (int g = 0; g < fleet->grant_count; g++) {
        fleet->grants[g].is_living = fleet->grants[g].is_living && fleet->grants[g].until_ms > now_ms;
    }
    for (int i = 0; i < fleet->asset_count * FLEET_PORTS; i++) {
        struct fleet_port *port = &fleet->assets[i / FLEET_PORTS].ports[i % FLEET_PORTS];
        port->disposition = port->disposition == 'W' && port->until_ms <= now_ms ? 'N' : port->disposition;
        people_cover(fleet, &fleet->assets[i / FLEET_PORTS], i % FLEET_PORTS);
    }
}

/* How many it covers: what it finds now is what it accepts. */
static inline int people_grant(struct fleet *fleet, const struct fleet_grant *terms)
{
    int g = fleet->grant_count++;
    int covered = 0;

    fleet->grants[g] = *terms;
    for (int i = 0; i < fleet->asset_count * FLEET_PORTS; i++) {
        struct fleet_asset *asset = &fleet->assets[i / FLEET_PORTS];
        int p = i % FLEET_PORTS;
        if (people_may_cover(fleet, g, asset, p)) {
            fleet->grants[g].accepts[p] = true;
            people_waive(&asset->ports[p], terms->until_ms, g);
            covered++;
        }
    }
    return covered;
}

static inline void people_end_grant(struct fleet *fleet, int g)
{
    fleet->grants[g].is_living = false;
    for (int i = 0; i < fleet->asset_count * FLEET_PORTS; i++) {
        struct fleet_port *port = &fleet->assets[i / FLEET_PORTS].ports[i % FLEET_PORTS];
        port->disposition = port->disposition == 'W' && port->grant == g ? 'N' : port->disposition;
    }
}

/* ---- asking ---- */

/* Takes the request. The answer's first waiver is copied to `ret_uuid` where that is given. */
static inline void people_ask(struct history *history, json_t *request, int expected, char ret_uuid[STORE_UUID_SIZE])
{
    const struct decide_options options = {"tester", history->fixture->now_ms, 86400000};
    char reason[DECIDE_REASON_SIZE];
    json_t *answer = NULL;
    const char *uuid;
    int rc;

    assert_non_null(request);
    rc = decide_run(history->fixture->store, request, &options, &answer, reason);
    json_decref(request);
    if (rc != expected) {
        fail_msg("LEASTPORT_TEST_SEED=%llu, step %d (%s): it came to %d instead of %d: %s",
                 (unsigned long long)history->seed, history->step, history->did, rc, expected, reason);
    }
    uuid = json_string_value(json_object_get(json_array_get(json_object_get(answer, "waivers"), 0), "waiver"));
    if (ret_uuid != NULL && uuid != NULL) {
        snprintf(ret_uuid, STORE_UUID_SIZE, "%s", uuid);
    }
    json_decref(answer);
}

static inline json_t *people_time(int64_t until_ms)
{
    char text[WALL_TEXT_SIZE];

    return json_string(wall_format(until_ms, text));
}

/* Now and then of the past. */
static inline int64_t people_until(struct history *history)
{
    return history->fixture->now_ms + (int64_t)(draw(history, 14) - 1) * STEP_MS;
}

/* ---- one finding ---- */

static inline bool people_find(struct history *history, const struct fleet_asset *asset, int p, char uuid[64])
{
    char sql[160];

    snprintf(sql, sizeof(sql), "SELECT uuid FROM finding WHERE asset_id = %lld AND port = %d", (long long)asset->id,
             fleet_ports[p]);
    snprintf(uuid, 64, "%s", fixture_text(history->fixture, sql));
    return asset->id != 0 && strcmp(uuid, "-") != 0;
}

static inline void people_decide_one(struct history *history)
{
    struct fleet_asset *asset = &history->fleet.assets[draw(history, history->fleet.asset_count + 1)];
    static const char *const words[] = {"waive", "acknowledge", "unwaive", "unacknowledge"};
    int word = draw(history, 4);
    int p = draw(history, FLEET_PORTS);
    struct fleet_port *port = &asset->ports[p];
    int64_t until_ms = people_until(history);
    char uuid[64];
    json_t *request;
    int expected = 0;

    snprintf(history->did, sizeof(history->did), "%s", words[word]);
    if (!people_find(history, asset, p, uuid)) {
        return;
    }
    request = json_pack("{s:s, s:[s], s:s}", "do", words[word], "findings", uuid, "reason", "because");
    if (word == 0) {
        expected = until_ms <= history->fixture->now_ms ? -EINVAL : fleet_counts(asset, p) ? 0 : -EPERM;
        json_object_set_new(request, "owner", json_string("me"));
        json_object_set_new(request, "until", people_time(until_ms));
    } else if (word == 1) {
        expected = !fleet_counts(asset, p) || port->disposition == 'W' ? -EPERM : 0;
    } else {
        expected = port->disposition == (word == 2 ? 'W' : 'A') ? 0 : -EPERM;
    }
    people_ask(history, request, expected, NULL);
    if (expected == 0 && word == 0) {
        people_waive(port, until_ms, -1);
    } else if (expected == 0) {
        port->disposition = word == 1 ? 'A' : 'N';
    }
}

/* ---- by rule ---- */

static inline struct fleet_grant people_terms(struct history *history)
{
    return (struct fleet_grant){
        .is_living = true,
        .of_baseline = draw(history, 3) == 0,
        .realm = draw(history, FLEET_REALMS + 1) - 1,
        .address = draw(history, 2) == 0 ? -1 : draw(history, FLEET_ADDRESSES),
        .until_ms = people_until(history),
    };
}

static inline void people_give(struct history *history)
{
    const struct fleet_grant terms = people_terms(history);
    struct fleet *fleet = &history->fleet;
    json_t *hosts = json_object();
    char text[32];
    int expected = -EINVAL;

    snprintf(history->did, sizeof(history->did), "waive %s", people_rules[terms.of_baseline]);
    if (terms.realm >= 0) {
        json_object_set_new(hosts, "realm", json_pack("[s]", realms[terms.realm]));
    }
    if (terms.address >= 0) {
        snprintf(text, sizeof(text), "10.0.0.%d/32", terms.address + 1);
        json_object_set_new(hosts, "cidr", json_pack("[s]", text));
    }
    if (terms.until_ms > history->fixture->now_ms) {
        expected = people_grant(fleet, &terms) > 0 ? 0 : -ENOENT;
        fleet->grant_count -= expected < 0;
    }
    people_ask(history,
               json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "do", "waive", "rule", people_rules[terms.of_baseline],
                         "hosts", hosts, "reason", "because", "owner", "me", "until", people_time(terms.until_ms)),
               expected, expected == 0 ? fleet->grants[fleet->grant_count - 1].uuid : NULL);
}

static inline void people_take(struct history *history)
{
    struct fleet *fleet = &history->fleet;
    int g = fleet->grant_count == 0 ? 0 : draw(history, fleet->grant_count);

    snprintf(history->did, sizeof(history->did), "unwaive a rule");
    if (fleet->grant_count == 0 || fleet->grants[g].uuid[0] == '\0') {
        return;
    }
    people_ask(history,
               json_pack("{s:s, s:[s], s:s}", "do", "unwaive", "waivers", fleet->grants[g].uuid, "reason", "because"),
               fleet->grants[g].is_living ? 0 : -ENOENT, NULL);
    people_end_grant(fleet, g);
}

/* ---- from a file ---- */

/* Writes the row, and does it in the model. */
static inline int people_row_of_finding(struct history *history, FILE *out, const char *until, bool is_past)
{
    int realm = draw(history, FLEET_REALMS);
    int address = draw(history, FLEET_ADDRESSES);
    int p = draw(history, FLEET_PORTS);
    int holder = fleet_holder(&history->fleet, realm, address);
    int64_t until_ms = 0;

    fprintf(out, "10.0.0.%d:%d,,%s,,me,\"because, so\",%s\r\n", address + 1, fleet_ports[p], realms[realm], until);
    if (is_past) {
        return -EINVAL;
    }
    if (holder < 0 || history->fleet.assets[holder].ports[p].presence[0] == '-') {
        return -ENOENT;
    }
    if (!fleet_counts(&history->fleet.assets[holder], p)) {
        return -EPERM;
    }
    assert_int_equal(decide_until_parse(until, &until_ms), 0);
    people_waive(&history->fleet.assets[holder].ports[p], until_ms, -1);
    return 0;
}

static inline int people_row_of_rule(struct history *history, FILE *out, const char *until, bool is_past)
{
    struct fleet_grant terms = people_terms(history);
    char cidr[32] = "";

    if (terms.address >= 0) {
        snprintf(cidr, sizeof(cidr), "10.0.0.%d/32", terms.address + 1);
    }
    fprintf(out, ",%s,%s,%s,me,because,%s\n", people_rules[terms.of_baseline],
            terms.realm < 0 ? "" : realms[terms.realm], cidr, until);
    if (is_past) {
        return -EINVAL;
    }
    assert_int_equal(decide_until_parse(until, &terms.until_ms), 0);
    return people_grant(&history->fleet, &terms) > 0 ? 0 : -ENOENT;
}

/* Up to three rows; one that is wrong undoes all. */
static inline void people_import(struct history *history)
{
    struct fleet *before = malloc(sizeof(*before));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int expected = 0;

    assert_non_null(before);
    assert_non_null(out);
    *before = history->fleet;
    snprintf(history->did, sizeof(history->did), "waivers from a file");
    fputs("finding,rule,realm,cidr,owner,reason,until\n", out);
    for (int left = 1 + draw(history, 3); left > 0 && expected == 0; left--) {
        int64_t until_ms = people_until(history);
        char until[WALL_TEXT_SIZE];
        bool is_past = until_ms <= history->fixture->now_ms;
        wall_format(until_ms, until);
        expected = draw(history, 3) == 0 ? people_row_of_rule(history, out, until, is_past)
                                         : people_row_of_finding(history, out, until, is_past);
    }
    fclose(out);
    people_ask(history, json_pack("{s:s, s:s}", "do", "import", "csv", text), expected, NULL);
    if (expected < 0) {
        history->fleet = *before;
    }
    free(text);
    free(before);
}

static inline void people_decide(struct history *history)
{
    int what = draw(history, 8);

    if (what < 4 || history->fleet.grant_count + 3 > FLEET_GRANTS) {
        people_decide_one(history);
    } else if (what < 6) {
        people_give(history);
    } else if (what < 7) {
        people_take(history);
    } else {
        people_import(history);
    }
}

/* ---- others ---- */

/* Somebody says that another machine has the address now. */
static inline void people_replace_tenant(struct history *history)
{
    int realm = draw(history, FLEET_REALMS);
    int address = draw(history, FLEET_ADDRESSES);
    int holder = fleet_holder(&history->fleet, realm, address);
    const struct store_event why = {.at_ms = history->fixture->now_ms, .actor = "tester", .reason = "a new tenant"};
    char text[24];
    int rc = store_asset_replace(history->fixture->store, realms[realm], address_text(address, text), &why);

    snprintf(history->did, sizeof(history->did), "a new tenant of %s in %s", text, realms[realm]);
    assert_int_equal(rc, holder < 0 ? -ENOENT : 0);
    if (holder >= 0) {
        fleet_end(&history->fleet.assets[holder]);
    }
}

static inline void people_change_policy(struct history *history)
{
    int policy = draw(history, FLEET_POLICIES);
    struct rejudge_options options = rejudge_options_default();
    struct rejudge_result result;

    snprintf(history->did, sizeof(history->did), "policy %d", policy);
    options.policy = history->policies[policy];
    options.policy_id = history->policy_ids[policy];
    options.now_ms = history->fixture->now_ms;
    /* Both ways of writing what is altered. */
    options.put_off_from = policy % 2 == 0 ? 0 : SIZE_MAX;
    assert_int_equal(rejudge_run(history->fixture->store, &options, &result), 0);
    fleet_judge(&history->fleet, policy);
    people_enforce(&history->fleet, history->fixture->now_ms);
}

/* What the daemon's timer does. */
static inline void people_tick(struct history *history)
{
    uint64_t moved = 0;

    assert_int_equal(store_begin(history->fixture->store), 0);
    assert_int_equal(disposition_enforce(history->fixture->store, history->fixture->now_ms, 0, &moved), 0);
    assert_int_equal(store_commit(history->fixture->store), 0);
    people_enforce(&history->fleet, history->fixture->now_ms);
}

#endif
