#include "auditd/finding/survey.h"

#include "auditd/finding/declared.h"
#include "auditd/finding/sighting.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Its text lives in the survey's arena, by offsets, until the next port: the arena moves when it grows. */
struct survey_fact {
    size_t name;
    size_t value;
};

struct survey_place {
    int64_t endpoint_id;
    int64_t vantage_id;
    bool self;
    size_t address;
    size_t bound;
    size_t first_fact;
    size_t fact_count;
};

struct survey {
    struct store *store;
    const struct survey_options *options;
    survey_fn *fn;
    void *context;
    struct standings standings;
    size_t group_count;
    bool asks_outside;
    bool asks_declared;
    /* The asset at hand. */
    int64_t asset_id;
    struct store_known known;
    struct lookers *lookers;
    struct declared *declared;
    uint8_t *memo;
    bool is_retired;
    int64_t realm_id;
    char realm[256];
    /* The port at hand. */
    struct store_port port;
    struct survey_place *places;
    size_t place_count;
    size_t place_size;
    struct survey_fact *facts;
    size_t fact_count;
    size_t fact_size;
    struct exposure_fact *exposed_facts;
    size_t exposed_size;
    char *text;
    size_t text_used;
    size_t text_size;
};

struct survey_options survey_options_default(void)
{
    return (struct survey_options){
        .now_ms = wall_now_ms(), .max_age_ms = INT64_C(7) * 24 * 3600 * 1000, .last_asset = INT64_MAX};
}

static void survey_forget_asset(struct survey *survey)
{
    store_known_done(&survey->known);
    lookers_destroy(survey->lookers);
    survey->lookers = NULL;
    declared_destroy(survey->declared);
    survey->declared = NULL;
    survey->asset_id = 0;
}

static void survey_done(struct survey *survey)
{
    survey_forget_asset(survey);
    standings_done(&survey->standings);
    free(survey->memo);
    free(survey->places);
    free(survey->facts);
    free(survey->exposed_facts);
    free(survey->text);
}

static int survey_load_realm(struct survey *survey, int64_t asset_id)
{
    int64_t retired_at = 0;
    int64_t realm_id;
    char *name;
    int rc = store_query_int(survey->store, &realm_id, "SELECT realm_id FROM asset WHERE id = ?", "i", asset_id);

    rc = rc < 0
             ? rc
             : store_query_int(survey->store, &retired_at, "SELECT retired_at FROM asset WHERE id = ?", "i", asset_id);
    survey->is_retired = retired_at != 0;
    if (rc < 0 || realm_id == survey->realm_id) {
        return rc;
    }
    rc = store_realm_name(survey->store, realm_id, &name);
    if (rc == 0) {
        survey->realm_id = realm_id;
        snprintf(survey->realm, sizeof(survey->realm), "%s", name);
        free(name);
    }
    return rc;
}

static int survey_load_asset(struct survey *survey, int64_t asset_id)
{
    int rc;

    if (survey->asset_id == asset_id) {
        return 0;
    }
    survey_forget_asset(survey);
    rc = store_asset_known(survey->store, asset_id, &survey->known);
    if (rc == 0) {
        rc = survey_load_realm(survey, asset_id);
    }
    if (rc == 0 && survey->asks_outside) {
        rc = lookers_load(survey->store, asset_id, survey->options->now_ms - survey->options->max_age_ms,
                          &survey->lookers);
    }
    if (rc == 0 && survey->asks_declared) {
        rc = declared_load(survey->store, asset_id, &survey->declared);
    }
    if (rc == 0) {
        memset(survey->memo, HOST_MEMO_UNKNOWN, survey->group_count + 1);
        survey->asset_id = asset_id;
    }
    return rc;
}

/* ---- the port at hand ---- */

static bool survey_grow(void **items, size_t *size, size_t wanted, size_t each)
{
    size_t grown_size = *size == 0 ? 16 : *size;
    void *grown;

    if (wanted <= *size) {
        return true;
    }
    while (grown_size < wanted) {
        grown_size *= 2;
    }
    grown = reallocarray(*items, grown_size, each);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *size = grown_size;
    return true;
}

/* Offset of a copy; SIZE_MAX when out of memory. */
static size_t survey_keep(struct survey *survey, const char *text)
{
    size_t length = strlen(text) + 1;
    size_t at = survey->text_used;
    void *items = survey->text;

    if (!survey_grow(&items, &survey->text_size, at + length, 1)) {
        return SIZE_MAX;
    }
    survey->text = items;
    memcpy(survey->text + at, text, length);
    survey->text_used += length;
    return at;
}

