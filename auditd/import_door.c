#include "auditd/import_door.h"

#include "auditd/ask.h"
#include "auditd/import/scope.h"
#include "auditd/judging.h"
#include "auditd/protocol.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A part of a large database is judged within it. A piece of text stays below a request's ceiling, also when each of
 * its bytes is escaped. */
enum { DOOR_PATIENCE_S = 600, DOOR_PIECE_BYTES = CONTROL_LINE_MAX_BYTES / 2 - 1024 };

static int door_fail(struct import_door *door, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int door_fail(struct import_door *door, int rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(door->reason, sizeof(door->reason), format, args);
    va_end(args);
    return rc;
}

/* ---- here ---- */

static int door_begin_here(struct import_door *door, const struct import_origin *origin, size_t *ret_stored)
{
    struct store_error error;
    int rc = desk_open(door->settings, &door->desk, &error);

    if (rc < 0) {
        return door_fail(door, rc, "%s", error.text);
    }
    door->desk_is_open = true;
    door->origin = *origin;
    snprintf(door->realm, sizeof(door->realm), "%s",
             origin->realm != NULL ? origin->realm : door->settings->config.realm);
    door->origin.realm = door->realm;
    return import_entry_begin(door->desk.store, &door->origin, ret_stored, door->reason);
}

static int door_store_here(struct import_door *door, const struct import_lines *lines, bool more)
{
    const struct judging judging = {.store = door->desk.store,
                                    .config = &door->settings->config,
                                    .policy = door->settings->policy,
                                    .policy_id = door->desk.policy_id,
                                    .since_ms = door->origin.begun_ms,
                                    .more = more};
    const struct import_entry into = {door->desk.store, &door->origin, &door->scope};
    char uuid[STORE_UUID_SIZE];
    int rc = import_entry_store(&into, lines, uuid, door->reason);

    if (rc == 0) {
        rc = judging_scan(&judging, uuid);
        if (rc < 0) {
            (void)door_fail(door, rc, "%s", store_last_error(door->desk.store)->text);
        }
    }
    return rc;
}

static const struct import_door_ways door_here = {.begin = door_begin_here, .store = door_store_here};

int import_door_here(struct import_door *door, struct settings *settings, char *const *scope, size_t scope_count)
{
    const char *wrong;
    int rc = import_scope_load(&settings->config.scope, scope, scope_count, &door->scope, &wrong);

    if (rc < 0) {
        return door_fail(door, rc,
                         rc == -EINVAL ? "scope \"%s\" is no address and no prefix such as 203.0.113.0/24"
                                       : "the scope cannot be read%s",
                         rc == -EINVAL ? wrong : "");
    }
    door->settings = settings;
    door->ways = &door_here;
    return 0;
}

/* ---- the daemon ---- */

/* Takes `request`. *ret_answer is the caller's. */
static int door_tell(struct import_door *door, json_t *request, json_t **ret_answer)
{
    json_t *answer = NULL;
    const char *error;
    int rc = ask_tell(door->ask, request, &answer);

    if (rc == -ENOMEM || rc == -ETIMEDOUT) {
        return door_fail(door, rc, rc == -ENOMEM ? "out of memory" : "the daemon does not answer");
    }
    if (rc < 0) {
        return door_fail(door, rc, "the daemon went away");
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        error = json_string_value(json_object_get(answer, "error"));
        rc = door_fail(door, -EPROTO, "%s", error == NULL ? "the daemon refused it and did not say why" : error);
        json_decref(answer);
        return rc;
    }
    *ret_answer = answer;
    return 0;
}

static int door_take_scope(struct import_door *door, const json_t *texts)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        rc = text == NULL ? -EINVAL : prefix_list_add(&door->scope, text);
    }
    return rc < 0 ? door_fail(door, rc, "the daemon's scope cannot be read: %s", strerror(-rc)) : 0;
}

static int door_begin_daemon(struct import_door *door, const struct import_origin *origin, size_t *ret_stored)
{
    json_t *answer = NULL;
    const char *realm;
    int rc =
        door_tell(door,
                  json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s, s:I}", "op", CONTROL_OP_IMPORT, "do",
                            CONTROL_IMPORT_BEGIN, "realm", origin->realm, "vantage", origin->vantage, "vantage_class",
                            origin->vantage_class, "digest", origin->digest, "begun_ms", (json_int_t)origin->begun_ms),
                  &answer);

    if (rc < 0) {
        return rc;
    }
    realm = json_string_value(json_object_get(answer, "realm"));
    snprintf(door->realm, sizeof(door->realm), "%s", realm == NULL ? "" : realm);
    *ret_stored = (size_t)json_integer_value(json_object_get(answer, "stored"));
    rc = door_take_scope(door, json_object_get(answer, "scope"));
    json_decref(answer);
    return rc;
}

static int door_store_daemon(struct import_door *door, const struct import_lines *lines, bool more)
{
    json_t *answer = NULL;
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < lines->size; at += DOOR_PIECE_BYTES) {
        size_t length = lines->size - at < DOOR_PIECE_BYTES ? lines->size - at : DOOR_PIECE_BYTES;
        rc = door_tell(door,
                       json_pack("{s:s, s:s, s:s%}", "op", CONTROL_OP_IMPORT, "do", CONTROL_IMPORT_LINES, "text",
                                 lines->text + at, length),
                       &answer);
        if (rc == 0) {
            json_decref(answer);
        }
    }
    if (rc == 0) {
        rc = door_tell(
            door,
            json_pack("{s:s, s:s, s:b}", "op", CONTROL_OP_IMPORT, "do", CONTROL_IMPORT_STORE, "more", more ? 1 : 0),
            &answer);
        if (rc == 0) {
            json_decref(answer);
        }
    }
    return rc;
}

static const struct import_door_ways door_daemon = {.begin = door_begin_daemon, .store = door_store_daemon};

int import_door_daemon(struct import_door *door, const char *control_path)
{
    int rc = ask_open(control_path, DOOR_PATIENCE_S, &door->ask);

    if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENAMETOOLONG || rc == -ENOTDIR) {
        return -ENOENT;
    }
    if (rc < 0) {
        return door_fail(door, rc, "the daemon at %s: %s", control_path, strerror(-rc));
    }
    door->is_daemon = true;
    door->ways = &door_daemon;
    return 0;
}

void import_door_close(struct import_door *door)
{
    if (door->desk_is_open) {
        desk_close(&door->desk);
    }
    ask_close(door->ask);
    prefix_list_done(&door->scope);
    *door = (struct import_door){0};
}
