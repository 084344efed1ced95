#include "auditd/store/inventory.h"
#include "tests/unit/auditd/fixture.h"

#include <errno.h>

/* Reads "ID ADDRESS, …" as a whole inventory, or one that may be cut off. */
static struct store_inventory_change apply(struct fixture *fixture, const char *hosts, bool is_complete,
                                           bool is_confirmed)
{
    struct inventory inventory = {0};
    char reason[INVENTORY_REASON_SIZE];
    struct store_inventory_change change;
    const struct store_inventory_read read = {
        .name = "fleet",
        .realm = "default",
        .inventory = &inventory,
        .is_confirmed = is_confirmed,
        .actor = "test",
        .now_ms = fixture->now_ms,
    };
    char text[512];
    char *rest = text;
    char *word;

    snprintf(text, sizeof(text), "%s", hosts);
    while ((word = strsep(&rest, ",")) != NULL) {
        char *address = strchr(word, ' ');
        struct inventory_host *host;
        if (address == NULL) {
            continue;
        }
        *address = '\0';
        assert_int_equal(inventory_add(&inventory, &host), 0);
        assert_int_equal(inventory_set_id(host, word, reason), 0);
        assert_int_equal(inventory_add_address(host, address + 1, reason), 0);
    }
    inventory.is_complete = is_complete;
    if (store_inventory_apply(fixture->store, &read, &change) != 0) {
        fail_msg("%s", store_last_error(fixture->store)->text);
    }
    inventory_done(&inventory);
    fixture->now_ms += 1000;
    return change;
}

static void assert_targets(struct fixture *fixture, const char *expected)
{
    json_t *targets;
    char *text;

    assert_int_equal(store_inventory_targets(fixture->store, "fleet", &targets), 0);
    text = json_dumps(targets, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(targets);
}

#define FIVE "a 10.0.0.1,b 10.0.0.2,c 10.0.0.3,d 10.0.0.4,e 10.0.0.5"

static void retires_a_fifth_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct store_inventory_change change = apply(fixture, FIVE, true, false);

    assert_int_equal(change.added, 5);
    assert_int_equal(change.changed, 5);
    change = apply(fixture, FIVE, true, false);
    assert_int_equal(change.added + change.changed + change.gone + change.withheld, 0);
    change = apply(fixture, "a 10.0.0.1,b 10.0.0.2,c 10.0.0.3,d 10.0.0.4", true, false);
    assert_int_equal(change.gone, 1);
    /* One of four is more. */
    change = apply(fixture, "a 10.0.0.1,b 10.0.0.2,c 10.0.0.3", true, false);
    assert_int_equal(change.gone, 0);
    assert_int_equal(change.withheld, 1);
    assert_targets(fixture, "[\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\"]");
    change = apply(fixture, "a 10.0.0.1,b 10.0.0.2,c 10.0.0.3", true, true);
    assert_int_equal(change.gone, 1);
    assert_targets(fixture, "[\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\"]");
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset WHERE ended_at IS NULL"), 5);
}

static void new_hosts_do_not_hide_a_loss(void **state)
{
    struct fixture *fixture = *state;
    struct store_inventory_change change;

    (void)apply(fixture, "a 10.0.0.1,b 10.0.0.2", true, false);
    change = apply(fixture, "a 10.0.0.1,c 10.0.0.3,d 10.0.0.4,e 10.0.0.5,f 10.0.0.6,g 10.0.0.7", true, false);
    assert_int_equal(change.added, 5);
    assert_int_equal(change.gone, 0);
    assert_int_equal(change.withheld, 1);
}

static void one_that_may_be_cut_off_retires_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct store_inventory_change change;

    (void)apply(fixture, FIVE ",f 10.0.0.6", false, false);
    change = apply(fixture, FIVE, false, false);
    assert_int_equal(change.gone, 0);
    assert_int_equal(change.withheld, 1);
    change = apply(fixture, "", true, false);
    assert_int_equal(change.gone, 0);
    assert_int_equal(change.withheld, 6);
}

static void keeps_what_was_said_last(void **state)
{
    struct fixture *fixture = *state;
    const struct store_inventory_read read = {.name = "fleet", .realm = "default", .now_ms = fixture->now_ms};
    json_t *list;

    (void)apply(fixture, FIVE, true, false);
    assert_int_equal(store_inventory_failed(fixture->store, &read, "broken"), 0);
    assert_int_equal(store_inventory_list(fixture->store, &list), 0);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "hosts")), 5);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "error")), "broken");
    json_decref(list);
    (void)apply(fixture, FIVE, true, false);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM inventory WHERE error <> ''"), 0);
}

static void machines_keep_themselves_when_addresses_move(void **state)
{
    struct fixture *fixture = *state;

    (void)apply(fixture, "a 10.0.0.1,b 10.0.0.2", true, false);
    (void)apply(fixture, "a 10.0.0.2,b 10.0.0.1", true, false);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 2);
    assert_int_equal(fixture_int(fixture,
                                 "SELECT count(*) FROM asset_identity a JOIN asset_identity i ON"
                                 " i.asset_id = a.asset_id AND i.valid_to IS NULL WHERE a.kind = 'instance'"
                                 " AND a.valid_to IS NULL AND a.value || i.value IN ('a10.0.0.2', 'b10.0.0.1')"),
                     2);
    /* Another id at a's address is another machine. */
    (void)apply(fixture, "c 10.0.0.2,b 10.0.0.1", true, true);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset"), 3);
    assert_int_equal(fixture_int(fixture, "SELECT asset_id FROM asset_identity WHERE value = '10.0.0.2'"
                                          " AND valid_to IS NULL"),
                     3);
}

/* Whose address an inventory says to be another machine's has it again when the inventory says so. */
static void an_address_that_was_lent_comes_back(void **state)
{
    struct fixture *fixture = *state;

    (void)apply(fixture, "a 10.0.0.1,b 10.0.0.2", true, false);
    (void)apply(fixture, "c 10.0.0.1,b 10.0.0.2", false, false);
    assert_int_equal(fixture_int(fixture, "SELECT asset_id FROM asset_identity WHERE value = '10.0.0.1'"
                                          " AND valid_to IS NULL"),
                     3);
    (void)apply(fixture, "a 10.0.0.1,b 10.0.0.2", false, false);
    assert_int_equal(fixture_int(fixture, "SELECT asset_id FROM asset_identity WHERE value = '10.0.0.1'"
                                          " AND valid_to IS NULL"),
                     1);
}

static void one_that_comes_back_elsewhere_leaves_its_old_address(void **state)
{
    struct fixture *fixture = *state;

    (void)apply(fixture, "a 10.0.0.1,b 10.0.0.2", true, false);
    (void)apply(fixture, "b 10.0.0.2", true, true);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset WHERE retired_at IS NOT NULL"), 1);
    (void)apply(fixture, "a 10.0.0.7,b 10.0.0.2", true, false);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM asset WHERE retired_at IS NOT NULL"), 0);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(value) FROM asset_identity WHERE asset_id = 1"
                                              " AND kind = 'address' AND valid_to IS NULL"),
                        "10.0.0.7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(retires_a_fifth_and_no_more, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(new_hosts_do_not_hide_a_loss, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(one_that_may_be_cut_off_retires_nobody, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(keeps_what_was_said_last, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_address_that_was_lent_comes_back, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(one_that_comes_back_elsewhere_leaves_its_old_address, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(machines_keep_themselves_when_addresses_move, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
