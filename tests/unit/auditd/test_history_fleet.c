/* Random histories of fleets: machines that change their address, addresses that change their machine, two realms with
 * the same addresses, an inventory that is cut short or names fewer machines, a range in which machines come and go,
 * vantages that are lost, scans of a part of hosts or ports or cut off, policies that change, waivers, clocks that
 * jump. After each step the store must say what a simple model says. */
#include "tests/unit/auditd/fixture.h"
#include "tests/unit/auditd/history_fleet.h"
#include "tests/unit/auditd/history_keeping.h"
#include "tests/unit/auditd/history_papers.h"
#include "tests/unit/auditd/history_people.h"
#include "tests/unit/auditd/history_story.h"

#include "auditd/config/config.h"
#include "auditd/ephemeral.h"
#include "auditd/finding/settle.h"
#include "auditd/policy/policy.h"
#include "auditd/store/inventory.h"
#include "auditd/store/scan.h"
#include "tests/unit/seed.h"

enum { STEPS = 60, HISTORIES_FEW = 30 };

static const char CONFIG[] = "version: 1\nephemeral: [{cidr: 10.0.0.0/24, realm: west, retire_after: 9h}]\n";

static const char *const policy_texts[FLEET_POLICIES] = {
    "version: 1\nallow:\n  - {id: web, to: any, ports: 443, from: own-vpc, why: w}\n",
    "version: 1\nallow:\n  - {id: ssh, to: any, ports: 22, from: own-vpc, why: w}\n",
    "version: 1\n",
};

/* ---- comparing ---- */

static int64_t asset_at(struct fixture *fixture, int realm, int address)
{
    char sql[256];
    char text[24];

    snprintf(sql, sizeof(sql),
             "SELECT coalesce((SELECT i.asset_id FROM asset_identity i JOIN realm r ON r.id = i.realm_id WHERE r.name ="
             " '%s' AND i.kind = 'address' AND i.value = '%s' AND i.valid_to IS NULL), 0)",
             realms[realm], address_text(address, text));
    return fixture_int(fixture, sql);
}

/* Those that are new to the model are new to the store. */
static void learn_ids(struct history *history)
{
    for (int i = 0; i < history->fleet.asset_count; i++) {
        struct fleet_asset *asset = &history->fleet.assets[i];
        if (asset->id == 0 && asset->address >= 0) {
            asset->id = asset_at(history->fixture, asset->realm, asset->address);
        }
    }
}

static void differs(const struct history *history, int asset, const char *what, const char *found, const char *expected)
{
    const struct fleet_asset *this = &history->fleet.assets[asset];

    fail_msg("LEASTPORT_TEST_SEED=%llu, step %d (%s): asset %d (%s, %d) %s: %s, but the model says %s",
             (unsigned long long)history->seed, history->step, history->did, asset, realms[this->realm],
             this->last_address + 1, what, found, expected);
}

static const char *disposition_word(char disposition)
{
    return disposition == 'N' ? "NONE" : disposition == 'A' ? "ACKNOWLEDGED" : "WAIVED";
}

static int asset_of_id(const struct history *history, int64_t id)
{
    for (int i = 0; i < history->fleet.asset_count; i++) {
        if (history->fleet.assets[i].id == id) {
            return i;
        }
    }
    fail_msg("LEASTPORT_TEST_SEED=%llu, step %d (%s): the model has no asset %lld", (unsigned long long)history->seed,
             history->step, history->did, (long long)id);
    return -1;
}

static void compare_itself(const struct history *history, int i, const char *found)
{
    const struct fleet_asset *asset = &history->fleet.assets[i];
    char expected[64];
    char text[24];

    snprintf(expected, sizeof(expected), "%s %s", asset->is_living ? "living" : "ended",
             asset->address < 0 ? "nowhere" : address_text(asset->address, text));
    if (strcmp(found, expected) != 0) {
        differs(history, i, "itself", found, expected);
    }
}

static void compare_port(const struct history *history, int i, int p, const char *found)
{
    const struct fleet_port *port = &history->fleet.assets[i].ports[p];
    char expected[64] = "-";
    char what[160];

    if (port->presence[0] != '-') {
        snprintf(expected, sizeof(expected), "%s %s %s", port->presence, port->sight,
                 disposition_word(port->disposition));
    }
    snprintf(what, sizeof(what), "port %d (%.50s/%.50s)", fleet_ports[p], port->looks[0].log, port->looks[1].log);
    if (strcmp(found, expected) != 0) {
        differs(history, i, what, found, expected);
    }
}

