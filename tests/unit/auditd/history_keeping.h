/* What must hold of a database whatever its history was, and what must stay when history goes. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_KEEPING_H
#define LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_KEEPING_H

#include "tests/unit/auditd/fixture.h"
#include "tests/unit/seed.h"

#include "auditd/soundness.h"
#include "auditd/store/retention.h"

/* As retention has it: what is open, or was decided by somebody. */
#define KEEPING_OPEN "(f.presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED') OR f.disposition <> 'NONE')"

static inline void keeping_on_flaw(void *context, const struct soundness_flaw *flaw)
{
    (void)context;
    fail_msg("it does not hold that %s: %lld times, first %s", flaw->holds, (long long)flaw->count, flaw->where);
}

static inline void keeping_is_sound(struct fixture *fixture)
{
    assert_int_equal(soundness_look(fixture->store, keeping_on_flaw, NULL), 0);
}

/* All that is asked of what is open: findings, their lives, who sees them, how their ports stood, what answered. */
static inline char *keeping_answers(struct fixture *fixture)
{
    static const char *const questions[] = {
        "SELECT json_group_array(json_array(f.uuid, f.presence, f.disposition, f.sight, f.severity, f.penalty,"
        " f.first_seen, f.last_seen, f.changed_at, f.title, f.policy_id)) FROM finding f",
        "SELECT json_group_array(json_array(e.id, e.at, e.what, e.was, e.became, e.reason, e.evidence))"
        " FROM finding_event e JOIN finding f ON f.id = e.finding_id WHERE " KEEPING_OPEN,
        "SELECT json_group_array(json_array(v.finding_id, v.vantage_id, v.class, v.since, v.until))"
        " FROM finding_vantage v",
        "SELECT json_group_array(json_array(s.id, s.state, s.reason, s.first_seen, s.last_seen, s.ended_at))"
        " FROM endpoint_state s JOIN endpoint e ON e.id = s.endpoint_id WHERE s.ended_at IS NULL OR EXISTS"
        " (SELECT 1 FROM finding f WHERE f.asset_id = e.asset_id AND f.port = e.port AND " KEEPING_OPEN ")",
        "SELECT json_group_array(json_array(t.id, t.name, t.value, t.since)) FROM endpoint_fact t"
        " WHERE t.ended_at IS NULL",
        "SELECT json_group_array(json_array(c.scope, c.subject, c.score, c.terms)) FROM score c"
        " WHERE c.ended_at IS NULL",
        "SELECT json_group_array(json_array(w.id, w.owner, w.until, w.ended_at)) FROM waiver w",
        "SELECT json_group_array(json_array(p.id, p.hash, p.source)) FROM policy p",
    };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        sqlite3_stmt *row;
        assert_int_equal(store_query(fixture->store, &row, questions[i], ""), 0);
        assert_int_equal(store_step(fixture->store, row), 1);
        fprintf(out, "%s\n", store_text(row, 0));
        store_walked(row);
    }
    fclose(out);
    return text;
}

/* What ended before moments that are drawn goes, as much as was counted before, and what is open is answered as before.
 * How many rows went. */
static inline int64_t keeping_forget(struct fixture *fixture, uint64_t *source, int64_t step_ms)
{
    struct retention retention = {0};
    struct retention counted;
    char *before = keeping_answers(fixture);
    char *after;
    int64_t gone = 0;
    int rc;

    for (int kind = 0; kind < RETENTION_KINDS; kind++) {
        retention.before_ms[kind] = fixture->now_ms - seed_draw(source, 60) * step_ms;
    }
    counted = retention;
    while ((rc = retention_step(fixture->store, true, &counted)) == 1) {
    }
    assert_int_equal(rc, 0);
    while ((rc = retention_step(fixture->store, false, &retention)) == 1) {
    }
    assert_int_equal(rc, 0);
    for (int kind = 0; kind < RETENTION_KINDS; kind++) {
        assert_int_equal(retention.gone[kind], counted.gone[kind]);
        gone += retention.gone[kind];
    }
    after = keeping_answers(fixture);
    assert_string_equal(before, after);
    free(before);
    free(after);
    keeping_is_sound(fixture);
    return gone;
}

#endif
