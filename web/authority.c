#include "web/authority.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { AUTHORITY_NAME_SIZE = 256 };

/* Cuts "host[:port]" apart; brackets go. `port` is empty without one. */
static int authority_split(const char *text, char host[AUTHORITY_NAME_SIZE], const char **ret_port)
{
    const char *end;
    size_t length;
    bool is_bracketed = text[0] == '[';

    text += is_bracketed ? 1 : 0;
    end = strchr(text, is_bracketed ? ']' : ':');
    if (end == NULL && is_bracketed) {
        return -EINVAL;
    }
    length = end == NULL ? strlen(text) : (size_t)(end - text);
    if (length == 0 || length >= AUTHORITY_NAME_SIZE) {
        return -EINVAL;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    end = text + length + (is_bracketed ? 1 : 0);
    if (*end != '\0' && *end != ':') {
        return -EINVAL;
    }
    *ret_port = *end == ':' ? end + 1 : end;
    return 0;
}

static int authority_parse_port(const char *text, uint16_t *ret_port)
{
    unsigned long port = 0;

    if (*text == '\0') {
        return -EINVAL;
    }
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text)) {
            return -EINVAL;
        }
        port = port * 10 + (unsigned long)(*text - '0');
        if (port > 65535) {
            return -EINVAL;
        }
    }
    *ret_port = (uint16_t)port;
    return 0;
}

static bool authority_is_localhost(const char *name)
{
    static const char localhost[] = "localhost";
    size_t length = strlen(name);
    size_t own = sizeof(localhost) - 1;

    if (length > 0 && name[length - 1] == '.') {
        length--;
    }
    if (length < own || strncasecmp(name + length - own, localhost, own) != 0) {
        return false;
    }
    return length == own || name[length - own - 1] == '.';
}

/* False when it is no "host[:port]". */
static bool authority_name(const char *host, char name[AUTHORITY_NAME_SIZE])
{
    const char *port_text;
    uint16_t port;

    return authority_split(host, name, &port_text) == 0 &&
           (*port_text == '\0' || authority_parse_port(port_text, &port) == 0);
}

bool authority_is_loopback(const char *host)
{
    char name[AUTHORITY_NAME_SIZE];
    struct addr addr;

    return authority_name(host, name) &&
           (authority_is_localhost(name) ||
            (strchr(name, '%') == NULL && addr_parse(name, &addr) == 0 && addr_is_loopback(&addr)));
}

bool authority_is_named(const struct authority_names *names, const char *host)
{
    char name[AUTHORITY_NAME_SIZE];
    struct addr addr;

    if (names->count == 0 || !authority_name(host, name)) {
        return false;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->names[i], name) == 0) {
            return true;
        }
    }
    return strchr(name, '%') == NULL && addr_parse(name, &addr) == 0;
}

int authority_parse_listen(const char *text, struct addr *ret_addr, uint16_t *ret_port)
{
    char name[AUTHORITY_NAME_SIZE];
    const char *port_text;
    struct addr addr;
    uint16_t port;

    if (authority_split(text, name, &port_text) != 0 || authority_parse_port(port_text, &port) != 0) {
        return -EINVAL;
    }
    if (strcasecmp(name, "localhost") == 0) {
        addr = addr_loopback(false);
    } else if (addr_parse(name, &addr) != 0) {
        return -EINVAL;
    }
    *ret_addr = addr;
    *ret_port = port;
    return 0;
}
