#include "auditd/alert/post.h"

#include "auditd/alert/derive.h"
#include "auditd/protocol.h"
#include "auditd/store/alert.h"
#include "auditd/store/condition.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { POST_LISTED_MOST = 500 };

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

/* What would wait for nobody stays dead. */
static int post_retry(struct store *store, const struct config_alerts *alerts, const struct store_alert_wish *wish,
                      int64_t *ret_count)
{
    json_t *names = json_array();
    int64_t again = 0;
    int64_t orphans = 0;
    int rc = names == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < alerts->receiver_count; i++) {
        rc = json_array_append_new(names, json_string(alerts->receivers[i].name)) == 0 ? 0 : -ENOMEM;
    }
    rc = rc == 0 ? store_alert_retry(store, wish, &again) : rc;
    rc = rc == 0 ? store_alert_orphans(store, names, &orphans) : rc;
    json_decref(names);
    if (rc == 0) {
        *ret_count = again - (orphans < again ? orphans : again);
    }
    return rc;
}

static int post_lift(struct store *store, const struct store_alert_wish *wish, int64_t *ret_count)
{
    const struct store_condition_ending ending = {
        .kind = STORE_CONDITION_FEWER,
        .subject = wish->uuid == NULL ? "" : wish->uuid,
        .actor = wish->actor,
        .now_ms = wish->now_ms,
    };
    bool held = false;
    int rc = store_condition_end(store, &ending, &held);

    if (rc == 0) {
        *ret_count = held ? 1 : 0;
    }
    return rc;
}

static int post_within(struct store *store, const struct config_alerts *alerts, const struct post_wish *wish,
                       int64_t *ret_count)
{
    const struct store_alert_wish stored = {.uuid = wish->uuid, .actor = wish->actor, .now_ms = wall_now_ms()};
    int rc = store_begin(store);

    if (rc < 0) {
        return rc;
    }
    if (strcmp(wish->what, CONTROL_ALERT_RETRY) == 0) {
        rc = post_retry(store, alerts, &stored, ret_count);
    } else if (strcmp(wish->what, CONTROL_ALERT_DROP) == 0) {
        rc = store_alert_drop(store, &stored, ret_count);
    } else {
        rc = post_lift(store, &stored, ret_count);
    }
    if (rc < 0) {
        store_rollback(store);
        return rc;
    }
    return store_commit(store);
}

int post_decide(struct store *store, const struct config_alerts *alerts, const struct post_wish *wish,
                int64_t *ret_count, char ret_reason[POST_REASON_SIZE])
{
    int64_t count = 0;
    int rc = post_within(store, alerts, wish, &count);

    if (rc < 0) {
        snprintf(ret_reason, POST_REASON_SIZE, "%.250s", store_last_error(store)->text);
        return rc;
    }
    if (count == 0 && strcmp(wish->what, CONTROL_ALERT_LIFT) == 0) {
        snprintf(ret_reason, POST_REASON_SIZE, "nothing is held at \"%.128s\"; `leastport alert amiss` shows what is",
                 wish->uuid == NULL ? "" : wish->uuid);
        return -ENOENT;
    }
    if (count == 0 && wish->uuid != NULL) {
        snprintf(ret_reason, POST_REASON_SIZE,
                 "no alert whose id begins with \"%.64s\" waits or was given up, or the configuration lacks its "
                 "receiver; `leastport alert list` shows them",
                 wish->uuid);
        return -ENOENT;
    }
    *ret_count = count;
    return 0;
}

static void post_answer_test(struct store *store, const struct config_alerts *alerts, struct control_client *client,
                             const char *receiver)
{
    char reason[POST_REASON_SIZE];
    json_t *ids = NULL;
    int rc;

    rc = post_test(store, alerts, receiver, &ids, reason);
    if (rc < 0) {
        control_refuse_for(client, rc, "%s", reason);
    } else {
        control_send(client, json_pack("{s:b, s:o}", "ok", 1, "alerts", ids));
    }
}

/* The newest, without their lines. */
static void post_answer_list(struct store *store, struct control_client *client, const json_t *request)
{
    const char *state = json_string_value(json_object_get(request, "state"));
    json_t *list = NULL;
    int rc = store_alert_list(store, state, POST_LISTED_MOST, &list);

    if (rc < 0) {
        control_refuse_for(client, rc, "%.250s", store_last_error(store)->text);
    } else {
        control_send(client, json_pack("{s:b, s:o}", "ok", 1, "alerts", list));
    }
}

/* What Leastport has to say of itself: holds among it. */
static void post_answer_amiss(struct store *store, struct control_client *client)
{
    json_t *list = NULL;
    int rc = store_condition_list(store, &list);

    if (rc < 0) {
        control_refuse_for(client, rc, "%.250s", store_last_error(store)->text);
    } else {
        control_send(client, json_pack("{s:b, s:o}", "ok", 1, "amiss", list));
    }
}

void post_request(struct store *store, const struct config_alerts *alerts, struct control_client *client,
                  const json_t *request)
{
    char reason[POST_REASON_SIZE];
    const struct post_wish wish = {
        .what = json_string_value(json_object_get(request, "do")),
        .uuid = json_string_value(json_object_get(request, "of")),
        .actor = control_client_actor(client),
    };
    int64_t count = 0;
    int rc;

    if (wish.what != NULL && strcmp(wish.what, CONTROL_ALERT_LIST) == 0) {
        post_answer_list(store, client, request);
        return;
    }
    if (wish.what != NULL && strcmp(wish.what, CONTROL_ALERT_AMISS) == 0) {
        post_answer_amiss(store, client);
        return;
    }
    if (wish.what != NULL && strcmp(wish.what, CONTROL_ALERT_TEST) == 0) {
        post_answer_test(store, alerts, client, wish.uuid);
        return;
    }
    if (wish.what == NULL ||
        (strcmp(wish.what, CONTROL_ALERT_RETRY) != 0 && strcmp(wish.what, CONTROL_ALERT_DROP) != 0 &&
         strcmp(wish.what, CONTROL_ALERT_LIFT) != 0)) {
        control_refuse_for(client, -EINVAL, "\"do\" must be list, amiss, retry, drop, test or lift");
        return;
    }
    rc = post_decide(store, alerts, &wish, &count, reason);
    if (rc < 0) {
        control_refuse_for(client, rc, "%s", reason);
    } else {
        control_send(client, json_pack("{s:b, s:I}", "ok", 1, "count", (json_int_t)count));
    }
}
