/* What a program says of itself on stderr: one line a message, for a person or, for a service, as JSON. */
#ifndef LEASTPORT_LIB_LOG_H
#define LEASTPORT_LIB_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Called once by main() before any thread starts; `program` is borrowed for ever. As text a line is
 * "program: message", with "warning: " or "error: " before the message; as JSON an object with ts, level, program,
 * message. */
void log_init(const char *program, enum log_format format, enum log_level most);

/* Control characters in the message are escaped, and bytes above ASCII where it is no UTF-8 (\xHH): what comes from the
 * network may stand in it. */
void log_message(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
