#include "auditd/finding/claim_declared.h"

#include "auditd/finding/claim_listener.h"
#include "auditd/policy/baseline.h"
#include "auditd/policy/cloud_declared.h"
#include "auditd/policy/policy.h"
#include "auditd/store/cloud.h"
#include "auditd/store/cloud_verdict.h"
#include "auditd/store/sql.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IANA_TCP = 6, IANA_UDP = 17, PORTS_JUDGED_EACH = 64, PORTS_NAMED_SIZE = 72 };

/* What was seen of the asset's ports, of one protocol. */
struct seen {
    struct portset open;
    struct portset looked;       /* by anybody, and judged */
    struct portset closed;       /* refused, to anybody */
    struct portset world_silent; /* nothing came back to the world */
    struct portset part;         /* of the row at hand: scratch */
};

struct gathering {
    struct store *store;
    const struct claim_options *options;
    const struct claim_asset *asset;
    struct claims *claims;
    struct store_cloud_verdicts verdicts;
    bool is_udp;
    bool is_running;
    const char *declared; /* of the row at hand, as policies call it */
    struct seen seen;
    struct portset taken;  /* by a row that lets in more */
    struct portset logins; /* of TCP, which Session Manager makes needless */
    struct portset plain;  /* of TCP, at which a balancer does not redirect */
};

/* ---- what was seen ---- */

static int parse_ports(struct store *store, sqlite3_stmt *row, int column, struct portset *set)
{
    size_t offset;

    return portset_parse(store_text(row, column), set, &offset) == 0
               ? 0
               : store_fail(store, STORE_FAULT_CORRUPT, -EUCLEAN, "a row of coverage is no list of ports");
}

/* A host that gave no answer at all has only silent ports, which counts where another vantage knows it to be up. */
static int take_look(struct gathering *this, sqlite3_stmt *row, struct portset *scratch)
{
    bool is_world = strcmp(store_text(row, 2), "world") == 0;
    bool was_judged = sqlite3_column_int(row, 3) != 0;
    struct seen *seen = &this->seen;
    int rc = parse_ports(this->store, row, 1, &scratch[1]);

    rc = rc == 0 ? parse_ports(this->store, row, 0, &scratch[0]) : rc;
    if (rc < 0) {
        return rc;
    }
    if (is_world && (was_judged || this->is_running)) {
        portset_union(&seen->world_silent, &scratch[1]);
    }
    if (was_judged || (is_world && this->is_running)) {
        portset_union(&seen->looked, &scratch[0]);
    }
    portset_subtract(&scratch[0], &scratch[1]);
    if (was_judged) {
        portset_union(&seen->closed, &scratch[0]);
    }
    return 0;
}

static int load_looks(struct gathering *this)
{
    struct portset *scratch = calloc(2, sizeof(*scratch));
    sqlite3_stmt *row;
    int rc = scratch == NULL ? -ENOMEM : 0;

    rc = rc < 0 ? rc
                : store_query(this->store, &row,
                              "SELECT c.ports, c.silent, coalesce(v.declared_class, ''), coalesce(c.judged_at, 0) >= ?3"
                              " AND coalesce(c.judged_at, 0) >= c.planned_at - 86400000 FROM coverage c JOIN vantage v"
                              " ON v.id = c.vantage_id WHERE c.asset_id = ?1 AND c.proto = ?2 AND c.planned_at >= ?3",
                              "iti", this->asset->id, this->is_udp ? "udp" : "tcp",
                              this->options->now_ms - this->options->max_age_ms);
    while (rc == 0 && (rc = store_step(this->store, row)) == 1) {
        rc = take_look(this, row, scratch);
        if (rc < 0) {
            store_walked(row);
        }
    }
    free(scratch);
    return rc;
}

/* Open, or not yet proven closed (life.h). */
static int load_open(struct gathering *this)
{
    sqlite3_stmt *row;
    int rc = store_query(this->store, &row,
                         "SELECT e.port FROM endpoint e JOIN endpoint_state s ON s.endpoint_id = e.id AND"
                         " s.ended_at IS NULL WHERE e.asset_id = ?1 AND e.proto = ?2 AND (s.state = 'open' OR"
                         " (e.refusals < 2 AND e.silent_scans < 2))",
                         "it", this->asset->id, this->is_udp ? "udp" : "tcp");

    while (rc == 0 && (rc = store_step(this->store, row)) == 1) {
        portset_add(&this->seen.open, (uint16_t)sqlite3_column_int(row, 0));
        rc = 0;
    }
    portset_subtract(&this->seen.closed, &this->seen.open);
    return rc;
}

