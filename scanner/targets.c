#include "scanner/targets.h"

#include "lib/portset.h"
#include "scanner/ports.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS_TOKEN_SIZE = 65536, TARGETS_NAME_MAX = 253, TARGETS_LABEL_MAX = 63 };

struct targets {
    const char *proto;
    struct target *items;
    size_t count;
    size_t room;
};

struct targets *targets_create(void)
{
    struct targets *targets = calloc(1, sizeof(*targets));

    if (targets != NULL) {
        targets->proto = "tcp";
    }
    return targets;
}

void targets_use_proto(struct targets *targets, const char *proto)
{
    targets->proto = proto;
}

static void target_done(struct target *target)
{
    free(target->text);
    free(target->name);
    free(target->ports);
}

void targets_destroy(struct targets *targets)
{
    if (targets == NULL) {
        return;
    }
    for (size_t i = 0; i < targets->count; i++) {
        target_done(&targets->items[i]);
    }
    free(targets->items);
    free(targets);
}

static int targets_out_of_memory(struct problem *problem)
{
    return problem_set(problem, -ENOMEM, "out of memory");
}

static int target_check_order(const struct target *target, const char *host, struct problem *problem)
{
    if (target->first.is_ipv6 != target->last.is_ipv6) {
        return problem_set(problem, -EINVAL, "target \"%s\": a range cannot go from IPv4 to IPv6", host);
    }
    if (target->first.zone != target->last.zone) {
        return problem_set(problem, -EINVAL, "target \"%s\": both ends of a range need the same zone", host);
    }
    if (addr_compare(&target->first, &target->last) > 0) {
        return problem_set(problem, -EINVAL, "target \"%s\": the range runs backwards", host);
    }
    return 0;
}

/* The end of a range: an address, or after IPv4 the last number alone. */
static int target_parse_last(struct target *target, const char *host, const char *text, struct problem *problem)
{
    size_t digits = strspn(text, "0123456789");

    if (digits > 0 && digits <= 3 && text[digits] == '\0' && !target->first.is_ipv6) {
        long number = strtol(text, NULL, 10);
        if (number > 255) {
            return problem_set(problem, -EINVAL, "target \"%s\": %ld is more than 255", host, number);
        }
        target->last = target->first;
        target->last.bytes[3] = (uint8_t)number;
    } else if (addr_parse(text, &target->last) < 0) {
        return problem_set(problem, -EINVAL,
                           "target \"%s\": \"%s\" cannot end a range; write 10.0.0.1-50, 10.0.0.1-10.0.1.20 or "
                           "fd00::1-fd00::ff",
                           host, text);
    }
    /* "fe80::1%eth0-fe80::9": the zone need not be said twice. */
    if (target->last.zone == 0 && target->last.is_ipv6) {
        target->last.zone = target->first.zone;
    }
    return target_check_order(target, host, problem);
}

/* 1 when it is a range, 0 when nothing before a dash is an address (a name, then). */
static int target_parse_range(struct target *target, const char *host, struct problem *problem)
{
    char first[ADDR_TEXT_SIZE];

    for (const char *dash = strchr(host, '-'); dash != NULL; dash = strchr(dash + 1, '-')) {
        size_t length = (size_t)(dash - host);
        if (length >= sizeof(first)) {
            return 0;
        }
        memcpy(first, host, length);
        first[length] = '\0';
        if (addr_parse(first, &target->first) == 0) {
            int rc = target_parse_last(target, host, dash + 1, problem);
            return rc < 0 ? rc : 1;
        }
    }
    return 0;
}

static int target_parse_prefix(struct target *target, const char *host, struct problem *problem)
{
    struct prefix prefix;
    int rc = prefix_parse(host, &prefix);

    if (rc == -ENODEV) {
        return problem_set(problem, -EINVAL, "target \"%s\": no interface of this machine has the name after %%", host);
    }
    if (rc < 0) {
        return problem_set(problem, -EINVAL,
                           "target \"%s\": not a prefix; write an address, \"/\" and 0 to 32 (IPv6: 0 to 128), as in "
                           "10.0.0.0/24",
                           host);
    }
    target->first = prefix.addr;
    target->last = prefix_last(&prefix);
    return 0;
}

