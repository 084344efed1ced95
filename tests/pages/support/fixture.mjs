// A database as auditd would have left it: the real migrations, then plausible rows with times relative to now, and
// among them what hostile hosts send. Made by the sqlite3 program; knows nothing of browsers.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { answers, certificates, hostileName, hosts, rules, severities } from "./fixture_data.mjs";

const MIGRATIONS = fileURLToPath(new URL("../../../schema/migrations/", import.meta.url));
const APPLICATION_ID = 0x6c737470;
const HOUR = 3600e3;
const DAY = 24 * HOUR;

export function uuidOf(text) {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

// A value as SQL: text by its bytes, so that invalid UTF-8 can be stored too.
function literal(value) {
  if (value === null || value === undefined) {
    return "NULL";
  }
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) {
    return `X'${Buffer.from(value).toString("hex")}'`;
  }
  if (typeof value === "number") {
    return String(value);
  }
  return `CAST(X'${Buffer.from(value).toString("hex")}' AS TEXT)`;
}

class Sql {
  lines = [];
  ids = new Map();
  certificates = new Map(); // ids by name
  events = []; // written last, in the order of their times, as they came about

  insert(table, row) {
    const id = (this.ids.get(table) ?? 0) + 1;
    this.ids.set(table, id);
    const full = ["finding_vantage", "endpoint_answer"].includes(table) ? row : { id, ...row };
    const values = Object.values(full).map(literal).join(", ");
    this.lines.push(`INSERT INTO ${table} (${Object.keys(full).join(", ")}) VALUES (${values});`);
    return id;
  }
}

function penaltyOf(rule, host) {
  return rule.weight * host.breadth * 1 * rule.need;
}

export function severityOf(penalty) {
  return penalty >= 30 ? "critical" : penalty >= 15 ? "high" : penalty >= 5 ? "medium" : "low";
}

// Design: the score. Terms of one kind together; the worst in full, the next by half, and so on.
function scoreOf(findings) {
  const kinds = new Map();
  for (const finding of findings) {
    const key = [finding.service, finding.breadth_class, finding.penalty].join("|");
    const kind = kinds.get(key) ?? { ...finding, count: 0 };
    kind.count += 1;
    kinds.set(key, kind);
  }
  const terms = [...kinds.values()].map((kind) => ({
    service: kind.service, breadth_class: kind.breadth_class, service_weight: kind.service_weight, breadth: kind.breadth,
    evidence: 1, need: kind.need, penalty: kind.penalty, count: kind.count,
    term: kind.penalty * Math.min(2, 1 + 0.25 * Math.log10(kind.count)),
  })).sort((a, b) => b.term - a.term);
  let score = 100;
  terms.forEach((term, i) => {
    term.weight = 0.5 ** i;
    term.cost = term.term * term.weight;
    score -= term.cost;
  });
  score = Math.max(0, score);
  const worldDatabase = terms.some((term) => term.breadth === 1 && term.service_weight === 40);
  const worldSsh = terms.some((term) => term.breadth === 1 && term.service === "ssh");
  const caps = [...(worldDatabase ? ["a database is open to the world: F at most"] : []),
    ...(worldSsh ? ["SSH is open to the world: C at most"] : [])];
  const letter = score >= 90 ? "A" : score >= 80 ? "B" : score >= 65 ? "C" : score >= 50 ? "D" : "F";
  const grade = worldDatabase ? "F" : worldSsh && letter < "C" ? "C" : letter;
  return { score, grade, caps, terms, exposure: findings.reduce((sum, finding) => sum + finding.penalty, 0) };
}

function addScore(sql, scope, subject, findings, from, until, now) {
  const { score, grade, caps, exposure, terms } = scoreOf(findings);
  sql.insert("score", {
    scope, subject, score, grade, caps: JSON.stringify(caps), exposure, waived: 0, coverage: 0.97,
    terms: JSON.stringify(terms), policy_id: 1, first_at: from, last_at: until ?? now, ended_at: until,
  });
}

