#include "auditd/access.h"

#include "auditd/finding/decide.h"
#include "auditd/protocol.h"
#include "auditd/store/session.h"
#include "auditd/store/token.h"
#include "lib/clock.h"
#include "lib/control.h"
#include "lib/token.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCESS_DEFAULT_DAYS = 90, ACCESS_DAYS_MAX = 3650 };

static const int64_t access_day_ms = INT64_C(24) * 3600 * 1000;

struct access {
    struct store *store;
    const json_t *request;
    const struct access_options *options;
    json_t *answer; /* what its function makes */
    char *ret_reason;
};

static int access_refuse(struct access *access, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int access_refuse(struct access *access, int rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(access->ret_reason, ACCESS_REASON_SIZE, format, args);
    va_end(args);
    return rc;
}

static const char *access_address(const struct access_options *options)
{
    return options->address == NULL ? "" : options->address;
}

static int access_enter(struct access *access, const char *what, const char *detail)
{
    return store_log_put(access->store, &(struct store_log_entry){.at_ms = access->options->now_ms,
                                                                  .actor = access->options->actor,
                                                                  .address = access_address(access->options),
                                                                  .what = what,
                                                                  .detail = detail});
}

/* ---- what a request says ---- */

static int access_text(struct access *access, const char *name, const char **ret_text)
{
    const char *text = json_string_value(json_object_get(access->request, name));

    if (text == NULL || text[strspn(text, " ")] == '\0') {
        return access_refuse(access, -EINVAL, "\"%s\" is missing or empty", name);
    }
    if (strlen(text) > ACCESS_NAME_MAX) {
        return access_refuse(access, -EINVAL, "\"%s\" is longer than %d bytes", name, ACCESS_NAME_MAX);
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (control_length(at) > 0) {
            return access_refuse(access, -EINVAL, "\"%s\" has a control character in it", name);
        }
    }
    *ret_text = text;
    return 0;
}

static int access_role(struct access *access, enum role *ret_role)
{
    const char *text = json_string_value(json_object_get(access->request, "role"));

    if (text == NULL) {
        *ret_role = ROLE_VIEWER;
        return 0;
    }
    if (role_parse(text, ret_role) < 0) {
        return access_refuse(access, -EINVAL, "there is no role \"%.40s\": viewer, operator or admin", text);
    }
    return 0;
}

/* Without any, all that the role can have. */
static int access_scopes(struct access *access, enum role role, unsigned *ret_scopes)
{
    const json_t *list = json_object_get(access->request, "scopes");
    char known[SCOPES_TEXT_SIZE];
    unsigned scopes = 0;
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item)
    {
        const char *text = json_string_value(item);
        enum scope scope;
        if (text == NULL || scope_parse(text, &scope) < 0) {
            return access_refuse(access, -EINVAL, "there is no scope \"%.40s\": %s", text == NULL ? "" : text,
                                 scopes_format(role_scopes(ROLE_ADMIN), known));
        }
        if ((role_scopes(role) & (unsigned)scope) == 0) {
            return access_refuse(access, -EINVAL, "a %s cannot have the scope \"%s\"", role_name(role), text);
        }
        scopes |= (unsigned)scope;
    }
    *ret_scopes = scopes == 0 ? role_scopes(role) : scopes;
    return 0;
}

/* "90d", a date, RFC 3339, "never". */
static int access_expiry(struct access *access, int64_t *ret_expires_at)
{
    const char *text = json_string_value(json_object_get(access->request, "expires"));
    int64_t now_ms = access->options->now_ms;
    char *end = NULL;
    long days;

    if (text == NULL) {
        *ret_expires_at = now_ms + ACCESS_DEFAULT_DAYS * access_day_ms;
        return 0;
    }
    if (strcmp(text, "never") == 0) {
        *ret_expires_at = 0;
        return 0;
    }
    errno = 0;
    days = strtol(text, &end, 10);
    if (end != text && strcmp(end, "d") == 0) {
        if (errno != 0 || days < 1 || days > ACCESS_DAYS_MAX) {
            return access_refuse(access, -EINVAL, "\"%.40s\" is not between 1d and %dd", text, ACCESS_DAYS_MAX);
        }
        *ret_expires_at = now_ms + days * access_day_ms;
        return 0;
    }
    if (decide_until_parse(text, ret_expires_at) < 0) {
        return access_refuse(access, -EINVAL, "\"%.40s\" is no end: 90d, 2027-03-31, RFC 3339 or never", text);
    }
    if (*ret_expires_at <= now_ms) {
        return access_refuse(access, -EINVAL, "%.40s is in the past", text);
    }
    return 0;
}

