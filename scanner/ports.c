#include "scanner/ports.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { PORTS_ITEM_SIZE = 64 };

/* Where the parser stands; `text` and `column` are for messages. */
struct ports_item {
    const char *text;
    size_t column;
    char word[PORTS_ITEM_SIZE];
    struct problem *problem;
};

static int ports_number(const struct ports_item *item, const char *digits, size_t length, uint32_t *ret_number)
{
    uint32_t number = 0;

    for (size_t i = 0; i < length; i++) {
        number = number * 10 + (uint32_t)(digits[i] - '0');
        if (number > UINT16_MAX) {
            return problem_set(item->problem, -ERANGE,
                               "ports \"%s\", column %zu: %.*s is not a port: ports are 0 to 65535", item->text,
                               item->column, (int)length, digits);
        }
    }
    *ret_number = number;
    return 0;
}

/* A word of digits and dashes only. */
static int ports_range(const struct ports_item *item, struct portset *set)
{
    size_t first_length = strcspn(item->word, "-");
    const char *dash = item->word + first_length;
    uint32_t first = 1;
    uint32_t last = UINT16_MAX;
    int rc = 0;

    if (*dash == '-' && (strchr(dash + 1, '-') != NULL || item->word[1] == '\0')) {
        return problem_set(item->problem, -EINVAL,
                           "ports \"%s\", column %zu: \"%s\" is not a range; write 20-25, -1024 or 60000-", item->text,
                           item->column, item->word);
    }
    if (first_length > 0) {
        rc = ports_number(item, item->word, first_length, &first);
        last = first;
    }
    if (rc == 0 && *dash == '-') {
        last = UINT16_MAX;
        if (dash[1] != '\0') {
            rc = ports_number(item, dash + 1, strlen(dash + 1), &last);
        }
    }
    if (rc < 0) {
        return rc;
    }
    if (last < first) {
        return problem_set(item->problem, -ERANGE, "ports \"%s\", column %zu: the range %s runs backwards", item->text,
                           item->column, item->word);
    }
    portset_add_range(set, (uint16_t)first, (uint16_t)last);
    return 0;
}

static int ports_word(const struct ports_item *item, const struct services *services, const char *proto,
                      struct portset *set)
{
    uint16_t port;

    if (strspn(item->word, "0123456789-") == strlen(item->word)) {
        return ports_range(item, set);
    }
    if (strcmp(item->word, "all") == 0) {
        portset_add_range(set, 1, UINT16_MAX);
        return 0;
    }
    if (strcmp(item->word, "common") == 0) {
        service_common_ports(proto, set);
        return 0;
    }
    if (strpbrk(item->word, " \t\r\n") != NULL) {
        return problem_set(item->problem, -EINVAL, "ports \"%s\", column %zu: a space; items have commas between them",
                           item->text, item->column + strcspn(item->word, " \t\r\n"));
    }
    if (services_port(services, item->word, proto, &port) < 0) {
        return problem_set(item->problem, -ENOENT,
                           "ports \"%s\", column %zu: no %s service is called \"%s\"; write a number, a range, an "
                           "IANA service name, common or all",
                           item->text, item->column, strcmp(proto, "udp") == 0 ? "UDP" : "TCP", item->word);
    }
    portset_add(set, port);
    return 0;
}

/* Cuts the next item off *cursor into item->word, without its "!". */
static int ports_next(struct ports_item *item, const char **cursor, bool *ret_negative)
{
    size_t length = strcspn(*cursor, ",");
    bool negative = **cursor == '!';
    const char *word = *cursor + negative;

    item->column = (size_t)(*cursor - item->text) + 1;
    if (length == (size_t)negative) {
        return problem_set(item->problem, -EINVAL,
                           "ports \"%s\", column %zu: an item is missing; write for example 22,80,8000-8099 or common",
                           item->text, item->column);
    }
    length -= negative;
    if (length >= sizeof(item->word)) {
        return problem_set(item->problem, -EINVAL, "ports, column %zu: \"%.20s…\" is too long for a port or a name",
                           item->column, word);
    }
    memcpy(item->word, word, length);
    item->word[length] = '\0';
    *cursor = word + length;
    *ret_negative = negative;
    return 0;
}

int ports_parse(const char *text, const struct services *services, const char *proto, struct portset *ret_set,
                struct problem *problem)
{
    struct ports_item item = {.text = text, .problem = problem};
    struct portset set = {0};
    struct portset without = {0};
    const char *cursor = text;

    for (;;) {
        bool negative;
        int rc = ports_next(&item, &cursor, &negative);
        if (rc == 0) {
            rc = ports_word(&item, services, proto, negative ? &without : &set);
        }
        if (rc < 0) {
            return rc;
        }
        if (*cursor == '\0') {
            break;
        }
        cursor++;
    }
    for (size_t i = 0; i < PORTSET_WORDS; i++) {
        set.words[i] &= ~without.words[i];
    }
    if (portset_count(&set) == 0) {
        return problem_set(problem, -EINVAL,
                           "ports \"%s\": nothing is left; name ports to scan before those after \"!\"", text);
    }
    *ret_set = set;
    return 0;
}
