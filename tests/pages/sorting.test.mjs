// Lists and counts for which much has to be sorted, by a server that has no file to sort in: its sandbox lets it open none.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alter, makeFixture, signedIn } from "./support/fixture.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

const FINDINGS = 20000; // each with 400 bytes to sort by: four times what SQLite sorts before it looks for a file

let place;
let site;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
  alter(place.path("fixture.db"), `CREATE TEMP TABLE one AS SELECT * FROM finding WHERE presence = 'OPEN' AND sight = 'FRESH' LIMIT 1;
    CREATE TEMP TABLE many AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${FINDINGS}) SELECT n.i AS row, one.* FROM n, one;
    UPDATE many SET id = 1000000 + row, uuid = printf('00000000-0000-4000-8000-%012d', row), fingerprint = 'many-' || row,
      rule_id = printf('%0400d', (row * 7919) % 5000), owner = printf('%0400d', row % 3), port = row % 65536, first_seen = first_seen - row, last_seen = last_seen - row * 7919 % 100000;
    ALTER TABLE many DROP COLUMN row;
    INSERT INTO finding SELECT * FROM many;`);
  site = await startSite(place.path("fixture.db"));
});
after(async () => {
  const ended = await site.stop();
  assert.equal(ended.status, 0);
  assert.equal(ended.errors, "");
  place.remove();
});

async function read(path) {
  const answer = await fetch(site.url + path, { headers: signedIn });
  const body = await answer.json();
  assert.equal(answer.status, 200, `${path}: ${JSON.stringify(body)}`);
  return body;
}

test("counts by whatever there is", async () => {
  for (const key of ["presence", "owner", "tag", "owner,host"]) {
    const { groups } = await read(`/api/v1/findings?group_by=${key}&limit=500`);
    assert.ok(groups.reduce((sum, { count }) => sum + count, 0) >= FINDINGS, key);
  }
  const { groups } = await read("/api/v1/findings?group_by=rule_id&limit=500");
  const many = groups.filter(({ rule_id: rule }) => rule.length === 400);
  assert.ok(many.length > 450);
  assert.deepEqual(new Set(many.map(({ count }) => count)), new Set([FINDINGS / 5000]));
});

test("lists by each order", async () => {
  for (const sort of ["id", "severity", "penalty", "port", "first_seen", "last_seen", "changed_at"]) {
    for (const sign of ["", "-"]) {
      const { items, next_cursor: next } = await read(`/api/v1/findings?sort=${sign}${sort}&limit=500`);
      assert.equal(items.length, 500);
      const keys = items.map((item) => (sort === "severity" ? ["low", "medium", "high", "critical"].indexOf(item.severity) : item[sort]));
      assert.ok(sort === "id" || keys.every((key, i) => i === 0 || (sign === "" ? keys[i - 1] <= key : keys[i - 1] >= key)), `${sign}${sort}`);
      const further = await read(`/api/v1/findings?sort=${sign}${sort}&limit=500&cursor=${next}`);
      assert.equal(new Set([...items, ...further.items].map(({ uuid }) => uuid)).size, 1000, `${sign}${sort}`);
    }
  }
});
