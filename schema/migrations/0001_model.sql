-- The whole model: realms, vantages, assets, endpoints, scans, findings. Times are milliseconds since 1970 UTC.
-- An interval is a row whose `last_seen` moves while nothing changes; `ended_at` is set when something else takes over.
-- A migration runs in one transaction and sets PRAGMA user_version to its number.
-- No index holds what a scan changes in every row (`last_seen`, `last_scan_id`): it would be written anew by each scan.

-- An address space: a VPC, a site. The same address in two realms is two assets.
CREATE TABLE realm (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- Where a scanner stands. `world` only when it is declared so.
CREATE TABLE vantage (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    declared_class TEXT CHECK (declared_class IN ('self', 'own-vpc', 'vpn', 'peer', 'public-range', 'world')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE asset (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    realm_id INTEGER NOT NULL REFERENCES realm (id),
    ephemeral INTEGER NOT NULL DEFAULT 0 CHECK (ephemeral IN (0, 1)),
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT
) STRICT;
CREATE INDEX asset_by_realm ON asset (realm_id, id);

-- What an asset is known by, dated. At most one living asset holds an identity; a stronger one that is learnt later
-- joins the same asset, a changed one ends it. The host that a scanner runs on is known as the instance 'scanner:VANTAGE'.
CREATE TABLE asset_identity (
    id INTEGER PRIMARY KEY,
    asset_id INTEGER NOT NULL REFERENCES asset (id),
    realm_id INTEGER NOT NULL REFERENCES realm (id),
    kind TEXT NOT NULL CHECK (kind IN ('address', 'interface', 'instance', 'arn', 'name')),
    value TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('scan', 'inventory', 'resolver', 'person', 'import')),
    valid_from INTEGER NOT NULL,
    valid_to INTEGER
) STRICT;
CREATE UNIQUE INDEX asset_identity_living ON asset_identity (realm_id, kind, value) WHERE valid_to IS NULL;
CREATE INDEX asset_identity_by_asset ON asset_identity (asset_id, kind);
CREATE INDEX asset_identity_by_value ON asset_identity (kind, value, valid_from);

-- A policy as it was when it judged, by hash. The built-in baseline alone has an empty source.
CREATE TABLE policy (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    baseline INTEGER NOT NULL,
    loaded_at INTEGER NOT NULL
) STRICT;

CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    realm_id INTEGER NOT NULL REFERENCES realm (id),
    vantage_id INTEGER NOT NULL REFERENCES vantage (id),
    policy_id INTEGER REFERENCES policy (id),
    plan TEXT NOT NULL,
    plan_hash TEXT NOT NULL,
    -- What was asked for, the same text for the same request, so that it goes on where an interrupted one ended; '' for
    -- a scan that nobody asked for by itself.
    request TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'incomplete', 'failed')),
    cause TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- The checkpoint: how many slabs of the plan are stored, of how many.
    slabs_done INTEGER NOT NULL DEFAULT 0,
    slabs_total INTEGER NOT NULL DEFAULT 0,
    probes_planned INTEGER NOT NULL DEFAULT 0,
    probes_done INTEGER NOT NULL DEFAULT 0,
    probes_sent INTEGER NOT NULL DEFAULT 0,
    hosts_up INTEGER NOT NULL DEFAULT 0,
    hosts_down INTEGER NOT NULL DEFAULT 0,
    ports_open INTEGER NOT NULL DEFAULT 0,
    -- The share of probes lost, and the 95 % interval of open ports that may have been missed.
    loss REAL,
    missed_low REAL,
    missed_high REAL,
    canary TEXT NOT NULL DEFAULT 'none' CHECK (canary IN ('none', 'answered', 'silent')),
    judged_at INTEGER
) STRICT;
CREATE INDEX scan_by_start ON scan (started_at, id);
CREATE INDEX scan_by_place ON scan (realm_id, vantage_id, started_at);

-- A host and port known to answer, for each realm and vantage: while it is silent, nothing turns FIXED.
CREATE TABLE canary (
    id INTEGER PRIMARY KEY,
    realm_id INTEGER NOT NULL REFERENCES realm (id),
    vantage_id INTEGER NOT NULL REFERENCES vantage (id),
    host TEXT NOT NULL,
    proto TEXT NOT NULL CHECK (proto IN ('tcp', 'udp')),
    port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    last_answer_at INTEGER,
    -- A person chose it; else the store did, from what has been open longest.
    configured INTEGER NOT NULL DEFAULT 0 CHECK (configured IN (0, 1)),
    UNIQUE (realm_id, vantage_id, host, proto, port)
) STRICT;

