#include "auditd/store/query.h"

#include "auditd/store/reader.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void store_query_init(struct store_query *query, const char *select)
{
    memset(query, 0, sizeof(*query));
    query->stream = open_memstream(&query->sql, &query->sql_size);
    if (query->stream == NULL) {
        query->failed = true;
        return;
    }
    fputs(select, query->stream);
}

void store_query_done(struct store_query *query)
{
    if (query->stream != NULL) {
        fclose(query->stream);
    }
    free(query->sql);
    free(query->values);
    memset(query, 0, sizeof(*query));
}

void store_query_add(struct store_query *query, const char *format, ...)
{
    va_list args;

    if (query->failed) {
        return;
    }
    va_start(args, format);
    query->failed = vfprintf(query->stream, format, args) < 0;
    va_end(args);
}

static int store_query_bind(struct store_query *query, struct store_value value)
{
    struct store_value *values = query->values;

    if (query->failed) {
        return 1;
    }
    if (query->value_count == query->value_capacity) {
        size_t capacity = query->value_capacity == 0 ? 16 : query->value_capacity * 2;
        values = realloc(values, capacity * sizeof(*values));
        if (values == NULL) {
            query->failed = true;
            return 1;
        }
        query->values = values;
        query->value_capacity = capacity;
    }
    values[query->value_count++] = value;
    return (int)query->value_count;
}

int store_query_text(struct store_query *query, const char *text)
{
    return store_query_bind(query, (struct store_value){.kind = STORE_VALUE_TEXT, .text = text});
}

int store_query_number(struct store_query *query, int64_t number)
{
    return store_query_bind(query, (struct store_value){.kind = STORE_VALUE_NUMBER, .number = number});
}

int store_query_real(struct store_query *query, double real)
{
    return store_query_bind(query, (struct store_value){.kind = STORE_VALUE_REAL, .real = real});
}

void store_query_in(struct store_query *query, const struct store_texts *texts)
{
    store_query_add(query, " IN (");
    for (size_t i = 0; i < texts->count; i++) {
        store_query_add(query, "%s?%d", i == 0 ? "" : ",", store_query_text(query, texts->values[i]));
    }
    store_query_add(query, ")");
}

void store_query_among(struct store_query *query, const char *expression, const struct store_texts *texts)
{
    if (texts->count == 0) {
        return;
    }
    store_query_add(query, " AND %s", expression);
    store_query_in(query, texts);
}

void store_query_among_numbers(struct store_query *query, const char *expression, const struct store_numbers *numbers)
{
    if (numbers->count == 0) {
        return;
    }
    store_query_add(query, " AND %s IN (", expression);
    for (size_t i = 0; i < numbers->count; i++) {
        store_query_add(query, "%s?%d", i == 0 ? "" : ",", store_query_number(query, numbers->values[i]));
    }
    store_query_add(query, ")");
}

void store_query_between(struct store_query *query, const char *expression, int64_t since, int64_t before)
{
    if (since != 0) {
        store_query_add(query, " AND %s >= ?%d", expression, store_query_number(query, since));
    }
    if (before != 0) {
        store_query_add(query, " AND %s < ?%d", expression, store_query_number(query, before));
    }
}

void store_query_alive(struct store_query *query, const char *from, const char *until, int as_of)
{
    if (as_of == 0) {
        store_query_add(query, " AND %s IS NULL", until);
    } else {
        store_query_add(query, " AND %s <= ?%d AND (%s IS NULL OR %s > ?%d)", from, as_of, until, until, as_of);
    }
}

void store_query_page(struct store_query *query, const struct store_page *page, const char *key, const char *id)
{
    if (page->after.is_set) {
        char than = page->is_descending ? '<' : '>';
        int key_number = store_query_real(query, page->after.key);
        int id_number = store_query_number(query, page->after.id);
        /* The first term alone gives SQLite a range of an index; the second cuts it exactly. */
        store_query_add(query, " AND %s %c= ?%d AND (%s %c ?%d OR %s > ?%d)", key, than, key_number, key, than,
                        key_number, id, id_number);
    }
    store_query_add(query, " ORDER BY %s %s, %s", key, page->is_descending ? "DESC" : "ASC", id);
    if (page->limit != 0) {
        store_query_add(query, " LIMIT ?%d", store_query_number(query, page->limit));
    }
}

const char *store_row_text(struct store_row *row)
{
    const unsigned char *text = sqlite3_column_text(row->statement, row->column++);

    return text == NULL ? "" : (const char *)text;
}

int64_t store_row_number(struct store_row *row)
{
    return sqlite3_column_int64(row->statement, row->column++);
}

double store_row_real(struct store_row *row)
{
    int column = row->column++;

    if (sqlite3_column_type(row->statement, column) == SQLITE_NULL) {
        return NAN;
    }
    return sqlite3_column_double(row->statement, column);
}

static int store_query_bind_all(const struct store_query *query, sqlite3_stmt *statement)
{
    int code = SQLITE_OK;

    for (size_t i = 0; i < query->value_count && code == SQLITE_OK; i++) {
        const struct store_value *value = &query->values[i];
        int n = (int)i + 1;
        switch (value->kind) {
        case STORE_VALUE_TEXT:
            code = sqlite3_bind_text(statement, n, value->text, -1, SQLITE_STATIC);
            break;
        case STORE_VALUE_NUMBER:
            code = sqlite3_bind_int64(statement, n, value->number);
            break;
        case STORE_VALUE_REAL:
            code = sqlite3_bind_double(statement, n, value->real);
            break;
        }
    }
    return code;
}

static int store_query_step(sqlite3_stmt *statement, struct store_reader *reader, store_row_fn *fn, void *context)
{
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_row row = {.statement = statement};
        int rc = fn(&row, context);
        if (rc != 0) {
            return rc;
        }
    }
    return code == SQLITE_DONE ? 0 : store_reader_fail(reader, code);
}

int store_query_run(struct store_query *query, struct store_reader *reader, store_row_fn *fn, void *context)
{
    sqlite3_stmt *statement = NULL;
    int code;
    int rc;

    if (query->failed || fflush(query->stream) != 0) {
        return store_reader_refuse(reader, -ENOMEM, "out of memory");
    }
    rc = store_reader_prepare(reader, query->sql, &statement);
    if (rc != 0) {
        return rc;
    }
    code = store_query_bind_all(query, statement);
    rc = code == SQLITE_OK ? store_query_step(statement, reader, fn, context) : store_reader_fail(reader, code);
    store_reader_release(reader, statement);
    return rc;
}
