#include "scanner/observation.h"

#include "lib/clock.h"
#include "lib/portset.h"
#include "scanner/observation_service.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const port_state_names[] = {
    [PORT_OPEN] = "open",
    [PORT_CLOSED] = "closed",
    [PORT_FILTERED] = "filtered",
    [PORT_OPEN_FILTERED] = "open|filtered",
};

static const char *const reason_names[] = {
    [REASON_SYN_ACK] = "syn-ack",
    [REASON_CONN_REFUSED] = "conn-refused",
    [REASON_RESET] = "reset",
    [REASON_NO_RESPONSE] = "no-response",
    [REASON_NET_UNREACH] = "net-unreach",
    [REASON_HOST_UNREACH] = "host-unreach",
    [REASON_PROTO_UNREACH] = "proto-unreach",
    [REASON_PORT_UNREACH] = "port-unreach",
    [REASON_NET_PROHIBITED] = "net-prohibited",
    [REASON_HOST_PROHIBITED] = "host-prohibited",
    [REASON_ADMIN_PROHIBITED] = "admin-prohibited",
    [REASON_TIME_EXCEEDED] = "time-exceeded",
    [REASON_DEST_UNREACH] = "dest-unreach",
    [REASON_PARAM_PROBLEM] = "param-prob",
    [REASON_UDP_RESPONSE] = "udp-response",
    [REASON_LOCALHOST_RESPONSE] = "localhost-response",
    [REASON_USER_SET] = "user-set",
    [REASON_ECHO_REPLY] = "echo-reply",
    [REASON_SELF_CONNECT] = "self-connect",
    [REASON_ABORTED] = "aborted",
};

static const char *const type_names[] = {
    [OBSERVATION_START] = SCAN_LINE_START,     [OBSERVATION_PORT] = SCAN_LINE_PORT,
    [OBSERVATION_SERVICE] = SCAN_LINE_SERVICE, [OBSERVATION_CERTIFICATE] = SCAN_LINE_CERTIFICATE,
    [OBSERVATION_HOST] = SCAN_LINE_HOST,       [OBSERVATION_CANARY] = SCAN_LINE_CANARY,
    [OBSERVATION_SLAB] = SCAN_LINE_SLAB,       [OBSERVATION_PROGRESS] = SCAN_LINE_PROGRESS,
    [OBSERVATION_NOTICE] = SCAN_LINE_NOTICE,   [OBSERVATION_END] = SCAN_LINE_END,
};

enum {
    STATE_COUNT = sizeof(port_state_names) / sizeof(*port_state_names),
    REASON_COUNT = sizeof(reason_names) / sizeof(*reason_names),
    TYPE_COUNT = sizeof(type_names) / sizeof(*type_names),
};

static int name_find(const char *const *names, size_t count, const char *name, size_t *ret_index)
{
    for (size_t i = 0; name != NULL && i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *port_state_name(enum port_state state)
{
    return port_state_names[state];
}

int port_state_parse(const char *name, enum port_state *ret_state)
{
    size_t index;
    int rc = name_find(port_state_names, STATE_COUNT, name, &index);

    if (rc == 0) {
        *ret_state = (enum port_state)index;
    }
    return rc;
}

const char *reason_name(enum reason reason)
{
    return reason_names[reason];
}

int reason_parse(const char *name, enum reason *ret_reason)
{
    size_t index;
    int rc = name_find(reason_names, REASON_COUNT, name, &index);

    if (rc == 0) {
        *ret_reason = (enum reason)index;
    }
    return rc;
}

/* A line under way; the first failure sticks. */
struct encoder {
    json_t *line;
    bool failed;
};

static void encode_value(struct encoder *encoder, const char *key, json_t *value)
{
    if (json_object_set_new(encoder->line, key, value) < 0) {
        encoder->failed = true;
    }
}

/* jansson takes only UTF-8; other bytes, and control characters' like, are escaped. */
static json_t *encode_string(const char *text)
{
    json_t *value = json_string(text);
    char *escaped;
    size_t length = 0;

    if (value != NULL) {
        return value;
    }
    escaped = malloc(4 * strlen(text) + 1);
    if (escaped == NULL) {
        return NULL;
    }
    for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++) {
        if (*byte >= 0x80) {
            length += (size_t)snprintf(escaped + length, 5, "\\x%02x", *byte);
        } else {
            escaped[length++] = (char)*byte;
        }
    }
    escaped[length] = '\0';
    value = json_string(escaped);
    free(escaped);
    return value;
}

static void encode_text(struct encoder *encoder, const char *key, const char *text)
{
    if (text != NULL) {
        encode_value(encoder, key, encode_string(text));
    }
}

static void encode_number(struct encoder *encoder, const char *key, uint64_t number)
{
    encode_value(encoder, key, json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number));
}

