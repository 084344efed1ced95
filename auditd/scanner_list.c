#include "auditd/scanner_list.h"

#include "auditd/own.h"
#include "auditd/schedule_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SCANNER_WINDOWS_NEXT = 3 };

struct scanner_listing {
    const struct config *config;
    json_t *own; /* this machine's addresses but loopback */
    json_t *list;
};

/* ---- from where ---- */

static int scanner_read_own(struct scanner_listing *listing)
{
    json_t *targets;
    size_t left_out;
    size_t index;
    json_t *target;
    int rc = own_targets(&targets, &left_out);

    if (rc < 0) {
        return rc;
    }
    json_array_foreach(targets, index, target)
    {
        struct addr address;
        if (addr_parse(json_string_value(target), &address) == 0 && !addr_is_loopback(&address)) {
            rc = json_array_append(listing->own, target) == 0 ? rc : -ENOMEM;
        }
    }
    json_decref(targets);
    return rc;
}

static json_t *scanner_addresses(const struct config_list *addresses)
{
    json_t *list = json_array();

    for (size_t i = 0; i < addresses->count; i++) {
        json_array_append_new(list, json_string(addresses->items[i]));
    }
    return list;
}

/* What the configuration says, this machine's own where its scanner runs, else nothing. */
static json_t *scanner_sources(const struct scanner_listing *listing, const struct config_vantage *vantage,
                               const char **ret_known_by)
{
    if (vantage->addresses.count > 0) {
        *ret_known_by = "configuration";
        return scanner_addresses(&vantage->addresses);
    }
    if (vantage->run.count == 0) {
        *ret_known_by = "machine";
        return json_incref(listing->own);
    }
    *ret_known_by = "nobody";
    return json_array();
}

static json_t *scanner_rate(uint32_t rate_pps)
{
    return rate_pps == 0 ? json_null() : json_integer(rate_pps);
}

/* Borrowed: the row of that place, made when there is none yet; NULL when out of memory. */
static json_t *scanner_row(struct scanner_listing *listing, const char *realm, const char *name)
{
    struct config_vantage vantage = {0};
    const char *known_by = "nobody";
    size_t index;
    json_t *row;
    json_t *sources;

    json_array_foreach(listing->list, index, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "realm")), realm) == 0 &&
            strcmp(json_string_value(json_object_get(row, "vantage")), name) == 0) {
            return row;
        }
    }
    /* One that somebody named by hand scans with the scanner beside the daemon. */
    if (vantages_find(listing->config, name, &vantage) < 0) {
        vantage = (struct config_vantage){0};
    }
    sources = scanner_sources(listing, &vantage, &known_by);
    row = json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:[], s:[]}", "realm", realm, "vantage", name, "vantage_class",
        vantage.has_class ? json_string(vantage_class_name(vantage.vantage_class)) : json_null(), "sources", sources,
        "known_by", known_by, "is_local", vantage.run.count == 0, "rate_pps", scanner_rate(listing->config->rate_pps),
        "host_rate_pps", scanner_rate(listing->config->host_rate_pps), "windows", "running");
    return json_array_append_new(listing->list, row) == 0 ? row : NULL;
}

/* ---- when ---- */

/* Seconds; null for none. */
static json_t *scanner_seconds(int64_t duration_ms)
{
    return duration_ms == 0 ? json_null() : json_integer(duration_ms / 1000);
}

/* Of a row of schedule_list(). */
static int scanner_add_window(struct scanner_listing *listing, const json_t *schedule)
{
    const char *name = json_string_value(json_object_get(schedule, "name"));
    const struct config_schedule *config = schedules_find(listing->config, name);
    json_t *row = scanner_row(listing, json_string_value(json_object_get(schedule, "realm")),
                              json_string_value(json_object_get(schedule, "vantage")));
    json_t *window =
        json_pack("{s:s, s:O, s:O, s:O, s:b, s:o, s:o, s:O}", "schedule", name, "cron",
                  json_object_get(schedule, "cron"), "zone", json_object_get(schedule, "zone"), "targets",
                  json_object_get(schedule, "targets"), "paused", !json_is_null(json_object_get(schedule, "paused_at")),
                  "jitter_s", scanner_seconds(config == NULL ? 0 : config->jitter_ms), "deadline_s",
                  scanner_seconds(config == NULL ? 0 : config->deadline_ms), "next", json_object_get(schedule, "next"));

    return json_array_append_new(json_object_get(row, "windows"), window) == 0 ? 0 : -ENOMEM;
}

static int scanner_add_windows(struct scanner_listing *listing, const struct scanner_list_options *options, char *error)
{
    const struct schedule_list_options schedules = {.now_ms = options->now_ms, .next_count = SCANNER_WINDOWS_NEXT};
    json_t *list;
    size_t index;
    json_t *schedule;
    int rc = schedule_list(options->config, options->db, &schedules, &list, error);

    if (rc < 0) {
        return rc;
    }
    json_array_foreach(list, index, schedule)
    {
        rc = rc == 0 ? scanner_add_window(listing, schedule) : rc;
    }
    json_decref(list);
    return rc;
}

/* What runs now; what waits sends nothing yet. */
static int scanner_add_running(struct scanner_listing *listing, const json_t *jobs)
{
    size_t index;
    json_t *job;

    json_array_foreach(jobs, index, job)
    {
        const char *realm = json_string_value(json_object_get(job, "realm"));
        const char *vantage = json_string_value(json_object_get(job, "vantage"));
        const char *state = json_string_value(json_object_get(job, "state"));
        json_t *row;
        if (realm == NULL || vantage == NULL || state == NULL || strcmp(state, "queued") == 0) {
            continue;
        }
        row = scanner_row(listing, realm, vantage);
        if (json_array_append_new(json_object_get(row, "running"),
                                  json_pack("{s:O, s:O, s:O}", "job", json_object_get(job, "job"), "actor",
                                            json_object_get(job, "actor"), "targets",
                                            json_object_get(job, "targets"))) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int scanner_add_places(struct scanner_listing *listing)
{
    const struct config *config = listing->config;
    int rc = scanner_row(listing, config->realm, config->vantage) == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < config->vantage_count && rc == 0; i++) {
        const struct config_vantage *vantage = &config->vantages[i];
        rc = scanner_row(listing, vantage->realm == NULL ? config->realm : vantage->realm, vantage->name) == NULL
                 ? -ENOMEM
                 : 0;
    }
    return rc;
}

int scanner_list(const struct scanner_list_options *options, json_t *jobs, json_t **ret_list,
                 char ret_error[SCANNER_LIST_ERROR_SIZE])
{
    struct scanner_listing listing = {.config = options->config, .own = json_array(), .list = json_array()};
    int rc = jobs == NULL || listing.own == NULL || listing.list == NULL ? -ENOMEM : 0;

    snprintf(ret_error, SCANNER_LIST_ERROR_SIZE, "out of memory");
    if (rc == 0) {
        rc = scanner_read_own(&listing);
        if (rc < 0 && rc != -ENOMEM) {
            snprintf(ret_error, SCANNER_LIST_ERROR_SIZE, "this machine's addresses cannot be read: %s", strerror(-rc));
        }
    }
    rc = rc == 0 ? scanner_add_places(&listing) : rc;
    rc = rc == 0 ? scanner_add_windows(&listing, options, ret_error) : rc;
    rc = rc == 0 ? scanner_add_running(&listing, jobs) : rc;
    json_decref(listing.own);
    json_decref(jobs);
    if (rc < 0) {
        json_decref(listing.list);
        return rc;
    }
    *ret_list = listing.list;
    return 0;
}
