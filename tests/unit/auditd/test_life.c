#include "auditd/finding/life.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void moves_only_as_the_table_says(void **state)
{
    /* A row for each state that is left, a column for each that is entered: N O V F R A. */
    static const char *const legal[] = {"=ov..a", ".=v..a", ".o=f.a", "...=ra", "..v.=a", ".o...="};
    static const char *const names[] = {"NEW", "OPEN", "VERIFYING", "FIXED", "REAPPEARED", "ALLOWED"};
    (void)state;
    for (unsigned from = 0; from < 6; from++) {
        for (unsigned to = 0; to < 6; to++) {
            enum presence presence = (enum presence)from;
            struct life_move move = {0};
            int expected = legal[from][to] == '=' ? 0 : legal[from][to] == '.' ? -EPERM : 1;
            assert_int_equal(presence_move(&presence, (enum presence)to, &move), expected);
            assert_int_equal(presence, expected == 1 ? to : from);
            if (expected == 1) {
                assert_string_equal(move.what, "presence");
                assert_string_equal(move.was, names[from]);
                assert_string_equal(move.became, names[to]);
            }
        }
        enum presence parsed;
        assert_int_equal(presence_parse(names[from], &parsed), 0);
        assert_string_equal(presence_name(parsed), names[from]);
    }
    enum presence parsed;
    assert_int_equal(presence_parse("open", &parsed), -EINVAL);
    enum sight sight = SIGHT_RETIRED;
    struct life_move move;
    assert_int_equal(sight_move(&sight, SIGHT_STALE, &move), -EPERM);
    assert_int_equal(sight_move(&sight, SIGHT_FRESH, &move), 1);
    assert_int_equal(sight_move(&sight, SIGHT_RETIRED, &move), 1);
    enum disposition disposition = DISPOSITION_NONE;
    assert_int_equal(disposition_move(&disposition, DISPOSITION_WAIVED, &move), 1);
    assert_int_equal(disposition_move(&disposition, DISPOSITION_NONE, &move), 1);
    assert_int_equal(disposition_parse("WAIVED", &disposition), 0);
    assert_int_equal(sight_parse("STALE", &sight), 0);
    assert_string_equal(sight_name(sight), "STALE");
    assert_string_equal(disposition_name(disposition), "WAIVED");
}

static struct look_facts good_silence(void)
{
    return (struct look_facts){.state = PORT_STATE_FILTERED,
                               .reason = "no-response",
                               .tries = 3,
                               .scan_complete = true,
                               .loss = 0.001,
                               .canary_answered = true,
                               .asset_running = true};
}

static void silence_counts_only_with_all_its_conditions(void **state)
{
    struct look_facts facts = good_silence();
    (void)state;
    assert_int_equal(life_look(&facts), LOOK_SILENT);
    facts.scan_complete = false;
    assert_int_equal(life_look(&facts), LOOK_BLIND);
    facts = good_silence();
    facts.canary_answered = false;
    assert_int_equal(life_look(&facts), LOOK_BLIND);
    facts = good_silence();
    facts.asset_running = false;
    assert_int_equal(life_look(&facts), LOOK_BLIND);
    facts = good_silence();
    facts.reason = "admin-prohibited";
    assert_int_equal(life_look(&facts), LOOK_SILENT);
}

