// What stands in the fixture: rules as the baseline words them, and hosts with what is open on them.
export const severities = ["low", "medium", "high", "critical"];

const databaseWhy = "A database is reached by its application and by nobody else; whoever else gets through can guess " +
  "passwords, use known flaws and read the data.";
const databaseFix = "Let the inbound rule name the application's group as its only source: never 0.0.0.0/0, and no " +
  "other inbound rule. On the host itself, bind it to a private address.";

export const rules = {
  ssh: { id: "baseline/ssh", port: 22, service: "ssh", name: "SSH", weight: 30, need: 1,
    why: "SSH that the world can reach is tried with passwords and stolen keys around the clock.",
    fix: "Use Session Manager: it needs no inbound port, the agent calls out on 443, and access is logged and enforces MFA. Failing that, allow one office range. A moved port only quiets automated scans." },
  telnet: { id: "baseline/telnet", port: 23, service: "telnet", name: "Telnet", weight: 40, need: 1,
    why: "Telnet sends passwords and everything typed in plaintext; who can listen on the way owns the host.",
    fix: "Switch the Telnet server off. Use SSH or Session Manager." },
  http: { id: "baseline/http", port: 80, service: "http", name: "HTTP in clear", weight: 10, need: 0.8, portOnly: true,
    why: "Plain HTTP is fine only where it redirects to 443; what it serves in clear can be read and changed on the way.",
    fix: "Redirect every request to HTTPS (301 or 308), or close port 80." },
  rdp: { id: "baseline/rdp", port: 3389, service: "rdp", name: "RDP", weight: 40, need: 1,
    why: "Remote Desktop is ransomware's front door.",
    fix: "Close 3389 and reach the host through a VPN, or through Session Manager's port forwarding." },
  mysql: { id: "baseline/mysql", port: 3306, service: "mysql", name: "MySQL", weight: 40, need: 1, why: databaseWhy, fix: databaseFix },
  postgresql: { id: "baseline/postgresql", port: 5432, service: "postgresql", name: "PostgreSQL", weight: 40, need: 1, why: databaseWhy, fix: databaseFix },
  redis: { id: "baseline/redis", port: 6379, service: "redis", name: "Redis", weight: 40, need: 1, portOnly: true,
    why: "A cache trusts whoever reaches it: often without a password, always with the sessions and data it holds. One that answers without a password hands over its host, too.",
    fix: "Allow only the application's group, set a password (requirepass or ACL users) and bind it to a private address." },
  kafka: { id: "baseline/kafka", port: 9092, service: "kafka", name: "Kafka", weight: 30, need: 1, portOnly: true,
    why: "Who reaches a broker can read and write the topics; 9092 is usually plaintext and asks nobody's name.",
    fix: "Allow only the producers' and consumers' groups, on every broker of the cluster, and let listeners speak TLS or SASL." },
  backend: { id: "baseline/back-end", port: 8080, service: "http-alt", name: "An application back end", weight: 5, need: 1, portOnly: true,
    why: "A back end that can be reached around its proxy is not protected by the proxy's checks.",
    fix: "Let only the proxy's group reach 8080, or bind the back end to the proxy's own address." },
  custom: { id: "default", port: 7443, service: "", banner: Buffer.from([0x66, 0x6f, 0x6f, 0xff, 0xfe, 0x3c, 0x62, 0x3e]), name: "Port 7443", weight: 5, need: 0.8,
    why: "Nothing in the policy says who needs this port: least exposure is the default.",
    fix: "Close it, or add a rule that says who needs it from where, and why." },
};

// What hostile servers say of themselves: markup, and bytes that terminals act on.
export const hostileBanner = "<script>document.title='owned'</script>\u001b[31m\u0007\u009b2J\u202e<b>bold</b>";

const certificates = {
  db: { subject: "CN=db-2.prod.example", issuer: "CN=Example Issuing CA 3,O=Example", names: "db-2.prod.example db.prod.example", ends: 9, verdict: "trusted" },
  old: { subject: "CN=edge-1.prod.example", issuer: "CN=Example Issuing CA 2,O=Example", names: "edge-1.prod.example", ends: 2, verdict: "trusted" },
  edge: { subject: "CN=edge-1.prod.example", issuer: "CN=Example Issuing CA 3,O=Example", names: "edge-1.prod.example edge.example", ends: 74, verdict: "trusted" },
  app: { subject: "CN=app.prod.example", issuer: "CN=app.prod.example", names: "app.prod.example", ends: -6, verdict: "expired", key_bits: 1024, weak: true },
};
export { certificates };

