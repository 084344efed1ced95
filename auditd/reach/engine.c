#include "auditd/reach/engine.h"

#include <stdlib.h>

/* What the rules of one list come to under one aspect. */
struct kept_bands {
    struct kept_bands *next;
    struct reach_aspect aspect;
    struct reach_bands bands;
};

struct kept_ways {
    struct reach_ways families[2];
    bool known[2];
};

struct reach_engine {
    const struct reach_model *model;
    struct kept_bands **acls;
    struct kept_bands **groups;
    struct kept_ways *tables;
};

struct reach_engine *reach_engine_create(const struct reach_model *model)
{
    struct reach_engine *engine = calloc(1, sizeof(*engine));

    if (engine == NULL) {
        return NULL;
    }
    engine->model = model;
    engine->acls = calloc(model->acls.count + 1, sizeof(*engine->acls));
    engine->groups = calloc(model->groups.count + 1, sizeof(*engine->groups));
    engine->tables = calloc(model->tables.count + 1, sizeof(*engine->tables));
    if (engine->acls == NULL || engine->groups == NULL || engine->tables == NULL) {
        reach_engine_destroy(engine);
        return NULL;
    }
    return engine;
}

static void kept_drop(struct kept_bands **first)
{
    while (*first != NULL) {
        struct kept_bands *next = (*first)->next;
        reach_bands_done(&(*first)->bands);
        free(*first);
        *first = next;
    }
}

void reach_engine_destroy(struct reach_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (size_t i = 0; engine->acls != NULL && i < engine->model->acls.count; i++) {
        kept_drop(&engine->acls[i]);
    }
    for (size_t i = 0; engine->groups != NULL && i < engine->model->groups.count; i++) {
        kept_drop(&engine->groups[i]);
    }
    for (size_t i = 0; engine->tables != NULL && i < engine->model->tables.count; i++) {
        reach_ways_done(&engine->tables[i].families[0]);
        reach_ways_done(&engine->tables[i].families[1]);
    }
    free(engine->acls);
    free(engine->groups);
    free(engine->tables);
    free(engine);
}

void reach_engine_forget_group(struct reach_engine *engine, uint32_t group)
{
    kept_drop(&engine->groups[group]);
}

const struct reach_model *reach_engine_model(const struct reach_engine *engine)
{
    return engine->model;
}

/* The bands of that aspect, or a new, empty place for them in front. NULL when out of memory. */
static struct kept_bands *kept_place(struct kept_bands **first, struct reach_aspect aspect, bool *ret_is_new)
{
    struct kept_bands *kept = *first;

    while (kept != NULL && (kept->aspect.proto != aspect.proto || kept->aspect.egress != aspect.egress ||
                            kept->aspect.is_ipv6 != aspect.is_ipv6)) {
        kept = kept->next;
    }
    *ret_is_new = kept == NULL;
    if (kept == NULL) {
        kept = calloc(1, sizeof(*kept));
    }
    if (kept != NULL && *ret_is_new) {
        kept->aspect = aspect;
        kept->next = *first;
        *first = kept;
    }
    return kept;
}

/* What a place in front came to. */
static const struct reach_bands *kept_settle(struct kept_bands **first, struct kept_bands *kept, int rc)
{
    if (rc == 0) {
        return &kept->bands;
    }
    *first = kept->next;
    free(kept);
    return NULL;
}

const struct reach_bands *reach_engine_acl(struct reach_engine *engine, uint32_t acl, struct reach_aspect aspect)
{
    bool is_new;
    struct kept_bands *kept = kept_place(&engine->acls[acl], aspect, &is_new);

    if (kept == NULL || !is_new) {
        return kept == NULL ? NULL : &kept->bands;
    }
    return kept_settle(&engine->acls[acl], kept,
                       reach_bands_of_acl(&engine->model->acls.items[acl], aspect, &kept->bands));
}

const struct reach_bands *reach_engine_group(struct reach_engine *engine, uint32_t group, struct reach_aspect aspect)
{
    bool is_new;
    struct kept_bands *kept = kept_place(&engine->groups[group], aspect, &is_new);

    if (kept == NULL || !is_new) {
        return kept == NULL ? NULL : &kept->bands;
    }
    return kept_settle(&engine->groups[group], kept,
                       reach_bands_of_group(engine->model, &engine->model->groups.items[group], aspect, &kept->bands));
}

const struct reach_ways *reach_engine_ways(struct reach_engine *engine, uint32_t table, bool is_ipv6)
{
    struct kept_ways *kept = &engine->tables[table];

    if (!kept->known[is_ipv6]) {
        kept->known[is_ipv6] =
            reach_ways_of(engine->model, &engine->model->tables.items[table], is_ipv6, &kept->families[is_ipv6]) == 0;
    }
    return kept->known[is_ipv6] ? &kept->families[is_ipv6] : NULL;
}
