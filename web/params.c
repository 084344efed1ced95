#include "web/params.h"

#include "lib/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the kinds' readers share of one call. */
struct params_reader {
    const struct param_table *table;
    struct params *params;
    struct problem *problem;
    void *filter;
};

static bool params_refuse(struct params_reader *reader, const char *name, const char *message, const char *value)
{
    if (reader->problem->status == 0) {
        problem_set(reader->problem, 400, "The query has a parameter that cannot be read: %.64s.", name);
    }
    problem_point(reader->problem, "query", name, "%s%s%.200s%s", message,
                  value == NULL ? "" : " (given: ", value == NULL ? "" : value, value == NULL ? "" : ")");
    return false;
}

static void params_list_choices(const char *const *choices, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; choices[i] != NULL && length < size; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
}

static int params_choice(const char *const *choices, const char *value)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], value) == 0) {
            return i;
        }
    }
    return -1;
}

static bool params_refuse_choice(struct params_reader *reader, const char *name, const char *const *choices,
                                 const char *value)
{
    char known[PROBLEM_TEXT_SIZE / 2];
    char message[PROBLEM_TEXT_SIZE];

    params_list_choices(choices, known, sizeof(known));
    snprintf(message, sizeof(message), "must be one of %s", known);
    return params_refuse(reader, name, message, value);
}

/* The next of the values that commas part; NULL at the end. */
static char *params_next(char **rest)
{
    char *value = *rest;
    char *comma;

    if (value == NULL) {
        return NULL;
    }
    comma = strchr(value, ',');
    *rest = comma == NULL ? NULL : comma + 1;
    if (comma != NULL) {
        *comma = '\0';
    }
    return value;
}

static bool params_read_texts(struct params_reader *reader, const struct param *param, char *value, void *target)
{
    struct params *params = reader->params;
    struct store_texts texts = {.values = params->texts + params->text_count};
    char *rest = value;

    for (char *text = params_next(&rest); text != NULL; text = params_next(&rest)) {
        if (*text == '\0') {
            return params_refuse(reader, param->name, "has an empty value", NULL);
        }
        if (params->text_count == PARAMS_MAX_TEXTS) {
            return params_refuse(reader, param->name, "has too many values; 128 are taken in all", NULL);
        }
        if (param->kind == PARAM_CHOICES && params_choice(param->choices, text) < 0) {
            return params_refuse_choice(reader, param->name, param->choices, text);
        }
        params->texts[params->text_count++] = text;
        texts.count++;
    }
    *(struct store_texts *)target = texts;
    return true;
}

static bool params_parse_number(const char *text, int64_t low, int64_t high, int64_t *ret_number)
{
    int64_t number = 0;

    if (*text == '\0' || strlen(text) > 9 || text[strspn(text, "0123456789")] != '\0') {
        return false;
    }
    number = strtoll(text, NULL, 10);
    *ret_number = number;
    return number >= low && number <= high;
}

static bool params_read_ports(struct params_reader *reader, const struct param *param, char *value, void *target)
{
    struct params *params = reader->params;
    struct store_numbers numbers = {.values = params->numbers + params->number_count};
    char *rest = value;

    for (char *text = params_next(&rest); text != NULL; text = params_next(&rest)) {
        int64_t port;
        if (!params_parse_number(text, 0, 65535, &port)) {
            return params_refuse(reader, param->name, "must be port numbers, 0 to 65535, with commas between", text);
        }
        if (params->number_count == PARAMS_MAX_NUMBERS) {
            return params_refuse(reader, param->name, "has too many values; 128 are taken in all", NULL);
        }
        params->numbers[params->number_count++] = port;
        numbers.count++;
    }
    *(struct store_numbers *)target = numbers;
    return true;
}

static bool params_read_severity(struct params_reader *reader, const struct param *param, char *value, void *target)
{
    static const char *const severities[] = {"low", "medium", "high", "critical", NULL};
    int severity = params_choice(severities, value);

    if (severity < 0) {
        return params_refuse_choice(reader, param->name, severities, value);
    }
    *(int *)target = severity + 1;
    return true;
}

static bool params_read_time(struct params_reader *reader, const struct param *param, char *value, void *target)
{
    int64_t time_ms;

    if (wall_parse(value, &time_ms) != 0) {
        return params_refuse(reader, param->name,
                             "must be a time as RFC 3339 has it, like 2026-11-22T11:05:00Z (write + as %2B)", value);
    }
    /* 0 means "no bound" to the store. */
    *(int64_t *)target = time_ms == 0 ? 1 : time_ms;
    return true;
}

static bool params_read_flag(struct params_reader *reader, const struct param *param, char *value, void *target)
{
    static const char *const flags[] = {"false", "true", NULL};
    int flag = params_choice(flags, value);

    if (flag < 0) {
        return params_refuse_choice(reader, param->name, flags, value);
    }
    *(bool *)target = flag == 1;
    return true;
}

static bool params_read_text(struct params_reader *reader, const struct param *param, char *value, void *target)
{
    if (*value == '\0') {
        return params_refuse(reader, param->name, "has an empty value", NULL);
    }
    *(const char **)target = value;
    return true;
}

static bool (*const params_readers[])(struct params_reader *, const struct param *, char *, void *) = {
    [PARAM_TEXTS] = params_read_texts,       [PARAM_CHOICES] = params_read_texts, [PARAM_PORTS] = params_read_ports,
    [PARAM_SEVERITY] = params_read_severity, [PARAM_TIME] = params_read_time,     [PARAM_FLAG] = params_read_flag,
    [PARAM_TEXT] = params_read_text,
};

