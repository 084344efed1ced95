#include "auditd/inventory/inventory.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INVENTORY_ID_MAX = 512, INVENTORY_NAME_MAX = 253, INVENTORY_KEY_MAX = 128, INVENTORY_VALUE_MAX = 256 };

static void inventory_host_done(struct inventory_host *host)
{
    free(host->id);
    free(host->name);
    free(host->addresses);
    for (size_t i = 0; i < host->tag_count; i++) {
        free((void *)(uintptr_t)host->tags[i].key);
        free((void *)(uintptr_t)host->tags[i].value);
    }
    free(host->tags);
}

void inventory_done(struct inventory *inventory)
{
    for (size_t i = 0; i < inventory->count; i++) {
        inventory_host_done(&inventory->hosts[i]);
    }
    free(inventory->hosts);
    *inventory = (struct inventory){0};
}

/* Room for one more when `count` is a power of two, or 0. */
static int inventory_grow(void **items, size_t count, size_t size)
{
    void *grown;

    if ((count & (count - 1)) != 0) {
        return 0;
    }
    grown = reallocarray(*items, count == 0 ? 1 : count * 2, size);
    if (grown == NULL) {
        return -ENOMEM;
    }
    *items = grown;
    return 0;
}

int inventory_add(struct inventory *inventory, struct inventory_host **ret_host)
{
    void *hosts = inventory->hosts;
    int rc = inventory->count >= INVENTORY_HOSTS_MAX
                 ? -E2BIG
                 : inventory_grow(&hosts, inventory->count, sizeof(*inventory->hosts));

    if (rc < 0) {
        return rc;
    }
    inventory->hosts = hosts;
    *ret_host = &inventory->hosts[inventory->count];
    inventory->count++;
    **ret_host = (struct inventory_host){0};
    return 0;
}

static bool inventory_is_text(const char *text, size_t most)
{
    for (const char *each = text; *each != '\0'; each++) {
        if ((unsigned char)*each < ' ' || *each == 0x7f) {
            return false;
        }
    }
    return strlen(text) <= most;
}

static int inventory_set_text(char **member, const char *text, size_t most, const char *what, char *reason)
{
    if (text[0] == '\0') {
        return 0;
    }
    if (!inventory_is_text(text, most)) {
        snprintf(reason, INVENTORY_REASON_SIZE, "a host's %s has at most %zu bytes, and no control characters", what,
                 most);
        return -EINVAL;
    }
    if (*member != NULL) {
        snprintf(reason, INVENTORY_REASON_SIZE, "a host has two of %s: \"%.100s\" and \"%.100s\"", what, *member, text);
        return -EINVAL;
    }
    *member = strdup(text);
    return *member == NULL ? -ENOMEM : 0;
}

int inventory_set_id(struct inventory_host *host, const char *text, char reason[INVENTORY_REASON_SIZE])
{
    return inventory_set_text(&host->id, text, INVENTORY_ID_MAX, "id", reason);
}

int inventory_set_name(struct inventory_host *host, const char *text, char reason[INVENTORY_REASON_SIZE])
{
    if (strpbrk(text, " /@,;") != NULL) {
        snprintf(reason, INVENTORY_REASON_SIZE, "\"%.200s\" is no host name", text);
        return -EINVAL;
    }
    return inventory_set_text(&host->name, text, INVENTORY_NAME_MAX, "name", reason);
}

int inventory_add_address(struct inventory_host *host, const char *text, char reason[INVENTORY_REASON_SIZE])
{
    void *addresses = host->addresses;
    struct addr address;
    int rc;

    if (addr_parse(text, &address) < 0) {
        snprintf(reason, INVENTORY_REASON_SIZE, "\"%.200s\" is no address such as 10.0.0.5", text);
        return -EINVAL;
    }
    if (host->address_count >= INVENTORY_ADDRESSES_MAX) {
        snprintf(reason, INVENTORY_REASON_SIZE, "a host has at most %d addresses", INVENTORY_ADDRESSES_MAX);
        return -EINVAL;
    }
    rc = inventory_grow(&addresses, host->address_count, sizeof(address));
    if (rc == 0) {
        host->addresses = addresses;
        host->addresses[host->address_count++] = address;
    }
    return rc;
}

