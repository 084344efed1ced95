#include "auditd/finding/waiver_csv.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum csv_column {
    CSV_FINDING,
    CSV_RULE,
    CSV_REALM,
    CSV_CIDR,
    CSV_NAME,
    CSV_GROUP,
    CSV_TAG,
    CSV_OWNER,
    CSV_REASON,
    CSV_UNTIL,
};

static const char *const csv_names[] = {
    [CSV_FINDING] = "finding", [CSV_RULE] = "rule",   [CSV_REALM] = "realm", [CSV_CIDR] = "cidr",
    [CSV_NAME] = "name",       [CSV_GROUP] = "group", [CSV_TAG] = "tag",     [CSV_OWNER] = "owner",
    [CSV_REASON] = "reason",   [CSV_UNTIL] = "until",
};

enum { CSV_COLUMNS = sizeof(csv_names) / sizeof(*csv_names), CSV_CELL_SIZE = 2048 };

/* Where a cell began, for a person: both count from 1, the column in bytes. */
struct csv_place {
    unsigned line;
    unsigned column;
};

struct csv_cell {
    char text[CSV_CELL_SIZE];
    struct csv_place place;
    bool is_given;
};

struct csv {
    const char *at;
    const char *end;
    struct csv_place place;
    char *ret_reason;
    enum csv_column order[CSV_COLUMNS];
    size_t count;
    struct csv_cell cells[CSV_COLUMNS];
};

