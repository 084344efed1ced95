-- What people decide about findings: waivers by rule and hosts, and what an acknowledgement or a waiver accepted.

-- A waiver for all findings of a rule on some hosts. It covers what there was of them when it was granted, and later
-- ones that are no wider and answer as one of those did; each finding that it covers gets a row in `waiver`.
CREATE TABLE waiver_grant (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    rule_id TEXT NOT NULL,
    -- JSON: realm, cidr, name, tag; a host has to fit each of them.
    hosts TEXT NOT NULL,
    owner TEXT NOT NULL CHECK (owner <> ''),
    reason TEXT NOT NULL CHECK (reason <> ''),
    until INTEGER NOT NULL,
    -- The widest, and all the services, JSON array, of what it covered at first.
    accepted_breadth REAL NOT NULL,
    accepted_services TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT
) STRICT;

ALTER TABLE waiver ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE waiver ADD COLUMN grant_id INTEGER REFERENCES waiver_grant (id);
CREATE UNIQUE INDEX waiver_living ON waiver (finding_id) WHERE ended_at IS NULL;
CREATE INDEX waiver_by_grant ON waiver (grant_id, finding_id) WHERE grant_id IS NOT NULL;

-- What was acknowledged: when it is wider, or something else answers, it is open again.
ALTER TABLE finding ADD COLUMN acknowledged_breadth REAL;
ALTER TABLE finding ADD COLUMN acknowledged_service TEXT;
CREATE INDEX finding_disposed ON finding (disposition, id) WHERE disposition <> 'NONE';
