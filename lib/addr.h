/* IPv4 and IPv6 addresses and prefixes as values. Knows text and order, not sockets' life or names. */
#ifndef LEASTPORT_LIB_ADDR_H
#define LEASTPORT_LIB_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define MUST_USE __attribute__((warn_unused_result))

/* Room for any address as text with its NUL: IPv6 with a zone ("%" and an interface name). */
enum { ADDR_TEXT_SIZE = 64, PREFIX_TEXT_SIZE = 68 };

/* `zone` is the interface index of a link-local IPv6 address, else 0. IPv4 uses the first 4 bytes; the rest are 0. */
struct addr {
    uint8_t bytes[16];
    uint32_t zone;
    uint8_t is_ipv6;
};

/* The bits of `addr` past `bits` are 0. */
struct prefix {
    struct addr addr;
    uint8_t bits;
};

/* "10.0.0.1", "fe80::1%eth0". IPv4-mapped IPv6 addresses become IPv4. -EINVAL when it is no address, -ENODEV when the
 * zone names no interface of this machine. */
MUST_USE int addr_parse(const char *text, struct addr *ret_addr);

/* Writes the RFC 5952 text and its NUL to `buffer`, which holds at least ADDR_TEXT_SIZE bytes, and returns it. */
const char *addr_format(const struct addr *addr, char *buffer);

/* Remembers the names of this machine's interfaces, for addr_format() in a process that may not ask for them later.
 * Before there are threads. */
void addr_keep_zones(void);

/* Order: IPv4 before IPv6, then by value, then by zone. */
int addr_compare(const struct addr *a, const struct addr *b);
/* The same, whatever their zones. */
int addr_compare_value(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b);

/* Adds `steps` to the address in its own width; false when it would wrap round, and *addr stays as it was. */
MUST_USE bool addr_add(struct addr *addr, uint64_t steps);

/* last - first, both of one family and first <= last; UINT64_MAX when it does not fit. */
uint64_t addr_distance(const struct addr *first, const struct addr *last);

struct addr addr_loopback(bool is_ipv6);
bool addr_is_loopback(const struct addr *addr);
bool addr_is_unspecified(const struct addr *addr);

/* Returns the length of what was written. */
socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ret_sockaddr);

/* -EAFNOSUPPORT for other families than AF_INET and AF_INET6. `ret_port` may be NULL. */
MUST_USE int addr_from_sockaddr(const struct sockaddr *sockaddr, struct addr *ret_addr, uint16_t *ret_port);

/* "10.0.0.0/8" or an address alone (/32, /128). Bits past the prefix are cleared. -EINVAL as addr_parse(). */
MUST_USE int prefix_parse(const char *text, struct prefix *ret_prefix);
const char *prefix_format(const struct prefix *prefix, char *buffer);
bool prefix_contains(const struct prefix *prefix, const struct addr *addr);
struct addr prefix_last(const struct prefix *prefix);

#endif