static void tries_follow_the_loss(void **state)
{
    static const struct {
        double loss;
        int64_t tries;
        enum look look;
    } cases[] = {
        {0, 2, LOOK_SILENT},    {0, 1, LOOK_BLIND},     {0, 0, LOOK_BLIND},    {0.0009, 2, LOOK_SILENT},
        {0.001, 1, LOOK_BLIND}, {0.001, 2, LOOK_BLIND}, {0.01, 3, LOOK_BLIND}, {0.0099, 3, LOOK_SILENT},
        {0.1, 6, LOOK_BLIND},   {0.1, 7, LOOK_SILENT},  {0.5, 19, LOOK_BLIND}, {0.5, 20, LOOK_SILENT},
        {1, 1000, LOOK_BLIND},  {-1, 4, LOOK_BLIND},    {-1, 5, LOOK_SILENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct look_facts facts = good_silence();
        facts.loss = cases[i].loss;
        facts.tries = cases[i].tries;
        if (life_look(&facts) != cases[i].look) {
            fail_msg("loss %g, tries %ld", cases[i].loss, (long)cases[i].tries);
        }
    }
}

static void refusals_are_of_the_port_itself(void **state)
{
    static const struct {
        const char *reason;
        bool is_udp;
        enum look look;
    } cases[] = {
        {"conn-refused", false, LOOK_REFUSED}, {"reset", false, LOOK_REFUSED},     {"port-unreach", false, LOOK_BLIND},
        {"port-unreach", true, LOOK_REFUSED},  {"conn-refused", true, LOOK_BLIND}, {"host-unreach", false, LOOK_BLIND},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct look_facts facts = {
            .state = PORT_STATE_CLOSED, .reason = cases[i].reason, .is_udp = cases[i].is_udp, .loss = -1};
        assert_int_equal(life_look(&facts), cases[i].look);
    }
}

static void proof_is_in_a_row(void **state)
{
    struct endpoint_proof proof = {0};
    (void)state;
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_OPEN);
    life_prove(&proof, LOOK_REFUSED, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_VERIFYING);
    life_prove(&proof, LOOK_BLIND, 0);
    life_prove(&proof, LOOK_UNDECIDED, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_VERIFYING);
    life_prove(&proof, LOOK_SILENT, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_VERIFYING);
    life_prove(&proof, LOOK_REFUSED, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_VERIFYING);
    life_prove(&proof, LOOK_REFUSED, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_CLEARED);
    life_prove(&proof, LOOK_SILENT, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_CLEARED);
    life_prove(&proof, LOOK_OPEN, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_OPEN);
    life_prove(&proof, LOOK_SILENT, 0);
    life_prove(&proof, LOOK_SILENT, 0);
    life_prove(&proof, LOOK_REFUSED, 0);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_CLEARED);
    life_prove(&proof, LOOK_OPEN, 0);
    life_prove(&proof, LOOK_REFUSED, 2);
    assert_int_equal(life_word(&proof), ENDPOINT_WORD_CLEARED);
}

/* Whatever the facts are, the way that is decided is legal, and nothing is fixed that was not cleared everywhere. */
static void decides_only_legal_moves(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 256; bits++) {
        const struct finding_facts facts = {
            .judged_allowed = bits & 1,
            .seen_open = bits & 2,
            .second_probe = bits & 4,
            .blind = bits & 8,
            .looked = bits & 16,
            .any_open = bits & 32,
            .any_verifying = bits & 64,
            .all_cleared = (bits & 128) && !(bits & (2 | 32 | 64)),
        };
        for (unsigned from = 0; from < 6 * 3; from++) {
            enum presence presence = (enum presence)(from % 6);
            enum sight sight = (enum sight)(from / 6);
            struct life_target target = life_decide(presence, sight, &facts);
            struct life_move move;
            if (target.presence == PRESENCE_FIXED && presence != PRESENCE_FIXED) {
                assert_true(facts.all_cleared && presence == PRESENCE_VERIFYING);
            }
            assert_true(presence_move(&presence, target.presence, &move) >= 0);
            assert_true(sight_move(&sight, target.sight, &move) >= 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_only_as_the_table_says),
        cmocka_unit_test(silence_counts_only_with_all_its_conditions),
        cmocka_unit_test(tries_follow_the_loss),
        cmocka_unit_test(refusals_are_of_the_port_itself),
        cmocka_unit_test(proof_is_in_a_row),
        cmocka_unit_test(decides_only_legal_moves),
    };
    return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
