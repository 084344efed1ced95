// Exports over the API: byte for byte what the command line writes under the same filter, and under filters that it has
// not, what the list shows; of a limited token its own; whole in bounded memory; and of who goes away nothing is left.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, missingBrowser, openPage, settle } from "./support/browser.mjs";
import { until } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { BIN, makeFolder, PLAIN_BIN, startSite } from "./support/site.mjs";
import { sarifValidator, transcribed } from "./support/validators.mjs";

const EVERY = "NEW,OPEN,VERIFYING,FIXED,REAPPEARED,ALLOWED,FOLDED";
const formats = { findings: ["csv", "jsonl", "sarif", "ocsf", "defectdojo", "html"], endpoints: ["csv", "jsonl", "xml"], hosts: ["csv", "jsonl"] };
let place;
let site;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  alter(place.path("audit.db"), [tokenRows("office", { role: "viewer", realms: ["office"] }), tokenRows("tagged", { role: "viewer", tags: ["app=shop"] }),
    "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) SELECT asset_id, 'person', 'app', 'shop', 1 FROM asset_identity WHERE value = '10.20.2.8';"].join("\n"));
  site = await startSite(place.path("audit.db"));
});
after(async () => {
  assert.equal((await site.stop()).status, 0);
  place.remove();
});

const bearer = (name) => ({ Authorization: `Bearer ${tokenOf(name)}` });
const ask = (path, { headers = signedIn, url = site.url, ...options } = {}) => fetch(`${url}/api/v1/${path}`, { headers, ...options });
const write = (format, more, db = "audit.db") => execFileSync(join(BIN, "leastport"), ["export", format, "--db", place.path(db), ...more], { encoding: "utf8", maxBuffer: 1 << 28 });

async function save(path, options) {
  const answer = await ask(path, options);
  const text = await answer.text();
  assert.equal(answer.status, 200, `${path}: ${text.slice(0, 300)}`);
  return text;
}

