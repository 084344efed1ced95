#include "auditd/report/table.h"

#include "auditd/report/raise.h"
#include "auditd/report/typeset.h"
#include "lib/clock.h"
#include "lib/standard.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { WIDTH_MIN = 40, TEXT_INDENT = 14, SHORT_LINES_MAX = 10, CHANGE_LINES_MAX = 8, TERM_LINES = 5, LINE_SIZE = 1600 };
enum { ANSWER_LINES_MAX = 12, ANSWER_NAME_MAX = 120, DAY_MS = 24 * 3600 * 1000 };

struct pen {
    const struct report_data *data;
    const struct report_options *options;
    FILE *out;
    unsigned width;
};

static const struct {
    const char *word;
    const char *colour; /* SGR */
} SEVERITIES[] = {[SEVERITY_LOW] = {"low", "36"},
                  [SEVERITY_MEDIUM] = {"MEDIUM", "33"},
                  [SEVERITY_HIGH] = {"HIGH", "31"},
                  [SEVERITY_CRITICAL] = {"CRITICAL", "1;31"}};

static void coloured(const struct pen *pen, const char *colour, const char *text, int pad)
{
    if (pen->options->colour) {
        fprintf(pen->out, "\033[%sm%s\033[0m", colour, text);
    } else {
        fputs(text, pen->out);
    }
    fprintf(pen->out, "%*s", pad > (int)strlen(text) ? pad - (int)strlen(text) : 0, "");
}

static void heading(const struct pen *pen, const char *text)
{
    fputc('\n', pen->out);
    coloured(pen, "1", text, 0);
    fputc('\n', pen->out);
}

static void paragraph(const struct pen *pen, const char *text, unsigned indent)
{
    fprintf(pen->out, "%*s", (int)indent, "");
    typeset_wrap(pen->out, text, indent, indent, pen->width);
    fputc('\n', pen->out);
}