static int survey_add_place(struct survey *survey, sqlite3_stmt *row)
{
    void *items = survey->places;
    struct survey_place place = {
        .endpoint_id = sqlite3_column_int64(row, 3),
        .vantage_id = sqlite3_column_int64(row, 4),
        .self = sqlite3_column_int(row, 6) != 0,
        .address = survey_keep(survey, store_text(row, 5)),
        .bound = survey_keep(survey, store_text(row, 7)),
        .first_fact = survey->fact_count,
    };

    if (place.address == SIZE_MAX || place.bound == SIZE_MAX ||
        !survey_grow(&items, &survey->place_size, survey->place_count + 1, sizeof(place))) {
        return -ENOMEM;
    }
    survey->places = items;
    survey->places[survey->place_count++] = place;
    return 0;
}

static int survey_add_fact(struct survey *survey, sqlite3_stmt *row)
{
    void *items = survey->facts;
    struct survey_fact fact;

    if (sqlite3_column_type(row, 8) == SQLITE_NULL) {
        return 0;
    }
    fact.name = survey_keep(survey, store_text(row, 8));
    fact.value = survey_keep(survey, store_text(row, 9));
    if (fact.name == SIZE_MAX || fact.value == SIZE_MAX ||
        !survey_grow(&items, &survey->fact_size, survey->fact_count + 1, sizeof(fact))) {
        return -ENOMEM;
    }
    survey->facts = items;
    survey->facts[survey->fact_count++] = fact;
    survey->places[survey->place_count - 1].fact_count++;
    return 0;
}

static enum vantage_class survey_class(const struct survey_place *place, const struct standing *standing)
{
    return place->self ? VANTAGE_SELF : standing != NULL ? standing->vantage_class : VANTAGE_OWN_VPC;
}

static void survey_sight(const struct survey *survey, struct sighting *sighting)
{
    for (size_t i = 0; i < survey->place_count; i++) {
        const struct survey_place *place = &survey->places[i];
        const struct standing *standing = standings_find(&survey->standings, place->vantage_id);
        const struct sighting_place seen = {
            .vantage_id = place->vantage_id,
            .vantage = standing == NULL ? "" : standing->name,
            .vantage_class = survey_class(place, standing),
            .bound = survey->text + place->bound,
            .standing = standing,
        };
        sighting_add_open(sighting, &seen);
    }
    if (survey->lookers != NULL) {
        sighting_add_lookers(sighting, &survey->standings, survey->lookers, survey->port.is_udp, survey->port.port);
    }
}

/* The first place of the widest vantage. */
static const struct survey_place *survey_widest(const struct survey *survey, const struct sighting *sighting)
{
    size_t widest = sighting_widest(sighting);

    for (size_t i = 0; i < survey->place_count; i++) {
        const struct survey_place *place = &survey->places[i];
        const struct standing *standing = standings_find(&survey->standings, place->vantage_id);
        if (place->vantage_id == sighting->vantage_ids[widest] &&
            survey_class(place, standing) == sighting->sights[widest].vantage_class) {
            return place;
        }
    }
    return &survey->places[0];
}

/* As scans judge them: what was known first comes first. Few, and mostly in order. */
static void survey_sort_places(struct survey *survey)
{
    for (size_t i = 1; i < survey->place_count; i++) {
        struct survey_place place = survey->places[i];
        size_t at = i;
        for (; at > 0 && survey->places[at - 1].endpoint_id > place.endpoint_id; at--) {
            survey->places[at] = survey->places[at - 1];
        }
        survey->places[at] = place;
    }
}

/* NULL when nobody asked. */
static const struct survey_place *survey_first_that_knows(const struct survey *survey)
{
    for (size_t i = 0; i < survey->place_count; i++) {
        if (survey->places[i].fact_count > 0) {
            return &survey->places[i];
        }
    }
    return NULL;
}

/* What answers, as it answers to the widest place that asked; else to the first of the others. */
static int survey_know(struct survey *survey, const struct survey_place *widest, struct exposure *exposure)
{
    const struct survey_place *knows = widest->fact_count > 0 ? widest : survey_first_that_knows(survey);
    void *items = survey->exposed_facts;

    if (knows == NULL) {
        return 0;
    }
    if (!survey_grow(&items, &survey->exposed_size, knows->fact_count, sizeof(*survey->exposed_facts))) {
        return -ENOMEM;
    }
    survey->exposed_facts = items;
    for (size_t i = 0; i < knows->fact_count; i++) {
        const struct survey_fact *fact = &survey->facts[knows->first_fact + i];
        survey->exposed_facts[i] = (struct exposure_fact){survey->text + fact->name, survey->text + fact->value};
    }
    exposure->asked = true;
    exposure->facts = survey->exposed_facts;
    exposure->fact_count = knows->fact_count;
    return 0;
}