/* Each asset is a row, with the finding of each port or "-". */
static void compare(struct history *history)
{
    static const char sql[] =
        "SELECT a.id, CASE WHEN a.ended_at IS NULL THEN 'living ' ELSE 'ended ' END || coalesce((SELECT"
        " group_concat(value) FROM asset_identity WHERE asset_id = a.id AND kind = 'address' AND valid_to IS NULL),"
        " 'nowhere'), coalesce(max(CASE WHEN f.port = 22 THEN is_so END), '-'), coalesce(max(CASE WHEN f.port = 443"
        " THEN is_so END), '-'), coalesce(max(CASE WHEN f.port = 5432 THEN is_so END), '-') FROM asset a LEFT JOIN"
        " (SELECT asset_id, port, presence || ' ' || sight || ' ' || disposition AS is_so FROM finding) f ON"
        " f.asset_id = a.id GROUP BY a.id";
    sqlite3_stmt *row = NULL;
    int rows = 0;

    learn_ids(history);
    assert_int_equal(sqlite3_prepare_v2(store_database(history->fixture->store), sql, -1, &row, NULL), SQLITE_OK);
    for (; sqlite3_step(row) == SQLITE_ROW; rows++) {
        int i = asset_of_id(history, sqlite3_column_int64(row, 0));
        compare_itself(history, i, store_text(row, 1));
        for (int p = 0; p < FLEET_PORTS; p++) {
            compare_port(history, i, p, store_text(row, 2 + p));
        }
    }
    sqlite3_finalize(row);
    if (rows != history->fleet.asset_count) {
        fail_msg("LEASTPORT_TEST_SEED=%llu, step %d (%s): %d assets, but the model has %d",
                 (unsigned long long)history->seed, history->step, history->did, rows, history->fleet.asset_count);
    }
}

/* ---- the world ---- */

static int free_address(struct history *history, int realm)
{
    int address = draw(history, FLEET_ADDRESSES);

    for (int m = 0; m < FLEET_MACHINES; m++) {
        if (history->fleet.machines[realm][m].address == address) {
            return -1;
        }
    }
    return address;
}

static void change_machine(struct history *history, int realm)
{
    struct fleet_machine *machine = &history->fleet.machines[realm][draw(history, FLEET_MACHINES)];
    struct fleet_machine *other = &history->fleet.machines[realm][draw(history, FLEET_MACHINES)];
    int address = machine->address;

    switch (draw(history, 8)) {
    case 0:
        machine->address = -1;
        break;
    case 1:
        machine->address = free_address(history, realm);
        break;
    case 2:
        /* They change places. */
        machine->address = other->address;
        other->address = address;
        break;
    case 3:
        machine->up = !machine->up;
        break;
    default:
        machine->truth[draw(history, FLEET_VANTAGES)][draw(history, FLEET_PORTS)] = "ocf"[draw(history, 3)];
    }
}

static void change_the_world(struct history *history)
{
    for (int changes = draw(history, 5); changes > 0; changes--) {
        change_machine(history, draw(history, FLEET_REALMS));
    }
    /* The clock goes forward by days, once in a while, and back. */
    if (draw(history, 25) == 0) {
        history->fixture->now_ms += (int64_t)draw(history, 40) * STEP_MS + draw(history, STEP_MS);
    }
    if (draw(history, 20) == 0) {
        history->fixture->now_ms -= (int64_t)draw(history, 30) * STEP_MS + draw(history, STEP_MS);
    }
}

/* ---- a scan ---- */

struct sweep {
    int realm;
    int vantage;
    int addresses; /* the first so many */
    int ports;     /* the first so many */
    bool complete;
    bool canary;
    bool lost; /* nothing comes back */
    int64_t begun_ms;
    int64_t ended_ms;
    char found[FLEET_ADDRESSES];
};

static char truth_of(const struct sweep *sweep, const struct fleet_machine *machine, int p)
{
    return machine == NULL ? 'f' : machine->truth[sweep->vantage][p];
}

