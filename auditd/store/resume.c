#include "auditd/store/resume.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int store_resume_put(struct store *store, const char *scan_uuid, const char *key)
{
    int rc = store_run(store, "UPDATE scan SET request = ?1 WHERE uuid = ?2", "tt", key, scan_uuid);

    if (rc < 0) {
        return rc;
    }
    return store_changes(store) == 0 ? -ENOENT : 0;
}

static int store_resume_read(sqlite3_stmt *statement, struct store_resume *ret_resume)
{
    struct store_resume resume = {0};

    snprintf(resume.uuid, sizeof(resume.uuid), "%s", store_text(statement, 0));
    resume.plan = strdup(store_text(statement, 1));
    resume.started_at = sqlite3_column_int64(statement, 2);
    resume.slabs_done = sqlite3_column_int64(statement, 3);
    resume.slabs_total = sqlite3_column_int64(statement, 4);
    if (resume.plan == NULL) {
        return -ENOMEM;
    }
    *ret_resume = resume;
    return 0;
}

/* One that an error ended goes on, too, but not from its very beginning: it may be the plan that is wrong. */
static bool resume_is_worth_it(const char *state, int64_t slabs_done)
{
    return strcmp(state, "incomplete") == 0 || (strcmp(state, "failed") == 0 && slabs_done > 0);
}

int store_resume_find(struct store *store, const char *key, int64_t since_ms, struct store_resume *ret_resume)
{
    static const char sql[] = "SELECT uuid, plan, started_at, slabs_done, slabs_total, state FROM scan"
                              " WHERE request = ?1 ORDER BY started_at DESC, id DESC LIMIT 1";
    sqlite3_stmt *statement;
    int rc = store_query(store, &statement, sql, "t", key);

    if (rc < 0) {
        return rc;
    }
    rc = store_step(store, statement);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    rc = -ENOENT;
    if (resume_is_worth_it(store_text(statement, 5), sqlite3_column_int64(statement, 3)) &&
        sqlite3_column_int64(statement, 2) >= since_ms) {
        rc = store_resume_read(statement, ret_resume);
    }
    store_walked(statement);
    return rc;
}

void store_resume_done(struct store_resume *resume)
{
    free(resume->plan);
    resume->plan = NULL;
}
