#include "web/content.h"

#include "web/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CONTENT_ITEM_MAX = 4096, CONTENT_CHOICES_SIZE = 256 };

static void content_refuse(struct exchange *exchange, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void content_refuse(struct exchange *exchange, const char *name, const char *format, ...)
{
    char text[PROBLEM_TEXT_SIZE / 2];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    problem_set(&exchange->problem, 400, "\"%.64s\" %s.", name, text);
    problem_point(&exchange->problem, "body", name, "%s", text);
}

static const struct content_member *content_find(const struct content_member *members, const char *name)
{
    for (const struct content_member *member = members; member->name != NULL; member++) {
        if (strcmp(member->name, name) == 0) {
            return member;
        }
    }
    return NULL;
}

/* Texts go on to logs and to C: a NUL within would cut them. */
static bool content_is_text(const json_t *value, json_int_t maximum)
{
    const char *text = json_string_value(value);

    return text != NULL && text[0] != '\0' && json_string_length(value) <= (size_t)maximum &&
           strlen(text) == json_string_length(value);
}

static bool content_is_texts(const json_t *value, const struct content_member *member)
{
    size_t count = json_array_size(value);
    size_t index;
    json_t *item;

    if (!json_is_array(value) || count > (size_t)member->maximum || (member->is_required && count == 0)) {
        return false;
    }
    json_array_foreach(value, index, item)
    {
        if (!content_is_text(item, CONTENT_ITEM_MAX)) {
            return false;
        }
    }
    return true;
}

static bool content_check_choice(struct exchange *exchange, const struct content_member *member, const json_t *value)
{
    const char *text = json_string_value(value);
    char known[CONTENT_CHOICES_SIZE] = "";
    size_t length = 0;

    for (size_t i = 0; member->choices[i] != NULL; i++) {
        if (text != NULL && strcmp(member->choices[i], text) == 0) {
            return true;
        }
        length +=
            (size_t)snprintf(known + length, sizeof(known) - length, "%s%s", i == 0 ? "" : ", ", member->choices[i]);
    }
    content_refuse(exchange, member->name, "must be one of %s", known);
    return false;
}

static bool content_check(struct exchange *exchange, const struct content_member *member, const json_t *value)
{
    json_int_t number = json_integer_value(value);

    switch (member->kind) {
    case CONTENT_TEXT:
        if (content_is_text(value, member->maximum)) {
            return true;
        }
        content_refuse(exchange, member->name, "must be a text of 1 to %" JSON_INTEGER_FORMAT " bytes",
                       member->maximum);
        return false;
    case CONTENT_TEXTS:
        if (content_is_texts(value, member)) {
            return true;
        }
        content_refuse(exchange, member->name, "must be a list of %d to %" JSON_INTEGER_FORMAT " texts",
                       member->is_required ? 1 : 0, member->maximum);
        return false;
    case CONTENT_NUMBER:
        if (json_is_integer(value) && number >= 0 && number <= member->maximum) {
            return true;
        }
        content_refuse(exchange, member->name, "must be a whole number from 0 to %" JSON_INTEGER_FORMAT,
                       member->maximum);
        return false;
    case CONTENT_FLAG:
        if (json_is_boolean(value)) {
            return true;
        }
        content_refuse(exchange, member->name, "must be true or false");
        return false;
    case CONTENT_OBJECT:
        if (json_is_object(value)) {
            return true;
        }
        content_refuse(exchange, member->name, "must be an object");
        return false;
    case CONTENT_CHOICE:
        return content_check_choice(exchange, member, value);
    }
    return false;
}

static bool content_has_all(struct exchange *exchange, const struct content_member *members, const json_t *content)
{
    for (const struct content_member *member = members; member->name != NULL; member++) {
        if (member->is_required && json_object_get(content, member->name) == NULL) {
            content_refuse(exchange, member->name, "is missing");
            return false;
        }
    }
    return true;
}

static bool content_is_good(struct exchange *exchange, const struct content_member *members, json_t *content)
{
    const char *name;
    json_t *value;

    json_object_foreach(content, name, value)
    {
        const struct content_member *member = content_find(members, name);
        if (member == NULL) {
            content_refuse(exchange, name, "is not known here");
            return false;
        }
        if (!content_check(exchange, member, value)) {
            return false;
        }
    }
    return content_has_all(exchange, members, content);
}

json_t *content_read(struct exchange *exchange, const struct content_member *members)
{
    const struct request_head *head = exchange->head;
    json_error_t error = {0};
    json_t *content = json_loadb(head->content, head->content_length, JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object(content)) {
        problem_set(&exchange->problem, 400, "The content must be a JSON object%s%.200s.", content == NULL ? ": " : "",
                    content == NULL ? error.text : "");
        if (content == NULL) {
            problem_point(&exchange->problem, "body", "", "line %d, column %d", error.line, error.column);
        }
        json_decref(content);
        return NULL;
    }
    if (!content_is_good(exchange, members, content)) {
        json_decref(content);
        return NULL;
    }
    return content;
}
