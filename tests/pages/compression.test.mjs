// What goes out as gzip and what does not, to whom, under which entity tags: by curl, by node's client, which leaves bytes as
// they come, and over raw sockets.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { request } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { makeFixture, signedIn, TOKEN, uuidOf } from "./support/fixture.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

let place;
let site;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
  site = await startSite(place.path("fixture.db"));
});
after(async () => {
  const ended = await site.stop();
  assert.equal(ended.status, 0);
  assert.equal(ended.errors, "");
  place.remove();
});

// Status, headers and the bytes as they came. `codings`: one line of Accept-Encoding, or several.
function ask(path, codings, { method = "GET", headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const wishes = codings === undefined ? {} : { "Accept-Encoding": codings };
    const asked = request(site.url + path, { method, headers: { ...signedIn, ...wishes, ...headers } }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(chunks) }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

// Large, and without a secret.
const PACKED = ["/api/v1/findings", "/api/v1/findings?limit=2", "/api/v1/hosts", "/api/v1/endpoints", "/api/v1/changes", "/api/v1/score?history=true",
  "/api/v1/certificates", "/api/v1/openapi.yaml", "/metrics", "/", "/login", "/findings", "/assets/chart.min.js", "/assets/style.css", "/assets/findings.js"];
// What the server counts is another number each time.
const STEADY = PACKED.filter((path) => path !== "/metrics");

describe("what is wanted as gzip", () => {
  test("is the same when it is unpacked, and smaller", async () => {
    for (const path of STEADY) {
      const plain = await ask(path);
      const packed = await ask(path, "gzip");
      assert.equal(plain.status, 200, path);
      assert.equal(plain.headers["content-encoding"], undefined, path);
      assert.equal(packed.headers["content-encoding"], "gzip", path);
      assert.equal(Number(packed.headers["content-length"]), packed.bytes.length, path);
      assert.ok(packed.bytes.length < plain.bytes.length * 0.8, `${path}: ${packed.bytes.length} of ${plain.bytes.length}`);
      assert.deepEqual(gunzipSync(packed.bytes), plain.bytes, path);
      for (const name of ["content-type", "cache-control", "vary", "content-security-policy"]) {
        assert.equal(packed.headers[name], plain.headers[name], `${path}: ${name}`);
      }
    }
    assert.match(gunzipSync((await ask("/metrics", "gzip")).bytes).toString(), /^# HELP /);
  });

  test("has a tag of its own in each form, and 304 for that form alone", async () => {
    for (const path of STEADY) {
      const forms = { identity: await ask(path, "identity"), gzip: await ask(path, "gzip") };
      const tag = { identity: forms.identity.headers.etag, gzip: forms.gzip.headers.etag };
      assert.match(tag.identity, /^"[0-9a-f]{32}"$/, path);
      assert.equal(tag.gzip, tag.identity.replace(/"$/, "-gz\""), path);
      for (const [asked, other] of [["identity", "gzip"], ["gzip", "identity"]]) {
        for (const header of [tag[asked], `W/${tag[asked]}`, `${tag[other]}, ${tag[asked]}`, "*"]) {
          const same = await ask(path, asked, { headers: { "If-None-Match": header } });
          assert.equal(same.status, 304, `${path} ${asked} ${header}`);
          assert.equal(same.headers.etag, tag[asked]);
          assert.equal(same.headers["content-encoding"], undefined);
          assert.match(same.headers.vary, /\bAccept-Encoding\b/);
          assert.equal(same.bytes.length, 0);
        }
        assert.equal((await ask(path, asked, { headers: { "If-None-Match": tag[other] } })).status, 200, `${path} ${asked}`);
      }
    }
  });

  test("has for HEAD what GET has, without the bytes", async () => {
    for (const path of STEADY) {
      for (const codings of ["gzip", "identity"]) {
        const [whole, head] = [await ask(path, codings), await ask(path, codings, { method: "HEAD" })];
        assert.equal(head.bytes.length, 0);
        for (const name of ["content-length", "content-encoding", "content-type", "etag", "vary"]) {
          assert.equal(head.headers[name], whole.headers[name], `${path} ${codings} ${name}`);
        }
      }
    }
  });

  test("is what curl --compressed shows", () => {
    const curl = (path, ...more) => execFileSync("curl", ["--silent", "--fail", "-H", `Authorization: Bearer ${TOKEN}`, ...more, site.url + path]);
    for (const path of STEADY) {
      assert.deepEqual(curl(path, "--compressed"), curl(path), path);
      assert.equal(curl(path, "--compressed", "--raw", "-H", "Accept-Encoding: gzip").readUInt16BE(0), 0x1f8b, path);
    }
  });
});

describe("what stays as it is", () => {
  test("has a secret of who asks, words of strangers, or is small", async () => {
    for (const path of ["/api/v1/session", "/api/v1/tokens", "/api/v1/audit-log", "/api/v1/audit-log?limit=500", "/api/v1/health", "/healthz", "/readyz", "/assets/favicon.svg"]) {
      const answer = await ask(path, "gzip");
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers["content-encoding"], undefined, path);
      assert.match(answer.headers.etag, /^"[0-9a-f]{32}"$/, path);
      assert.match(answer.headers.vary, /\bAccept-Encoding\b/, path);
    }
  });

  test("is a problem, which says again what was asked for", async () => {
    const long = `/api/v1/findings?${"realm=x&".repeat(30)}nothing=${"a".repeat(4000)}`;
    for (const [path, status] of [[long, 400], [`/${"a".repeat(4000)}`, 404], [`/api/v1/findings/${uuidOf("none")}`, 404]]) {
      const answer = await ask(path, "gzip");
      assert.equal(answer.status, status);
      assert.equal(answer.headers["content-encoding"], undefined);
      assert.equal(JSON.parse(answer.bytes).instance, path);
    }
  });

  test("is a stream of events", async () => {
    const bytes = `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n`;
    const head = await new Promise((resolve, reject) => {
      const socket = connect(site.port, "127.0.0.1", () => socket.write(bytes));
      let text = "";
      socket.on("data", (data) => {
        text += data.toString("latin1");
        if (text.includes("\r\n\r\n") && text.length > text.indexOf("\r\n\r\n") + 4) {
          socket.destroy();
          resolve(text);
        }
      });
      socket.on("error", reject);
      socket.on("end", () => reject(new Error(`it ended: ${text}`)));
    });
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.match(head, /^Content-Type: text\/event-stream/mi);
    assert.doesNotMatch(head, /^Content-Encoding:/mi);
    assert.match(head.slice(head.indexOf("\r\n\r\n")), /\n(?:id|event|data|retry|:)/);
  });
});

describe("Accept-Encoding", () => {
  // What a line asks for, of an answer that there is in both forms: "" as it is.
  const lines = [
    [undefined, ""], ["", ""], ["gzip", "gzip"], ["x-gzip", "gzip"], ["GZIP;Q=0.001", "gzip"], ["gzip, deflate, br, zstd", "gzip"], ["*", "gzip"],
    ["gzip;q=0", ""], ["gzip;q=0.000", ""], ["*, gzip;q=0", ""], ["identity", ""], ["deflate, br", ""], ["gzip;q=0.5, identity", ""],
    ["gzip, identity;q=0.5", "gzip"], ["gzip;q=1.5", ""], ["gzip;q=0.0001", ""], ["gzip;level=9", ""],
    [["br", "gzip"], "gzip"], [["*", "gzip;q=0"], ""], [["gzip", "identity;q=0"], "gzip"],
  ];
  test("is read as RFC 9110 says", async () => {
    for (const [codings, form] of lines) {
      for (const path of ["/api/v1/findings", "/assets/style.css", "/findings"]) {
        const answer = await ask(path, codings);
        assert.equal(answer.status, 200, `${path} ${codings}`);
        assert.equal(answer.headers["content-encoding"] ?? "", form, `${path} ${codings}`);
      }
    }
  });

  test("that refuses what there is gets 406, and one that insists on gzip gets also what is small", async () => {
    for (const [path, codings] of [["/api/v1/findings", "identity;q=0"], ["/api/v1/findings", "*;q=0"], ["/assets/style.css", "gzip;q=0, identity;q=0"],
      ["/api/v1/session", "gzip, identity;q=0"], ["/api/v1/audit-log", "gzip, *;q=0"], ["/api/v1/events", "gzip, identity;q=0"]]) {
      const answer = await ask(path, codings);
      assert.equal(answer.status, 406, `${path} ${codings}`);
      const problem = JSON.parse(answer.bytes);
      assert.deepEqual(problem.errors.map(({ pointer }) => pointer), ["#/header/Accept-Encoding"]);
    }
    const small = await ask("/assets/favicon.svg", "gzip, identity;q=0");
    assert.equal(small.headers["content-encoding"], "gzip");
    assert.match(gunzipSync(small.bytes).toString(), /^<svg/);
  });

  test("that is hostile breaks nothing", async () => {
    const long = (piece) => piece.repeat(Math.floor(16000 / piece.length));
    const taken = [long("gzip,"), long("*;q=1,"), `${long(",")}gzip`, `${long("gzip;q=2,")}gzip;q=1`];
    const passedOver = [long(","), long("gzip;q=0."), long("gzip;"), long(" ,\t"), long("a"), ";q=1", "gzip;q=1e999999", "gzip;q=-0", "gzip;q=\xb9", "\xff\xfegzip",
      "gzip%00", "\"gzip\"", "gzip;q=0;q=1", "gzip;;;;q=1", "${jndi:ldap://x}", "../../gzip", "gzip;q=0.5.5.5", "=", "gzip;q=18446744073709551617"];
    const values = [...taken.map((value) => [value, 200, true]), ...passedOver.map((value) => [value, 200, false]), ["gzip\x7f", 400, false], ["gz\0ip", 400, false]];
    for (const [value, status, isPacked] of values) {
      const said = await new Promise((resolve, reject) => {
        const socket = connect(site.port, "127.0.0.1", () => socket.write(Buffer.from(
          `GET /assets/style.css HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${value}\r\nConnection: close\r\n\r\n`, "latin1")));
        const chunks = [];
        socket.on("data", (chunk) => chunks.push(chunk));
        socket.on("error", reject);
        socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
      });
      assert.equal(Number(said.slice(9, 12)), status, JSON.stringify(value.slice(0, 40)));
      assert.equal(/^Content-Encoding: gzip\r$/mi.test(said), isPacked, JSON.stringify(value.slice(0, 40)));
    }
    assert.equal((await ask("/healthz", "gzip")).status, 200);
  });
});