static int load_running(struct gathering *this)
{
    int64_t running = 0;
    int rc = store_query_int(this->store, &running,
                             "SELECT EXISTS (SELECT 1 FROM asset_state WHERE asset_id = ?1 AND ended_at IS NULL AND"
                             " state = 'up' AND last_seen >= ?2)",
                             "ii", this->asset->id, this->options->now_ms - this->options->max_age_ms);

    this->is_running = running != 0;
    return rc;
}

/* SSH's and RDP's of an instance whose agent was online when that was last read. */
static int load_managed(struct gathering *this)
{
    int64_t managed = 0;
    int rc = store_query_int(
        this->store, &managed,
        "SELECT coalesce((SELECT " STORE_CLOUD_STANDS("r") " AND"
                                                           " json_extract(r.body, '$.PingStatus') = 'Online' FROM "
                                                           "asset_identity i CROSS JOIN cloud_source s CROSS JOIN"
                                                           " cloud_record r ON r.source_id = s.id AND r.list = "
                                                           "'InstanceInformationList' AND r.key = i.value WHERE"
                                                           " i.asset_id = ?1 AND i.kind = 'instance' AND i.valid_to IS "
                                                           "NULL ORDER BY r.valid_from DESC LIMIT 1), 0)",
        "i", this->asset->id);

    if (managed != 0) {
        portset_add(&this->logins, 22);
        portset_add(&this->logins, 3389);
    }
    return rc;
}

/* ---- judging a set of ports ---- */

static void judge_port(const struct gathering *this, uint16_t port, struct verdict *ret_verdict)
{
    const struct store_known *known = this->asset->known;
    const struct exposure exposure = {
        .realm = this->asset->realm,
        .names = (const char *const *)known->names,
        .name_count = known->name_count,
        .addresses = known->addresses,
        .address_count = known->address_count,
        .tags = known->tags,
        .tag_count = known->tag_count,
        .proto = this->is_udp ? "udp" : "tcp",
        .port = port,
        .vantage_class = VANTAGE_WORLD,
        .vantage = "the cloud's rules",
        .now_ms = this->options->now_ms,
        .declared = this->declared,
    };

    judge_exposure(this->options->policy, &exposure, ret_verdict);
}

/* The worst of those that the policy does not allow stands for all. */
static void judge_worse(const struct gathering *this, uint16_t port, struct verdict *worst)
{
    struct verdict verdict;

    judge_port(this, port, &verdict);
    if (verdict.verdict == VERDICT_FINDING && (worst->verdict != VERDICT_FINDING || verdict.penalty > worst->penalty)) {
        *worst = verdict;
    }
}

/* Each port where they are few; else the first and those that the baseline names. */
static void judge_ports(const struct gathering *this, const struct portset *ports, struct verdict *ret_worst)
{
    size_t row_count = 0;
    const struct baseline_row *rows = baseline_rows(policy_baseline(this->options->policy), &row_count);
    int32_t port = portset_next(ports, 0);

    *ret_worst = (struct verdict){.verdict = VERDICT_ALLOWED};
    judge_worse(this, (uint16_t)port, ret_worst);
    if (portset_count(ports) <= PORTS_JUDGED_EACH) {
        while ((port = portset_next(ports, (uint32_t)port + 1)) >= 0) {
            judge_worse(this, (uint16_t)port, ret_worst);
        }
        return;
    }
    for (size_t i = 0; i < row_count; i++) {
        for (size_t j = 0; j < BASELINE_PORTS_MAX && rows[i].ports[j] != 0; j++) {
            if (portset_has(ports, rows[i].ports[j])) {
                judge_worse(this, rows[i].ports[j], ret_worst);
            }
        }
    }
}

