#include "auditd/cloud_stored.h"

#include "auditd/cloud/snapshot.h"
#include "auditd/settings.h"
#include "auditd/store/cloud.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int take_list(void *context, const char *document, const char *list, bool whole, const json_t *records)
{
    return cloud_snapshot_take(context, document, list, whole, records);
}

/* 0: now. */
static int parse_at(const char *text, int64_t *ret_at_ms)
{
    char moment[WALL_TEXT_SIZE];

    *ret_at_ms = 0;
    if (text == NULL) {
        return 0;
    }
    snprintf(moment, sizeof(moment), "%.20sT00:00:00Z", text);
    if (wall_parse(text, ret_at_ms) < 0 && wall_parse(moment, ret_at_ms) < 0) {
        log_error("--at \"%.60s\" is no date like 2026-11-22 and no RFC 3339 time", text);
        return -EINVAL;
    }
    return 0;
}

static int find_name(struct store *store, const struct cloud_stored *stored, char **ret_name)
{
    int rc;

    if (stored->name != NULL) {
        *ret_name = strdup(stored->name);
        return *ret_name == NULL ? -ENOMEM : 0;
    }
    rc = store_cloud_only(store, ret_name);
    if (rc == 0 && *ret_name == NULL) {
        log_error("the database holds no cloud, or several: `leastport import aws FOLDER` brings one in, --inventory "
                  "NAME says which, --aws FOLDER asks a folder");
        return -ENOENT;
    }
    return rc;
}

static int load(struct store *store, const struct cloud_stored *stored, struct aws *aws)
{
    char *name = NULL;
    int64_t at_ms;
    int rc = parse_at(stored->at, &at_ms);

    if (rc < 0) {
        return rc;
    }
    rc = find_name(store, stored, &name);
    if (name != NULL) {
        rc = store_cloud_load(store, name, at_ms, take_list, aws);
        if (rc == -ENOENT) {
            log_error("nothing is stored of the cloud \"%s\"%s%s", name, at_ms == 0 ? "" : " as it was at ",
                      at_ms == 0 ? "" : stored->at);
        } else if (rc < 0) {
            log_error("%s", rc == -ENOMEM ? "out of memory" : store_last_error(store)->text);
        }
    }
    free(name);
    return rc;
}

int cloud_stored_load(const struct cloud_stored *stored, struct aws *aws)
{
    const struct settings_sources sources = {.config = stored->config, .db = stored->db};
    struct settings settings;
    struct store_error error;
    struct store *store = NULL;
    int rc = settings_load_paths(&sources, &settings);

    if (rc < 0) {
        return rc;
    }
    rc = store_open_read_only(settings.db, &store, &error);
    if (rc < 0) {
        log_error("%s", error.text);
    } else {
        rc = load(store, stored, aws);
    }
    store_close(store);
    settings_done(&settings);
    return rc;
}