function addScans(sql, now, days) {
  const realms = { "prod-eu": 1, staging: 2, office: 3 };
  const scans = [];
  for (const [realm, id] of Object.entries(realms)) {
    sql.insert("realm", { name: realm, created_at: now - 90 * DAY });
    sql.insert("vantage", { name: `${realm}-scanner`, declared_class: id === 1 ? "world" : null, created_at: now - 90 * DAY });
  }
  for (let day = days; day >= 0; day--) {
    for (const [realm, id] of Object.entries(realms)) {
      const started = now - day * DAY - 2 * HOUR + id * 60e3;
      const cut = day === 3 && realm === "staging";
      const row = {
        uuid: uuidOf(`scan ${realm} ${day}`), realm_id: id, vantage_id: id, policy_id: 1,
        plan: JSON.stringify({ realm, targets: ["10.0.0.0/24"], ports: "common" }), plan_hash: uuidOf(realm),
        state: cut ? "incomplete" : "complete", cause: cut ? "interrupted" : "done", started_at: started,
        ended_at: started + 42e3, slabs_done: cut ? 3 : 8, slabs_total: 8, probes_planned: 38400, probes_done: 38400,
        probes_sent: 39120, hosts_up: 6, hosts_down: 1, ports_open: 17, loss: 0.0021, missed_low: 0, missed_high: 0.3,
        canary: "answered", judged_at: started + 43e3, request: JSON.stringify({ realm, targets: ["10.0.0.0/24"] }),
      };
      scans.push({ day, realm, started, id: sql.insert("scan", row) });
      if (day === 0 && id === 1) {
        sql.insert("scan", { ...row, uuid: uuidOf(`scan ${realm} again`), request: "", started_at: started + 50e3,
          ended_at: started + 51e3, judged_at: started + 52e3 });
      }
    }
  }
  return scans;
}

function addHost(sql, host, now, scans) {
  const realmId = { "prod-eu": 1, staging: 2, office: 3 }[host.realm];
  const uuid = uuidOf(`host ${host.realm} ${host.address}`);
  const born = now - host.age * DAY;
  const id = sql.insert("asset", { uuid, realm_id: realmId, created_at: born });
  for (const [kind, value] of [["address", host.address], ["address", host.second], ["name", host.name]]) {
    if (value) {
      sql.insert("asset_identity", { asset_id: id, realm_id: realmId, kind, value, source: "scan", valid_from: born });
    }
  }
  const seen = now - (host.unseen ?? 0) * DAY - 2 * HOUR;
  const first = scans.find((scan) => scan.realm === host.realm);
  const last = scans.filter((scan) => scan.realm === host.realm && scan.started <= seen + 600e3).at(-1) ?? first;
  if (host.unseen) {
    sql.insert("asset_state", { asset_id: id, vantage_id: realmId, address: host.address, state: "up", reason: "syn-ack",
      first_seen: born, last_seen: seen, ended_at: seen + DAY, first_scan_id: first.id, last_scan_id: last.id });
  }
  sql.insert("asset_state", { asset_id: id, vantage_id: realmId, address: host.address,
    state: host.unseen ? "down" : "up", reason: host.unseen ? "no-response" : "syn-ack",
    first_seen: host.unseen ? seen + DAY : born, last_seen: host.unseen ? now : seen, first_scan_id: first.id,
    last_scan_id: last.id });
  return { ...host, id, uuid, realmId, born, seen, first, last };
}

function addEndpoint(sql, host, rule, finding, now, plain) {
  const endpoint = sql.insert("endpoint", { asset_id: host.id, vantage_id: host.realmId, address: host.address,
    proto: rule.proto ?? "tcp", port: rule.port });
  const common = { endpoint_id: endpoint, service: rule.banner ?? rule.service, first_scan_id: host.first.id,
    last_scan_id: host.last.id };
  const isFixed = finding.presence === "FIXED";
  sql.insert("endpoint_state", { ...common, state: "open", reason: "syn-ack", first_seen: finding.first_seen,
    last_seen: isFixed ? finding.fixed_at - DAY : host.seen, ended_at: isFixed ? finding.fixed_at : null });
  if (isFixed) {
    sql.insert("endpoint_state", { ...common, state: "closed", reason: "reset", first_seen: finding.fixed_at,
      last_seen: host.seen });
  }
  const key = `${host.address} ${finding.rule}${host.realm === "staging" && host.address.startsWith("10.20.") ? " in staging" : ""}`;
  if (answers[key] && !(plain && key.endsWith(" in staging"))) {
    addAnswer(sql, host, endpoint, answers[key], now);
  }
}

// Its id and its facts.
function addCertificate(sql, name, now) {
  const { ends, verdict, weak = false, key_bits = 2048, ...text } = certificates[name];
  const sha256 = createHash("sha256").update(name).digest("hex");
  const not_after = Math.floor((now + ends * DAY) / 1000) * 1000 + HOUR;
  const not_before = not_after - 90 * DAY;
  if (!sql.certificates.has(name)) {
    sql.certificates.set(name, sql.insert("certificate", { sha256, der: new Uint8Array([0x30, 0x00]), ...text, not_before, not_after, key: "RSA",
      key_bits, signature: "RSA-SHA256", first_seen: now - 30 * DAY }));
  }
  return { "cert.sha256": sha256, "cert.subject": text.subject, "cert.issuer": text.issuer, "cert.names": text.names,
    "cert.not_before": new Date(not_before).toISOString(), "cert.not_after": new Date(not_after).toISOString(),
    "cert.verdict": verdict, "cert.weak": weak, "cert.key": "RSA", "cert.key_bits": key_bits, "cert.signature": "RSA-SHA256" };
}

