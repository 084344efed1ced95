#include "auditd/config/alerts.h"

#include "auditd/config/config.h"
#include "auditd/config/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 30000, DEFAULT_FACILITY = 16, TEXTS_MAX = 1000 };

static const char *const change_names[] = {[ALERT_NEW] = "new",
                                           [ALERT_REOPENED] = "reopened",
                                           [ALERT_FIXED] = "fixed",
                                           [ALERT_SELF] = "self",
                                           [ALERT_TEST] = "test"};
static const char *const kind_names[] = {"webhook", "slack", "email", "syslog", NULL};
static const char *const severity_values[] = {"low", "medium", "high", "critical", NULL};
static const char *const change_values[] = {"new", "reopened", "fixed", "self", NULL};
static const char *const tls_values[] = {"required", "none", NULL};
/* RFC 5424, table 1, in the order of its codes. */
static const char *const facility_values[] = {"kern",   "user",   "mail",   "daemon",   "auth",   "syslog", "lpr",
                                              "news",   "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",
                                              "alert",  "clock",  "local0", "local1",   "local2", "local3", "local4",
                                              "local5", "local6", "local7", NULL};

const char *alert_change_name(enum alert_change change)
{
    return change_names[change];
}

const char *receiver_kind_name(enum receiver_kind kind)
{
    return kind_names[kind];
}

static const struct validate_schema plain_text = {.types = VALIDATE_STRING, .max_length = 512};
static const struct validate_schema plain_texts = {
    .types = VALIDATE_STRING | VALIDATE_ARRAY, .items = &plain_text, .min_items = 1, .max_items = TEXTS_MAX};
static const struct validate_schema kind_schema = {.types = VALIDATE_STRING, .values = kind_names};
static const struct validate_schema url_schema = {.types = VALIDATE_STRING, .max_length = 2048};
static const struct validate_schema tls_schema = {.types = VALIDATE_STRING, .values = tls_values};
static const struct validate_schema facility_schema = {.types = VALIDATE_STRING, .values = facility_values};
static const struct validate_schema flag_schema = {.types = VALIDATE_BOOLEAN};
static const struct validate_schema severity_schema = {.types = VALIDATE_STRING, .values = severity_values};
static const struct validate_schema change_schema = {.types = VALIDATE_STRING, .values = change_values};
static const struct validate_schema changes_schema = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                                      .values = change_values,
                                                      .items = &change_schema,
                                                      .min_items = 1,
                                                      .max_items = 4};

static const struct validate_field receiver_fields[] = {
    {"name", &shape_name, true},           {"kind", &kind_schema, true},        {"url", &url_schema, false},
    {"url_file", &shape_path, false},      {"secret_file", &shape_path, false}, {"ca_file", &shape_path, false},
    {"tls", &tls_schema, false},           {"verify", &flag_schema, false},     {"from", &plain_text, false},
    {"to", &plain_texts, false},           {"user", &plain_text, false},        {"password_file", &shape_path, false},
    {"facility", &facility_schema, false}, {"timeout", &shape_duration, false}, {NULL, NULL, false}};
static const struct validate_schema receiver_schema = {
    .types = VALIDATE_OBJECT,
    .expected = "a mapping like {name: ops, kind: webhook, url: \"https://…\"}",
    .fields = receiver_fields};
static const struct validate_schema receivers_schema = {
    .types = VALIDATE_ARRAY, .items = &receiver_schema, .min_items = 1, .max_items = CONFIG_RECEIVERS_MAX};

static const struct validate_field rule_fields[] = {
    {"name", &shape_name, true},           {"to", &plain_texts, true},         {"on", &changes_schema, false},
    {"severity", &severity_schema, false}, {"owner", &plain_texts, false},     {"group_by", &plain_text, false},
    {"digest", &schedule_cron, false},     {"zone", &schedule_zone, false},    {"quiet", &blackouts_schema, false},
    {"dedup", &shape_duration, false},     {"gather", &shape_duration, false}, {NULL, NULL, false}};
static const struct validate_schema rule_schema = {.types = VALIDATE_OBJECT,
                                                   .expected = "a mapping like {name: urgent, severity: high, to: ops}",
                                                   .fields = rule_fields};
static const struct validate_schema rules_schema = {
    .types = VALIDATE_ARRAY, .items = &rule_schema, .min_items = 1, .max_items = CONFIG_ALERT_RULES_MAX};

static const struct validate_field retry_fields[] = {{"first", &shape_duration, false},
                                                     {"longest", &shape_duration, false},
                                                     {"for", &shape_duration, false},
                                                     {NULL, NULL, false}};