static const struct fleet_machine *machine_seen(const struct history *history, const struct sweep *sweep, int address)
{
    return sweep->lost ? NULL : machine_at(&history->fleet, sweep->realm, address);
}

static void tell_port(struct history *history, const struct sweep *sweep, int address, int p)
{
    char state = truth_of(sweep, machine_seen(history, sweep, address), p);
    struct fleet *fleet = &history->fleet;
    int holder = fleet_holder(fleet, sweep->realm, address);
    char text[24];

    fixture_port(history->fixture, address_text(address, text), fleet_ports[p],
                 state == 'o'   ? "open"
                 : state == 'c' ? "closed"
                                : "filtered",
                 state == 'o'   ? "syn-ack"
                 : state == 'c' ? "conn-refused"
                                : "no-response");
    if (holder < 0 && state == 'o') {
        holder = fleet_add(fleet, sweep->realm, address, history->fixture->now_ms);
    }
    if (holder >= 0) {
        fleet_state(&fleet->assets[holder].ports[p], sweep->vantage, state, history->fixture->now_ms);
    }
}

static void tell_host(struct history *history, struct sweep *sweep, int address)
{
    const struct fleet_machine *machine = machine_seen(history, sweep, address);
    int holder;
    char text[24];

    for (int p = 0; p < sweep->ports; p++) {
        tell_port(history, sweep, address, p);
    }
    fixture_host(history->fixture, address_text(address, text), machine != NULL);
    sweep->found[address] = machine != NULL ? 'u' : 'd';
    holder = fleet_holder(&history->fleet, sweep->realm, address);
    if (holder < 0 && machine != NULL) {
        holder = fleet_add(&history->fleet, sweep->realm, address, history->fixture->now_ms);
    }
    if (holder >= 0) {
        fleet_say(&history->fleet.assets[holder], sweep->vantage, address, machine != NULL, history->fixture->now_ms);
    }
}

/* When all has been told. */
static void model_looks(struct history *history, const struct sweep *sweep)
{
    for (int a = 0; a < sweep->addresses; a++) {
        int holder = fleet_holder(&history->fleet, sweep->realm, a);
        struct fleet_asset *asset = &history->fleet.assets[holder < 0 ? 0 : holder];
        bool proves = sweep->complete && sweep->canary &&
                      (sweep->found[a] == 'u' || fleet_is_running(asset, sweep->begun_ms, sweep->ended_ms));
        for (int p = 0; holder >= 0 && sweep->found[a] != 0 && p < sweep->ports; p++) {
            char state = truth_of(sweep, machine_seen(history, sweep, a), p);
            fleet_look(&history->fleet, asset, p, sweep->vantage,
                       state == 'o'   ? 'O'
                       : state == 'c' ? 'R'
                       : proves       ? 'S'
                                      : 'B');
        }
    }
}

/* Who was to be looked at and was not, or is nowhere any more. */
static void model_blind(struct history *history, const struct sweep *sweep)
{
    for (int i = 0; i < history->fleet.asset_count; i++) {
        struct fleet_asset *asset = &history->fleet.assets[i];
        bool looked = asset->address >= 0 && sweep->found[asset->address] != 0;
        for (int p = 0; p < sweep->ports; p++) {
            if (asset->is_living && asset->realm == sweep->realm && asset->last_address < sweep->addresses && !looked) {
                fleet_look(&history->fleet, asset, p, sweep->vantage, 'B');
            }
        }
    }
}

static void remember_missed(struct history *history, const struct sweep *sweep)
{
    for (int i = 0; i < history->fleet.asset_count; i++) {
        struct fleet_asset *asset = &history->fleet.assets[i];
        if (asset->is_living && asset->realm == sweep->realm && asset->address >= 0 &&
            sweep->found[asset->address] == 'd' && sweep->begun_ms >= asset->created_ms) {
            asset->was_missed[sweep->vantage] = true;
        }
    }
}