static int csv_fail(const struct csv *csv, const struct csv_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int csv_fail(const struct csv *csv, const struct csv_place *place, const char *format, ...)
{
    char what[WAIVER_CSV_REASON_SIZE / 2 + 128];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(csv->ret_reason, WAIVER_CSV_REASON_SIZE, "line %u, column %u: %s", place->line, place->column, what);
    return -EBADMSG;
}

/* ---- cells ---- */

static char csv_take(struct csv *csv)
{
    char byte = *csv->at++;

    if (byte == '\n') {
        csv->place.line++;
        csv->place.column = 1;
    } else {
        csv->place.column++;
    }
    return byte;
}

static bool csv_at_row_end(const struct csv *csv)
{
    return csv->at == csv->end || *csv->at == '\n' ||
           (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

static int csv_put(const struct csv *csv, struct csv_cell *cell, size_t *length, char byte)
{
    if (byte == '\0') {
        return csv_fail(csv, &csv->place, "a NUL byte");
    }
    if (*length == CSV_CELL_SIZE - 1) {
        return csv_fail(csv, &cell->place, "a cell of more than %d bytes", CSV_CELL_SIZE - 1);
    }
    cell->text[(*length)++] = byte;
    return 0;
}

static int csv_quoted(struct csv *csv, struct csv_cell *cell, size_t *length)
{
    int rc = 0;

    (void)csv_take(csv);
    while (rc == 0) {
        if (csv->at == csv->end) {
            return csv_fail(csv, &cell->place, "the quote is not closed");
        }
        if (*csv->at == '"') {
            (void)csv_take(csv);
            if (csv->at == csv->end || *csv->at != '"') {
                return csv_at_row_end(csv) || *csv->at == ','
                           ? 0
                           : csv_fail(csv, &csv->place, "text behind a closed quote; a quote inside of one is doubled");
            }
        }
        rc = csv_put(csv, cell, length, csv_take(csv));
    }
    return rc;
}

static int csv_cell(struct csv *csv, struct csv_cell *cell)
{
    size_t length = 0;
    int rc = 0;

    *cell = (struct csv_cell){.place = csv->place, .is_given = true};
    if (csv->at < csv->end && *csv->at == '"') {
        rc = csv_quoted(csv, cell, &length);
    }
    while (rc == 0 && !csv_at_row_end(csv) && *csv->at != ',') {
        rc = *csv->at == '"' ? csv_fail(csv, &csv->place, "a quote in a cell that does not begin with one")
                             : csv_put(csv, cell, &length, csv_take(csv));
    }
    cell->text[length] = '\0';
    /* jansson takes no other text: what it refused would be missing from a waiver, which would then reach further. */
    if (rc == 0 && !g_utf8_validate(cell->text, (gssize)length, NULL)) {
        rc = csv_fail(csv, &cell->place, "the cell is not UTF-8");
    }
    return rc;
}

static void csv_end_row(struct csv *csv)
{
    while (csv->at < csv->end && csv_take(csv) != '\n') {
    }
}

/* ---- header ---- */

static int csv_header_cell(struct csv *csv, struct csv_cell *cell)
{
    size_t column = 0;

    while (column < CSV_COLUMNS && strcmp(csv_names[column], cell->text) != 0) {
        column++;
    }
    if (column == CSV_COLUMNS) {
        return csv_fail(csv, &cell->place,
                        "there is no column \"%.60s\"; there are finding, rule, realm, cidr, name, group, tag, owner, "
                        "reason and until",
                        cell->text);
    }
    for (size_t i = 0; i < csv->count; i++) {
        if (csv->order[i] == (enum csv_column)column) {
            return csv_fail(csv, &cell->place, "the column \"%s\" stands there twice", cell->text);
        }
    }
    csv->order[csv->count++] = (enum csv_column)column;
    return 0;
}

static bool csv_has(const struct csv *csv, enum csv_column column)
{
    for (size_t i = 0; i < csv->count; i++) {
        if (csv->order[i] == column) {
            return true;
        }
    }
    return false;
}

static int csv_header(struct csv *csv)
{
    static const enum csv_column needed[] = {CSV_OWNER, CSV_REASON, CSV_UNTIL};
    struct csv_place begin = csv->place;
    struct csv_cell cell;
    int rc;

    do {
        rc = csv_cell(csv, &cell);
        rc = rc == 0 ? csv_header_cell(csv, &cell) : rc;
        if (rc < 0) {
            return rc;
        }
    } while (!csv_at_row_end(csv) && csv_take(csv) == ',');
    csv_end_row(csv);
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
        if (!csv_has(csv, needed[i])) {
            return csv_fail(csv, &begin, "the header has no column \"%s\"", csv_names[needed[i]]);
        }
    }
    if (!csv_has(csv, CSV_FINDING) && !csv_has(csv, CSV_RULE)) {
        return csv_fail(csv, &begin, "the header has neither a column \"finding\" nor a column \"rule\"");
    }
    return 0;
}

/* ---- rows ---- */

/* Excel and what guards against it put this before a cell that begins like a formula. */
static const char *csv_text(const struct csv_cell *cell)
{
    return cell->text[0] == '\'' && strchr("=+-@\t", cell->text[1]) != NULL && cell->text[1] != '\0' ? cell->text + 1
                                                                                                     : cell->text;
}

static const char *csv_given(const struct csv *csv, enum csv_column column)
{
    return csv->cells[column].is_given ? csv_text(&csv->cells[column]) : "";
}

static int csv_row_cells(struct csv *csv)
{
    size_t count = 0;

    memset(csv->cells, 0, sizeof(csv->cells));
    for (;;) {
        struct csv_place place = csv->place;
        int rc;
        if (count == csv->count) {
            return csv_fail(csv, &place, "more cells than the header's %zu", csv->count);
        }
        rc = csv_cell(csv, &csv->cells[csv->order[count++]]);
        if (rc < 0) {
            return rc;
        }
        if (csv_at_row_end(csv)) {
            break;
        }
        (void)csv_take(csv);
    }
    return count < csv->count ? csv_fail(csv, &csv->place, "%zu cells, and the header has %zu", count, csv->count) : 0;
}

static int csv_check_row(const struct csv *csv, const struct csv_place *begin)
{
    static const enum csv_column needed[] = {CSV_OWNER, CSV_REASON, CSV_UNTIL};
    static const enum csv_column of_hosts[] = {CSV_CIDR, CSV_NAME, CSV_GROUP, CSV_TAG};
    bool by_finding = csv_given(csv, CSV_FINDING)[0] != '\0';
    bool by_rule = csv_given(csv, CSV_RULE)[0] != '\0';

    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
        if (csv_given(csv, needed[i])[0] == '\0') {
            return csv_fail(csv, &csv->cells[needed[i]].place, "no %s: a waiver has an owner, a reason and an end",
                            csv_names[needed[i]]);
        }
    }
    if (by_finding == by_rule) {
        return csv_fail(csv, begin,
                        by_finding ? "a finding and a rule: a waiver is by one of them"
                                   : "neither a finding nor a rule");
    }
    for (size_t i = 0; by_finding && i < sizeof(of_hosts) / sizeof(*of_hosts); i++) {
        if (csv_given(csv, of_hosts[i])[0] != '\0') {
            return csv_fail(csv, &csv->cells[of_hosts[i]].place, "%s goes with a rule, not with a finding",
                            csv_names[of_hosts[i]]);
        }
    }
    return 0;
}

/* A list with blanks between. */
static json_t *csv_list(const char *text)
{
    json_t *list = json_array();

    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        if (length > 0) {
            json_array_append_new(list, json_stringn(text, length));
        }
        text += length;
        text += strspn(text, " ");
    }
    return list;
}