/* "  why       text", the text under TEXT_INDENT. */
static void labelled(const struct pen *pen, const char *label, const char *text)
{
    fprintf(pen->out, "    %-*s", TEXT_INDENT - 4, label);
    typeset_wrap(pen->out, text, TEXT_INDENT, TEXT_INDENT, pen->width);
    fputc('\n', pen->out);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static const char *when(int64_t time_ms, char buffer[WALL_TEXT_SIZE])
{
    wall_format(time_ms, buffer);
    buffer[10] = ' ';
    buffer[16] = '\0';
    return buffer;
}

/* ---- score ---- */

static void print_severities(const struct pen *pen)
{
    bool first = true;

    if (pen->data->finding_count == 0) {
        fputs("  No findings.\n", pen->out);
        return;
    }
    fprintf(pen->out, "  %" PRIu64 " finding%s: ", pen->data->finding_count, plural(pen->data->finding_count));
    for (int i = SEVERITY_CRITICAL; i >= SEVERITY_LOW; i--) {
        char text[64];
        if (pen->data->severities[i] == 0) {
            continue;
        }
        snprintf(text, sizeof(text), "%" PRIu64 " %s", pen->data->severities[i], severity_name((enum severity)i));
        fputs(first ? "" : ", ", pen->out);
        coloured(pen, SEVERITIES[i].colour, text, 0);
        first = false;
    }
    fputs(".\n", pen->out);
}

static void print_score(const struct pen *pen)
{
    const struct report_data *data = pen->data;
    char text[LINE_SIZE];
    size_t index;
    const json_t *cap;

    if (data->host_count == 0) {
        coloured(pen, "1", "No host has answered yet", 0);
        fputc('\n', pen->out);
        paragraph(pen, "Nothing is known, so nothing can be judged: check the targets, and that they can be reached.",
                  2);
        return;
    }
    snprintf(text, sizeof(text), "Score %.1f, grade %s", data->score, data->grade);
    coloured(pen, "1", text, 0);
    snprintf(text, sizeof(text),
             "exposure %.1f; %.0f %% of what was planned on %" PRIu64 " host%s was looked at; judged by %s",
             data->exposure, floor(data->coverage * 100), data->host_count, plural(data->host_count), data->policy);
    fputc('\n', pen->out);
    paragraph(pen, text, 2);
    print_severities(pen);
    json_array_foreach(data->caps, index, cap)
    {
        snprintf(text, sizeof(text), "Held down: %s.", json_string_value(cap));
        paragraph(pen, text, 2);
    }
    if (data->waived_count > 0) {
        snprintf(text, sizeof(text), "%" PRIu64 " finding%s waived, exposure %.1f, not counted.", data->waived_count,
                 plural(data->waived_count), data->waived);
        paragraph(pen, text, 2);
    }
    if (data->only_self) {
        paragraph(pen,
                  "Not verified from outside: this host was only seen from itself, so what others can reach is taken "
                  "from the addresses its listeners are bound to.",
                  2);
    }
}

static double number_of(const json_t *term, const char *key)
{
    return json_number_value(json_object_get(term, key));
}

static const char *text_of(const json_t *term, const char *key)
{
    const char *text = json_string_value(json_object_get(term, key));

    return text != NULL ? text : "";
}

/* "-13.43  1/2 x 26.86  telnet, own-vpc: 40 x 0.6 x 1 x 1 = 24.00, 3 alike x 1.12" */
static void print_term(const struct pen *pen, const json_t *term)
{
    char text[LINE_SIZE];
    double penalty = number_of(term, "penalty");
    double count = number_of(term, "count");
    int length = snprintf(text, sizeof(text), "%s, %s: service %g x breadth %g x evidence %g x need %g = %.2f",
                          text_of(term, "service"), text_of(term, "breadth_class"), number_of(term, "service_weight"),
                          number_of(term, "breadth"), number_of(term, "evidence"), number_of(term, "need"), penalty);
    double weight = number_of(term, "weight");

    if (count > 1 && penalty > 0) {
        length += snprintf(text + length, sizeof(text) - (size_t)length, ", %.0f alike x %.2f = %.2f", count,
                           number_of(term, "term") / penalty, number_of(term, "term"));
    }
    if (weight < 1 && weight > 0) {
        snprintf(text + length, sizeof(text) - (size_t)length, ", x 1/%.0f", 1 / weight);
    }
    fprintf(pen->out, "  - %5.2f  ", number_of(term, "cost"));
    typeset_wrap(pen->out, text, 11, 11, pen->width);
    fputc('\n', pen->out);
}

static void print_arithmetic(const struct pen *pen)
{
    size_t count = json_array_size(pen->data->terms);
    size_t shown = pen->options->explain || count <= TERM_LINES ? count : TERM_LINES;
    double rest = 0;

    if (count == 0) {
        return;
    }
    heading(pen, "How the score comes about");
    fputs("   100.00  to begin with\n", pen->out);
    for (size_t i = 0; i < count; i++) {
        const json_t *term = json_array_get(pen->data->terms, i);
        if (i < shown) {
            print_term(pen, term);
        } else {
            rest += number_of(term, "cost");
        }
    }
    if (shown < count) {
        fprintf(pen->out, "  - %5.2f  %zu smaller terms (--explain shows each)\n", rest, count - shown);
    }
    fprintf(pen->out, "  = %5.2f%s\n", pen->data->score, pen->data->score <= 0 ? "  (not below 0)" : "");
}

/* ---- the worst exposures ---- */

/* "; 2 new", and of a single finding "; new". */
static void add_count(char *text, const struct report_group *group, uint64_t count, const char *word)
{
    size_t length = strlen(text);

    if (count > 0 && group->count == 1) {
        snprintf(text + length, LINE_SIZE - length, "; %s", word);
    } else if (count > 0) {
        snprintf(text + length, LINE_SIZE - length, "; %" PRIu64 " %s", count, word);
    }
}

static void print_places(const struct pen *pen, const struct report_group *group)
{
    char text[LINE_SIZE] = "on ";
    size_t named = group->count < REPORT_HOSTS_NAMED ? (size_t)group->count : REPORT_HOSTS_NAMED;
    size_t length;

    for (size_t i = 0; i < named; i++) {
        length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "%s%s", i > 0 ? ", " : "", group->places[i]);
    }
    length = strlen(text);
    if (group->count > named) {
        snprintf(text + length, sizeof(text) - length, " and %" PRIu64 " more", group->count - named);
        length = strlen(text);
    }
    snprintf(text + length, sizeof(text) - length, "; penalty %.1f%s; %s; evidence: %s", group->penalty,
             group->count > 1 ? " each" : "", group->rule_id, group->evidence_kind);
    add_count(text, group, group->new_count, "new");
    add_count(text, group, group->back_count, "back again");
    add_count(text, group, group->stale_count, "stale (not seen lately)");
    add_count(text, group, group->acknowledged_count, "acknowledged");
    length = strlen(text);
    due_mention(group->has_other_owners ? "several" : group->owner, group->due_at, pen->options->now_ms, text + length,
                sizeof(text) - length);
    fprintf(pen->out, "%*s", TEXT_INDENT, "");
    typeset_wrap(pen->out, text, TEXT_INDENT, TEXT_INDENT, pen->width);
    fputc('\n', pen->out);
}

