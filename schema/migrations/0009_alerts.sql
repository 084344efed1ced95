-- Alerts: the outbox. What causes one writes it in its own transaction; who delivers it only counts attempts.

-- What was turned into alerts already: all events of findings up to this one. No row: nobody ever asked for alerts.
CREATE TABLE alert_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    event_id INTEGER NOT NULL
) STRICT;

-- One message for one receiver. Its text is that of its lines, which join it until the first attempt.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    -- What a receiver tells a repeated delivery by.
    uuid TEXT NOT NULL UNIQUE,
    rule TEXT NOT NULL,
    -- The configuration's name of it: where it is and its secrets stand there alone.
    receiver TEXT NOT NULL,
    -- Lines with this key join; '' for a digest, and for what is too much for a message each.
    key TEXT NOT NULL,
    severity_rank INTEGER NOT NULL CHECK (severity_rank BETWEEN 1 AND 4),
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- 'dead': given up; a person may ask for it again, or drop it.
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead', 'dropped')),
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Not before: quiet hours, a digest's time, or the wait after an attempt.
    next_at INTEGER NOT NULL,
    -- Of the first attempt since it was written or asked for again.
    tried_since INTEGER,
    tried_at INTEGER,
    delivered_at INTEGER,
    -- What the last attempt met; '' when there was none or it went well.
    error TEXT NOT NULL DEFAULT '',
    -- Who asked for it again, or dropped it, last; '' when nobody did.
    actor TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX alert_to_send ON alert (receiver, next_at) WHERE state = 'waiting';
CREATE INDEX alert_to_join ON alert (receiver, rule, key) WHERE state = 'waiting' AND attempts = 0;

-- What is alike is one line: the same change of the same kind of exposure, of a group's hosts.
CREATE TABLE alert_line (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alert (id),
    key TEXT NOT NULL,
    change TEXT NOT NULL CHECK (change IN ('new', 'reopened', 'fixed', 'self', 'test')),
    severity_rank INTEGER NOT NULL CHECK (severity_rank BETWEEN 1 AND 4),
    kind TEXT NOT NULL,
    service TEXT NOT NULL,
    proto TEXT NOT NULL,
    port INTEGER NOT NULL,
    owner TEXT NOT NULL,
    -- KEY=VALUE of the tag by which the rule groups; '' when it does not.
    group_name TEXT NOT NULL,
    title TEXT NOT NULL,
    fix TEXT NOT NULL,
    findings INTEGER NOT NULL,
    -- JSON: the addresses of the first ones.
    hosts TEXT NOT NULL,
    UNIQUE (alert_id, key)
) STRICT;

-- The key's columns come first: quick_check of SQLite 3.40 takes others for NULL.
CREATE TABLE alert_item (
    finding_id INTEGER NOT NULL REFERENCES finding (id),
    receiver TEXT NOT NULL,
    change TEXT NOT NULL,
    at INTEGER NOT NULL,
    line_id INTEGER NOT NULL REFERENCES alert_line (id),
    PRIMARY KEY (finding_id, receiver, change, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_item_of_line ON alert_item (line_id);

-- What Leastport has to say about itself, from when to when it is so. One row for each time that it begins.
CREATE TABLE alert_condition (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    since INTEGER NOT NULL,
    ended_at INTEGER,
    -- Who ended it; '' when it ended by itself.
    ended_by TEXT NOT NULL DEFAULT '',
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX alert_condition_holding ON alert_condition (kind, subject) WHERE ended_at IS NULL;
CREATE INDEX alert_condition_untold ON alert_condition (id) WHERE told = 0;
