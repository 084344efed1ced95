-- Findings that no scan has seen: what a cloud declares of a host is held against it without one. The two columns lose
-- their NOT NULL by SQLite's own procedure for constraints that no stored row depends on; the table is not written anew.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'first_scan_id INTEGER NOT NULL REFERENCES', 'first_scan_id INTEGER REFERENCES'),
    'last_scan_id INTEGER NOT NULL REFERENCES', 'last_scan_id INTEGER REFERENCES')
    WHERE type = 'table' AND name = 'finding';
PRAGMA writable_schema = RESET;
CREATE INDEX finding_claimed ON finding (asset_id) WHERE first_scan_id IS NULL;

-- Of the ports that were judged, those from which nothing came: neither open nor refused.
ALTER TABLE coverage ADD COLUMN silent TEXT NOT NULL DEFAULT '';