/* ---- create ---- */

static int access_limit(struct access *access, int64_t token_id, const char *member, const char *kind)
{
    const json_t *list = json_object_get(access->request, member);
    size_t index;
    json_t *item;
    int rc = 0;

    if (list != NULL && (!json_is_array(list) || json_array_size(list) > ACCESS_LIMITS_MAX)) {
        return access_refuse(access, -EINVAL, "\"%s\" is no list of at most %d texts", member, ACCESS_LIMITS_MAX);
    }
    json_array_foreach(list, index, item)
    {
        const char *text = json_string_value(item);
        const char *equals = text == NULL ? NULL : strchr(text, '=');
        if (text == NULL || text[0] == '\0' || strlen(text) > (size_t)2 * ACCESS_NAME_MAX) {
            return access_refuse(access, -EINVAL, "a %s is empty or too long", kind);
        }
        if (strcmp(kind, "tag") == 0 && (equals == NULL || equals == text)) {
            return access_refuse(access, -EINVAL, "a tag is KEY=VALUE; \"%.60s\" is not", text);
        }
        rc = rc == 0 ? store_token_limit(access->store, token_id, kind, text) : rc;
    }
    return rc;
}

static int access_fill(struct access *access, struct store_new_token *token)
{
    int rc = access_text(access, "name", &token->name);

    rc = rc == 0 ? access_role(access, &token->role) : rc;
    rc = rc == 0 ? access_scopes(access, token->role, &token->scopes) : rc;
    return rc == 0 ? access_expiry(access, &token->expires_at) : rc;
}

static int access_put(struct access *access, const struct store_new_token *token, const char *text)
{
    char expires[WALL_TEXT_SIZE];
    char detail[STORE_LOG_TEXT_MAX];
    int64_t id = 0;
    int rc = store_token_put(access->store, token, &id);

    if (rc == -EEXIST) {
        return access_refuse(access, rc, "there is a %s \"%s\" already; revoke it first, or choose another name",
                             token->kind, token->name);
    }
    rc = rc == 0 ? access_limit(access, id, "realms", "realm") : rc;
    rc = rc == 0 ? access_limit(access, id, "tags", "tag") : rc;
    if (rc < 0) {
        return rc;
    }
    snprintf(detail, sizeof(detail), "%s %s \"%s\", %s", token->kind, token->public_id, token->name,
             role_name(token->role));
    access->answer =
        json_pack("{s:b, s:s, s:s, s:o}", "ok", 1, "id", token->public_id, "token", text, "expires_at",
                  token->expires_at == 0 ? json_null() : json_string(wall_format(token->expires_at, expires)));
    return access->answer == NULL ? -ENOMEM : access_enter(access, "token created", detail);
}

static int access_create(struct access *access)
{
    char text[TOKEN_TEXT_SIZE] = "";
    char id[TOKEN_ID_SIZE] = "";
    char hash[TOKEN_HASH_SIZE] = "";
    struct store_new_token token = {.public_id = id,
                                    .kind = "token",
                                    .hash = hash,
                                    .created_by = access->options->actor,
                                    .created_at = access->options->now_ms};
    int rc = access_fill(access, &token);

    if (rc < 0) {
        return rc;
    }
    token_make(text, id, hash);
    return access_put(access, &token, text);
}