/* "NIST SP 800-53 Revision 5: CM-7, SC-7; PCI DSS v4.0.1: 1.2.5". */
static void print_controls(const struct pen *pen, const char *list)
{
    const struct standard_control *control;
    const char *standard = "";
    char text[LINE_SIZE] = "";

    while ((control = standard_control_next(&list)) != NULL) {
        size_t used = strlen(text);
        if (strcmp(control->standard, standard) == 0) {
            snprintf(text + used, sizeof(text) - used, ", %s", control->number);
        } else {
            snprintf(text + used, sizeof(text) - used, "%s%s %s: %s", used > 0 ? "; " : "", control->standard,
                     control->edition, control->number);
        }
        standard = control->standard;
    }
    if (text[0] != '\0') {
        labelled(pen, "see", text);
    }
}

static void print_group(const struct pen *pen, size_t index, bool in_full)
{
    const struct report_group *group = &pen->data->groups[index];
    char text[LINE_SIZE];

    fprintf(pen->out, "%3zu ", index + 1);
    coloured(pen, SEVERITIES[group->severity].colour, SEVERITIES[group->severity].word, TEXT_INDENT - 4);
    if (in_full || group->count == 1) {
        snprintf(text, sizeof(text), "%s", group->title);
    } else {
        snprintf(text, sizeof(text), "%s (%" PRIu64 " hosts)", group->title, group->count);
    }
    typeset_wrap(pen->out, text, TEXT_INDENT, TEXT_INDENT, pen->width);
    fputc('\n', pen->out);
    if (in_full) {
        print_places(pen, group);
        labelled(pen, "why", group->why);
        labelled(pen, "fix", group->fix);
        print_controls(pen, group->controls);
    }
}

static void print_worst(const struct pen *pen)
{
    size_t full = pen->options->worst_max;
    size_t count = pen->data->group_count;
    size_t shown = count < full + SHORT_LINES_MAX ? count : full + SHORT_LINES_MAX;

    if (count == 0) {
        return;
    }
    heading(pen, "Worst exposures");
    for (size_t i = 0; i < shown; i++) {
        print_group(pen, i, i < full);
    }
    if (shown < count) {
        fprintf(pen->out, "    and %zu more kinds\n", count - shown);
    }
}

/* ---- what answers ---- */

static const char *answer_behaviour(const char *behaviour)
{
    static const struct {
        const char *behaviour;
        const char *words;
    } rows[] = {
        {"silent", "No service: it says nothing"},
        {"closes", "No service: it closes what is opened"},
        {"resets", "No service: it resets what is opened"},
        {"zero-window", "No service: it takes no data"},
        {"not-asked", "Not asked: printers print what they are sent (--ask-printers)"},
        {"every-port", "No service: the host, or what stands before it, accepts every port"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(behaviour, rows[i].behaviour) == 0) {
            return rows[i].words;
        }
    }
    return "Not recognised";
}

/* "redis (Redis 7.0.15)", "http in TLS (nginx)" */
static size_t answer_name(const struct report_answer *answer, char *text, size_t size)
{
    const char *service = answer->texts[ANSWER_SERVICE];
    const char *product = answer->texts[ANSWER_PRODUCT];
    const char *version = answer->texts[ANSWER_VERSION];
    bool is_named = product[0] != '\0' || version[0] != '\0';
    bool is_inside = strcmp(answer->texts[ANSWER_TLS], "true") == 0 && strcmp(service, "tls") != 0;

    if (service[0] == '\0') {
        return (size_t)snprintf(text, size, "%s", answer_behaviour(answer->texts[ANSWER_BEHAVIOUR]));
    }
    return (size_t)snprintf(text, size, "%.*s%s%s%.*s%s%.*s%s", ANSWER_NAME_MAX, service, is_inside ? " in TLS" : "",
                            is_named ? " (" : "", ANSWER_NAME_MAX, product,
                            product[0] != '\0' && version[0] != '\0' ? " " : "", ANSWER_NAME_MAX, version,
                            is_named ? ")" : "");
}

