/* masscan's list (-oL) and JSON (-oJ). Both say only what answered: nothing follows from what is not in them. */
#include "auditd/import/reader.h"
#include "auditd/ingest/field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MASSCAN_LINE_MAX = 65536 };

/* One answer; the texts are borrowed. */
struct masscan_answer {
    const char *status, *proto, *reason, *address;
    long long port, seconds;
};

static const int64_t masscan_latest_s = INT64_C(253402300799); /* the year 9999 */

static int masscan_host(struct answers *answers, const struct masscan_answer *answer, unsigned long line,
                        struct answers_fault *fault, struct answers_host **ret_host)
{
    struct answers_host *host = answers->host_count == 0 ? NULL : answers->hosts[answers->host_count - 1];
    struct addr address;
    int rc = 0;

    if (addr_parse(answer->address, &address) < 0) {
        return answers_refuse(fault, line, "\"%.60s\" is no address", answer->address);
    }
    if (answer->seconds < 0 || answer->seconds > masscan_latest_s) {
        return answers_refuse(fault, line, "%lld is no time", answer->seconds);
    }
    if (host == NULL || !addr_equal(&host->address, &address)) {
        rc = answers_add_host(answers, &host);
    }
    if (rc < 0) {
        return answers_explain(rc, line, fault);
    }
    host->line = host->line == 0 ? line : host->line;
    host->address = address;
    host->seen_ms = answer->seconds * 1000;
    *ret_host = host;
    return 0;
}

static int masscan_take(struct answers *answers, const struct masscan_answer *answer, unsigned long line,
                        struct answers_fault *fault)
{
    bool is_udp = strcmp(answer->proto, "udp") == 0;
    struct answers_port port = {.port = (uint16_t)answer->port, .is_udp = is_udp};
    struct answers_host *host = NULL;
    int rc;

    if (answer->port < 0 || answer->port > UINT16_MAX) {
        return answers_refuse(fault, line, "%lld is no port", answer->port);
    }
    rc = masscan_host(answers, answer, line, fault, &host);
    if (rc < 0) {
        return rc;
    }
    if ((!is_udp && strcmp(answer->proto, "tcp") != 0) || port_state_parse(answer->status, &port.state) < 0) {
        answers->passed_over++;
        return 0;
    }
    snprintf(port.reason, sizeof(port.reason), "%s",
             answer->reason != NULL && field_is_word(answer->reason) && answer->reason[0] != '\0' ? answer->reason
             : port.state != PORT_STATE_OPEN                                                      ? "reset"
             : is_udp                                                                             ? "udp-response"
                                                                                                  : "syn-ack");
    return answers_explain(answers_add_port(answers, host, &port), line, fault);
}

/* When the file's scan was, by its answers: it has no other time. */
static int masscan_end(struct answers *answers)
{
    for (size_t i = 0; i < answers->host_count; i++) {
        int64_t seen = answers->hosts[i]->seen_ms;
        answers->begun_ms = answers->begun_ms == 0 || seen < answers->begun_ms ? seen : answers->begun_ms;
        answers->ended_ms = seen > answers->ended_ms ? seen : answers->ended_ms;
    }
    return answers_merge(answers);
}

/* ---- the list ---- */

static int masscan_number(const char *word, long long *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = word == NULL ? -1 : strtoll(word, &end, 10);
    return word == NULL || errno != 0 || end == word || *end != '\0' ? -EINVAL : 0;
}

/* "open tcp 80 10.0.0.5 1795386768"; "banner tcp 80 10.0.0.5 1795386768 http ...". */
static int masscan_list_line(struct answers *answers, char *text, unsigned long line, struct answers_fault *fault)
{
    struct masscan_answer answer = {0};
    char *rest = text;
    const char *number;

    answer.status = strsep(&rest, " ");
    answer.proto = strsep(&rest, " ");
    number = strsep(&rest, " ");
    answer.address = strsep(&rest, " ");
    if (answer.proto == NULL || answer.address == NULL || masscan_number(number, &answer.port) < 0 ||
        masscan_number(strsep(&rest, " "), &answer.seconds) < 0) {
        return answers_refuse(fault, line, "is no \"STATUS PROTOCOL PORT ADDRESS TIME\" of masscan's");
    }
    if (strcmp(answer.status, "banner") == 0) {
        return 0;
    }
    return masscan_take(answers, &answer, line, fault);
}

static int masscan_list_lines(FILE *file, struct answers *answers, char *text, struct answers_fault *fault)
{
    unsigned long line = 0;
    bool ended = false;
    int rc = 0;

    while (rc == 0 && fgets(text, MASSCAN_LINE_MAX, file) != NULL) {
        size_t length = strlen(text);
        line++;
        if (length == 0 || text[length - 1] != '\n') {
            return answers_refuse(
                fault, line, feof(file) != 0 ? "the file is cut off within a line" : "is too long, or holds a NUL");
        }
        text[strcspn(text, "\r\n")] = '\0';
        if (ended && text[0] != '\0') {
            rc = answers_refuse(fault, line, "stands behind \"# end\"");
        } else if (strcmp(text, "# end") == 0) {
            ended = true;
        } else if (text[0] != '#' && text[0] != '\0') {
            rc = masscan_list_line(answers, text, line, fault);
        }
    }
    if (rc == 0 && ferror(file) != 0) {
        return errno != 0 ? -errno : -EIO;
    }
    return rc == 0 && !ended ? answers_refuse(fault, line + 1, "the file is cut off: there is no \"# end\"") : rc;
}