static void encode_true(struct encoder *encoder, const char *key, bool value)
{
    if (value) {
        encode_value(encoder, key, json_true());
    }
}

static void encode_addr(struct encoder *encoder, const char *key, const struct addr *addr)
{
    char text[ADDR_TEXT_SIZE];

    encode_text(encoder, key, addr_format(addr, text));
}

static void encode_start(struct encoder *encoder, const struct observation_start *start)
{
    json_error_t error;

    encode_value(encoder, "plan", json_loads(start->plan_json, 0, &error));
    encode_text(encoder, "plan_hash", start->plan_hash);
    encode_text(encoder, "realm", start->realm);
    encode_text(encoder, "vantage", start->vantage);
    encode_number(encoder, "slabs", start->slabs);
    encode_number(encoder, "from_slab", start->from_slab);
    encode_number(encoder, "hosts", start->hosts);
    encode_number(encoder, "probes", start->probes);
}

static void encode_port(struct encoder *encoder, const struct observation_port *port)
{
    encode_addr(encoder, "host", &port->host);
    encode_text(encoder, "name", port->name);
    encode_text(encoder, "proto", port->proto);
    encode_number(encoder, "port", port->port);
    encode_text(encoder, "state", port_state_name(port->state));
    encode_text(encoder, "reason", reason_name(port->reason));
    encode_text(encoder, "service", port->service);
    encode_text(encoder, "proof", port->proof);
    if (port->tries > 0) {
        encode_number(encoder, "tries", port->tries);
    }
    if (port->has_rtt) {
        encode_number(encoder, "rtt_us", port->rtt_us);
    }
    encode_true(encoder, "watch", port->watch);
    encode_true(encoder, "self", port->self);
    if (port->bound != NULL) {
        encode_addr(encoder, "bound", port->bound);
    }
}

static void encode_service(struct encoder *encoder, const struct observation_service *service)
{
    encode_addr(encoder, "host", &service->host);
    encode_text(encoder, "name", service->name);
    encode_text(encoder, "proto", service->proto);
    encode_number(encoder, "port", service->port);
    encode_true(encoder, "self", service->self);
    encode_value(encoder, "facts", observation_service_facts(service->facts));
    encode_value(encoder, "evidence", observation_service_evidence(service->evidence));
}

static void encode_certificate(struct encoder *encoder, const struct observation_certificate *certificate)
{
    encode_value(encoder, "facts", observation_service_facts(certificate->facts));
    encode_value(encoder, "der", observation_certificate_der(certificate->der));
}

