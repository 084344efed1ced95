/* SARIF 2.1.0, a run for each realm. Results stream; the rules that they name are kept and written behind them. */
#include "auditd/export/export.h"
#include "auditd/export/place.h"
#include "auditd/export/sarif_rules.h"
#include "auditd/export/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char sarif_schema[] = "https://json.schemastore.org/sarif-2.1.0.json";

struct sarif {
    struct export_run *run;
    struct sarif_rules *rules;
    bool began;
};

static const char *sarif_level(const char *severity)
{
    return strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0 ? "error"
           : strcmp(severity, "medium") == 0                                  ? "warning"
                                                                              : "note";
}

/* A location, with the rule's line where a policy file has one. */
static json_t *sarif_location(struct sarif *sarif, const struct store_finding *finding)
{
    char place[PLACE_SIZE];
    char *uri = NULL;
    unsigned line = 0;
    json_t *location;

    place_text(finding, place);
    location = json_pack("{s:[{s:o, s:o, s:s}]}", "logicalLocations", "name", text_json(place), "fullyQualifiedName",
                         json_sprintf("%s/%s", finding->realm, place), "kind", "resource");
    if (location == NULL || sarif_rules_place(sarif->rules, finding, &uri, &line) != 0) {
        json_decref(location);
        return NULL;
    }
    if (uri != NULL && json_object_set_new(location, "physicalLocation",
                                           json_pack("{s:{s:s}, s:{s:i}}", "artifactLocation", "uri", uri, "region",
                                                     "startLine", (int)line)) != 0) {
        json_decref(location);
        location = NULL;
    }
    free(uri);
    return location;
}

static json_t *sarif_result(struct sarif *sarif, const struct store_finding *finding, size_t rule)
{
    json_t *location = sarif_location(sarif, finding);
    json_t *result;

    if (location == NULL) {
        return NULL;
    }
    result =
        json_pack("{s:o, s:I, s:s, s:{s:o}, s:{s:s}, s:[o], s:{s:s, s:s, s:s, s:s, s:f, s:s, s:o, s:o, s:o}}", "ruleId",
                  text_json(finding->rule_id), "ruleIndex", (json_int_t)rule, "level", sarif_level(finding->severity),
                  "message", "text", text_json(finding->title), "partialFingerprints", "leastport/v1",
                  finding->fingerprint, "locations", location, "properties", "severity", finding->severity, "presence",
                  finding->presence, "disposition", finding->disposition, "sight", finding->sight, "penalty",
                  finding->penalty, "breadth", finding->breadth_class, "service", text_json(finding->service), "host",
                  text_json(place_host(finding)), "owner", text_json(finding->owner));
    if (result != NULL && strcmp(finding->disposition, "WAIVED") == 0 &&
        json_object_set_new(result, "suppressions",
                            json_pack("[{s:s, s:s}]", "kind", "external", "status", "accepted")) != 0) {
        json_decref(result);
        return NULL;
    }
    return result;
}

static int sarif_finding(void *context, const struct store_finding *finding)
{
    struct sarif *sarif = context;
    size_t rule;
    int rc = sarif_rules_add(sarif->rules, finding, &rule);

    if (rc != 0) {
        return rc;
    }
    fputs(sarif->began ? ",\n" : "\n", sarif->run->out);
    sarif->began = true;
    return text_print_json(sarif->run->out, sarif_result(sarif, finding, rule));
}

static int sarif_run(struct export_run *run, const char *realm, bool is_first)
{
    struct sarif sarif = {.run = run, .rules = sarif_rules_create(run->reader)};
    struct store_finding_filter filter = run->options->findings;
    int rc;

    if (sarif.rules == NULL) {
        return -ENOMEM;
    }
    filter.realms = (struct store_texts){&realm, 1};
    fprintf(run->out, "%s\n{\"automationDetails\":", is_first ? "" : ",");
    rc = text_print_json(run->out, json_pack("{s:o}", "id", json_sprintf("leastport/%s/", realm)));
    fputs(",\"columnKind\":\"unicodeCodePoints\",\"results\":[", run->out);
    rc = rc == 0 ? store_read_findings(run->reader, &filter, sarif_finding, &sarif) : rc;
    fputs("\n],\"tool\":{\"driver\":{\"name\":\"Leastport\",\"version\":\"" LEASTPORT_VERSION
          "\",\"semanticVersion\":\"" LEASTPORT_VERSION "\",\"rules\":[",
          run->out);
    rc = rc == 0 ? sarif_rules_print(sarif.rules, run->out) : rc;
    fputs("\n]}}}", run->out);
    sarif_rules_destroy(sarif.rules);
    return rc;
}

struct sarif_realms {
    char **names;
    size_t count;
};

static int sarif_realm(void *context, const struct store_group *group)
{
    struct sarif_realms *realms = context;
    char **names = reallocarray(realms->names, realms->count + 1, sizeof(*names));

    if (names == NULL) {
        return -ENOMEM;
    }
    realms->names = names;
    names[realms->count] = strdup(group->values[0]);
    return names[realms->count++] == NULL ? -ENOMEM : 0;
}

/* A log without findings still has a run: it says that somebody looked. */
static int sarif_write(struct export_run *run)
{
    static const enum store_finding_group by_realm[] = {STORE_GROUP_REALM};
    struct sarif_realms realms = {0};
    int rc = store_read_finding_groups(run->reader, &run->options->findings, (struct store_group_keys){by_realm, 1},
                                       sarif_realm, &realms);

    fprintf(run->out, "{\"$schema\":\"%s\",\"version\":\"2.1.0\",\"runs\":[", sarif_schema);
    for (size_t i = 0; rc == 0 && i < realms.count; i++) {
        rc = sarif_run(run, realms.names[i], i == 0);
    }
    if (rc == 0 && realms.count == 0) {
        rc = sarif_run(run, "default", true);
    }
    fputs("\n]}\n", run->out);
    for (size_t i = 0; i < realms.count; i++) {
        free(realms.names[i]);
    }
    free(realms.names);
    return rc;
}

const struct export_driver export_sarif = {
    .name = "sarif",
    .write = sarif_write,
};