// Histories of single facts: lists of [days ago, value].
function factHistories({ age, facts, certificate = [] }, sql, now) {
  const all = Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, Array.isArray(value) ? value : [[age, value]]]));
  for (const [days, name] of typeof certificate === "string" ? [[age, certificate]] : certificate) {
    for (const [fact, value] of Object.entries(addCertificate(sql, name, now))) {
      if (all[fact]?.at(-1)[1] !== value) {
        (all[fact] ??= []).push([days, value]);
      }
    }
  }
  return all;
}

function addAnswer(sql, host, endpoint, answer, now) {
  const at = (days) => now - days * DAY - HOUR;
  const all = factHistories(answer, sql, now);
  let changed = at(answer.age);
  for (const name of Object.keys(all).sort()) {
    all[name].forEach(([days, value], i) => {
      const next = all[name][i + 1];
      changed = Math.max(changed, at(days));
      sql.insert("endpoint_fact", { endpoint_id: endpoint, name, value: String(value), since: at(days),
        ended_at: next ? at(next[0]) : null, scan_id: host.last.id });
    });
  }
  const shown = [answer.certificate ?? []].flat(2).filter((name) => typeof name === "string").at(-1);
  sql.insert("endpoint_answer", { endpoint_id: endpoint, evidence: JSON.stringify(answer.evidence),
    certificate_id: shown ? sql.certificates.get(shown) : null, first_seen: at(answer.age), last_seen: host.seen,
    changed_at: changed, last_scan_id: host.last.id });
}

function addEvents(sql, host, finding, id, scans) {
  const scanAt = (time) => scans.filter((scan) => scan.realm === host.realm && scan.started <= time + 600e3).at(-1) ?? host.first;
  const event = (at, what, was, became, reason) => sql.events.push({ finding_id: id, at, actor: "auditd", what,
    was, became, reason, evidence: JSON.stringify({ state: became === "FIXED" ? "closed" : "open",
      reason: became === "FIXED" ? "reset" : "syn-ack", tries: 2 }), scan_id: scanAt(at).id });
  event(finding.first_seen, "presence", "", "NEW", "seen open for the first time");
  if (finding.presence !== "NEW") {
    event(finding.first_seen + 20e3, "presence", "NEW", "OPEN", "a second probe found it open too");
  }
  if (finding.presence === "FIXED" || finding.presence === "REAPPEARED") {
    event(finding.changed_at - (finding.presence === "FIXED" ? 0 : 9 * DAY), "presence", "OPEN", "FIXED",
      "every vantage that saw it open got a reset, confirmed by a second probe");
  }
  if (finding.presence === "REAPPEARED") {
    event(finding.changed_at, "presence", "FIXED", "REAPPEARED", "it answers again");
  }
  if (finding.presence === "VERIFYING") {
    event(finding.changed_at, "presence", "OPEN", "VERIFYING", "it was silent; one more complete scan decides");
  }
  if (finding.sight === "STALE") {
    event(finding.changed_at, "sight", "FRESH", "STALE", "the host did not answer at all; unreachable is not fixed");
  }
}

function addFinding(sql, host, spec, now, scans, plain) {
  const rule = rules[spec.rule];
  const penalty = penaltyOf(rule, host);
  const severity = severityOf(penalty);
  const first_seen = now - (spec.age ?? host.age) * DAY - 2 * HOUR;
  const changed_at = now - (spec.changed ?? spec.age ?? host.age) * DAY - 2 * HOUR;
  const finding = { rule: spec.rule, presence: spec.presence ?? "OPEN", sight: host.unseen ? "STALE" : "FRESH", first_seen, changed_at,
    fixed_at: spec.presence === "FIXED" ? changed_at : null, penalty, service: rule.service, breadth: host.breadth,
    breadth_class: host.breadthClass, service_weight: rule.weight, need: rule.need, severity };
  const id = sql.insert("finding", {
    uuid: uuidOf(`finding ${host.uuid} ${rule.port}`), fingerprint: uuidOf(`print ${host.uuid} ${rule.port}`),
    asset_id: host.id, proto: rule.proto ?? "tcp", port: rule.port, kind: "exposure", presence: finding.presence,
    sight: finding.sight, severity, severity_rank: severities.indexOf(severity) + 1, service: rule.service,
    rule_id: rule.id, policy_id: 1, service_weight: rule.weight, breadth: host.breadth,
    breadth_class: host.breadthClass, evidence: 1, evidence_kind: rule.portOnly ? "port only" : "seen", need: rule.need,
    need_kind: rule.need === 1 ? "forbidden" : "unknown", penalty, title: `${rule.name} is open to ${host.openTo}`,
    why: rule.why, fix: rule.fix, owner: spec.owner ?? "", first_seen, last_seen: host.seen, changed_at,
    fixed_at: finding.fixed_at, first_scan_id: host.first.id, last_scan_id: host.last.id,
  });
  sql.insert("finding_vantage", { finding_id: id, vantage_id: host.realmId, class: host.breadthClass, since: first_seen,
    until: finding.fixed_at });
  addEndpoint(sql, host, rule, finding, now, plain);
  addEvents(sql, host, finding, id, scans);
  return { ...finding, host: host.uuid, realm: host.realm };
}

