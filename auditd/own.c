#include "auditd/own.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static bool own_has(const json_t *targets, const char *text)
{
    size_t index;
    json_t *target;

    json_array_foreach(targets, index, target)
    {
        if (strcmp(json_string_value(target), text) == 0) {
            return true;
        }
    }
    return false;
}

static int own_add(json_t *targets, const struct addr *addr)
{
    char text[ADDR_TEXT_SIZE];
    int rc = 0;

    addr_format(addr, text);
    if (!own_has(targets, text)) {
        rc = json_array_append_new(targets, json_string(text)) == 0 ? 0 : -ENOMEM;
    }
    return rc;
}

/* One pass adds the loopback addresses, one the others. */
static int own_add_all(const struct ifaddrs *interfaces, bool loopback, json_t *targets, size_t *left_out)
{
    for (const struct ifaddrs *each = interfaces; each != NULL; each = each->ifa_next) {
        struct addr addr;
        int rc;

        if (each->ifa_addr == NULL || (each->ifa_flags & IFF_UP) == 0 ||
            addr_from_sockaddr(each->ifa_addr, &addr, NULL) < 0 || addr_is_loopback(&addr) != loopback) {
            continue;
        }
        if (addr.is_ipv6 && addr.bytes[0] == 0xfe && (addr.bytes[1] & 0xc0) == 0x80) {
            (*left_out)++;
            continue;
        }
        rc = own_add(targets, &addr);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int own_targets(json_t **ret_targets, size_t *ret_left_out)
{
    struct ifaddrs *interfaces;
    json_t *targets;
    size_t left_out = 0;
    int rc;

    if (getifaddrs(&interfaces) != 0) {
        return -errno;
    }
    targets = json_array();
    rc = targets == NULL ? -ENOMEM : own_add_all(interfaces, true, targets, &left_out);
    if (rc == 0) {
        rc = own_add_all(interfaces, false, targets, &left_out);
    }
    freeifaddrs(interfaces);
    if (rc < 0) {
        json_decref(targets);
        return rc;
    }
    *ret_targets = targets;
    *ret_left_out = left_out;
    return 0;
}
