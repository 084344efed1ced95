-- Logins of browsers, so that they outlast the web server. Who has the cookie has the session; of the cookie only a hash
-- is here.
CREATE TABLE session (
    -- BLAKE2b-256 of the cookie's value and the server's port, hexadecimal.
    hash TEXT NOT NULL PRIMARY KEY CHECK (length(hash) = 64),
    token_id INTEGER NOT NULL REFERENCES token (id),
    begun_at INTEGER NOT NULL CHECK (begun_at > 0),
    -- At most once a minute.
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_token ON session (token_id);
CREATE INDEX session_by_use ON session (seen_at);
