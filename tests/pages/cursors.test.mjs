// Lists that are walked while scans write: what was there all the time comes once, and nothing comes twice.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { alter, makeFixture, signedIn, uuidOf } from "./support/fixture.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

const SEED = Number(process.env.LEASTPORT_TEST_SEED ?? Date.now()) >>> 0;
const WALKS = process.env.LEASTPORT_TEST_LONG === "1" ? 40 : 1;
let place;
let site;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("walked.db"));
  site = await startSite(place.path("walked.db"));
});
after(async () => {
  assert.equal((await site.stop()).status, 0);
  place.remove();
});

// mulberry32: the same steps for the same seed.
function randomOf(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

// What a scan does to rows of findings, hosts and scans: new ones come, some are seen again, some are over. What changes
// the key that a list is sorted by is not done to those that are watched.
let made = 0;
const writes = {
  add: () => {
    const name = `walked ${made++}`;
    return `INSERT INTO finding (uuid, fingerprint, asset_id, proto, port, kind, presence, sight, severity, severity_rank, service, rule_id, policy_id, service_weight, breadth, breadth_class,
      evidence, evidence_kind, need, need_kind, penalty, title, why, fix, owner, first_seen, last_seen, changed_at, first_scan_id, last_scan_id)
      SELECT '${uuidOf(name)}', '${uuidOf(`print ${name}`)}', asset_id, proto, ${20000 + made}, kind, 'OPEN', 'FRESH', severity, severity_rank, service, rule_id, policy_id, service_weight, breadth, breadth_class,
      evidence, evidence_kind, need, need_kind, penalty, title, why, fix, owner, first_seen, last_seen, changed_at, first_scan_id, last_scan_id FROM finding WHERE presence = 'OPEN' ORDER BY random() LIMIT 1;`;
  },
  end: () => `UPDATE finding SET presence = 'FIXED' WHERE id = (SELECT id FROM finding WHERE presence = 'OPEN' AND port >= 20000 ORDER BY random() LIMIT 1);`,
  move: () => `INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence, scan_id)
    SELECT finding_id, (SELECT max(at) FROM finding_event) + 1, actor, what, was, became, reason, evidence, scan_id FROM finding_event ORDER BY random() LIMIT 1;`,
  see: () => "UPDATE endpoint_state SET last_seen = last_seen + 1 WHERE ended_at IS NULL;",
};

const lists = [["findings", "id"], ["findings", "-severity"], ["findings", "penalty"], ["findings", "-port"], ["findings", "first_seen"], ["hosts", "id"], ["endpoints", "port"], ["scans", "-started_at"], ["changes", "-at"]];
const keyOf = (item) => item.uuid ?? JSON.stringify([item.host?.uuid ?? item.host, item.proto, item.port, item.vantage, item.at, item.what, item.became, item.finding, item.first_seen]);

for (const [list, sort] of lists) {
  test(`${list} by ${sort}`, async () => {
    for (let walk = 0; walk < WALKS; walk++) {
      const seed = (SEED + walk * 7919 + list.length * 31 + sort.length) >>> 0;
      const random = randomOf(seed);
      const ask = async (query) => (await fetch(`${site.url}/api/v1/${list}?sort=${sort}${query}`, { headers: signedIn })).json();
      const whole = async () => {
        const keys = [];
        for (let cursor = ""; cursor !== null;) {
          const page = await ask(`&limit=500${cursor && `&cursor=${cursor}`}`);
          keys.push(...page.items.map(keyOf));
          cursor = page.next_cursor;
        }
        return keys;
      };
      const first = await whole();
      const walked = [];
      for (let cursor = "", steps = 0; cursor !== null && steps < 1000; steps++) {
        const page = await ask(`&limit=${20 + random(80)}${cursor && `&cursor=${cursor}`}`);
        walked.push(...page.items.map(keyOf));
        cursor = page.next_cursor;
        if (steps < 4) {
          alter(place.path("walked.db"), Array.from({ length: 1 + random(6) }, () => Object.values(writes)[random(4)]()).join("\n"));
        }
      }
      const last = new Set(await whole());
      const throughout = first.filter((key) => last.has(key));
      const seen = new Set(walked);
      assert.ok(throughout.length > 10);
      assert.equal(seen.size, walked.length, `seed ${seed}: something came twice`);
      assert.deepEqual(throughout.filter((key) => !seen.has(key)), [], `seed ${seed}: something was there all the time and did not come`);
    }
  });
}
