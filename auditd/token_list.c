#include "auditd/token_list.h"

#include "auditd/report/typeset.h"
#include "auditd/store/read.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_CELL_SIZE = 640 };

struct token_listing {
    struct libscols_table *table; /* NULL: JSON Lines */
    size_t count;
};

/* "2026-11-22 02:30", or `otherwise` when there is no such time. */
static const char *token_when(int64_t time_ms, const char *otherwise, char text[WALL_TEXT_SIZE])
{
    if (time_ms == 0) {
        snprintf(text, WALL_TEXT_SIZE, "%s", otherwise);
        return text;
    }
    wall_format(time_ms, text);
    text[10] = ' ';
    text[16] = '\0';
    return text;
}

static void token_limits(const struct store_read_token *token, char *text, size_t size)
{
    snprintf(text, size, "%.250s%s%.250s", token->realms,
             token->realms[0] != '\0' && token->tags[0] != '\0' ? ", " : "", token->tags);
    for (char *at = strchr(text, '\n'); at != NULL; at = strchr(at, '\n')) {
        *at = ' ';
    }
}

static void token_state(const struct store_read_token *token, char text[TOKEN_CELL_SIZE])
{
    char when[WALL_TEXT_SIZE];

    if (token->revoked_at != 0) {
        snprintf(text, TOKEN_CELL_SIZE, "revoked %s", token_when(token->revoked_at, "", when));
    } else if (token->taken_at != 0) {
        snprintf(text, TOKEN_CELL_SIZE, "used");
    } else if (token->expires_at != 0 && token->expires_at <= wall_now_ms()) {
        snprintf(text, TOKEN_CELL_SIZE, "expired %s", token_when(token->expires_at, "", when));
    } else {
        token_when(token->expires_at, "never", text);
    }
}

static int token_cell(struct libscols_line *line, size_t column, const char *text)
{
    char cell[TOKEN_CELL_SIZE];

    typeset_escape(text, cell, sizeof(cell));
    return scols_line_set_data(line, column, cell);
}

static int token_row(struct token_listing *listing, const struct store_read_token *token)
{
    struct libscols_line *line = scols_table_new_line(listing->table, NULL);
    char text[TOKEN_CELL_SIZE];
    char when[WALL_TEXT_SIZE];
    int rc = line == NULL ? -ENOMEM : token_cell(line, 0, token->public_id);

    rc = rc == 0 ? token_cell(line, 1, token->name) : rc;
    rc = rc == 0 ? token_cell(line, 2, token->kind) : rc;
    rc = rc == 0 ? token_cell(line, 3, token->role) : rc;
    rc = rc == 0 ? token_cell(line, 4, token->scopes) : rc;
    token_limits(token, text, sizeof(text));
    rc = rc == 0 ? token_cell(line, 5, text[0] == '\0' ? "every host" : text) : rc;
    token_state(token, text);
    rc = rc == 0 ? token_cell(line, 6, text) : rc;
    return rc == 0 ? token_cell(line, 7, token_when(token->last_used_at, "never", when)) : rc;
}

static json_t *token_time(int64_t time_ms)
{
    char text[WALL_TEXT_SIZE];

    return time_ms == 0 ? json_null() : json_string(wall_format(time_ms, text));
}

/* Lines into a list. */
static json_t *token_texts(const char *lines)
{
    json_t *list = json_array();

    while (list != NULL && *lines != '\0') {
        size_t length = strcspn(lines, "\n");
        if (json_array_append_new(list, json_stringn(lines, length)) != 0) {
            json_decref(list);
            return NULL;
        }
        lines += length + (lines[length] == '\n' ? 1 : 0);
    }
    return list;
}

static int token_line(const struct store_read_token *token)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "type", "token", "id",
                             token->public_id, "name", token->name, "kind", token->kind, "role", token->role, "scopes",
                             token->scopes, "realms", token_texts(token->realms), "tags", token_texts(token->tags),
                             "created_at", token_time(token->created_at), "created_by", token->created_by, "expires_at",
                             token_time(token->expires_at), "last_used_at", token_time(token->last_used_at),
                             "revoked_at", token_time(token->revoked_at));
    int rc = line == NULL || json_dumpf(line, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF ? -EIO : 0;

    json_decref(line);
    return rc;
}

static int token_take(void *context, const struct store_read_token *token)
{
    struct token_listing *listing = context;

    listing->count++;
    return listing->table == NULL ? token_line(token) : token_row(listing, token);
}

static struct libscols_table *token_table(void)
{
    static const char *const columns[] = {"ID",     "NAME",       "KIND",        "ROLE",
                                          "SCOPES", "LIMITED TO", "UNTIL (UTC)", "LAST USED (UTC)"};
    struct libscols_table *table = scols_new_table();

    for (size_t i = 0; table != NULL && i < sizeof(columns) / sizeof(*columns); i++) {
        if (scols_table_new_column(table, columns[i], 0, i == 4 || i == 5 ? SCOLS_FL_WRAP : 0) == NULL) {
            scols_unref_table(table);
            table = NULL;
        }
    }
    return table;
}

static int token_print(struct store_reader *reader, bool all, struct token_listing *listing)
{
    static const char *const kinds[] = {"token"};
    const struct store_token_filter filter = {.kinds = {kinds, all ? 0 : 1}, .with_ended = all};
    int rc = store_read_tokens(reader, &filter, token_take, listing);

    if (rc < 0) {
        log_error("%s", store_reader_error(reader)[0] != '\0' ? store_reader_error(reader) : strerror(-rc));
        return rc;
    }
    if (listing->count == 0) {
        log_notice("there is no token; `leastport token create --name NAME` makes one");
        return 0;
    }
    return listing->table == NULL ? 0 : scols_print_table(listing->table);
}

int token_list_print(const char *db_path, bool all, bool json)
{
    struct token_listing listing = {0};
    char error[STORE_READ_ERROR_SIZE];
    struct store_reader *reader;
    int rc = store_reader_open(db_path, error, &reader);

    if (rc < 0) {
        log_error("%s", error);
        return rc;
    }
    listing.table = json ? NULL : token_table();
    rc = !json && listing.table == NULL ? -ENOMEM : token_print(reader, all, &listing);
    scols_unref_table(listing.table);
    store_reader_close(reader);
    return rc;
}
