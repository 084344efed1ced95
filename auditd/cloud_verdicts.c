#include "auditd/cloud_verdicts.h"

#include "auditd/reach/declared.h"
#include "auditd/store/cloud.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct updating {
    struct store *store;
    struct reach_model model;
    struct reach_engine *engine;
    struct reach_surface *surface;
    int64_t source_id;
    int64_t now_ms;
    bool lacks_rules; /* of listeners, which it had */
    struct store_cloud_verdict_change change;
};

/* ---- an interface that was read ---- */

static void verdict_of(const struct reach_model *model, const struct reach_eni *eni,
                       const struct reach_declared *declared, struct store_cloud_verdict *verdict)
{
    const struct reach_address *address = &eni->addresses.items[declared->address];

    addr_format(&address->prefix.addr, verdict->address);
    if (address->is_public) {
        addr_format(address->prefix.addr.is_ipv6 ? &address->prefix.addr : &address->public_address,
                    verdict->public_address);
    }
    if (declared->balancer != REACH_NONE) {
        snprintf(verdict->way, sizeof(verdict->way), "%.256s:%u", model->balancers.items[declared->balancer].id,
                 declared->listener);
    }
    snprintf(verdict->sources, sizeof(verdict->sources), "world");
    verdict->family = declared->is_ipv6 ? 6 : 4;
    verdict->protocol = declared->proto;
    verdict->first_port = declared->ports.first;
    verdict->last_port = declared->ports.last;
    snprintf(verdict->verdict, sizeof(verdict->verdict), "%s", reach_verdict_name(declared->verdict));
    verdict->share = declared->share;
    snprintf(verdict->stage, sizeof(verdict->stage), "%s", declared->decided.stage);
    snprintf(verdict->record, sizeof(verdict->record), "%s", declared->decided.id == NULL ? "" : declared->decided.id);
    snprintf(verdict->reason, sizeof(verdict->reason), "%s", declared->decided.text);
}

static bool verdicts_have_way(const struct store_cloud_verdicts *verdicts, const struct store_cloud_verdict *like)
{
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct store_cloud_verdict *verdict = &verdicts->items[i];
        if (strcmp(verdict->way, like->way) == 0 && strcmp(verdict->address, like->address) == 0 &&
            verdict->family == like->family && verdict->protocol == like->protocol &&
            verdict->first_port <= like->last_port && like->first_port <= verdict->last_port) {
            return true;
        }
    }
    return false;
}

static int verdicts_doubt(struct store_cloud_verdicts *verdicts, const struct store_cloud_verdict *stood,
                          const char *reason)
{
    struct store_cloud_verdict *verdict = store_cloud_verdicts_add(verdicts);

    if (verdict == NULL) {
        return -ENOMEM;
    }
    *verdict = *stood;
    verdict->share = 0;
    snprintf(verdict->verdict, sizeof(verdict->verdict), "%s", reach_verdict_name(REACH_UNKNOWN));
    snprintf(verdict->stage, sizeof(verdict->stage), "unread");
    verdict->record[0] = '\0';
    snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
    return 0;
}

/* Ways by balancers that may still be there. */
static int doubt_ways(struct updating *updating, const char *interface, struct store_cloud_verdicts *verdicts)
{
    struct store_cloud_verdicts stood = {0};
    int rc = 0;

    if (updating->model.unread[REACH_BALANCER] || updating->model.unread[REACH_TARGETS] || updating->lacks_rules) {
        rc = store_cloud_verdicts_of(updating->store, updating->source_id, interface, &stood);
    }
    for (size_t i = 0; rc == 0 && i < stood.count; i++) {
        bool lacks = stood.items[i].way[0] != '\0' && !verdicts_have_way(verdicts, &stood.items[i]);
        rc = lacks ? verdicts_doubt(verdicts, &stood.items[i], "balancers or their targets were not read") : 0;
    }
    store_cloud_verdicts_done(&stood);
    return rc;
}