static int masscan_list_read(FILE *file, struct answers *answers, struct answers_fault *ret_fault)
{
    char *text = malloc(MASSCAN_LINE_MAX);
    int rc = text == NULL ? answers_explain(-ENOMEM, 0, ret_fault) : masscan_list_lines(file, answers, text, ret_fault);

    free(text);
    return rc < 0 ? rc : answers_explain(masscan_end(answers), 0, ret_fault);
}

/* ---- JSON ---- */

static const char *masscan_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* masscan writes the time as text. */
static long long masscan_seconds(const json_t *record)
{
    const json_t *value = json_object_get(record, "timestamp");
    long long seconds = -1;

    if (json_is_integer(value)) {
        return json_integer_value(value);
    }
    return masscan_number(json_string_value(value), &seconds) < 0 ? -1 : seconds;
}

static int masscan_record(struct answers *answers, const json_t *record, unsigned long line,
                          struct answers_fault *fault)
{
    const json_t *ports = json_object_get(record, "ports");
    struct masscan_answer answer = {.address = masscan_text(record, "ip"), .seconds = masscan_seconds(record)};
    int rc = 0;

    if (!json_is_array(ports)) {
        return answers_refuse(fault, line, "is no record of masscan's: it has no \"ports\"");
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(ports); i++) {
        const json_t *port = json_array_get(ports, i);
        const json_t *number = json_object_get(port, "port");
        answer.port = json_is_integer(number) ? json_integer_value(number) : -1;
        answer.proto = masscan_text(port, "proto");
        answer.status = masscan_text(port, "status");
        answer.reason = masscan_text(port, "reason");
        /* A banner: the port has a record of its own. */
        if (json_object_get(port, "service") == NULL) {
            rc = masscan_take(answers, &answer, line, fault);
        }
    }
    return rc;
}

/* The next byte that is no blank; counts lines. */
static int masscan_next(FILE *file, unsigned long *line)
{
    int byte;

    while ((byte = getc(file)) == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
        *line += byte == '\n';
    }
    return byte;
}

static int masscan_load(FILE *file, struct answers *answers, unsigned long *line, struct answers_fault *fault)
{
    const size_t flags = JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES;
    json_error_t error;
    json_t *record = json_loadf(file, flags, &error);
    int rc;

    if (record == NULL) {
        unsigned long at = *line + (error.line > 0 ? (unsigned long)error.line - 1 : 0);
        return answers_refuse(fault, at,
                              json_error_code(&error) == json_error_premature_end_of_input
                                  ? "the file is cut off: %.100s"
                                  : "is no JSON: %.100s",
                              error.text);
    }
    rc = masscan_record(answers, record, *line, fault);
    *line += error.line > 0 ? (unsigned long)error.line - 1 : 0;
    json_decref(record);
    return rc;
}

/* Record by record, so that no tree of the whole file is built. */
static int masscan_json_records(FILE *file, struct answers *answers, struct answers_fault *fault)
{
    unsigned long line = 1;
    int byte = masscan_next(file, &line);
    int rc = 0;

    if (byte != '[') {
        return answers_refuse(fault, line, "is no list of masscan's: it does not begin with [");
    }
    byte = masscan_next(file, &line);
    while (rc == 0 && byte == '{') {
        if (ungetc(byte, file) == EOF) {
            return -EIO;
        }
        rc = masscan_load(file, answers, &line, fault);
        byte = rc < 0 ? byte : masscan_next(file, &line);
        byte = rc == 0 && byte == ',' ? masscan_next(file, &line) : byte;
    }
    if (rc == 0 && byte == EOF) {
        rc = ferror(file) != 0 ? -EIO : answers_refuse(fault, line, "the file is cut off: there is no ] at its end");
    } else if (rc == 0 && byte != ']') {
        rc = answers_refuse(fault, line, "holds what is no record");
    } else if (rc == 0 && masscan_next(file, &line) != EOF) {
        rc = answers_refuse(fault, line, "something stands behind the list");
    }
    return rc;
}

static int masscan_json_read(FILE *file, struct answers *answers, struct answers_fault *ret_fault)
{
    int rc = masscan_json_records(file, answers, ret_fault);

    return rc < 0 ? rc : answers_explain(masscan_end(answers), 0, ret_fault);
}

const struct import_reader import_masscan_list = {.name = "masscan-list", .tool = "masscan", .read = masscan_list_read};
const struct import_reader import_masscan_json = {.name = "masscan-json", .tool = "masscan", .read = masscan_json_read};