static int csv_tags(const struct csv *csv, json_t *hosts)
{
    json_t *list = csv_list(csv_given(csv, CSV_TAG));
    json_t *tags = json_object();
    size_t index;
    json_t *item;
    int rc = 0;

    json_array_foreach(list, index, item)
    {
        const char *text = json_string_value(item);
        const char *equals = strchr(text, '=');
        if (equals == NULL || equals == text) {
            rc = csv_fail(csv, &csv->cells[CSV_TAG].place, "the tag \"%.80s\" is not KEY=VALUE", text);
            break;
        }
        json_object_setn_new(tags, text, (size_t)(equals - text), json_string(equals + 1));
    }
    if (json_object_size(tags) > 0) {
        json_object_set(hosts, "tag", tags);
    }
    json_decref(tags);
    json_decref(list);
    return rc;
}

static int csv_hosts(const struct csv *csv, json_t *hosts)
{
    static const enum csv_column lists[] = {CSV_REALM, CSV_CIDR, CSV_NAME, CSV_GROUP};

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        json_t *list = csv_list(csv_given(csv, lists[i]));
        if (json_array_size(list) > 0) {
            json_object_set(hosts, csv_names[lists[i]], list);
        }
        json_decref(list);
    }
    return csv_tags(csv, hosts);
}

static int csv_entry(const struct csv *csv, const struct csv_place *begin, json_t *entries)
{
    bool by_finding = csv_given(csv, CSV_FINDING)[0] != '\0';
    json_t *hosts = json_object();
    json_t *entry = json_pack("{s:i, s:s, s:s, s:s}", "line", (int)begin->line, "owner", csv_given(csv, CSV_OWNER),
                              "reason", csv_given(csv, CSV_REASON), "until", csv_given(csv, CSV_UNTIL));
    int rc = hosts == NULL ? -ENOMEM : 0;

    if (entry == NULL) {
        json_decref(hosts);
        return -ENOMEM;
    }
    if (by_finding) {
        json_object_set_new(entry, "findings", json_pack("[s]", csv_given(csv, CSV_FINDING)));
        if (csv_given(csv, CSV_REALM)[0] != '\0') {
            json_object_set_new(entry, "realm", json_string(csv_given(csv, CSV_REALM)));
        }
    } else if (rc == 0) {
        json_object_set_new(entry, "rule", json_string(csv_given(csv, CSV_RULE)));
        rc = csv_hosts(csv, hosts);
        json_object_set(entry, "hosts", hosts);
    }
    json_decref(hosts);
    if (rc < 0) {
        json_decref(entry);
        return rc;
    }
    return json_array_append_new(entries, entry) < 0 ? -ENOMEM : 0;
}

static int csv_row(struct csv *csv, json_t *entries)
{
    struct csv_place begin = csv->place;
    int rc = csv_row_cells(csv);

    rc = rc == 0 ? csv_check_row(csv, &begin) : rc;
    if (rc == 0 && json_array_size(entries) == WAIVER_CSV_ROWS_MAX) {
        rc = csv_fail(csv, &begin, "more than %d waivers in a file", WAIVER_CSV_ROWS_MAX);
    }
    rc = rc == 0 ? csv_entry(csv, &begin, entries) : rc;
    if (rc == 0) {
        csv_end_row(csv);
    }
    return rc;
}

static int csv_rows(struct csv *csv, json_t *entries)
{
    int rc;

    if (csv->end - csv->at >= 3 && memcmp(csv->at, "\xef\xbb\xbf", 3) == 0) {
        csv->at += 3;
    }
    rc = csv_header(csv);
    while (rc == 0 && csv->at < csv->end) {
        if (csv_at_row_end(csv)) {
            csv_end_row(csv);
        } else {
            rc = csv_row(csv, entries);
        }
    }
    return rc == 0 && json_array_size(entries) == 0 ? csv_fail(csv, &csv->place, "no waiver below the header") : rc;
}

int waiver_csv_parse(const char *text, size_t size, json_t **ret_entries, char ret_reason[WAIVER_CSV_REASON_SIZE])
{
    struct csv *csv = calloc(1, sizeof(*csv));
    json_t *entries = json_array();
    int rc = csv == NULL || entries == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        csv->at = text;
        csv->end = text + size;
        csv->place = (struct csv_place){1, 1};
        csv->ret_reason = ret_reason;
        rc = csv_rows(csv, entries);
    }
    free(csv);
    if (rc < 0) {
        json_decref(entries);
        return rc;
    }
    *ret_entries = entries;
    return 0;
}
