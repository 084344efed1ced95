#include "auditd/finding/claim_listener.h"

#include "auditd/store/cloud.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { BALANCER_SIZE = 256, LISTENER_SIZE = 512 };

/* "app/front/0123456789abcdef" of the balancer that the asset is the first node of, and its source. -ENOENT. */
static int find_balancer(struct store *store, int64_t asset_id, char ret_name[BALANCER_SIZE], int64_t *ret_source_id)
{
    sqlite3_stmt *row;
    int rc = store_query(
        store, &row,
        "SELECT substr(json_extract(r.body, '$.Description'), 5) AS name, r.source_id FROM"
        " asset_identity i CROSS JOIN cloud_source s CROSS JOIN cloud_record r ON r.source_id = s.id AND"
        " r.list = 'NetworkInterfaces' AND r.key = i.value AND " STORE_CLOUD_STANDS(
            "r") " WHERE i.asset_id = ?1 AND"
                 " i.kind = 'interface' AND i.valid_to IS NULL AND json_extract(r.body, '$.Description') GLOB"
                 " 'ELB app/*' AND NOT EXISTS (SELECT 1 FROM cloud_record o WHERE o.source_id = s.id AND o.list ="
                 " 'NetworkInterfaces' AND o.key < r.key AND " STORE_CLOUD_STANDS(
                     "o") " AND json_extract(o.body,"
                          " '$.Description') = json_extract(r.body, '$.Description')) LIMIT 1",
        "i", asset_id);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    snprintf(ret_name, BALANCER_SIZE, "%s", store_text(row, 0));
    *ret_source_id = sqlite3_column_int64(row, 1);
    store_walked(row);
    return 0;
}

/* Whether the actions end in a redirect to HTTPS. */
static bool redirects(const json_t *actions)
{
    const json_t *last = json_array_get(actions, json_array_size(actions) - 1);
    const char *type = json_string_value(json_object_get(last, "Type"));
    const char *protocol = json_string_value(json_object_get(json_object_get(last, "RedirectConfig"), "Protocol"));

    return json_array_size(actions) > 0 && type != NULL && strcmp(type, "redirect") == 0 && protocol != NULL &&
           strcmp(protocol, "HTTPS") == 0;
}

static bool body_redirects(const char *body, const char *member)
{
    json_t *record = json_loads(body, 0, NULL);
    bool does = redirects(json_object_get(record, member));

    json_decref(record);
    return does;
}

/* Rules are known by "…:listener-rule/app/NAME/ID/LISTENER/RULE", the default one among them. */
static int rules_redirect(struct store *store, int64_t source_id, const char *listener, bool *redirect)
{
    sqlite3_stmt *row;
    int rc =
        store_query(store, &row,
                    "SELECT body FROM cloud_record r WHERE source_id = ?1 AND list = 'Rules' AND " STORE_CLOUD_STANDS(
                        "r") " AND"
                             " instr(key, ':listener-rule/' || ?2 || '/') > 0",
                    "it", source_id, listener);

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        *redirect = *redirect && body_redirects(store_text(row, 0), "Actions");
        rc = 0;
    }
    return rc;
}

/* A listener that speaks HTTP. */
struct plain {
    char key[LISTENER_SIZE];
    char place[LISTENER_SIZE]; /* "app/NAME/ID/LISTENER" */
    int64_t port;
    bool redirect;
};

/* The balancer's next behind `plain`. -ENOENT behind the last. */
static int next_listener(struct store *store, int64_t source_id, const char *balancer, struct plain *plain)
{
    sqlite3_stmt *row;
    int rc = store_query(
        store, &row,
        "SELECT key, json_extract(body, '$.Port'), substr(key, instr(key, ':listener/') + 10), body"
        " FROM cloud_record r WHERE source_id = ?1 AND list = 'Listeners' AND " STORE_CLOUD_STANDS(
            "r") " AND"
                 " key > ?3 AND instr(key, ':listener/' || ?2 || '/') > 0 AND json_extract(body, '$.Protocol') ="
                 " 'HTTP' ORDER BY key, valid_from DESC LIMIT 1",
        "itt", source_id, balancer, plain->key);

    rc = rc < 0 ? rc : store_step(store, row);
    if (rc <= 0) {
        return rc < 0 ? rc : -ENOENT;
    }
    snprintf(plain->key, sizeof(plain->key), "%s", store_text(row, 0));
    plain->port = sqlite3_column_int64(row, 1);
    snprintf(plain->place, sizeof(plain->place), "%s", store_text(row, 2));
    plain->redirect = body_redirects(store_text(row, 3), "DefaultActions");
    store_walked(row);
    return 0;
}

int claim_listener_ports(struct store *store, int64_t asset_id, struct portset *ret_ports)
{
    char balancer[BALANCER_SIZE];
    struct plain plain = {.key = ""};
    int64_t source_id = 0;
    int rc = find_balancer(store, asset_id, balancer, &source_id);

    portset_clear(ret_ports);
    while (rc == 0 && (rc = next_listener(store, source_id, balancer, &plain)) == 0) {
        rc = rules_redirect(store, source_id, plain.place, &plain.redirect);
        if (rc == 0 && !plain.redirect && plain.port > 0 && plain.port <= UINT16_MAX) {
            portset_add(ret_ports, (uint16_t)plain.port);
        }
    }
    return rc == -ENOENT ? 0 : rc;
}
