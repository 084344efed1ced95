#include "auditd/schedule_list.h"

#include "auditd/options.h"
#include "auditd/schedule/due.h"
#include "auditd/store/read.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct schedule_listing {
    const struct config *config;
    const struct schedule_list_options *options;
    json_t *list;
};

static json_t *schedule_list_time(int64_t at_ms)
{
    char text[WALL_TEXT_SIZE];

    return at_ms == 0 ? json_null() : json_string(wall_format(at_ms, text));
}

static json_t *schedule_list_text(const char *text)
{
    return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *schedule_list_run(const struct store_read_run *run)
{
    if (run->state[0] == '\0') {
        return json_null();
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:o}", "state", run->state, "due",
                     schedule_list_time(run->due_at), "begins", schedule_list_time(run->begin_at), "begun",
                     schedule_list_time(run->begun_at), "ended", schedule_list_time(run->ended_at), "actor", run->actor,
                     "message", run->message, "scan", schedule_list_text(run->scan));
}

/* When it is due, and when it is to begin: after its jitter, and when no window is in its way. */
static json_t *schedule_list_next(const struct config_schedule *config, uint64_t seed, int64_t due_s)
{
    char local[ZONE_TEXT_SIZE];
    int64_t begin_ms = due_s * 1000 + due_jitter_ms(seed, due_s, config->jitter_ms);
    int64_t free_s = blackout_free_at(config->blackouts, config->blackout_count, config->zone, begin_ms / 1000);

    if (free_s != begin_ms / 1000) {
        begin_ms = free_s * 1000;
    }
    return json_pack("{s:o, s:s, s:o}", "due", schedule_list_time(due_s * 1000), "local",
                     zone_format(config->zone, due_s, local), "begins", schedule_list_time(begin_ms));
}

static json_t *schedule_list_nexts(const struct schedule_listing *listing, const struct config_schedule *config,
                                   const struct store_read_schedule *stored)
{
    int64_t count = listing->options->next_count > 1 ? listing->options->next_count : 1;
    int64_t at_ms = listing->options->now_ms;
    json_t *list = json_array();

    if (stored != NULL && stored->decided_until > at_ms) {
        at_ms = stored->decided_until;
    }
    at_ms /= 1000;
    for (int64_t i = 0; list != NULL && i < count && i < SCHEDULE_NEXT_MAX; i++) {
        at_ms = cron_next(&config->cron, config->zone, at_ms);
        if (json_array_append_new(
                list, schedule_list_next(config, stored == NULL ? 0 : (uint64_t)stored->seed, at_ms)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *schedule_list_targets(const struct config_list *own, const struct config_list *all)
{
    const struct config_list *list = own->count > 0 ? own : all;
    json_t *json = json_array();

    for (size_t i = 0; json != NULL && i < list->count; i++) {
        json_array_append_new(json, json_string(list->items[i]));
    }
    return json;
}

static const char *schedule_list_state(const struct store_read_schedule *stored)
{
    if (stored == NULL || stored->open.state[0] == '\0') {
        return stored != NULL && stored->paused_at != 0 ? "paused" : "idle";
    }
    return stored->open.state;
}

static int schedule_list_add(struct schedule_listing *listing, const struct config_schedule *config,
                             const struct store_read_schedule *stored)
{
    json_t *row = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name", config->name, "cron", config->cron_text,
        "zone", zone_name(config->zone), "realm", config->realm != NULL ? config->realm : listing->config->realm,
        "vantage", config->vantage != NULL ? config->vantage : listing->config->vantage, "targets",
        schedule_list_targets(&config->targets, &listing->config->targets), "state", schedule_list_state(stored),
        "paused_at", schedule_list_time(stored == NULL ? 0 : stored->paused_at), "paused_by",
        schedule_list_text(stored == NULL ? "" : stored->paused_by), "next",
        schedule_list_nexts(listing, config, stored), "open",
        stored == NULL ? json_null() : schedule_list_run(&stored->open), "last",
        stored == NULL ? json_null() : schedule_list_run(&stored->last));

    return json_array_append_new(listing->list, row) == 0 ? 0 : -ENOMEM;
}

static int schedule_list_on_stored(void *context, const struct store_read_schedule *stored)
{
    struct schedule_listing *listing = context;
    const struct config_schedule *config = schedules_find(listing->config, stored->name);

    return config == NULL ? 0 : schedule_list_add(listing, config, stored);
}

static bool schedule_list_has(const json_t *list, const char *name)
{
    size_t index;
    json_t *row;

    json_array_foreach(list, index, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) {
            return true;
        }
    }
    return false;
}

static int schedule_list_stored(struct schedule_listing *listing, const char *db, char *error)
{
    char opened[STORE_READ_ERROR_SIZE];
    struct store_reader *reader;
    int rc = store_reader_open(db, opened, &reader);

    if (rc == -ENOENT || rc == -EAGAIN || rc == -ESTALE) {
        return 0;
    }
    if (rc < 0) {
        snprintf(error, 512, "%s", opened);
        return rc;
    }
    rc = store_read_schedules(reader, schedule_list_on_stored, listing);
    if (rc < 0) {
        snprintf(error, 512, "the schedules cannot be read: %s", store_reader_error(reader));
    }
    store_reader_close(reader);
    return rc;
}

int schedule_list(const struct config *config, const char *db, const struct schedule_list_options *options,
                  json_t **ret_list, char ret_error[512])
{
    struct schedule_listing listing = {.config = config, .options = options, .list = json_array()};
    int rc = listing.list == NULL ? -ENOMEM : 0;

    snprintf(ret_error, 512, "out of memory");
    if (rc == 0 && db != NULL) {
        rc = schedule_list_stored(&listing, db, ret_error);
    }
    /* Those that no daemon has met yet. */
    for (size_t i = 0; rc == 0 && i < config->schedule_count; i++) {
        if (!schedule_list_has(listing.list, config->schedules[i].name)) {
            rc = schedule_list_add(&listing, &config->schedules[i], NULL);
        }
    }
    if (rc < 0) {
        json_decref(listing.list);
        return rc;
    }
    *ret_list = listing.list;
    return 0;
}
