/* How the daemon is, for pages that all want to know it: asked for at most once a second, however many ask, and
 * by one of them while the others get what was said last. */
#ifndef LEASTPORT_WEB_DAEMON_VIEW_H
#define LEASTPORT_WEB_DAEMON_VIEW_H

#include "web/control.h"

struct daemon_view;

struct daemon_said {
    enum control_state state;
    char hindrance[CONTROL_HINDRANCE_SIZE]; /* what keeps it from writing; "" for nothing */
};

/* `control_path` is borrowed; NULL: none. NULL when out of memory. The caller owns the result: daemon_view_destroy().
 */
struct daemon_view *daemon_view_create(const char *control_path);
void daemon_view_destroy(struct daemon_view *view);

/* From any thread. `view` may be NULL: then nothing is known. */
void daemon_view_look(struct daemon_view *view, struct daemon_said *ret_said);

#endif
