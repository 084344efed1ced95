-- Assets that are gone, as an inventory says or as scans of an ephemeral range found, until they are seen up again or
-- an inventory has them: nothing of them is judged without a scan, and nothing of them counts as planned.

ALTER TABLE asset ADD COLUMN retired_at INTEGER;
UPDATE asset SET retired_at = (SELECT max(e.at) FROM finding f JOIN finding_event e ON e.finding_id = f.id
    WHERE f.asset_id = asset.id AND e.what = 'sight' AND e.became = 'RETIRED')
WHERE ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM finding WHERE asset_id = asset.id AND sight <> 'RETIRED');

-- What an inventory said last of a host, gone or not.
CREATE INDEX inventory_host_by_key ON inventory_host (inventory_id, key, id);