static int access_revoke(struct access *access)
{
    char detail[STORE_LOG_TEXT_MAX];
    char public_id[16];
    const char *name = "";
    int64_t id;
    int rc = access_text(access, "token", &name);

    if (rc < 0) {
        return rc;
    }
    rc = store_token_find(access->store, name, &id, public_id);
    if (rc == -ENOENT) {
        return access_refuse(access, rc, "there is no token \"%s\": `leastport token list` shows ids and names", name);
    }
    rc = rc == 0 ? store_token_revoke(access->store, id, access->options->actor, access->options->now_ms) : rc;
    rc = rc == 0 ? store_sessions_end(access->store, id) : rc;
    if (rc < 0) {
        return rc;
    }
    snprintf(detail, sizeof(detail), "token %s (%s)", public_id, name);
    access->answer = json_pack("{s:b, s:s}", "ok", 1, "id", public_id);
    return access->answer == NULL ? -ENOMEM : access_enter(access, "token revoked", detail);
}

/* ---- links ---- */

static int access_link(struct access *access)
{
    char text[TOKEN_TEXT_SIZE] = "";
    char id[TOKEN_ID_SIZE] = "";
    char hash[TOKEN_HASH_SIZE] = "";
    const struct store_new_token token = {.public_id = id,
                                          .kind = "link",
                                          .name = "one-time link",
                                          .hash = hash,
                                          .role = ROLE_ADMIN,
                                          .scopes = role_scopes(ROLE_ADMIN),
                                          .created_by = access->options->actor,
                                          .created_at = access->options->now_ms,
                                          .expires_at = access->options->now_ms + ACCESS_LINK_MS};
    /* One at a time: an old one that lies about opens nothing. */
    int rc = store_links_end(access->store, access->options->now_ms);

    token_make(text, id, hash);
    return rc == 0 ? access_put(access, &token, text) : rc;
}

static int access_take(struct access *access)
{
    const char *id = "";
    int rc = access_text(access, "token", &id);

    if (rc < 0) {
        return rc;
    }
    rc = store_link_take(access->store, id, access->options->now_ms);
    if (rc == -ENOENT) {
        return access_refuse(access, rc, "the link was used, or its time is over");
    }
    access->answer = json_pack("{s:b, s:s}", "ok", 1, "id", id);
    return rc < 0 ? rc : access->answer == NULL ? -ENOMEM : 0;
}

/* ---- in one transaction ---- */

static int access_run(struct access *access, int (*function)(struct access *), json_t **ret_answer)
{
    int rc = store_begin(access->store);

    access->ret_reason[0] = '\0';
    if (rc == 0) {
        rc = function(access);
        if (rc == 0) {
            rc = store_commit(access->store);
        } else {
            store_rollback(access->store);
        }
    }
    if (rc < 0) {
        if (access->ret_reason[0] == '\0') {
            snprintf(access->ret_reason, ACCESS_REASON_SIZE, "%s",
                     rc == -ENOMEM ? "out of memory" : store_last_error(access->store)->text);
        }
        json_decref(access->answer);
        return rc;
    }
    *ret_answer = access->answer;
    return 0;
}

int access_token(struct store *store, const json_t *request, const struct access_options *options, json_t **ret_answer,
                 char ret_reason[ACCESS_REASON_SIZE])
{
    static const struct {
        const char *word;
        int (*run)(struct access *access);
    } words[] = {
        {CONTROL_TOKEN_CREATE, access_create},
        {CONTROL_TOKEN_REVOKE, access_revoke},
        {CONTROL_TOKEN_LINK, access_link},
        {CONTROL_TOKEN_TAKE, access_take},
    };
    struct access access = {.store = store, .request = request, .options = options, .ret_reason = ret_reason};
    const char *word = json_string_value(json_object_get(request, "do"));

    for (size_t i = 0; word != NULL && i < sizeof(words) / sizeof(*words); i++) {
        if (strcmp(words[i].word, word) == 0) {
            return access_run(&access, words[i].run, ret_answer);
        }
    }
    return access_refuse(&access, -EINVAL, "\"do\" of \"token\" is create, revoke, link or take");
}

