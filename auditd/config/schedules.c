#include "auditd/config/schedules.h"

#include "auditd/config/config.h"
#include "auditd/config/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_WEEKDAYS = 0x7f, BLACKOUT_DATES_MAX = 366 };

/* ---- what each part of the configuration reads alike ---- */

void config_list_done(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct config_list){0};
}

int config_read_text(const struct yaml_node *node, const char *key, char **text)
{
    const struct yaml_node *child = yaml_node_get(node, key);
    char *copy;

    if (child == NULL) {
        return 0;
    }
    copy = strdup(json_string_value(child->value));
    if (copy == NULL) {
        return -ENOMEM;
    }
    free(*text);
    *text = copy;
    return 0;
}

int config_read_list(const struct yaml_node *node, const char *key, struct config_list *list)
{
    const struct yaml_node *child = yaml_node_get(node, key);
    bool is_array = child != NULL && json_is_array(child->value);
    size_t count = child == NULL ? 0 : is_array ? child->child_count : 1;

    if (count == 0) {
        return 0;
    }
    list->items = calloc(count, sizeof(*list->items));
    if (list->items == NULL) {
        return -ENOMEM;
    }
    for (; list->count < count; list->count++) {
        const struct yaml_node *item = is_array ? &child->children[list->count] : child;
        list->items[list->count] = strdup(label_target(item));
        if (list->items[list->count] == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

int config_read_duration(const struct yaml_node *node, const char *key, int64_t *ms)
{
    const struct yaml_node *child = yaml_node_get(node, key);

    return child == NULL ? 0 : duration_parse(json_string_value(child->value), ms);
}

int config_read_ports(const struct yaml_node *node, char **ports)
{
    const struct yaml_node *child = yaml_node_get(node, "ports");
    char *text;

    if (child == NULL || json_is_string(child->value)) {
        return config_read_text(node, "ports", ports);
    }
    if (asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(child->value)) < 0) {
        return -ENOMEM;
    }
    free(*ports);
    *ports = text;
    return 0;
}

/* ---- the shape ---- */

static bool schedules_check_name(const json_t *value, char *reason, size_t size)
{
    const char *name = json_string_value(value);

    (void)reason;
    (void)size;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0' &&
           name[0] != '-';
}

static bool schedules_check_cron(const json_t *value, char *reason, size_t size)
{
    struct cron_fault fault;
    struct cron cron;

    if (cron_parse(json_string_value(value), &cron, &fault) < 0) {
        snprintf(reason, size, "at its character %zu: %s", fault.column, fault.text);
        return false;
    }
    return true;
}

static bool schedules_check_zone(const json_t *value, char *reason, size_t size)
{
    struct zone *zone;
    int rc = zone_create(json_string_value(value), &zone);

    if (rc == 0) {
        zone_destroy(zone);
    } else {
        snprintf(reason, size, "this machine's time zone database (Debian's package tzdata) has no such zone");
    }
    return rc == 0;
}

/* The field of weekdays of a cron expression. */
static int schedules_weekdays(const char *text, uint8_t *ret_weekdays)
{
    char expression[160];
    struct cron_fault fault;
    struct cron cron;

    if (strpbrk(text, " \t") != NULL ||
        snprintf(expression, sizeof(expression), "0 0 * * %s", text) >= (int)sizeof(expression) ||
        cron_parse(expression, &cron, &fault) < 0) {
        return -EINVAL;
    }
    *ret_weekdays = cron.weekdays;
    return 0;
}

static bool schedules_check_days(const json_t *value, char *reason, size_t size)
{
    uint8_t weekdays;

    (void)reason;
    (void)size;
    return schedules_weekdays(json_string_value(value), &weekdays) == 0;
}

static bool schedules_check_moment(const json_t *value, char *reason, size_t size)
{
    int64_t day;
    int minute;

    (void)reason;
    (void)size;
    return blackout_parse_time(json_string_value(value), &minute) == 0 ||
           blackout_parse_date(json_string_value(value), &day) == 0;
}

static const char *const catch_up_values[] = {"once", "skip", NULL};

static const struct validate_schema schedule_name = {
    .types = VALIDATE_STRING,
    .expected = "a name of letters, digits and . _ -, which does not begin with -",
    .max_length = 64,
    .check = schedules_check_name};
const struct validate_schema schedule_cron = {.types = VALIDATE_STRING,
                                              .expected = "a cron expression like \"30 2 * * *\" or @daily",
                                              .check = schedules_check_cron};
const struct validate_schema schedule_zone = {
    .types = VALIDATE_STRING, .expected = "a time zone like Europe/Berlin or UTC", .check = schedules_check_zone};
static const struct validate_schema schedule_catch_up = {.types = VALIDATE_STRING, .values = catch_up_values};
static const struct validate_schema blackout_days = {.types = VALIDATE_STRING,
                                                     .expected = "weekdays like mon-fri or sat,sun",
                                                     .max_length = 128,
                                                     .check = schedules_check_days};
static const struct validate_schema blackout_moment = {.types = VALIDATE_STRING,
                                                       .expected = "a time like 08:00 or a date like 2026-12-24",
                                                       .check = schedules_check_moment};
static const struct validate_field blackout_fields[] = {{"days", &blackout_days, false},
                                                        {"from", &blackout_moment, true},
                                                        {"to", &blackout_moment, true},
                                                        {NULL, NULL, false}};
static const struct validate_schema blackout_schema = {
    .types = VALIDATE_OBJECT,
    .expected = "a mapping like {days: mon-fri, from: 08:00, to: 18:00} or {from: 2026-12-24, to: 2026-12-26}",
    .fields = blackout_fields};
const struct validate_schema blackouts_schema = {.types = VALIDATE_ARRAY,
                                                 .expected = "a list like [{from: 08:00, to: 18:00}]",
                                                 .items = &blackout_schema,
                                                 .max_items = CONFIG_BLACKOUTS_MAX};
static const struct validate_field schedule_fields[] = {{"name", &schedule_name, true},
                                                        {"cron", &schedule_cron, true},
                                                        {"zone", &schedule_zone, false},
                                                        {"targets", &shape_targets, false},
                                                        {"inventory", &shape_name, false},
                                                        {"exclude", &shape_targets, false},
                                                        {"ports", &shape_ports, false},
                                                        {"realm", &shape_name, false},
                                                        {"vantage", &shape_name, false},
                                                        {"jitter", &shape_duration, false},
                                                        {"deadline", &shape_duration, false},
                                                        {"catch_up", &schedule_catch_up, false},
                                                        {"blackout", &blackouts_schema, false},
                                                        {"probe", &shape_probe, false},
                                                        {NULL, NULL, false}};
static const struct validate_schema schedule_schema = {.types = VALIDATE_OBJECT,
                                                       .expected =
                                                           "a mapping like {name: nightly, cron: \"30 2 * * *\"}",
                                                       .fields = schedule_fields};
const struct validate_schema schedules_schema = {.types = VALIDATE_ARRAY,
                                                 .expected = "a list like [{name: nightly, cron: \"30 2 * * *\"}]",
                                                 .items = &schedule_schema,
                                                 .max_items = CONFIG_SCHEDULES_MAX};

/* ---- reading ---- */

static int schedules_refuse(struct problems *problems, const struct yaml_node *node, const char *message)
{
    problems_add(problems, PROBLEM_ERROR, node->mark, "/schedules", "%s", message);
    return -EBADMSG;
}

static const char *schedules_text(const struct yaml_node *node, const char *key)
{
    return json_string_value(yaml_node_get(node, key)->value);
}

static int schedules_read_dates(const struct yaml_node *node, struct blackout *window, struct problems *problems)
{
    if (blackout_parse_date(schedules_text(node, "from"), &window->from_day) < 0 ||
        blackout_parse_date(schedules_text(node, "to"), &window->to_day) < 0) {
        return schedules_refuse(problems, node, "\"from\" and \"to\" must both be times or both be dates");
    }
    if (yaml_node_get(node, "days") != NULL) {
        return schedules_refuse(problems, yaml_node_get(node, "days"), "\"days\" go with times, not with dates");
    }
    if (window->to_day < window->from_day || window->to_day - window->from_day >= BLACKOUT_DATES_MAX) {
        return schedules_refuse(problems, yaml_node_get(node, "to"),
                                "\"to\" must be the day of \"from\" or a later one, of the same year at most");
    }
    window->is_dates = true;
    return 0;
}

static int schedules_read_blackout(const struct yaml_node *node, struct blackout *window, struct problems *problems)
{
    window->weekdays = ALL_WEEKDAYS;
    if (blackout_parse_time(schedules_text(node, "from"), &window->from_minute) < 0 ||
        blackout_parse_time(schedules_text(node, "to"), &window->to_minute) < 0) {
        return schedules_read_dates(node, window, problems);
    }
    if (window->from_minute == window->to_minute || window->from_minute == 24 * 60) {
        return schedules_refuse(problems, node, "this window is empty; a whole day is from 00:00 to 24:00");
    }
    return yaml_node_get(node, "days") == NULL ? 0
                                               : schedules_weekdays(schedules_text(node, "days"), &window->weekdays);
}

int blackouts_read(const struct yaml_node *list, const struct zone *zone, struct problems *problems,
                   struct blackout **windows, size_t *count)
{
    int rc = 0;

    if (list == NULL || list->child_count == 0) {
        return 0;
    }
    *windows = calloc(list->child_count, sizeof(**windows));
    if (*windows == NULL) {
        return -ENOMEM;
    }
    for (; rc == 0 && *count < list->child_count; (*count)++) {
        rc = schedules_read_blackout(&list->children[*count], &(*windows)[*count], problems);
    }
    if (rc == 0 && blackout_free_at(*windows, *count, zone, 0) == INT64_MAX) {
        rc = schedules_refuse(problems, list, "these windows leave no time in which it could run");
    }
    return rc;
}

static int schedules_read_times(const struct yaml_node *node, struct config_schedule *schedule)
{
    const struct yaml_node *zone = yaml_node_get(node, "zone");
    struct cron_fault fault;
    int rc = config_read_text(node, "cron", &schedule->cron_text);

    if (rc == 0) {
        rc = cron_parse(schedule->cron_text, &schedule->cron, &fault);
    }
    if (rc == 0) {
        rc = zone_create(zone == NULL ? "UTC" : json_string_value(zone->value), &schedule->zone);
    }
    rc = rc == 0 ? config_read_duration(node, "jitter", &schedule->jitter_ms) : rc;
    return rc == 0 ? config_read_duration(node, "deadline", &schedule->deadline_ms) : rc;
}

static int schedules_read_scan(const struct yaml_node *node, struct config_schedule *schedule)
{
    int rc = config_read_text(node, "name", &schedule->name);

    rc = rc == 0 ? config_read_text(node, "inventory", &schedule->inventory) : rc;
    rc = rc == 0 ? config_read_list(node, "targets", &schedule->targets) : rc;
    rc = rc == 0 ? config_read_list(node, "exclude", &schedule->exclude) : rc;
    rc = rc == 0 ? config_read_ports(node, &schedule->ports) : rc;
    rc = rc == 0 ? config_read_text(node, "realm", &schedule->realm) : rc;
    rc = rc == 0 ? config_read_text(node, "probe", &schedule->probe) : rc;
    return rc == 0 ? config_read_text(node, "vantage", &schedule->vantage) : rc;
}

/* What only a look at the whole shows. */
static int schedules_check(const struct yaml_node *node, const struct config *config,
                           const struct config_schedule *schedule, struct problems *problems)
{
    const struct config_schedule *namesake = schedules_find(config, schedule->name);
    struct config_vantage vantage;

    if (namesake != schedule) {
        return schedules_refuse(problems, yaml_node_get(node, "name"), "another schedule has this name");
    }
    /* Who lists vantages has none beside them. */
    if (schedule->vantage != NULL && config->vantage_count > 0 &&
        vantages_find(config, schedule->vantage, &vantage) == -ENOENT) {
        return schedules_refuse(problems, yaml_node_get(node, "vantage"), "there is no vantage of this name");
    }
    if (schedule->inventory != NULL && inventories_find(config, schedule->inventory) == NULL) {
        return schedules_refuse(problems, yaml_node_get(node, "inventory"), "there is no inventory of this name");
    }
    if (schedule->inventory != NULL && schedule->realm == NULL &&
        inventories_find(config, schedule->inventory)->cloud != NULL) {
        return schedules_refuse(problems, yaml_node_get(node, "inventory"),
                                "a cloud's hosts are by VPC: \"realm\" must say which");
    }
    if (schedule->inventory != NULL && schedule->targets.count > 0) {
        return schedules_refuse(problems, yaml_node_get(node, "inventory"),
                                "\"inventory\" and \"targets\" exclude each other");
    }
    if (schedule->inventory == NULL && schedule->targets.count == 0 && config->targets.count == 0) {
        return schedules_refuse(problems, node, "it has no \"targets\", and neither has the configuration");
    }
    if (schedule->deadline_ms > 0 && schedule->jitter_ms >= schedule->deadline_ms) {
        return schedules_refuse(problems, yaml_node_get(node, "jitter"),
                                "\"jitter\" must be shorter than \"deadline\"");
    }
    return 0;
}

static int schedules_read_one(const struct yaml_node *node, struct config *config, struct problems *problems)
{
    struct config_schedule *schedule = &config->schedules[config->schedule_count];
    const struct yaml_node *catch_up = yaml_node_get(node, "catch_up");
    int rc;

    config->schedule_count++;
    schedule->catches_up = catch_up == NULL || strcmp(json_string_value(catch_up->value), "once") == 0;
    rc = schedules_read_times(node, schedule);
    rc = rc == 0 ? schedules_read_scan(node, schedule) : rc;
    if (rc == 0) {
        rc = blackouts_read(yaml_node_get(node, "blackout"), schedule->zone, problems, &schedule->blackouts,
                            &schedule->blackout_count);
    }
    return rc == 0 ? schedules_check(node, config, schedule, problems) : rc;
}

int schedules_read(const struct yaml_node *node, struct config *config, struct problems *problems)
{
    bool refused = false;

    if (node == NULL || node->child_count == 0) {
        return 0;
    }
    config->schedules = calloc(node->child_count, sizeof(*config->schedules));
    if (config->schedules == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        int rc = schedules_read_one(&node->children[i], config, problems);
        if (rc < 0 && rc != -EBADMSG) {
            return rc;
        }
        refused = refused || rc < 0;
    }
    return refused ? -EBADMSG : 0;
}

void schedules_done(struct config_schedule *schedules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct config_schedule *schedule = &schedules[i];
        free(schedule->name);
        free(schedule->cron_text);
        free(schedule->inventory);
        zone_destroy(schedule->zone);
        config_list_done(&schedule->targets);
        config_list_done(&schedule->exclude);
        free(schedule->ports);
        free(schedule->realm);
        free(schedule->vantage);
        free(schedule->probe);
        free(schedule->blackouts);
    }
    free(schedules);
}

const struct config_schedule *schedules_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->schedule_count; i++) {
        if (config->schedules[i].name != NULL && strcmp(config->schedules[i].name, name) == 0) {
            return &config->schedules[i];
        }
    }
    return NULL;
}
