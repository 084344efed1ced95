-- What lists and counts of findings are read from when there are a million: the worst, the youngest change, those of a
-- service first, and counts by any of severity, sight, presence, disposition, service, rule and port with their sums, from
-- the index alone.
CREATE INDEX finding_by_penalty ON finding (penalty DESC, id);
CREATE INDEX finding_by_service ON finding (service, severity_rank DESC, id);
CREATE INDEX finding_by_latest_change ON finding (changed_at DESC, id);
CREATE INDEX finding_counted ON finding (severity, sight, presence, disposition, service, rule_id, proto, port, penalty,
    first_seen);