// What answers, by host and rule, and since how many days; a value that is a list is a history: [days ago, value] each.
export const answers = {
  "10.20.1.14 redis": { age: 0, facts: { service: "redis", product: "Redis", version: "7.0.15", cpe: "cpe:2.3:a:redis:redis:7.0.15:*:*:*:*:*:*:*",
    auth: "none", door: "PING", cleartext: true }, evidence: [{ sent: "*1\\x0D\\x0A$4\\x0D\\x0APING\\x0D\\x0A", bytes: 14 }, { received: "+PONG\\x0D\\x0A", bytes: 7 }] },
  "10.20.1.14 ssh": { age: 20, facts: { service: "ssh", product: "OpenSSH", version: "9.2p1", cpe: "cpe:2.3:a:openbsd:openssh:9.2p1:*:*:*:*:*:*:*", os: "Debian",
    auth: "required", banner: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3" }, evidence: [{ received: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\\x0D\\x0A", bytes: 41 }] },
  "10.20.1.21 postgresql": { age: 30, certificate: "db", facts: { service: "postgresql", product: "PostgreSQL", auth: "required", starttls: true, "tls.required": false, "tls.version": "1.2",
    "tls.versions": "1.2 1.3" }, evidence: [{ sent: "\\x00\\x00\\x00\\x08\\x04\\xD2\\x16/", bytes: 8 }, { received: "S", bytes: 1 }] },
  "10.20.1.30 http": { age: 15, facts: { service: "http", product: "nginx", version: "1.22.1", cleartext: true, "http.status": 200, "http.title": "Welcome", redirects_to_https: false },
    evidence: [{ sent: "GET / HTTP/1.1\\x0D\\x0AHost: 10.20.1.30\\x0D\\x0A\\x0D\\x0A", bytes: 40 }, { received: "HTTP/1.1 200 OK\\x0D\\x0AServer: nginx/1.22.1\\x0D\\x0A\\x0D\\x0A", bytes: 45 }] },
  "10.20.1.30 backend": { age: 15, certificate: [[15, "old"], [2, "edge"]], facts: { service: "http", tls: true, product: "Jetty", version: "9.4.53", "tls.version": "1.0", "tls.versions": "1.0 1.1 1.2 1.3", auth: "required", "http.auth": "Basic" },
    evidence: [{ received: "HTTP/1.1 401 Unauthorized\\x0D\\x0A", bytes: 27 }] },
  "10.20.1.14 redis in staging": { age: 10, facts: { service: "redis", product: hostileBanner, version: "<i>9</i>", banner: hostileBanner, auth: "none", door: "INFO" },
    evidence: [{ sent: "PING\\x0D\\x0A", bytes: 6 }, { received: hostileBanner, bytes: 70 }] },
  "10.20.9.11 backend": { age: 8, certificate: "app", facts: { service: "http", tls: true, product: "Apache Tomcat", "tls.version": "1.2", "tls.versions": "1.2 1.3" }, evidence: [{ received: "HTTP/1.1 404 \\x0D\\x0A", bytes: 15 }] },
  "10.20.2.8 kafka": { age: 20, facts: { service: "kafka", product: "Apache Kafka", version: [[20, "3.4"], [3, "3.6"]], auth: [[20, "required"], [1, "none"]], door: "Metadata", cleartext: true },
    evidence: [{ sent: "Metadata 3", bytes: 34 }, { received: "broker-3.prod.example 9092 orders payments", bytes: 210 }] },
  "192.168.4.2 http": { age: 8, facts: { behaviour: "silent" }, evidence: [] },
};

const world = { breadth: 1, breadthClass: "world", openTo: "the world" };
const vpc = { breadth: 0.15, breadthClass: "own-vpc", openTo: "its own network" };
const peer = { breadth: 0.4, breadthClass: "peer", openTo: "a peered network" };
const range = { breadth: 0.6, breadthClass: "public-range", openTo: "a public range" };

export const hostileName = "<img src=x onerror=\"document.title='owned'\">";

export const hosts = [
  { realm: "prod-eu", address: "10.20.1.14", name: "cache-1.prod.example", age: 38, ...world, findings: [
    { rule: "redis", presence: "NEW", age: 0, owner: "payments" }, { rule: "ssh", age: 38 }] },
  { realm: "prod-eu", address: "10.20.1.21", second: "2001:db8:20::21", name: "db-2.prod.example", age: 60, ...range, findings: [
    { rule: "postgresql", presence: "REAPPEARED", age: 44, changed: 0, owner: "data" }, { rule: "ssh", age: 60, presence: "FIXED", changed: 0 }] },
  { realm: "prod-eu", address: "10.20.1.30", name: "edge-1.prod.example", age: 60, ...world, findings: [
    { rule: "http", age: 21 }, { rule: "backend", age: 12 }] },
  { realm: "prod-eu", address: "10.20.2.8", name: "broker-3.prod.example", age: 52, ...peer, findings: [
    { rule: "kafka", presence: "VERIFYING", age: 52, changed: 1 }] },
  { realm: "prod-eu", address: "10.20.2.44", name: "win-jump.prod.example", age: 55, unseen: 4, ...peer, findings: [
    { rule: "rdp", age: 55, changed: 4, owner: "it" }] },
  { realm: "staging", address: "10.20.1.14", name: hostileName, age: 30, ...vpc, findings: [
    { rule: "redis", age: 30 }, { rule: "custom", presence: "NEW", age: 0 }, { rule: "ssh", age: 30, presence: "FIXED", changed: 6 }] },
  { realm: "staging", address: "10.30.0.12", name: "ci-runner-with-a-rather-long-name-that-goes-on-and-on-for-ever.staging.internal.example", age: 25, ...vpc, findings: [
    { rule: "mysql", age: 25 }, { rule: "http", age: 25 }] },
  { realm: "staging", address: "10.30.0.40", name: "lab-switch.staging.example", age: 18, ...peer, findings: [
    { rule: "telnet", age: 18, presence: "FIXED", changed: 10 }, { rule: "http", age: 18 }] },
  { realm: "office", address: "192.168.4.2", name: "printer.office.example", age: 60, ...vpc, findings: [
    { rule: "http", age: 60 }, { rule: "ssh", age: 60, presence: "ALLOWED", changed: 59 }] },
  { realm: "office", address: "192.168.4.77", name: "", age: 9, unseen: 9, ...vpc, findings: [{ rule: "backend", age: 9, changed: 8 }] },
  ...Array.from({ length: 24 }, (_, i) => ({ realm: "prod-eu", address: `10.20.9.${10 + i}`, age: 40,
    name: `app-${String(i + 1).padStart(2, "0")}.prod.example`, ...vpc,
    findings: i % 2 ? [{ rule: "backend", age: 40 - i }] : [{ rule: "http", age: 40 - i }, { rule: "backend", age: 30 - i }] })),
];
