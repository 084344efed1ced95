#include "auditd/disposition_verb.h"

#include "auditd/ask.h"
#include "auditd/finding/decide.h"
#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "auditd/waiver_list.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What fits a line of the control socket, with the escapes of JSON. */
enum { DISPOSITION_CSV_MAX = CONTROL_LINE_MAX_BYTES / 2 };

/* ---- the request ---- */

static json_t *disposition_list(const struct options_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, json_string(list->items[i]));
    }
    return array;
}

static int disposition_add(json_t *request, const char *name, const char *text)
{
    if (text == NULL || json_object_set_new(request, name, json_string(text)) == 0) {
        return 0;
    }
    log_error("%s is no UTF-8", name);
    return -EINVAL;
}

static int disposition_add_list(json_t *request, const char *name, const struct options_list *list)
{
    json_t *array;

    if (list->count == 0) {
        return 0;
    }
    array = disposition_list(list);
    if (json_array_size(array) != list->count) {
        json_decref(array);
        log_error("a %s is no UTF-8", name);
        return -EINVAL;
    }
    return json_object_set_new(request, name, array);
}

static int disposition_add_hosts(json_t *request, const struct disposition_command *command)
{
    json_t *hosts = json_object();
    json_t *tags = json_object();
    int rc = disposition_add_list(hosts, "realm", &command->realms);

    rc = rc == 0 ? disposition_add_list(hosts, "cidr", &command->cidrs) : rc;
    rc = rc == 0 ? disposition_add_list(hosts, "name", &command->names) : rc;
    rc = rc == 0 ? disposition_add_list(hosts, "group", &command->groups) : rc;
    for (size_t i = 0; i < command->tags.count && rc == 0; i++) {
        const char *equals = strchr(command->tags.items[i], '=');
        rc = json_object_setn_new(tags, command->tags.items[i], (size_t)(equals - command->tags.items[i]),
                                  json_string(equals + 1));
    }
    if (rc == 0 && json_object_size(tags) > 0) {
        rc = json_object_set(hosts, "tag", tags);
    }
    json_decref(tags);
    return rc == 0 ? json_object_set_new(request, "hosts", hosts) : (json_decref(hosts), rc);
}

static int disposition_read(const char *path, char **ret_text, size_t *ret_size)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = malloc(DISPOSITION_CSV_MAX + 1);
    int rc = in == NULL ? -errno : text == NULL ? -ENOMEM : 0;
    size_t size = 0;

    if (rc == 0) {
        size = fread(text, 1, DISPOSITION_CSV_MAX + 1, in);
        rc = ferror(in) ? -EIO : size > DISPOSITION_CSV_MAX ? -EFBIG : 0;
    }
    if (rc == -EFBIG) {
        log_error("%s is longer than %d bytes: import it in parts", path, DISPOSITION_CSV_MAX);
    } else if (rc < 0) {
        log_error("cannot read %s: %s", path, strerror(-rc));
    }
    if (in != NULL && in != stdin) {
        fclose(in);
    }
    if (rc < 0) {
        free(text);
        return rc;
    }
    *ret_text = text;
    *ret_size = size;
    return 0;
}

static int disposition_add_file(json_t *request, const char *path)
{
    char *text;
    size_t size;
    int rc = disposition_read(path, &text, &size);

    if (rc < 0) {
        return rc;
    }
    rc = json_object_set_new(request, "csv", json_stringn(text, size));
    free(text);
    if (rc != 0) {
        log_error("%s is no UTF-8", path);
        return -EINVAL;
    }
    return 0;
}

static int disposition_request(const struct disposition_command *command, json_t *request)
{
    int rc;

    if (command->import != NULL) {
        return disposition_add_file(request, command->import);
    }
    rc = disposition_add(request, "reason", command->reason);
    rc = rc == 0 ? disposition_add(request, "owner", command->owner) : rc;
    rc = rc == 0 ? disposition_add(request, "until", command->until) : rc;
    rc = rc == 0 ? disposition_add(request, "rule", command->rule) : rc;
    rc = rc == 0 ? disposition_add_list(request, "findings", &command->findings) : rc;
    rc = rc == 0 ? disposition_add_list(request, "waivers", &command->waivers) : rc;
    if (rc == 0 && command->rule != NULL) {
        return disposition_add_hosts(request, command);
    }
    return rc == 0 && command->realms.count > 0 ? disposition_add(request, "realm", command->realms.items[0]) : rc;
}

/* ---- asking ---- */

