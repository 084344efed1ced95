#include "auditd/imports.h"

#include "auditd/cloud/snapshot.h"
#include "auditd/cloud_entry.h"
#include "auditd/import/entry.h"
#include "auditd/import/file.h"
#include "auditd/import/scope.h"
#include "auditd/ingest/field.h"
#include "auditd/judging.h"
#include "auditd/policy/judge.h"
#include "auditd/protocol.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole file is stored and judged while all others wait. */
enum { IMPORTS_NAME_SIZE = 129, IMPORTS_FILE_HOSTS_MAX = 2000 };

/* What one client is about. */
struct visit {
    struct control_client *client; /* NULL: nobody */
    char realm[IMPORTS_NAME_SIZE];
    char vantage[IMPORTS_NAME_SIZE];
    char vantage_class[IMPORTS_NAME_SIZE]; /* "": as it is declared */
    char digest[IMPORT_DIGEST_SIZE];
    int64_t begun_ms;
    char inventory[IMPORTS_NAME_SIZE]; /* of a cloud's snapshot; "": scans come in */
    bool is_confirmed;
    char *text; /* of the scan or snapshot that comes in */
    size_t size;
    size_t room;
    bool unscored; /* what came in is judged, but its scores wait for the last scan */
};

struct imports {
    struct imports_options options;
    struct visit visit;
    bool stopping;
};

struct imports *imports_create(const struct imports_options *options)
{
    struct imports *imports = calloc(1, sizeof(*imports));

    if (imports != NULL) {
        imports->options = *options;
    }
    return imports;
}

static struct judging imports_judging(const struct imports *imports, bool more)
{
    return (struct judging){.store = imports->options.desk->store,
                            .config = &imports->options.settings->config,
                            .policy = imports->options.settings->policy,
                            .policy_id = imports->options.desk->policy_id,
                            .since_ms = imports->visit.begun_ms,
                            .more = more};
}

static void imports_end_visit(struct imports *imports)
{
    free(imports->visit.text);
    imports->visit = (struct visit){0};
}

void imports_destroy(struct imports *imports)
{
    if (imports != NULL) {
        imports_end_visit(imports);
        free(imports);
    }
}

void imports_stop(struct imports *imports)
{
    if (imports != NULL) {
        imports->stopping = true;
    }
}

/* What came in before the rest did not. */
static void imports_score_left(const struct imports *imports)
{
    if (imports->visit.unscored && queue_flush(imports->options.queue)) {
        const struct judging judging = imports_judging(imports, false);
        if (judging_score(&judging) < 0) {
            log_error("scores wait for the next scan: %s", store_last_error(judging.store)->text);
        }
    }
}

void imports_forget(struct imports *imports, const struct control_client *client)
{
    if (imports->visit.client == client) {
        imports_score_left(imports);
        imports_end_visit(imports);
    }
}

static struct import_origin imports_origin(const struct visit *visit)
{
    return (struct import_origin){.realm = visit->realm,
                                  .vantage = visit->vantage,
                                  .vantage_class = visit->vantage_class[0] == '\0' ? NULL : visit->vantage_class,
                                  .digest = visit->digest,
                                  .begun_ms = visit->begun_ms};
}

/* ---- begin ---- */

/* A text of the request that can stand as a name; `otherwise` where the request has none. */
static bool imports_name(const json_t *request, const char *member, const char *otherwise, char *text, size_t size)
{
    const json_t *value = json_object_get(request, member);
    const char *given = value == NULL ? otherwise : json_string_value(value);

    if (given == NULL || given[0] == '\0' || strlen(given) >= size || !field_is_printable(given)) {
        return false;
    }
    snprintf(text, size, "%s", given);
    return true;
}

/* Realm, vantage and its class; `vantage` where the request names none, NULL: it must. */
static bool imports_read_place(const struct imports *imports, const json_t *request, const char *vantage,
                               struct visit *visit)
{
    bool has_class = json_object_get(request, "vantage_class") != NULL;
    enum vantage_class known;

    return imports_name(request, "realm", imports->options.settings->config.realm, visit->realm,
                        sizeof(visit->realm)) &&
           imports_name(request, "vantage", vantage, visit->vantage, sizeof(visit->vantage)) &&
           (!has_class ||
            (imports_name(request, "vantage_class", NULL, visit->vantage_class, sizeof(visit->vantage_class)) &&
             vantage_class_parse(visit->vantage_class, &known) == 0));
}

