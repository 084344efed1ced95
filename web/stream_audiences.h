/* All audiences of a stream. Of one thread. */
#ifndef LEASTPORT_WEB_STREAM_AUDIENCES_H
#define LEASTPORT_WEB_STREAM_AUDIENCES_H

#include "web/stream_audience.h"

/* One without a limit, and so many limits. */
enum { STREAM_AUDIENCES_MAX = 33 };

struct stream_audiences {
    const char *db_path; /* borrowed */
    struct stream_audience *first;
    size_t count;
    size_t replay_bytes; /* that they hold for who comes back */
    bool has_new;        /* one that was made and has not looked with the others yet */
};

/* Takes `*limits` and makes it NULL when it makes one. NULL: there are too many, or no memory. */
struct stream_audience *stream_audiences_find(struct stream_audiences *audiences, char **limits);
/* Those that nobody listens to. */
void stream_audiences_drop(struct stream_audiences *audiences);
/* The database is another file. */
void stream_audiences_close(struct stream_audiences *audiences);
/* False when one could not. */
bool stream_audiences_look(struct stream_audiences *audiences, bool is_changed, const json_t *jobs);
void stream_audiences_beat(struct stream_audiences *audiences);
/* Whether a scan runs that anybody is told of. */
bool stream_audiences_watch_scans(const struct stream_audiences *audiences);

#endif
