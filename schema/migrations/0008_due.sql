-- By when findings are to be fixed: so long after they opened, by severity.

-- Since when it is open this time; NULL: since it was first seen.
ALTER TABLE finding ADD COLUMN opened_at INTEGER;
UPDATE finding SET opened_at = (SELECT e.at FROM finding_event e WHERE e.finding_id = finding.id AND e.what = 'presence'
    AND e.was IN ('FIXED', 'ALLOWED', 'FOLDED') AND e.became IN ('NEW', 'OPEN', 'REAPPEARED') ORDER BY e.id DESC LIMIT 1);
CREATE TRIGGER finding_opened AFTER UPDATE OF presence ON finding
WHEN old.presence IN ('FIXED', 'ALLOWED', 'FOLDED') AND new.presence IN ('NEW', 'OPEN', 'REAPPEARED')
BEGIN
    UPDATE finding SET opened_at = new.changed_at WHERE id = new.id;
END;

-- As the configuration has it; auditd writes it when it starts.
CREATE TABLE due (
    severity TEXT PRIMARY KEY CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    after_ms INTEGER NOT NULL
) STRICT;
INSERT INTO due VALUES ('critical', 604800000), ('high', 2592000000), ('medium', 7776000000), ('low', 15552000000);
