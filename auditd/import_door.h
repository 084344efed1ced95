/* Where an import goes in: the running daemon, over its control socket, or the database itself when no daemon runs. */
#ifndef LEASTPORT_AUDITD_IMPORT_DOOR_H
#define LEASTPORT_AUDITD_IMPORT_DOOR_H

#include "auditd/desk.h"
#include "auditd/import/entry.h"
#include "auditd/settings.h"

struct ask;
struct import_door;

/* -errno with door->reason. */
struct import_door_ways {
    /* As import_entry_begin(); then door->realm and door->scope are known. The origin's texts are borrowed until
     * import_door_close(). */
    int (*begin)(struct import_door *door, const struct import_origin *origin, size_t *ret_stored);
    /* Stores and judges one scan's lines. `more`: another one follows, and scores wait for the last. */
    int (*store)(struct import_door *door, const struct import_lines *lines, bool more);
};

enum { IMPORT_DOOR_NAME_SIZE = 129 };

struct import_door {
    const struct import_door_ways *ways; /* NULL: none is open */
    bool is_daemon;
    struct prefix_list scope; /* the daemon's only after begin() */
    char realm[IMPORT_DOOR_NAME_SIZE];
    char reason[IMPORT_REASON_SIZE];
    struct import_origin origin;
    struct settings *settings; /* here */
    struct desk desk;
    bool desk_is_open;
    struct ask *ask; /* the daemon */
};

/* The door is {0}. -ENOENT when no daemon answers there; other errors as they come, with the reason. */
MUST_USE int import_door_daemon(struct import_door *door, const char *control_path);

/* `settings` and `scope` (of the command line) are borrowed until import_door_close(). The database is opened by
 * begin(). -EINVAL and others, with the reason. */
MUST_USE int import_door_here(struct import_door *door, struct settings *settings, char *const *scope,
                              size_t scope_count);

/* Takes one that is {0}. */
void import_door_close(struct import_door *door);

#endif