static bool imports_read_begin(const struct imports *imports, const json_t *request, struct visit *visit)
{
    const json_t *begun = json_object_get(request, "begun_ms");

    visit->begun_ms = json_integer_value(begun);
    return imports_read_place(imports, request, NULL, visit) &&
           imports_name(request, "digest", NULL, visit->digest, sizeof(visit->digest)) && json_is_integer(begun) &&
           visit->begun_ms > 0;
}

/* The prefixes as texts; NULL when out of memory. */
static json_t *imports_scope_texts(const struct prefix_list *scope)
{
    json_t *texts = json_array();
    char text[PREFIX_TEXT_SIZE];

    for (size_t i = 0; texts != NULL && i < scope->count; i++) {
        if (json_array_append_new(texts, json_string(prefix_format(&scope->items[i], text))) < 0) {
            json_decref(texts);
            texts = NULL;
        }
    }
    return texts;
}

static int imports_load_scope(const struct imports *imports, struct prefix_list *scope, char *reason)
{
    const char *wrong;
    int rc = import_scope_load(&imports->options.settings->config.scope, NULL, 0, scope, &wrong);

    if (rc < 0) {
        log_error("the scope cannot be read%s%s: %s", wrong[0] == '\0' ? "" : " at ", wrong, strerror(-rc));
        snprintf(reason, IMPORT_REASON_SIZE, "the daemon cannot read its scope: its log says why");
    }
    return rc;
}

static int imports_judge(const struct imports *imports, const char *scan_uuid, bool more, char *reason)
{
    const struct judging judging = imports_judging(imports, more);
    int rc = judging_scan(&judging, scan_uuid);

    if (rc < 0) {
        snprintf(reason, IMPORT_REASON_SIZE, "it is stored, but cannot be judged now: %s",
                 store_last_error(imports->options.desk->store)->text);
    }
    return rc;
}

