#include "lib/addr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t addr_width(const struct addr *addr)
{
    return addr->is_ipv6 ? 16 : 4;
}

static bool addr_is_ipv6_link_local(const struct addr *addr)
{
    return addr->is_ipv6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

static int addr_parse_zone(const char *zone, struct addr *addr)
{
    if (!addr_is_ipv6_link_local(addr)) {
        return -EINVAL;
    }
    /* The kernel takes what follows a colon for an alias and passes it over (netdevice(7)): "eth0:22" would be eth0. */
    addr->zone = strchr(zone, ':') == NULL ? if_nametoindex(zone) : 0;
    return addr->zone == 0 ? -ENODEV : 0;
}

int addr_parse(const char *text, struct addr *ret_addr)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct addr addr = {0};
    char host[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "%");

    if (length >= sizeof(host)) {
        return -EINVAL;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (inet_pton(AF_INET, host, addr.bytes) == 1) {
        if (text[length] != '\0') {
            return -EINVAL;
        }
        *ret_addr = addr;
        return 0;
    }
    if (inet_pton(AF_INET6, host, addr.bytes) != 1) {
        return -EINVAL;
    }
    addr.is_ipv6 = 1;
    if (text[length] == '%') {
        int rc = addr_parse_zone(text + length + 1, &addr);
        if (rc < 0) {
            return rc;
        }
    } else if (memcmp(addr.bytes, mapped, sizeof(mapped)) == 0) {
        struct addr ipv4 = {0};
        memcpy(ipv4.bytes, addr.bytes + 12, 4);
        addr = ipv4;
    }
    *ret_addr = addr;
    return 0;
}

/* Written once, before there are threads. */
static struct if_nameindex *kept_zones;

void addr_keep_zones(void)
{
    if (kept_zones != NULL) {
        if_freenameindex(kept_zones);
    }
    kept_zones = if_nameindex();
}

static bool name_zone(uint32_t zone, char name[IF_NAMESIZE])
{
    if (if_indextoname(zone, name) != NULL) {
        return true;
    }
    for (const struct if_nameindex *kept = kept_zones; kept != NULL && kept->if_index != 0; kept++) {
        if (kept->if_index == zone) {
            snprintf(name, IF_NAMESIZE, "%s", kept->if_name);
            return true;
        }
    }
    return false;
}

/* By hand, because every line that a scan tells has one; inet_ntop() takes ten times as long. */
static void addr_format_ipv4(const struct addr *addr, char *buffer)
{
    for (size_t i = 0; i < 4; i++) {
        unsigned byte = addr->bytes[i];
        if (byte >= 100) {
            *buffer++ = (char)('0' + byte / 100);
        }
        if (byte >= 10) {
            *buffer++ = (char)('0' + byte / 10 % 10);
        }
        *buffer++ = (char)('0' + byte % 10);
        *buffer++ = i < 3 ? '.' : '\0';
    }
}

const char *addr_format(const struct addr *addr, char *buffer)
{
    char name[IF_NAMESIZE];
    size_t length;

    if (!addr->is_ipv6) {
        addr_format_ipv4(addr, buffer);
    } else if (inet_ntop(AF_INET6, addr->bytes, buffer, ADDR_TEXT_SIZE) == NULL) {
        buffer[0] = '\0';
        return buffer;
    }
    if (addr->zone == 0) {
        return buffer;
    }
    length = strlen(buffer);
    if (name_zone(addr->zone, name)) {
        snprintf(buffer + length, ADDR_TEXT_SIZE - length, "%%%s", name);
    } else {
        snprintf(buffer + length, ADDR_TEXT_SIZE - length, "%%%u", addr->zone);
    }
    return buffer;
}

/* Half of an address as a number. Addresses are mostly stored by these halves: one wide load of what was just stored so
 * would wait for both, for each packet. */
static uint64_t addr_half(const uint8_t *bytes)
{
    uint64_t half;

    memcpy(&half, bytes, sizeof(half));
    return be64toh(half);
}

int addr_compare_value(const struct addr *a, const struct addr *b)
{
    uint64_t left = addr_half(a->bytes);
    uint64_t right = addr_half(b->bytes);

    if (a->is_ipv6 != b->is_ipv6) {
        return a->is_ipv6 < b->is_ipv6 ? -1 : 1;
    }
    if (left == right) {
        left = addr_half(a->bytes + sizeof(left));
        right = addr_half(b->bytes + sizeof(right));
    }
    return (left > right) - (left < right);
}

int addr_compare(const struct addr *a, const struct addr *b)
{
    int order = addr_compare_value(a, b);

    return order != 0 ? order : (a->zone > b->zone) - (a->zone < b->zone);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return addr_compare(a, b) == 0;
}

bool addr_add(struct addr *addr, uint64_t steps)
{
    struct addr sum = *addr;
    uint64_t carry = steps;

    for (size_t i = addr_width(addr); i-- > 0 && carry != 0;) {
        uint64_t low = (carry & 0xff) + sum.bytes[i];
        sum.bytes[i] = (uint8_t)low;
        carry = (carry >> 8) + (low >> 8);
    }
    if (carry != 0) {
        return false;
    }
    *addr = sum;
    return true;
}

uint64_t addr_distance(const struct addr *first, const struct addr *last)
{
    uint8_t diff[16] = {0};
    int borrow = 0;
    uint64_t distance = 0;
    size_t width = addr_width(first);

    for (size_t i = width; i-- > 0;) {
        int byte = last->bytes[i] - first->bytes[i] - borrow;
        borrow = byte < 0;
        diff[i] = (uint8_t)byte;
    }
    for (size_t i = 0; i < width; i++) {
        if (distance >> 56 != 0) {
            return UINT64_MAX;
        }
        distance = distance << 8 | diff[i];
    }
    return distance;
}

struct addr addr_loopback(bool is_ipv6)
{
    struct addr addr = {.is_ipv6 = is_ipv6};

    if (is_ipv6) {
        addr.bytes[15] = 1;
    } else {
        addr.bytes[0] = 127;
        addr.bytes[3] = 1;
    }
    return addr;
}

bool addr_is_loopback(const struct addr *addr)
{
    struct addr loopback = addr_loopback(true);

    return addr->is_ipv6 ? memcmp(addr->bytes, loopback.bytes, sizeof(addr->bytes)) == 0 : addr->bytes[0] == 127;
}

bool addr_is_unspecified(const struct addr *addr)
{
    static const uint8_t zero[16];

    return memcmp(addr->bytes, zero, addr_width(addr)) == 0;
}

socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ret_sockaddr)
{
    memset(ret_sockaddr, 0, sizeof(*ret_sockaddr));
    if (addr->is_ipv6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_sockaddr;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        in6->sin6_scope_id = addr->zone;
        memcpy(&in6->sin6_addr, addr->bytes, 16);
        return sizeof(*in6);
    }
    struct sockaddr_in *in = (struct sockaddr_in *)ret_sockaddr;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, addr->bytes, 4);
    return sizeof(*in);
}

