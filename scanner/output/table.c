/* For a person: a few lines for each host that answered, one line for all that did not, one line at the end. */
#include "scanner/output/hostbook.h"
#include "scanner/output/writer.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cell is longer only when a server wants it to be; it is cut then. */
enum { TABLE_CELL_SIZE = 256 };

struct table {
    struct sink *sink;
    struct hostbook *book;
    bool is_terminal;
    uint64_t silent; /* hosts */
    uint64_t unfinished;
};

static void table_destroy(void *writer)
{
    struct table *table = writer;

    if (table == NULL) {
        return;
    }
    hostbook_destroy(table->book);
    free(table);
}

static void *table_create(const struct writer_options *options)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table == NULL) {
        return NULL;
    }
    table->sink = options->sink;
    table->is_terminal = options->is_terminal;
    table->book = hostbook_create(options->services);
    if (table->book == NULL) {
        table_destroy(table);
        return NULL;
    }
    return table;
}

/* What answers, or with a question mark what the number suggests. */
static void table_name_service(const struct hostbook_port *row, char *text, size_t size)
{
    const struct hostbook_answer *answer = row->answer;
    const char *registered = row->service == NULL ? "" : row->service;

    if (answer == NULL) {
        snprintf(text, size, "%s", registered);
    } else if (answer->service == NULL) {
        snprintf(text, size, "%s%s?", answer->tls ? "tls/" : "", registered);
    } else {
        snprintf(text, size, "%s%s", answer->tls ? "tls/" : "", answer->service);
    }
}

static const char *table_behaviour(const char *behaviour)
{
    return behaviour != NULL && strcmp(behaviour, "not-asked") == 0 ? "not asked: printers print what they are sent"
                                                                    : behaviour;
}

static void table_describe_answer(const struct hostbook_answer *answer, char *text, size_t size)
{
    const char *parts[] = {answer->product, answer->version, table_behaviour(answer->behaviour),
                           answer->open_door ? "(answers without a credential)" : NULL};
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && used < size; i++) {
        if (parts[i] != NULL) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : " ", parts[i]);
        }
    }
}

static int table_fill_row(struct libscols_line *line, const struct hostbook_port *row)
{
    char text[TABLE_CELL_SIZE];
    int rc;

    snprintf(text, sizeof(text), "%u/%s", row->port, row->is_udp ? "udp" : "tcp");
    rc = scols_line_set_data(line, 0, text);
    if (rc == 0) {
        rc = scols_line_set_data(line, 1, port_state_name(row->state));
    }
    if (rc == 0) {
        table_name_service(row, text, sizeof(text));
        rc = scols_line_set_data(line, 2, text);
    }
    if (rc == 0) {
        snprintf(text, sizeof(text), "%s%s%s", reason_name(row->reason), row->bound == NULL ? "" : ", bound to ",
                 row->bound == NULL ? "" : row->bound);
        rc = scols_line_set_data(line, 3, text);
    }
    if (rc == 0 && row->answer != NULL) {
        table_describe_answer(row->answer, text, sizeof(text));
        rc = scols_line_set_data(line, 4, text);
    }
    return rc;
}

static bool table_has_answers(const struct hostbook_view *view)
{
    bool has = false;

    for (size_t i = 0; i < view->row_count; i++) {
        has |= view->rows[i].answer != NULL;
    }
    return has;
}

/* The rows as aligned text; on the heap. */
static int table_format_rows(const struct table *table, const struct hostbook_view *view, char **ret_text)
{
    static const char *const names[] = {"PORT", "STATE", "SERVICE", "REASON", "VERSION"};
    const size_t columns = table_has_answers(view) ? 5 : 4;
    struct libscols_table *scols = scols_new_table();
    int rc = scols == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < columns; i++) {
        rc = scols_table_new_column(scols, names[i], 0, 0) == NULL ? -ENOMEM : 0;
    }
    if (rc == 0) {
        scols_table_set_termforce(scols, table->is_terminal ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
    }
    for (size_t i = 0; rc == 0 && i < view->row_count; i++) {
        struct libscols_line *line = scols_table_new_line(scols, NULL);
        rc = line == NULL ? -ENOMEM : table_fill_row(line, &view->rows[i]);
    }
    if (rc == 0) {
        rc = scols_print_table_to_string(scols, ret_text);
    }
    scols_unref_table(scols);
    return rc;
}

static void table_print_rest(FILE *stream, const struct hostbook_view *view)
{
    for (size_t i = 0; i < view->rest_count; i++) {
        fprintf(stream, "%s%u %s (%s)", i == 0 ? "Not shown: " : ", ", view->rest[i]->count,
                port_state_name(view->rest[i]->state), reason_name(view->rest[i]->reason));
    }
    if (view->rest_count > 0) {
        putc('\n', stream);
    }
}

static void table_print_host(FILE *stream, const struct observation_host *host, bool unfinished)
{
    char text[ADDR_TEXT_SIZE];

    fputs(addr_format(&host->host, text), stream);
    if (host->name != NULL) {
        fprintf(stream, " (%s)", host->name);
    }
    fprintf(stream, "  %s (%s)", host->up ? "up" : "silent", reason_name(host->reason));
    if (host->has_rtt) {
        fprintf(stream, ", %.1f ms", (double)host->rtt_us / 1000);
    }
    fputs(host->self ? ", this machine" : "", stream);
    fputs(unfinished ? ", unfinished: not all of its ports have been asked\n" : "\n", stream);
}