static bool target_is_name(const char *host, size_t length)
{
    size_t label = 0;

    if (length == 0 || length > TARGETS_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (host[i] == '.') {
            if (label == 0 || host[i - 1] == '-') {
                return false;
            }
            label = 0;
            continue;
        }
        if (!(isalnum((unsigned char)host[i]) || host[i] == '_' || (host[i] == '-' && label > 0)) ||
            ++label > TARGETS_LABEL_MAX) {
            return false;
        }
    }
    return label > 0 && host[length - 1] != '-';
}

static int target_parse_name(struct target *target, const char *host, struct problem *problem)
{
    size_t length = strlen(host);
    char *name;

    if (length > 1 && host[length - 1] == '.') {
        length--;
    }
    if (strchr(host, ':') != NULL) {
        return problem_set(problem, -EINVAL,
                           "target \"%s\": not an IPv6 address; ports of one go after brackets, as in [fd00::1]:443",
                           host);
    }
    if (strspn(host, "0123456789.-*") == strlen(host)) {
        return problem_set(problem, -EINVAL,
                           "target \"%s\": not an address; write 10.0.0.5, 10.0.0.0/24, 10.0.0.1-50 or a host name",
                           host);
    }
    if (!target_is_name(host, length)) {
        return problem_set(problem, -EINVAL,
                           "target \"%s\": neither an address nor a host name (letters, digits, \"-\" and \".\")",
                           host);
    }
    name = strndup(host, length);
    if (name == NULL) {
        return targets_out_of_memory(problem);
    }
    for (size_t i = 0; i < length; i++) {
        name[i] = (char)tolower((unsigned char)name[i]);
    }
    target->name = name;
    return 0;
}

/* "::1:22" is an address, but of a form that is no longer in use (RFC 4291, 2.5.5.1): ::1 and a port were meant. */
static int target_check_meant(const struct target *target, const char *host, struct problem *problem)
{
    static const uint8_t zero[12];
    const char *port = strrchr(host, ':');

    if (!target->first.is_ipv6 || memcmp(target->first.bytes, zero, sizeof(zero)) != 0 ||
        (target->first.bytes[12] | target->first.bytes[13]) == 0 || port[1] == '\0' ||
        port[1 + strspn(port + 1, "0123456789")] != '\0') {
        return 0;
    }
    return problem_set(problem, -EINVAL, "target \"%s\": no host has such an address; for port %s write [%.*s]:%s",
                       host, port + 1, (int)(port - host), host, port + 1);
}

static int target_parse_host(struct target *target, const char *host, struct problem *problem)
{
    int rc = addr_parse(host, &target->first);

    if (rc == 0) {
        target->last = target->first;
        return target_check_meant(target, host, problem);
    }
    if (strchr(host, '/') != NULL) {
        return target_parse_prefix(target, host, problem);
    }
    if (strchr(host, '-') != NULL) {
        int range = target_parse_range(target, host, problem);
        if (range != 0) {
            return range < 0 ? range : 0;
        }
    }
    if (rc == -ENODEV) {
        return problem_set(problem, -EINVAL, "target \"%s\": no interface of this machine has the name after %%", host);
    }
    return target_parse_name(target, host, problem);
}

