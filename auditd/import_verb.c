#include "auditd/import_verb.h"

#include "auditd/import/file.h"
#include "auditd/import/scope.h"
#include "auditd/import_door.h"
#include "auditd/meter.h"
#include "auditd/protocol.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Room for a file. */
enum { IMPORT_BYTES_MAX = 1 << 30 };

struct import_verb {
    const struct import_command *command;
    struct settings settings;
    struct import_file file;
    struct import_place place;
    struct import_door door;
    struct meter meter;
    struct mono_time begun;
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
    rc = import_file_read(file, verb->command->format, wall_now_ms(), &verb->file, &fault);
    if (rc < 0 && fault.text[0] == '\0') {
        log_error("cannot read %s: %s", path, strerror(-rc));
    } else if (rc < 0 && fault.column > 0) {
        log_error("%s:%lu:%lu: %s. Nothing was imported.", path, fault.line, fault.column, fault.text);
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

static int import_check_scope(const struct import_verb *verb)
{
    for (size_t i = 0; i < verb->file.answers.host_count; i++) {
        const struct answers_host *host = verb->file.answers.hosts[i];
        char address[ADDR_TEXT_SIZE];
        if (!import_scope_has(&verb->door.scope, &host->address)) {
            addr_format(&host->address, address);
            log_error("%s:%lu: %s is outside the %sscope, so nothing was imported. If it is yours: %s%s/%d%s",
                      verb->command->path, host->line, address, verb->door.is_daemon ? "daemon's " : "",
                      verb->door.is_daemon ? "`scope:` in its configuration with " : "--scope ", address,
                      host->address.is_ipv6 ? 128 : 32,
                      verb->door.is_daemon ? ", and start it again" : ", or `scope:` in the configuration");
            return -EPERM;
        }
    }
    return 0;
}

/* ---- storing ---- */

static void import_show(struct import_verb *verb, size_t done, size_t stored)
{
    uint64_t elapsed_ms = mono_elapsed_ns(verb->begun, mono_now()) / 1000000;
    uint64_t rate = elapsed_ms == 0 ? 0 : (done - stored) * UINT64_C(1000) / elapsed_ms;
    const struct meter_reading reading = {
        .what = "import",
        .unit = "hosts",
        .probes_done = (int64_t)done,
        .probes = (int64_t)verb->file.answers.host_count,
        .rate_pps = (int64_t)rate,
        .open = (int64_t)answers_open_ports(&verb->file.answers, done),
        .eta_s = rate == 0 ? -1 : (int64_t)((verb->file.answers.host_count - done) / rate),
    };

    meter_show(&verb->meter, &reading);
}

static int import_parts(struct import_verb *verb, size_t stored)
{
    size_t done = stored;
    int rc = 0;

    while (rc == 0 && done < verb->file.answers.host_count) {
        struct import_part part;
        import_show(verb, done, stored);
        rc = import_part(&verb->place, &verb->file.answers, done, &part);
        if (rc < 0) {
            snprintf(verb->door.reason, sizeof(verb->door.reason), "out of memory");
            break;
        }
        rc = verb->door.ways->store(&verb->door, &(struct import_lines){part.text, part.size},
                                    part.to < verb->file.answers.host_count);
        free(part.text);
        done = rc == 0 ? part.to : done;
    }
    meter_clear(&verb->meter);
    if (rc < 0 && done > 0) {
        log_error("%s was imported up to host %zu of %zu: %s. Import it again to go on.", verb->command->path, done,
                  verb->file.answers.host_count, verb->door.reason);
    } else if (rc < 0) {
        log_error("%s cannot be stored: %s", verb->command->path, verb->door.reason);
    }
    return rc;
}

static int import_store(struct import_verb *verb)
{
    const struct import_origin origin = {.realm = verb->command->realm,
                                         .vantage = verb->place.vantage,
                                         .vantage_class = verb->command->vantage_class,
                                         .digest = verb->file.digest,
                                         .begun_ms = verb->file.answers.begun_ms};
    size_t stored = 0;
    /* Nothing is made before it is known that all of it may come in; a daemon says its scope as it begins. */
    int rc = verb->door.is_daemon ? 0 : import_check_scope(verb);

    if (rc < 0) {
        return rc;
    }
    rc = verb->door.ways->begin(&verb->door, &origin, &stored);
    if (rc < 0) {
        log_error("%s is not imported: %s", verb->command->path, verb->door.reason);
        return rc;
    }
    if (verb->door.is_daemon && import_check_scope(verb) < 0) {
        return -EPERM;
    }
    verb->place.realm = verb->door.realm;
    if (stored > 0 && stored >= verb->file.answers.host_count) {
        log_error("%s was imported already, from the vantage %s in the realm %s", verb->command->path,
                  verb->place.vantage, verb->place.realm);
        return -EEXIST;
    }
    if (stored > 0) {
        log_notice("%s was imported up to host %zu of %zu before; it goes on there", verb->command->path, stored,
                   verb->file.answers.host_count);
    }
    return import_parts(verb, stored);
}

static void import_tell(const struct import_verb *verb)
{
    const struct answers *answers = &verb->file.answers;
    char moment[WALL_TEXT_SIZE];

    log_notice("imported %zu hosts with %zu open ports, seen at %s from the vantage %s in the realm %s%s",
               answers->host_count, answers_open_ports(answers, answers->host_count),
               wall_format(answers->begun_ms, moment), verb->place.vantage, verb->place.realm,
               verb->door.is_daemon ? ", by the daemon" : "");
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

/* Beside a daemon the database is its own, and so are scope and policy. */
static int import_open_door(struct import_verb *verb)
{
    const struct import_command *command = verb->command;
    int rc = import_door_daemon(&verb->door, verb->settings.control);

    if (rc == 0 && (command->policy != NULL || command->config != NULL || command->scope.count > 0)) {
        log_error("--policy, --config and --scope are the daemon's to set while it runs: leave them out, or end the "
                  "daemon first");
        return -EINVAL;
    }
    if (rc == -ENOENT) {
        rc = import_door_here(&verb->door, &verb->settings, command->scope.items, command->scope.count);
    }
    if (rc < 0) {
        log_error("%s is not imported: %s", command->path, verb->door.reason);
    }
    return rc;
}

static int import_run(struct import_verb *verb)
{
    int rc = import_read(verb);

    if (rc < 0) {
        return rc;
    }
    verb->place.tool = verb->file.reader->name;
    verb->place.digest = verb->file.digest;
    verb->place.vantage = verb->command->vantage != NULL ? verb->command->vantage : verb->file.reader->tool;
    rc = import_open_door(verb);
    return rc < 0 ? rc : import_store(verb);
}

int import_verb_run(const struct import_command *command)
{
    const struct settings_sources sources = {.config = command->config, .db = command->db, .policy = command->policy};
    struct import_verb verb = {.command = command, .begun = mono_now()};
    int rc = settings_load(&sources, &verb.settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    meter_init(&verb.meter, stderr);
    rc = import_run(&verb);
    if (rc == 0) {
        import_tell(&verb);
    }
    import_door_close(&verb.door);
    import_file_done(&verb.file);
    settings_done(&verb.settings);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
