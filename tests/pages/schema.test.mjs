// schema/policy.schema.json and schema/config.schema.json beside the loaders: what one refuses the other refuses. JSON is
// YAML, so each document goes to both.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BIN } from "./support/site.mjs";

const require = createRequire(import.meta.url);
const Ajv = require("ajv/dist/2020.js");
const addFormats = require("ajv-formats");
let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "leastport-schema-"));
});
after(() => rmSync(folder, { recursive: true }));

function validator(name) {
  const ajv = new Ajv({ strict: false });
  addFormats(ajv);
  return ajv.compile(JSON.parse(readFileSync(new URL(`../../schema/${name}`, import.meta.url), "utf8")));
}

function loads(document) {
  const path = join(folder, "policy.json");
  writeFileSync(path, JSON.stringify(document));
  const { status, stdout } = spawnSync(join(BIN, "leastport"), ["policy", "check", path], { encoding: "utf8" });
  assert.ok(status === 0 || status === 2, stdout);
  return { loads: status === 0, said: stdout };
}

const rule = { id: "a", to: "any", ports: 22 };
const allow = { ...rule, from: "world", why: "w" };
const good = [
  { version: 1 },
  { version: 1, baseline: 1, groups: {}, defaults: { owner: "o" }, allow: [], forbid: [], tests: [] },
  { version: 1, groups: { g: { tags: { a: "b", c: [1, true, "x*"] }, cidr: ["10.0.0.0/8"], realm: "r", name: ["w*"] } } },
  { version: 1, groups: { g: { any: true }, h: { and: ["g", { not: "g" }] }, i: { or: [{ cidr: "::1" }, "h"], not: "any" } } },
  { version: 1, allow: [{ ...allow, when: { "tls.version": ">=1.2", tls: true }, until: "2027-03-31", proto: "udp", service: "s" }] },
  { version: 1, allow: [{ ...allow, to: ["any", { tags: { a: "b" } }], ports: [22, "80-90"], from: ["vpn", "10.0.0.0/8"], owner: "o" }] },
  { version: 1, forbid: [{ ...rule, severity: "high", fix: "f", controls: ["nist-800-53-r5:SC-7"] }] },
  { version: 1, forbid: [{ ...rule, to: { not: "any" }, controls: "pci-dss-4.0.1:1.3.1" }] },
  { version: 1, tests: [{ to: "any", port: 1, from: "any", expect: "unproven", service: "s", facts: { tls: false } }] },
];
const bad = [
  {},
  [],
  { version: 2 },
  { version: 1, baseline: 0 },
  { version: 1, alow: [] },
  { version: 1, groups: { any: { any: true } } },
  { version: 1, groups: { "a b": { any: true } } },
  { version: 1, groups: { g: {} } },
  { version: 1, groups: { g: "any" } },
  { version: 1, groups: { g: { any: false } } },
  { version: 1, groups: { g: { tags: {} } } },
  { version: 1, groups: { g: { tags: { a: [] } } } },
  { version: 1, groups: { g: { tags: { a: {} } } } },
  { version: 1, groups: { g: { and: [] } } },
  { version: 1, groups: { g: { or: "any" } } },
  { version: 1, groups: { g: { not: [] } } },
  { version: 1, groups: { g: { nor: ["any"] } } },
  { version: 1, allow: {} },
  { version: 1, allow: [rule] },
  { version: 1, allow: [{ ...allow, why: "" }] },
  { version: 1, allow: [{ ...allow, severity: "high" }] },
  { version: 1, allow: [{ ...allow, ports: 70000 }] },
  { version: 1, allow: [{ ...allow, ports: [] }] },
  { version: 1, allow: [{ ...allow, when: {} }] },
  { version: 1, allow: [{ ...allow, when: { tls: [] } }] },
  { version: 1, allow: [{ ...allow, to: [] }] },
  { version: 1, allow: [{ ...allow, to: {} }] },
  { version: 1, allow: [{ ...allow, from: [] }] },
  { version: 1, allow: [{ ...allow, until: "soon" }] },
  { version: 1, allow: [{ ...allow, proto: "sctp" }] },
  { version: 1, allow: [{ ...allow, id: "a b" }] },
  { version: 1, allow: [{ ...allow, id: "a".repeat(49) }] },
  { version: 1, forbid: [{ ...rule, severity: "grave" }] },
  { version: 1, forbid: [{ ...rule, controls: [] }] },
  { version: 1, tests: [{ to: "any", port: 1, from: "any", expect: "found" }] },
  { version: 1, tests: [{ to: "any", port: "ssh", from: "any", expect: "finding" }] },
  { version: 1, tests: [{ to: "any", port: 1, from: "any", expect: "finding", facts: {} }] },
];

