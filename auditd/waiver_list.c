#include "auditd/waiver_list.h"

#include "auditd/report/typeset.h"
#include "auditd/store/read.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

enum { WAIVER_CELL_SIZE = 640 };

struct waiver_listing {
    struct libscols_table *table; /* NULL: JSON Lines */
    FILE *out;
    size_t count;
};

static int waiver_cell(struct libscols_line *line, size_t column, const char *text)
{
    char cell[WAIVER_CELL_SIZE];

    typeset_escape(text, cell, sizeof(cell));
    return scols_line_set_data(line, column, cell);
}

/* "10.0.0.5:22/tcp ssh" of one finding, "user/ssh on {…}" of a rule. */
static void waiver_what(const struct store_waiver *waiver, char *text, size_t size)
{
    if (waiver->rule_id[0] != '\0') {
        snprintf(text, size, "rule %.80s on %.400s (%" PRId64 " finding%s)", waiver->rule_id,
                 strcmp(waiver->hosts, "{}") == 0 ? "every host" : waiver->hosts, waiver->findings,
                 waiver->findings == 1 ? "" : "s");
    } else {
        snprintf(text, size, "%.64s:%" PRId64 "/%.4s %.64s%s%.80s", waiver->address, waiver->port, waiver->proto,
                 waiver->service, strcmp(waiver->realm, "default") == 0 ? "" : " in ",
                 strcmp(waiver->realm, "default") == 0 ? "" : waiver->realm);
    }
}

static int waiver_row(struct waiver_listing *listing, const struct store_waiver *waiver)
{
    struct libscols_line *line = scols_table_new_line(listing->table, NULL);
    char text[WAIVER_CELL_SIZE];
    int rc = line == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        waiver_what(waiver, text, sizeof(text));
        rc = waiver_cell(line, 0, text);
    }
    rc = rc == 0 ? waiver_cell(line, 1, waiver->owner) : rc;
    if (rc == 0) {
        wall_format(waiver->until, text);
        text[10] = ' ';
        text[16] = '\0';
        rc = waiver_cell(line, 2, text);
    }
    rc = rc == 0 ? waiver_cell(line, 3, waiver->actor) : rc;
    rc = rc == 0 ? waiver_cell(line, 4, waiver->reason) : rc;
    return rc == 0 ? waiver_cell(line, 5, waiver->uuid) : rc;
}

static int waiver_line(struct waiver_listing *listing, const struct store_waiver *waiver)
{
    char until[WALL_TEXT_SIZE];
    char created[WALL_TEXT_SIZE];
    json_t *hosts = json_loads(waiver->hosts, 0, NULL);
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:o?, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:I}", "type", "waiver",
                  "waiver", waiver->uuid, "rule_id", waiver->rule_id, "hosts", hosts, "realm", waiver->realm, "host",
                  waiver->address, "proto", waiver->proto, "port", (json_int_t)waiver->port, "service", waiver->service,
                  "owner", waiver->owner, "reason", waiver->reason, "until", wall_format(waiver->until, until), "actor",
                  waiver->actor, "created", wall_format(waiver->created_at, created), "accepted_breadth",
                  waiver->accepted_breadth, "findings", (json_int_t)waiver->findings);
    int rc = line == NULL || json_dumpf(line, listing->out, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0 ||
                     putc('\n', listing->out) == EOF
                 ? -EIO
                 : 0;

    json_decref(line);
    return rc;
}

static int waiver_take(void *context, const struct store_waiver *waiver)
{
    struct waiver_listing *listing = context;

    listing->count++;
    return listing->table == NULL ? waiver_line(listing, waiver) : waiver_row(listing, waiver);
}

static struct libscols_table *waiver_table(FILE *out)
{
    static const char *const columns[] = {"WAIVED", "OWNER", "UNTIL (UTC)", "BY", "REASON", "WAIVER"};
    struct libscols_table *table = scols_new_table();

    for (size_t i = 0; table != NULL && i < sizeof(columns) / sizeof(*columns); i++) {
        if (scols_table_new_column(table, columns[i], 0, i == 0 || i == 4 ? SCOLS_FL_WRAP : 0) == NULL) {
            scols_unref_table(table);
            table = NULL;
        }
    }
    if (table != NULL) {
        scols_table_set_stream(table, out);
    }
    return table;
}

static int waiver_print(struct store_reader *reader, struct waiver_listing *listing)
{
    int rc = store_read_waivers(reader, waiver_take, listing);

    if (rc < 0) {
        log_error("%s", store_reader_error(reader)[0] != '\0' ? store_reader_error(reader) : strerror(-rc));
        return rc;
    }
    if (listing->count == 0) {
        log_notice("no waiver is in force");
        return 0;
    }
    return listing->table == NULL ? 0 : scols_print_table(listing->table);
}

int waiver_list_print(const char *db_path, bool json, FILE *out)
{
    struct waiver_listing listing = {.out = out};
    char error[STORE_READ_ERROR_SIZE];
    struct store_reader *reader;
    int rc = store_reader_open(db_path, error, &reader);

    if (rc < 0) {
        log_error("%s", error);
        return rc;
    }
    listing.table = json ? NULL : waiver_table(out);
    rc = !json && listing.table == NULL ? -ENOMEM : waiver_print(reader, &listing);
    scols_unref_table(listing.table);
    store_reader_close(reader);
    return rc;
}
