#include "auditd/store/handed_over.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int store_handed_over_put(struct store *store, const char *job, const json_t *request, const char *actor,
                          int64_t now_ms)
{
    char *text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
    int rc = text == NULL
                 ? -ENOMEM
                 : store_run(store, "INSERT INTO handed_over (uuid, request, actor, accepted_at) VALUES (?, ?, ?, ?)",
                             "ttti", job, text, actor, now_ms);

    free(text);
    return rc;
}

int store_handed_over_change(struct store *store, const char *job, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
    int rc = text == NULL ? -ENOMEM
                          : store_run(store, "UPDATE handed_over SET request = ?2 WHERE uuid = ?1", "tt", job, text);

    free(text);
    return rc;
}

int store_handed_over_scan(struct store *store, const char *job, const char *scan_uuid)
{
    return store_run(store, "UPDATE handed_over SET scan_uuid = ?2 WHERE uuid = ?1", "tt", job, scan_uuid);
}

int store_handed_over_end(struct store *store, const char *job)
{
    return store_run(store, "DELETE FROM handed_over WHERE uuid = ?", "t", job);
}

int store_handed_over_next(struct store *store, int64_t after_id, struct store_handed_over *ret_audit)
{
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT id, uuid, request, actor, accepted_at, scan_uuid FROM handed_over WHERE id > ?"
                         " ORDER BY id LIMIT 1",
                         "i", after_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    *ret_audit = (struct store_handed_over){
        .id = sqlite3_column_int64(row, 0),
        .request = json_loads(store_text(row, 2), 0, NULL),
        .accepted_at = sqlite3_column_int64(row, 4),
    };
    snprintf(ret_audit->uuid, sizeof(ret_audit->uuid), "%s", store_text(row, 1));
    snprintf(ret_audit->actor, sizeof(ret_audit->actor), "%s", store_text(row, 3));
    snprintf(ret_audit->scan_uuid, sizeof(ret_audit->scan_uuid), "%s", store_text(row, 5));
    store_walked(row);
    return 0;
}
