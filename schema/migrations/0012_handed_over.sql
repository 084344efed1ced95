-- Audits that were handed over to the daemon and have not ended: the next daemon goes on with them.

CREATE TABLE handed_over (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    -- JSON; once it has begun, without what must not happen twice.
    request TEXT NOT NULL,
    actor TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    scan_uuid TEXT
) STRICT;
