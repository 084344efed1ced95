#include "scanner/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>

static bool resolver_has(const struct addr *addrs, size_t count, const struct addr *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (addr_equal(&addrs[i], addr)) {
            return true;
        }
    }
    return false;
}

static int resolver_errno(int code)
{
    switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return errno != 0 ? -errno : -EIO;
    default:
        return -EIO;
    }
}

static int resolver_getaddrinfo(void *context, const char *name, struct addr *addrs, size_t *ret_count)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    size_t count = 0;
    int code;

    (void)context;
    code = getaddrinfo(name, NULL, &hints, &found);
    if (code != 0) {
        return resolver_errno(code);
    }
    for (const struct addrinfo *info = found; info != NULL && count < RESOLVER_MAX_ADDRS; info = info->ai_next) {
        struct addr addr;
        if (addr_from_sockaddr(info->ai_addr, &addr, NULL) == 0 && !resolver_has(addrs, count, &addr)) {
            addrs[count++] = addr;
        }
    }
    freeaddrinfo(found);
    if (count == 0) {
        return -ENOENT;
    }
    *ret_count = count;
    return 0;
}

struct resolver resolver_system(void)
{
    return (struct resolver){.resolve = resolver_getaddrinfo};
}