static int table_write_view(struct table *table, const struct observation_host *host, const struct hostbook_view *view)
{
    char *rows = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *stream;
    int rc = view->row_count == 0 ? 0 : table_format_rows(table, view, &rows);

    if (rc < 0) {
        return rc;
    }
    stream = open_memstream(&text, &size);
    if (stream == NULL) {
        free(rows);
        return -ENOMEM;
    }
    table_print_host(stream, host, view->unfinished);
    fputs(rows == NULL ? "" : rows, stream);
    if (rows != NULL && rows[0] != '\0' && rows[strlen(rows) - 1] != '\n') {
        putc('\n', stream);
    }
    table_print_rest(stream, view);
    putc('\n', stream);
    free(rows);
    rc = fclose(stream) == 0 ? sink_write(table->sink, text, size) : -ENOMEM;
    free(text);
    return rc;
}

static int table_write_host(struct table *table, const struct observation_host *host)
{
    struct hostbook_view view;
    int rc = hostbook_take(table->book, host, &view);

    if (rc < 0) {
        return rc;
    }
    if (!host->up && view.row_count == 0) {
        table->silent++;
    } else {
        rc = table_write_view(table, host, &view);
    }
    hostbook_view_done(&view);
    return rc;
}

/* Open ports that were found are shown, however the scan ended. */
static int table_write_unfinished(struct table *table)
{
    struct observation_host host;
    struct hostbook_view view;
    int rc;

    while ((rc = hostbook_take_unfinished(table->book, &host, &view)) == 0) {
        table->unfinished++;
        rc = table_write_view(table, &host, &view);
        hostbook_view_done(&view);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

static int table_write_canary(const struct table *table, const struct observation_canary *canary)
{
    char addr[ADDR_TEXT_SIZE];
    char text[ADDR_TEXT_SIZE + 160];

    if (canary->answered) {
        return 0;
    }
    snprintf(text, sizeof(text),
             "The canary %s port %u did not answer at the %s of the scan: silence proves nothing.\n\n",
             addr_format(&canary->host, addr), canary->port, canary->at_end ? "end" : "start");
    return sink_write(table->sink, text, strlen(text));
}

static void table_print_end(FILE *stream, const struct table *table, const struct observation_end *end)
{
    double seconds = (double)end->elapsed_ms / 1000;
    uint64_t up = end->hosts_up + table->unfinished;

    if (table->silent > 0) {
        fprintf(stream, "%llu host%s gave no answer and %s not shown.", (unsigned long long)table->silent,
                table->silent == 1 ? "" : "s", table->silent == 1 ? "is" : "are");
        if (end->probes_unasked > 0) {
            fprintf(stream, " %llu ports of hosts that did not answer discovery were not asked.",
                    (unsigned long long)end->probes_unasked);
        }
        putc('\n', stream);
    }
    fprintf(stream, "%s: %llu open port%s on %llu of %llu hosts", end->complete ? "Done" : "INCOMPLETE",
            (unsigned long long)end->open, end->open == 1 ? "" : "s", (unsigned long long)up,
            (unsigned long long)(up + end->hosts_down));
    if (table->unfinished > 0) {
        fprintf(stream, " (%llu unfinished)", (unsigned long long)table->unfinished);
    }
    fprintf(stream, ", %llu probes in %.1f s", (unsigned long long)end->probes_sent, seconds);
    /* A rate over less than this would say nothing. */
    if (seconds >= 0.1 && end->probes_sent >= 100) {
        fprintf(stream, " (%.0f/s)", (double)end->probes_sent / seconds);
    }
    if (end->has_loss) {
        fprintf(stream, ", %.1f %% lost", end->loss * 100);
    }
    if (!end->complete) {
        fprintf(stream, "; %llu of %llu ports not asked yet", (unsigned long long)(end->probes - end->probes_done),
                (unsigned long long)end->probes);
    } else if (end->has_missed && end->missed_high < 0.5) {
        fprintf(stream, "; no open port missed%s (95 %%)", end->probes_unasked > 0 ? " of those asked" : "");
    } else if (end->has_missed) {
        fprintf(stream, "; may have missed %.0f to %.0f open ports%s (95 %%)", end->missed_low, end->missed_high,
                end->probes_unasked > 0 ? " of those asked" : "");
    } else {
        fputs("; how many open ports were missed is not known", stream);
    }
    fprintf(stream, ".%s%s\n", end->message == NULL ? "" : " ", end->message == NULL ? "" : end->message);
}

static int table_write_end(struct table *table, const struct observation_end *end)
{
    char *text = NULL;
    size_t size = 0;
    int rc = table_write_unfinished(table);
    FILE *stream = rc < 0 ? NULL : open_memstream(&text, &size);

    if (rc < 0) {
        return rc;
    }
    if (stream == NULL) {
        return -ENOMEM;
    }
    table_print_end(stream, table, end);
    rc = fclose(stream) == 0 ? sink_write(table->sink, text, size) : -ENOMEM;
    free(text);
    return rc;
}

static int table_write(void *writer, const struct observation *observation)
{
    struct table *table = writer;

    switch (observation->type) {
    case OBSERVATION_PORT:
        return hostbook_add(table->book, &observation->port);
    case OBSERVATION_SERVICE:
        return hostbook_add_service(table->book, &observation->service);
    case OBSERVATION_HOST:
        return table_write_host(table, &observation->host);
    case OBSERVATION_CANARY:
        return table_write_canary(table, &observation->canary);
    case OBSERVATION_END:
        return table_write_end(table, &observation->end);
    case OBSERVATION_START:
    case OBSERVATION_CERTIFICATE:
    case OBSERVATION_SLAB:
    case OBSERVATION_PROGRESS:
    case OBSERVATION_NOTICE:
        break;
    }
    return 0;
}

const struct writer_driver writer_table = {
    .name = "table",
    .create = table_create,
    .write = table_write,
    .destroy = table_destroy,
};
