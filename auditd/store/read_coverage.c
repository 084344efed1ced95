/* How much of each realm each vantage has looked at lately, from the read-only store. */
#include "auditd/store/query.h"
#include "auditd/store/reader.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COVERAGE_NAME_SIZE = 257, COVERAGE_PORTS_SIZE = 4096 };

/* Runs of rows in the order of realm, vantage, asset and protocol: one run is of one asset and protocol, and a run of
 * those is of one place. */
struct coverage_walk {
    store_coverage_fn *fn;
    void *context;
    struct store_reader *reader;
    int64_t since;
    struct store_place_coverage place;
    char realm[COVERAGE_NAME_SIZE];
    char vantage[COVERAGE_NAME_SIZE];
    int64_t asset_id; /* 0: no run is open */
    bool is_udp;
    bool is_judged; /* a port of the asset was judged lately, by whatever protocol */
    struct portset planned;
    struct portset judged;
    struct portset row;
    char row_ports[COVERAGE_PORTS_SIZE]; /* what `row` was read from: most rows say the same */
};

static void coverage_close_run(struct coverage_walk *walk)
{
    walk->place.ports_planned += portset_count(&walk->planned);
    walk->place.ports_judged += portset_count(&walk->judged);
    walk->is_judged = walk->is_judged || portset_count(&walk->judged) > 0;
    portset_clear(&walk->planned);
    portset_clear(&walk->judged);
}

static void coverage_close_asset(struct coverage_walk *walk)
{
    if (walk->asset_id != 0) {
        coverage_close_run(walk);
        walk->place.hosts_planned++;
        walk->place.hosts_judged += walk->is_judged;
        walk->is_judged = false;
        walk->asset_id = 0;
    }
}

static int coverage_close_place(struct coverage_walk *walk)
{
    int rc = 0;

    coverage_close_asset(walk);
    if (walk->realm[0] != '\0') {
        rc = walk->fn(walk->context, &walk->place);
        walk->realm[0] = '\0';
    }
    return rc;
}

static void coverage_open_place(struct coverage_walk *walk, const char *realm, const char *vantage, int64_t hosts)
{
    snprintf(walk->realm, sizeof(walk->realm), "%s", realm);
    snprintf(walk->vantage, sizeof(walk->vantage), "%s", vantage);
    walk->place = (struct store_place_coverage){.realm = walk->realm, .vantage = walk->vantage, .hosts_known = hosts};
}

static int coverage_take(struct coverage_walk *walk, const char *ports, int64_t judged_at)
{
    size_t offset;

    if (strcmp(walk->row_ports, ports) != 0) {
        if (portset_parse(ports, &walk->row, &offset) < 0) {
            return store_reader_refuse(walk->reader, -EUCLEAN, "what was looked at is no list of ports");
        }
        walk->row_ports[0] = '\0';
        if (strlen(ports) < sizeof(walk->row_ports)) {
            memcpy(walk->row_ports, ports, strlen(ports) + 1);
        }
    }
    portset_union(&walk->planned, &walk->row);
    if (judged_at >= walk->since) {
        portset_union(&walk->judged, &walk->row);
    }
    if (judged_at > walk->place.last_judged) {
        walk->place.last_judged = judged_at;
    }
    return 0;
}

static int coverage_row(struct store_row *row, void *context)
{
    struct coverage_walk *walk = context;
    const char *realm = store_row_text(row);
    const char *vantage = store_row_text(row);
    int64_t hosts = store_row_number(row);
    int64_t asset_id = store_row_number(row);
    bool is_udp = store_row_number(row) != 0;
    const char *ports = store_row_text(row);
    int64_t judged_at = store_row_number(row);
    int rc = 0;

    if (strcmp(walk->realm, realm) != 0 || strcmp(walk->vantage, vantage) != 0) {
        rc = coverage_close_place(walk);
        coverage_open_place(walk, realm, vantage, hosts);
    }
    if (rc != 0 || asset_id == 0) {
        return rc;
    }
    if (walk->asset_id != asset_id) {
        coverage_close_asset(walk);
    } else if (walk->is_udp != is_udp) {
        coverage_close_run(walk);
    }
    walk->asset_id = asset_id;
    walk->is_udp = is_udp;
    return coverage_take(walk, ports, judged_at);
}

int store_read_coverage(struct store_reader *reader, const struct store_coverage_filter *filter, store_coverage_fn *fn,
                        void *context)
{
    struct coverage_walk *walk = calloc(1, sizeof(*walk));
    struct store_query query;
    int rc;

    if (walk == NULL) {
        return -ENOMEM;
    }
    *walk = (struct coverage_walk){.fn = fn, .context = context, .reader = reader, .since = filter->since};
    /* MATERIALIZED: hosts are counted once for each realm, not for each row. */
    store_query_init(
        &query,
        "WITH known AS MATERIALIZED (SELECT r.id, r.name, count(k.id) AS hosts FROM realm r LEFT"
        " JOIN asset k ON k.realm_id = r.id AND k.kind = 'host' AND k.ended_at IS NULL GROUP BY r.id) SELECT r.name,"
        " coalesce(v.name, ''), r.hosts, coalesce(c.asset_id, 0), coalesce(c.proto = 'udp', 0),"
        " coalesce(c.ports, ''), coalesce(c.judged_at, 0) FROM known r LEFT JOIN (coverage c JOIN"
        " asset a ON a.id = c.asset_id AND a.ended_at IS NULL JOIN vantage v ON v.id ="
        " c.vantage_id) ON a.realm_id = r.id WHERE 1");
    store_query_among(&query, "r.name", &filter->realms);
    store_query_among(&query, "v.name", &filter->vantages);
    store_query_add(&query, " ORDER BY 1, 2, 4, 5");
    rc = store_query_run(&query, reader, coverage_row, walk);
    store_query_done(&query);
    rc = rc == 0 ? coverage_close_place(walk) : rc;
    free(walk);
    return rc;
}