static const struct validate_schema retry_schema = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {first: 5s, longest: 1h, for: 1d}", .fields = retry_fields};
static const struct validate_field alerts_fields[] = {{"receivers", &receivers_schema, true},
                                                      {"rules", &rules_schema, true},
                                                      {"retry", &retry_schema, false},
                                                      {NULL, NULL, false}};
const struct validate_schema alerts_schema = {
    .types = VALIDATE_OBJECT, .expected = "a mapping with \"receivers\" and \"rules\"", .fields = alerts_fields};

/* ---- reading ---- */

static int alerts_refuse(struct problems *problems, const struct yaml_node *node, const char *message)
{
    problems_add(problems, PROBLEM_ERROR, node->mark, "/alerts", "%s", message);
    return -EBADMSG;
}

static const char *alerts_text(const struct yaml_node *node, const char *key)
{
    const struct yaml_node *child = yaml_node_get(node, key);

    return child == NULL ? NULL : json_string_value(child->value);
}

static unsigned alerts_place(const char *word, const char *const *words)
{
    unsigned i = 0;

    while (words[i] != NULL && strcmp(words[i], word) != 0) {
        i++;
    }
    return i;
}

static int alerts_read_path(const struct yaml_node *node, const char *key, const char *folder, char **path)
{
    char *joined;
    int rc = config_read_text(node, key, path);

    if (rc < 0 || *path == NULL || folder == NULL || (*path)[0] == '/') {
        return rc;
    }
    if (asprintf(&joined, "%s/%s", folder, *path) < 0) {
        return -ENOMEM;
    }
    free(*path);
    *path = joined;
    return 0;
}

static bool alerts_has_scheme(const char *url, const char *const *schemes)
{
    for (size_t i = 0; schemes[i] != NULL; i++) {
        size_t length = strlen(schemes[i]);
        if (strncmp(url, schemes[i], length) == 0 && url[length] != '\0') {
            return true;
        }
    }
    return false;
}

static int alerts_check_url(const struct yaml_node *node, const struct config_receiver *receiver,
                            struct problems *problems)
{
    static const struct {
        const char *const schemes[5];
        const char *message;
    } kinds[] = {
        [RECEIVER_WEBHOOK] = {{"https://", "http://"}, "\"url\" of a webhook begins with https:// (or http://)"},
        [RECEIVER_SLACK] = {{"https://", "http://"}, "\"url\" of a Slack webhook begins with https:// (or http://)"},
        [RECEIVER_EMAIL] = {{"smtp://", "smtps://"}, "\"url\" of a mail server begins with smtp:// or smtps://"},
        [RECEIVER_SYSLOG] = {{"udp://", "tcp://", "tls://", "unix:///"},
                             "\"url\" of a syslog receiver begins with udp://, tcp://, tls:// or unix:///"},
    };

    if ((receiver->url == NULL) == (receiver->url_file == NULL)) {
        return alerts_refuse(problems, node, "a receiver has exactly one of \"url\" and \"url_file\"");
    }
    if (receiver->kind == RECEIVER_SYSLOG && receiver->url == NULL) {
        return alerts_refuse(problems, node, "a syslog receiver has a \"url\"");
    }
    if (receiver->url != NULL && !alerts_has_scheme(receiver->url, kinds[receiver->kind].schemes)) {
        return alerts_refuse(problems, yaml_node_get(node, "url"), kinds[receiver->kind].message);
    }
    return 0;
}

static bool alerts_is_line(const char *text)
{
    return text == NULL || strpbrk(text, "\r\n<>") == NULL;
}

/* What a kind has no use for would be a promise that nobody keeps. */
static int alerts_check_receiver(const struct yaml_node *node, const struct config_receiver *receiver,
                                 struct problems *problems)
{
    bool is_email = receiver->kind == RECEIVER_EMAIL;
    bool is_tls = receiver->url != NULL && strncmp(receiver->url, "tls://", strlen("tls://")) == 0;
    const struct {
        const char *key;
        bool fits;
    } members[] = {{"secret_file", receiver->kind == RECEIVER_WEBHOOK},
                   {"facility", receiver->kind == RECEIVER_SYSLOG},
                   {"ca_file", receiver->kind != RECEIVER_SYSLOG || is_tls},
                   {"verify", receiver->kind != RECEIVER_SYSLOG || is_tls},
                   {"tls", is_email},
                   {"from", is_email},
                   {"to", is_email},
                   {"user", is_email},
                   {"password_file", is_email}};
    char message[128];
    bool addresses_fit = alerts_is_line(receiver->from);

    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const struct yaml_node *member = yaml_node_get(node, members[i].key);
        if (member != NULL && !members[i].fits) {
            snprintf(message, sizeof(message), "\"%s\" is nothing that a receiver of kind %s has", members[i].key,
                     kind_names[receiver->kind]);
            return alerts_refuse(problems, member, message);
        }
    }
    for (size_t i = 0; i < receiver->to.count; i++) {
        addresses_fit = addresses_fit && alerts_is_line(receiver->to.items[i]);
    }
    if (is_email && (receiver->from == NULL || receiver->to.count == 0 || !addresses_fit)) {
        return alerts_refuse(problems, node,
                             "an email receiver has \"from\" and \"to\": addresses like ops@example.org");
    }
    if ((receiver->user == NULL) != (receiver->password_file == NULL)) {
        return alerts_refuse(problems, node, "\"user\" and \"password_file\" go together");
    }
    return alerts_check_url(node, receiver, problems);
}