/* "Redis on 6379/tcp", "5 ports (22, 80-83/tcp)", "64,000 ports (1-22, 24-…/tcp), Redis on 6379/tcp among them". */
static int subject_of(const struct gathering *this, const struct portset *ports, const struct verdict *worst,
                      char *subject, size_t size)
{
    uint32_t count = portset_count(ports);
    char *list = portset_format(ports);
    const char *cut = "";

    if (list == NULL) {
        return -ENOMEM;
    }
    if (strlen(list) >= PORTS_NAMED_SIZE) {
        char *comma = memrchr(list, ',', PORTS_NAMED_SIZE - 1);
        *(comma == NULL ? list + PORTS_NAMED_SIZE - 1 : comma) = '\0';
        cut = ", ...";
    }
    if (count == 1) {
        snprintf(subject, size, "%s", worst->subject);
    } else if (strcmp(worst->rule_id, "default") == 0) {
        snprintf(subject, size, "%u ports (%s%s/%s)", count, list, cut, this->is_udp ? "udp" : "tcp");
    } else {
        snprintf(subject, size, "%u ports (%s%s), %s among them", count, list, cut, worst->subject);
    }
    free(list);
    return 0;
}

/* ---- claims ---- */

static void declared_of_row(const struct store_cloud_verdict *row, struct cloud_declared *declared)
{
    *declared = (struct cloud_declared){.verdict = reach_verdict_parse(row->verdict), .share = row->share};
    if (row->way[0] != '\0') {
        snprintf(declared->way, sizeof(declared->way), "by %.120s", row->way);
    }
    snprintf(declared->record, sizeof(declared->record), "%.120s", row->record);
    snprintf(declared->words, sizeof(declared->words), "%s", row->reason);
}

static int claim_ports(struct gathering *this, const struct store_cloud_verdict *row, enum declared_says says,
                       const struct portset *ports)
{
    char subject[3 * PORTS_NAMED_SIZE];
    const struct store_known *known = this->asset->known;
    struct declared_ports told = {
        .subject = subject,
        .is_plural = portset_count(ports) > 1,
        .is_running = this->is_running,
        .address = known->address_count > 0 ? &known->addresses[0] : NULL,
    };
    int32_t first = portset_next(ports, 0);
    struct cloud_declared declared;
    struct claim *claim;
    int rc;

    if (first < 0) {
        return 0;
    }
    declared_of_row(row, &declared);
    judge_ports(this, ports, &declared.world);
    if (declared.world.verdict != VERDICT_FINDING) {
        judge_port(this, (uint16_t)first, &declared.world);
        declared.world.verdict = VERDICT_ALLOWED;
    }
    rc = subject_of(this, ports, &declared.world, subject, sizeof(subject));
    claim = rc == 0 ? claims_add(this->claims) : NULL;
    if (claim == NULL) {
        return -ENOMEM;
    }
    claim->is_udp = this->is_udp;
    claim->port = (uint16_t)first;
    cloud_declared_claim(says, &declared, &told, &claim->verdict);
    /* Who allows the port does not allow what is sent there to be read. */
    claim->verdict.verdict = says == DECLARED_PLAIN ? VERDICT_FINDING : declared.world.verdict;
    return 0;
}

/* Each of `which` that the row lets in, open or not. */
static int claim_each(struct gathering *this, const struct store_cloud_verdict *row, enum declared_says says,
                      const struct portset *ports, const struct portset *which)
{
    struct portset *part = &this->seen.part;
    int rc = 0;

    for (int32_t port = portset_next(which, 0); rc == 0 && port >= 0; port = portset_next(which, (uint32_t)port + 1)) {
        portset_clear(part);
        if (portset_has(ports, (uint16_t)port)) {
            portset_add(part, (uint16_t)port);
            rc = claim_ports(this, row, says, part);
        }
    }
    return rc;
}

/* Those that neither anybody saw open nor a row before took. */
static int claim_reachable(struct gathering *this, const struct store_cloud_verdict *row, struct portset *ports)
{
    struct seen *seen = &this->seen;
    struct portset *part = &seen->part;
    int rc = claim_each(this, row, DECLARED_MANAGED, ports, &this->logins);

    rc = rc == 0 ? claim_each(this, row, DECLARED_PLAIN, ports, &this->plain) : rc;

    portset_subtract(ports, &seen->open);
    *part = *ports;
    portset_intersect(part, &seen->closed);
    rc = rc == 0 ? claim_ports(this, row, DECLARED_EMPTY_ROOM, part) : rc;
    portset_subtract(ports, part);
    *part = *ports;
    portset_intersect(part, &seen->world_silent);
    if (reach_verdict_parse(row->verdict) != REACH_REACHABLE) {
        /* Not all of the world is let in: of whom it is not known whether they are, silence says nothing. */
        portset_clear(part);
    }
    rc = rc == 0 ? claim_ports(this, row, DECLARED_SILENT, part) : rc;
    portset_subtract(ports, part);
    return rc == 0 ? claim_ports(this, row, DECLARED_UNLOOKED, ports) : rc;
}

