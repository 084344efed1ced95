#include "web/daemon_view.h"

#include "lib/clock.h"

#include <pthread.h>
#include <stdlib.h>

enum { DAEMON_VIEW_FRESH_MS = 1000 };

struct daemon_view {
    const char *control_path;
    pthread_mutex_t mutex; /* of what follows; not held while the daemon is asked */
    struct daemon_said said;
    struct mono_time stale_at;
    bool is_asked; /* by somebody, just now */
    bool is_known;
};

struct daemon_view *daemon_view_create(const char *control_path)
{
    struct daemon_view *view = calloc(1, sizeof(*view));

    if (view != NULL) {
        view->control_path = control_path;
        pthread_mutex_init(&view->mutex, NULL);
    }
    return view;
}

void daemon_view_destroy(struct daemon_view *view)
{
    if (view != NULL) {
        pthread_mutex_destroy(&view->mutex);
        free(view);
    }
}

void daemon_view_look(struct daemon_view *view, struct daemon_said *ret_said)
{
    bool asks;

    if (view == NULL) {
        *ret_said = (struct daemon_said){.state = CONTROL_UNKNOWN};
        return;
    }
    pthread_mutex_lock(&view->mutex);
    asks = !view->is_known || (!view->is_asked && mono_now().ns >= view->stale_at.ns);
    view->is_asked = view->is_asked || asks;
    *ret_said = view->said;
    pthread_mutex_unlock(&view->mutex);
    if (!asks) {
        return;
    }
    ret_said->state = control_ask(view->control_path, ret_said->hindrance);
    pthread_mutex_lock(&view->mutex);
    view->said = *ret_said;
    view->is_asked = false;
    view->is_known = true;
    view->stale_at = mono_add_ns(mono_now(), DAEMON_VIEW_FRESH_MS * UINT64_C(1000000));
    pthread_mutex_unlock(&view->mutex);
}
