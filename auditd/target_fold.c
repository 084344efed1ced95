#include "auditd/target_fold.h"

#include "lib/addr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fold_compare(const void *a, const void *b)
{
    return addr_compare(a, b);
}

static json_t *fold_range(const struct addr *first, const struct addr *last)
{
    char from[ADDR_TEXT_SIZE];
    char to[ADDR_TEXT_SIZE];

    addr_format(first, from);
    return addr_compare(first, last) == 0 ? json_string(from) : json_sprintf("%s-%s", from, addr_format(last, to));
}

/* Neighbours become ranges: an inventory of a subnet is a few targets. Takes the addresses out of `targets`. */
static int fold_addresses(struct addr *addresses, size_t count, json_t *targets)
{
    char text[ADDR_TEXT_SIZE];
    size_t first = 0;

    qsort(addresses, count, sizeof(*addresses), fold_compare);
    for (size_t i = 0; i < count; i++) {
        struct addr next = addresses[i];
        bool goes_on = i + 1 < count && addr_add(&next, 1) && strchr(addr_format(&next, text), '%') == NULL &&
                       addr_compare(&next, &addresses[i + 1]) == 0;
        if (!goes_on) {
            if (json_array_append_new(targets, fold_range(&addresses[first], &addresses[i])) != 0) {
                return -ENOMEM;
            }
            first = i + 1;
        }
    }
    return 0;
}

int target_fold(const json_t *all, json_t **ret_targets)
{
    struct addr *addresses = calloc(json_array_size(all) + 1, sizeof(*addresses));
    json_t *targets = json_array();
    size_t count = 0;
    size_t index;
    json_t *item;
    int rc = addresses == NULL || targets == NULL ? -ENOMEM : 0;

    json_array_foreach(all, index, item)
    {
        if (rc == 0 && addr_parse(json_string_value(item), &addresses[count]) == 0) {
            count++;
        } else if (rc == 0) {
            rc = json_array_append(targets, item) == 0 ? 0 : -ENOMEM;
        }
    }
    rc = rc == 0 ? fold_addresses(addresses, count, targets) : rc;
    free(addresses);
    if (rc < 0) {
        json_decref(targets);
        return rc;
    }
    *ret_targets = targets;
    return 0;
}
