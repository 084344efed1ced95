/* The outbox: alerts, and the lines that they are made of. */
#ifndef LEASTPORT_AUDITD_STORE_ALERT_H
#define LEASTPORT_AUDITD_STORE_ALERT_H

#include "auditd/store/store.h"

#include <jansson.h>

enum { STORE_ALERT_NAME_SIZE = 132, STORE_ALERT_ERROR_SIZE = 400 };

/* Of the JSON that an alert is sent as. Members may be added within it. */
enum { STORE_ALERT_VERSION = 1 };

/* ---- what there is to tell ---- */

/* A move of a finding that may be worth an alert, and the finding as it is now. Text is borrowed until the next one. */
struct store_alert_event {
    int64_t id;
    int64_t finding_id;
    int64_t asset_id;
    const char *what;
    const char *was;
    const char *became;
    bool was_open;   /* before, once */
    bool was_plain;  /* before, once: a finding that no rule allows */
    bool is_meant;   /* now: some rule allows it, as far as is known (unverified, unproven) */
    bool is_waived;  /* now */
    bool is_retired; /* now */
    bool is_open;    /* now, in the sense of presence */
    int severity_rank;
    const char *kind;
    const char *service;
    const char *proto;
    uint16_t port;
    const char *owner; /* the policy's, else the tag's */
    const char *title;
    const char *fix;
    const char *address;
};

/* Up to where events were turned into alerts; the first time that is all that there is. */
MUST_USE int store_alert_cursor(struct store *store, int64_t *ret_event_id);
/* All events so far are dealt with. */
MUST_USE int store_alert_advance(struct store *store);
/* Calls `each` for every move after `event_id`, oldest first; an error of it ends the walk. */
MUST_USE int store_alert_events(struct store *store, int64_t event_id,
                                int (*each)(void *context, const struct store_alert_event *event), void *context);
/* The value of an asset's tag into `ret_value`, "" when it has none. */
MUST_USE int store_alert_tag(struct store *store, int64_t asset_id, const char *key,
                             char ret_value[STORE_ALERT_NAME_SIZE]);

/* ---- writing ---- */

struct store_alert_line {
    const char *rule;
    const char *receiver;
    const char *key;
    const char *change;
    int severity_rank;
    const char *kind;
    const char *service;
    const char *proto;
    uint16_t port;
    const char *owner;
    const char *group;
    const char *title;
    const char *fix;
    const char *address; /* "" for what is about no finding */
    int64_t finding_id;  /* 0: none */
    int64_t at_ms;
    int64_t next_at_ms; /* of an alert that is new */
    bool is_alone;      /* a message of its own; else in the rule's digest */
};

/* Joins the alert that still waits for its first attempt, or makes one. A finding counts once in a line. Text is UTF-8.
 * `ret_uuid` may be NULL. Within a transaction. */
MUST_USE int store_alert_put(struct store *store, const struct store_alert_line *line, char *ret_uuid);
/* Whether this is what the receiver was told last of the finding, at `since_ms` or later. What was told later than now
 * was told by a clock that was wrong. */
MUST_USE int store_alert_was_told(struct store *store, const struct store_alert_line *line, int64_t since_ms,
                                  bool *ret_was);
/* How many alerts of this rule and receiver are new and wait. */
MUST_USE int store_alert_waiting(struct store *store, const char *rule, const char *receiver, int64_t *ret_count);

/* ---- delivering ---- */

struct store_alert {
    int64_t id;
    int64_t attempts;
    int64_t tried_since; /* 0: never */
    char uuid[STORE_UUID_SIZE];
    char receiver[STORE_ALERT_NAME_SIZE];
};

struct store_alert_when {
    int64_t due_ms; /* by then; now, or earlier */
    int64_t now_ms;
};

/* The one that is due for longest; so is what was tried, or else written, later than now: the clock was set back.
 * -ENOENT. */
MUST_USE int store_alert_due(struct store *store, const char *receiver, const struct store_alert_when *when,
                             struct store_alert *ret_alert);
/* An attempt begins: it counts, and what dies in the middle of it tries again at `next_at_ms`. */
MUST_USE int store_alert_begin(struct store *store, struct store_alert *alert, int64_t now_ms, int64_t next_at_ms);
MUST_USE int store_alert_delivered(struct store *store, int64_t id, int64_t now_ms);
MUST_USE int store_alert_failed(struct store *store, int64_t id, const char *error, int64_t next_at_ms, bool is_dead);
/* Those that wait for somebody who is not among `names`, which are dead from now on. How many. */
MUST_USE int store_alert_orphans(struct store *store, const json_t *names, int64_t *ret_count);

/* What a person asks: `uuid` is an alert's, or its beginning; NULL: all that are dead. How many it was; those that were
 * delivered or dropped are none. */
struct store_alert_wish {
    const char *uuid;
    const char *actor;
    int64_t now_ms;
};

/* Anew, from now on. */
MUST_USE int store_alert_retry(struct store *store, const struct store_alert_wish *wish, int64_t *ret_count);
/* Never again. */
MUST_USE int store_alert_drop(struct store *store, const struct store_alert_wish *wish, int64_t *ret_count);

/* All there is to say of an alert, as it is sent and shown; a new reference. `ret_json` has "state", "attempts" and so
 * on only with `with_state`. */
MUST_USE int store_alert_json(struct store *store, const char *uuid, bool with_state, json_t **ret_json);
/* The newest `limit` alerts, with `state` (NULL: any), without their lines; a new reference. */
MUST_USE int store_alert_list(struct store *store, const char *state, int64_t limit, json_t **ret_list);

#endif