static json_t *encode_not_shown(const struct observation_host *host)
{
    json_t *array = json_array();

    for (size_t i = 0; i < host->not_shown_count; i++) {
        const struct observation_not_shown *group = &host->not_shown[i];
        json_t *item =
            json_pack("{s:s, s:s, s:s, s:I, s:s}", "proto", group->proto, "state", port_state_name(group->state),
                      "reason", reason_name(group->reason), "count", (json_int_t)group->count, "ports", group->ports);
        if (json_array_append_new(array, item) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static void encode_host(struct encoder *encoder, const struct observation_host *host)
{
    encode_addr(encoder, "host", &host->host);
    encode_text(encoder, "name", host->name);
    encode_text(encoder, "state", host->up ? "up" : "down");
    encode_text(encoder, "reason", reason_name(host->reason));
    encode_number(encoder, "slab", host->slab);
    encode_true(encoder, "self", host->self);
    encode_number(encoder, "open", host->open);
    if (host->has_rtt) {
        encode_number(encoder, "rtt_us", host->rtt_us);
    }
    if (host->unasked > 0) {
        encode_number(encoder, "unasked", host->unasked);
    }
    encode_value(encoder, "not_shown", encode_not_shown(host));
}

static void encode_canary(struct encoder *encoder, const struct observation_canary *canary)
{
    encode_addr(encoder, "host", &canary->host);
    encode_text(encoder, "proto", canary->proto);
    encode_number(encoder, "port", canary->port);
    encode_text(encoder, "phase", canary->at_end ? "end" : "start");
    encode_text(encoder, "state", canary->answered ? "answered" : "silent");
    encode_text(encoder, "reason", reason_name(canary->reason));
}

static void encode_slab(struct encoder *encoder, const struct observation_slab *slab)
{
    encode_number(encoder, "slab", slab->slab);
    encode_number(encoder, "slabs", slab->slabs);
    encode_number(encoder, "probes_done", slab->probes_done);
    encode_number(encoder, "probes_sent", slab->probes_sent);
}

static void encode_progress(struct encoder *encoder, const struct observation_progress *progress)
{
    encode_number(encoder, "probes_done", progress->probes_done);
    encode_number(encoder, "probes", progress->probes);
    encode_number(encoder, "probes_sent", progress->probes_sent);
    encode_number(encoder, "rate_pps", progress->rate_pps);
    encode_number(encoder, "open", progress->open);
    encode_value(encoder, "eta_s", progress->eta_s < 0 ? json_null() : json_integer(progress->eta_s));
    if (progress->asks) {
        encode_number(encoder, "asked", progress->asked);
    }
}

static void encode_notice(struct encoder *encoder, const struct observation_notice *notice)
{
    encode_text(encoder, "code", notice->code);
    encode_text(encoder, "message", notice->message);
    if (notice->host != NULL) {
        encode_addr(encoder, "host", notice->host);
    }
}

static void encode_end(struct encoder *encoder, const struct observation_end *end)
{
    static const char *const causes[] = {
        [SCAN_CAUSE_DONE] = "done", [SCAN_CAUSE_INTERRUPTED] = "interrupted", [SCAN_CAUSE_ERROR] = "error"};

    encode_value(encoder, "complete", json_boolean(end->complete));
    encode_text(encoder, "cause", causes[end->cause]);
    encode_text(encoder, "message", end->message);
    encode_number(encoder, "probes", end->probes);
    encode_number(encoder, "probes_done", end->probes_done);
    encode_number(encoder, "probes_sent", end->probes_sent);
    if (end->probes_unasked > 0) {
        encode_number(encoder, "probes_unasked", end->probes_unasked);
    }
    encode_number(encoder, "hosts_up", end->hosts_up);
    encode_number(encoder, "hosts_down", end->hosts_down);
    encode_number(encoder, "open", end->open);
    encode_value(encoder, "loss", end->has_loss ? json_real(end->loss) : json_null());
    if (end->has_missed) {
        encode_value(encoder, "missed", json_pack("{s:f, s:f}", "low", end->missed_low, "high", end->missed_high));
    }
    encode_number(encoder, "elapsed_ms", end->elapsed_ms);
}

static void encode_body(struct encoder *encoder, const struct observation *observation)
{
    switch (observation->type) {
    case OBSERVATION_START:
        encode_start(encoder, &observation->start);
        break;
    case OBSERVATION_PORT:
        encode_port(encoder, &observation->port);
        break;
    case OBSERVATION_SERVICE:
        encode_service(encoder, &observation->service);
        break;
    case OBSERVATION_CERTIFICATE:
        encode_certificate(encoder, &observation->certificate);
        break;
    case OBSERVATION_HOST:
        encode_host(encoder, &observation->host);
        break;
    case OBSERVATION_CANARY:
        encode_canary(encoder, &observation->canary);
        break;
    case OBSERVATION_SLAB:
        encode_slab(encoder, &observation->slab);
        break;
    case OBSERVATION_PROGRESS:
        encode_progress(encoder, &observation->progress);
        break;
    case OBSERVATION_NOTICE:
        encode_notice(encoder, &observation->notice);
        break;
    case OBSERVATION_END:
        encode_end(encoder, &observation->end);
        break;
    }
}

json_t *observation_encode(const struct observation *observation, const char *scan_id)
{
    struct encoder encoder = {.line = json_object()};
    char now[WALL_TEXT_SIZE];

    encode_text(&encoder, "schema", SCAN_OBSERVATION_SCHEMA);
    encode_text(&encoder, "type", type_names[observation->type]);
    encode_text(&encoder, "scan_id", scan_id);
    encode_text(&encoder, "ts", wall_format(observation->ts_ms, now));
    encode_body(&encoder, observation);
    if (encoder.failed) {
        json_decref(encoder.line);
        return NULL;
    }
    return encoder.line;
}

/* A line that is read; the first fault sticks. */
struct decoder {
    const json_t *line;
    bool bad;
};

static const char *decode_text(struct decoder *decoder, const char *key, bool required)
{
    const json_t *value = json_object_get(decoder->line, key);

    if ((value == NULL && required) || (value != NULL && !json_is_string(value))) {
        decoder->bad = true;
    }
    return json_string_value(value);
}

/* A host's name, which is a target's: the outputs show it as it is. */
static const char *decode_name(struct decoder *decoder)
{
    const char *text = decode_text(decoder, "name", false);

    if (text != NULL &&
        text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] != '\0') {
        decoder->bad = true;
    }
    return text;
}

static uint64_t decode_number(struct decoder *decoder, const char *key, uint64_t most)
{
    const json_t *value = json_object_get(decoder->line, key);

    if (value == NULL) {
        return 0;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > most) {
        decoder->bad = true;
        return 0;
    }
    return (uint64_t)json_integer_value(value);
}

static bool decode_true(struct decoder *decoder, const char *key)
{
    return json_is_true(json_object_get(decoder->line, key));
}

static struct addr decode_addr(struct decoder *decoder, const char *key)
{
    const char *text = decode_text(decoder, key, true);
    struct addr addr = {0};

    if (text == NULL || addr_parse(text, &addr) < 0) {
        decoder->bad = true;
    }
    return addr;
}

static const char *decode_proto(struct decoder *decoder)
{
    const char *text = decode_text(decoder, "proto", true);

    if (text != NULL && strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0) {
        decoder->bad = true;
    }
    return text;
}

static enum port_state decode_state(struct decoder *decoder)
{
    enum port_state state = PORT_OPEN;

    if (port_state_parse(decode_text(decoder, "state", true), &state) < 0) {
        decoder->bad = true;
    }
    return state;
}

static enum reason decode_reason(struct decoder *decoder)
{
    enum reason reason = REASON_ABORTED;

    if (reason_parse(decode_text(decoder, "reason", true), &reason) < 0) {
        decoder->bad = true;
    }
    return reason;
}

static bool decode_choice(struct decoder *decoder, const char *key, const char *when_true, const char *when_false)
{
    const char *text = decode_text(decoder, key, true);

    if (text == NULL || (strcmp(text, when_true) != 0 && strcmp(text, when_false) != 0)) {
        decoder->bad = true;
        return false;
    }
    return strcmp(text, when_true) == 0;
}

static void decode_port(struct decoder *decoder, struct observation_arena *arena, struct observation_port *port)
{
    port->host = decode_addr(decoder, "host");
    port->name = decode_name(decoder);
    port->proto = decode_proto(decoder);
    port->port = (uint16_t)decode_number(decoder, "port", UINT16_MAX);
    port->state = decode_state(decoder);
    port->reason = decode_reason(decoder);
    port->service = decode_text(decoder, "service", false);
    port->proof = decode_text(decoder, "proof", false);
    port->tries = (uint32_t)decode_number(decoder, "tries", UINT32_MAX);
    port->has_rtt = json_object_get(decoder->line, "rtt_us") != NULL;
    port->rtt_us = decode_number(decoder, "rtt_us", INT64_MAX);
    port->watch = decode_true(decoder, "watch");
    port->self = decode_true(decoder, "self");
    if (json_object_get(decoder->line, "bound") != NULL) {
        arena->addr = decode_addr(decoder, "bound");
        port->bound = &arena->addr;
    }
}

/* Makes the arena's room for facts. */
static int decode_facts(struct decoder *decoder, struct observation_arena *arena)
{
    int rc;

    if (arena->facts == NULL) {
        arena->facts = calloc(1, sizeof(*arena->facts));
    }
    if (arena->facts == NULL) {
        return -ENOMEM;
    }
    rc = observation_service_read_facts(json_object_get(decoder->line, "facts"), arena->facts);
    decoder->bad |= rc == -EBADMSG;
    return rc == -EBADMSG ? 0 : rc;
}

static int decode_service(struct decoder *decoder, struct observation_arena *arena, struct observation_service *service)
{
    int rc;

    service->host = decode_addr(decoder, "host");
    service->name = decode_name(decoder);
    service->proto = decode_proto(decoder);
    service->port = (uint16_t)decode_number(decoder, "port", UINT16_MAX);
    service->self = decode_true(decoder, "self");
    rc = decode_facts(decoder, arena);
    if (rc == 0 && arena->evidence == NULL) {
        arena->evidence = calloc(1, sizeof(*arena->evidence));
    }
    if (rc < 0 || arena->evidence == NULL) {
        return -ENOMEM;
    }
    decoder->bad |= observation_service_read_evidence(json_object_get(decoder->line, "evidence"), arena->evidence) < 0;
    service->facts = arena->facts;
    service->evidence = arena->evidence;
    return 0;
}

static int decode_certificate(struct decoder *decoder, struct observation_arena *arena,
                              struct observation_certificate *certificate)
{
    uint8_t *der = NULL;
    size_t size = 0;
    int rc = decode_facts(decoder, arena);

    if (rc == 0) {
        rc = observation_certificate_read_der(json_object_get(decoder->line, "der"), &der, &size);
        decoder->bad |= rc == -EBADMSG;
    }
    if (rc == -ENOMEM) {
        return rc;
    }
    free(arena->der);
    arena->der = der;
    certificate->facts = arena->facts;
    certificate->der = (struct span){der, size};
    return 0;
}

/* The outputs rely on it. */
static bool group_is_sound(const struct observation_not_shown *group)
{
    struct portset set;
    size_t offset;

    return group->state != PORT_OPEN && portset_parse(group->ports, &set, &offset) == 0 &&
           portset_count(&set) == group->count;
}

static int decode_not_shown(struct decoder *decoder, struct observation_arena *arena, struct observation_host *host)
{
    const json_t *array = json_object_get(decoder->line, "not_shown");
    size_t count = json_array_size(array);

    free(arena->not_shown);
    arena->not_shown = calloc(count + 1, sizeof(*arena->not_shown));
    if (arena->not_shown == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct decoder item = {.line = json_array_get(array, i)};
        struct observation_not_shown *group = &arena->not_shown[i];
        group->proto = decode_proto(&item);
        group->state = decode_state(&item);
        group->reason = decode_reason(&item);
        group->count = (uint32_t)decode_number(&item, "count", UINT16_MAX + 1);
        group->ports = decode_text(&item, "ports", true);
        decoder->bad = decoder->bad || item.bad || !group_is_sound(group);
    }
    host->not_shown = arena->not_shown;
    host->not_shown_count = count;
    return 0;
}

static int decode_host(struct decoder *decoder, struct observation_arena *arena, struct observation_host *host)
{
    host->host = decode_addr(decoder, "host");
    host->name = decode_name(decoder);
    host->up = decode_choice(decoder, "state", "up", "down");
    host->reason = decode_reason(decoder);
    host->slab = decode_number(decoder, "slab", INT64_MAX);
    host->self = decode_true(decoder, "self");
    host->open = (uint32_t)decode_number(decoder, "open", UINT32_MAX);
    host->has_rtt = json_object_get(decoder->line, "rtt_us") != NULL;
    host->rtt_us = decode_number(decoder, "rtt_us", INT64_MAX);
    host->unasked = (uint32_t)decode_number(decoder, "unasked", UINT32_MAX);
    return decode_not_shown(decoder, arena, host);
}

static void decode_canary(struct decoder *decoder, struct observation_canary *canary)
{
    canary->host = decode_addr(decoder, "host");
    canary->proto = decode_proto(decoder);
    canary->port = (uint16_t)decode_number(decoder, "port", UINT16_MAX);
    canary->at_end = decode_choice(decoder, "phase", "end", "start");
    canary->answered = decode_choice(decoder, "state", "answered", "silent");
    canary->reason = decode_reason(decoder);
}

static void decode_notice(struct decoder *decoder, struct observation_arena *arena, struct observation_notice *notice)
{
    notice->code = decode_text(decoder, "code", true);
    notice->message = decode_text(decoder, "message", true);
    if (json_object_get(decoder->line, "host") != NULL) {
        arena->addr = decode_addr(decoder, "host");
        notice->host = &arena->addr;
    }
}

int observation_decode(const json_t *line, struct observation_arena *arena, struct observation *ret_observation)
{
    struct decoder decoder = {.line = line};
    struct observation observation = {0};
    size_t type;
    int rc = 0;

    if (name_find(type_names, TYPE_COUNT, decode_text(&decoder, "type", true), &type) < 0) {
        return -EBADMSG;
    }
    observation.type = (enum observation_type)type;
    if (decode_text(&decoder, "ts", true) == NULL ||
        wall_parse(decode_text(&decoder, "ts", true), &observation.ts_ms) < 0) {
        return -EBADMSG;
    }
    if (observation.type == OBSERVATION_PORT) {
        decode_port(&decoder, arena, &observation.port);
    } else if (observation.type == OBSERVATION_SERVICE) {
        rc = decode_service(&decoder, arena, &observation.service);
    } else if (observation.type == OBSERVATION_CERTIFICATE) {
        rc = decode_certificate(&decoder, arena, &observation.certificate);
    } else if (observation.type == OBSERVATION_HOST) {
        rc = decode_host(&decoder, arena, &observation.host);
    } else if (observation.type == OBSERVATION_CANARY) {
        decode_canary(&decoder, &observation.canary);
    } else if (observation.type == OBSERVATION_NOTICE) {
        decode_notice(&decoder, arena, &observation.notice);
    } else {
        return -EBADMSG;
    }
    if (rc == 0 && decoder.bad) {
        rc = -EBADMSG;
    }
    if (rc == 0) {
        *ret_observation = observation;
    }
    return rc;
}

void observation_arena_done(struct observation_arena *arena)
{
    free(arena->not_shown);
    free(arena->facts);
    free(arena->evidence);
    free(arena->der);
    memset(arena, 0, sizeof(*arena));
}
