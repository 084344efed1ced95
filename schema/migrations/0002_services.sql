-- What answers on an endpoint: facts, dated; the bytes that prove them; certificates.

-- A certificate as it was shown, once, whoever shows it.
CREATE TABLE certificate (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    der BLOB NOT NULL,
    subject TEXT NOT NULL,
    issuer TEXT NOT NULL,
    -- With blanks between.
    names TEXT NOT NULL,
    not_before INTEGER,
    not_after INTEGER,
    key TEXT NOT NULL,
    key_bits INTEGER,
    signature TEXT NOT NULL,
    first_seen INTEGER NOT NULL
) STRICT;
CREATE INDEX certificate_by_end ON certificate (not_after, id);

-- Endpoints that were asked what answers there, and when last. `evidence` (JSON) is what was said when the facts last
-- changed: a scan that learns nothing new writes no new bytes.
CREATE TABLE endpoint_answer (
    endpoint_id INTEGER PRIMARY KEY REFERENCES endpoint (id),
    evidence TEXT NOT NULL,
    certificate_id INTEGER REFERENCES certificate (id),
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    last_scan_id INTEGER NOT NULL REFERENCES scan (id)
) STRICT;
CREATE INDEX endpoint_answer_by_certificate ON endpoint_answer (certificate_id, endpoint_id);

-- The facts of an endpoint over time, named as lib/fact.c has them: numbers in decimal, "true" and "false", times as
-- RFC 3339. A fact without an end is what is known now.
CREATE TABLE endpoint_fact (
    id INTEGER PRIMARY KEY,
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    since INTEGER NOT NULL,
    ended_at INTEGER,
    scan_id INTEGER NOT NULL REFERENCES scan (id)
) STRICT;
CREATE UNIQUE INDEX endpoint_fact_living ON endpoint_fact (endpoint_id, name) WHERE ended_at IS NULL;
CREATE INDEX endpoint_fact_by_endpoint ON endpoint_fact (endpoint_id, since);
CREATE INDEX endpoint_fact_by_value ON endpoint_fact (name, value, endpoint_id) WHERE ended_at IS NULL;
