#include "auditd/changes_verb.h"

#include "auditd/protocol.h"
#include "auditd/report/data.h"
#include "auditd/report/typeset.h"
#include "auditd/settings.h"
#include "auditd/store/read.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGES_KINDS = STORE_DRIFT_CHANGED + 1, CHANGES_TEXT_SIZE = 900 };

static const double changes_minute_ms = 60000;

struct changes {
    struct store_reader *reader;
    const struct changes_command *command;
    int64_t since;
    int64_t until;
    uint64_t counts[CHANGES_KINDS];
};

static const struct {
    const char *sign;
    const char *word;
} changes_kinds[CHANGES_KINDS] = {
    [STORE_DRIFT_OPENED] = {"+", "opened"},
    [STORE_DRIFT_CLOSED] = {"-", "closed"},
    [STORE_DRIFT_CHANGED] = {"~", "changed"},
};

/* ---- moments ---- */

static int changes_take_judged(void *context, const struct store_scan *scan)
{
    int64_t *judged = context;

    *judged = scan->judged_at;
    return 1;
}

/* The audit before the last one; scans that only verify another are none. */
struct changes_before {
    int64_t judged;
    int seen;
};

static int changes_take_before(void *context, const struct store_scan *scan)
{
    struct changes_before *before = context;

    if (scan->judged_at == 0 || scan->request[0] == '\0' || before->seen++ == 0) {
        return 0;
    }
    before->judged = scan->judged_at;
    return 1;
}

static int changes_default(struct changes *changes)
{
    const struct store_scan_filter filter = {.page = {.is_descending = true}};
    struct changes_before before = {0};
    int rc = store_read_scans(changes->reader, &filter, changes_take_before, &before);

    if (rc == 0) {
        log_error("there is no audit before the last one: say since when with --since");
        return -ENOENT;
    }
    changes->since = before.judged;
    return rc < 0 ? rc : 0;
}

/* A date begins its day, as --since, and ends it, as --until. */
static int changes_moment(struct changes *changes, const char *text, bool is_end, int64_t *ret_ms)
{
    const struct store_scan_filter filter = {.uuids = {&text, 1}};
    char moment[WALL_TEXT_SIZE];
    int64_t judged = 0;
    int rc;

    if (strlen(text) == strlen("2026-11-22")) {
        snprintf(moment, sizeof(moment), "%sT%s", text, is_end ? "23:59:59.999Z" : "00:00:00Z");
        text = moment;
    }
    if (wall_parse(text, ret_ms) == 0) {
        return 0;
    }
    rc = store_read_scans(changes->reader, &filter, changes_take_judged, &judged);
    if (rc < 0) {
        return rc;
    }
    if (judged == 0) {
        log_error("\"%.60s\" is no date like 2026-11-22, no RFC 3339 time and no scan that was judged", text);
        return -EINVAL;
    }
    *ret_ms = judged;
    return 0;
}

static int changes_moments(struct changes *changes)
{
    const struct changes_command *command = changes->command;
    int rc = command->since == NULL ? changes_default(changes)
                                    : changes_moment(changes, command->since, false, &changes->since);

    changes->until = wall_now_ms();
    if (rc == 0 && command->until != NULL) {
        rc = changes_moment(changes, command->until, true, &changes->until);
    }
    if (rc == 0 && changes->until < changes->since) {
        log_error("--until is before --since");
        return -EINVAL;
    }
    return rc;
}

/* ---- what is shown ---- */

static json_t *changes_text(const char *text)
{
    json_t *string = json_string(text);

    return string != NULL ? string : json_string("");
}

static int changes_line(json_t *line)
{
    int rc = line == NULL ? -ENOMEM : json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0 ? -EIO : 0;

    json_decref(line);
    return rc == 0 && putchar('\n') == EOF ? -EIO : rc;
}

static int changes_json(const struct store_drift *drift)
{
    char first[WALL_TEXT_SIZE];
    char last[WALL_TEXT_SIZE];

    return changes_line(json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:o, s:s, s:o, s:s, s:s, s:s, s:s, s:s}", "type", "change", "kind",
        changes_kinds[drift->kind].word, "fingerprint", drift->fingerprint, "realm", changes_text(drift->realm), "host",
        changes_text(drift->address), "name", changes_text(drift->name), "proto", drift->proto, "port",
        (json_int_t)drift->port, "service", changes_text(drift->service), "severity", drift->severity, "owner",
        changes_text(drift->owner), "was", drift->was, "became", drift->became, "changed", drift->changes, "first_seen",
        wall_format(drift->first_seen, first), "last_seen", wall_format(drift->last_seen, last)));
}

static const char *changes_day(int64_t time_ms, char text[WALL_TEXT_SIZE])
{
    wall_format(time_ms, text);
    text[10] = ' ';
    text[16] = '\0';
    return text;
}

