/* A SELECT put together from fixed fragments, every value bound, and run row by row on a reader's cached statements.
 * Internal to store_read_*.c. Nothing that comes from outside ever becomes SQL text. */
#ifndef LEASTPORT_AUDITD_STORE_QUERY_H
#define LEASTPORT_AUDITD_STORE_QUERY_H

#include "auditd/store/read.h"

#include <sqlite3.h>
#include <stdio.h>

/* Which of several addresses names a host best: IPv4, IPv6, link-local, loopback. */
#define STORE_ADDRESS_RANK(address)                                                                                    \
    "CASE WHEN " address " = '::1' OR " address " GLOB '127.*' THEN 3 WHEN " address                                   \
    " GLOB 'fe80:*' THEN 2 ELSE instr(" address ", ':') > 0 END"
/* ORDER BY of an asset's identities of one kind (asset_identity i): what it holds (`held`, a condition) before what it
 * held last, the best address, then what it has held for longest. */
#define STORE_IDENTITY_ORDER(held)                                                                                     \
    " ORDER BY " held " DESC, " STORE_ADDRESS_RANK("i.value") ", i.valid_to DESC, i.valid_from, i.id LIMIT 1"
/* The one by which lists call an asset; NULL without any. */
#define STORE_ASSET_IDENTITY(asset, kind)                                                                              \
    "(SELECT i.value FROM asset_identity i WHERE i.asset_id = " asset " AND i.kind = '" kind                           \
    "'" STORE_IDENTITY_ORDER("i.valid_to IS NULL") ")"
/* The one by which lists call a finding f: where its port was last seen, as not each address of an asset has it. */
#define STORE_FINDING_ADDRESS                                                                                          \
    "COALESCE((SELECT e.address FROM endpoint e LEFT JOIN endpoint_state t ON t.endpoint_id = e.id AND t.ended_at IS " \
    "NULL WHERE e.asset_id = f.asset_id AND e.proto = f.proto AND e.port = f.port ORDER BY t.state = 'open' "          \
    "DESC, " STORE_ADDRESS_RANK("e.address") ", t.last_seen DESC LIMIT 1), " STORE_ASSET_IDENTITY("f.asset_id",        \
                                                                                                  "address") ")"

struct store_value {
    enum { STORE_VALUE_TEXT, STORE_VALUE_NUMBER, STORE_VALUE_REAL } kind;
    const char *text;
    int64_t number;
    double real;
};

struct store_query {
    FILE *stream;
    char *sql;
    size_t sql_size;
    struct store_value *values;
    size_t value_count;
    size_t value_capacity;
    bool failed;
};

/* Errors are sticky: store_query_run() reports them. store_query_done() follows in every case. */
void store_query_init(struct store_query *query, const char *select);
void store_query_done(struct store_query *query);

void store_query_add(struct store_query *query, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Binds a value and returns its number n, to be written as ?n. Text is borrowed until store_query_done(). */
int store_query_text(struct store_query *query, const char *text);
int store_query_number(struct store_query *query, int64_t number);
int store_query_real(struct store_query *query, double real);

/* " IN (?, …)" of a list that is not empty. */
void store_query_in(struct store_query *query, const struct store_texts *texts);
/* " AND expression IN (?, …)", or nothing for an empty list. */
void store_query_among(struct store_query *query, const char *expression, const struct store_texts *texts);
void store_query_among_numbers(struct store_query *query, const char *expression, const struct store_numbers *numbers);
/* " AND expression >= since AND expression < before", each only when it is not 0. */
void store_query_between(struct store_query *query, const char *expression, int64_t since, int64_t before);
/* " AND …": the interval from..until holds at value number `as_of`; with as_of 0 it has not ended. */
void store_query_alive(struct store_query *query, const char *from, const char *until, int as_of);
/* Ends the query: goes on after the page's position, orders by `key` and then by `id`, limits. */
void store_query_page(struct store_query *query, const struct store_page *page, const char *key, const char *id);

/* A row's columns, read in their order. */
struct store_row {
    sqlite3_stmt *statement;
    int column;
};

const char *store_row_text(struct store_row *row);
int64_t store_row_number(struct store_row *row);
/* NAN for NULL. */
double store_row_real(struct store_row *row);

/* What a list does with one row: reads it into its struct and calls the list's function. */
typedef int store_row_fn(struct store_row *row, void *context);
MUST_USE int store_query_run(struct store_query *query, struct store_reader *reader, store_row_fn *fn, void *context);

#endif
