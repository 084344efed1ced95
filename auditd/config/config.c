#include "auditd/config/config.h"

#include "auditd/config/shape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RATE_PPS = 10000, HOST_RATE_PPS = 1000, RETRIES = 2, SCANS_AT_ONCE = 2 };

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;
/* Ten years: longer is a slip. */
static const int64_t DURATION_MAX_MS = INT64_C(3650) * 24 * 3600 * 1000;

int duration_parse(const char *text, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    size_t digits = strspn(text, "0123456789");
    int64_t number;

    if (digits == 0 || digits > 9 || text[digits] == '\0' || text[digits + 1] != '\0') {
        return -EINVAL;
    }
    number = strtoll(text, NULL, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (units[i].unit == text[digits] && number > 0 && number <= DURATION_MAX_MS / units[i].ms) {
            *ret_ms = number * units[i].ms;
            return 0;
        }
    }
    return -EINVAL;
}

/* ---- the shape ---- */

static bool check_prefix(const json_t *value, char *reason, size_t size)
{
    struct prefix prefix;

    (void)reason;
    (void)size;
    return prefix_parse(json_string_value(value), &prefix) == 0;
}

/* "127.0.0.1:8480", "[::1]:8480" */
static bool check_listen(const json_t *value, char *reason, size_t size)
{
    const char *text = json_string_value(value);
    const char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[';
    char host[ADDR_TEXT_SIZE];
    struct addr addr;
    size_t length;

    (void)reason;
    (void)size;
    if (colon == NULL || strlen(colon + 1) > 5 || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strtoul(colon + 1, NULL, 10) < 1 || strtoul(colon + 1, NULL, 10) > UINT16_MAX) {
        return false;
    }
    length = (size_t)(colon - text);
    if (brackets && (length < 2 || text[length - 1] != ']')) {
        return false;
    }
    length -= brackets ? 2 : 0;
    if (length >= sizeof(host)) {
        return false;
    }
    memcpy(host, text + (brackets ? 1 : 0), length);
    host[length] = '\0';
    return addr_parse(host, &addr) == 0 && (addr.is_ipv6 != 0) == brackets;
}

/* This release scans TCP alone. */
static const char *const PROTOS[] = {"tcp", NULL};

static const struct validate_schema VERSION = {.types = VALIDATE_INTEGER,
                                               .expected = "1, the version that this release reads",
                                               .has_range = true,
                                               .minimum = 1,
                                               .maximum = 1};
static const struct validate_schema LISTEN = {.types = VALIDATE_STRING,
                                              .expected = "an address and a port like 127.0.0.1:8480 or \"[::1]:8480\"",
                                              .check = check_listen};
static const struct validate_schema PROTO = {.types = VALIDATE_STRING, .values = PROTOS};
static const struct validate_schema PREFIX = {
    .types = VALIDATE_STRING, .expected = "an address or a CIDR like 10.0.0.0/8", .check = check_prefix};
static const struct validate_schema PREFIXES = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                                .expected = "an address or a CIDR like 10.0.0.0/8, or a list of them",
                                                .check = check_prefix,
                                                .items = &PREFIX,
                                                .min_items = 1,
                                                .max_items = SHAPE_LIST_MAX};
static const struct validate_schema RATE = {
    .types = VALIDATE_INTEGER, .has_range = true, .minimum = 0, .maximum = 10000000};
static const struct validate_schema SCANS = {.types = VALIDATE_INTEGER, .has_range = true, .minimum = 1, .maximum = 16};
static const struct validate_schema RETRY = {.types = VALIDATE_INTEGER, .has_range = true, .minimum = 0, .maximum = 20};
static const struct validate_schema PORT = {
    .types = VALIDATE_INTEGER, .has_range = true, .minimum = 1, .maximum = 65535};
static const struct validate_schema FLAG = {.types = VALIDATE_BOOLEAN};

static const struct validate_field VANTAGE_FIELDS[] = {{"name", &shape_name, true},
                                                       {"class", &shape_class, false},
                                                       {"address", &shape_addresses, false},
                                                       {"tags", &config_tags_shape, false},
                                                       {NULL, NULL, false}};
static const struct validate_schema VANTAGE = {
    .types = VALIDATE_STRING | VALIDATE_OBJECT, .max_length = SHAPE_NAME_MAX_BYTES, .fields = VANTAGE_FIELDS};
static const struct validate_field CANARY_FIELDS[] = {
    {"host", &shape_address, true}, {"port", &PORT, true}, {"proto", &PROTO, false}, {NULL, NULL, false}};