/* "[host]suffix:ports" or "host:ports" into host and ports; *ret_ports is NULL without any. `host` has room for all. */
static int target_split(const char *expression, char *host, const char **ret_ports, struct problem *problem)
{
    const char *colon = strchr(expression, ':');
    const char *close = strchr(expression, ']');
    size_t inside;

    *ret_ports = NULL;
    if (expression[0] != '[') {
        memcpy(host, expression, strlen(expression) + 1);
        if (colon != NULL && strchr(colon + 1, ':') == NULL) {
            host[colon - expression] = '\0';
            *ret_ports = colon + 1;
        }
        return 0;
    }
    if (close == NULL) {
        return problem_set(problem, -EINVAL, "target \"%s\": the bracket is never closed; write [fd00::1]:443",
                           expression);
    }
    inside = (size_t)(close - expression) - 1;
    memcpy(host, expression + 1, inside);
    host[inside] = '\0';
    if (memchr(host, ':', inside) == NULL) {
        return problem_set(problem, -EINVAL, "target \"%s\": brackets are for IPv6 addresses", expression);
    }
    colon = strchr(close, ':');
    if (colon != NULL) {
        *ret_ports = colon + 1;
    }
    memcpy(host + inside, close + 1, colon != NULL ? (size_t)(colon - close) - 1 : strlen(close));
    host[inside + (colon != NULL ? (size_t)(colon - close) - 1 : strlen(close + 1))] = '\0';
    if (close[1] != '\0' && close[1] != '/' && close[1] != ':') {
        return problem_set(problem, -EINVAL, "target \"%s\": after the bracket comes \"/\" or \":\"", expression);
    }
    return 0;
}

/* Whose ports a name may be. */
struct target_names {
    const struct services *services;
    const char *proto;
};

static int target_parse_ports(struct target *target, const char *expression, const char *text,
                              const struct target_names *names, struct problem *problem)
{
    struct portset *set = malloc(sizeof(*set));
    int rc;

    if (set == NULL) {
        return targets_out_of_memory(problem);
    }
    rc = ports_parse(text, names->services, names->proto, set, problem);
    if (rc < 0) {
        problem_prefix(problem, rc, "target \"%s\"", expression);
    } else {
        target->ports = portset_format(set);
        if (target->ports == NULL) {
            rc = targets_out_of_memory(problem);
        }
    }
    free(set);
    return rc;
}

/* The text that parses to the same target without a table of services. */
static int target_make_text(struct target *target, const char *host, struct problem *problem)
{
    const char *shown = target->name != NULL ? target->name : host;
    bool brackets = target->ports != NULL && target->name == NULL && strchr(host, ':') != NULL;
    size_t size = strlen(shown) + (target->ports != NULL ? strlen(target->ports) : 0) + 4;
    char *text = malloc(size);

    if (text == NULL) {
        return targets_out_of_memory(problem);
    }
    if (target->ports == NULL) {
        memcpy(text, shown, strlen(shown) + 1);
    } else {
        snprintf(text, size, brackets ? "[%s]:%s" : "%s:%s", shown, target->ports);
    }
    target->text = text;
    return 0;
}

static int target_parse(struct target *target, const char *expression, char *host, const struct target_names *names,
                        struct problem *problem)
{
    const char *ports;
    int rc;

    if (expression[0] == '\0') {
        return problem_set(problem, -EINVAL, "a target is empty; write an address, a range or a host name");
    }
    rc = target_split(expression, host, &ports, problem);
    if (rc == 0) {
        rc = target_parse_host(target, host, problem);
    }
    if (rc == 0 && ports != NULL) {
        rc = target_parse_ports(target, expression, ports, names, problem);
    }
    if (rc == 0) {
        rc = target_make_text(target, host, problem);
    }
    return rc;
}

static int targets_grow(struct targets *targets)
{
    size_t room = targets->room == 0 ? 16 : targets->room * 2;
    struct target *items = realloc(targets->items, room * sizeof(*items));

    if (items == NULL) {
        return -ENOMEM;
    }
    targets->items = items;
    targets->room = room;
    return 0;
}

int targets_add(struct targets *targets, const char *expression, const struct services *services,
                struct problem *problem)
{
    struct target_names names = {.services = services, .proto = targets->proto};
    struct target target = {0};
    char *host;
    int rc;

