-- What policies go by: tags of assets, where vantages stand; and which policy judged what.

-- A source's tags of an asset, dated. Of a key each source has one value at a time; an asset has those of all sources.
CREATE TABLE asset_tag (
    id INTEGER PRIMARY KEY,
    asset_id INTEGER NOT NULL REFERENCES asset (id),
    source TEXT NOT NULL CHECK (source IN ('configuration', 'inventory', 'person', 'import')),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER
) STRICT;
CREATE UNIQUE INDEX asset_tag_living ON asset_tag (asset_id, source, key) WHERE valid_to IS NULL;
CREATE INDEX asset_tag_by_value ON asset_tag (key, value, asset_id) WHERE valid_to IS NULL;

-- JSON: realm, addresses and tags of the machine that scans from there, as far as they were configured.
ALTER TABLE vantage ADD COLUMN stands TEXT NOT NULL DEFAULT '{}';

-- Controls of published standards that a finding speaks to: ids with blanks between.
ALTER TABLE finding ADD COLUMN controls TEXT NOT NULL DEFAULT '';
-- Of all attributes that a verdict gives; 0 before this release. Judging again writes what differs, and nothing else.
ALTER TABLE finding ADD COLUMN verdict_hash INTEGER NOT NULL DEFAULT 0;

-- Judging again reads this index alone.
DROP INDEX finding_by_asset;
CREATE INDEX finding_by_asset ON finding (asset_id, proto, port, kind, presence, sight, verdict_hash);

-- Each time that all that is open was judged anew without a scan. A finding was judged by the policy of its own row,
-- or, with the same result, by that of the last of these after it.
CREATE TABLE judgement (
    id INTEGER PRIMARY KEY,
    policy_id INTEGER NOT NULL REFERENCES policy (id),
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    endpoints INTEGER NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
