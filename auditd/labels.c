#include "auditd/labels.h"

#include "auditd/store/asset.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "auditd/store/tag.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A host name says more of an asset than the narrowest prefix does. */
enum { NARROWEST = 200 };

struct labelling {
    struct store *store;
    const struct config *config;
    int64_t realm_id;
    int64_t now_ms;
    bool changed;
    struct host_tag tags[STORE_TAGS_MAX]; /* of one asset; borrowed */
    int ranks[STORE_TAGS_MAX];
    size_t count;
};

/* How narrowly the label means it; -1: not at all. */
static int labels_rank(const struct config_label *label, const struct store_known *known)
{
    if (label->is_name) {
        for (size_t i = 0; i < known->name_count; i++) {
            if (strcasecmp(known->names[i], label->target) == 0) {
                return NARROWEST;
            }
        }
        return -1;
    }
    for (size_t i = 0; i < known->address_count; i++) {
        if (prefix_contains(&label->prefix, &known->addresses[i])) {
            return label->prefix.bits;
        }
    }
    return -1;
}

static void labels_take(struct labelling *labelling, const struct host_tag *tag, int rank)
{
    size_t at = 0;

    while (at < labelling->count && strcmp(labelling->tags[at].key, tag->key) != 0) {
        at++;
    }
    if (at == STORE_TAGS_MAX || (at < labelling->count && labelling->ranks[at] > rank)) {
        return;
    }
    labelling->tags[at] = *tag;
    labelling->ranks[at] = rank;
    labelling->count += at == labelling->count ? 1 : 0;
}

static int labels_name(const struct labelling *labelling, int64_t asset_id, const struct config_label *label)
{
    const struct stored_identity identity = {
        .asset_id = asset_id,
        .realm_id = labelling->realm_id,
        .kind = "name",
        .value = label->name,
        .source = "person",
    };
    int rc = label->name == NULL ? 0 : store_identity_add(labelling->store, &identity, labelling->now_ms);

    return rc == -EEXIST ? 0 : rc;
}

static int labels_asset(struct labelling *labelling, int64_t asset_id)
{
    const struct config_labels *labels = &labelling->config->labels;
    struct store_known known;
    int rc = store_asset_known(labelling->store, asset_id, &known);

    if (rc < 0) {
        return rc;
    }
    labelling->count = 0;
    for (size_t i = 0; i < labels->count && rc == 0; i++) {
        int rank = labels_rank(&labels->items[i], &known);
        for (size_t j = 0; rank >= 0 && j < labels->items[i].tag_count; j++) {
            labels_take(labelling, &labels->items[i].tags[j], rank);
        }
        rc = rank >= 0 ? labels_name(labelling, asset_id, &labels->items[i]) : 0;
    }
    if (rc == 0) {
        rc = store_tags_set(labelling->store, asset_id, "configuration",
                            (struct host_tags){labelling->tags, labelling->count}, labelling->now_ms);
    }
    labelling->changed = labelling->changed || rc > 0;
    store_known_done(&known);
    return rc < 0 ? rc : 0;
}

static int labels_assets(struct labelling *labelling)
{
    int64_t asset_id = 0;
    int rc;

    while ((rc = store_query_int(labelling->store, &asset_id,
                                 "SELECT id FROM asset WHERE realm_id = ? AND ended_at IS NULL AND id > ?"
                                 " ORDER BY id LIMIT 1",
                                 "ii", labelling->realm_id, asset_id)) == 0) {
        rc = labels_asset(labelling, asset_id);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

/* Most configurations have no labels, and none are stored: then there is nothing to walk for. */
static int labels_matter(struct labelling *labelling, bool *ret_matter)
{
    int64_t stored;
    int rc = store_query_int(labelling->store, &labelling->realm_id, "SELECT id FROM realm WHERE name = ?", "t",
                             labelling->config->realm);

    *ret_matter = false;
    if (rc < 0 || !labelling->config->is_written) {
        return rc == -ENOENT ? 0 : rc;
    }
    rc = store_query_int(labelling->store, &stored,
                         "SELECT EXISTS (SELECT 1 FROM asset_tag WHERE source = 'configuration' AND valid_to IS NULL)",
                         "");
    *ret_matter = stored != 0 || labelling->config->labels.count > 0;
    return rc;
}

int labels_apply(struct store *store, const struct config *config, int64_t now_ms)
{
    struct labelling labelling = {.store = store, .config = config, .now_ms = now_ms};
    bool matter;
    int rc = labels_matter(&labelling, &matter);

    if (rc < 0 || !matter) {
        return rc;
    }
    rc = store_begin(store);
    if (rc < 0) {
        return rc;
    }
    rc = labels_assets(&labelling);
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    rc = store_commit(store);
    return rc == 0 && labelling.changed ? 1 : rc;
}

static json_t *labels_standing(const struct config *config, const struct config_vantage *vantage)
{
    bool within = !vantage->has_class || vantage->vantage_class == VANTAGE_OWN_VPC;
    json_t *stands = json_pack("{s:[], s:{}}", "addresses", "tags");

    for (size_t i = 0; i < vantage->addresses.count; i++) {
        json_array_append_new(json_object_get(stands, "addresses"), json_string(vantage->addresses.items[i]));
    }
    for (size_t i = 0; i < vantage->tag_count; i++) {
        json_object_set_new(json_object_get(stands, "tags"), vantage->tags[i].key, json_string(vantage->tags[i].value));
    }
    if (within) {
        json_object_set_new(stands, "realm", json_string(vantage->realm != NULL ? vantage->realm : config->realm));
    }
    return stands;
}

int labels_stand(struct store *store, const struct config *config, const char *name, int64_t now_ms)
{
    struct config_vantage vantage;
    json_t *stands;
    char *text;
    int rc;

    if (vantages_find(config, name, &vantage) < 0 || (vantage.addresses.count == 0 && vantage.tag_count == 0)) {
        return 0;
    }
    stands = labels_standing(config, &vantage);
    text = stands == NULL ? NULL : json_dumps(stands, JSON_COMPACT | JSON_SORT_KEYS);
    rc = text == NULL ? -ENOMEM : store_vantage_stands(store, name, text, now_ms);
    free(text);
    json_decref(stands);
    return rc;
}
