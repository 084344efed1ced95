#include "tests/unit/auditd/fixture.h"

#include "auditd/store/hindrance.h"

#include <sqlite3.h>

static void nothing_hinders_a_store_of_ones_own(void **state)
{
    struct fixture *fixture = *state;
    char text[STORE_HINDRANCE_SIZE] = "x";

    store_hindrance(fixture->store, 0, text);
    assert_string_equal(text, "");
    /* Asked within a transaction, it leaves that as it is. */
    assert_int_equal(store_begin(fixture->store), 0);
    store_hindrance(fixture->store, 0, text);
    assert_string_equal(text, "");
    assert_true(store_in_transaction(fixture->store));
    assert_int_equal(store_commit(fixture->store), 0);
    assert_false(store_in_transaction(fixture->store));
}

static void a_stranger_that_holds_the_lock_does(void **state)
{
    struct fixture *fixture = *state;
    char text[STORE_HINDRANCE_SIZE] = "";
    sqlite3 *stranger = NULL;

    assert_int_equal(sqlite3_open(fixture->path, &stranger), SQLITE_OK);
    assert_int_equal(sqlite3_exec(stranger, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    store_hindrance(fixture->store, 0, text);
    assert_non_null(strstr(text, "Another process holds the database's lock"));
    assert_int_equal(sqlite3_exec(stranger, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    store_hindrance(fixture->store, 0, text);
    assert_string_equal(text, "");
    assert_int_equal(store_begin(fixture->store), 0);
    store_rollback(fixture->store);
    sqlite3_close(stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_hinders_a_store_of_ones_own, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_stranger_that_holds_the_lock_does, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