static int alerts_read_paths(const struct yaml_node *node, const char *folder, struct config_receiver *receiver)
{
    int rc = config_read_text(node, "url", &receiver->url);

    rc = rc == 0 ? alerts_read_path(node, "url_file", folder, &receiver->url_file) : rc;
    rc = rc == 0 ? alerts_read_path(node, "secret_file", folder, &receiver->secret_file) : rc;
    rc = rc == 0 ? alerts_read_path(node, "ca_file", folder, &receiver->ca_file) : rc;
    return rc == 0 ? alerts_read_path(node, "password_file", folder, &receiver->password_file) : rc;
}

static int alerts_read_receiver(const struct yaml_node *node, const char *folder, struct problems *problems,
                                struct config_alerts *alerts)
{
    struct config_receiver *receiver = &alerts->receivers[alerts->receiver_count++];
    const struct yaml_node *verify = yaml_node_get(node, "verify");
    const char *tls = alerts_text(node, "tls");
    const char *facility = alerts_text(node, "facility");
    int rc = config_read_text(node, "name", &receiver->name);

    receiver->kind = (enum receiver_kind)alerts_place(alerts_text(node, "kind"), kind_names);
    receiver->tls = tls == NULL || strcmp(tls, "none") != 0;
    receiver->verify = verify == NULL || json_is_true(verify->value);
    receiver->facility = facility == NULL ? DEFAULT_FACILITY : (int)alerts_place(facility, facility_values);
    receiver->timeout_ms = DEFAULT_TIMEOUT_MS;
    rc = rc == 0 ? alerts_read_paths(node, folder, receiver) : rc;
    rc = rc == 0 ? config_read_text(node, "from", &receiver->from) : rc;
    rc = rc == 0 ? config_read_list(node, "to", &receiver->to) : rc;
    rc = rc == 0 ? config_read_text(node, "user", &receiver->user) : rc;
    rc = rc == 0 ? config_read_duration(node, "timeout", &receiver->timeout_ms) : rc;
    if (rc == 0 && alerts_receiver(alerts, receiver->name) != receiver) {
        return alerts_refuse(problems, yaml_node_get(node, "name"), "another receiver has this name");
    }
    return rc == 0 ? alerts_check_receiver(node, receiver, problems) : rc;
}

static unsigned alerts_changes(const struct yaml_node *node)
{
    bool is_array = node != NULL && json_is_array(node->value);
    size_t count = node == NULL ? 0 : is_array ? node->child_count : 1;
    unsigned changes = 0;

    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = is_array ? &node->children[i] : node;
        changes |= 1U << alerts_place(json_string_value(item->value), change_values);
    }
    return count == 0 ? 1U << ALERT_NEW | 1U << ALERT_REOPENED | 1U << ALERT_SELF : changes;
}

static int alerts_check_rule(const struct yaml_node *node, const struct config_alerts *alerts,
                             const struct config_alert_rule *rule, struct problems *problems)
{
    char message[256];

    for (size_t i = 0; i < alerts->rule_count - 1; i++) {
        if (strcmp(alerts->rules[i].name, rule->name) == 0) {
            return alerts_refuse(problems, yaml_node_get(node, "name"), "another rule has this name");
        }
    }
    for (size_t i = 0; i < rule->to.count; i++) {
        if (alerts_receiver(alerts, rule->to.items[i]) == NULL) {
            snprintf(message, sizeof(message), "there is no receiver \"%.128s\"", rule->to.items[i]);
            return alerts_refuse(problems, yaml_node_get(node, "to"), message);
        }
    }
    return 0;
}

static int alerts_read_times(const struct yaml_node *node, struct config_alert_rule *rule, struct problems *problems)
{
    const char *zone = alerts_text(node, "zone");
    const char *digest = alerts_text(node, "digest");
    struct cron_fault fault;
    int rc = zone_create(zone == NULL ? "UTC" : zone, &rule->zone);

    rule->dedup_ms = INT64_C(3600) * 1000;
    rule->is_digest = digest != NULL;
    if (rc == 0 && digest != NULL) {
        rc = cron_parse(digest, &rule->digest, &fault);
    }
    if (rc == 0) {
        rc = blackouts_read(yaml_node_get(node, "quiet"), rule->zone, problems, &rule->quiet, &rule->quiet_count);
    }
    rc = rc == 0 ? config_read_duration(node, "dedup", &rule->dedup_ms) : rc;
    return rc == 0 ? config_read_duration(node, "gather", &rule->gather_ms) : rc;
}

