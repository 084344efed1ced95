-- Who gets in, and what was done by whom.

-- A token is known by its public id; of its secret only the hash is kept. A link is one that is good for a single
-- login soon after it was made. Nothing makes a user yet: somebody without a secret, whom a proxy would name.
CREATE TABLE token (
    id INTEGER PRIMARY KEY,
    public_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('token', 'link', 'user')),
    name TEXT NOT NULL CHECK (name <> ''),
    -- BLAKE2b-512 of the whole text in hexadecimal; '' of a user.
    hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    -- With blanks between.
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    -- NULL: never. Of a link: until when it can be used.
    expires_at INTEGER,
    -- At most once a minute.
    last_used_at INTEGER,
    -- Of a link: when it was used up.
    taken_at INTEGER,
    revoked_at INTEGER,
    revoked_by TEXT
) STRICT;
CREATE UNIQUE INDEX token_name ON token (kind, name) WHERE revoked_at IS NULL AND kind <> 'link';

-- What a token is limited to: hosts of any of these realms that have any of these tags. Without rows of a kind that kind
-- does not limit.
CREATE TABLE token_limit (
    token_id INTEGER NOT NULL REFERENCES token (id),
    kind TEXT NOT NULL CHECK (kind IN ('realm', 'tag')),
    -- A realm's name, or KEY=VALUE.
    value TEXT NOT NULL CHECK (value <> ''),
    PRIMARY KEY (token_id, kind, value)
) STRICT, WITHOUT ROWID;

-- The audit log. Whatever strangers sent stands in it as text, cut and with control characters escaped.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    -- '' for what came over the control socket, or from the daemon itself.
    address TEXT NOT NULL,
    what TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_by_time ON audit_log (at, id);