static const struct validate_schema CANARY = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {host: 10.0.0.1, port: 22}", .fields = CANARY_FIELDS};
static const struct validate_field EPHEMERAL_FIELDS[] = {{"cidr", &PREFIX, true},
                                                         {"realm", &shape_name, false},
                                                         {"retire_after", &shape_duration, false},
                                                         {NULL, NULL, false}};
static const struct validate_schema EPHEMERAL = {.types = VALIDATE_OBJECT, .fields = EPHEMERAL_FIELDS};
static const struct validate_schema EPHEMERALS = {
    .types = VALIDATE_ARRAY, .expected = "a list like [{cidr: 10.1.0.0/16}]", .items = &EPHEMERAL, .max_items = 1000};

static const struct validate_field DUE_FIELDS[] = {{"critical", &shape_duration, false},
                                                   {"high", &shape_duration, false},
                                                   {"medium", &shape_duration, false},
                                                   {"low", &shape_duration, false},
                                                   {NULL, NULL, false}};
static const struct validate_schema DUE = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {critical: 7d, high: 30d}", .fields = DUE_FIELDS};

static const struct validate_field CONFIG_FIELDS[] = {{"version", &VERSION, true},
                                                      {"db", &shape_path, false},
                                                      {"listen", &LISTEN, false},
                                                      {"tls_certificate", &shape_path, false},
                                                      {"tls_key", &shape_path, false},
                                                      {"cleartext_exposes_tokens", &FLAG, false},
                                                      {"web", &web_schema, false},
                                                      {"realm", &shape_name, false},
                                                      {"vantage", &VANTAGE, false},
                                                      {"scope", &PREFIXES, false},
                                                      {"never_scan", &shape_path, false},
                                                      {"targets", &config_targets_shape, false},
                                                      {"exclude", &shape_targets, false},
                                                      {"ports", &shape_ports, false},
                                                      {"rate", &RATE, false},
                                                      {"host_rate", &RATE, false},
                                                      {"retries", &RETRY, false},
                                                      {"scans_at_once", &SCANS, false},
                                                      {"policy", &shape_path, false},
                                                      {"canary", &CANARY, false},
                                                      {"ephemeral", &EPHEMERALS, false},
                                                      {"max_age", &shape_duration, false},
                                                      {"due", &DUE, false},
                                                      {"retention", &keeping_schema, false},
                                                      {"probe", &shape_probe, false},
                                                      {"verify", &FLAG, false},
                                                      {"services", &FLAG, false},
                                                      {"door_checks", &FLAG, false},
                                                      {"vantages", &vantages_schema, false},
                                                      {"inventories", &inventories_schema, false},
                                                      {"printers", &FLAG, false},
                                                      {"schedules", &schedules_schema, false},
                                                      {"alerts", &alerts_schema, false},
                                                      {NULL, NULL, false}};
static const struct validate_schema CONFIG = {
    .types = VALIDATE_OBJECT, .expected = "a mapping that begins with \"version: 1\"", .fields = CONFIG_FIELDS};

/* ---- defaults, and what the text sets ---- */

int config_init_default(struct config *ret_config)
{
    struct config config = {
        .listen = strdup("127.0.0.1:8480"),
        .realm = strdup("default"),
        .vantage = strdup("local"),
        .ports = strdup("common"),
        .rate_pps = RATE_PPS,
        .host_rate_pps = HOST_RATE_PPS,
        .retries = RETRIES,
        .scans_at_once = SCANS_AT_ONCE,
        .max_age_ms = 7 * DAY_MS,
        .keeping = keeping_default(),
        .due_ms = {0, 180 * DAY_MS, 90 * DAY_MS, 30 * DAY_MS, 7 * DAY_MS},
        .verify = true,
        .services = true,
        .door_checks = true,
    };

    if (config.listen == NULL || config.realm == NULL || config.vantage == NULL || config.ports == NULL) {
        config_done(&config);
        return -ENOMEM;
    }
    *ret_config = config;
    return 0;
}