-- Whether a vantage had an answer from an asset: intervals.
CREATE TABLE asset_state (
    id INTEGER PRIMARY KEY,
    asset_id INTEGER NOT NULL REFERENCES asset (id),
    vantage_id INTEGER NOT NULL REFERENCES vantage (id),
    address TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('up', 'down')),
    reason TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    ended_at INTEGER,
    first_scan_id INTEGER NOT NULL REFERENCES scan (id),
    last_scan_id INTEGER NOT NULL REFERENCES scan (id)
) STRICT;
CREATE UNIQUE INDEX asset_state_living ON asset_state (asset_id, vantage_id, address) WHERE ended_at IS NULL;
-- The last time that it answered to anybody.
CREATE INDEX asset_state_by_asset ON asset_state (asset_id, state, last_seen);

-- Which ports of an asset a vantage judged, and when last: one row for each distinct set of ports.
CREATE TABLE coverage (
    id INTEGER PRIMARY KEY,
    asset_id INTEGER NOT NULL REFERENCES asset (id),
    vantage_id INTEGER NOT NULL REFERENCES vantage (id),
    proto TEXT NOT NULL CHECK (proto IN ('tcp', 'udp')),
    ports TEXT NOT NULL,
    planned_at INTEGER NOT NULL,
    judged_at INTEGER,
    scan_id INTEGER NOT NULL REFERENCES scan (id),
    UNIQUE (asset_id, vantage_id, proto, ports)
) STRICT;

-- Of this table and the next the references are looked at when a transaction ends: a thousand rows are inserted by one
-- statement, which SQLite could undo by itself only with a copy of each page that it changes.
CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY,
    asset_id INTEGER NOT NULL REFERENCES asset (id) DEFERRABLE INITIALLY DEFERRED,
    vantage_id INTEGER NOT NULL REFERENCES vantage (id) DEFERRABLE INITIALLY DEFERRED,
    address TEXT NOT NULL,
    proto TEXT NOT NULL CHECK (proto IN ('tcp', 'udp')),
    port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    -- Complete scans in a row in which it was silent although the vantage's canary and the asset answered.
    silent_scans INTEGER NOT NULL DEFAULT 0,
    -- Probes in a row that were refused (RST; UDP: port unreachable): two make it closed.
    refusals INTEGER NOT NULL DEFAULT 0,
    -- The time of the last look that counted for either: judging a scan again counts nothing twice.
    proved_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (asset_id, proto, port, vantage_id, address)
) STRICT;
CREATE INDEX endpoint_by_vantage ON endpoint (vantage_id, asset_id, proto, port);
CREATE INDEX endpoint_by_port ON endpoint (proto, port, asset_id);

