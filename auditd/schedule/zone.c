#include "auditd/schedule/zone.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ZONE_CHANGES_MAX = 1024 };

/* 1970 to 2038, and a little more: what lies outside has the offset of the edge. */
static const int64_t zone_first_s = -86400;
static const int64_t zone_last_s = INT64_C(2208988800);

struct zone_change {
    int64_t at_s;
    int32_t offset_s;
};

struct zone {
    char name[ZONE_NAME_SIZE];
    size_t count; /* at least 1: the first one holds for all time before, too */
    struct zone_change *changes;
};

/* GLib takes rules and offsets for names, too ("CET-1CEST", "+02"): only what the database has a file for is meant. */
static bool zone_has_file(const char *name)
{
    const char *folder = getenv("TZDIR");
    char path[PATH_MAX];

    if (name[0] == '\0' || strlen(name) >= ZONE_NAME_SIZE || name[0] == '/' || strstr(name, "//") != NULL ||
        name[strlen(name) - 1] == '/' ||
        name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] != '\0') {
        return false;
    }
    return snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : "/usr/share/zoneinfo", name) <
               (int)sizeof(path) &&
           access(path, R_OK) == 0;
}

static int32_t zone_read_offset(GTimeZone *source, int64_t at_s)
{
    return g_time_zone_get_offset(source, g_time_zone_find_interval(source, G_TIME_TYPE_UNIVERSAL, at_s));
}

/* The first second of the interval after the one that holds at `at_s`; none before `last_s`: last_s. */
static int64_t zone_interval_end(GTimeZone *source, int64_t at_s, int64_t last_s)
{
    int interval = g_time_zone_find_interval(source, G_TIME_TYPE_UNIVERSAL, at_s);
    int64_t inside = at_s;
    int64_t beyond = last_s;

    while (beyond - inside > 1) {
        int64_t middle = inside + (beyond - inside) / 2;
        if (g_time_zone_find_interval(source, G_TIME_TYPE_UNIVERSAL, middle) == interval) {
            inside = middle;
        } else {
            beyond = middle;
        }
    }
    return beyond;
}

static void zone_read(struct zone *zone, GTimeZone *source)
{
    int64_t at_s = zone_first_s;

    zone->changes[0] = (struct zone_change){INT64_MIN, zone_read_offset(source, at_s)};
    zone->count = 1;
    while (zone->count < ZONE_CHANGES_MAX) {
        int32_t offset_s;

        at_s = zone_interval_end(source, at_s, zone_last_s);
        if (at_s >= zone_last_s) {
            return;
        }
        offset_s = zone_read_offset(source, at_s);
        if (offset_s != zone->changes[zone->count - 1].offset_s) {
            zone->changes[zone->count] = (struct zone_change){at_s, offset_s};
            zone->count++;
        }
    }
}

int zone_create(const char *name, struct zone **ret_zone)
{
    GTimeZone *source = zone_has_file(name) ? g_time_zone_new_identifier(name) : NULL;
    struct zone *zone;

    if (source == NULL) {
        return -ENOENT;
    }
    zone = calloc(1, sizeof(*zone));
    if (zone != NULL) {
        zone->changes = calloc(ZONE_CHANGES_MAX, sizeof(*zone->changes));
    }
    if (zone == NULL || zone->changes == NULL) {
        free(zone);
        g_time_zone_unref(source);
        return -ENOMEM;
    }
    memcpy(zone->name, name, strlen(name) + 1);
    zone_read(zone, source);
    g_time_zone_unref(source);
    *ret_zone = zone;
    return 0;
}

void zone_destroy(struct zone *zone)
{
    if (zone != NULL) {
        free(zone->changes);
        free(zone);
    }
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

struct zone_span zone_span(const struct zone *zone, int64_t at_s)
{
    size_t low = 0;
    size_t high = zone->count;

    /* The last change at or before at_s. */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at_s <= at_s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (struct zone_span){.start_s = zone->changes[low].at_s,
                              .end_s = high < zone->count ? zone->changes[high].at_s : INT64_MAX,
                              .offset_s = zone->changes[low].offset_s};
}

const char *zone_format(const struct zone *zone, int64_t at_s, char buffer[ZONE_TEXT_SIZE])
{
    int32_t offset_s = zone_span(zone, at_s).offset_s;
    int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    time_t local = (time_t)(at_s + offset_s);
    char text[ZONE_TEXT_SIZE];
    struct tm fields;

    if (gmtime_r(&local, &fields) == NULL || strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &fields) == 0) {
        buffer[0] = '\0';
        return buffer;
    }
    snprintf(buffer, ZONE_TEXT_SIZE, "%.28s %c%02d:%02d", text, offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return buffer;
}
