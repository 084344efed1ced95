#include "auditd/policy/port_expression.h"

#include "auditd/policy/baseline.h"
#include "lib/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ITEM_SIZE = 80 };

static int refuse(char *reason, const char *item, const char *what)
{
    snprintf(reason, PORT_EXPRESSION_REASON_SIZE, "\"%s\" %s", item, what);
    return -EINVAL;
}

static bool is_digits(const char *text, size_t length)
{
    return strspn(text, "0123456789") >= length;
}

/* "N", "N-M", "-M", "N-". The item is made of digits and at most one dash. */
static int add_numbers(const char *item, struct portset *set, char *reason)
{
    const char *dash = strchr(item, '-');
    size_t head = dash != NULL ? (size_t)(dash - item) : strlen(item);
    unsigned long first = head > 0 ? strtoul(item, NULL, 10) : 1;
    unsigned long last = dash == NULL ? first : dash[1] != '\0' ? strtoul(dash + 1, NULL, 10) : UINT16_MAX;

    if (dash != NULL && head == 0 && dash[1] == '\0') {
        return refuse(reason, item, "is no range: give it a first or a last port");
    }
    if (first > UINT16_MAX || last > UINT16_MAX) {
        return refuse(reason, item, "is past the last port, 65535");
    }
    if (first > last) {
        return refuse(reason, item, "runs backwards");
    }
    portset_add_range(set, (uint16_t)first, (uint16_t)last);
    return 0;
}

static bool is_meant(const char *proto, const char *other)
{
    return proto == NULL || strcmp(proto, other) == 0;
}

/* The baseline's names stand for all ports of the service, IANA's for one. */
static bool add_service(const char *name, const char *proto, struct portset *set)
{
    static const char *const protos[] = {"tcp", "udp"};
    size_t count = 0;
    const struct baseline_row *rows = baseline_rows(BASELINE_NEWEST, &count);
    bool found = false;
    uint16_t port;

    for (size_t i = 0; i < count; i++) {
        bool is_named = is_meant(proto, rows[i].proto) &&
                        (strcasecmp(rows[i].service, name) == 0 || strcasecmp(rows[i].id, name) == 0);
        for (size_t j = 0; is_named && j < BASELINE_PORTS_MAX && rows[i].ports[j] != 0; j++) {
            portset_add(set, rows[i].ports[j]);
            found = true;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (is_meant(proto, protos[i]) && services_port(NULL, name, protos[i], &port) == 0) {
            portset_add(set, port);
            found = true;
        }
    }
    return found;
}

static int add_item(const char *item, const char *proto, struct portset *set, char *reason)
{
    const char *dash = strchr(item, '-');
    size_t head = dash != NULL ? (size_t)(dash - item) : strlen(item);

    if (item[0] == '\0') {
        return refuse(reason, item, "is empty: a port is missing beside a comma");
    }
    if (is_digits(item, head) && (dash == NULL || is_digits(dash + 1, strlen(dash + 1)))) {
        return add_numbers(item, set, reason);
    }
    if (strcmp(item, "all") == 0 || strcmp(item, "any") == 0) {
        portset_add_range(set, 1, UINT16_MAX);
        return 0;
    }
    if (strcmp(item, "common") == 0) {
        if (is_meant(proto, "tcp")) {
            service_common_ports("tcp", set);
        }
        if (is_meant(proto, "udp")) {
            service_common_ports("udp", set);
        }
        return 0;
    }
    return add_service(item, proto, set)
               ? 0
               : refuse(reason, item, "is neither a port (0 to 65535), a range (80-90) nor a known service");
}

int port_expression_parse(const char *text, const char *proto, struct portset *ret_set,
                          char reason[PORT_EXPRESSION_REASON_SIZE])
{
    struct portset sets[2]; /* what is meant, what is taken away */
    const char *const whole = text;
    char item[ITEM_SIZE];

    portset_clear(&sets[0]);
    portset_clear(&sets[1]);
    for (;;) {
        size_t length = strcspn(text, ",");
        bool is_taken_away = text[0] == '!';
        size_t skip = is_taken_away ? 1 : 0;
        int rc;
        if (length >= sizeof(item)) {
            return refuse(reason, "...", "is too long for a port or a service's name");
        }
        memcpy(item, text + skip, length - skip);
        item[length - skip] = '\0';
        rc = add_item(item, proto, &sets[is_taken_away ? 1 : 0], reason);
        if (rc != 0) {
            return rc;
        }
        if (text[length] == '\0') {
            break;
        }
        text += length + 1;
        text += strspn(text, " ");
    }
    for (int32_t port = portset_next(&sets[1], 0); port >= 0; port = portset_next(&sets[1], (uint32_t)port + 1)) {
        portset_remove(&sets[0], (uint16_t)port);
    }
    if (portset_count(&sets[0]) == 0) {
        return refuse(reason, whole, "leaves no port");
    }
    *ret_set = sets[0];
    return 0;
}

bool port_expression_check(const json_t *value, const char *proto, char *reason, size_t reason_size)
{
    char why[PORT_EXPRESSION_REASON_SIZE];
    struct portset set;

    if (json_is_integer(value) || port_expression_parse(json_string_value(value), proto, &set, why) == 0) {
        return true;
    }
    snprintf(reason, reason_size, "%s", why);
    return false;
}
