#include "auditd/token_verb.h"

#include "auditd/access.h"
#include "auditd/ask.h"
#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "auditd/token_list.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the request ---- */

static int token_add_list(json_t *request, const char *name, const struct options_list *list)
{
    json_t *texts = json_array();
    bool failed = texts == NULL;

    for (size_t i = 0; i < list->count; i++) {
        failed = failed || json_array_append_new(texts, json_string(list->items[i])) != 0;
    }
    if (failed) {
        json_decref(texts);
        log_error("\"%s\" holds text that is no UTF-8", name);
        return -EINVAL;
    }
    return json_object_set_new(request, name, texts) == 0 ? 0 : -ENOMEM;
}

static json_t *token_request(const struct token_command *command)
{
    static const char *const words[] = {[TOKEN_CREATE] = CONTROL_TOKEN_CREATE,
                                        [TOKEN_LIST] = "",
                                        [TOKEN_REVOKE] = CONTROL_TOKEN_REVOKE,
                                        [TOKEN_LINK] = CONTROL_TOKEN_LINK};
    json_t *request =
        json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "op", CONTROL_OP_TOKEN, "do", words[command->action], "name",
                  command->name, "role", command->role, "expires", command->expires, "token", command->token);

    if (request == NULL) {
        log_error("an argument is no UTF-8");
    } else if (token_add_list(request, "scopes", &command->scopes) < 0 ||
               token_add_list(request, "realms", &command->realms) < 0 ||
               token_add_list(request, "tags", &command->tags) < 0) {
        json_decref(request);
        request = NULL;
    }
    return request;
}

/* ---- asking ---- */

static int token_direct(const struct settings *settings, const json_t *request, json_t **ret_answer)
{
    const struct passwd *user = getpwuid(getuid());
    struct store_options options = store_options_default();
    char reason[ACCESS_REASON_SIZE];
    char actor[96];
    const struct access_options access = {.actor = actor, .now_ms = wall_now_ms()};
    struct store_error error;
    struct store *store;
    int rc;

    options.create = true;
    options.create_folders = settings->db_is_default;
    rc = store_open(settings->db, &options, &store, &error);
    if (rc < 0) {
        log_error("%s", error.text);
        return rc;
    }
    if (user == NULL) {
        snprintf(actor, sizeof(actor), "user %lu", (unsigned long)getuid());
    } else {
        snprintf(actor, sizeof(actor), "%.90s", user->pw_name);
    }
    rc = access_token(store, request, &access, ret_answer, reason);
    if (rc < 0) {
        log_error("%s", reason);
    }
    store_close(store);
    return rc;
}

static int token_ask(const struct token_command *command, const struct settings *settings, const json_t *request,
                     json_t **ret_answer)
{
    json_t *answer = NULL;
    int rc = ask_daemon(settings->control, request, &answer);

    if (command->action != TOKEN_LINK && (rc == -ENOENT || rc == -ECONNREFUSED)) {
        return token_direct(settings, request, ret_answer);
    }
    if (rc < 0) {
        log_error("no daemon answers at %s (%s); `leastport serve` starts one, and prints a link by itself",
                  settings->control, strerror(-rc));
        return rc;
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        log_error("%s", json_string_value(json_object_get(answer, "error")));
        json_decref(answer);
        return -EPROTO;
    }
    *ret_answer = answer;
    return 0;
}

/* ---- what is said of it ---- */

static void token_say_created(const struct token_command *command, const json_t *answer)
{
    const char *token = json_string_value(json_object_get(answer, "token"));
    const char *expires = json_string_value(json_object_get(answer, "expires_at"));

    puts(token);
    log_notice("token %s for \"%s\", %s%.10s; it is shown this once: keep it where only its user can read it",
               json_string_value(json_object_get(answer, "id")), command->name,
               expires == NULL ? "without an end" : "until ", expires == NULL ? "" : expires);
}

static void token_say(const struct token_command *command, const json_t *answer)
{
    if (command->action == TOKEN_CREATE) {
        token_say_created(command, answer);
    } else if (command->action == TOKEN_LINK) {
        puts(json_string_value(json_object_get(answer, "url")));
        log_notice("the link logs one browser in as administrator, once, within 15 minutes");
    } else {
        log_notice("token %s opens nothing any more", json_string_value(json_object_get(answer, "id")));
    }
}

static int token_do(const struct token_command *command, const struct settings *settings)
{
    json_t *request = token_request(command);
    json_t *answer = NULL;
    int rc = request == NULL ? -EINVAL : token_ask(command, settings, request, &answer);

    if (rc == 0) {
        token_say(command, answer);
    }
    json_decref(answer);
    json_decref(request);
    return rc;
}

int token_verb_run(const struct token_command *command)
{
    struct settings settings;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = command->action == TOKEN_LIST ? token_list_print(settings.db, command->all, command->json)
                                       : token_do(command, &settings);
    if (rc == 0 && fflush(stdout) != 0 && errno != EPIPE) {
        log_error("cannot write to standard output: %s", strerror(errno));
        rc = -errno;
    }
    settings_done(&settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
