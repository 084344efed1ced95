#include "auditd/score_verb.h"

#include "auditd/protocol.h"
#include "auditd/report/raise.h"
#include "auditd/report/typeset.h"
#include "auditd/settings.h"
#include "auditd/store/read.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCORE_TEXT_SIZE = 400, SCORE_RAISES = 5, SCORE_WIDTH = 100 };

struct score_command {
    const char *config;
    const char *db;
    const char *scope; /* NULL: all */
    const char *of;    /* NULL: all of the scope */
    const char *since;
    bool history;
    bool explain;
    bool json;
};

struct score_listing {
    const struct score_command *command;
    size_t count;
};

/* ---- one score ---- */

static json_t *score_text(const char *text)
{
    json_t *string = json_string(text);

    return string != NULL ? string : json_string("");
}

static int score_json(const struct store_score *score, const json_t *terms)
{
    char first[WALL_TEXT_SIZE];
    char last[WALL_TEXT_SIZE];
    json_t *line = json_pack(
        "{s:s, s:s, s:o, s:o, s:f, s:s, s:f, s:f, s:f, s:o, s:O, s:o?, s:s, s:s, s:b}", "type", "score", "scope",
        score->scope, "subject", score_text(score->subject), "label", score_text(score->label), "score", score->score,
        "grade", score->grade, "exposure", score->exposure, "waived", score->waived, "coverage", score->coverage,
        "caps", json_loads(score->caps, 0, NULL), "terms", terms, "raise", raise_json(terms), "from",
        wall_format(score->first_at, first), "to", wall_format(score->last_at, last), "current", score->ended_at == 0);
    int rc =
        line == NULL || json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0 || putchar('\n') == EOF
            ? -EIO
            : 0;

    json_decref(line);
    return rc;
}

static double score_number(const json_t *term, const char *name)
{
    return json_number_value(json_object_get(term, name));
}

static void score_terms(const json_t *terms)
{
    size_t index;
    json_t *term;

    json_array_foreach(terms, index, term)
    {
        printf(
            "    - %5.2f  %s, %s: service %g x breadth %g x evidence %g x need %g = %.2f, %.0f of them: %.2f, x %g\n",
            score_number(term, "cost"), json_string_value(json_object_get(term, "service")),
            json_string_value(json_object_get(term, "breadth_class")), score_number(term, "service_weight"),
            score_number(term, "breadth"), score_number(term, "evidence"), score_number(term, "need"),
            score_number(term, "penalty"), score_number(term, "count"), score_number(term, "term"),
            score_number(term, "weight"));
    }
}

static int score_line(const struct score_command *command, const struct store_score *score, const json_t *terms)
{
    char first[WALL_TEXT_SIZE];
    char last[WALL_TEXT_SIZE];
    char text[SCORE_TEXT_SIZE];
    char label[SCORE_TEXT_SIZE];

    wall_format(score->first_at, first);
    wall_format(score->last_at, last);
    first[16] = last[16] = '\0';
    first[10] = last[10] = ' ';
    snprintf(text, sizeof(text), "%.300s", score->label);
    typeset_escape(text, label, sizeof(label));
    printf("%5.1f %s  %s%s%s; exposure %.1f, waived %.1f, %.0f %% looked at; %s to %s\n", score->score, score->grade,
           score->scope, label[0] == '\0' ? "" : " ", label, score->exposure, score->waived, score->coverage * 100,
           first, last);
    if (!command->explain) {
        return 0;
    }
    score_terms(terms);
    return raise_print(terms, SCORE_RAISES, SCORE_WIDTH, stdout);
}

static int score_take(void *context, const struct store_score *score)
{
    struct score_listing *listing = context;
    const struct score_command *command = listing->command;
    json_t *terms;
    int rc;

    if (command->of != NULL && strcmp(command->of, score->subject) != 0 && strcmp(command->of, score->label) != 0) {
        return 0;
    }
    terms = json_loads(score->terms, 0, NULL);
    if (terms == NULL) {
        return -EUCLEAN;
    }
    listing->count++;
    rc = command->json ? score_json(score, terms) : score_line(command, score, terms);
    json_decref(terms);
    return rc;
}