static int survey_tell(struct survey *survey)
{
    struct sighting sighting;
    struct exposure exposure = {
        .realm = survey->realm,
        .proto = survey->port.is_udp ? "udp" : "tcp",
        .port = survey->port.port,
        .memo = survey->memo,
        .now_ms = survey->options->now_ms,
    };
    struct survey_port told = {.port = survey->port, .exposure = &exposure, .known = &survey->known};
    const struct survey_place *widest;
    int rc;

    if (survey->place_count == 0) {
        return 0;
    }
    rc = survey_load_asset(survey, survey->port.asset_id);
    if (rc < 0 || survey->is_retired) {
        return rc;
    }
    sighting.count = 0;
    survey_sort_places(survey);
    survey_sight(survey, &sighting);
    widest = survey_widest(survey, &sighting);
    rc = survey_know(survey, widest, &exposure);
    if (rc < 0) {
        return store_fail(survey->store, STORE_FAULT_OTHER, rc, "out of memory");
    }
    exposure.declared = declared_of(survey->declared, survey->port.is_udp, survey->port.port);
    exposure.names = (const char *const *)survey->known.names;
    exposure.name_count = survey->known.name_count;
    exposure.addresses = survey->known.addresses;
    exposure.address_count = survey->known.address_count;
    exposure.tags = survey->known.tags;
    exposure.tag_count = survey->known.tag_count;
    sighting_expose(&sighting, &exposure);
    told.realm = survey->realm;
    told.realm_id = survey->realm_id;
    told.address = survey->text + widest->address;
    return survey->fn(survey->context, &told);
}

static int survey_take(struct survey *survey, sqlite3_stmt *row)
{
    const struct store_port port = {
        .asset_id = sqlite3_column_int64(row, 0),
        .is_udp = store_text(row, 1)[0] == 'u',
        .port = (uint16_t)sqlite3_column_int(row, 2),
    };
    int rc = 0;

    if (port.asset_id != survey->port.asset_id || port.port != survey->port.port ||
        port.is_udp != survey->port.is_udp) {
        rc = survey_tell(survey);
        survey->port = port;
        survey->place_count = 0;
        survey->fact_count = 0;
        survey->text_used = 0;
    }
    if (rc == 0 && (survey->place_count == 0 ||
                    survey->places[survey->place_count - 1].endpoint_id != sqlite3_column_int64(row, 3))) {
        rc = survey_add_place(survey, row);
    }
    return rc == 0 ? survey_add_fact(survey, row) : rc;
}

/* In the order of the index over endpoints; an endpoint with several facts is several rows. */
static int survey_rows(struct survey *survey)
{
    const struct survey_options *options = survey->options;
    sqlite3_stmt *row;
    int rc = store_query(survey->store, &row,
                         "SELECT e.asset_id, e.proto, e.port, e.id, e.vantage_id, e.address, s.self, s.bound, f.name,"
                         " f.value FROM endpoint e CROSS JOIN endpoint_state s ON s.endpoint_id = e.id"
                         " AND s.ended_at IS NULL LEFT JOIN endpoint_fact f ON f.endpoint_id = e.id"
                         " AND f.ended_at IS NULL WHERE s.state = 'open' AND e.refusals = 0 AND e.silent_scans = 0"
                         " AND e.asset_id BETWEEN ?1 AND ?2"
                         " ORDER BY e.asset_id, e.proto, e.port, e.vantage_id, e.address, f.name",
                         "ii", options->first_asset, options->last_asset);

    while (rc == 0 && (rc = store_step(survey->store, row)) == 1) {
        rc = survey_take(survey, row);
        if (rc != 0) {
            store_walked(row);
            return rc;
        }
    }
    return rc == 0 ? survey_tell(survey) : rc;
}

int survey_walk(struct store *store, const struct survey_options *options, survey_fn *fn, void *context)
{
    struct survey survey = {.store = store, .options = options, .fn = fn, .context = context};
    int rc;

    if (options->policy != NULL) {
        survey.group_count = policy_rules(options->policy)->group_count;
        survey.asks_outside = policy_rules(options->policy)->asks_outside;
        survey.asks_declared = policy_rules(options->policy)->asks_declared;
    }
    rc = standings_load(store, survey.group_count, &survey.standings);
    if (rc == 0) {
        survey.memo = malloc(survey.group_count + 1);
        rc =
            survey.memo == NULL ? store_fail(store, STORE_FAULT_OTHER, -ENOMEM, "out of memory") : survey_rows(&survey);
    }
    survey_done(&survey);
    return rc;
}
