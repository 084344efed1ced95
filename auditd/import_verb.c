#include "auditd/import_verb.h"

#include "auditd/desk.h"
#include "auditd/import/import.h"
#include "auditd/import/reader.h"
#include "auditd/judging.h"
#include "auditd/own.h"
#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "auditd/store/scan.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/prefix_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Room for a file; a clock that is a little ahead of ours. */
enum { IMPORT_BYTES_MAX = 1 << 30, IMPORT_AHEAD_MS = 5 * 60 * 1000 };

/* What may be looked at where no scope is configured: loopback, private and link-local addresses (RFC 1918, RFC 3927,
 * RFC 4193, RFC 4291), as the scanner has it. */
static const char *const import_private[] = {"127.0.0.0/8",    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                             "169.254.0.0/16", "::1/128",    "fc00::/7",      "fe80::/10"};

struct import_verb {
    const struct import_command *command;
    struct settings settings;
    const struct import_reader *reader;
    struct answers answers;
    struct import_place place;
    struct prefix_list scope;
};

/* ---- the file ---- */

/* Standard input cannot be read twice; a copy without a name can. */
static FILE *import_open(const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? tmpfile() : fopen(path, "re");
    char buffer[65536];
    size_t length;

    while (is_stdin && file != NULL && (length = fread(buffer, 1, sizeof(buffer), stdin)) > 0) {
        if (fwrite(buffer, 1, length, file) != length || ftell(file) > IMPORT_BYTES_MAX) {
            log_error("standard input is too long, or cannot be kept");
            fclose(file);
            return NULL;
        }
    }
    if (file == NULL) {
        log_error("cannot read %s: %s", path, strerror(errno));
    } else {
        rewind(file);
    }
    return file;
}

static int import_read_open(struct import_verb *verb, FILE *file)
{
    const char *path = verb->command->path;
    struct answers_fault fault = {0};
    struct stat stat;
    int rc;

    if (fstat(fileno(file), &stat) != 0 || !S_ISREG(stat.st_mode) || stat.st_size > IMPORT_BYTES_MAX) {
        log_error("%s is no plain file of at most 1 GiB", path);
        return -EINVAL;
    }
    verb->reader =
        verb->command->format != NULL ? import_reader_find(verb->command->format) : import_reader_guess(file);
    if (verb->reader == NULL) {
        log_error("%s: neither nmap's XML (-oX) nor masscan's list (-oL) or JSON (-oJ)", path);
        return -EBADMSG;
    }
    rc = verb->reader->read(file, &verb->answers, &fault);
    if (rc < 0 && fault.text[0] == '\0') {
        log_error("cannot read %s: %s", path, strerror(-rc));
    } else if (rc < 0 && fault.line > 0) {
        log_error("%s:%lu: %s. Nothing was imported.", path, fault.line, fault.text);
    } else if (rc < 0) {
        log_error("%s: %s. Nothing was imported.", path, fault.text);
    }
    return rc;
}

static int import_read(struct import_verb *verb)
{
    FILE *file = import_open(verb->command->path);
    int rc;

    if (file == NULL) {
        return -EIO;
    }
    rc = import_read_open(verb, file);
    fclose(file);
    return rc;
}

/* ---- what may be imported ---- */

static int import_scope_text(struct import_verb *verb, const char *text, const char *where)
{
    int rc = prefix_list_add(&verb->scope, text);

    if (rc < 0) {
        log_error("%s \"%s\" is no address and no prefix such as 203.0.113.0/24", where, text);
    }
    return rc;
}

static int import_default_scope(struct import_verb *verb)
{
    json_t *own = NULL;
    size_t left_out;
    int rc = own_targets(&own, &left_out);

    for (size_t i = 0; rc == 0 && i < sizeof(import_private) / sizeof(*import_private); i++) {
        rc = import_scope_text(verb, import_private[i], "scope");
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(own); i++) {
        rc = import_scope_text(verb, json_string_value(json_array_get(own, i)), "scope");
    }
    json_decref(own);
    return rc;
}

static int import_load_scope(struct import_verb *verb)
{
    const struct config_list *configured = &verb->settings.config.scope;
    const struct options_list *more = &verb->command->scope;
    int rc = configured->count + more->count == 0 ? import_default_scope(verb) : 0;

    for (size_t i = 0; rc == 0 && i < configured->count; i++) {
        rc = import_scope_text(verb, configured->items[i], "scope");
    }
    for (size_t i = 0; rc == 0 && i < more->count; i++) {
        rc = import_scope_text(verb, more->items[i], "--scope");
    }
    return rc;
}

static bool import_in_scope(const struct prefix_list *scope, const struct addr *address)
{
    for (size_t i = 0; i < scope->count; i++) {
        if (prefix_contains(&scope->items[i], address)) {
            return true;
        }
    }
    return false;
}

static int import_check_scope(struct import_verb *verb)
{
    int rc = import_load_scope(verb);

    for (size_t i = 0; rc == 0 && i < verb->answers.host_count; i++) {
        const struct answers_host *host = verb->answers.hosts[i];
        char address[ADDR_TEXT_SIZE];
        if (!import_in_scope(&verb->scope, &host->address)) {
            addr_format(&host->address, address);
            log_error("%s:%lu: %s is outside the scope, so nothing was imported. If it is yours: --scope %s/%d, or "
                      "`scope:` in the configuration.",
                      verb->command->path, host->line, address, address, host->address.is_ipv6 ? 128 : 32);
            rc = -EPERM;
        }
    }
    return rc;
}