test("the policy's schema takes what the loader takes", () => {
  const check = validator("policy.schema.json");
  for (const document of good) {
    assert.ok(check(document), `${JSON.stringify(document)}: ${JSON.stringify(check.errors)}`);
    const { loads: taken, said } = loads(document);
    assert.ok(taken, `${JSON.stringify(document)}: ${said}`);
  }
});

test("the policy's schema refuses what the loader refuses", () => {
  const check = validator("policy.schema.json");
  for (const document of bad) {
    assert.ok(!check(document), `the schema takes ${JSON.stringify(document)}`);
    assert.ok(!loads(document).loads, `the loader takes ${JSON.stringify(document)}`);
  }
});

test("the configuration's schema knows targets with tags and where a vantage stands", () => {
  const check = validator("config.schema.json");
  const target = { target: "10.0.1.0/24", tags: { app: "shop", rack: 7 } };
  assert.ok(check({ version: 1, targets: ["10.0.0.0/24", target, { target: "10.0.0.5", name: "db-1" }] }), JSON.stringify(check.errors));
  assert.ok(check({ version: 1, vantage: { name: "v", class: "vpn", address: ["10.0.0.9"], tags: { a: "b" } } }), JSON.stringify(check.errors));
  for (const targets of [[{ tags: { a: "b" } }], [{ ...target, tag: {} }], [{ ...target, tags: {} }], [{ ...target, tags: { a: [] } }]]) {
    assert.ok(!check({ version: 1, targets }), JSON.stringify(targets));
  }
});

test("the configuration's schema knows AWS accounts, by folder and live", () => {
  const check = validator("config.schema.json");
  const config = (aws) => ({ version: 1, inventories: [{ name: "cloud", aws }] });
  const role = { arn: "arn:aws:iam::111122223333:role/leastport", external_id: "x" };
  for (const aws of [{ folder: "cloud" }, {}, { accounts: [{}, { profile: "p", roles: [role] }], regions: ["eu-west-1"], every: "1h", timeout: "90s",
    endpoint: "http://[::1]:4566", ca_file: "ca.pem" }]) {
    assert.ok(check(config(aws)), JSON.stringify(check.errors));
  }
  for (const aws of [{ folder: "cloud", every: "1h" }, { accounts: [] }, { accounts: [{ roles: [{ external_id: "x" }] }] }, { accounts: [{ roles: [{ arn: "x" }] }] },
    { regions: ["EU"] }, { endpoint: "http://me:pw@host" }, { endpoint: "ftp://host" }, { account: "x" }]) {
    assert.ok(!check(config(aws)), JSON.stringify(aws));
  }
});

test("the configuration's schema knows how pages are served", () => {
  const check = validator("config.schema.json");
  assert.ok(check({ version: 1, web: { names: ["a.example"], trusted_proxies: "10.0.0.5", proxy_fields: "forwarded", user_header: "X-User", user_default: "all",
    connections: 5, address_connections: 0, head_timeout: "2s" } }), JSON.stringify(check.errors));
  for (const web of [{ names: "a:80" }, { names: [] }, { proxy_fields: "x" }, { user_header: "a b" }, { connections: 0 }, { head_timeout: 5 }, { name: "a" }]) {
    assert.ok(!check({ version: 1, web }), JSON.stringify(web));
  }
});