function counts(finding, at) {
  return finding.first_seen <= at && (finding.fixed_at === null || finding.fixed_at > at);
}

// A row for as long as the score stays the same, as auditd keeps it.
function addHistory(sql, scope, subject, findings, now, days) {
  let from = now - days * DAY;
  for (let day = days; day >= 0; day--) {
    const at = now - day * DAY;
    const next = day === 0 ? null : at + DAY;
    const same = next !== null &&
      findings.every((finding) => counts(finding, at) === counts(finding, next));
    if (!same) {
      addScore(sql, scope, subject, findings.filter((finding) => counts(finding, at)), from, next, now);
      from = next;
    }
  }
}

// `plain`: without what hostile hosts send, for pictures.
export function makeFixture(path, { days = 60, now = Date.now(), plain = false } = {}) {
  const sql = new Sql();
  sql.insert("policy", { hash: createHash("sha256").update("baseline").digest("hex"), name: "baseline 1", source: "",
    baseline: 1, loaded_at: now - 90 * DAY });
  const scans = addScans(sql, now, days);
  const findings = [];
  for (const spec of hosts) {
    const name = plain && spec.name === hostileName ? "cache-1.staging.example" : spec.name;
    const host = addHost(sql, { ...spec, name }, now, scans);
    const own = spec.findings.map((finding) => addFinding(sql, host, finding, now, scans, plain));
    addHistory(sql, "host", host.uuid, own, now, Math.min(days, spec.age));
    findings.push(...own);
  }
  sql.events.sort((a, b) => a.at - b.at).forEach((event) => sql.insert("finding_event", event));
  addHistory(sql, "fleet", "", findings, now, days);
  for (const realm of ["prod-eu", "staging", "office"]) {
    addHistory(sql, "realm", realm, findings.filter((finding) => finding.realm === realm), now, days);
  }
  writeDatabase(path, sql.lines.join("\n"));
}

// Tokens of a role, narrowed or ended: what somebody holds, and the row that knows of it.
export function tokenOf(name) {
  const digits = createHash("sha256").update(`token ${name}`).digest("hex");
  return `lstp_${digits.slice(0, 12)}_${createHash("sha256").update(digits).digest("hex")}`;
}

const ALL = { viewer: "read metrics", operator: "read metrics write", admin: "read metrics tokens audit-log write" };

export function tokenRows(name, { role = "admin", scopes = ALL[role], kind = "token", realms = [], tags = [], expires_at = null, revoked_at = null } = {}) {
  const token = tokenOf(name);
  const id = token.slice(5, 17);
  const hash = createHash("blake2b512").update(token).digest("hex");
  const values = { public_id: id, kind, name, hash, role, scopes, created_at: 1, created_by: "tests", expires_at, revoked_at };
  const limits = [...realms.map((value) => ["realm", value]), ...tags.map((value) => ["tag", value])];
  return [`INSERT INTO token (${Object.keys(values).join(", ")}) VALUES (${Object.values(values).map(literal).join(", ")});`,
    ...limits.map(([of, value]) => `INSERT INTO token_limit (token_id, kind, value) SELECT id, ${literal(of)}, ${literal(value)} FROM token WHERE public_id = ${literal(id)};`)].join("\n");
}

// The administrator of every database here.
export const TOKEN = tokenOf("tests");
export const signedIn = { Authorization: `Bearer ${TOKEN}` };

// Statements on a database that may be in use.
export function alter(path, statements) {
  execFileSync("sqlite3", ["-bail", path], { input: `.timeout 5000\n${statements}\n`, stdio: ["pipe", "ignore", "inherit"] });
}

// The schema alone, as after the daemon's first start.
export function makeEmpty(path) {
  writeDatabase(path, "");
}

function writeDatabase(path, rows) {
  const migrations = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")).sort();
  const schema = migrations.map((name) => readFileSync(MIGRATIONS + name, "utf8")).join("\n");
  const head = `.filectrl persist_wal 1\nPRAGMA journal_mode = WAL;\nPRAGMA application_id = ${APPLICATION_ID};\n`;
  execFileSync("sqlite3", ["-bail", path],
    { input: `${head}BEGIN;\n${schema}\n${rows}\n${tokenRows("tests")}\nCOMMIT;\nPRAGMA user_version = ${migrations.length};\n`,
      stdio: ["pipe", "ignore", "inherit"] });
}