/* ---- what web saw ---- */

static const char *access_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static int access_note_event(struct access *access, const json_t *event)
{
    const struct store_log_entry entry = {
        .at_ms = json_integer_value(json_object_get(event, "at")),
        .actor = access_member(event, "actor"),
        .address = access_member(event, "address"),
        .what = access_member(event, "what"),
        .refused = json_is_true(json_object_get(event, "refused")),
        .detail = access_member(event, "detail"),
    };

    if (entry.at_ms <= 0 || entry.what[0] == '\0') {
        return access_refuse(access, -EINVAL, "an event has \"at\" in milliseconds and says \"what\"");
    }
    return store_log_put(access->store, &entry);
}

static int access_note_session(struct access *access, const json_t *session)
{
    const char *hash = access_member(session, "hash");
    int64_t begun_ms = json_integer_value(json_object_get(session, "begun_at"));

    if (strlen(hash) != ACCESS_SESSION_DIGITS || strspn(hash, "0123456789abcdef") != ACCESS_SESSION_DIGITS) {
        return access_refuse(access, -EINVAL, "a session's \"hash\" is %d hexadecimal digits", ACCESS_SESSION_DIGITS);
    }
    if (json_is_true(json_object_get(session, "ended"))) {
        return store_session_end(access->store, hash);
    }
    if (begun_ms <= 0) {
        return access_refuse(access, -EINVAL, "a session has \"begun_at\" in milliseconds, or \"ended\"");
    }
    return store_session_put(access->store, hash, access_member(session, "token"), begun_ms,
                             json_integer_value(json_object_get(session, "seen_at")));
}

static int access_note_sessions(struct access *access, const json_t *sessions)
{
    size_t index;
    json_t *item;
    int rc = 0;

    json_array_foreach(sessions, index, item)
    {
        rc = rc == 0 ? access_note_session(access, item) : rc;
    }
    return rc == 0 && json_array_size(sessions) > 0 ? store_sessions_sweep(access->store, wall_now_ms()) : rc;
}

static int access_note_all(struct access *access)
{
    const json_t *events = json_object_get(access->request, "events");
    const json_t *used = json_object_get(access->request, "used");
    const json_t *sessions = json_object_get(access->request, "sessions");
    size_t index;
    json_t *item;
    int rc;

    if (json_array_size(events) > ACCESS_EVENTS_MAX || json_array_size(used) > ACCESS_EVENTS_MAX ||
        json_array_size(sessions) > ACCESS_EVENTS_MAX) {
        return access_refuse(access, -EINVAL, "at most %d events, tokens and sessions at once", ACCESS_EVENTS_MAX);
    }
    rc = access_note_sessions(access, sessions);
    json_array_foreach(events, index, item)
    {
        rc = rc == 0 ? access_note_event(access, item) : rc;
    }
    json_array_foreach(used, index, item)
    {
        rc = rc == 0 ? store_token_used(access->store, access_member(item, "token"),
                                        json_integer_value(json_object_get(item, "at")))
                     : rc;
    }
    access->answer = rc == 0 ? json_pack("{s:b}", "ok", 1) : NULL;
    return rc == 0 && access->answer == NULL ? -ENOMEM : rc;
}

int access_note(struct store *store, const json_t *request, json_t **ret_answer, char ret_reason[ACCESS_REASON_SIZE])
{
    struct access access = {.store = store, .request = request, .ret_reason = ret_reason};

    return access_run(&access, access_note_all, ret_answer);
}

int access_log(struct store *store, const struct access_options *options, const char *what, bool refused,
               const char *detail)
{
    const struct store_log_entry entry = {.at_ms = options->now_ms,
                                          .actor = options->actor,
                                          .address = access_address(options),
                                          .what = what,
                                          .refused = refused,
                                          .detail = detail};
    int rc;

    if (store_in_transaction(store)) {
        return store_log_put(store, &entry);
    }
    rc = store_begin(store);
    if (rc < 0) {
        return rc;
    }
    rc = store_log_put(store, &entry);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}