static struct store_page *params_page(const struct params_reader *reader)
{
    return (struct store_page *)(void *)((char *)reader->filter + reader->table->page_offset);
}

static bool params_read_sort(struct params_reader *reader, char *value)
{
    struct store_page *page = params_page(reader);
    bool is_descending = value[0] == '-';
    int sort = params_choice(reader->table->sorts, value + (is_descending ? 1 : 0));

    if (sort < 0) {
        return params_refuse_choice(reader, "sort", reader->table->sorts, value);
    }
    page->sort = sort;
    page->is_descending = is_descending;
    return true;
}

static bool params_read_groups(struct params_reader *reader, char *value)
{
    struct params *params = reader->params;
    char *rest = value;

    for (char *text = params_next(&rest); text != NULL; text = params_next(&rest)) {
        int group = params_choice(reader->table->groups, text);
        if (group < 0) {
            return params_refuse_choice(reader, "group_by", reader->table->groups, text);
        }
        for (size_t i = 0; i < params->group_count; i++) {
            if (params->groups[i] == group) {
                return params_refuse(reader, "group_by", "names a key twice", text);
            }
        }
        params->groups[params->group_count++] = group;
    }
    return true;
}

static bool params_read_limit(struct params_reader *reader, const char *value)
{
    int64_t limit;

    if (!params_parse_number(value, 1, PARAMS_LIMIT_MAX, &limit)) {
        return params_refuse(reader, "limit", "must be a number from 1 to 500", value);
    }
    reader->params->limit = (uint32_t)limit;
    return true;
}

static bool params_read(struct params_reader *reader, const char *name, char *value)
{
    const struct param_table *table = reader->table;

    for (size_t i = 0; i < table->param_count; i++) {
        const struct param *param = &table->params[i];
        if (strcmp(param->name, name) == 0) {
            return params_readers[param->kind](reader, param, value, (char *)reader->filter + param->offset);
        }
    }
    if (strcmp(name, "limit") == 0) {
        return params_read_limit(reader, value);
    }
    if (strcmp(name, "sort") == 0 && table->sorts != NULL) {
        return params_read_sort(reader, value);
    }
    if (strcmp(name, "group_by") == 0 && table->groups != NULL) {
        return params_read_groups(reader, value);
    }
    if (strcmp(name, "cursor") == 0) {
        return true;
    }
    return params_refuse(reader, name, "is not known here", NULL);
}

/* Everything but limit and cursor belongs to what a cursor is bound to, in the order of the names. */
static void params_bind(const struct param_table *table, const struct uri *uri, struct cursor_binding *ret_binding)
{
    crypto_generichash_state state;
    const struct uri_param *bound[URI_MAX_PARAMS];
    size_t count = 0;

    for (size_t i = 0; i < uri->param_count; i++) {
        const struct uri_param *param = &uri->params[i];
        size_t at = count;
        if (strcmp(param->name, "limit") == 0 || strcmp(param->name, "cursor") == 0) {
            continue;
        }
        for (; at > 0 && strcmp(bound[at - 1]->name, param->name) > 0; at--) {
            bound[at] = bound[at - 1];
        }
        bound[at] = param;
        count++;
    }
    crypto_generichash_init(&state, NULL, 0, CURSOR_HASH_BYTES);
    crypto_generichash_update(&state, (const unsigned char *)table->resource, strlen(table->resource) + 1);
    for (size_t i = 0; i < count; i++) {
        crypto_generichash_update(&state, (const unsigned char *)bound[i]->name, strlen(bound[i]->name) + 1);
        crypto_generichash_update(&state, (const unsigned char *)bound[i]->value, strlen(bound[i]->value) + 1);
    }
    crypto_generichash_final(&state, ret_binding->hash, CURSOR_HASH_BYTES);
}

static bool params_is_repeated(const struct uri *uri, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(uri->params[i].name, uri->params[index].name) == 0) {
            return true;
        }
    }
    return false;
}

bool params_parse(const struct param_table *table, struct uri *uri, void *filter, struct params *params,
                  struct problem *problem)
{
    struct params_reader reader = {table, params, problem, filter};
    struct store_page *page = params_page(&reader);
    const char *cursor = uri_param(uri, "cursor");

    memset(params, 0, sizeof(*params));
    params->limit = PARAMS_LIMIT;
    page->sort = table->sort;
    page->is_descending = table->is_descending;
    params_bind(table, uri, &params->binding);
    params->binding.seal = uri->seal;
    for (size_t i = 0; i < uri->param_count; i++) {
        struct uri_param *param = &uri->params[i];
        if (params_is_repeated(uri, i)) {
            params_refuse(&reader, param->name, "stands twice; part several values by commas", NULL);
        } else {
            params_read(&reader, param->name, param->value);
        }
    }
    if (cursor != NULL && problem->status == 0 && cursor_parse(cursor, &params->binding, &page->after) != 0) {
        params_refuse(&reader, "cursor",
                      "is no cursor of this list under these filters and this order; start again without it", NULL);
    }
    page->limit = params->limit + 1;
    return problem->status == 0;
}

bool params_has_no_page(const struct uri *uri, const char *why, struct problem *problem)
{
    static const char *const pages[] = {"limit", "cursor"};

    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        if (uri_param(uri, pages[i]) != NULL) {
            problem_set(problem, 400, "%s", why);
            problem_point(problem, "query", pages[i], "is not known here");
            return false;
        }
    }
    return true;
}
