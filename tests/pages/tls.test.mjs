// TLS in the process: which versions, which certificate, and that reading it again drops nobody. Certificates are made
// for the test; clients are node's, curl and openssl's.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { connect } from "node:tls";
import { after, before, describe, test } from "node:test";
import { alter, makeFixture, signedIn, TOKEN } from "./support/fixture.mjs";
import { BIN, makeFolder, startSite } from "./support/site.mjs";

let place;

// Valid for ten days; `days` below 0 is one that ended.
function makeCertificate(name, { days = 10 } = {}) {
  const [certificate, key] = [place.path(`${name}.pem`), place.path(`${name}.key`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
    "-out", certificate, "-days", String(Math.abs(days)), ...subject], { stdio: "ignore" });
  return { certificate, key };
}

const flags = ({ certificate, key }) => ["--tls-certificate", certificate, "--tls-key", key];

before(() => {
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
});
after(() => place.remove());

// Resolves to status, headers and the name in the certificate that was shown; without an agent by a connection of its own.
function ask(site, path, { agent = new Agent(), headers = signedIn, method = "GET", body } = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(`${site.url}${path}`, { agent, headers, method, rejectUnauthorized: false }, (answer) => {
      const { subject } = answer.socket.getPeerCertificate();
      let text = "";
      answer.on("data", (data) => { text += data; });
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text, name: subject?.CN, reused: asked.reusedSocket }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

async function until(what) {
  const end = Date.now() + 30e3;
  while (!await what()) {
    assert.ok(Date.now() < end, "in 30 s");
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

// A handshake of one version alone; "" when it is refused.
function versionOf(site, version) {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: site.port, rejectUnauthorized: false, minVersion: version, maxVersion: version, ciphers: "DEFAULT:@SECLEVEL=0" },
      () => { const found = socket.getProtocol(); socket.destroy(); resolve(found); });
    socket.on("error", () => resolve(""));
  });
}

describe("a server with a certificate", () => {
  let site;
  let files;

  before(async () => {
    files = makeCertificate("first");
    site = await startSite(place.path("fixture.db"), { more: flags(files) });
  });
  after(async () => { assert.equal((await site.stop()).status, 0); });

  test("speaks TLS 1.2 and 1.3, and nothing older", async () => {
    assert.match(site.url, /^https:/);
    for (const [version, found] of [["TLSv1", ""], ["TLSv1.1", ""], ["TLSv1.2", "TLSv1.2"], ["TLSv1.3", "TLSv1.3"]]) {
      assert.equal(await versionOf(site, version), found, version);
    }
    for (const [flag, status] of [["-tls1_1", 1], ["-tls1_2", 0], ["-tls1_3", 0]]) {
      const { status: ended } = spawnSync("openssl", ["s_client", "-connect", `127.0.0.1:${site.port}`, flag, "-cipher", "DEFAULT:@SECLEVEL=0"], { input: "", timeout: 20e3 });
      assert.equal(ended, status, flag);
    }
  });

  test("curl trusts it where it is told to, and reads", () => {
    const curl = (...more) => spawnSync("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", ...more, "-H", `Authorization: Bearer ${TOKEN}`, `${site.url}/api/v1/findings`], { encoding: "utf8" });
    assert.equal(curl("--cacert", files.certificate).stdout, "200");
    assert.notEqual(curl().status, 0);
  });

  test("cookies travel over TLS alone, and browsers are told to come by it", async () => {
    const answer = await ask(site, "/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: TOKEN }) });
    assert.equal(answer.status, 200);
    assert.match(answer.headers["set-cookie"][0], new RegExp(`^__Host-leastport-${site.port}=[0-9a-f]{64}; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict$`));
    assert.equal(answer.headers["strict-transport-security"], "max-age=31536000");
    const cookie = answer.headers["set-cookie"][0].split(";")[0];
    assert.equal((await ask(site, "/api/v1/session", { headers: { Cookie: cookie } })).status, 200);
    assert.equal((await ask(site, "/healthz", { headers: { Host: "leastport.example" } })).status, 200);
  });

  // The stream of events, as text that grows; `seen` resolves once it matches.
  function listen(headers = {}) {
    let text = "";
    const asked = request(`${site.url}/api/v1/events`, { agent: false, headers: { ...signedIn, ...headers }, rejectUnauthorized: false }, (answer) => {
      answer.on("data", (data) => { text += data; });
      answer.on("error", () => {});
    });
    asked.on("error", () => {});
    asked.end();
    return { seen: async (pattern) => { await until(() => pattern.test(text)); return pattern.exec(text); }, text: () => text, end: () => asked.destroy() };
  }
  const happen = (reason) => alter(place.path("fixture.db"), `INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence)
    SELECT finding_id, at, actor, what, was, became, '${reason}', evidence FROM finding_event ORDER BY id DESC LIMIT 1;`);

  test("events come as they happen, and go on from the last that came", async () => {
    const first = listen();
    await first.seen(/^event: ready$/m);
    happen("while it listens");
    const [, id] = await first.seen(/^id: (\S+)\ndata: .*while it listens/m);
    first.end();
    happen("while nobody does");
    const second = listen({ "Last-Event-ID": id });
    await second.seen(/while nobody does/);
    assert.doesNotMatch(second.text(), /while it listens|event: re/);
    happen("and after that");
    await second.seen(/while nobody does[^]*and after that/);
    second.end();
    await until(async () => /^leastport_event_streams 0$/m.test((await ask(site, "/metrics")).text));
  });

  test("cleartext on its port is no request", () => {
    const { stdout, status } = spawnSync("curl", ["-sS", "-m", "20", `http://127.0.0.1:${site.port}/healthz`], { encoding: "utf8" });
    assert.notEqual(status, 0);
    assert.equal(stdout, "");
  });

  test("SIGHUP: new connections meet the new certificate, those that are there go on", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    assert.equal((await ask(site, "/healthz", { agent })).name, "first");
    const second = makeCertificate("second");
    copyFileSync(second.certificate, files.certificate);
    copyFileSync(second.key, files.key);
    assert.equal((await ask(site, "/healthz")).name, "first", "nothing changes by itself");
    process.kill(site.pid, "SIGHUP");
    await until(async () => (await ask(site, "/healthz")).name === "second");
    const old = await ask(site, "/api/v1/findings", { agent });
    assert.deepEqual([old.status, old.reused], [200, true]);
    agent.destroy();
    assert.match(site.said(), /new connections meet the certificate/);
  });

  test("SIGHUP with files that are no good: each is said, and the old one stays", async () => {
    const other = makeCertificate("other");
    const good = [readFileSync(files.certificate), readFileSync(files.key)];
    const cases = [[() => copyFileSync(other.key, files.key), /is not the key of the first certificate/],
      [() => writeFileSync(files.certificate, "rubbish"), /holds no certificates in PEM/],
      [() => writeFileSync(files.key, ""), /holds no private key in PEM/]];
    for (const [spoil, pattern] of cases) {
      spoil();
      process.kill(site.pid, "SIGHUP");
      await until(() => pattern.test(site.said()));
      const answer = await ask(site, "/healthz");
      assert.deepEqual([answer.status, answer.name], [200, "second"]);
      writeFileSync(files.certificate, good[0]);
      writeFileSync(files.key, good[1]);
    }
    assert.match(site.said(), /the one before it goes on/);
  });
});

