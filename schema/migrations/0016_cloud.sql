-- What a cloud account declared, as intervals: a row stands for as long as a record stays the same, so that what a rule
-- was at any past moment can be asked.

-- One for each inventory that reads a cloud.
CREATE TABLE cloud_source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    first_read_at INTEGER NOT NULL,
    read_at INTEGER NOT NULL
) STRICT;

-- Which lists were read, and whether to their ends: without a row at some moment the list was not read then, and what it
-- would have told is unknown.
CREATE TABLE cloud_list (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES cloud_source (id),
    -- What an answer is of that does not say so itself ("target-health.web"); '' for all others.
    document TEXT NOT NULL,
    list TEXT NOT NULL,
    whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
    valid_from INTEGER NOT NULL,
    valid_to INTEGER
) STRICT;
CREATE UNIQUE INDEX cloud_list_living ON cloud_list (source_id, document, list) WHERE valid_to IS NULL;

CREATE TABLE cloud_record (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES cloud_source (id),
    document TEXT NOT NULL,
    list TEXT NOT NULL,
    -- Its id; '' of a list whose records have none, which is one row.
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER,
    -- NULL while it stands. 'unread': the list was not read, or not to its end, so it may be there all the same.
    end_reason TEXT CHECK (end_reason IN ('changed', 'gone', 'unread'))
) STRICT;
CREATE UNIQUE INDEX cloud_record_living ON cloud_record (source_id, document, list, key) WHERE valid_to IS NULL;
CREATE INDEX cloud_record_by_key ON cloud_record (source_id, list, key, valid_from);
