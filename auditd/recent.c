#include "auditd/recent.h"

#include "lib/clock.h"

#include <stdlib.h>

enum { RECENT_TARGETS = 16 };

struct recent {
    json_t *jobs; /* the last to end first */
};

struct recent *recent_create(void)
{
    struct recent *recent = calloc(1, sizeof(*recent));

    if (recent == NULL) {
        return NULL;
    }
    recent->jobs = json_array();
    if (recent->jobs == NULL) {
        free(recent);
        return NULL;
    }
    return recent;
}

void recent_destroy(struct recent *recent)
{
    if (recent != NULL) {
        json_decref(recent->jobs);
        free(recent);
    }
}

static const char *recent_state(const struct job_result *result, bool is_cancelled)
{
    static const char *const states[] = {[JOB_COMPLETE] = "complete",
                                         [JOB_INCOMPLETE] = "incomplete",
                                         [JOB_UNANSWERED] = "unanswered",
                                         [JOB_FAILED] = "failed"};

    return is_cancelled && result->end != JOB_COMPLETE ? "cancelled" : states[result->end];
}

/* What comes from the network may be no UTF-8. */
static json_t *recent_text(const char *text)
{
    json_t *value = json_string(text);

    return value == NULL ? json_string("(a message that is no text; the daemon's log has it)") : value;
}

/* The first of them: all those that are kept stand in one answer. */
static json_t *recent_targets(const json_t *targets)
{
    json_t *first = json_array();
    size_t index;
    json_t *target;

    json_array_foreach(targets, index, target)
    {
        if (index < RECENT_TARGETS) {
            json_array_append(first, target);
        }
    }
    return first;
}

void recent_put(struct recent *recent, json_t *job, const struct job_result *result, bool is_cancelled)
{
    char ended[WALL_TEXT_SIZE];

    if (job == NULL) {
        return;
    }
    json_object_set_new(job, "targets", recent_targets(json_object_get(job, "targets")));
    json_object_set_new(job, "state", json_string(recent_state(result, is_cancelled)));
    json_object_set_new(job, "message", recent_text(result->message));
    json_object_set_new(job, "ended_at", json_string(wall_format(wall_now_ms(), ended)));
    if (result->scan_uuid[0] != '\0') {
        json_object_set_new(job, "scan", json_string(result->scan_uuid));
    }
    json_array_insert_new(recent->jobs, 0, job);
    if (json_array_size(recent->jobs) > RECENT_MAX) {
        json_array_remove(recent->jobs, RECENT_MAX);
    }
}

json_t *recent_list(const struct recent *recent)
{
    return json_copy(recent->jobs);
}