static void answer_add_protection(const struct report_answer *answer, int64_t now_ms, char *text, size_t size)
{
    const char *lowest = answer->texts[ANSWER_TLS_VERSION];
    char moment[WALL_TEXT_SIZE];
    int64_t days = (answer->certificate_end - now_ms) / DAY_MS;
    size_t length = 0;

    text[0] = '\0';
    if (lowest[0] != '\0') {
        length += (size_t)snprintf(text, size, "; TLS from %.8s on", lowest);
    }
    if (strcmp(answer->texts[ANSWER_CLEARTEXT], "true") == 0) {
        length += (size_t)snprintf(text + length, size - length, "; in clear");
    }
    if (answer->certificate_end != 0) {
        wall_format(answer->certificate_end, moment);
        moment[10] = '\0';
        if (answer->certificate_end <= now_ms) {
            snprintf(text + length, size - length, "; certificate ended %s", moment);
        } else {
            snprintf(text + length, size - length, "; certificate ends %s, in %" PRId64 " day%s", moment, days,
                     plural((uint64_t)days));
        }
    }
}

static void print_answer(const struct pen *pen, const struct report_answer *answer)
{
    char protection[128];
    char text[LINE_SIZE];
    size_t named = answer->count < ANSWER_PLACES_NAMED ? (size_t)answer->count : ANSWER_PLACES_NAMED;
    size_t length = answer_name(answer, text, sizeof(text));

    answer_add_protection(answer, pen->options->now_ms, protection, sizeof(protection));
    length += (size_t)snprintf(
        text + length, sizeof(text) - length,
        "%s%s: ", strcmp(answer->texts[ANSWER_AUTH], "none") == 0 ? ", answers without a credential" : "", protection);
    for (size_t i = 0; i < named; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i > 0 ? ", " : "", answer->places[i]);
    }
    if (answer->count > named) {
        snprintf(text + length, sizeof(text) - length, " and %" PRIu64 " more", answer->count - named);
    }
    fputs("  ", pen->out);
    typeset_wrap(pen->out, text, 2, 2, pen->width);
    fputc('\n', pen->out);
}

static void print_answers(const struct pen *pen)
{
    const struct report_answers *answers = &pen->data->answers;
    char text[LINE_SIZE];

    if (answers->asked == 0) {
        return;
    }
    heading(pen, "What answers");
    for (size_t i = 0; i < answers->count && i < ANSWER_LINES_MAX; i++) {
        print_answer(pen, &answers->items[i]);
    }
    if (answers->count > ANSWER_LINES_MAX) {
        fprintf(pen->out, "    and %zu more kinds\n", answers->count - ANSWER_LINES_MAX);
    }
    if (answers->unasked > 0) {
        snprintf(text, sizeof(text), "%" PRIu64 " open port%s not asked.", answers->unasked,
                 answers->unasked == 1 ? " was" : "s were");
        paragraph(pen, text, 2);
    }
}

/* ---- what changed, what was not seen ---- */

static const struct {
    const char *sign;
    const char *label;
    const char *counted;
} CHANGES[REPORT_CHANGE_KINDS] = {
    [REPORT_CHANGE_NEW] = {"+", "new", "new"},
    [REPORT_CHANGE_BACK] = {"+", "back", "back again"},
    [REPORT_CHANGE_FIXED] = {"-", "fixed", "fixed"},
    [REPORT_CHANGE_ALLOWED] = {"-", "allowed", "now allowed"},
    [REPORT_CHANGE_VERIFYING] = {"?", "verifying", "answering no more, to be verified"},
    [REPORT_CHANGE_STALE] = {"?", "stale", "out of sight"},
    [REPORT_CHANGE_RETIRED] = {"-", "retired", "retired with its host"},
};

