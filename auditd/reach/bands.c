#include "auditd/reach/bands.h"

#include <errno.h>
#include <stdlib.h>

enum { BANDS_END = UINT16_MAX + 1 };

/* Where bands begin. */
struct cuts {
    uint32_t *items;
    size_t count;
};

void reach_bands_done(struct reach_bands *bands)
{
    for (size_t i = 0; i < bands->count; i++) {
        span_set_done(&bands->items[i].open);
        span_set_done(&bands->items[i].members);
    }
    free(bands->items);
    *bands = (struct reach_bands){0};
}

static int cuts_order(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static int cuts_init(struct cuts *cuts, size_t rules)
{
    cuts->items = calloc(rules * 2 + 1, sizeof(*cuts->items));
    cuts->count = 1;
    return cuts->items == NULL ? -ENOMEM : 0;
}

static void cuts_add(struct cuts *cuts, struct reach_ports ports)
{
    cuts->items[cuts->count++] = ports.first;
    cuts->items[cuts->count++] = (uint32_t)ports.last + 1;
}

/* Takes the cuts. Empty bands between them. */
static int cuts_apply(struct cuts *cuts, struct reach_bands *ret_bands)
{
    struct reach_bands bands = {0};

    qsort(cuts->items, cuts->count, sizeof(*cuts->items), cuts_order);
    bands.items = calloc(cuts->count, sizeof(*bands.items));
    for (size_t i = 0; bands.items != NULL && i < cuts->count; i++) {
        uint32_t end = i + 1 < cuts->count ? cuts->items[i + 1] : BANDS_END;
        if (cuts->items[i] < end && cuts->items[i] < BANDS_END) {
            bands.items[bands.count++].ports = (struct reach_ports){(uint16_t)cuts->items[i], (uint16_t)(end - 1)};
        }
    }
    free(cuts->items);
    *ret_bands = bands;
    return bands.items == NULL ? -ENOMEM : 0;
}

/* Neighbours that admit the same become one. */
static void bands_merge(struct reach_bands *bands)
{
    size_t kept = 0;

    for (size_t i = 1; i < bands->count; i++) {
        struct reach_band *last = &bands->items[kept];
        struct reach_band *band = &bands->items[i];
        if (last->open_unsure == band->open_unsure && last->members_unsure == band->members_unsure &&
            span_set_equal(&last->open, &band->open) && span_set_equal(&last->members, &band->members)) {
            last->ports.last = band->ports.last;
            span_set_done(&band->open);
            span_set_done(&band->members);
        } else {
            bands->items[++kept] = *band;
        }
    }
    bands->count = bands->count == 0 ? 0 : kept + 1;
}

static int bands_finish(struct reach_bands *bands)
{
    for (size_t i = 0; i < bands->count; i++) {
        if (bands->items[i].open.failed || bands->items[i].members.failed) {
            reach_bands_done(bands);
            return -ENOMEM;
        }
    }
    bands_merge(bands);
    return 0;
}

static bool bands_match(struct reach_ports rule, const struct reach_band *band)
{
    return rule.first <= band->ports.first && rule.last >= band->ports.last;
}

/* ---- network ACLs ---- */

static bool entry_matters(const struct reach_entry *entry, struct reach_aspect aspect)
{
    return entry->egress == aspect.egress && (entry->proto == REACH_PROTO_ALL || entry->proto == aspect.proto) &&
           entry->prefix.addr.is_ipv6 == aspect.is_ipv6 && entry->ports.first <= entry->ports.last;
}

static void acl_walk(const struct reach_acl *acl, struct reach_aspect aspect, struct reach_band *band)
{
    struct span whole = span_all(aspect.is_ipv6);
    struct span_set remaining = {0};

    span_set_add(&remaining, whole);
    for (size_t i = 0; i < acl->entries.count && remaining.count > 0; i++) {
        const struct reach_entry *entry = &acl->entries.items[i];
        struct span span = span_of_prefix(&entry->prefix);
        struct span_set matched = span_set_of(&span);
        if (!entry_matters(entry, aspect) || !bands_match(entry->ports, band)) {
            continue;
        }
        if (entry->allow) {
            struct span_set taken = {0};
            span_set_copy(&taken, &remaining);
            span_set_and(&taken, &matched);
            span_set_or(&band->open, &taken);
            span_set_done(&taken);
        }
        span_set_minus(&remaining, &matched);
    }
    band->open.failed |= remaining.failed;
    span_set_done(&remaining);
}

int reach_bands_of_acl(const struct reach_acl *acl, struct reach_aspect aspect, struct reach_bands *ret_bands)
{
    struct reach_bands bands = {0};
    struct cuts cuts;
    int rc = cuts_init(&cuts, acl->entries.count);

    for (size_t i = 0; rc == 0 && i < acl->entries.count; i++) {
        if (entry_matters(&acl->entries.items[i], aspect)) {
            cuts_add(&cuts, acl->entries.items[i].ports);
        }
    }
    rc = rc == 0 ? cuts_apply(&cuts, &bands) : rc;
    for (size_t i = 0; rc == 0 && i < bands.count; i++) {
        acl_walk(acl, aspect, &bands.items[i]);
    }
    rc = rc == 0 ? bands_finish(&bands) : rc;
    if (rc == 0) {
        *ret_bands = bands;
    }
    return rc;
}

/* ---- security groups ---- */

static bool rule_matters(const struct reach_rule *rule, struct reach_aspect aspect)
{
    return rule->egress == aspect.egress && (rule->proto == REACH_PROTO_ALL || rule->proto == aspect.proto) &&
           rule->ports.first <= rule->ports.last &&
           (rule->peer != REACH_PEER_PREFIX || rule->prefix.addr.is_ipv6 == aspect.is_ipv6);
}

static bool same_region(const struct reach_peering *peering)
{
    const char *a = peering->sides[0].region;
    const char *b = peering->sides[1].region;
    const char *c = a == NULL ? "" : a;

    for (const char *d = b == NULL ? "" : b; *c != '\0' || *d != '\0'; c++, d++) {
        if (*c != *d) {
            return false;
        }
    }
    return true;
}

/* Whether a group of the VPC `own` may speak of interfaces in the VPC `other`. */
static bool group_spans(const struct reach_model *model, uint32_t own, uint32_t other)
{
    for (size_t i = 0; own != other && i < model->peerings.count; i++) {
        const struct reach_peering *peering = &model->peerings.items[i];
        uint32_t a = peering->sides[0].vpc.at;
        uint32_t b = peering->sides[1].vpc.at;
        if (peering->active && same_region(peering) && ((a == own && b == other) || (a == other && b == own))) {
            return true;
        }
    }
    return own == other;
}

/* The addresses of the family go to `spans`, unless it is NULL; returns how many. */
static size_t member_spans(const struct reach_eni *eni, bool is_ipv6, struct span *spans)
{
    size_t count = 0;

    for (size_t i = 0; i < eni->addresses.count; i++) {
        const struct prefix *prefix = &eni->addresses.items[i].prefix;
        if (prefix->addr.is_ipv6 != is_ipv6) {
            continue;
        }
        if (spans != NULL) {
            spans[count] = span_of_prefix(prefix);
        }
        count++;
    }
    return count;
}

/* The interface when it counts as a member for rules of a group in the VPC; else NULL, with *unsure where it may. */
static const struct reach_eni *member_eni(const struct reach_model *model, uint32_t own_vpc, uint32_t at, bool *unsure)
{
    const struct reach_eni *eni = &model->enis.items[at];
    uint32_t vpc = reach_model_vpc_of(model, eni);

    if (vpc == REACH_NONE || eni->assumed) {
        *unsure = true;
        return NULL;
    }
    return eni->attached && group_spans(model, own_vpc, vpc) ? eni : NULL;
}

static void band_add_members(const struct reach_model *model, const struct reach_group *group,
                             const struct reach_rule *rule, bool is_ipv6, struct reach_band *band)
{
    const struct reach_group *named = rule->ref.at == REACH_NONE ? NULL : &model->groups.items[rule->ref.at];
    struct span *spans;
    size_t count = 0;

    if (named == NULL) {
        /* Of an account whose groups are all known, it is a group that was deleted. */
        band->members_unsure |= rule->foreign || model->unread[REACH_GROUP];
        return;
    }
    band->members_unsure |= model->unread[REACH_ENI] || group->vpc.at == REACH_NONE;
    for (size_t i = 0; i < named->holders.count; i++) {
        count += member_spans(&model->enis.items[named->holders.items[i]], is_ipv6, NULL);
    }
    spans = calloc(count + 1, sizeof(*spans));
    band->members.failed |= spans == NULL;
    count = 0;
    for (size_t i = 0; spans != NULL && i < named->holders.count; i++) {
        const struct reach_eni *eni = member_eni(model, group->vpc.at, named->holders.items[i], &band->members_unsure);
        count += eni == NULL ? 0 : member_spans(eni, is_ipv6, spans + count);
    }
    if (spans != NULL) {
        span_set_add_all(&band->members, spans, count);
    }
    free(spans);
}

static void band_add_rule(const struct reach_model *model, const struct reach_group *group,
                          const struct reach_rule *rule, bool is_ipv6, struct reach_band *band)
{
    const struct reach_list *list;

    switch (rule->peer) {
    case REACH_PEER_PREFIX:
        span_set_add_prefix(&band->open, &rule->prefix);
        break;
    case REACH_PEER_LIST:
        list = rule->ref.at == REACH_NONE ? NULL : &model->lists.items[rule->ref.at];
        band->open_unsure |= list == NULL || !list->is_read;
        for (size_t i = 0; list != NULL && i < list->entries.count; i++) {
            if (list->entries.items[i].addr.is_ipv6 == is_ipv6) {
                span_set_add_prefix(&band->open, &list->entries.items[i]);
            }
        }
        break;
    case REACH_PEER_GROUP:
        band_add_members(model, group, rule, is_ipv6, band);
        break;
    }
}

int reach_bands_of_group(const struct reach_model *model, const struct reach_group *group, struct reach_aspect aspect,
                         struct reach_bands *ret_bands)
{
    struct reach_bands bands = {0};
    struct cuts cuts;
    int rc = cuts_init(&cuts, group->rules.count);

    for (size_t i = 0; rc == 0 && i < group->rules.count; i++) {
        if (rule_matters(&group->rules.items[i], aspect)) {
            cuts_add(&cuts, group->rules.items[i].ports);
        }
    }
    rc = rc == 0 ? cuts_apply(&cuts, &bands) : rc;
    for (size_t i = 0; rc == 0 && i < bands.count * group->rules.count; i++) {
        const struct reach_rule *rule = &group->rules.items[i % group->rules.count];
        struct reach_band *band = &bands.items[i / group->rules.count];
        if (rule_matters(rule, aspect) && bands_match(rule->ports, band)) {
            band_add_rule(model, group, rule, aspect.is_ipv6, band);
        }
    }
    rc = rc == 0 ? bands_finish(&bands) : rc;
    if (rc == 0) {
        *ret_bands = bands;
    }
    return rc;
}

/* ---- several ---- */

const struct reach_band *reach_bands_at(const struct reach_bands *bands, uint16_t port)
{
    size_t low = 0;
    size_t high = bands->count - 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bands->items[middle].ports.last < port) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return &bands->items[low];
}

int reach_bands_join(const struct reach_bands *const *parts, size_t count, struct reach_bands *ret_bands)
{
    struct reach_bands bands = {0};
    struct cuts cuts;
    size_t total = 0;
    int rc;

    for (size_t i = 0; i < count; i++) {
        total += parts[i]->count;
    }
    rc = cuts_init(&cuts, total);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        for (size_t j = 0; j < parts[i]->count; j++) {
            cuts_add(&cuts, parts[i]->items[j].ports);
        }
    }
    rc = rc == 0 ? cuts_apply(&cuts, &bands) : rc;
    for (size_t i = 0; rc == 0 && i < bands.count * count; i++) {
        struct reach_band *band = &bands.items[i / count];
        const struct reach_band *part = reach_bands_at(parts[i % count], band->ports.first);
        span_set_or(&band->open, &part->open);
        span_set_or(&band->members, &part->members);
        band->open_unsure |= part->open_unsure;
        band->members_unsure |= part->members_unsure;
    }
    rc = rc == 0 ? bands_finish(&bands) : rc;
    if (rc == 0) {
        *ret_bands = bands;
    }
    return rc;
}
