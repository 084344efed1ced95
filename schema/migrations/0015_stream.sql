-- What streams of events need beside the rows that there are: changes of scans, numbered, and a key.

-- A scan's row is changed in place; this says in which order that happened. Ids only grow: nothing is deleted here.
-- `begun` is of a scan that goes on, too; `judged` ends it.
CREATE TABLE scan_event (
    id INTEGER PRIMARY KEY,
    scan_id INTEGER NOT NULL REFERENCES scan (id),
    what TEXT NOT NULL CHECK (what IN ('begun', 'ended', 'judged'))
) STRICT;

CREATE TRIGGER scan_began AFTER INSERT ON scan
BEGIN
    INSERT INTO scan_event (scan_id, what) VALUES (new.id, iif(new.state = 'running', 'begun', 'ended'));
END;

CREATE TRIGGER scan_moved AFTER UPDATE OF state ON scan
WHEN old.state <> new.state
BEGIN
    INSERT INTO scan_event (scan_id, what) VALUES (new.id, iif(new.state = 'running', 'begun', 'ended'));
END;

CREATE TRIGGER scan_judged AFTER UPDATE OF judged_at ON scan
WHEN new.judged_at IS NOT NULL AND new.judged_at IS NOT old.judged_at
BEGIN
    INSERT INTO scan_event (scan_id, what) VALUES (new.id, 'judged');
END;

-- With it the places in a stream that limited tokens are told are covered, so that they say nothing of what else there
-- is. It lasts, and so do they when the web server is started again.
CREATE TABLE stream_key (
    key BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;
INSERT INTO stream_key VALUES (randomblob(32));