static void print_change(const struct pen *pen, const struct report_change *change)
{
    char text[LINE_SIZE];

    snprintf(text, sizeof(text), "%s at %s, %s", change->what, change->place, severity_name(change->severity));
    fprintf(pen->out, "  %s %-*s", CHANGES[change->kind].sign, TEXT_INDENT - 4, CHANGES[change->kind].label);
    typeset_wrap(pen->out, text, TEXT_INDENT, TEXT_INDENT, pen->width);
    fputc('\n', pen->out);
}

static void print_changes(const struct pen *pen)
{
    const struct report_data *data = pen->data;
    char text[LINE_SIZE];
    char moment[WALL_TEXT_SIZE];
    size_t length = 0;

    if (!data->before.is_set) {
        heading(pen, "Changes");
        paragraph(pen, "This was the first audit: from the next one on, this says what changed.", 2);
        return;
    }
    snprintf(text, sizeof(text), "Changed since the audit of %s UTC", when(data->before.started_at, moment));
    heading(pen, text);
    text[0] = '\0';
    for (size_t i = 0; i < REPORT_CHANGE_KINDS; i++) {
        if (data->change_counts[i] > 0) {
            snprintf(text + length, sizeof(text) - length, "%s%" PRIu64 " %s", length > 0 ? ", " : "",
                     data->change_counts[i], CHANGES[i].counted);
            length = strlen(text);
        }
    }
    paragraph(pen, length > 0 ? text : "Nothing.", 2);
    for (size_t i = 0; i < data->change_count && i < CHANGE_LINES_MAX; i++) {
        print_change(pen, &data->changes[i]);
    }
    if (data->change_count > CHANGE_LINES_MAX) {
        fprintf(pen->out, "    and %zu more\n", data->change_count - CHANGE_LINES_MAX);
    }
}

static void print_answer_changes(const struct pen *pen)
{
    const struct report_answer_changes *changes = &pen->data->answer_changes;

    if (changes->endpoints == 0) {
        return;
    }
    heading(pen, "What answers otherwise");
    for (size_t i = 0; i < changes->count; i++) {
        fputs("  ", pen->out);
        typeset_wrap(pen->out, changes->lines[i], 2, 4, pen->width);
        fputc('\n', pen->out);
    }
    if (changes->endpoints > changes->count) {
        fprintf(pen->out, "    and %zu more\n", changes->endpoints - changes->count);
    }
}

/* Each says for itself whether there is something to say: "" is nothing. */
static void not_seen_stale(const struct report_data *data, char *text, size_t size)
{
    if (data->stale_count > 0) {
        snprintf(text, size,
                 "%" PRIu64 " finding%s stale: we could not look, so they count until they are seen or retired.",
                 data->stale_count, data->stale_count == 1 ? " is" : "s are");
    }
}

static void not_seen_hosts(const struct report_data *data, char *text, size_t size)
{
    if (data->last.hosts_down > 0) {
        snprintf(text, size, "%" PRId64 " address%s gave no answer at all, %" PRId64 " did.", data->last.hosts_down,
                 data->last.hosts_down == 1 ? "" : "es", data->last.hosts_up);
    }
}

static void not_seen_rest(const struct report_data *data, char *text, size_t size)
{
    const struct report_audit *last = &data->last;

    if (strcmp(last->state, "complete") != 0 && last->probes_planned > 0) {
        snprintf(text, size,
                 "The last audit is %s (%s): %" PRId64 " of %" PRId64
                 " probes were done. The same command goes on from "
                 "there.",
                 last->state, last->cause[0] != '\0' ? last->cause : "no cause known", last->probes_done,
                 last->probes_planned);
    }
}

static void not_seen_canary(const struct report_data *data, char *text, size_t size)
{
    if (strcmp(data->last.canary, "silent") == 0) {
        snprintf(text, size, "The canary of the vantage %s was silent: while it is, silence proves nothing fixed.",
                 data->last.vantage);
    }
}

static void not_seen_fixed(const struct report_data *data, char *text, size_t size)
{
    const struct report_holds *holds = &data->holds;
    size_t length;

    if (holds->count > 0) {
        length = (size_t)snprintf(text, size, "Held at VERIFYING: %s.", holds->first);
        if (holds->count > 1 && length < size) {
            snprintf(text + length, size - length, " So it is in %" PRIu64 " more place%s (leastport alert list).",
                     holds->count - 1, plural(holds->count - 1));
        }
    }
}