-- The state of an endpoint over time: only endpoints that were open at some time have rows.
CREATE TABLE endpoint_state (
    id INTEGER PRIMARY KEY,
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) DEFERRABLE INITIALLY DEFERRED,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'filtered', 'open|filtered')),
    reason TEXT NOT NULL,
    service TEXT NOT NULL DEFAULT '',
    -- For a port of the scanner's own host: the address that the listener is bound to; '' when not known.
    bound TEXT NOT NULL DEFAULT '',
    -- The scanner said that the address is its own host's.
    self INTEGER NOT NULL DEFAULT 0 CHECK (self IN (0, 1)),
    -- Of the last look: how many probes were sent, and how many were answered so; 0 when not known.
    tries INTEGER NOT NULL DEFAULT 0,
    answers INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    ended_at INTEGER,
    first_scan_id INTEGER NOT NULL REFERENCES scan (id) DEFERRABLE INITIALLY DEFERRED,
    last_scan_id INTEGER NOT NULL REFERENCES scan (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE UNIQUE INDEX endpoint_state_living ON endpoint_state (endpoint_id) WHERE ended_at IS NULL;
CREATE INDEX endpoint_state_by_endpoint ON endpoint_state (endpoint_id, first_seen);

-- fingerprint = hash of (asset uuid, proto, port, kind). Everything else is an attribute with a history.
CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL UNIQUE,
    asset_id INTEGER NOT NULL REFERENCES asset (id),
    proto TEXT NOT NULL CHECK (proto IN ('tcp', 'udp')),
    port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    kind TEXT NOT NULL,
    presence TEXT NOT NULL CHECK (presence IN ('NEW', 'OPEN', 'VERIFYING', 'FIXED', 'REAPPEARED', 'ALLOWED',
        'FOLDED')),
    disposition TEXT NOT NULL DEFAULT 'NONE' CHECK (disposition IN ('NONE', 'ACKNOWLEDGED', 'WAIVED')),
    sight TEXT NOT NULL DEFAULT 'FRESH' CHECK (sight IN ('FRESH', 'STALE', 'RETIRED')),
    severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    -- critical 4, high 3, medium 2, low 1: what lists sort by.
    severity_rank INTEGER NOT NULL CHECK (severity_rank BETWEEN 1 AND 4),
    service TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    policy_id INTEGER NOT NULL REFERENCES policy (id),
    -- The terms of penalty = service x breadth x evidence x need, so that every number can be explained.
    service_weight REAL NOT NULL,
    breadth REAL NOT NULL,
    breadth_class TEXT NOT NULL,
    evidence REAL NOT NULL,
    evidence_kind TEXT NOT NULL,
    need REAL NOT NULL,
    need_kind TEXT NOT NULL,
    penalty REAL NOT NULL,
    title TEXT NOT NULL,
    why TEXT NOT NULL,
    fix TEXT NOT NULL,
    owner TEXT NOT NULL DEFAULT '',
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    -- The last time any of the three columns or an attribute changed.
    changed_at INTEGER NOT NULL,
    fixed_at INTEGER,
    -- Of the finding that stands for listeners that came and went (port 0): complete scans in a row that saw none.
    unseen_scans INTEGER NOT NULL DEFAULT 0,
    first_scan_id INTEGER NOT NULL REFERENCES scan (id),
    last_scan_id INTEGER NOT NULL REFERENCES scan (id)
) STRICT;
CREATE INDEX finding_by_asset ON finding (asset_id, proto, port);
CREATE INDEX finding_by_severity ON finding (severity_rank DESC, id);
CREATE INDEX finding_by_change ON finding (changed_at, id);

-- The vantages from which a finding's port was seen open, dated.
CREATE TABLE finding_vantage (
    finding_id INTEGER NOT NULL REFERENCES finding (id),
    vantage_id INTEGER NOT NULL REFERENCES vantage (id),
    class TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (finding_id, vantage_id, since)
) STRICT, WITHOUT ROWID;

-- Every move of presence, disposition and sight, and every change of an attribute.
CREATE TABLE finding_event (
    id INTEGER PRIMARY KEY,
    finding_id INTEGER NOT NULL REFERENCES finding (id),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    was TEXT NOT NULL,
    became TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- JSON: the observation or the judgement that moved it.
    evidence TEXT NOT NULL,
    scan_id INTEGER REFERENCES scan (id)
) STRICT;
CREATE INDEX finding_event_by_finding ON finding_event (finding_id, id);
CREATE INDEX finding_event_by_scan ON finding_event (scan_id, id);

-- An exception with an owner, a reason and an end; it remembers what it accepted.
CREATE TABLE waiver (
    id INTEGER PRIMARY KEY,
    finding_id INTEGER NOT NULL REFERENCES finding (id),
    owner TEXT NOT NULL CHECK (owner <> ''),
    reason TEXT NOT NULL CHECK (reason <> ''),
    until INTEGER NOT NULL,
    accepted_breadth REAL NOT NULL,
    accepted_service TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT
) STRICT;
CREATE INDEX waiver_by_finding ON waiver (finding_id, id);

-- The score over time: a row for as long as it stays the same. `subject` is '' for the fleet, the realm's name, the asset's uuid.
CREATE TABLE score (
    id INTEGER PRIMARY KEY,
    scope TEXT NOT NULL CHECK (scope IN ('fleet', 'realm', 'group', 'host')),
    subject TEXT NOT NULL,
    score REAL NOT NULL,
    grade TEXT NOT NULL,
    -- JSON array: why the grade is capped, if it is.
    caps TEXT NOT NULL,
    exposure REAL NOT NULL,
    waived REAL NOT NULL,
    coverage REAL NOT NULL,
    -- JSON array of the terms, worst first: kind, count, penalty of one, term, weight, share of the score.
    terms TEXT NOT NULL,
    policy_id INTEGER NOT NULL REFERENCES policy (id),
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX score_living ON score (scope, subject) WHERE ended_at IS NULL;
CREATE INDEX score_by_subject ON score (scope, subject, first_at);