/* Times that the file lacks are its own, else now; none is ahead of us. */
static int import_check_times(struct import_verb *verb)
{
    struct answers *answers = &verb->answers;
    int64_t now = wall_now_ms();
    char moment[WALL_TEXT_SIZE];

    answers->ended_ms = answers->ended_ms == 0 ? answers->begun_ms : answers->ended_ms;
    answers->ended_ms = answers->ended_ms == 0 ? now : answers->ended_ms;
    answers->begun_ms =
        answers->begun_ms == 0 || answers->begun_ms > answers->ended_ms ? answers->ended_ms : answers->begun_ms;
    for (size_t i = 0; i < answers->host_count; i++) {
        int64_t *seen = &answers->hosts[i]->seen_ms;
        *seen = *seen < answers->begun_ms || *seen > answers->ended_ms ? answers->ended_ms : *seen;
    }
    if (answers->ended_ms > now + IMPORT_AHEAD_MS) {
        log_error("%s is of %s, which is still to come: is a clock wrong?", verb->command->path,
                  wall_format(answers->ended_ms, moment));
        return -EINVAL;
    }
    return 0;
}

/* ---- storing ---- */

/* An older look than the newest from there would undo what is known. */
static int import_check_age(const struct import_verb *verb, struct store *store)
{
    char newest[WALL_TEXT_SIZE];
    char own[WALL_TEXT_SIZE];
    int64_t at_ms;
    int rc = store_scan_newest(store, verb->place.realm, verb->place.vantage, &at_ms);

    if (rc == -ENOENT) {
        return 0;
    }
    if (rc < 0) {
        log_error("%s", store_last_error(store)->text);
        return rc;
    }
    if (at_ms < verb->answers.begun_ms) {
        return 0;
    }
    log_error(
        "%s was begun at %s, but from the vantage %s a look of %s is stored already: a file as old or older would "
        "undo what is known. Import in the order of time, or give another --vantage.",
        verb->command->path, wall_format(verb->answers.begun_ms, own), verb->place.vantage, wall_format(at_ms, newest));
    return -EEXIST;
}

static int import_parts(struct import_verb *verb, const struct desk *desk)
{
    const struct judging judging = {.store = desk->store,
                                    .config = &verb->settings.config,
                                    .policy = verb->settings.policy,
                                    .policy_id = desk->policy_id,
                                    .since_ms = verb->answers.begun_ms};
    struct import_progress progress = {0};
    int rc = 0;

    while (rc == 0 && progress.next < verb->answers.host_count) {
        rc = import_part(desk->store, &verb->place, &verb->answers, &progress);
        rc = rc == 0 ? judging_scan(&judging, progress.scan_uuid) : rc;
    }
    if (rc == -EPROTO) {
        log_error("%s cannot be stored: %s", verb->command->path, progress.reason);
    } else if (rc < 0) {
        log_error("%s cannot be stored: %s", verb->command->path, store_last_error(desk->store)->text);
    }
    return rc;
}

static int import_store(struct import_verb *verb)
{
    struct store_error error;
    struct desk desk;
    int rc = desk_open(&verb->settings, &desk, &error);

    if (rc < 0) {
        log_error("%s", error.text);
        return rc;
    }
    rc = import_check_age(verb, desk.store);
    if (rc == 0 && verb->command->vantage_class != NULL) {
        rc = store_vantage_declare(desk.store, verb->place.vantage, verb->command->vantage_class, wall_now_ms());
        if (rc < 0) {
            log_error("%s", store_last_error(desk.store)->text);
        }
    }
    rc = rc == 0 ? import_parts(verb, &desk) : rc;
    desk_close(&desk);
    return rc;
}

static void import_tell(const struct import_verb *verb)
{
    const struct answers *answers = &verb->answers;
    char moment[WALL_TEXT_SIZE];
    size_t open = 0;

    for (size_t i = 0; i < answers->host_count; i++) {
        for (size_t j = 0; j < answers->hosts[i]->port_count; j++) {
            open += answers->hosts[i]->ports[j].state == PORT_STATE_OPEN;
        }
    }
    log_notice("imported %zu hosts with %zu open ports, seen at %s from the vantage %s in the realm %s",
               answers->host_count, open, wall_format(answers->begun_ms, moment), verb->place.vantage,
               verb->place.realm);
    if (!answers->is_finished) {
        log_notice(
            "the file is of no finished scan, or does not say: only what is open was taken, and nothing is closed "
            "by it");
    }
    if (answers->passed_over > 0) {
        log_notice("%" PRIu64
                   " ports were left out: of other protocols than TCP and UDP, or of a state that is none of "
                   "open, closed, filtered, open|filtered",
                   answers->passed_over);
    }
}

static int import_run(struct import_verb *verb)
{
    int rc = import_read(verb);

    rc = rc == 0 ? import_check_scope(verb) : rc;
    rc = rc == 0 ? import_check_times(verb) : rc;
    if (rc < 0) {
        return rc;
    }
    verb->place.tool = verb->reader->name;
    verb->place.realm = verb->command->realm != NULL ? verb->command->realm : verb->settings.config.realm;
    verb->place.vantage = verb->command->vantage != NULL ? verb->command->vantage : verb->reader->tool;
    rc = import_store(verb);
    if (rc == 0) {
        import_tell(verb);
    }
    return rc;
}

int import_verb_run(const struct import_command *command)
{
    const struct settings_sources sources = {.config = command->config, .db = command->db, .policy = command->policy};
    struct import_verb verb = {.command = command};
    int rc = settings_load(&sources, &verb.settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = import_run(&verb);
    answers_done(&verb.answers);
    prefix_list_done(&verb.scope);
    settings_done(&verb.settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