static void scan_lines(struct history *history, struct sweep *sweep)
{
    static const char *const ports[FLEET_PORTS] = {"22", "22,443", "22,443,5432"};
    char targets[32];
    const struct fixture_plan plan = {realms[sweep->realm],
                                      vantages[sweep->vantage],
                                      targets,
                                      ports[sweep->ports - 1],
                                      ",\"canary\":{\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7}",
                                      1,
                                      0};

    snprintf(targets, sizeof(targets), "[\"10.0.0.1-%d\"]", sweep->addresses);
    fixture_start(history->fixture, &plan);
    sweep->begun_ms = history->fixture->now_ms;
    fixture_line(
        history->fixture, "canary",
        "\"host\":\"10.7.7.7\",\"proto\":\"tcp\",\"port\":7,\"phase\":\"end\",\"state\":\"%s\",\"reason\":\"x\"",
        sweep->canary ? "answered" : "silent");
    for (int a = 0; a < sweep->addresses; a++) {
        if (sweep->complete || draw(history, 2) == 0) {
            tell_host(history, sweep, a);
        }
    }
    if (sweep->complete) {
        fixture_slab(history->fixture, 0, 1);
    }
    fixture_end(history->fixture, sweep->complete);
    sweep->ended_ms = history->fixture->now_ms;
}

static void settle(struct history *history)
{
    struct fixture *fixture = history->fixture;
    struct settle_options options = settle_options_default();
    struct settle_result result;

    options.policy = history->policies[history->fleet.policy];
    options.policy_id = history->policy_ids[history->fleet.policy];
    options.now_ms = fixture->now_ms;
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
    assert_true(ephemeral_settle(fixture->store, &history->config, fixture->scan, fixture->now_ms) >= 0);
    if (draw(history, 6) != 0) {
        return;
    }
    /* Another daemon looks at the same scan once more. */
    ingest_destroy(fixture->ingest);
    fixture->ingest = NULL;
    store_close(fixture->store);
    fixture_open(fixture);
    assert_int_equal(settle_scan(fixture->store, fixture->scan, &options, &result), 0);
    assert_int_equal(result.judged + result.created + result.moved, 0);
    assert_int_equal(ephemeral_settle(fixture->store, &history->config, fixture->scan, fixture->now_ms), 0);
}

static void one_scan(struct history *history)
{
    struct sweep sweep = {.realm = draw(history, FLEET_REALMS),
                          .vantage = draw(history, FLEET_SCANNERS),
                          .addresses = draw(history, 3) == 0 ? 3 : FLEET_ADDRESSES,
                          .ports = draw(history, 4) == 0 ? 1 + draw(history, FLEET_PORTS - 1) : FLEET_PORTS,
                          .complete = draw(history, 5) > 0,
                          .canary = draw(history, 5) > 0};

    sweep.lost = !sweep.canary && draw(history, 2) == 0;
    snprintf(history->did, sizeof(history->did), "scan of %s from %s, %d addresses, %d ports%s%s%s",
             realms[sweep.realm], vantages[sweep.vantage], sweep.addresses, sweep.ports,
             sweep.complete ? "" : ", cut off", sweep.canary ? "" : ", canary silent",
             sweep.lost ? ", vantage lost" : "");
    scan_lines(history, &sweep);
    model_looks(history, &sweep);
    model_blind(history, &sweep);
    people_enforce(&history->fleet, history->fixture->now_ms);
    if (sweep.realm == FLEET_SCALED && sweep.complete && sweep.canary) {
        fleet_let_go(&history->fleet, sweep.vantage, sweep.found);
    }
    if (sweep.complete && sweep.canary) {
        remember_missed(history, &sweep);
    }
    settle(history);
}

/* ---- the inventory ---- */

static void add_host(struct inventory *inventory, int machine, int address)
{
    char reason[INVENTORY_REASON_SIZE];
    struct inventory_host *host;
    char text[24];

    assert_int_equal(inventory_add(inventory, &host), 0);
    snprintf(text, sizeof(text), "i-%d", machine);
    assert_int_equal(inventory_set_id(host, text, reason), 0);
    assert_int_equal(inventory_add_address(host, address_text(address, text), reason), 0);
}