static int changes_take(void *context, const struct store_drift *drift)
{
    struct changes *changes = context;
    char place[REPORT_PLACE_SIZE];
    char text[CHANGES_TEXT_SIZE];
    char escaped[CHANGES_TEXT_SIZE];
    char first[WALL_TEXT_SIZE];
    char last[WALL_TEXT_SIZE];

    changes->counts[drift->kind]++;
    if (changes->command->json) {
        return changes_json(drift);
    }
    report_place(drift->address, drift->name, drift->realm, place);
    snprintf(text, sizeof(text), "%" PRId64 "/%s %.64s at %s, %s: %s%s%s%s%s; seen %s to %s%s%.64s", drift->port,
             drift->proto, drift->service, place, drift->severity, drift->was, drift->was[0] == '\0' ? "" : " -> ",
             drift->became, drift->changes[0] == '\0' ? "" : ", other ", drift->changes,
             changes_day(drift->first_seen, first), changes_day(drift->last_seen, last),
             drift->owner[0] == '\0' ? "" : "; owner ", drift->owner);
    typeset_escape(text, escaped, sizeof(escaped));
    return printf("%s %-8s%s\n", changes_kinds[drift->kind].sign, changes_kinds[drift->kind].word, escaped) < 0 ? -EIO
                                                                                                                : 0;
}

static void changes_span(double ms, char *text, size_t size)
{
    double minutes = ms / changes_minute_ms;

    if (minutes < 120) {
        snprintf(text, size, "%.0f minutes", minutes);
    } else if (minutes < 48 * 60) {
        snprintf(text, size, "%.1f hours", minutes / 60);
    } else {
        snprintf(text, size, "%.1f days", minutes / (24 * 60));
    }
}

static int changes_sum_up(const struct changes *changes, int64_t fixed, double mean_ms)
{
    char since[WALL_TEXT_SIZE];
    char until[WALL_TEXT_SIZE];

    wall_format(changes->since, since);
    wall_format(changes->until, until);
    if (changes->command->json) {
        return changes_line(json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "type", "summary", "since", since,
                                      "until", until, "opened", (json_int_t)changes->counts[STORE_DRIFT_OPENED],
                                      "closed", (json_int_t)changes->counts[STORE_DRIFT_CLOSED], "changed",
                                      (json_int_t)changes->counts[STORE_DRIFT_CHANGED], "fixed", (json_int_t)fixed,
                                      "mean_time_to_fix_s", isnan(mean_ms) ? json_null() : json_real(mean_ms / 1000)));
    }
    printf("From %s to %s: %" PRIu64 " opened, %" PRIu64 " closed, %" PRIu64 " changed.\n", since, until,
           changes->counts[STORE_DRIFT_OPENED], changes->counts[STORE_DRIFT_CLOSED],
           changes->counts[STORE_DRIFT_CHANGED]);
    if (fixed > 0) {
        char mean[64];
        changes_span(mean_ms, mean, sizeof(mean));
        printf("%" PRId64 " fixed, on average %s after they opened.\n", fixed, mean);
    }
    return 0;
}

static int changes_print(struct changes *changes)
{
    int64_t fixed = 0;
    double mean_ms = NAN;
    int rc = store_reader_begin(changes->reader);

    if (rc < 0) {
        return rc;
    }
    rc = changes_moments(changes);
    rc = rc < 0 ? rc : store_read_drift(changes->reader, changes->since, changes->until, changes_take, changes);
    rc = rc < 0 ? rc : store_read_time_to_fix(changes->reader, changes->since, changes->until, &fixed, &mean_ms);
    store_reader_end(changes->reader);
    return rc < 0 ? rc : changes_sum_up(changes, fixed, mean_ms);
}

int changes_verb_run(const struct changes_command *command)
{
    struct changes changes = {.command = command};
    char error[STORE_READ_ERROR_SIZE];
    struct settings settings;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = store_reader_open(settings.db, error, &changes.reader);
    if (rc < 0) {
        log_error("%s", error);
    } else {
        rc = changes_print(&changes);
        if (rc < 0 && rc != -EINVAL && rc != -ENOENT) {
            log_error("%s", store_reader_error(changes.reader)[0] != '\0' ? store_reader_error(changes.reader)
                                                                          : strerror(-rc));
        }
        store_reader_close(changes.reader);
    }
    settings_done(&settings);
    return rc < 0 || fflush(stdout) != 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}

/* ---- command line ---- */

enum changes_key { KEY_CONFIG = 0x100, KEY_DB, KEY_JSON, KEY_SINCE, KEY_UNTIL };

static error_t changes_option(int key, char *arg, struct argp_state *state)
{
    struct changes_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_JSON:
        command->json = true;
        return 0;
    case KEY_SINCE:
        command->since = arg;
        return 0;
    case KEY_UNTIL:
        command->until = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse_changes(int argc, char **argv, struct changes_command *ret_command)
{
    const struct argp_option table[] = {
        {"since", KEY_SINCE, "WHEN", 0, "A date, an RFC 3339 time, or a scan's id; else the audit before the last", 0},
        {"until", KEY_UNTIL, "WHEN", 0, "The same; else now", 0},
        {"json", KEY_JSON, NULL, 0, "A JSON object a line, the last one with the sums", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = changes_option,
        .doc = "Shows what became of findings between two moments: what opened, what closed, and what is open at both "
               "and changed; when each was seen first and last, and how long it took to fix what was fixed.\v"
               "A scan stands for the moment at which it was judged. Exit status: 0, or 2 for error or misuse.",
    };

    *ret_command = (struct changes_command){0};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}
