// A fleet beside the fixture's hosts: thousands of hosts in a realm of their own, five open ports each, a finding for
// every port. Made by SQLite itself, in seconds.
import { alter } from "./fixture.mjs";

const BASE = 1_000_000; // of all ids
const ports = [
  { port: 22, service: "ssh", weight: 15, title: "SSH" },
  { port: 111, service: "rpcbind", weight: 15, title: "Portmapper" },
  { port: 445, service: "smb", weight: 30, title: "SMB" },
  { port: 8080, service: "http", weight: 5, title: "HTTP" },
  { port: 9999, service: "unknown", weight: 5, title: "Port 9999" },
];
const severityOf = `CASE WHEN penalty >= 30 THEN 'critical' WHEN penalty >= 15 THEN 'high' WHEN penalty >= 5 THEN 'medium' ELSE 'low' END`;

function uuid(kind, id) {
  return `printf('00000000-0000-4000-8${kind.toString(16).padStart(3, "0")}-%012x', ${id})`;
}

// The fleet's realm is "fleet"; its hosts are 10.64.0.0 and on, the first of them is web-0.fleet.example.
export function addFleet(path, { hosts, now = Date.now() }) {
  const born = now - 30 * 24 * 3600e3;
  const seen = now - 3600e3;
  const many = ports.map(({ port, service, weight, title }, i) => `(${i}, ${port}, '${service}', ${weight}, '${title}')`).join(", ");
  const finding = `${BASE} + host.n * ${ports.length} + port.i`;
  const severity = severityOf.replaceAll("penalty", "(port.weight * host.breadth)");
  alter(path, `PRAGMA foreign_keys = OFF;
BEGIN;
INSERT INTO realm (id, name, created_at) VALUES (${BASE}, 'fleet', ${born});
INSERT INTO vantage (id, name, declared_class, created_at) VALUES (${BASE}, 'fleet-scanner', 'world', ${born});
INSERT INTO scan (id, uuid, realm_id, vantage_id, policy_id, plan, plan_hash, state, cause, started_at, ended_at, slabs_done, slabs_total,
    probes_planned, probes_done, probes_sent, hosts_up, ports_open, loss, missed_low, missed_high, canary, judged_at)
  VALUES (${BASE}, ${uuid(1, BASE)}, ${BASE}, ${BASE}, 1, '{"realm":"fleet","targets":["10.64.0.0/15"],"ports":"common"}', 'fleet', 'complete', 'done',
    ${seen}, ${seen + 60e3}, 1, 1, ${hosts * 100}, ${hosts * 100}, ${hosts * 101}, ${hosts}, ${hosts * ports.length}, 0.001, 0, 3, 'answered', ${seen + 61e3});
CREATE TEMP TABLE port (i, port, service, weight, title);
INSERT INTO temp.port VALUES ${many};
CREATE TEMP TABLE host AS WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < ${hosts - 1})
  SELECT n, ${BASE} + n AS id, printf('10.%d.%d.%d', 64 + (n >> 16), (n >> 8) & 255, n & 255) AS address,
    iif(n % 10 = 0, 1.0, iif(n % 3 = 0, 0.4, 0.15)) AS breadth, iif(n % 10 = 0, 'world', iif(n % 3 = 0, 'peer', 'own-vpc')) AS class
  FROM counted;
INSERT INTO asset (id, uuid, realm_id, created_at) SELECT id, ${uuid(2, "id")}, ${BASE}, ${born} FROM host;
INSERT INTO asset_identity (id, asset_id, realm_id, kind, value, source, valid_from) SELECT id, id, ${BASE}, 'address', address, 'scan', ${born} FROM host;
INSERT INTO asset_identity (asset_id, realm_id, kind, value, source, valid_from) SELECT id, ${BASE}, 'name', printf('web-%d.fleet.example', n), 'scan', ${born} FROM host;
INSERT INTO asset_state (id, asset_id, vantage_id, address, state, reason, first_seen, last_seen, first_scan_id, last_scan_id)
  SELECT id, id, ${BASE}, address, 'up', 'syn-ack', ${born}, ${seen}, ${BASE}, ${BASE} FROM host;
INSERT INTO endpoint (id, asset_id, vantage_id, address, proto, port) SELECT ${finding}, host.id, ${BASE}, address, 'tcp', port FROM host, port;
INSERT INTO endpoint_state (id, endpoint_id, state, reason, service, tries, first_seen, last_seen, first_scan_id, last_scan_id)
  SELECT ${finding}, ${finding}, 'open', 'syn-ack', service, 1, ${born}, ${seen}, ${BASE}, ${BASE} FROM host, port;
INSERT INTO finding (id, uuid, fingerprint, asset_id, proto, port, kind, presence, severity, severity_rank, service, rule_id, policy_id, service_weight,
    breadth, breadth_class, evidence, evidence_kind, need, need_kind, penalty, title, why, fix, first_seen, last_seen, changed_at, first_scan_id, last_scan_id)
  SELECT ${finding}, ${uuid(3, finding)}, printf('fleet %d', ${finding}), host.id, 'tcp', port, 'exposure', 'OPEN', ${severity},
    CASE ${severity} WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 ELSE 1 END, service, 'default', 1, weight, breadth, class, 1, 'seen',
    1, 'forbidden', weight * breadth, title || ' on ' || port || '/tcp is open: no rule allows it',
    'Nothing in the policy says who needs this port, and one that nobody needs is only attack surface.',
    'Stop the service or close the port if nobody needs it; else add an allow rule that says who needs it, from where and why.',
    ${born}, ${seen}, ${seen}, ${BASE}, ${BASE} FROM host, port;
INSERT INTO finding_vantage (finding_id, vantage_id, class, since) SELECT ${finding}, ${BASE}, class, ${born} FROM host, port;
INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence, scan_id)
  SELECT ${finding}, ${seen}, 'auditd', 'presence', 'NEW', 'OPEN', 'a second probe found it open too', '{"state":"open","reason":"syn-ack","tries":2}', ${BASE}
  FROM host, port;
COMMIT;
ANALYZE;`);
  return { realm: "fleet", host: `/hosts/00000000-0000-4000-8002-${BASE.toString(16).padStart(12, "0")}`,
    finding: `/findings/00000000-0000-4000-8003-${BASE.toString(16).padStart(12, "0")}`,
    scan: `/scans/00000000-0000-4000-8001-${BASE.toString(16).padStart(12, "0")}` };
}
