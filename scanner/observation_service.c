#include "scanner/observation_service.h"

#include "lib/clock.h"
#include "scanner/service/escape.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MS_PER_S = 1000;

static json_t *encode_fact(const struct fact *fact)
{
    char stamp[WALL_TEXT_SIZE];

    switch (fact->kind->type) {
    case FACT_TEXT:
    case FACT_VERSION:
        return json_string(fact->text);
    case FACT_NUMBER:
        return json_integer(fact->number);
    case FACT_TRUTH:
        return json_boolean(fact->truth);
    case FACT_TIME:
        break;
    }
    return json_string(wall_format(fact->number * MS_PER_S, stamp));
}

json_t *observation_service_facts(const struct facts *facts)
{
    json_t *object = json_object();

    for (size_t i = 0; i < facts->count; i++) {
        if (json_object_set_new(object, facts->items[i].kind->name, encode_fact(&facts->items[i])) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *observation_service_evidence(const struct evidence *evidence)
{
    json_t *array = json_array();

    for (size_t i = 0; i < evidence->count; i++) {
        const struct evidence_turn *turn = &evidence->turns[i];
        char text[ESCAPE_MOST * EVIDENCE_TURN_SIZE + 1];
        escape_text((struct span){turn->bytes, turn->size}, text, sizeof(text));
        if (json_array_append_new(array, json_pack("{s:s, s:I}", turn->sent ? "sent" : "received", text, "bytes",
                                                   (json_int_t)turn->whole)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *observation_certificate_der(struct span der)
{
    const size_t room = sodium_base64_encoded_len(der.size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    json_t *value;

    if (text == NULL) {
        return NULL;
    }
    value = json_string(sodium_bin2base64(text, room, der.bytes, der.size, sodium_base64_VARIANT_ORIGINAL));
    free(text);
    return value;
}

static int read_text(struct facts *facts, const struct fact_kind *kind, const json_t *value)
{
    uint8_t bytes[FACTS_TEXT_MAX];
    size_t size;

    if (!json_is_string(value) || escape_undo(json_string_value(value), bytes, sizeof(bytes), &size) < 0) {
        return -EBADMSG;
    }
    facts_set_text(facts, kind->name, (struct span){bytes, size});
    return 0;
}

static int read_fact(struct facts *facts, const struct fact_kind *kind, const json_t *value)
{
    int64_t ms;

    switch (kind->type) {
    case FACT_TEXT:
    case FACT_VERSION:
        return read_text(facts, kind, value);
    case FACT_NUMBER:
        if (!json_is_integer(value)) {
            return -EBADMSG;
        }
        facts_set_number(facts, kind->name, json_integer_value(value));
        return 0;
    case FACT_TRUTH:
        if (!json_is_boolean(value)) {
            return -EBADMSG;
        }
        facts_set_truth(facts, kind->name, json_is_true(value));
        return 0;
    case FACT_TIME:
        break;
    }
    if (!json_is_string(value) || wall_parse(json_string_value(value), &ms) < 0) {
        return -EBADMSG;
    }
    facts_set_number(facts, kind->name, ms / MS_PER_S);
    return 0;
}

int observation_service_read_facts(const json_t *value, struct facts *ret_facts)
{
    const char *name;
    json_t *member;
    int rc = json_is_object(value) ? 0 : -EBADMSG;

    facts_clear(ret_facts);
    /* jansson walks without changing what it walks over, and declares otherwise. */
    for (void *at = rc < 0 ? NULL : json_object_iter((json_t *)(uintptr_t)value); rc == 0 && at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        const struct fact_kind *kind;
        name = json_object_iter_key(at);
        member = json_object_iter_value(at);
        kind = fact_kind_find(name);
        rc = kind == NULL ? -EBADMSG : read_fact(ret_facts, kind, member);
    }
    return rc;
}

int observation_service_read_evidence(const json_t *value, struct evidence *ret_evidence)
{
    size_t count = json_array_size(value);

    if (!json_is_array(value) || count > EVIDENCE_TURNS_MAX) {
        return -EBADMSG;
    }
    ret_evidence->count = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        const json_t *sent = json_object_get(item, "sent");
        const json_t *text = sent != NULL ? sent : json_object_get(item, "received");
        json_int_t whole = json_integer_value(json_object_get(item, "bytes"));
        struct evidence_turn *turn = &ret_evidence->turns[i];
        size_t size;
        *turn = (struct evidence_turn){.sent = sent != NULL};
        if (!json_is_string(text) ||
            escape_undo(json_string_value(text), turn->bytes, sizeof(turn->bytes), &size) < 0 ||
            whole < (json_int_t)size || whole > UINT32_MAX) {
            return -EBADMSG;
        }
        turn->size = (uint16_t)size;
        turn->whole = (uint32_t)whole;
        ret_evidence->count++;
    }
    return 0;
}

int observation_certificate_read_der(const json_t *value, uint8_t **ret_der, size_t *ret_size)
{
    size_t room = json_string_length(value);
    uint8_t *der;
    size_t size;

    if (!json_is_string(value)) {
        return -EBADMSG;
    }
    der = malloc(room + 1);
    if (der == NULL) {
        return -ENOMEM;
    }
    if (sodium_base642bin(der, room, json_string_value(value), room, NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) < 0) {
        free(der);
        return -EBADMSG;
    }
    *ret_der = der;
    *ret_size = size;
    return 0;
}
