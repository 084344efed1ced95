#include "web/problem.h"

#include "web/json_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    unsigned status;
    const char *title;
} problem_titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

const char *problem_title(unsigned status)
{
    for (size_t i = 0; i < sizeof(problem_titles) / sizeof(*problem_titles); i++) {
        if (problem_titles[i].status == status) {
            return problem_titles[i].title;
        }
    }
    return "Error";
}

void problem_set(struct problem *problem, unsigned status, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(problem->detail, sizeof(problem->detail), format, args);
    va_end(args);
    /* What does not fit is cut; a format that cannot be printed leaves nothing. */
    if (length < 0) {
        problem->detail[0] = '\0';
    }
    problem->status = status;
}

void problem_point(struct problem *problem, const char *part, const char *name, const char *format, ...)
{
    char message[PROBLEM_TEXT_SIZE];
    struct problem_error *error;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (length < 0 || problem->error_count == PROBLEM_ERRORS) {
        return;
    }
    error = &problem->errors[problem->error_count++];
    snprintf(error->pointer, sizeof(error->pointer), "#/%s/%s", part, name);
    memcpy(error->message, message, sizeof(error->message));
}

void problem_write(const struct problem *problem, const char *instance, struct buffer *buffer)
{
    struct json_writer writer;

    json_writer_init(&writer, buffer);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "type", "about:blank");
    json_put_text(&writer, "title", problem_title(problem->status));
    json_put_number(&writer, "status", problem->status);
    json_put_text(&writer, "detail", problem->detail);
    json_put_text(&writer, "instance", instance);
    if (problem->error_count != 0) {
        json_open_array(&writer, "errors");
        for (size_t i = 0; i < problem->error_count; i++) {
            json_open_object(&writer, NULL);
            json_put_text(&writer, "pointer", problem->errors[i].pointer);
            json_put_text(&writer, "message", problem->errors[i].message);
            json_close_object(&writer);
        }
        json_close_array(&writer);
    }
    json_close_object(&writer);
}
