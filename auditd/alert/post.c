#include "auditd/alert/post.h"

#include "auditd/alert/derive.h"
#include "auditd/protocol.h"
#include "auditd/store/alert.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int post_test(struct store *store, const struct config_alerts *alerts, const char *receiver, json_t **ret_ids,
              char ret_reason[POST_REASON_SIZE])
{
    json_t *ids = json_array();
    char uuid[STORE_UUID_SIZE];
    int rc = ids == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < alerts->receiver_count; i++) {
        const char *name = alerts->receivers[i].name;
        if (receiver != NULL && strcmp(receiver, name) != 0) {
            continue;
        }
        rc = derive_test(store, alerts, name, uuid);
        rc = rc == 0 && json_array_append_new(ids, json_string(uuid)) != 0 ? -ENOMEM : rc;
    }
    if (rc == 0 && json_array_size(ids) == 0) {
        rc = -ENOENT;
        if (receiver == NULL) {
            snprintf(ret_reason, POST_REASON_SIZE, "the configuration has no \"alerts\" with receivers");
        } else {
            snprintf(ret_reason, POST_REASON_SIZE, "the configuration has no receiver \"%.128s\"", receiver);
        }
    } else if (rc < 0) {
        snprintf(ret_reason, POST_REASON_SIZE, "%.250s", store_last_error(store)->text);
    }
    if (rc < 0) {
        json_decref(ids);
        return rc;
    }
    *ret_ids = ids;
    return 0;
}

void post_request(struct store *store, const struct config_alerts *alerts, struct control_client *client,
                  const json_t *request)
{
    const char *what = json_string_value(json_object_get(request, "do"));
    const char *of = json_string_value(json_object_get(request, "of"));
    char reason[POST_REASON_SIZE];
    json_t *ids = NULL;
    int64_t count = 0;

    if (what != NULL && strcmp(what, CONTROL_ALERT_TEST) == 0) {
        if (post_test(store, alerts, of, &ids, reason) < 0) {
            control_refuse(client, "%s", reason);
            return;
        }
        control_send(client, json_pack("{s:b, s:o}", "ok", 1, "alerts", ids));
    } else if (what != NULL && strcmp(what, CONTROL_ALERT_RETRY) == 0) {
        if (store_alert_retry(store, of, wall_now_ms(), &count) < 0) {
            control_refuse(client, "%s", store_last_error(store)->text);
            return;
        }
        control_send(client, json_pack("{s:b, s:I}", "ok", 1, "count", (json_int_t)count));
    } else {
        control_refuse(client, "\"do\" must be retry or test");
    }
}