void config_done(struct config *config)
{
    free(config->db);
    free(config->listen);
    free(config->realm);
    free(config->vantage);
    config_list_done(&config->vantage_addresses);
    label_tags_done(config->vantage_tags, config->vantage_tag_count);
    labels_done(&config->labels);
    config_list_done(&config->scope);
    free(config->never_scan);
    free(config->tls_certificate);
    free(config->tls_key);
    config_list_done(&config->web);
    config_list_done(&config->targets);
    config_list_done(&config->exclude);
    free(config->ports);
    free(config->policy);
    free(config->probe);
    free(config->canary.host);
    for (size_t i = 0; i < config->ephemeral_count; i++) {
        free(config->ephemeral[i].realm);
    }
    free(config->ephemeral);
    vantages_done(config->vantages, config->vantage_count);
    inventories_done(config->inventories, config->inventory_count);
    schedules_done(config->schedules, config->schedule_count);
    alerts_done(&config->alerts);
    *config = (struct config){0};
}

static int set_path(const struct yaml_node *root, const char *key, const char *folder, char **path)
{
    int rc = config_read_text(root, key, path);
    char *joined;

    if (rc != 0 || yaml_node_get(root, key) == NULL || folder == NULL || (*path)[0] == '/') {
        return rc;
    }
    if (asprintf(&joined, "%s/%s", folder, *path) < 0) {
        return -ENOMEM;
    }
    free(*path);
    *path = joined;
    return 0;
}

static void set_count(const struct yaml_node *root, const char *key, uint32_t *number)
{
    const struct yaml_node *node = yaml_node_get(root, key);

    if (node != NULL) {
        *number = (uint32_t)json_integer_value(node->value);
    }
}

static int set_vantage(const struct yaml_node *root, struct config *config)
{
    const struct yaml_node *node = yaml_node_get(root, "vantage");
    const struct yaml_node *class = node != NULL ? yaml_node_get(node, "class") : NULL;
    int rc;

    if (node == NULL || json_is_string(node->value)) {
        return config_read_text(root, "vantage", &config->vantage);
    }
    config->has_vantage_class = class != NULL;
    if (class != NULL && vantage_class_parse(json_string_value(class->value), &config->vantage_class) != 0) {
        return -EBADMSG;
    }
    rc = config_read_text(node, "name", &config->vantage);
    rc = rc == 0 ? config_read_list(node, "address", &config->vantage_addresses) : rc;
    return rc == 0 ? label_tags_read(yaml_node_get(node, "tags"), &config->vantage_tags, &config->vantage_tag_count)
                   : rc;
}

static int set_canary(const struct yaml_node *root, struct config_canary *canary)
{
    const struct yaml_node *node = yaml_node_get(root, "canary");
    const struct yaml_node *proto = node != NULL ? yaml_node_get(node, "proto") : NULL;

    if (node == NULL) {
        return 0;
    }
    canary->port = (uint16_t)json_integer_value(yaml_node_get(node, "port")->value);
    snprintf(canary->proto, sizeof(canary->proto), "%s", proto != NULL ? json_string_value(proto->value) : "tcp");
    return config_read_text(node, "host", &canary->host);
}

static int set_ephemeral(const struct yaml_node *root, struct config *config)
{
    const struct yaml_node *node = yaml_node_get(root, "ephemeral");
    size_t count = node != NULL ? node->child_count : 0;
    int rc = 0;

    if (count == 0) {
        return 0;
    }
    config->ephemeral = calloc(count, sizeof(*config->ephemeral));
    if (config->ephemeral == NULL) {
        return -ENOMEM;
    }
    for (; config->ephemeral_count < count && rc == 0; config->ephemeral_count++) {
        const struct yaml_node *item = &node->children[config->ephemeral_count];
        struct config_ephemeral *range = &config->ephemeral[config->ephemeral_count];
        range->retire_after_ms = 7 * DAY_MS;
        rc = prefix_parse(json_string_value(yaml_node_get(item, "cidr")->value), &range->prefix);
        if (rc == 0) {
            rc = config_read_duration(item, "retire_after", &range->retire_after_ms);
        }
        rc = rc == 0 ? config_read_text(item, "realm", &range->realm) : rc;
    }
    return rc;
}

static int set_places(const struct yaml_node *root, const char *folder, struct config *config)
{
    int rc = set_path(root, "db", folder, &config->db);

    rc = rc == 0 ? set_path(root, "never_scan", folder, &config->never_scan) : rc;
    rc = rc == 0 ? set_path(root, "tls_certificate", folder, &config->tls_certificate) : rc;
    rc = rc == 0 ? set_path(root, "tls_key", folder, &config->tls_key) : rc;
    rc = rc == 0 ? set_path(root, "policy", folder, &config->policy) : rc;
    rc = rc == 0 ? web_read(yaml_node_get(root, "web"), &config->web) : rc;
    return rc == 0 ? config_read_text(root, "listen", &config->listen) : rc;
}