/* ---- all ---- */

static int score_read(struct store_reader *reader, const struct score_command *command)
{
    struct store_score_filter filter = {
        .with_ended = command->history,
        .page = {.sort = command->history ? STORE_SCORE_BY_TIME : STORE_SCORE_BY_SCORE},
    };
    struct score_listing listing = {.command = command};
    char moment[WALL_TEXT_SIZE];
    int rc;

    if (command->scope != NULL) {
        filter.scopes = (struct store_texts){&command->scope, 1};
    }
    if (command->since != NULL) {
        snprintf(moment, sizeof(moment), "%.20sT00:00:00Z", command->since);
        if (wall_parse(command->since, &filter.since) < 0 && wall_parse(moment, &filter.since) < 0) {
            log_error("--since \"%.60s\" is no date like 2026-11-22 and no RFC 3339 time", command->since);
            return -EINVAL;
        }
    }
    rc = store_read_scores(reader, &filter, score_take, &listing);
    if (rc < 0) {
        log_error("%s", store_reader_error(reader)[0] != '\0' ? store_reader_error(reader) : strerror(-rc));
    } else if (listing.count == 0) {
        log_error("there is no score%s%.100s", command->of == NULL ? "" : " of ",
                  command->of == NULL ? " yet" : command->of);
        rc = -ENOENT;
    }
    return rc;
}

static int score_run(const struct score_command *command)
{
    char error[STORE_READ_ERROR_SIZE];
    struct store_reader *reader;
    struct settings settings;
    int rc = settings_load_paths(&(struct settings_sources){.config = command->config, .db = command->db}, &settings);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    rc = store_reader_open(settings.db, error, &reader);
    if (rc < 0) {
        log_error("%s", error);
    } else {
        rc = score_read(reader, command);
        store_reader_close(reader);
    }
    settings_done(&settings);
    return rc < 0 || fflush(stdout) != 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}

/* ---- command line ---- */

enum score_key { KEY_CONFIG = 0x100, KEY_DB, KEY_EXPLAIN, KEY_HISTORY, KEY_JSON, KEY_SINCE };

static bool score_is_scope(const char *word)
{
    static const char *const scopes[] = {"fleet", "realm", "group", "host"};

    for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++) {
        if (strcmp(word, scopes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void score_word(struct argp_state *state, char *arg, struct score_command *command)
{
    if (state->arg_num == 1) {
        command->of = arg;
        return;
    }
    if (state->arg_num > 1 || !score_is_scope(arg)) {
        argp_error(state,
                   "takes fleet, realm [NAME], group [NAME|KEY=VALUE] or host [NAME|ADDRESS]: \"%s\" is none of it",
                   arg);
    }
    command->scope = arg;
}

static error_t score_option(int key, char *arg, struct argp_state *state)
{
    struct score_command *command = state->input;

    switch (key) {
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_EXPLAIN:
        command->explain = true;
        return 0;
    case KEY_HISTORY:
        command->history = true;
        return 0;
    case KEY_JSON:
        command->json = true;
        return 0;
    case KEY_SINCE:
        command->since = arg;
        return 0;
    case ARGP_KEY_ARG:
        score_word(state, arg, command);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int score_verb_main(int argc, char **argv)
{
    const struct argp_option table[] = {
        {"explain", KEY_EXPLAIN, NULL, 0, "Every term, and what would raise the score most", 0},
        {"history", KEY_HISTORY, NULL, 0, "What it was before too, the oldest first", 0},
        {"since", KEY_SINCE, "WHEN", 0, "With --history: from a date or an RFC 3339 time on", 0},
        {"json", KEY_JSON, NULL, 0, "A JSON object a line, with all of it", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database; else the configuration's, else the default one", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = score_option,
        .args_doc = "[fleet | realm [NAME] | group [NAME|KEY=VALUE] | host [NAME|ADDRESS]]",
        .doc = "Shows scores, the worst first: of the fleet, realms, groups and hosts. A group is one that the "
               "policy names, or a tag that two hosts or more have.\vExit status: 0, or 2 for error or misuse.",
    };
    struct score_command command = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &command);
    return score_run(&command);
}