static int claim_trapped(struct gathering *this, const struct store_cloud_verdict *row, struct portset *ports)
{
    portset_subtract(ports, &this->seen.closed);
    portset_intersect(ports, &this->seen.looked);
    return claim_ports(this, row, DECLARED_TRAP, ports);
}

static int claim_row(struct gathering *this, const struct store_cloud_verdict *row, struct portset *ports)
{
    uint16_t first = (uint16_t)row->first_port;
    uint16_t last = (uint16_t)row->last_port;

    portset_clear(ports);
    portset_add_range(ports, first, last);
    portset_subtract(ports, &this->taken);
    portset_add_range(&this->taken, first, last);
    switch (reach_verdict_parse(row->verdict)) {
    case REACH_REACHABLE:
        this->declared = "reachable";
        return claim_reachable(this, row, ports);
    case REACH_CONDITIONAL:
        this->declared = "conditional";
        return claim_reachable(this, row, ports);
    case REACH_BLOCKED_RETURN:
        this->declared = "blocked-return";
        return claim_trapped(this, row, ports);
    case REACH_UNKNOWN:
        return claims_doubt(this->claims, &(struct claim_doubt){this->is_udp, first, last, NULL});
    case REACH_BLOCKED:
        break;
    }
    return 0;
}

static bool is_of(const struct store_cloud_verdict *row, int64_t protocol)
{
    return row->protocol == protocol && strcmp(row->sources, "world") == 0;
}

static int claim_protocol(struct gathering *this)
{
    /* What lets in more comes first, and what is not known before what is known to keep out. */
    static const enum reach_verdict order[] = {REACH_REACHABLE, REACH_CONDITIONAL, REACH_UNKNOWN, REACH_BLOCKED_RETURN};
    int64_t protocol = this->is_udp ? IANA_UDP : IANA_TCP;
    struct portset *ports = malloc(sizeof(*ports));
    int rc = ports == NULL ? -ENOMEM : load_looks(this);

    rc = rc == 0 ? load_open(this) : rc;
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        for (size_t j = 0; rc == 0 && j < this->verdicts.count; j++) {
            const struct store_cloud_verdict *row = &this->verdicts.items[j];
            bool concerns = is_of(row, protocol) && reach_verdict_parse(row->verdict) == order[i];
            rc = concerns ? claim_row(this, row, ports) : 0;
        }
    }
    free(ports);
    return rc;
}

/* Most interfaces are closed to the internet: there is nothing to look up for them. */
static bool says_anything(const struct store_cloud_verdicts *verdicts, int64_t protocol)
{
    for (size_t i = 0; i < verdicts->count; i++) {
        if (is_of(&verdicts->items[i], protocol) && reach_verdict_parse(verdicts->items[i].verdict) != REACH_BLOCKED) {
            return true;
        }
    }
    return false;
}

int claim_declared(struct store *store, const struct claim_options *options, const struct claim_asset *asset,
                   struct claims *claims)
{
    const struct store_cloud_verdict_ask ask = {.asset_id = asset->id, .port = -1};
    struct gathering *this = calloc(1, sizeof(*this));
    int rc = this == NULL ? -ENOMEM : 0;

    if (rc < 0) {
        return rc;
    }
    *this = (struct gathering){.store = store, .options = options, .asset = asset, .claims = claims};
    rc = store_cloud_verdicts_load(store, &ask, &this->verdicts);
    rc = rc == 0 ? load_running(this) : rc;
    if (rc == 0 && says_anything(&this->verdicts, IANA_TCP)) {
        rc = load_managed(this);
        rc = rc == 0 ? claim_listener_ports(store, asset->id, &this->plain) : rc;
    }
    for (int udp = 0; rc == 0 && udp < 2; udp++) {
        this->is_udp = udp != 0;
        if (says_anything(&this->verdicts, udp != 0 ? IANA_UDP : IANA_TCP)) {
            memset(&this->seen, 0, sizeof(this->seen));
            portset_clear(&this->taken);
            rc = claim_protocol(this);
            portset_clear(&this->logins);
            portset_clear(&this->plain);
        }
    }
    store_cloud_verdicts_done(&this->verdicts);
    free(this);
    return rc;
}