static void not_seen_covered(const struct report_data *data, char *text, size_t size)
{
    if (data->coverage < 1 && data->host_count > 0) {
        snprintf(text, size, "%.1f %% of the known hosts' planned ports were not looked at lately.",
                 (1 - data->coverage) * 100);
    }
}

static void not_seen_missed(const struct report_data *data, char *text, size_t size)
{
    if (isfinite(data->last.missed_high) && data->last.missed_high >= 0.5) {
        snprintf(text, size, "Lost packets cannot be ruled out: up to %.0f open port%s may have been missed (95 %%).",
                 ceil(data->last.missed_high), ceil(data->last.missed_high) > 1 ? "s" : "");
    }
}

static void print_not_seen(const struct pen *pen)
{
    static void (*const sayings[])(const struct report_data *, char *,
                                   size_t) = {not_seen_stale, not_seen_hosts,   not_seen_rest,  not_seen_canary,
                                              not_seen_fixed, not_seen_covered, not_seen_missed};
    bool said = false;

    for (size_t i = 0; i < sizeof(sayings) / sizeof(*sayings); i++) {
        char text[LINE_SIZE] = "";
        sayings[i](pen->data, text, sizeof(text));
        if (text[0] == '\0') {
            continue;
        }
        if (!said) {
            heading(pen, "Not seen");
            said = true;
        }
        paragraph(pen, text, 2);
    }
}

/* "3 hours ago"; ages are whole, rounded down. */
static const char *ago(int64_t from_ms, int64_t now_ms, char *buffer, size_t size)
{
    static const struct {
        int64_t ms;
        const char *word;
    } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        int64_t count = (now_ms - from_ms) / units[i].ms;
        if (count > 0) {
            snprintf(buffer, size, "%" PRId64 " %s%s ago", count, units[i].word, plural((uint64_t)count));
            return buffer;
        }
    }
    snprintf(buffer, size, "just now");
    return buffer;
}

/* Scans and imports that were cut short before anything was judged are not nothing. */
static void print_nothing(const struct pen *pen)
{
    const struct report_audit *pending = &pen->data->pending;
    char moment[WALL_TEXT_SIZE];
    char text[LINE_SIZE];

    if (!pending->is_set) {
        fputs("Nothing has been audited yet. Begin with: leastport audit 127.0.0.1\n", pen->out);
        return;
    }
    snprintf(
        text, sizeof(text),
        "Nothing has been judged yet: what began at %s UTC, from the vantage %s in the realm %s, is %s%s%s. Give the "
        "same command again to finish it.",
        when(pending->started_at, moment), pending->vantage, pending->realm, pending->state,
        pending->cause[0] == '\0' ? "" : ": ", pending->cause);
    paragraph(pen, text, 0);
    fputc('\n', pen->out);
}

void report_table_print(const struct report_data *data, const struct report_options *options, FILE *out)
{
    const struct pen pen = {
        .data = data, .options = options, .out = out, .width = options->width < WIDTH_MIN ? WIDTH_MIN : options->width};
    char moment[WALL_TEXT_SIZE];
    char text[LINE_SIZE];
    char age[64];

    if (!data->has_score || (!data->last.is_set && data->finding_count == 0)) {
        print_nothing(&pen);
        return;
    }
    if (data->last.is_set) {
        snprintf(text, sizeof(text), "Leastport: audit of %s UTC (%s), from the vantage %s in the realm %s",
                 when(data->last.started_at, moment), ago(data->last.started_at, options->now_ms, age, sizeof(age)),
                 data->last.vantage, data->last.realm);
    } else {
        snprintf(text, sizeof(text), "Leastport: no scan yet; what clouds declare");
    }
    paragraph(&pen, text, 0);
    fputc('\n', out);
    print_score(&pen);
    print_worst(&pen);
    due_print(&data->due, options->now_ms, pen.width, out);
    print_answers(&pen);
    print_changes(&pen);
    print_answer_changes(&pen);
    print_not_seen(&pen);
    print_arithmetic(&pen);
    if (raise_print(data->terms, TERM_LINES, pen.width, out) < 0) {
        fputs("  (out of memory)\n", out);
    }
}
