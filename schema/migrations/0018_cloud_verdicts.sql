-- What a cloud's rules come to, as intervals: who of a class of sources reaches which ports of an interface. A row
-- stands for as long as nothing of it changes, so that only what a change of rules alters is written.
CREATE TABLE cloud_verdict (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL REFERENCES cloud_source (id),
    interface TEXT NOT NULL,
    -- The host that has the interface; NULL while none is known.
    asset_id INTEGER REFERENCES asset (id),
    -- As the interface has it, not the public one that is mapped to it.
    address TEXT NOT NULL,
    public_address TEXT NOT NULL DEFAULT '',
    -- The balancer that leads there, "BALANCER:PORT"; '' directly.
    way TEXT NOT NULL DEFAULT '',
    sources TEXT NOT NULL CHECK (sources IN ('world', 'own-vpc', 'peer')),
    -- Those of the sources: where a balancer leads, they may be of another family than the address.
    family INTEGER NOT NULL CHECK (family IN (4, 6)),
    -- Of IANA; 256 stands for all that no rule names.
    protocol INTEGER NOT NULL CHECK (protocol BETWEEN 0 AND 256),
    -- Of ICMP: type * 256 + code.
    first_port INTEGER NOT NULL CHECK (first_port BETWEEN 0 AND 65535),
    last_port INTEGER NOT NULL CHECK (last_port BETWEEN first_port AND 65535),
    verdict TEXT NOT NULL CHECK (verdict IN ('BLOCKED', 'BLOCKED_RETURN', 'UNKNOWN', 'CONDITIONAL', 'REACHABLE')),
    -- Of the addresses that were asked for: the part that gets in, at least sometimes.
    share REAL NOT NULL CHECK (share BETWEEN 0 AND 1),
    -- What decided: a stage of the way, the record's id there, and the rule in words.
    stage TEXT NOT NULL,
    record TEXT NOT NULL,
    reason TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER CHECK (valid_to >= valid_from)
) STRICT;
CREATE INDEX cloud_verdict_living ON cloud_verdict (source_id, interface) WHERE valid_to IS NULL;
CREATE INDEX cloud_verdict_by_asset ON cloud_verdict (asset_id, protocol, first_port);
CREATE INDEX cloud_verdict_by_public_address ON cloud_verdict (public_address, protocol) WHERE public_address <> '';

-- When verdicts were worked out of what stands; NULL: not since records changed.
ALTER TABLE cloud_source ADD COLUMN verdicts_at INTEGER;