describe("starting", () => {
  const start = (...args) => spawnSync(`${BIN}/leastport-web`, ["--db", place.path("fixture.db"), ...args], { encoding: "utf8", timeout: 20e3 });

  test("files that cannot serve are each named, with what is wrong", () => {
    const good = makeCertificate("good");
    const other = makeCertificate("another");
    const ended = place.path("ended.pem");
    // Signed with dates in the past, which `req` cannot do by itself.
    execFileSync("openssl", ["req", "-new", "-key", good.key, "-subj", "/CN=ended", "-out", place.path("ended.csr")], { stdio: "ignore" });
    writeFileSync(place.path("index.txt"), "");
    writeFileSync(place.path("ca.cnf"), `[ca]\ndefault_ca=c\n[c]\ndatabase=${place.path("index.txt")}\nnew_certs_dir=${place.folder}\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n`);
    execFileSync("openssl", ["ca", "-batch", "-config", place.path("ca.cnf"), "-selfsign", "-keyfile", good.key, "-in", place.path("ended.csr"),
      "-out", ended, "-startdate", "20200101000000Z", "-enddate", "20210101000000Z"], { stdio: "ignore" });
    const cases = [[{ ...good, key: "/nowhere/key.pem" }, /\/nowhere\/key\.pem: No such file/], [{ ...good, certificate: "/nowhere/c.pem" }, /\/nowhere\/c\.pem: No such file/],
      [{ ...good, key: other.key }, /another\.key is not the key of the first certificate of .*good\.pem/], [{ ...good, certificate: ended }, /ended at 2021-01-01.*renew/],
      [{ ...good, certificate: good.key }, /holds no certificates/], [{ ...good, key: place.folder }, /Is a directory/]];
    for (const [files, pattern] of cases) {
      const { status, stderr } = start("--listen", "127.0.0.1:0", ...flags(files));
      assert.equal(status, 2, stderr);
      assert.match(stderr, pattern);
    }
    if (process.getuid() !== 0) {
      chmodSync(good.key, 0);
      assert.match(start("--listen", "127.0.0.1:0", ...flags(good)).stderr, /good\.key: Permission denied/);
    }
    for (const half of [["--tls-key", good.key], ["--tls-certificate", good.certificate]]) {
      const { status, stderr } = start(...half);
      assert.equal(status, 2);
      assert.match(stderr, /go together/);
    }
  });

  test("beyond loopback it listens with TLS, or when the risk is taken by name", async () => {
    const refused = start("--listen", "0.0.0.0:0");
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /without TLS only loopback addresses.*--cleartext-exposes-tokens/s);
    for (const more of [["--cleartext-exposes-tokens"], flags(makeCertificate("wide"))]) {
      const site = await startSite(place.path("fixture.db"), { listen: "0.0.0.0:0", more });
      assert.match(site.url, /^https?:\/\/0\.0\.0\.0:\d+$/);
      assert.equal((await site.stop()).status, 0);
    }
  });
});