    if (strlen(expression) >= TARGETS_TOKEN_SIZE) {
        return problem_set(problem, -EINVAL, "target \"%.40s…\" is longer than 64 KiB", expression);
    }
    if (targets->count == targets->room && targets_grow(targets) < 0) {
        return targets_out_of_memory(problem);
    }
    host = malloc(strlen(expression) + 1);
    if (host == NULL) {
        return targets_out_of_memory(problem);
    }
    rc = target_parse(&target, expression, host, &names, problem);
    free(host);
    if (rc < 0) {
        target_done(&target);
        return rc;
    }
    targets->items[targets->count++] = target;
    return 0;
}

/* Where the reader stands in the stream. */
struct targets_reader {
    FILE *stream;
    char *token;
    size_t line;
    size_t column;
    size_t token_column;
};

static int targets_getc(struct targets_reader *reader)
{
    int byte = getc_unlocked(reader->stream);

    if (byte == '\n') {
        reader->line++;
        reader->column = 0;
    } else {
        reader->column++;
    }
    return byte;
}

/* The next token's length, 0 at the end; -EINVAL for a NUL byte, -E2BIG for what is too long. The white space after the
 * token stays unread, so that line and column are still the token's. */
static ssize_t targets_token(struct targets_reader *reader)
{
    size_t length = 0;
    int byte = targets_getc(reader);

    while (byte != EOF && (isspace(byte) || byte == '#')) {
        bool comment = byte == '#';
        while (comment && byte != '\n' && byte != EOF) {
            byte = targets_getc(reader);
        }
        byte = targets_getc(reader);
    }
    reader->token_column = reader->column;
    while (byte != EOF && !isspace(byte) && byte != '#') {
        if (byte == '\0') {
            return -EINVAL;
        }
        if (length + 1 >= TARGETS_TOKEN_SIZE) {
            return -E2BIG;
        }
        reader->token[length++] = (char)byte;
        byte = getc_unlocked(reader->stream);
        reader->column++;
    }
    reader->column--;
    if (byte != EOF) {
        ungetc(byte, reader->stream);
    }
    reader->token[length] = '\0';
    return (ssize_t)length;
}

static int targets_read_all(struct targets *targets, struct targets_reader *reader, const char *source,
                            const struct services *services, struct problem *problem)
{
    for (;;) {
        ssize_t length = targets_token(reader);
        const char *token = reader->token;
        int rc;

        if (length == -EINVAL) {
            return problem_set(problem, -EINVAL, "%s:%zu:%zu: a NUL byte: this is not a list of targets", source,
                               reader->line, reader->column);
        }
        if (length < 0) {
            return problem_set(problem, -EINVAL, "%s:%zu:%zu: a target longer than 64 KiB", source, reader->line,
                               reader->token_column);
        }
        if (length == 0) {
            break;
        }
        if (targets->count == 0 && strncmp(token, "\xef\xbb\xbf", 3) == 0) {
            token += 3;
        }
        rc = *token == '\0' ? 0 : targets_add(targets, token, services, problem);
        if (rc < 0) {
            return problem_prefix(problem, rc, "%s:%zu:%zu", source, reader->line, reader->token_column);
        }
    }
    if (ferror(reader->stream)) {
        return problem_set(problem, -EIO, "%s: reading failed at line %zu: %s", source, reader->line, strerror(errno));
    }
    return 0;
}

int targets_read(struct targets *targets, FILE *stream, const char *source, const struct services *services,
                 struct problem *problem)
{
    struct targets_reader reader = {.stream = stream, .line = 1, .token = calloc(1, TARGETS_TOKEN_SIZE)};
    int rc;

    if (reader.token == NULL) {
        return targets_out_of_memory(problem);
    }
    rc = targets_read_all(targets, &reader, source, services, problem);
    free(reader.token);
    return rc;
}

size_t targets_count(const struct targets *targets)
{
    return targets->count;
}

const struct target *targets_at(const struct targets *targets, size_t index)
{
    return &targets->items[index];
}
