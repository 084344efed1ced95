-- Schedules: what of them must outlive the daemon, and their runs.

CREATE TABLE schedule (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Expression and zone, as configured when it was decided last; '' when no configuration has it any more. After a
    -- change nothing is made up for.
    spec TEXT NOT NULL,
    -- Of its own, so that jitter differs between daemons.
    seed INTEGER NOT NULL,
    -- Whatever was due up to then has a row below, or was left out on purpose.
    decided_until INTEGER NOT NULL,
    paused_at INTEGER,
    paused_by TEXT
) STRICT;

-- A run that was due, once: that is what UNIQUE is for, also when clocks are set back.
CREATE TABLE schedule_run (
    id INTEGER PRIMARY KEY,
    schedule_id INTEGER NOT NULL REFERENCES schedule (id),
    due_at INTEGER NOT NULL,
    -- Not before: when it was due, and its jitter.
    begin_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'complete', 'incomplete', 'unanswered', 'failed',
        'skipped', 'missed', 'cancelled')),
    message TEXT NOT NULL DEFAULT '',
    begun_at INTEGER,
    ended_at INTEGER,
    scan_uuid TEXT,
    UNIQUE (schedule_id, due_at)
) STRICT;
CREATE UNIQUE INDEX schedule_run_open ON schedule_run (schedule_id) WHERE state IN ('waiting', 'running');