static int update_interface(struct updating *updating, uint32_t at)
{
    const struct reach_model *model = &updating->model;
    const struct reach_eni *eni = &model->enis.items[at];
    const struct store_cloud_verdict_write write = {
        .source_id = updating->source_id,
        .interface = eni->id,
        .now_ms = updating->now_ms,
    };
    struct store_cloud_verdicts verdicts = {0};
    struct reach_declareds declareds;
    int rc = reach_declare(updating->engine, updating->surface, at, &declareds);

    for (size_t i = 0; rc == 0 && i < declareds.count; i++) {
        struct store_cloud_verdict *verdict = store_cloud_verdicts_add(&verdicts);
        rc = verdict == NULL ? -ENOMEM : 0;
        if (rc == 0) {
            verdict_of(model, eni, &declareds.items[i], verdict);
        }
    }
    rc = rc == 0 ? doubt_ways(updating, eni->id, &verdicts) : rc;
    rc = rc == 0 ? store_cloud_verdicts_set(updating->store, &write, &verdicts, &updating->change) : rc;
    reach_declareds_done(&declareds);
    store_cloud_verdicts_done(&verdicts);
    return rc;
}

/* ---- an interface that is not there any more ---- */

/* Gone where interfaces were read to the end, else UNKNOWN. */
static int update_missing(struct updating *updating, const char *interface)
{
    const struct store_cloud_verdict_write write = {
        .source_id = updating->source_id,
        .interface = interface,
        .now_ms = updating->now_ms,
    };
    struct store_cloud_verdicts stood = {0};
    struct store_cloud_verdicts verdicts = {0};
    int rc = 0;

    if (updating->model.unread[REACH_ENI]) {
        rc = store_cloud_verdicts_of(updating->store, updating->source_id, interface, &stood);
    }
    for (size_t i = 0; rc == 0 && i < stood.count; i++) {
        rc = verdicts_doubt(&verdicts, &stood.items[i], "interfaces were not read to the end");
    }
    rc = rc == 0 ? store_cloud_verdicts_set(updating->store, &write, &verdicts, &updating->change) : rc;
    store_cloud_verdicts_done(&stood);
    store_cloud_verdicts_done(&verdicts);
    return rc;
}

/* Few accounts have any, so that a list of them which never was there says nothing. */
static int look_for_rules(struct updating *updating)
{
    int64_t lacks = 0;
    int rc = store_query_int(updating->store, &lacks,
                             "SELECT EXISTS (SELECT 1 FROM cloud_record r WHERE r.source_id = ? AND r.list = 'Rules'"
                             " AND r.valid_to IS NOT NULL AND " STORE_CLOUD_STANDS("r") ")",
                             "i", updating->source_id);

    updating->lacks_rules = lacks != 0;
    return rc;
}

static int update_all(struct updating *updating)
{
    char interface[STORE_CLOUD_ID_SIZE] = "";
    int rc = look_for_rules(updating);

    for (uint32_t i = 0; rc == 0 && i < updating->model.enis.count; i++) {
        rc = update_interface(updating, i);
    }
    while (rc == 0 &&
           (rc = store_cloud_verdicts_next(updating->store, updating->source_id, interface, interface)) == 0) {
        bool stands = reach_model_find(&updating->model, REACH_ENI, interface) != REACH_NONE;
        rc = stands ? 0 : update_missing(updating, interface);
    }
    rc = rc == -ENOENT ? 0 : rc;
    return rc == 0 ? store_cloud_verdicts_made(updating->store, updating->source_id, updating->now_ms) : rc;
}

static int update_stored(struct updating *updating)
{
    int rc = store_begin(updating->store);

    if (rc < 0) {
        return rc;
    }
    rc = update_all(updating);
    if (rc < 0) {
        store_rollback(updating->store);
        return rc;
    }
    return store_commit(updating->store);
}

int cloud_verdicts_update(struct store *store, const char *name, struct aws *aws, int64_t now_ms,
                          struct store_cloud_verdict_change *ret_change)
{
    struct updating updating = {.store = store, .now_ms = now_ms};
    struct aws_fault fault = {""};
    bool due = false;
    int rc = store_cloud_verdicts_due(store, name, &updating.source_id, &due);

    *ret_change = (struct store_cloud_verdict_change){0};
    if (rc < 0 || !due) {
        return rc;
    }
    rc = aws_model(aws, &updating.model, &fault);
    if (rc == 0) {
        updating.engine = reach_engine_create(&updating.model);
        rc = updating.engine == NULL ? -ENOMEM : reach_surface_create(updating.engine, &updating.surface);
    }
    rc = rc == 0 ? update_stored(&updating) : rc;
    if (rc == 0) {
        *ret_change = updating.change;
    }
    reach_surface_destroy(updating.surface);
    reach_engine_destroy(updating.engine);
    reach_model_done(&updating.model);
    return rc;
}