int addr_from_sockaddr(const struct sockaddr *sockaddr, struct addr *ret_addr, uint16_t *ret_port)
{
    struct addr addr = {0};
    uint16_t port;

    if (sockaddr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sockaddr, sizeof(in));
        memcpy(addr.bytes, &in.sin_addr, 4);
        port = ntohs(in.sin_port);
    } else if (sockaddr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sockaddr, sizeof(in6));
        memcpy(addr.bytes, &in6.sin6_addr, 16);
        addr.zone = in6.sin6_scope_id;
        addr.is_ipv6 = 1;
        port = ntohs(in6.sin6_port);
    } else {
        return -EAFNOSUPPORT;
    }
    *ret_addr = addr;
    if (ret_port != NULL) {
        *ret_port = port;
    }
    return 0;
}

/* Sets every bit past `bits` to `bit`. */
static void addr_fill(struct addr *addr, unsigned int bits, bool bit)
{
    for (unsigned int i = 0; i < addr_width(addr); i++) {
        unsigned int kept = bits <= i * 8 ? 0 : bits - i * 8;
        uint8_t mask = kept >= 8 ? 0 : (uint8_t)(0xff >> kept);
        addr->bytes[i] = (uint8_t)(bit ? addr->bytes[i] | mask : addr->bytes[i] & ~mask);
    }
}

int prefix_parse(const char *text, struct prefix *ret_prefix)
{
    struct prefix prefix;
    char host[ADDR_TEXT_SIZE];
    size_t length = strcspn(text, "/");
    unsigned long bits;
    int rc;

    if (length >= sizeof(host)) {
        return -EINVAL;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    rc = addr_parse(host, &prefix.addr);
    if (rc < 0) {
        return rc;
    }
    bits = addr_width(&prefix.addr) * 8;
    if (text[length] == '/') {
        const char *digits = text + length + 1;
        size_t count = strspn(digits, "0123456789");
        if (count == 0 || count > 3 || digits[count] != '\0' || strtoul(digits, NULL, 10) > bits) {
            return -EINVAL;
        }
        bits = strtoul(digits, NULL, 10);
    }
    prefix.bits = (uint8_t)bits;
    addr_fill(&prefix.addr, prefix.bits, false);
    /* A zone has no addresses but those of fe80::/10. */
    if (prefix.addr.zone != 0 && prefix.bits < 10) {
        return -EINVAL;
    }
    *ret_prefix = prefix;
    return 0;
}

const char *prefix_format(const struct prefix *prefix, char *buffer)
{
    size_t length;

    addr_format(&prefix->addr, buffer);
    length = strlen(buffer);
    snprintf(buffer + length, PREFIX_TEXT_SIZE - length, "/%u", prefix->bits);
    return buffer;
}

static uint64_t prefix_mask(unsigned int bits)
{
    return bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
}

bool prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
    const uint8_t *in = prefix->addr.bytes;
    unsigned int bits = prefix->bits;

    if (addr->is_ipv6 != prefix->addr.is_ipv6 || ((addr_half(in) ^ addr_half(addr->bytes)) & prefix_mask(bits)) != 0) {
        return false;
    }
    return bits <= 64 || ((addr_half(in + 8) ^ addr_half(addr->bytes + 8)) & prefix_mask(bits - 64)) == 0;
}

struct addr prefix_last(const struct prefix *prefix)
{
    struct addr last = prefix->addr;

    addr_fill(&last, prefix->bits, true);
    return last;
}
