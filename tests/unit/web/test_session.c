#include "web/session.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct mono_time at(uint64_t ms)
{
    return (struct mono_time){UINT64_C(1000000000) + ms * 1000000};
}

static void lasts_while_it_is_used_and_not_for_ever(void **state)
{
    struct session_table *table = session_table_create(8480);
    char id[SESSION_ID_SIZE];
    char other[SESSION_ID_SIZE];
    struct session session;
    uint64_t now_ms;

    (void)state;
    session_begin(table, "0123456789ab", at(0), id);
    session_begin(table, "ba9876543210", at(0), other);
    assert_string_not_equal(id, other);
    assert_int_equal(session_find(table, id, at(1), &session), 0);
    assert_string_equal(session.token, "0123456789ab");
    assert_int_equal(strlen(session.csrf), SESSION_CSRF_SIZE - 1);
    assert_int_equal(session_find(table, "", at(1), &session), -ENOENT);
    assert_int_equal(session_find(table, other, at(SESSION_IDLE_MS), &session), -ESTALE);
    for (now_ms = 1; now_ms + SESSION_IDLE_MS - 1 < SESSION_LIFE_MS; now_ms += SESSION_IDLE_MS - 1) {
        assert_int_equal(session_find(table, id, at(now_ms), &session), 0);
        assert_int_equal(session.left_ms, SESSION_LIFE_MS - now_ms);
    }
    assert_int_equal(session_find(table, id, at(now_ms), &session), 0);
    assert_int_equal(session_find(table, id, at(SESSION_LIFE_MS - 1), &session), 0);
    assert_int_equal(session_find(table, id, at(SESSION_LIFE_MS), &session), -ESTALE);
    session_table_destroy(table);
}

static void ends_when_told(void **state)
{
    struct session_table *table = session_table_create(8480);
    char id[SESSION_ID_SIZE];
    struct session session;

    (void)state;
    session_begin(table, "0123456789ab", at(0), id);
    session_end(table, "nobody", at(1));
    assert_int_equal(session_find(table, id, at(1), &session), 0);
    session_end(table, id, at(1));
    assert_int_equal(session_find(table, id, at(1), &session), -ESTALE);
    assert_false(session_lives(table, id, at(1)));
    /* What has ended is not brought back, by whoever still has it stored. */
    session_recall(table, id, "0123456789ab", 1000, at(2));
    assert_int_equal(session_find(table, id, at(3), &session), -ESTALE);
    session_recall(table, "nobody", "0123456789ab", 1000, at(2));
    assert_int_equal(session_find(table, "nobody", at(3), &session), -ESTALE);
    session_table_destroy(table);
    session_table_destroy(NULL);
}

static void the_quietest_gives_way(void **state)
{
    struct session_table *table = session_table_create(8480);
    char first[SESSION_ID_SIZE];
    char second[SESSION_ID_SIZE];
    char id[SESSION_ID_SIZE];
    struct session session;

    (void)state;
    session_begin(table, "000000000001", at(0), first);
    session_begin(table, "000000000002", at(1), second);
    assert_int_equal(session_find(table, first, at(2), &session), 0);
    for (int i = 0; i < SESSION_MAX - 1; i++) {
        session_begin(table, "000000000003", at(3), id);
    }
    assert_int_equal(session_find(table, first, at(4), &session), 0);
    assert_int_equal(session_find(table, second, at(4), &session), -ENOENT);
    assert_int_equal(session_find(table, id, at(4), &session), 0);
    session_table_destroy(table);
}

static void goes_on_in_another_run(void **state)
{
    struct session_table *table = session_table_create(8480);
    struct session_table *next = session_table_create(8480);
    struct session_table *other = session_table_create(8481);
    char hash[3][SESSION_HASH_SIZE];
    char id[SESSION_ID_SIZE];
    struct session session;
    struct session again;

    (void)state;
    session_begin(table, "0123456789ab", at(0), id);
    assert_int_equal(session_find(table, id, at(1), &session), 0);
    session_hash(table, id, hash[0]);
    session_hash(next, id, hash[1]);
    session_hash(other, id, hash[2]);
    assert_string_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[0], hash[2]);
    assert_int_equal(strspn(hash[0], "0123456789abcdef"), SESSION_HASH_SIZE - 1);
    assert_int_equal(session_find(next, id, at(1), &again), -ENOENT);
    session_recall(next, id, "0123456789ab", SESSION_LIFE_MS - 1000, at(5));
    assert_int_equal(session_find(next, id, at(6), &again), 0);
    assert_string_equal(again.token, session.token);
    assert_string_equal(again.csrf, session.csrf);
    assert_int_equal(again.left_ms, 999);
    assert_int_equal(session_find(next, id, at(1005), &again), -ESTALE);
    session_table_destroy(table);
    session_table_destroy(next);
    session_table_destroy(other);
}

static void its_use_is_told_once_a_minute(void **state)
{
    struct session_table *table = session_table_create(8480);
    char id[SESSION_ID_SIZE];
    struct session session;
    int told = 0;

    (void)state;
    session_begin(table, "0123456789ab", at(0), id);
    for (uint64_t now_ms = 0; now_ms <= (uint64_t)SESSION_TELL_MS * 10; now_ms += 1000) {
        assert_int_equal(session_find(table, id, at(now_ms), &session), 0);
        told += session.is_to_tell;
    }
    assert_int_equal(told, 10);
    session_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lasts_while_it_is_used_and_not_for_ever),
        cmocka_unit_test(ends_when_told),
        cmocka_unit_test(the_quietest_gives_way),
        cmocka_unit_test(goes_on_in_another_run),
        cmocka_unit_test(its_use_is_told_once_a_minute),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
