#include "auditd/config/keeping.h"

#include "auditd/config/config.h"
#include "auditd/config/shape.h"

#include <string.h>

static const int64_t KEEPING_DAY_MS = 86400000;

static const char KEEPING_FOREVER[] = "forever";

static bool keeping_check_age(const json_t *value, char *reason, size_t size)
{
    const char *text = json_string_value(value);
    int64_t ms;

    (void)reason;
    (void)size;
    return strcmp(text, KEEPING_FOREVER) == 0 || duration_parse(text, &ms) == 0;
}

static const struct validate_schema AGE = {
    .types = VALIDATE_STRING, .expected = "a duration like 90d or 52w, or forever", .check = keeping_check_age};
static const struct validate_field KEEPING_FIELDS[] = {
    {"intervals", &AGE, false},    {"events", &AGE, false},           {"scores", &AGE, false},
    {"certificates", &AGE, false}, {"alerts", &AGE, false},           {"plans", &AGE, false},
    {"audit_log", &AGE, false},    {"every", &shape_duration, false}, {NULL, NULL, false}};
const struct validate_schema keeping_schema = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {intervals: 400d, alerts: 90d}", .fields = KEEPING_FIELDS};

struct config_keeping keeping_default(void)
{
    return (struct config_keeping){.kept_ms = {[RETENTION_INTERVALS] = 400 * KEEPING_DAY_MS,
                                               [RETENTION_EVENTS] = 400 * KEEPING_DAY_MS,
                                               [RETENTION_SCORES] = 1100 * KEEPING_DAY_MS,
                                               [RETENTION_CERTIFICATES] = 400 * KEEPING_DAY_MS,
                                               [RETENTION_ALERTS] = 90 * KEEPING_DAY_MS,
                                               [RETENTION_PLANS] = 90 * KEEPING_DAY_MS,
                                               [RETENTION_LOG] = 400 * KEEPING_DAY_MS},
                                   .every_ms = KEEPING_DAY_MS};
}

int keeping_read(const struct yaml_node *node, struct config_keeping *keeping)
{
    int rc = 0;

    if (node == NULL) {
        return 0;
    }
    for (int i = 0; i < RETENTION_KINDS && rc == 0; i++) {
        const char *name = retention_name((enum retention_kind)i);
        const struct yaml_node *age = yaml_node_get(node, name);
        if (age != NULL && strcmp(json_string_value(age->value), KEEPING_FOREVER) == 0) {
            keeping->kept_ms[i] = 0;
        } else {
            rc = config_read_duration(node, name, &keeping->kept_ms[i]);
        }
    }
    return rc == 0 ? config_read_duration(node, "every", &keeping->every_ms) : rc;
}

void keeping_before(const struct config *config, int64_t now_ms, int64_t ret_before_ms[RETENTION_KINDS])
{
    for (int i = 0; i < RETENTION_KINDS; i++) {
        int64_t kept_ms = config->keeping.kept_ms[i];
        for (size_t rule = 0; i == RETENTION_ALERTS && kept_ms != 0 && rule < config->alerts.rule_count; rule++) {
            int64_t dedup_ms = config->alerts.rules[rule].dedup_ms;
            kept_ms = dedup_ms > kept_ms ? dedup_ms : kept_ms;
        }
        ret_before_ms[i] = kept_ms == 0 || kept_ms > now_ms ? 0 : now_ms - kept_ms;
    }
}
