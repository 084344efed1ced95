/* Local time of a place, by the system's time zone database. Read once; what is asked afterwards is pure. */
#ifndef LEASTPORT_AUDITD_SCHEDULE_ZONE_H
#define LEASTPORT_AUDITD_SCHEDULE_ZONE_H

#include "lib/addr.h"

#include <stdint.h>

struct zone;

enum { ZONE_NAME_SIZE = 64 };

/* `name` is IANA's: "Europe/Berlin", "UTC". -ENOENT when the database has none of that name, -ENOMEM. The caller owns
 * the result: zone_destroy(). Changes of the offset are known up to the end of 2037, as GLib knows them. */
MUST_USE int zone_create(const char *name, struct zone **ret_zone);
void zone_destroy(struct zone *zone);
const char *zone_name(const struct zone *zone);

/* A stretch in which local time = UTC + `offset_s`: from start_s until before end_s, in seconds since 1970 UTC. */
struct zone_span {
    int64_t start_s;
    int64_t end_s;
    int32_t offset_s;
};

struct zone_span zone_span(const struct zone *zone, int64_t at_s);

/* As people of the place write it, "2026-03-29 03:00 +02:00". */
enum { ZONE_TEXT_SIZE = 40 };
const char *zone_format(const struct zone *zone, int64_t at_s, char buffer[ZONE_TEXT_SIZE]);

#endif
