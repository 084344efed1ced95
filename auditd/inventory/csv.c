#include "auditd/inventory/inventory.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CSV_COLUMNS_MAX = 128, CSV_NAME_SIZE = 136 };

enum csv_kind { CSV_ADDRESS, CSV_ID, CSV_NAME, CSV_TAGS, CSV_TAG };

struct csv_column {
    enum csv_kind kind;
    char key[CSV_NAME_SIZE]; /* of CSV_TAG */
};

struct csv {
    const char *at;
    const char *end;
    size_t line; /* of `at`, from 1 */
    const char *line_begin;
    char *cell; /* as large as the whole text */
    struct csv_column columns[CSV_COLUMNS_MAX];
    size_t column_count;
    struct inventory *inventory;
    char *reason;
};

static int csv_fail(const struct csv *csv, size_t line, const char *what)
{
    snprintf(csv->reason, INVENTORY_REASON_SIZE, "line %zu: %.280s", line, what);
    return -EBADMSG;
}

/* The text between quotes, "" for one; the cursor behind the closing one. */
static int csv_quoted(struct csv *csv, size_t *length)
{
    size_t line = csv->line;

    csv->at++;
    for (; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"' && csv->at + 1 < csv->end && csv->at[1] == '"') {
            csv->at++;
        } else if (*csv->at == '"') {
            csv->at++;
            return 0;
        }
        csv->cell[(*length)++] = *csv->at;
        if (*csv->at == '\n') {
            csv->line++;
            csv->line_begin = csv->at + 1;
        }
    }
    return csv_fail(csv, line, "a quote is opened and never closed: is the file whole?");
}

/* What ends a cell: a comma, or its line's end. */
static int csv_end_cell(struct csv *csv, bool *ret_last)
{
    if (csv->at < csv->end && *csv->at == ',') {
        csv->at++;
        *ret_last = false;
        return 0;
    }
    if (csv->at < csv->end && *csv->at == '\r') {
        csv->at++;
    }
    if (csv->at == csv->end) {
        return csv_fail(csv, csv->line, "the last line has no end: is the file whole?");
    }
    if (*csv->at == '\0') {
        return csv_fail(csv, csv->line, "there is a zero byte in it: is it text, in UTF-8 and not UTF-16?");
    }
    if (*csv->at != '\n') {
        return csv_fail(csv, csv->line,
                        "a comma or the line's end must follow a cell; one with quotes in it stands in quotes");
    }
    csv->at++;
    csv->line++;
    csv->line_begin = csv->at;
    *ret_last = true;
    return 0;
}

/* One cell into csv->cell; *ret_last: its line ends behind it. */
static int csv_next_cell(struct csv *csv, bool *ret_last)
{
    size_t line = csv->line;
    size_t column = (size_t)(csv->at - csv->line_begin) + 1;
    size_t length = 0;
    int rc = 0;

    if (csv->at < csv->end && *csv->at == '"') {
        rc = csv_quoted(csv, &length);
    } else {
        while (csv->at < csv->end && strchr(",\r\n\"", *csv->at) == NULL) {
            csv->cell[length++] = *csv->at++;
        }
    }
    if (rc < 0) {
        return rc;
    }
    csv->cell[length] = '\0';
    if (memchr(csv->cell, '\0', length) != NULL) {
        return csv_fail(csv, csv->line, "there is a NUL byte");
    }
    /* jansson takes no other text: what it refused would be missing from answers and lists. */
    if (!g_utf8_validate(csv->cell, (gssize)length, NULL)) {
        snprintf(csv->reason, INVENTORY_REASON_SIZE, "line %zu, column %zu: the cell is not UTF-8", line, column);
        return -EBADMSG;
    }
    return csv_end_cell(csv, ret_last);
}

static int csv_column(struct csv *csv)
{
    static const struct {
        const char *name;
        enum csv_kind kind;
    } kinds[] = {{"address", CSV_ADDRESS}, {"addresses", CSV_ADDRESS}, {"ip", CSV_ADDRESS}, {"id", CSV_ID},
                 {"name", CSV_NAME},       {"hostname", CSV_NAME},     {"tags", CSV_TAGS}};
    struct csv_column *column = &csv->columns[csv->column_count];
    char what[INVENTORY_REASON_SIZE];

    if (csv->column_count == CSV_COLUMNS_MAX) {
        return csv_fail(csv, 1, "there are more than 128 columns");
    }
    csv->column_count++;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(csv->cell, kinds[i].name) == 0) {
            column->kind = kinds[i].kind;
            return 0;
        }
    }
    if (strncmp(csv->cell, "tag:", 4) != 0 || strlen(csv->cell + 4) >= sizeof(column->key) || csv->cell[4] == '\0') {
        snprintf(what, sizeof(what), "the column \"%.100s\" is none of address, id, name, tags, tag:KEY", csv->cell);
        return csv_fail(csv, 1, what);
    }
    column->kind = CSV_TAG;
    memcpy(column->key, csv->cell + 4, strlen(csv->cell + 4) + 1);
    return 0;
}