static int set_scan(const struct yaml_node *root, struct config *config)
{
    int rc = config_read_text(root, "realm", &config->realm);

    set_count(root, "rate", &config->rate_pps);
    set_count(root, "host_rate", &config->host_rate_pps);
    set_count(root, "retries", &config->retries);
    set_count(root, "scans_at_once", &config->scans_at_once);
    rc = rc == 0 ? set_vantage(root, config) : rc;
    rc = rc == 0 ? config_read_list(root, "scope", &config->scope) : rc;
    rc = rc == 0 ? config_read_list(root, "targets", &config->targets) : rc;
    rc = rc == 0 ? config_read_list(root, "exclude", &config->exclude) : rc;
    rc = rc == 0 ? config_read_ports(root, &config->ports) : rc;
    rc = rc == 0 ? config_read_text(root, "probe", &config->probe) : rc;
    rc = rc == 0 ? set_canary(root, &config->canary) : rc;
    return rc == 0 ? set_ephemeral(root, config) : rc;
}

static void set_flag(const struct yaml_node *root, const char *key, bool *flag)
{
    const struct yaml_node *node = yaml_node_get(root, key);

    *flag = node == NULL ? *flag : json_is_true(node->value);
}

static int set_all(const struct yaml_node *root, const char *folder, struct config *config)
{
    const struct yaml_node *due = yaml_node_get(root, "due");
    int rc = set_places(root, folder, config);

    set_flag(root, "verify", &config->verify);
    set_flag(root, "services", &config->services);
    set_flag(root, "door_checks", &config->door_checks);
    set_flag(root, "printers", &config->printers);
    set_flag(root, "cleartext_exposes_tokens", &config->cleartext_exposes_tokens);
    rc = rc == 0 ? set_scan(root, config) : rc;
    rc = rc == 0 ? config_read_duration(root, "max_age", &config->max_age_ms) : rc;
    for (int i = SEVERITY_LOW; due != NULL && i <= SEVERITY_CRITICAL && rc == 0; i++) {
        rc = config_read_duration(due, severity_name((enum severity)i), &config->due_ms[i]);
    }
    rc = rc == 0 ? keeping_read(yaml_node_get(root, "retention"), &config->keeping) : rc;
    return rc;
}

int config_parse(const char *text, size_t size, const char *folder, struct problems *problems,
                 struct config *ret_config)
{
    struct config config = {0};
    struct yaml_tree *tree;
    int rc = yaml_tree_parse(text, size, problems, &tree);

    if (rc != 0) {
        return rc;
    }
    rc = validate_tree(yaml_tree_root(tree), &CONFIG, problems);
    if (rc == 0) {
        rc = config_init_default(&config);
    }
    if (rc == 0) {
        config.is_written = true;
        rc = set_all(yaml_tree_root(tree), folder, &config);
        rc = rc == 0 ? labels_read(yaml_node_get(yaml_tree_root(tree), "targets"), problems, &config.labels) : rc;
        if (rc == 0) {
            rc = vantages_read(yaml_node_get(yaml_tree_root(tree), "vantages"), &config, problems);
        }
        if (rc == 0) {
            rc = inventories_read(yaml_node_get(yaml_tree_root(tree), "inventories"), folder, &config, problems);
        }
        if (rc == 0) {
            rc = schedules_read(yaml_node_get(yaml_tree_root(tree), "schedules"), &config, problems);
        }
        if (rc == 0) {
            rc = alerts_read(yaml_node_get(yaml_tree_root(tree), "alerts"), folder, problems, &config.alerts);
        }
    }
    yaml_tree_destroy(tree);
    if (rc != 0) {
        config_done(&config);
        return rc;
    }
    *ret_config = config;
    return 0;
}

int config_load(const char *path, struct problems *problems, struct config *ret_config)
{
    char *real = realpath(path, NULL);
    char *text = NULL;
    size_t size = 0;
    int rc = real == NULL ? -errno : yaml_read_file(real, &text, &size);

    if (real == NULL || rc != 0) {
        problems_add(problems, PROBLEM_ERROR, (struct mark){0}, NULL, "cannot read the configuration: %s",
                     strerror(-rc));
        free(real);
        return rc;
    }
    *strrchr(real, '/') = '\0';
    rc = config_parse(text, size, real, problems, ret_config);
    free(text);
    free(real);
    return rc;
}