/* What is wrong with a file names the file. */
static void disposition_refused(const struct disposition_command *command, const char *reason)
{
    bool is_file = command->import != NULL && strcmp(command->import, "-") != 0;

    log_error("%s%s%s", is_file ? command->import : "", is_file ? ": " : "", reason);
}

static int disposition_direct(const struct disposition_command *command, const struct settings *settings,
                              const json_t *request, json_t **ret_answer)
{
    const struct passwd *user = getpwuid(getuid());
    struct store_options options = store_options_default();
    char reason[DECIDE_REASON_SIZE];
    char actor[96];
    const struct decide_options decide = {
        .actor = actor, .now_ms = wall_now_ms(), .max_age_ms = settings->config.max_age_ms};
    struct store_error error;
    struct store *store;
    int rc;

    options.create = false;
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
    rc = decide_run(store, request, &decide, ret_answer, reason);
    if (rc < 0) {
        disposition_refused(command, reason);
    }
    store_close(store);
    return rc;
}

static int disposition_ask(const struct disposition_command *command, const struct settings *settings, json_t *request,
                           json_t **ret_answer)
{
    json_t *answer = NULL;
    int rc = json_object_set_new(request, "op", json_string(CONTROL_OP_DISPOSITION)) < 0
                 ? -ENOMEM
                 : ask_daemon(settings->control, request, &answer);

    if (rc == -ENOENT || rc == -ECONNREFUSED) {
        return disposition_direct(command, settings, request, ret_answer);
    }
    if (rc < 0) {
        log_error("the daemon at %s: %s", settings->control, strerror(-rc));
        return rc;
    }
    if (!json_is_true(json_object_get(answer, "ok"))) {
        disposition_refused(command, json_string_value(json_object_get(answer, "error")));
        json_decref(answer);
        return -EPROTO;
    }
    *ret_answer = answer;
    return 0;
}

/* ---- what is said of it ---- */

static const char *disposition_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void disposition_say_finding(const json_t *row)
{
    const char *realm = disposition_member(row, "realm");
    const char *host = disposition_member(row, "host");
    const char *service = disposition_member(row, "service");
    bool is_ipv6 = strchr(host, ':') != NULL;

    printf("%s %s%s%s:%" JSON_INTEGER_FORMAT "/%s%s%s%s%s (%s, %s)%s\n", disposition_member(row, "disposition"),
           is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", json_integer_value(json_object_get(row, "port")),
           disposition_member(row, "proto"), service[0] == '\0' ? "" : " ", service,
           strcmp(realm, "default") == 0 ? "" : " in ", strcmp(realm, "default") == 0 ? "" : realm,
           disposition_member(row, "kind"), disposition_member(row, "severity"),
           json_is_true(json_object_get(row, "moved")) ? "" : ", as before");
}

static void disposition_say(const struct disposition_command *command, const json_t *answer)
{
    json_int_t moved = json_integer_value(json_object_get(answer, "moved"));
    size_t index;
    json_t *row;

    json_array_foreach(json_object_get(answer, "findings"), index, row)
    {
        disposition_say_finding(row);
    }
    json_array_foreach(json_object_get(answer, "waivers"), index, row)
    {
        if (json_is_object(row)) {
            json_int_t covered = json_integer_value(json_object_get(row, "findings"));
            printf("waiver %s covers %" JSON_INTEGER_FORMAT " finding%s\n", disposition_member(row, "waiver"), covered,
                   covered == 1 ? "" : "s");
        } else {
            printf("waiver %s ended\n", json_string_value(row));
        }
    }
    log_notice("%" JSON_INTEGER_FORMAT " finding%s %s", moved, moved == 1 ? "" : "s", command->done);
}

int disposition_verb_run(const struct disposition_command *command)
{
    struct settings settings;
    json_t *request = NULL;
    json_t *answer = NULL;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    if (command->list) {
        rc = waiver_list_print(settings.db, command->json, stdout);
    } else {
        request = json_pack("{s:s}", "do", command->import != NULL ? CONTROL_DISPOSITION_IMPORT : command->word);
        rc = request == NULL ? -ENOMEM : disposition_request(command, request);
        rc = rc < 0 ? rc : disposition_ask(command, &settings, request, &answer);
    }
    if (rc == 0 && answer != NULL) {
        disposition_say(command, answer);
    }
    if (rc == 0 && fflush(stdout) != 0 && errno != EPIPE) {
        log_error("cannot write to standard output: %s", strerror(errno));
        rc = -errno;
    }
    json_decref(answer);
    json_decref(request);
    settings_done(&settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