static int csv_head(struct csv *csv)
{
    bool last = false;
    int rc = 0;

    /* A byte order mark, as spreadsheets write it. */
    if (csv->end - csv->at >= 3 && memcmp(csv->at, "\xef\xbb\xbf", 3) == 0) {
        csv->at += 3;
        csv->line_begin = csv->at;
    }
    if (csv->at == csv->end) {
        return csv_fail(csv, 1, "it is empty; the first line names the columns: address, id, name, tags, tag:KEY");
    }
    while (rc == 0 && !last) {
        rc = csv_next_cell(csv, &last);
        rc = rc == 0 ? csv_column(csv) : rc;
    }
    return rc;
}

static int csv_addresses(struct inventory_host *host, char *text, char *reason)
{
    char *rest = text;
    char *word;
    int rc = 0;

    while (rc == 0 && (word = strsep(&rest, " ;\t\n")) != NULL) {
        rc = word[0] == '\0' ? 0 : inventory_add_address(host, word, reason);
    }
    return rc;
}

static int csv_tags(struct inventory_host *host, char *text, char *reason)
{
    char *rest = text;
    char *word;
    int rc = 0;

    while (rc == 0 && (word = strsep(&rest, ";")) != NULL) {
        char *value = strchr(word, '=');
        if (word[0] == '\0') {
            continue;
        }
        if (value == NULL) {
            snprintf(reason, INVENTORY_REASON_SIZE, "\"%.100s\" is no tag like app=shop", word);
            return -EINVAL;
        }
        *value = '\0';
        rc = inventory_add_tag(host, word, value + 1, reason);
    }
    return rc;
}

static int csv_put(struct csv *csv, size_t index, struct inventory_host *host, char *reason)
{
    const struct csv_column *column = &csv->columns[index];

    switch (column->kind) {
    case CSV_ADDRESS:
        return csv_addresses(host, csv->cell, reason);
    case CSV_ID:
        return inventory_set_id(host, csv->cell, reason);
    case CSV_NAME:
        return inventory_set_name(host, csv->cell, reason);
    case CSV_TAGS:
        return csv_tags(host, csv->cell, reason);
    case CSV_TAG:
        return csv->cell[0] == '\0' ? 0 : inventory_add_tag(host, column->key, csv->cell, reason);
    }
    return -EINVAL;
}

/* "#end,N" */
static int csv_end(struct csv *csv, bool last)
{
    char *rest;
    unsigned long long count;
    char what[128];
    int rc =
        last ? csv_fail(csv, csv->line - 1, "the mark of the end is #end,N with N hosts") : csv_next_cell(csv, &last);

    if (rc < 0) {
        return rc;
    }
    count = strtoull(csv->cell, &rest, 10);
    if (!last || rest == csv->cell || *rest != '\0' || count != csv->inventory->count || csv->at != csv->end) {
        snprintf(what, sizeof(what), "#end,N must be the last line, and N the %zu hosts before it: is the file whole?",
                 csv->inventory->count);
        return csv_fail(csv, csv->line - 1, what);
    }
    csv->inventory->is_complete = true;
    return 0;
}

static int csv_row(struct csv *csv)
{
    char reason[INVENTORY_REASON_SIZE] = "";
    struct inventory_host *host = NULL;
    size_t line = csv->line;
    bool last = false;
    size_t index = 0;
    int rc = csv_next_cell(csv, &last);

    if (rc == 0 && strcmp(csv->cell, "#end") == 0) {
        return csv_end(csv, last);
    }
    /* A line without anything. */
    if (rc < 0 || (last && csv->cell[0] == '\0')) {
        return rc;
    }
    rc = inventory_add(csv->inventory, &host);
    while (rc == 0 && index < csv->column_count) {
        rc = csv_put(csv, index++, host, reason);
        if (rc < 0 || last || index == csv->column_count) {
            break;
        }
        rc = csv_next_cell(csv, &last);
        if (rc < 0) {
            return rc;
        }
    }
    if (rc == 0 && (index != csv->column_count || !last)) {
        snprintf(reason, sizeof(reason),
                 "it has not as many cells as the first line has columns (%zu): is the file whole?", csv->column_count);
        rc = -EINVAL;
    }
    if (rc == -E2BIG) {
        return csv_fail(csv, line, "there are more than 100000 hosts");
    }
    return rc == -EINVAL ? csv_fail(csv, line, reason) : rc;
}

int inventory_parse_csv(const char *text, size_t size, struct inventory *ret_inventory,
                        char reason[INVENTORY_REASON_SIZE])
{
    struct csv *csv = calloc(1, sizeof(*csv));
    int rc = -ENOMEM;

    *ret_inventory = (struct inventory){0};
    if (csv == NULL) {
        return rc;
    }
    csv->at = csv->line_begin = text;
    csv->end = text + size;
    csv->line = 1;
    csv->inventory = ret_inventory;
    csv->reason = reason;
    csv->cell = malloc(size + 1);
    if (csv->cell != NULL) {
        rc = csv_head(csv);
        while (rc == 0 && csv->at < csv->end) {
            rc = csv_row(csv);
        }
        rc = rc == 0 ? inventory_check(ret_inventory, reason) : rc;
    }
    free(csv->cell);
    free(csv);
    return rc;
}
