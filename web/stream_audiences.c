#include "web/stream_audiences.h"

#include <string.h>

void stream_audiences_drop(struct stream_audiences *audiences)
{
    struct stream_audience **link = &audiences->first;

    while (*link != NULL) {
        struct stream_audience *audience = *link;
        if (audience->clients == 0) {
            *link = audience->next;
            audiences->count--;
            stream_audience_destroy(audience);
        } else {
            link = &audience->next;
        }
    }
}

struct stream_audience *stream_audiences_find(struct stream_audiences *audiences, char **limits)
{
    struct stream_audience *audience = audiences->first;

    while (audience != NULL && strcmp(audience->limits, *limits) != 0) {
        audience = audience->next;
    }
    if (audience != NULL) {
        return audience;
    }
    if (audiences->count >= STREAM_AUDIENCES_MAX) {
        stream_audiences_drop(audiences);
    }
    if (audiences->count >= STREAM_AUDIENCES_MAX) {
        return NULL;
    }
    audience = stream_audience_create(audiences->db_path, *limits, &audiences->replay_bytes);
    *limits = NULL;
    if (audience != NULL) {
        audience->next = audiences->first;
        audiences->first = audience;
        audiences->count++;
        audiences->has_new = true;
    }
    return audience;
}

void stream_audiences_close(struct stream_audiences *audiences)
{
    for (struct stream_audience *audience = audiences->first; audience != NULL; audience = audience->next) {
        stream_audience_close(audience);
    }
}

bool stream_audiences_look(struct stream_audiences *audiences, bool is_changed, const json_t *jobs)
{
    bool is_whole = true;

    audiences->has_new = false;
    for (struct stream_audience *audience = audiences->first; audience != NULL; audience = audience->next) {
        int rc = 0;
        if (audience->clients > 0) {
            rc = is_changed ? stream_audience_look(audience) : 0;
            rc = rc == 0 ? stream_audience_look_at_progress(audience, jobs) : rc;
        }
        is_whole = is_whole && rc == 0;
    }
    return is_whole;
}

void stream_audiences_beat(struct stream_audiences *audiences)
{
    for (struct stream_audience *audience = audiences->first; audience != NULL; audience = audience->next) {
        if (audience->clients > 0) {
            stream_audience_beat(audience);
        }
    }
}

bool stream_audiences_watch_scans(const struct stream_audiences *audiences)
{
    for (const struct stream_audience *audience = audiences->first; audience != NULL; audience = audience->next) {
        if (audience->running > 0 && audience->clients > 0) {
            return true;
        }
    }
    return false;
}
