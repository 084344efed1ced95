#include "auditd/ingest/observation.h"

#include "auditd/ingest/field.h"
#include "lib/clock.h"
#include "lib/fact.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const port_state_names[] = {
    [PORT_STATE_OPEN] = "open",
    [PORT_STATE_CLOSED] = "closed",
    [PORT_STATE_FILTERED] = "filtered",
    [PORT_STATE_OPEN_FILTERED] = "open|filtered",
};

enum { PORT_STATE_COUNT = sizeof(port_state_names) / sizeof(*port_state_names) };

const char *port_state_name(enum port_state state)
{
    return port_state_names[state];
}

int port_state_parse(const char *name, enum port_state *ret_state)
{
    for (size_t i = 0; i < PORT_STATE_COUNT; i++) {
        if (strcmp(name, port_state_names[i]) == 0) {
            *ret_state = (enum port_state)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* Reads fields of one object. Sticky: after the first error nothing is read, and `reason` keeps it. */
struct field_reader {
    const json_t *object;
    const char *where; /* "" or "not_shown/3/" */
    char *reason;
    int rc;
};

enum field_need { FIELD_OPTIONAL, FIELD_REQUIRED };

static void field_refuse(struct field_reader *reader, const char *key, const char *meaning)
{
    if (reader->rc == 0) {
        reader->rc = -EBADMSG;
        snprintf(reader->reason, OBSERVATION_REASON_SIZE, "field \"%s%s\" %s", reader->where, key, meaning);
    }
}

/* NULL when it is absent (an error when it is required) or after an error. */
static const json_t *field_get(struct field_reader *reader, const char *key, enum field_need need)
{
    const json_t *value = reader->rc == 0 ? json_object_get(reader->object, key) : NULL;

    if (value == NULL && reader->rc == 0 && need == FIELD_REQUIRED) {
        field_refuse(reader, key, "is missing");
    }
    return value;
}

struct field_text {
    char *buffer;
    size_t size;
    bool (*valid)(const char *text);
    bool may_be_empty;
};

static void field_text(struct field_reader *reader, const char *key, enum field_need need,
                       const struct field_text *text)
{
    const json_t *value = field_get(reader, key, need);

    text->buffer[0] = '\0';
    if (value == NULL) {
        return;
    }
    if (!json_is_string(value)) {
        field_refuse(reader, key, "is no string");
    } else if (json_string_length(value) >= text->size) {
        field_refuse(reader, key, "is too long");
    } else if (json_string_length(value) == 0 && !text->may_be_empty) {
        field_refuse(reader, key, "is empty");
    } else if (!text->valid(json_string_value(value))) {
        field_refuse(reader, key, "holds characters that cannot stand there");
    } else {
        memcpy(text->buffer, json_string_value(value), json_string_length(value) + 1);
    }
}

static void field_word(struct field_reader *reader, const char *key, enum field_need need, char *buffer, size_t size)
{
    field_text(reader, key, need, &(struct field_text){buffer, size, field_is_word, need == FIELD_OPTIONAL});
}

static void field_label(struct field_reader *reader, const char *key, char *buffer, size_t size)
{
    field_text(reader, key, FIELD_REQUIRED, &(struct field_text){buffer, size, field_is_printable, false});
}

/* Talk for people: cut, not refused. */
static void field_talk(struct field_reader *reader, const char *key, enum field_need need, char *buffer, size_t size)
{
    const json_t *value = field_get(reader, key, need);

    buffer[0] = '\0';
    if (value == NULL) {
        return;
    }
    if (!json_is_string(value)) {
        field_refuse(reader, key, "is no string");
        return;
    }
    snprintf(buffer, size, "%s", json_string_value(value));
}

struct field_range {
    int64_t least;
    int64_t most;
    int64_t otherwise; /* when an optional field is absent */
};

static const struct field_range field_count = {0, INT64_MAX, -1};

static void field_int(struct field_reader *reader, const char *key, enum field_need need,
                      const struct field_range *range, int64_t *ret_value)
{
    const json_t *value = field_get(reader, key, need);

    *ret_value = range->otherwise;
    if (value == NULL) {
        return;
    }
    if (!json_is_integer(value)) {
        field_refuse(reader, key, "is no whole number");
    } else if (json_integer_value(value) < range->least || json_integer_value(value) > range->most) {
        field_refuse(reader, key, "is out of range");
    } else {
        *ret_value = json_integer_value(value);
    }
}

static void field_bool(struct field_reader *reader, const char *key, enum field_need need, bool *ret_value)
{
    const json_t *value = field_get(reader, key, need);

    *ret_value = false;
    if (value == NULL) {
        return;
    }
    if (!json_is_boolean(value)) {
        field_refuse(reader, key, "is neither true nor false");
        return;
    }
    *ret_value = json_is_true(value);
}

static void field_number(struct field_reader *reader, const char *key, double most, double *ret_value)
{
    const json_t *value = field_get(reader, key, FIELD_REQUIRED);
    double number;

    *ret_value = 0;
    if (value == NULL) {
        return;
    }
    number = json_number_value(value);
    if (!json_is_number(value)) {
        field_refuse(reader, key, "is no number");
    } else if (!isfinite(number) || number < 0 || number > most) {
        field_refuse(reader, key, "is out of range");
    } else {
        *ret_value = number;
    }
}

/* Index of the value in `words`; 0 after an error. */
static size_t field_enum(struct field_reader *reader, const char *key, const char *const *words, size_t count)
{
    const json_t *value = field_get(reader, key, FIELD_REQUIRED);

    if (value == NULL) {
        return 0;
    }
    for (size_t i = 0; json_is_string(value) && i < count; i++) {
        if (strcmp(json_string_value(value), words[i]) == 0) {
            return i;
        }
    }
    field_refuse(reader, key, "is none of the words that can stand there");
    return 0;
}

static void field_addr(struct field_reader *reader, const char *key, struct addr *ret_addr)
{
    char text[ADDR_TEXT_SIZE];

    field_word(reader, key, FIELD_REQUIRED, text, sizeof(text));
    if (reader->rc == 0 && addr_parse(text, ret_addr) < 0) {
        field_refuse(reader, key, "is no address");
    }
}

static void field_name(struct field_reader *reader, char *buffer)
{
    field_word(reader, "name", FIELD_OPTIONAL, buffer, OBSERVATION_NAME_SIZE);
}

static bool field_proto(struct field_reader *reader)
{
    static const char *const protos[] = {"tcp", "udp"};

    return field_enum(reader, "proto", protos, 2) == 1;
}

static uint16_t field_port(struct field_reader *reader)
{
    int64_t port;

    field_int(reader, "port", FIELD_REQUIRED, &(struct field_range){0, UINT16_MAX, 0}, &port);
    return (uint16_t)port;
}

static void parse_scan_start(struct field_reader *reader, struct observation *observation)
{
    struct observation_scan_start *start = &observation->scan_start;
    struct field_reader plan = *reader;

    start->plan = field_get(reader, "plan", FIELD_REQUIRED);
    if (start->plan != NULL && !json_is_object(start->plan)) {
        field_refuse(reader, "plan", "is no object");
    }
    field_word(reader, "plan_hash", FIELD_REQUIRED, start->plan_hash, sizeof(start->plan_hash));
    field_int(reader, "slabs", FIELD_REQUIRED, &field_count, &start->slabs);
    field_int(reader, "from_slab", FIELD_REQUIRED, &field_count, &start->from_slab);
    field_int(reader, "hosts", FIELD_REQUIRED, &field_count, &start->hosts);
    field_int(reader, "probes", FIELD_REQUIRED, &field_count, &start->probes);
    if (reader->rc < 0) {
        return;
    }
    /* Realm and vantage are the plan's: what stands beside it is for people. */
    plan.object = start->plan;
    plan.where = "plan/";
    field_label(&plan, "realm", start->realm, 129);
    field_label(&plan, "vantage", start->vantage, 129);
    reader->rc = plan.rc;
}

static void parse_port(struct field_reader *reader, struct observation *observation)
{
    struct observation_port *port = &observation->port;
    struct addr bound;

    field_addr(reader, "host", &port->host);
    field_name(reader, port->name);
    port->is_udp = field_proto(reader);
    port->port = field_port(reader);
    port->state = (enum port_state)field_enum(reader, "state", port_state_names, PORT_STATE_COUNT);
    field_word(reader, "reason", FIELD_REQUIRED, port->reason, sizeof(port->reason));
    field_word(reader, "service", FIELD_OPTIONAL, port->service, sizeof(port->service));
    field_int(reader, "tries", FIELD_OPTIONAL, &(struct field_range){1, OBSERVATION_TRIES_MAX, 0}, &port->tries);
    field_int(reader, "answers", FIELD_OPTIONAL, &(struct field_range){0, OBSERVATION_TRIES_MAX, 0}, &port->answers);
    field_bool(reader, "watch", FIELD_OPTIONAL, &port->watch);
    field_bool(reader, "self", FIELD_OPTIONAL, &port->self);
    field_word(reader, "bound", FIELD_OPTIONAL, port->bound, sizeof(port->bound));
    if (reader->rc == 0 && port->bound[0] != '\0' && addr_parse(port->bound, &bound) < 0) {
        field_refuse(reader, "bound", "is no address");
    }
}

/* Text that a host on the network has a say in: clean already, as the scanner writes it. */
static bool fact_is_text(const json_t *value, size_t most)
{
    return json_is_string(value) && json_string_length(value) <= most &&
           strlen(json_string_value(value)) == json_string_length(value) &&
           field_is_printable(json_string_value(value));
}

static bool fact_is_sound(const struct fact_kind *kind, const json_t *value)
{
    int64_t ms;

    switch (kind->type) {
    case FACT_TEXT:
    case FACT_VERSION:
        return fact_is_text(value, OBSERVATION_FACT_SIZE);
    case FACT_NUMBER:
        return json_is_integer(value);
    case FACT_TRUTH:
        return json_is_boolean(value);
    case FACT_TIME:
        break;
    }
    return fact_is_text(value, OBSERVATION_WORD_SIZE) && wall_parse(json_string_value(value), &ms) == 0;
}

/* A scanner may know more facts than we do. */
static void parse_facts(struct field_reader *reader, json_t **ret_facts)
{
    json_t *facts = json_object_get(reader->object, "facts");
    const char *name;
    json_t *value;
    void *next;

    *ret_facts = facts;
    if (reader->rc == 0 && (!json_is_object(facts) || json_object_size(facts) > OBSERVATION_FACTS_MAX)) {
        field_refuse(reader, "facts", "is no object of facts");
    }
    if (reader->rc < 0) {
        return;
    }
    json_object_foreach_safe(facts, next, name, value)
    {
        const struct fact_kind *kind = fact_kind_find(name);
        if (kind == NULL) {
            json_object_del(facts, name);
        } else if (!fact_is_sound(kind, value)) {
            field_refuse(reader, "facts", "holds one of another type or form than its name asks for");
            return;
        }
    }
}

static bool turn_is_sound(const json_t *turn)
{
    const json_t *sent = json_object_get(turn, "sent");
    const json_t *bytes = json_object_get(turn, "bytes");

    return fact_is_text(sent != NULL ? sent : json_object_get(turn, "received"), OBSERVATION_TURN_SIZE) &&
           json_is_integer(bytes) && json_integer_value(bytes) > 0 && json_object_size(turn) == 2;
}

static void parse_evidence(struct field_reader *reader, const json_t **ret_evidence)
{
    const json_t *evidence = field_get(reader, "evidence", FIELD_REQUIRED);

    *ret_evidence = evidence;
    if (reader->rc == 0 && (!json_is_array(evidence) || json_array_size(evidence) > OBSERVATION_TURNS_MAX)) {
        field_refuse(reader, "evidence", "is no list of turns");
    }
    for (size_t i = 0; reader->rc == 0 && i < json_array_size(evidence); i++) {
        if (!turn_is_sound(json_array_get(evidence, i))) {
            field_refuse(reader, "evidence", "holds what is no turn");
        }
    }
}

static void parse_service(struct field_reader *reader, struct observation *observation)
{
    struct observation_service *service = &observation->service;

    field_addr(reader, "host", &service->host);
    field_name(reader, service->name);
    service->is_udp = field_proto(reader);
    service->port = field_port(reader);
    field_bool(reader, "self", FIELD_OPTIONAL, &service->self);
    parse_facts(reader, &service->facts);
    parse_evidence(reader, &service->evidence);
}

static void parse_certificate(struct field_reader *reader, struct observation *observation)
{
    struct observation_certificate *certificate = &observation->certificate;
    const json_t *der = field_get(reader, "der", FIELD_REQUIRED);

    parse_facts(reader, &certificate->facts);
    if (reader->rc == 0 && (!json_is_string(der) || json_string_length(der) / 4 * 3 > OBSERVATION_DER_MAX)) {
        field_refuse(reader, "der", "is no certificate of bearable size");
    }
    certificate->der = json_string_value(der);
    certificate->der_length = json_string_length(der);
}

static void parse_summary(struct field_reader *reader, struct observation_summary *ret_summary)
{
    struct portset *ports;
    const json_t *text;
    size_t offset;

    ret_summary->is_udp = field_proto(reader);
    ret_summary->state = (enum port_state)field_enum(reader, "state", port_state_names, PORT_STATE_COUNT);
    field_word(reader, "reason", FIELD_REQUIRED, ret_summary->reason, sizeof(ret_summary->reason));
    text = field_get(reader, "ports", FIELD_REQUIRED);
    if (reader->rc == 0 && ret_summary->state == PORT_STATE_OPEN) {
        field_refuse(reader, "state", "cannot be open: an open port has a line of its own");
    }
    if (reader->rc < 0) {
        return;
    }
    ports = json_is_string(text) ? malloc(sizeof(*ports)) : NULL;
    if (json_is_string(text) && ports == NULL) {
        reader->rc = -ENOMEM;
    } else if (ports == NULL || portset_parse(json_string_value(text), ports, &offset) < 0) {
        field_refuse(reader, "ports", "is no list of ports and ranges");
    } else {
        ret_summary->ports = json_string_value(text);
    }
    free(ports);
}

static void parse_summaries(struct field_reader *reader, struct observation_host *host)
{
    const json_t *list = field_get(reader, "not_shown", FIELD_REQUIRED);
    char where[32];
    struct field_reader item = *reader;

    if (list == NULL) {
        return;
    }
    if (!json_is_array(list)) {
        field_refuse(reader, "not_shown", "is no array");
        return;
    }
    if (json_array_size(list) > OBSERVATION_SUMMARIES_MAX) {
        field_refuse(reader, "not_shown", "has too many items");
        return;
    }
    item.where = where;
    for (size_t i = 0; i < json_array_size(list) && item.rc == 0; i++) {
        snprintf(where, sizeof(where), "not_shown/%zu/", i);
        item.object = json_array_get(list, i);
        parse_summary(&item, &host->summaries[i]);
    }
    host->summary_count = json_array_size(list);
    reader->rc = item.rc;
}

static void parse_host(struct field_reader *reader, struct observation *observation)
{
    static const char *const states[] = {"up", "down"};
    struct observation_host *host = &observation->host;

    field_addr(reader, "host", &host->host);
    field_name(reader, host->name);
    host->up = field_enum(reader, "state", states, 2) == 0;
    field_word(reader, "reason", FIELD_REQUIRED, host->reason, sizeof(host->reason));
    field_int(reader, "slab", FIELD_REQUIRED, &field_count, &host->slab);
    field_int(reader, "open", FIELD_REQUIRED, &field_count, &host->open);
    field_bool(reader, "self", FIELD_OPTIONAL, &host->self);
    parse_summaries(reader, host);
}

static void parse_canary(struct field_reader *reader, struct observation *observation)
{
    static const char *const phases[] = {"start", "end"};
    static const char *const states[] = {"answered", "silent"};
    struct observation_canary *canary = &observation->canary;

    field_addr(reader, "host", &canary->host);
    canary->is_udp = field_proto(reader);
    canary->port = field_port(reader);
    canary->at_end = field_enum(reader, "phase", phases, 2) == 1;
    canary->answered = field_enum(reader, "state", states, 2) == 0;
    field_word(reader, "reason", FIELD_REQUIRED, canary->reason, sizeof(canary->reason));
}

static void parse_slab(struct field_reader *reader, struct observation *observation)
{
    struct observation_slab *slab = &observation->slab;

    field_int(reader, "slab", FIELD_REQUIRED, &field_count, &slab->slab);
    field_int(reader, "slabs", FIELD_REQUIRED, &field_count, &slab->slabs);
    field_int(reader, "probes_done", FIELD_REQUIRED, &field_count, &slab->probes_done);
    field_int(reader, "probes_sent", FIELD_REQUIRED, &field_count, &slab->probes_sent);
    if (reader->rc == 0 && slab->slab >= slab->slabs) {
        field_refuse(reader, "slab", "is not below \"slabs\"");
    }
}

static void parse_progress(struct field_reader *reader, struct observation *observation)
{
    struct observation_progress *progress = &observation->progress;
    const json_t *eta;

    field_int(reader, "probes_done", FIELD_REQUIRED, &field_count, &progress->probes_done);
    field_int(reader, "probes", FIELD_REQUIRED, &field_count, &progress->probes);
    field_int(reader, "probes_sent", FIELD_OPTIONAL, &field_count, &progress->probes_sent);
    field_int(reader, "rate_pps", FIELD_REQUIRED, &field_count, &progress->rate_pps);
    field_int(reader, "open", FIELD_REQUIRED, &field_count, &progress->open);
    progress->eta_s = -1;
    eta = field_get(reader, "eta_s", FIELD_OPTIONAL);
    if (eta != NULL && !json_is_null(eta)) {
        field_int(reader, "eta_s", FIELD_OPTIONAL, &field_count, &progress->eta_s);
    }
}

static void parse_notice(struct field_reader *reader, struct observation *observation)
{
    struct observation_notice *notice = &observation->notice;

    field_word(reader, "code", FIELD_REQUIRED, notice->code, sizeof(notice->code));
    field_talk(reader, "message", FIELD_REQUIRED, notice->message, sizeof(notice->message));
}

static void parse_missed(struct field_reader *reader, struct observation_scan_end *end)
{
    const json_t *missed = field_get(reader, "missed", FIELD_OPTIONAL);
    struct field_reader inner = *reader;

    if (missed == NULL || json_is_null(missed)) {
        return;
    }
    if (!json_is_object(missed)) {
        field_refuse(reader, "missed", "is no object");
        return;
    }
    inner.object = missed;
    inner.where = "missed/";
    field_number(&inner, "low", INFINITY, &end->missed_low);
    field_number(&inner, "high", INFINITY, &end->missed_high);
    end->has_missed = inner.rc == 0;
    reader->rc = inner.rc;
}

static void parse_scan_end(struct field_reader *reader, struct observation *observation)
{
    static const char *const causes[] = {"done", "interrupted", "error"};
    struct observation_scan_end *end = &observation->scan_end;
    const json_t *loss;

    field_bool(reader, "complete", FIELD_REQUIRED, &end->complete);
    snprintf(end->cause, sizeof(end->cause), "%s", causes[field_enum(reader, "cause", causes, 3)]);
    if (reader->rc == 0 && end->complete && strcmp(end->cause, "done") != 0) {
        field_refuse(reader, "cause", "is not \"done\" although the scan is complete");
    }
    field_talk(reader, "message", FIELD_OPTIONAL, end->message, sizeof(end->message));
    field_int(reader, "probes", FIELD_OPTIONAL, &field_count, &end->probes);
    field_int(reader, "probes_done", FIELD_OPTIONAL, &field_count, &end->probes_done);
    field_int(reader, "probes_sent", FIELD_OPTIONAL, &field_count, &end->probes_sent);
    field_int(reader, "hosts_up", FIELD_OPTIONAL, &field_count, &end->hosts_up);
    field_int(reader, "hosts_down", FIELD_OPTIONAL, &field_count, &end->hosts_down);
    field_int(reader, "open", FIELD_OPTIONAL, &field_count, &end->open);
    end->loss = -1;
    loss = field_get(reader, "loss", FIELD_OPTIONAL);
    if (loss != NULL && !json_is_null(loss)) {
        field_number(reader, "loss", 1, &end->loss);
    }
    parse_missed(reader, end);
}

static const struct {
    const char *name;
    void (*parse)(struct field_reader *reader, struct observation *observation);
} observation_types[] = {
    [OBSERVATION_SCAN_START] = {SCAN_LINE_START, parse_scan_start},
    [OBSERVATION_PORT] = {SCAN_LINE_PORT, parse_port},
    [OBSERVATION_SERVICE] = {SCAN_LINE_SERVICE, parse_service},
    [OBSERVATION_CERTIFICATE] = {SCAN_LINE_CERTIFICATE, parse_certificate},
    [OBSERVATION_HOST] = {SCAN_LINE_HOST, parse_host},
    [OBSERVATION_CANARY] = {SCAN_LINE_CANARY, parse_canary},
    [OBSERVATION_SLAB] = {SCAN_LINE_SLAB, parse_slab},
    [OBSERVATION_PROGRESS] = {SCAN_LINE_PROGRESS, parse_progress},
    [OBSERVATION_NOTICE] = {SCAN_LINE_NOTICE, parse_notice},
    [OBSERVATION_SCAN_END] = {SCAN_LINE_END, parse_scan_end},
};

enum { OBSERVATION_TYPE_COUNT = sizeof(observation_types) / sizeof(*observation_types) };

static void parse_envelope(struct field_reader *reader, struct observation *observation)
{
    const char *const schemas[] = {SCAN_OBSERVATION_SCHEMA};
    const char *names[OBSERVATION_TYPE_COUNT];
    char ts[64];

    for (size_t i = 0; i < OBSERVATION_TYPE_COUNT; i++) {
        names[i] = observation_types[i].name;
    }
    field_enum(reader, "schema", schemas, 1);
    observation->type = (enum observation_type)field_enum(reader, "type", names, OBSERVATION_TYPE_COUNT);
    field_word(reader, "scan_id", FIELD_REQUIRED, observation->scan_id, sizeof(observation->scan_id));
    if (reader->rc == 0 && !field_is_uuid(observation->scan_id)) {
        field_refuse(reader, "scan_id", "is no UUID");
    }
    field_word(reader, "ts", FIELD_REQUIRED, ts, sizeof(ts));
    if (reader->rc == 0 && wall_parse(ts, &observation->ts_ms) < 0) {
        field_refuse(reader, "ts", "is no RFC 3339 time");
    }
}

int observation_parse(const char *line, size_t length, struct observation *ret_observation, char *ret_reason)
{
    struct field_reader reader = {.where = "", .reason = ret_reason};
    struct observation observation = {0};
    json_error_t error;

    if (length > SCAN_LINE_MAX_BYTES) {
        snprintf(ret_reason, OBSERVATION_REASON_SIZE, "the line is longer than %d bytes", SCAN_LINE_MAX_BYTES);
        return -EBADMSG;
    }
    observation.json = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    if (observation.json == NULL) {
        snprintf(ret_reason, OBSERVATION_REASON_SIZE, "no JSON object at byte %d: %.150s", error.position, error.text);
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    }
    reader.object = observation.json;
    parse_envelope(&reader, &observation);
    if (reader.rc == 0) {
        observation_types[observation.type].parse(&reader, &observation);
    }
    if (reader.rc < 0) {
        json_decref(observation.json);
        return reader.rc;
    }
    *ret_observation = observation;
    return 0;
}

void observation_done(struct observation *observation)
{
    json_decref(observation->json);
    observation->json = NULL;
}
