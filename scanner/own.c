#include "scanner/own.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listener {
    struct addr addr;
    uint16_t port;
};

struct own {
    struct addr *addrs;
    size_t addr_count;
    struct listener *listeners;
    size_t listener_count;
    size_t listener_room;
};

static int collect_addrs(struct own *own, const struct ifaddrs *interfaces)
{
    size_t count = 0;

    for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next) {
        count++;
    }
    own->addrs = calloc(count + 1, sizeof(*own->addrs));
    if (own->addrs == NULL) {
        return -ENOMEM;
    }
    for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next) {
        if (at->ifa_addr != NULL && addr_from_sockaddr(at->ifa_addr, &own->addrs[own->addr_count], NULL) == 0) {
            own->addr_count++;
        }
    }
    return 0;
}

int own_create(struct own **ret_own)
{
    struct own *own = calloc(1, sizeof(*own));
    struct ifaddrs *interfaces;
    int rc;

    if (own == NULL) {
        return -ENOMEM;
    }
    if (getifaddrs(&interfaces) < 0) {
        rc = -errno;
        own_destroy(own);
        return rc;
    }
    rc = collect_addrs(own, interfaces);
    freeifaddrs(interfaces);
    if (rc < 0) {
        own_destroy(own);
        return rc;
    }
    *ret_own = own;
    return 0;
}

void own_destroy(struct own *own)
{
    if (own == NULL) {
        return;
    }
    free(own->addrs);
    free(own->listeners);
    free(own);
}

const struct addr *own_addrs(const struct own *own, size_t *ret_count)
{
    *ret_count = own->addr_count;
    return own->addrs;
}

bool own_has(const struct own *own, const struct addr *addr)
{
    if (addr_is_loopback(addr)) {
        return true;
    }
    for (size_t i = 0; i < own->addr_count; i++) {
        if (addr_equal(&own->addrs[i], addr)) {
            return true;
        }
    }
    return false;
}

/* The kernel prints an address as 32-bit words, each in the machine's byte order. */
static bool parse_words(const char *text, size_t digits, uint8_t *bytes)
{
    for (size_t i = 0; i < digits / 8; i++) {
        char word[9] = {0};
        char *end;
        uint32_t value;
        memcpy(word, text + 8 * i, 8);
        value = (uint32_t)strtoul(word, &end, 16);
        if (*end != '\0') {
            return false;
        }
        memcpy(bytes + 4 * i, &value, sizeof(value));
    }
    return true;
}

bool own_parse_listener(const char *line, struct addr *ret_addr, uint16_t *ret_port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char local[33];
    char port[5];
    char state[3];
    size_t digits;
    struct addr addr = {0};

    if (sscanf(line, " %*[0-9]: %32[0-9A-Fa-f]:%4[0-9A-Fa-f] %*[0-9A-Fa-f]:%*4[0-9A-Fa-f] %2[0-9A-Fa-f]", local, port,
               state) != 3 ||
        strtoul(state, NULL, 16) != TCP_LISTEN) {
        return false;
    }
    digits = strlen(local);
    if ((digits != 8 && digits != 32) || !parse_words(local, digits, addr.bytes)) {
        return false;
    }
    addr.is_ipv6 = digits == 32;
    if (addr.is_ipv6 && memcmp(addr.bytes, mapped, sizeof(mapped)) == 0) {
        memmove(addr.bytes, addr.bytes + sizeof(mapped), 4);
        memset(addr.bytes + 4, 0, 12);
        addr.is_ipv6 = 0;
    }
    *ret_addr = addr;
    *ret_port = (uint16_t)strtoul(port, NULL, 16);
    return true;
}

static int add_listener(struct own *own, const struct listener *listener)
{
    if (own->listener_count == own->listener_room) {
        size_t room = own->listener_room * 2 + 64;
        struct listener *grown = realloc(own->listeners, room * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        own->listeners = grown;
        own->listener_room = room;
    }
    own->listeners[own->listener_count++] = *listener;
    return 0;
}

static int read_table(struct own *own, const char *path)
{
    FILE *file = fopen(path, "re");
    struct listener listener;
    char line[512];
    int rc = 0;

    if (file == NULL) {
        return 0;
    }
    while (rc == 0 && fgets(line, sizeof(line), file) != NULL) {
        if (own_parse_listener(line, &listener.addr, &listener.port)) {
            rc = add_listener(own, &listener);
        }
    }
    fclose(file);
    return rc;
}

int own_read_listeners(struct own *own)
{
    int rc;

    own->listener_count = 0;
    rc = read_table(own, "/proc/net/tcp");
    return rc < 0 ? rc : read_table(own, "/proc/net/tcp6");
}

/* How well a listener fits an address: 0 not at all, 3 best. */
static int fit(const struct addr *bound, const struct addr *addr)
{
    struct addr without_zone = *addr;

    without_zone.zone = 0;
    if (addr_equal(bound, &without_zone)) {
        return 3;
    }
    if (!addr_is_unspecified(bound)) {
        return 0;
    }
    if (bound->is_ipv6 == addr->is_ipv6) {
        return 2;
    }
    return bound->is_ipv6 ? 1 : 0;
}

bool own_bound(const struct own *own, const struct addr *addr, uint16_t port, struct addr *ret_bound)
{
    int best = 0;

    for (size_t i = 0; i < own->listener_count; i++) {
        const struct listener *listener = &own->listeners[i];
        int fits = listener->port == port ? fit(&listener->addr, addr) : 0;
        if (fits > best) {
            best = fits;
            *ret_bound = listener->addr;
        }
    }
    return best > 0;
}
