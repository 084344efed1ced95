#include "lib/log.h"

#include "lib/clock.h"
#include "lib/control.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_program = "leastport";
static enum log_format log_line_format = LOG_FORMAT_TEXT;
static enum log_level log_most = LOG_LEVEL_NOTICE;

void log_init(const char *program, enum log_format format, enum log_level most)
{
    log_program = program;
    log_line_format = format;
    log_most = most;
}

/* The message with every byte above ASCII as \xHH, where it is no UTF-8; NULL where it is, or out of memory. The caller
 * frees it. */
static char *log_escape(const char *message)
{
    json_t *text = json_string(message);
    char *escaped;
    size_t length = 0;

    if (text != NULL) {
        json_decref(text);
        return NULL;
    }
    escaped = calloc(4 * strlen(message) + 1, 1);
    if (escaped == NULL) {
        return NULL;
    }
    for (const unsigned char *byte = (const unsigned char *)message; *byte != '\0'; byte++) {
        if (*byte < 0x80) {
            escaped[length++] = (char)*byte;
        } else {
            length += (size_t)snprintf(escaped + length, 5, "\\x%02x", *byte);
        }
    }
    escaped[length] = '\0';
    return escaped;
}

static void log_write_text(FILE *stream, enum log_level level, const char *message)
{
    static const char *const prefixes[] = {"error: ", "warning: ", "", ""};

    fprintf(stream, "%s: %s", log_program, prefixes[level]);
    for (const char *text = message; *text != '\0'; text++) {
        size_t control = control_length(text);
        if (control == 0) {
            putc(*text, stream);
        }
        for (size_t i = 0; i < control; i++) {
            fprintf(stream, "\\x%02x", (unsigned char)text[i]);
        }
        text += control > 0 ? control - 1 : 0;
    }
    putc('\n', stream);
}

/* JSON may hold DEL and C1 as they are (RFC 8259 section 7), a terminal that shows the log may not. */
static void log_write_escaped(FILE *stream, const char *json)
{
    for (const char *text = json; *text != '\0'; text++) {
        size_t control = control_length(text);
        if (control == 0) {
            putc(*text, stream);
        } else {
            text += control - 1;
            fprintf(stream, "\\u%04X", (unsigned char)*text);
        }
    }
    putc('\n', stream);
}

static void log_write_json(FILE *stream, enum log_level level, const char *message)
{
    static const char *const names[] = {"error", "warning", "notice", "debug"};
    char now[WALL_TEXT_SIZE];
    json_t *line = json_pack("{s:s, s:s, s:s, s:s*}", "ts", wall_format(wall_now_ms(), now), "level", names[level],
                             "program", log_program, "message", message);

    char *json = json_object_get(line, "message") == NULL ? NULL : json_dumps(line, JSON_COMPACT);

    if (json == NULL) {
        log_write_text(stream, level, message);
    } else {
        log_write_escaped(stream, json);
    }
    free(json);
    json_decref(line);
}

void log_message(enum log_level level, const char *format, ...)
{
    char message[2048];
    char *escaped;
    const char *shown;
    char *line = NULL;
    size_t size = 0;
    FILE *stream;
    va_list args;

    if (level > log_most) {
        return;
    }
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    stream = open_memstream(&line, &size);
    if (stream == NULL) {
        return;
    }
    escaped = log_escape(message);
    shown = escaped == NULL ? message : escaped;
    if (log_line_format == LOG_FORMAT_JSON) {
        log_write_json(stream, level, shown);
    } else {
        log_write_text(stream, level, shown);
    }
    free(escaped);
    /* One write a line, so that lines of several programs on one stderr do not mix. */
    if (fclose(stream) == 0) {
        ssize_t written = write(STDERR_FILENO, line, size);
        (void)written;
    }
    free(line);
}