/* What came in before, but could not be judged then. */
static int imports_judge_left(const struct imports *imports, const struct import_origin *origin, char *reason)
{
    char uuid[STORE_UUID_SIZE];
    int rc;

    while ((rc = import_entry_unjudged(imports->options.desk->store, origin, uuid, reason)) == 0) {
        rc = imports_judge(imports, uuid, false, reason);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

/* Whether what the visit tells of may come in, and where it goes on. prefix_list_done() in any case. */
static int imports_admit(const struct imports *imports, size_t *ret_stored, struct prefix_list *scope, char *reason)
{
    const struct import_origin origin = imports_origin(&imports->visit);
    int rc = import_entry_begin(imports->options.desk->store, &origin, ret_stored, reason);

    rc = rc == 0 ? imports_judge_left(imports, &origin, reason) : rc;
    return rc == 0 ? imports_load_scope(imports, scope, reason) : rc;
}

static void imports_begin(struct imports *imports, struct control_client *client, const json_t *request)
{
    struct prefix_list scope = {0};
    char reason[IMPORT_REASON_SIZE];
    size_t stored;

    imports_end_visit(imports);
    if (!imports_read_begin(imports, request, &imports->visit)) {
        control_refuse(client, "an import begins with \"vantage\", \"digest\" and \"begun_ms\", and may name \"realm\" "
                               "and \"vantage_class\"");
        return;
    }
    if (imports_admit(imports, &stored, &scope, reason) < 0) {
        control_refuse(client, "%s", reason);
    } else {
        imports->visit.client = client;
        control_send(client, json_pack("{s:b, s:s, s:I, s:o}", "ok", 1, "realm", imports->visit.realm, "stored",
                                       (json_int_t)stored, "scope", imports_scope_texts(&scope)));
    }
    prefix_list_done(&scope);
}

static void imports_cloud(struct imports *imports, struct control_client *client, const json_t *request)
{
    struct visit *visit = &imports->visit;

    imports_end_visit(imports);
    if (!imports_name(request, "inventory", NULL, visit->inventory, sizeof(visit->inventory)) ||
        strchr(visit->inventory, '/') != NULL) {
        visit->inventory[0] = '\0';
        control_refuse(client, "a cloud begins with \"inventory\", a name without /");
        return;
    }
    visit->client = client;
    visit->is_confirmed = json_is_true(json_object_get(request, "confirm"));
    control_send(client, json_pack("{s:b}", "ok", 1));
}

/* ---- a scan ---- */

static void imports_lines(struct imports *imports, struct control_client *client, const json_t *request)
{
    const json_t *text = json_object_get(request, "text");
    struct visit *visit = &imports->visit;
    size_t length = json_string_length(text);
    size_t room = visit->size + length > visit->room ? 2 * (visit->size + length) : visit->room;
    char *grown;

    if (!json_is_string(text) || visit->size + length > IMPORT_PART_MAX_BYTES) {
        control_refuse(client, "\"text\" must be a scan's lines or a snapshot, of at most %d bytes",
                       IMPORT_PART_MAX_BYTES);
        return;
    }
    grown = realloc(visit->text, room + 1);
    if (grown == NULL) {
        control_refuse(client, "out of memory");
        return;
    }
    visit->text = grown;
    visit->room = room;
    memcpy(visit->text + visit->size, json_string_value(text), length);
    visit->size += length;
    control_send(client, json_pack("{s:b}", "ok", 1));
}

/* Stores and judges one scan of the visit. */
static int imports_enter_scan(struct imports *imports, const struct import_lines *lines, bool more,
                              char ret_uuid[STORE_UUID_SIZE], char *reason)
{
    struct visit *visit = &imports->visit;
    const struct import_origin origin = imports_origin(visit);
    struct prefix_list scope = {0};
    const struct import_entry into = {imports->options.desk->store, &origin, &scope};
    int rc = imports_load_scope(imports, &scope, reason);

    rc = rc == 0 ? import_entry_store(&into, lines, ret_uuid, reason) : rc;
    prefix_list_done(&scope);
    rc = rc == 0 ? imports_judge(imports, ret_uuid, more, reason) : rc;
    if (rc == 0) {
        visit->unscored = more;
        log_notice("scan %.8s was imported, from the vantage %s in the realm %s", ret_uuid, visit->vantage,
                   visit->realm);
    }
    return rc;
}

static void imports_store_scan(struct imports *imports, struct control_client *client, const json_t *request)
{
    struct visit *visit = &imports->visit;
    const struct import_lines lines = {visit->text == NULL ? "" : visit->text, visit->size};
    char reason[IMPORT_REASON_SIZE];
    char uuid[STORE_UUID_SIZE];
    int rc = imports_enter_scan(imports, &lines, json_is_true(json_object_get(request, "more")), uuid, reason);

    visit->size = 0;
    if (rc < 0) {
        control_refuse(client, "%s", reason);
        return;
    }
    control_send(client, json_pack("{s:b, s:s}", "ok", 1, "scan", uuid));
}

/* ---- a whole file ---- */

static int imports_read_stream(FILE *stream, const char *format, struct import_file *file, char *reason)
{
    struct answers_fault fault = {0};
    int rc = import_file_read(stream, format, wall_now_ms(), file, &fault);

    if (rc < 0 && fault.text[0] == '\0') {
        snprintf(reason, IMPORT_REASON_SIZE, "the file cannot be read: %s", strerror(-rc));
    } else if (rc < 0 && fault.line > 0) {
        snprintf(reason, IMPORT_REASON_SIZE, "line %lu: %s. Nothing was imported.", fault.line, fault.text);
    } else if (rc < 0) {
        snprintf(reason, IMPORT_REASON_SIZE, "%s. Nothing was imported.", fault.text);
    }
    if (rc == 0 && file->answers.host_count > IMPORTS_FILE_HOSTS_MAX) {
        snprintf(
            reason, IMPORT_REASON_SIZE,
            "it tells of %zu hosts, and at most %d come in so: `leastport import` takes more. Nothing was imported.",
            file->answers.host_count, IMPORTS_FILE_HOSTS_MAX);
        rc = -EINVAL;
    }
    return rc == -EBADMSG || rc == -E2BIG ? -EINVAL : rc;
}

static int imports_read_file(const json_t *request, struct import_file *file, char *reason)
{
    const json_t *value = json_object_get(request, "text");
    const char *format = json_string_value(json_object_get(request, "format"));
    size_t length = json_string_length(value);
    char *text = length == 0 ? NULL : strdup(json_string_value(value));
    FILE *stream;
    int rc;

    if (text == NULL || strlen(text) != length) {
        snprintf(reason, IMPORT_REASON_SIZE, "\"text\" must be a file of another scanner, without a NUL");
        free(text);
        return -EINVAL;
    }
    stream = fmemopen(text, length, "r");
    rc = stream == NULL ? -ENOMEM : imports_read_stream(stream, format, file, reason);
    if (stream == NULL) {
        snprintf(reason, IMPORT_REASON_SIZE, "out of memory");
    } else {
        fclose(stream);
    }
    free(text);
    return rc;
}

/* All of it may come in, and not all of it is here. */
static int imports_admit_file(const struct imports *imports, const struct import_file *file, size_t *ret_stored,
                              char *reason)
{
    struct prefix_list scope = {0};
    char address[ADDR_TEXT_SIZE];
    int rc = imports_admit(imports, ret_stored, &scope, reason);

    for (size_t i = 0; rc == 0 && i < file->answers.host_count; i++) {
        const struct answers_host *host = file->answers.hosts[i];
        if (!import_scope_has(&scope, &host->address)) {
            snprintf(
                reason, IMPORT_REASON_SIZE,
                "line %lu: %s is outside the daemon's scope (`scope:` in its configuration). Nothing was imported.",
                host->line, addr_format(&host->address, address));
            rc = -EPERM;
        }
    }
    prefix_list_done(&scope);
    if (rc == 0 && *ret_stored > 0 && *ret_stored >= file->answers.host_count) {
        snprintf(reason, IMPORT_REASON_SIZE, "the file was imported already, from the vantage %s in the realm %s",
                 imports->visit.vantage, imports->visit.realm);
        rc = -EEXIST;
    }
    return rc;
}

static int imports_enter_file(struct imports *imports, const struct import_file *file, json_t *scans, char *reason)
{
    const struct visit *visit = &imports->visit;
    const struct import_place place = {visit->realm, visit->vantage, file->reader->name, visit->digest};
    size_t done = 0;
    int rc = imports_admit_file(imports, file, &done, reason);

    while (rc == 0 && done < file->answers.host_count) {
        struct import_part part;
        char uuid[STORE_UUID_SIZE];
        rc = import_part(&place, &file->answers, done, &part);
        if (rc < 0) {
            snprintf(reason, IMPORT_REASON_SIZE, "out of memory");
            break;
        }
        rc = imports_enter_scan(imports, &(struct import_lines){part.text, part.size},
                                part.to < file->answers.host_count, uuid, reason);
        free(part.text);
        done = part.to;
        rc = rc == 0 && json_array_append_new(scans, json_string(uuid)) < 0 ? -ENOMEM : rc;
    }
    imports_score_left(imports);
    return rc;
}

/* A visit of one request. Its answer tells what the file was. */
static void imports_file(struct imports *imports, struct control_client *client, const json_t *request)
{
    struct visit *visit = &imports->visit;
    struct import_file file = {.reader = NULL};
    const struct answers *answers = &file.answers;
    char reason[IMPORT_REASON_SIZE] = "out of memory";
    json_t *scans = json_array();
    int rc;

    imports_end_visit(imports);
    rc = scans == NULL ? -ENOMEM : imports_read_file(request, &file, reason);
    if (rc == 0 && !imports_read_place(imports, request, file.reader->tool, visit)) {
        snprintf(reason, sizeof(reason), "\"realm\", \"vantage\" and \"vantage_class\" must be names");
        rc = -EINVAL;
    }
    if (rc == 0) {
        snprintf(visit->digest, sizeof(visit->digest), "%s", file.digest);
        visit->begun_ms = answers->begun_ms;
        rc = imports_enter_file(imports, &file, scans, reason);
    }
    if (rc < 0) {
        control_refuse_for(client, rc, "%s", reason);
    } else {
        control_send(client, json_pack("{s:b, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:O}", "ok", 1, "realm",
                                       visit->realm, "vantage", visit->vantage, "format", file.reader->name, "begun_ms",
                                       (json_int_t)answers->begun_ms, "hosts", (json_int_t)answers->host_count, "open",
                                       (json_int_t)answers_open_ports(answers, answers->host_count), "left_out",
                                       (json_int_t)answers->passed_over, "finished", answers->is_finished ? 1 : 0,
                                       "scans", scans));
    }
    json_decref(scans);
    import_file_done(&file);
    imports_end_visit(imports);
}

/* ---- a cloud ---- */

static int imports_unpack(const struct visit *visit, struct aws *aws, char *reason)
{
    json_error_t error = {.line = 0};
    json_t *snapshot =
        visit->text == NULL ? NULL : json_loadb(visit->text, visit->size, JSON_REJECT_DUPLICATES, &error);
    int rc = snapshot == NULL ? -EINVAL : aws == NULL ? -ENOMEM : cloud_snapshot_unpack(aws, snapshot);

    json_decref(snapshot);
    if (rc < 0) {
        snprintf(reason, CLOUD_REASON_SIZE, "%s", rc == -ENOMEM ? "out of memory" : "what came in is no snapshot");
    }
    return rc;
}

static int imports_enter_cloud(const struct imports *imports, struct cloud_entered *entered, const char *actor,
                               char *reason)
{
    const struct desk *desk = imports->options.desk;
    const struct cloud_entry entry = {.store = desk->store,
                                      .name = imports->visit.inventory,
                                      .actor = actor,
                                      .is_confirmed = imports->visit.is_confirmed,
                                      .now_ms = wall_now_ms()};
    const struct judging judging = {.store = desk->store,
                                    .config = &imports->options.settings->config,
                                    .policy = imports->options.settings->policy,
                                    .policy_id = desk->policy_id};
    struct aws *aws = aws_create();
    int rc = imports_unpack(&imports->visit, aws, reason);

    rc = rc == 0 ? cloud_entry_run(&entry, aws, entered, reason) : rc;
    aws_destroy(aws);
    if (rc == 0 && cloud_entered_matters(entered)) {
        rc = judging_hosts(&judging);
        if (rc < 0) {
            snprintf(reason, CLOUD_REASON_SIZE, "it is stored, but cannot be judged now: %.500s",
                     store_last_error(desk->store)->text);
        }
    }
    return rc;
}

static void imports_store_cloud(struct imports *imports, struct control_client *client)
{
    char reason[CLOUD_REASON_SIZE] = "";
    struct cloud_entered entered = {.hosts_unread = false};
    int rc = imports_enter_cloud(imports, &entered, control_client_actor(client), reason);

    imports->visit.size = 0;
    if (rc < 0) {
        control_refuse(client, "%s", reason);
        return;
    }
    cloud_entry_say(imports->visit.inventory, &entered);
    control_send(client, cloud_entered_json(&entered));
}

static void imports_store(struct imports *imports, struct control_client *client, const json_t *request)
{
    if (imports->visit.inventory[0] != '\0') {
        imports_store_cloud(imports, client);
    } else {
        imports_store_scan(imports, client, request);
    }
}

/* ---- requests ---- */

static const struct {
    const char *name;
    void (*run)(struct imports *imports, struct control_client *client, const json_t *request);
    bool begins;
    bool writes;
} imports_verbs[] = {
    {CONTROL_IMPORT_BEGIN, imports_begin, true, true},  {CONTROL_IMPORT_CLOUD, imports_cloud, true, false},
    {CONTROL_IMPORT_FILE, imports_file, true, true},    {CONTROL_IMPORT_LINES, imports_lines, false, false},
    {CONTROL_IMPORT_STORE, imports_store, false, true},
};

void imports_request(struct imports *imports, struct control_client *client, const json_t *request)
{
    const char *verb = json_string_value(json_object_get(request, "do"));
    size_t count = sizeof(imports_verbs) / sizeof(*imports_verbs);
    size_t i = 0;

    while (verb != NULL && i < count && strcmp(imports_verbs[i].name, verb) != 0) {
        i++;
    }
    if (verb == NULL || i == count) {
        control_refuse(client, "\"do\" must be begin, cloud, file, lines or store");
    } else if (imports->visit.client != NULL && imports->visit.client != client) {
        control_refuse(client, "another import comes in: try again when it has ended");
    } else if (!imports_verbs[i].begins && imports->visit.client == NULL) {
        control_refuse(client, "an import begins with \"begin\"");
    } else if (imports->stopping) {
        control_refuse(client, "the daemon is ending");
    } else if (imports_verbs[i].writes && !queue_flush(imports->options.queue)) {
        control_refuse(client, "the daemon cannot write to its database now: import the file again");
    } else {
        imports_verbs[i].run(imports, client, request);
    }
}