static int alerts_read_rule(const struct yaml_node *node, struct problems *problems, struct config_alerts *alerts)
{
    struct config_alert_rule *rule = &alerts->rules[alerts->rule_count++];
    const char *severity = alerts_text(node, "severity");
    int rc = config_read_text(node, "name", &rule->name);

    rule->severity =
        severity == NULL ? SEVERITY_MEDIUM : (enum severity)(SEVERITY_LOW + alerts_place(severity, severity_values));
    rule->changes = alerts_changes(yaml_node_get(node, "on"));
    rc = rc == 0 ? config_read_list(node, "to", &rule->to) : rc;
    rc = rc == 0 ? config_read_list(node, "owner", &rule->owners) : rc;
    rc = rc == 0 ? config_read_text(node, "group_by", &rule->group_by) : rc;
    rc = rc == 0 ? alerts_read_times(node, rule, problems) : rc;
    return rc == 0 ? alerts_check_rule(node, alerts, rule, problems) : rc;
}

static int alerts_read_retry(const struct yaml_node *node, struct problems *problems, struct config_alerts *alerts)
{
    int rc;

    if (node == NULL) {
        return 0;
    }
    rc = config_read_duration(node, "first", &alerts->retry_first_ms);
    rc = rc == 0 ? config_read_duration(node, "longest", &alerts->retry_longest_ms) : rc;
    rc = rc == 0 ? config_read_duration(node, "for", &alerts->retry_for_ms) : rc;
    if (rc == 0 && alerts->retry_first_ms > alerts->retry_longest_ms) {
        return alerts_refuse(problems, node, "\"first\" must not be over \"longest\"");
    }
    return rc;
}

static int alerts_read_all(const struct yaml_node *node, const char *folder, struct problems *problems,
                           struct config_alerts *alerts)
{
    const struct yaml_node *receivers = yaml_node_get(node, "receivers");
    const struct yaml_node *rules = yaml_node_get(node, "rules");
    int rc = 0;

    alerts->receivers = calloc(receivers->child_count, sizeof(*alerts->receivers));
    alerts->rules = calloc(rules->child_count, sizeof(*alerts->rules));
    if (alerts->receivers == NULL || alerts->rules == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < receivers->child_count; i++) {
        rc = alerts_read_receiver(&receivers->children[i], folder, problems, alerts);
    }
    for (size_t i = 0; rc == 0 && i < rules->child_count; i++) {
        rc = alerts_read_rule(&rules->children[i], problems, alerts);
    }
    return rc;
}

int alerts_read(const struct yaml_node *node, const char *folder, struct problems *problems,
                struct config_alerts *alerts)
{
    int rc;

    alerts->retry_first_ms = INT64_C(5) * 1000;
    alerts->retry_longest_ms = INT64_C(3600) * 1000;
    alerts->retry_for_ms = INT64_C(24) * 3600 * 1000;
    if (node == NULL) {
        return 0;
    }
    rc = alerts_read_all(node, folder, problems, alerts);
    return rc == 0 ? alerts_read_retry(yaml_node_get(node, "retry"), problems, alerts) : rc;
}

static void alerts_receiver_done(struct config_receiver *receiver)
{
    free(receiver->name);
    free(receiver->url);
    free(receiver->url_file);
    free(receiver->secret_file);
    free(receiver->ca_file);
    free(receiver->from);
    config_list_done(&receiver->to);
    free(receiver->user);
    free(receiver->password_file);
}

void alerts_done(struct config_alerts *alerts)
{
    for (size_t i = 0; i < alerts->receiver_count; i++) {
        alerts_receiver_done(&alerts->receivers[i]);
    }
    for (size_t i = 0; i < alerts->rule_count; i++) {
        struct config_alert_rule *rule = &alerts->rules[i];
        free(rule->name);
        config_list_done(&rule->owners);
        config_list_done(&rule->to);
        free(rule->group_by);
        zone_destroy(rule->zone);
        free(rule->quiet);
    }
    free(alerts->receivers);
    free(alerts->rules);
    *alerts = (struct config_alerts){0};
}

const struct config_receiver *alerts_receiver(const struct config_alerts *alerts, const char *name)
{
    for (size_t i = 0; i < alerts->receiver_count; i++) {
        if (alerts->receivers[i].name != NULL && strcmp(alerts->receivers[i].name, name) == 0) {
            return &alerts->receivers[i];
        }
    }
    return NULL;
}
