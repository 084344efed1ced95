/* The schedules of the read-only store. */
#include "auditd/store/query.h"

#define RUN_COLUMNS(run)                                                                                               \
    run ".due_at, " run ".begin_at, " run ".begun_at, " run ".ended_at, " run ".state, " run ".message, " run          \
        ".actor, " run ".scan_uuid"

/* What was left out beside another run is no result. */
static const char schedule_select[] =
    "SELECT s.name, s.paused_by, s.seed, s.decided_until, s.paused_at, " RUN_COLUMNS("o") ", " RUN_COLUMNS(
        "l") " FROM schedule s"
             " LEFT JOIN schedule_run o ON o.schedule_id = s.id AND o.state IN ('waiting', 'running')"
             " LEFT JOIN schedule_run l ON l.id = (SELECT max(r.id) FROM schedule_run r WHERE r.schedule_id = s.id"
             " AND r.state NOT IN ('waiting', 'running', 'skipped'))"
             " WHERE s.spec <> '' ORDER BY s.name";

struct schedule_target {
    store_read_schedule_fn *fn;
    void *context;
};

static struct store_read_run schedule_run(struct store_row *row)
{
    struct store_read_run run;

    run.due_at = store_row_number(row);
    run.begin_at = store_row_number(row);
    run.begun_at = store_row_number(row);
    run.ended_at = store_row_number(row);
    run.state = store_row_text(row);
    run.message = store_row_text(row);
    run.actor = store_row_text(row);
    run.scan = store_row_text(row);
    return run;
}

static int schedule_row(struct store_row *row, void *context)
{
    struct schedule_target *target = context;
    struct store_read_schedule schedule;

    schedule.name = store_row_text(row);
    schedule.paused_by = store_row_text(row);
    schedule.seed = store_row_number(row);
    schedule.decided_until = store_row_number(row);
    schedule.paused_at = store_row_number(row);
    schedule.open = schedule_run(row);
    schedule.last = schedule_run(row);
    return target->fn(target->context, &schedule);
}

int store_read_schedules(struct store_reader *reader, store_read_schedule_fn *fn, void *context)
{
    struct schedule_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, schedule_select);
    rc = store_query_run(&query, reader, schedule_row, &target);
    store_query_done(&query);
    return rc;
}
