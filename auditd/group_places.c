#include "auditd/group_places.h"

#include "auditd/reach/span.h"

#include <errno.h>
#include <stdlib.h>

struct place {
    span_value first, last;
    uint32_t eni;
    uint32_t vpc;
    bool is_ipv6;
};

struct group_places {
    const struct reach_model *model;
    struct place *items; /* by family, then by `first` */
    size_t count;
};

static int by_address(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;

    if (left->is_ipv6 != right->is_ipv6) {
        return left->is_ipv6 ? 1 : -1;
    }
    return (left->first > right->first) - (left->first < right->first);
}

static void add_place(struct group_places *places, uint32_t eni, uint32_t vpc, const struct prefix *prefix)
{
    struct span span = span_of_prefix(prefix);

    places->items[places->count++] = (struct place){span.first, span.last, eni, vpc, prefix->addr.is_ipv6 != 0};
}

struct group_places *group_places_create(const struct reach_model *model)
{
    struct group_places *places = calloc(1, sizeof(*places));
    size_t most = 1;

    for (size_t i = 0; i < model->enis.count; i++) {
        most += 2 * model->enis.items[i].addresses.count;
    }
    if (places == NULL) {
        return NULL;
    }
    places->model = model;
    places->items = calloc(most, sizeof(*places->items));
    if (places->items == NULL) {
        free(places);
        return NULL;
    }
    for (uint32_t i = 0; i < model->enis.count; i++) {
        const struct reach_eni *eni = &model->enis.items[i];
        for (size_t j = 0; j < eni->addresses.count; j++) {
            const struct reach_address *own = &eni->addresses.items[j];
            add_place(places, i, reach_model_vpc_of(model, eni), &own->prefix);
            if (own->is_public && !own->prefix.addr.is_ipv6) {
                add_place(places, i, REACH_NONE, &(struct prefix){own->public_address, 32});
            }
        }
    }
    qsort(places->items, places->count, sizeof(*places->items), by_address);
    return places;
}

void group_places_destroy(struct group_places *places)
{
    if (places != NULL) {
        free(places->items);
        free(places);
    }
}

/* The first place that begins at or behind the address. */
static size_t place_at(const struct group_places *places, const struct place *wanted)
{
    size_t low = 0;
    size_t high = places->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_address(&places->items[middle], wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int push_once(uint32_t **enis, size_t *count, uint32_t eni)
{
    uint32_t *grown;

    for (size_t i = 0; i < *count; i++) {
        if ((*enis)[i] == eni) {
            return 0;
        }
    }
    grown = reallocarray(*enis, *count + 1, sizeof(*grown));
    if (grown == NULL) {
        return -ENOMEM;
    }
    grown[(*count)++] = eni;
    *enis = grown;
    return 0;
}

/* Those of the address in the VPC; REACH_NONE: the only one wherever it is. */
static int find_address(const struct group_places *places, const struct addr *address, uint32_t vpc, uint32_t **enis,
                        size_t *count)
{
    span_value value = span_value_of(address);
    const struct place wanted = {.first = value, .is_ipv6 = address->is_ipv6 != 0};
    size_t first = place_at(places, &wanted);
    size_t end = first;
    int rc = 0;

    while (end < places->count && places->items[end].first == value && places->items[end].is_ipv6 == wanted.is_ipv6) {
        end++;
    }
    for (size_t i = first; rc == 0 && i < end; i++) {
        const struct place *place = &places->items[i];
        bool is_public = place->vpc == REACH_NONE;
        bool is_meant = vpc == REACH_NONE ? end - first == 1 : is_public || place->vpc == vpc;
        rc = is_meant ? push_once(enis, count, place->eni) : 0;
    }
    return rc;
}

int group_places_find(const struct group_places *places, const char *realm, const struct store_known *known,
                      uint32_t **ret_enis, size_t *ret_count)
{
    uint32_t vpc = reach_model_find(places->model, REACH_VPC, realm);
    uint32_t *enis = NULL;
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < known->address_count; i++) {
        rc = find_address(places, &known->addresses[i], vpc, &enis, &count);
    }
    if (rc < 0) {
        free(enis);
        return rc;
    }
    *ret_enis = enis;
    *ret_count = count;
    return 0;
}
