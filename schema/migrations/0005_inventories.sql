-- Inventories: what they said last, and which hosts of it are which assets.

CREATE TABLE inventory (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    realm_id INTEGER NOT NULL REFERENCES realm (id),
    -- How often it was read well, and when last.
    reads INTEGER NOT NULL DEFAULT 0,
    read_at INTEGER,
    -- Why it could not be read since then; '' when it could.
    error TEXT NOT NULL DEFAULT '',
    error_at INTEGER,
    -- Hosts that it no longer has, and that are kept until somebody confirms it.
    withheld INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE inventory_host (
    id INTEGER PRIMARY KEY,
    inventory_id INTEGER NOT NULL REFERENCES inventory (id),
    -- Its id there, else its name, else its address.
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: a list, and an object.
    addresses TEXT NOT NULL,
    tags TEXT NOT NULL,
    -- NULL: of a name that no scan has resolved yet.
    asset_id INTEGER REFERENCES asset (id),
    -- The inventory's read that had it last.
    seen_read INTEGER NOT NULL,
    since INTEGER NOT NULL,
    gone_at INTEGER
) STRICT;
CREATE UNIQUE INDEX inventory_host_living ON inventory_host (inventory_id, key) WHERE gone_at IS NULL;
CREATE INDEX inventory_host_by_asset ON inventory_host (asset_id) WHERE gone_at IS NULL;
