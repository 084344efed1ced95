#include "auditd/alert/vigil.h"

#include "auditd/store/condition.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <stdlib.h>

enum { VIGIL_LOOK_MS = 60000 };

struct vigil {
    struct vigil_options options;
    uv_timer_t timer;
    bool stopping;
    bool failed; /* said once, until it works again */
};

int vigil_look(struct store *store, int64_t max_age_ms, int64_t now_ms)
{
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    rc = store_condition_look(store, max_age_ms, now_ms);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}

static void vigil_on_timer(uv_timer_t *timer)
{
    struct vigil *vigil = timer->data;
    int rc = 0;

    if (vigil->options.may_write(vigil->options.context)) {
        rc = vigil_look(vigil->options.store, vigil->options.max_age_ms, wall_now_ms());
    }
    if (rc < 0 && !vigil->failed) {
        log_error("what is amiss cannot be looked at: %s", store_last_error(vigil->options.store)->text);
    }
    vigil->failed = rc < 0;
}

struct vigil *vigil_create(uv_loop_t *loop, const struct vigil_options *options)
{
    struct vigil *vigil = calloc(1, sizeof(*vigil));

    if (vigil == NULL) {
        return NULL;
    }
    vigil->options = *options;
    uv_timer_init(loop, &vigil->timer);
    vigil->timer.data = vigil;
    (void)uv_timer_start(&vigil->timer, vigil_on_timer, 0, VIGIL_LOOK_MS);
    return vigil;
}

void vigil_stop(struct vigil *vigil)
{
    if (vigil != NULL && !vigil->stopping) {
        vigil->stopping = true;
        uv_close((uv_handle_t *)&vigil->timer, NULL);
    }
}

void vigil_destroy(struct vigil *vigil)
{
    free(vigil);
}
