-- A network, as a cloud calls it, has findings of its own: of its rules, whichever host they are for. It is no host:
-- nothing of it is scanned, looked at or counted as one.
ALTER TABLE asset ADD COLUMN kind TEXT NOT NULL DEFAULT 'host' CHECK (kind IN ('host', 'network'));