int inventory_add_tag(struct inventory_host *host, const char *key, const char *value,
                      char reason[INVENTORY_REASON_SIZE])
{
    void *tags = host->tags;
    struct host_tag tag;
    int rc;

    if (key[0] == '\0' || !inventory_is_text(key, INVENTORY_KEY_MAX) ||
        !inventory_is_text(value, INVENTORY_VALUE_MAX) || host->tag_count >= INVENTORY_TAGS_MAX) {
        snprintf(reason, INVENTORY_REASON_SIZE,
                 "the tag \"%.100s\": a host has at most %d, keys of 1 to %d bytes and values of up to %d", key,
                 INVENTORY_TAGS_MAX, INVENTORY_KEY_MAX, INVENTORY_VALUE_MAX);
        return -EINVAL;
    }
    for (size_t i = 0; i < host->tag_count; i++) {
        if (strcmp(host->tags[i].key, key) == 0) {
            snprintf(reason, INVENTORY_REASON_SIZE, "a host has the tag \"%.100s\" twice", key);
            return -EINVAL;
        }
    }
    rc = inventory_grow(&tags, host->tag_count, sizeof(tag));
    if (rc < 0) {
        return rc;
    }
    host->tags = tags;
    tag = (struct host_tag){.key = strdup(key), .value = strdup(value)};
    host->tags[host->tag_count++] = tag;
    return tag.key == NULL || tag.value == NULL ? -ENOMEM : 0;
}

const char *inventory_key(const struct inventory_host *host, char buffer[ADDR_TEXT_SIZE])
{
    if (host->id != NULL) {
        return host->id;
    }
    return host->name != NULL ? host->name : addr_format(&host->addresses[0], buffer);
}

struct inventory_claim {
    const struct inventory_host *host;
    const struct addr *address; /* NULL: its key */
};

static int inventory_compare_claims(const void *a, const void *b)
{
    const struct inventory_claim *one = a;
    const struct inventory_claim *other = b;
    char one_text[ADDR_TEXT_SIZE];
    char other_text[ADDR_TEXT_SIZE];

    if ((one->address == NULL) != (other->address == NULL)) {
        return one->address == NULL ? -1 : 1;
    }
    return one->address != NULL ? strcmp(addr_format(one->address, one_text), addr_format(other->address, other_text))
                                : strcmp(inventory_key(one->host, one_text), inventory_key(other->host, other_text));
}

static int inventory_check_claims(struct inventory_claim *claims, size_t count, char *reason)
{
    char text[ADDR_TEXT_SIZE];

    qsort(claims, count, sizeof(*claims), inventory_compare_claims);
    for (size_t i = 1; i < count; i++) {
        if (inventory_compare_claims(&claims[i - 1], &claims[i]) != 0) {
            continue;
        }
        if (claims[i].address == NULL) {
            snprintf(reason, INVENTORY_REASON_SIZE, "there are two hosts \"%.200s\"",
                     inventory_key(claims[i].host, text));
        } else {
            snprintf(reason, INVENTORY_REASON_SIZE, "the address %s stands there twice",
                     addr_format(claims[i].address, text));
        }
        return -EBADMSG;
    }
    return 0;
}

int inventory_check(const struct inventory *inventory, char reason[INVENTORY_REASON_SIZE])
{
    struct inventory_claim *claims;
    size_t count = inventory->count;
    int rc;

    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_host *host = &inventory->hosts[i];
        count += host->address_count;
        if (host->id == NULL && host->name == NULL && host->address_count == 0) {
            snprintf(reason, INVENTORY_REASON_SIZE, "host %zu has neither an address nor a name nor an id", i + 1);
            return -EBADMSG;
        }
    }
    claims = calloc(count + 1, sizeof(*claims));
    if (claims == NULL) {
        return -ENOMEM;
    }
    count = 0;
    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_host *host = &inventory->hosts[i];
        claims[count++] = (struct inventory_claim){.host = host};
        for (size_t j = 0; j < host->address_count; j++) {
            claims[count++] = (struct inventory_claim){.host = host, .address = &host->addresses[j]};
        }
    }
    rc = inventory_check_claims(claims, count, reason);
    free(claims);
    return rc;
}
