/* OCSF 1.8, class 2003 (Compliance Finding), an event a line. */
#include "auditd/export/export.h"
#include "auditd/export/place.h"
#include "auditd/export/text.h"
#include "lib/standard.h"

#include <errno.h>
#include <string.h>

enum { OCSF_CREATE = 1, OCSF_UPDATE = 2, OCSF_CLOSE = 3 };
enum { OCSF_PASS = 1, OCSF_WARNING = 2, OCSF_FAIL = 3 };

/* What the finding's columns are in OCSF's words. */
struct ocsf_state {
    int activity_id;
    int status_id;
    const char *status;
    int compliance_id;
    const char *compliance;
};

static struct ocsf_state ocsf_state(const struct store_finding *finding)
{
    struct ocsf_state state = {
        .activity_id = OCSF_UPDATE, .status_id = 1, .status = "New", .compliance_id = OCSF_FAIL, .compliance = "Fail"};

    if (strcmp(finding->presence, "FIXED") == 0 || strcmp(finding->presence, "ALLOWED") == 0 ||
        strcmp(finding->presence, "FOLDED") == 0 || strcmp(finding->sight, "RETIRED") == 0) {
        return (struct ocsf_state){OCSF_CLOSE, 4, "Resolved", OCSF_PASS, "Pass"};
    }
    if (strcmp(finding->sight, "STALE") == 0) {
        state.compliance_id = OCSF_WARNING;
        state.compliance = "Warning";
    }
    if (strcmp(finding->presence, "NEW") == 0) {
        state.activity_id = OCSF_CREATE;
    }
    if (strcmp(finding->disposition, "WAIVED") == 0) {
        state.status_id = 3;
        state.status = "Suppressed";
    } else if (strcmp(finding->disposition, "ACKNOWLEDGED") == 0) {
        state.status_id = 2;
        state.status = "In Progress";
    }
    return state;
}

static int ocsf_severity(const char *severity, const char **ret_caption)
{
    static const struct {
        const char *name, *caption;
    } rows[] = {
        {"info", "Informational"}, {"low", "Low"}, {"medium", "Medium"}, {"high", "High"}, {"critical", "Critical"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(rows[i].name, severity) == 0) {
            *ret_caption = rows[i].caption;
            return (int)i + 1;
        }
    }
    *ret_caption = "Unknown";
    return 0;
}

/* Standards and, each with its standard's name, requirements. Without either the policy is the standard. */
static json_t *ocsf_compliance(const struct store_finding *finding, const struct ocsf_state *state)
{
    const struct standard_control *control;
    const char *list = finding->controls;
    const char *last = "";
    json_t *standards = json_array();
    json_t *requirements = json_array();

    while ((control = standard_control_next(&list)) != NULL) {
        if (strcmp(control->standard, last) != 0) {
            json_array_append_new(standards, json_sprintf("%s %s", control->standard, control->edition));
            last = control->standard;
        }
        json_array_append_new(requirements,
                              json_sprintf("%s %s %s", control->standard, control->edition, control->number));
    }
    if (json_array_size(standards) == 0) {
        json_array_append_new(standards, json_string("Leastport policy"));
    }
    return json_pack("{s:o, s:o, s:o, s:i, s:s}", "control", text_json(finding->rule_id), "standards", standards,
                     "requirements", requirements, "status_id", state->compliance_id, "status", state->compliance);
}

static json_t *ocsf_resource(const struct store_finding *finding)
{
    json_t *owner = finding->owner[0] == '\0' ? NULL : json_pack("{s:o}", "name", text_json(finding->owner));

    return json_pack("{s:s, s:o, s:s, s:o, s:{s:o, s:o, s:s, s:I, s:o}, s:o*}", "uid", finding->host, "name",
                     text_json(finding->name[0] != '\0' ? finding->name : finding->address), "type", "host",
                     "namespace", text_json(finding->realm), "data", "address", text_json(finding->address), "name",
                     text_json(finding->name), "proto", finding->proto, "port", (json_int_t)finding->port, "service",
                     text_json(finding->service), "owner", owner);
}

static json_t *ocsf_info(const struct store_finding *finding)
{
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:[s], s:{s:o, s:s, s:i}}", "uid", finding->fingerprint,
                     "title", text_json(finding->title), "desc", text_json(finding->why), "created_time",
                     (json_int_t)finding->first_seen, "first_seen_time", (json_int_t)finding->first_seen,
                     "last_seen_time", (json_int_t)finding->last_seen, "modified_time", (json_int_t)finding->changed_at,
                     "types", finding->kind, "analytic", "uid", text_json(finding->rule_id), "type", "Rule", "type_id",
                     1);
}

static json_t *ocsf_event(const struct store_finding *finding)
{
    static const char *const activities[] = {"", "Create", "Update", "Close"};
    struct ocsf_state state = ocsf_state(finding);
    const char *severity;
    int severity_id = ocsf_severity(finding->severity, &severity);
    json_t *remediation = finding->fix[0] == '\0' ? NULL : json_pack("{s:o}", "desc", text_json(finding->fix));
    /* Of a host that is known by its name alone, or a network, there is none. */
    json_t *observables = finding->address[0] == '\0'
                              ? NULL
                              : json_pack("[{s:s, s:i, s:s, s:o}]", "name", "resources[].data.address", "type_id", 2,
                                          "type", "IP Address", "value", text_json(finding->address));
    char place[PLACE_SIZE];

    return json_pack(
        "{s:i, s:s, s:i, s:s, s:i, s:s, s:i, s:I, s:i, s:s, s:i, s:s, s:o, s:{s:s, s:{s:s, s:s, s:s}}, s:o, s:o, "
        "s:[o], s:o*, s:o*}",
        "activity_id", state.activity_id, "activity_name", activities[state.activity_id], "category_uid", 2,
        "category_name", "Findings", "class_uid", 2003, "class_name", "Compliance Finding", "type_uid",
        200300 + state.activity_id, "time", (json_int_t)finding->changed_at, "severity_id", severity_id, "severity",
        severity, "status_id", state.status_id, "status", state.status, "message",
        json_sprintf("%s %s", finding->rule_id, place_text(finding, place)), "metadata", "version", "1.8.0", "product",
        "name", "Leastport", "vendor_name", "Leastport", "version", LEASTPORT_VERSION, "finding_info",
        ocsf_info(finding), "compliance", ocsf_compliance(finding, &state), "resources", ocsf_resource(finding),
        "observables", observables, "remediation", remediation);
}

static int ocsf_finding(void *context, const struct store_finding *finding)
{
    struct export_run *run = context;
    int rc = text_print_json(run->out, ocsf_event(finding));

    return rc != 0 ? rc : putc('\n', run->out) == EOF ? -EIO : 0;
}

static int ocsf_write(struct export_run *run)
{
    return store_read_findings(run->reader, &run->options->findings, ocsf_finding, run);
}

const struct export_driver export_ocsf = {
    .name = "ocsf",
    .write = ocsf_write,
};
