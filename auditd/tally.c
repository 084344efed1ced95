#include "auditd/tally.h"

#include "auditd/scan_plan.h"
#include "auditd/store/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct tally_walk {
    struct tally tally;
    struct scan_plan *plan;
    char realm[256];
    int rc;
};

static int tally_on_scan(void *context, const struct store_scan *scan)
{
    struct tally_walk *walk = context;
    char reason[256];
    json_t *plan = json_loads(scan->plan, 0, NULL);

    snprintf(walk->realm, sizeof(walk->realm), "%s", scan->realm);
    walk->rc = plan == NULL ? -EBADMSG : scan_plan_create(plan, &walk->plan, reason);
    json_decref(plan);
    return 0;
}

static int tally_on_finding(void *context, const struct store_finding *finding)
{
    struct tally_walk *walk = context;
    struct addr addr;
    enum severity severity;

    /* What a rule allows, as far as is known, fails no build. */
    if (verdict_kind_of(finding->need_kind) != VERDICT_FINDING) {
        return 0;
    }
    if (addr_parse(finding->address, &addr) == 0 && severity_parse(finding->severity, &severity) == 0 &&
        scan_plan_has_host(walk->plan, &addr)) {
        walk->tally.by_severity[severity]++;
    }
    return 0;
}

static int tally_read(struct store_reader *reader, const char *scan_uuid, struct tally_walk *walk)
{
    const char *realms[] = {walk->realm};
    struct store_scan_filter scans = {.uuids = {&scan_uuid, 1}};
    struct store_finding_filter findings = {.realms = {realms, 1}};
    int rc;

    walk->rc = -ENOENT;
    rc = store_read_scans(reader, &scans, tally_on_scan, walk);
    if (rc < 0 || walk->rc < 0) {
        return rc < 0 ? rc : walk->rc;
    }
    return store_read_findings(reader, &findings, tally_on_finding, walk);
}

int tally_scan(const char *db_path, const char *scan_uuid, struct tally *ret_tally, char *ret_error, size_t error_size)
{
    char error[STORE_READ_ERROR_SIZE];
    struct tally_walk walk = {0};
    struct store_reader *reader;
    int rc = store_reader_open(db_path, error, &reader);

    if (rc < 0) {
        snprintf(ret_error, error_size, "%s", error);
        return rc;
    }
    rc = tally_read(reader, scan_uuid, &walk);
    if (rc < 0) {
        snprintf(ret_error, error_size, "the findings of scan %s cannot be read: %s", scan_uuid,
                 rc == -ENOENT ? "there is no such scan" : store_reader_error(reader));
    } else {
        *ret_tally = walk.tally;
    }
    scan_plan_destroy(walk.plan);
    store_reader_close(reader);
    return rc;
}

uint64_t tally_at_least(const struct tally *tally, enum severity severity)
{
    uint64_t count = 0;

    for (int each = (int)severity; each <= SEVERITY_CRITICAL; each++) {
        count += tally->by_severity[each];
    }
    return count;
}

json_t *tally_json(const struct tally *tally)
{
    json_t *json = json_object();

    for (int each = SEVERITY_LOW; json != NULL && each <= SEVERITY_CRITICAL; each++) {
        json_t *count = json_integer((json_int_t)tally->by_severity[each]);
        if (json_object_set_new(json, severity_name((enum severity)each), count) != 0) {
            json_decref(json);
            json = NULL;
        }
    }
    return json;
}

struct tally tally_from_json(const json_t *json)
{
    struct tally tally = {0};

    for (int each = SEVERITY_LOW; each <= SEVERITY_CRITICAL; each++) {
        json_int_t count = json_integer_value(json_object_get(json, severity_name((enum severity)each)));
        tally.by_severity[each] = count > 0 ? (uint64_t)count : 0;
    }
    return tally;
}
