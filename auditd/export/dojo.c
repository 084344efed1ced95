/* DefectDojo's "Generic Findings Import" in JSON: https://docs.defectdojo.com, supported reports. */
#include "auditd/export/export.h"
#include "auditd/export/place.h"
#include "auditd/export/text.h"
#include "lib/clock.h"
#include "lib/standard.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct dojo {
    struct export_run *run;
    bool began;
};

static json_t *dojo_severity(const char *severity)
{
    char word[16] = "";

    snprintf(word, sizeof(word), "%s", severity);
    word[0] = (char)toupper((unsigned char)word[0]);
    return json_string(word);
}

static json_t *dojo_references(const struct store_finding *finding)
{
    const struct standard_control *control;
    const char *list = finding->controls;
    json_t *text = json_string("");

    while (text != NULL && (control = standard_control_next(&list)) != NULL) {
        json_t *longer =
            json_sprintf("%s%s %s %s\n", json_string_value(text), control->standard, control->edition, control->number);
        json_decref(text);
        text = longer;
    }
    return text;
}

/* What of DefectDojo's flags follows from the finding's columns. */
static int dojo_flags(json_t *item, const struct store_finding *finding)
{
    bool fixed = strcmp(finding->presence, "FIXED") == 0 || strcmp(finding->presence, "ALLOWED") == 0 ||
                 strcmp(finding->presence, "FOLDED") == 0 || strcmp(finding->sight, "RETIRED") == 0;
    bool waived = strcmp(finding->disposition, "WAIVED") == 0;
    char moment[WALL_TEXT_SIZE];
    int rc = json_object_set_new(item, "active", json_boolean(!fixed && !waived));

    rc = rc == 0 ? json_object_set_new(item, "verified", json_boolean(strcmp(finding->presence, "NEW") != 0)) : rc;
    rc = rc == 0 ? json_object_set_new(item, "risk_accepted", json_boolean(waived)) : rc;
    rc = rc == 0 ? json_object_set_new(item, "is_mitigated", json_boolean(fixed)) : rc;
    if (rc == 0 && fixed) {
        int64_t at = finding->fixed_at != 0 ? finding->fixed_at : finding->changed_at;
        rc = json_object_set_new(item, "mitigated", json_string(wall_format(at, moment)));
    }
    return rc;
}

static json_t *dojo_item(const struct store_finding *finding)
{
    char date[WALL_TEXT_SIZE];
    char place[PLACE_SIZE];
    json_t *endpoint;
    json_t *item;

    wall_format(finding->first_seen, date);
    date[strlen("2026-11-22")] = '\0';
    /* No listener has port 0: the finding stands for several. */
    endpoint = finding->port == 0
                   ? json_pack("{s:o, s:s}", "host", text_json(place_host(finding)), "protocol", finding->proto)
                   : json_pack("{s:o, s:I, s:s}", "host", text_json(place_host(finding)), "port",
                               (json_int_t)finding->port, "protocol", finding->proto);
    place_text(finding, place);
    item =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:b, s:b, s:o, s:o, s:[o], s:[s, o]}", "title",
                  text_json(finding->title), "severity", dojo_severity(finding->severity), "description",
                  text_json(finding->why[0] != '\0' ? finding->why : finding->title), "mitigation",
                  text_json(finding->fix), "references", dojo_references(finding), "date", date, "unique_id_from_tool",
                  finding->fingerprint, "vuln_id_from_tool", text_json(finding->rule_id), "static_finding", 0,
                  "dynamic_finding", 1, "service", text_json(finding->service), "severity_justification",
                  json_sprintf("%s: penalty %.2f = service %g x breadth %g (%s) x evidence %g x need %g", place,
                               finding->penalty, finding->service_weight, finding->breadth, finding->breadth_class,
                               finding->evidence, finding->need),
                  "endpoints", endpoint, "tags", "leastport", json_sprintf("realm:%s", finding->realm));
    if (item != NULL && dojo_flags(item, finding) != 0) {
        json_decref(item);
        return NULL;
    }
    return item;
}

static int dojo_finding(void *context, const struct store_finding *finding)
{
    struct dojo *dojo = context;

    fputs(dojo->began ? ",\n" : "\n", dojo->run->out);
    dojo->began = true;
    return text_print_json(dojo->run->out, dojo_item(finding));
}

static int dojo_write(struct export_run *run)
{
    struct dojo dojo = {.run = run};
    int rc;

    fputs("{\"name\":\"Leastport\",\"type\":\"Leastport\",\"version\":\"" LEASTPORT_VERSION "\",\"findings\":[",
          run->out);
    rc = store_read_findings(run->reader, &run->options->findings, dojo_finding, &dojo);
    fputs("\n]}\n", run->out);
    return rc;
}

const struct export_driver export_dojo = {
    .name = "defectdojo",
    .write = dojo_write,
};