// The moment of writing, which two that are written one after the other do not share.
const timeless = (text) => text.replace(/(?<=Written by Leastport \S+ at ).*(?=<\/p>)|(?<=<title>).*(?=<\/title>)|(?<=<nmaprun .*start="|<finished time=")\d+(?=")/g, "T");
const plain = (format, text) => (["html", "xml"].includes(format) ? timeless(text) : text);

describe("what the command line writes under the same filter", () => {
  const same = {
    findings: [["", []], ["severity_min=high", ["--min-severity", "high"]], [`presence=${EVERY}&realm=prod-eu,office`, ["--presence", EVERY.toLowerCase(), "--realm", "prod-eu,office"]],
      ["service=redis,postgresql&proto=tcp", ["--service", "redis,postgresql", "--proto", "tcp"]], ["address=10.20.1.21&port=5432,22", ["--host", "10.20.1.21", "--port", "5432,22"]],
      ["realm=none", ["--realm", "none"]]],
    endpoints: [["", []], ["realm=prod-eu&port=22,5432", ["--realm", "prod-eu", "--port", "22,5432"]], ["address=10.20.1.21&state=open", ["--host", "10.20.1.21", "--state", "open"]], ["realm=none", ["--realm", "none"]]],
    hosts: [["", []], ["realm=prod-eu,office", ["--realm", "prod-eu,office"]], ["address=10.20.1.21", ["--host", "10.20.1.21"]], ["realm=none", ["--realm", "none"]]],
  };
  for (const [list, filters] of Object.entries(same)) {
    for (const format of formats[list]) {
      test(`${list} as ${format}`, async () => {
        const sizes = new Set();
        for (const [query, more] of filters) {
          const text = await save(`${list}/export?${query}&format=${format}`.replace("?&", "?"));
          assert.equal(plain(format, text), plain(format, write(format, [...more, ...(list === "findings" || format === "xml" ? [] : [`--${list}`])])), query);
          sizes.add(text.length);
        }
        assert.equal(sizes.size, filters.length, "each filter lets something else through");
      });
    }
  }

  test("csv is what is written when no format is named", async () => {
    assert.equal(await save("findings/export"), write("csv", []));
  });
});

async function walk(list, query) {
  const items = [];
  for (let cursor = ""; cursor !== null;) {
    const page = await (await ask(`${list}?${query}&limit=500${cursor && `&cursor=${cursor}`}`)).json();
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
}

describe("what the list shows under filters that the command line has not", () => {
  const queries = ["severity=low,critical", "sight=STALE", "disposition=WAIVED,ACKNOWLEDGED", "tag=app%3Dshop", `presence=${EVERY}&sight=FRESH,STALE,RETIRED`, `host=${uuidOf("host prod-eu 10.20.1.21")}`,
    `changed_since=${new Date(Date.now() - 20 * 864e5).toISOString()}`, "breadth_class=world"];

  test("each finding, and no other, in each format, valid", async () => {
    const sarif = sarifValidator();
    const [ocsf, dojo] = [transcribed("ocsf-1.8-compliance-finding"), transcribed("defectdojo-generic")];
    const lines = (text) => text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
    const counts = new Set();
    for (const query of queries) {
      const listed = (await walk("findings", query)).map(({ fingerprint }) => fingerprint).sort();
      const told = async (format, read) => assert.deepEqual(read(await save(`findings/export?${query}&format=${format}`)).sort(), listed, `${format} ${query}`);
      counts.add(listed.length);
      await told("jsonl", (text) => lines(text).map((one) => one.fingerprint));
      await told("csv", (text) => [...text.matchAll(/,([0-9a-f-]{36}),[^,\r\n]*,[^,\r\n]*\r\n/g)].map(([, fingerprint]) => fingerprint));
      await told("sarif", (text) => {
        const log = JSON.parse(text);
        assert.ok(sarif(log), JSON.stringify(sarif.errors, null, 1));
        return log.runs.flatMap((run) => run.results.map((result) => result.partialFingerprints["leastport/v1"]));
      });
      await told("ocsf", (text) => lines(text).map((one) => (assert.ok(ocsf(one), JSON.stringify(ocsf.errors)), one.finding_info.uid)));
      await told("defectdojo", (text) => {
        const whole = JSON.parse(text);
        assert.ok(dojo(whole), JSON.stringify(dojo.errors));
        return whole.findings.map((one) => one.unique_id_from_tool);
      });
    }
    assert.ok(counts.size >= 4, [...counts].join());
  });

  test("each endpoint, at a past moment and with all intervals too; nmap's XML of one host", async () => {
    for (const query of [`host=${uuidOf("host prod-eu 10.20.1.21")}&with_ended=true`, `as_of=${new Date(Date.now() - 35 * 864e5).toISOString()}`, "auth=none", "vantage_class=world&state=open"]) {
      const of = (one) => `${one.host} ${one.realm} ${one.port} ${one.state} ${one.first_seen}`;
      const rows = (await save(`endpoints/export?${query}&format=jsonl`)).split("\n").slice(0, -1).map((line) => JSON.parse(line));
      const listed = (await walk("endpoints", query)).map((one) => of({ ...one, host: one.address })).sort();
      assert.deepEqual(rows.map(of).sort(), listed, query);
      assert.ok(rows.length > 0, query);
    }
    const xml = await save(`endpoints/export?host=${uuidOf("host prod-eu 10.20.1.21")}&format=xml`);
    assert.deepEqual([...xml.matchAll(/<address addr="([^"]+)"/g)].map(([, address]) => address), ["10.20.1.21"]);
  });
});

describe("each row of a list that has no other formats", () => {
  const rowsOf = (text) => text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  const cellsOf = (text) => JSON.parse(execFileSync("python3", ["-c", "import csv, io, json, sys; print(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.buffer.read().decode(), newline='')))))"], { input: text }));
  const same = async (list, query, key, members) => {
    const listed = await walk(list, query);
    assert.ok(listed.length > 0, query);
    const order = (rows) => rows.toSorted((a, b) => (a[key] < b[key] ? -1 : 1));
    const plain = (value) => (value === null ? "" : Array.isArray(value) ? value.join(" ") : String(value));
    const rows = order(rowsOf(await save(`${list}/export?${query}&format=jsonl`)));
    const cells = order(cellsOf(await save(`${list}/export?${query}`)));
    assert.deepEqual(rows.map((row) => row[key]), order(listed).map((one) => one[key]), query);
    for (const [i, one] of order(listed).entries()) {
      for (const [member, name] of Object.entries(members)) {
        assert.deepEqual(rows[i][name], one[member], `${list} ${name}`);
        assert.equal(cells[i][name].replace(/^'/, ""), plain(one[member]).replace(/^'/, ""), `${list} ${name}`);
      }
    }
    return { rows, cells, listed: order(listed) };
  };

  test("hosts, those that are no more and those of a past moment too", async () => {
    const members = { uuid: "uuid", realm: "realm", address: "host", name: "name", state: "state", last_up: "last_up", grade: "grade", ports_open: "ports_open",
      ephemeral: "ephemeral", created_at: "created_at", ended_at: "ended_at", end_reason: "end_reason" };
    for (const query of ["realm=prod-eu", "grade=F,A", "with_ended=true", `as_of=${new Date(Date.now() - 35 * 864e5).toISOString()}`]) {
      const { rows, cells, listed } = await same("hosts", query, "uuid", members);
      for (const [i, { score, findings }] of listed.entries()) {
        assert.deepEqual([rows[i].score, rows[i].findings], [score, findings]);
        assert.deepEqual([cells[i].score, cells[i].critical, cells[i].low], [score, findings.critical, findings.low].map((one) => (one === null ? "" : String(one))));
      }
    }
  });

  test("certificates, those that nothing shows any more too", async () => {
    const members = Object.fromEntries(["sha256", "subject", "issuer", "names", "not_before", "not_after", "key", "key_bits", "signature", "first_seen", "endpoint_count"].map((name) => [name, name]));
    for (const query of ["realm=prod-eu", "with_unseen=true", "weak=true"]) {
      await same("certificates", query, "sha256", members);
    }
  });

  test("by the command line as well", () => {
    const write = (...words) => execFileSync(join(BIN, "leastport"), ["export", "jsonl", "--db", place.path("audit.db"), ...words], { encoding: "utf8" });
    assert.ok(rowsOf(write("--hosts", "--realm", "prod-eu")).every((row) => row.schema === "leastport.host/1" && row.realm === "prod-eu"));
    assert.ok(rowsOf(write("--certificates")).every((row) => row.schema === "leastport.certificate/1"));
    const refused = spawnSync(join(BIN, "leastport"), ["export", "jsonl", "--hosts", "--endpoints"], { encoding: "utf8" });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /--endpoints, --hosts and --certificates cannot stand together/);
  });
});

describe("of a limited token", () => {
  const theirs = /prod-eu|prod\.example|staging|10\.20\.|10\.30\.|2001:db8/;

  test("its own alone, in each format", async () => {
    for (const [list, names] of Object.entries(formats)) {
      for (const format of names) {
        const all = format === "xml" ? "" : list === "findings" ? `&presence=${EVERY}&sight=FRESH,STALE,RETIRED` : "&with_ended=true";
        const own = await save(`${list}/export?format=${format}${all}`, { headers: bearer("office") });
        assert.doesNotMatch(own, theirs, `${list} ${format}`);
        if (format !== "html") {
          assert.equal(plain(format, own), plain(format, await save(`${list}/export?format=${format}${all}&realm=office`)), `${list} ${format}`);
        }
        const asked = await save(`${list}/export?format=${format}&realm=prod-eu`, { headers: bearer("office") });
        assert.equal(plain(format, asked), plain(format, await save(`${list}/export?format=${format}&realm=none`, { headers: bearer("office") })), `${list} ${format}`);
        const shop = await save(`${list}/export?format=${format}`, { headers: bearer("tagged") });
        assert.ok(shop.includes("10.20.2.8") && !/10\.20\.1\.|10\.30\.|staging/.test(shop), `${list} ${format}`);
      }
    }
  });
});

describe("the answer", () => {
  test("is a file with a name of its own, which nothing keeps and no page runs", async () => {
    const types = { csv: "text/csv; charset=utf-8; header=present", jsonl: "application/x-ndjson", sarif: "application/sarif+json", ocsf: "application/x-ndjson", defectdojo: "application/json",
      html: "text/html; charset=utf-8", xml: "application/xml" };
    for (const [list, names] of Object.entries(formats)) {
      for (const format of names) {
        const [head, answer] = [await ask(`${list}/export?format=${format}`, { method: "HEAD" }), await ask(`${list}/export?format=${format}`)];
        const body = await answer.text();
        for (const { headers, status } of [head, answer]) {
          assert.equal(status, 200);
          assert.equal(headers.get("content-type"), types[format]);
          assert.match(headers.get("content-disposition"), new RegExp(`^attachment; filename="leastport-${list}-\\d{8}T\\d{6}Z\\.(${format}|ocsf\\.jsonl|defectdojo\\.json)"$`));
          assert.equal(headers.get("cache-control"), "no-store");
          assert.equal(headers.get("etag"), null);
          assert.equal(headers.get("x-content-type-options"), "nosniff");
          assert.equal(headers.get("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        }
        assert.ok(body.length > 100);
        assert.equal(await head.text(), "");
      }
    }
  });

  test("is refused by what is wrong with the question", async () => {
    const refused = async (path, status, pointer, options) => {
      const answer = await ask(path, options);
      const problem = await answer.json();
      assert.equal(answer.status, status, path);
      assert.equal(answer.headers.get("content-disposition"), null);
      assert.equal(problem.errors?.[0]?.pointer ?? null, pointer, JSON.stringify(problem));
    };
    await refused("findings/export?format=pdf", 400, "#/query/format");
    await refused("findings/export?format=xml", 400, "#/query/format");
    await refused("endpoints/export?format=sarif", 400, "#/query/format");
    await refused("hosts/export?format=xml", 400, "#/query/format");
    await refused("certificates/export?limit=5", 400, "#/query/limit");
    await refused("findings/export?format=csv&format=csv", 400, "#/query/format");
    for (const name of ["limit=1", "cursor=AAAA", "sort=port", "group_by=realm", "severety=high"]) {
      await refused(`findings/export?${name}`, 400, `#/query/${name.split("=")[0]}`);
    }
    await refused("findings/export?severity=none", 400, "#/query/severity");
    await refused("endpoints/export?as_of=2026-01-01T00:00:00Z&with_ended=true", 400, "#/query/with_ended");
    await refused("endpoints/export?format=xml&state=closed", 400, "#/query/state");
    await refused("endpoints/export?format=xml&as_of=2026-01-01T00:00:00Z", 400, "#/query/as_of");
    await refused("endpoints/export?format=xml&with_ended=true", 400, "#/query/with_ended");
    await refused("findings/export?format=csv", 406, "#/header/Accept", { headers: { ...signedIn, Accept: "application/json" } });
    await refused("findings/export", 401, null, { headers: {} });
    await refused("findings/export", 405, null, { method: "POST" });
  });
});

// Reads until some of the file is there, so that it is being written; then no more.
function begin(path, port = site.port) {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write(`GET /api/v1/${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let head = "";
    socket.on("data", function take(data) {
      head += data.toString("latin1");
      if (/\r\n\r\n[^]/.test(head)) {
        socket.off("data", take);
        socket.pause();
        resolve({ socket, head });
      }
    });
    socket.once("close", () => reject(new Error("closed before it said anything")));
  });
}

describe("with many findings", () => {
  // Few that are long, or with LEASTPORT_TEST_LONG=1 many as they are.
  const [COUNT, BYTES] = process.env.LEASTPORT_TEST_LONG === "1" ? [100000, 400] : [4000, 8000];
  let many;
  let brisk; // has little patience
  const checkpoint = () => execFileSync("sqlite3", ["-cmd", ".timeout 0", place.path("many.db"), "PRAGMA wal_checkpoint(TRUNCATE)"], { encoding: "utf8" }).split("|")[0];

  before(async () => {
    makeFixture(place.path("many.db"));
    const columns = execFileSync("sqlite3", [place.path("many.db"), "SELECT group_concat(name) FROM pragma_table_info('finding') WHERE name NOT IN ('id','uuid','fingerprint','port')"], { encoding: "utf8" }).trim();
    alter(place.path("many.db"), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT})
      INSERT INTO finding (uuid, fingerprint, port, ${columns}) SELECT printf('%08x-0000-4000-8000-%012x', i, i), printf('%064x', i), i % 65536, ${columns.split(",").map((one) => ({ kind: "'many-' || (i / 65536)", why: `printf('%.*c', ${BYTES}, 'y')` }[one] ?? `f.${one}`)).join(",")}
      FROM n, (SELECT * FROM finding WHERE presence = 'OPEN' AND sight = 'FRESH' LIMIT 1) f;`);
    many = await startSite(place.path("many.db"), { bin: PLAIN_BIN });
    brisk = await startSite(place.path("many.db"), { more: ["--request-ms", "500"] });
  });
  after(async () => {
    for (const one of [many, brisk]) {
      assert.equal((await one.stop()).status, 0);
    }
  });

  test("all of them, in memory that does not grow with them", async () => {
    const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${many.pid}/status`, "utf8"))[1]);
    await save("findings/export?port=22", { url: many.url });
    const idle = peak();
    const hash = createHash("sha256");
    let size = 0;
    for await (const block of (await ask("findings/export?format=csv", { url: many.url })).body) {
      hash.update(block);
      size += block.length;
    }
    const told = write("csv", [], "many.db");
    assert.ok(told.split("\r\n").length > COUNT);
    assert.equal(hash.digest("hex"), createHash("sha256").update(told).digest("hex"));
    assert.ok(size > 30e6, `${size}`);
    assert.ok((peak() - idle) * 1024 < 12 << 20, `${peak() - idle} KiB more for ${size} bytes`);
  });

  test("of whoever goes away no thread and no snapshot is left, and others are served meanwhile", async () => {
    // More than a token may have at a time, and more than there are threads.
    for (let round = 0; round < 5; round++) {
      const readers = await Promise.all(Array.from({ length: 2 }, () => begin("findings/export?format=jsonl", many.port)));
      for (const { socket, head } of readers) {
        assert.match(head, /^HTTP\/1\.1 200 /);
        socket.destroy();
      }
    }
    const waiting = await begin("findings/export?format=jsonl", many.port);
    assert.equal((await ask("findings?limit=1", { url: many.url })).status, 200);
    alter(place.path("many.db"), "UPDATE finding SET changed_at = changed_at + 1 WHERE id = 1;");
    assert.equal(checkpoint(), "1", "it reads what was there when it began");
    waiting.socket.destroy();
    await until(checkpoint, (busy) => busy === "0");
    assert.ok((await save("findings/export?severity=low&format=csv", { url: many.url })).length > 0);
  });

  test("whoever stops reading is cut off, and its snapshot ends", async () => {
    const { socket, head } = await begin("findings/export?format=jsonl", brisk.port);
    assert.match(head, /Transfer-Encoding: chunked/i);
    alter(place.path("many.db"), "UPDATE finding SET changed_at = changed_at + 1 WHERE id = 1;");
    await until(checkpoint, (busy) => busy === "0");
    // What comes now ends without the last chunk.
    const rest = await new Promise((resolve) => {
      let tail = "";
      socket.on("data", (data) => { tail = (tail + data.toString("latin1")).slice(-16); });
      socket.on("close", () => resolve(tail));
      socket.resume();
    });
    assert.doesNotMatch(rest, /\r\n0\r\n\r\n$/);
  });
});

describe("the page", { skip: missingBrowser() ?? false }, () => {
  test("exports what it shows", async () => {
    const browser = await launch();
    try {
      const { page, said } = await openPage(browser, { site: site.url });
      await page.goto(`${site.url}/findings?severity=critical,high&realm=prod-eu&sort=port`);
      await settle(page);
      await page.getByText(/^Export these \d+ findings$/).click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "JSON Lines" }).click()]);
      const saved = readFileSync(await file.path(), "utf8");
      assert.match(file.suggestedFilename(), /^leastport-findings-\d{8}T\d{6}Z\.jsonl$/);
      assert.equal(saved, await save("findings/export?severity=critical,high&realm=prod-eu&format=jsonl"));
      assert.ok(saved.length > 1000);
      assert.deepEqual(said, []);
    } finally {
      await browser.close();
    }
  });
});