static void one_read(struct history *history)
{
    struct fleet *fleet = &history->fleet;
    struct inventory inventory = {.is_complete = draw(history, 4) > 0};
    struct store_inventory_change change;
    const struct store_inventory_read read = {.name = "fleet",
                                              .realm = realms[FLEET_MANAGED],
                                              .inventory = &inventory,
                                              .is_confirmed = draw(history, 8) == 0,
                                              .actor = "tester",
                                              .now_ms = history->fixture->now_ms};
    int cut = draw(history, 3) == 0 ? draw(history, FLEET_MACHINES) : FLEET_MACHINES;
    int listed[FLEET_MACHINES];
    char *did = history->did + snprintf(history->did, sizeof(history->did),
                                        "inventory%s%s:", inventory.is_complete ? "" : " that may be cut off",
                                        read.is_confirmed ? " that is confirmed" : "");

    for (int m = 0; m < FLEET_MACHINES; m++) {
        listed[m] = m < cut ? fleet->machines[FLEET_MANAGED][m].address : -1;
        if (listed[m] >= 0) {
            add_host(&inventory, m, listed[m]);
            did += sprintf(did, " %d at %d", m, listed[m] + 1);
        }
    }
    assert_int_equal(store_inventory_apply(history->fixture->store, &read, &change), 0);
    fleet_read(fleet, listed, inventory.is_complete, read.is_confirmed, read.now_ms);
    inventory_done(&inventory);
}

/* ---- the whole ---- */

static void one_paper(struct history *history)
{
    if (paper_import(history)) {
        settle(history);
    }
}

static void one_step(struct history *history)
{
    int what = draw(history, 24);

    change_the_world(history);
    history->fixture->now_ms += STEP_MS;
    if (what < 10) {
        one_scan(history);
    } else if (what < 14) {
        one_read(history);
    } else if (what < 15) {
        people_replace_tenant(history);
    } else if (what < 17) {
        people_change_policy(history);
    } else if (what < 19) {
        one_paper(history);
    } else {
        people_decide(history);
    }
    people_tick(history);
    compare(history);
}

static void prepare(struct history *history)
{
    struct problems problems;

    problems_init(&problems);
    assert_int_equal(config_parse(CONFIG, strlen(CONFIG), NULL, &problems, &history->config), 0);
    for (int i = 0; i < FLEET_POLICIES; i++) {
        assert_int_equal(
            policy_parse(policy_texts[i], strlen(policy_texts[i]), "test", &problems, &history->policies[i]), 0);
    }
}

static void begin(struct history *history, uint64_t seed)
{
    void *state;

    history->fleet = (struct fleet){0};
    history->seed = history->source = seed_at_hand = seed;
    fixture_setup_in(&state, looks_folder());
    history->fixture = state;
    for (int i = 0; i < FLEET_POLICIES; i++) {
        const struct store_policy row = {policy_hash(history->policies[i]), "test", policy_texts[i], 1};
        assert_int_equal(
            store_policy_put(history->fixture->store, &row, history->fixture->now_ms, &history->policy_ids[i]), 0);
    }
    for (int r = 0; r < FLEET_REALMS; r++) {
        for (int m = 0; m < FLEET_MACHINES; m++) {
            struct fleet_machine *machine = &history->fleet.machines[r][m];
            *machine = (struct fleet_machine){.address = m < 4 ? m : -1, .up = true};
            memset(machine->truth, 'c', sizeof(machine->truth));
            machine->truth[0][m % FLEET_PORTS] = machine->truth[1][m % FLEET_PORTS] = 'o';
        }
    }
}

static void histories_are_as_the_model_says(void **state)
{
    struct history *history = calloc(1, sizeof(*history));
    uint64_t first = seed_first();
    uint64_t repeats = seed_repeats(HISTORIES_FEW);

    (void)state;
    assert_non_null(history);
    prepare(history);
    for (uint64_t i = 0; i < repeats; i++) {
        void *fixture;
        begin(history, first + i);
        for (history->step = 0; history->step < STEPS; history->step++) {
            one_step(history);
        }
        fleet_check_logs(history->fixture, history->seed);
        keeping_is_sound(history->fixture);
        fixture = history->fixture;
        fixture_teardown(&fixture);
    }
    for (int i = 0; i < FLEET_POLICIES; i++) {
        policy_destroy(history->policies[i]);
    }
    config_done(&history->config);
    free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(histories_are_as_the_model_says, seed_say),
    };

    return cmocka_run_group_tests_name("history of fleets", tests, NULL, NULL);
}
