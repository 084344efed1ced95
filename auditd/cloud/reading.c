#include "auditd/cloud/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reading_fail(struct reading *reading, const char *key, const char *what)
{
    if (reading->failed) {
        return;
    }
    reading->failed = true;
    snprintf(reading->fault->text, sizeof(reading->fault->text), "%.128s: %.200s%s%.60s: %.80s", reading->name,
             reading->path, reading->path[0] == '\0' || key[0] == '\0' ? "" : ".", key, what);
}

void reading_forget(struct reading *reading)
{
    reading->failed = reading->failed || reading->found.failed;
    index_done(&reading->found);
}

/* Goes down by `key` and `index`; returns where the path ended. */
static size_t reading_enter(struct reading *reading, const char *key, size_t index)
{
    size_t length = strlen(reading->path);

    snprintf(reading->path + length, sizeof(reading->path) - length, "%s%s[%zu]", length == 0 ? "" : ".", key, index);
    return length;
}

static json_t *reading_array(struct reading *reading, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value)) {
        return NULL;
    }
    if (!json_is_array(value)) {
        reading_fail(reading, key, "must be a list");
        return NULL;
    }
    return value;
}

void reading_list(struct reading *reading, json_t *object, const char *key, void *context,
                  void (*take)(struct reading *reading, json_t *item, void *context))
{
    json_t *array = reading_array(reading, object, key);

    for (size_t i = 0; !reading->failed && i < json_array_size(array); i++) {
        size_t length = reading_enter(reading, key, i);
        if (json_is_object(json_array_get(array, i))) {
            take(reading, json_array_get(array, i), context);
        } else {
            reading_fail(reading, "", "must be an object");
        }
        reading->path[length] = '\0';
    }
}

static void reading_call(struct reading *reading, json_t *item, void *context)
{
    reading_item *take = context;

    (*take)(reading, item);
}

void reading_each(struct reading *reading, const char *key, reading_item take)
{
    for (size_t i = 0; !reading->failed && i < reading->document_count; i++) {
        reading->name = reading->documents[i].name;
        reading->path[0] = '\0';
        reading_list(reading, reading->documents[i].root, key, &take, reading_call);
    }
}

const char *reading_text(struct reading *reading, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value)) {
        return NULL;
    }
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        reading_fail(reading, key, "must be a text");
        return NULL;
    }
    return json_string_value(value);
}

const char *reading_keep(struct reading *reading, json_t *object, const char *key)
{
    return reach_model_text(reading->model, reading_text(reading, object, key));
}

json_t *reading_object(struct reading *reading, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value)) {
        return NULL;
    }
    if (!json_is_object(value)) {
        reading_fail(reading, key, "must be an object");
        return NULL;
    }
    return value;
}

bool reading_bool(struct reading *reading, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    if (value != NULL && !json_is_null(value) && !json_is_boolean(value)) {
        reading_fail(reading, key, "must be true or false");
    }
    return json_is_true(value);
}

int64_t reading_number(struct reading *reading, json_t *object, const char *key, struct reading_range range)
{
    json_t *value = json_object_get(object, key);
    char what[80];

    if (value == NULL || json_is_null(value)) {
        return range.fallback;
    }
    if (!json_is_integer(value) || json_integer_value(value) < range.least || json_integer_value(value) > range.most) {
        snprintf(what, sizeof(what), "must be a whole number from %" PRId64 " to %" PRId64, range.least, range.most);
        reading_fail(reading, key, what);
        return range.fallback;
    }
    return json_integer_value(value);
}

bool reading_prefix(struct reading *reading, json_t *object, const char *key, struct prefix *ret_prefix)
{
    const char *text = reading_text(reading, object, key);

    if (text == NULL || text[0] == '\0') {
        return false;
    }
    if (strchr(text, '%') != NULL || prefix_parse(text, ret_prefix) < 0) {
        reading_fail(reading, key, "is no address and no prefix");
        return false;
    }
    return true;
}

int16_t reading_proto(struct reading *reading, json_t *object, const char *key)
{
    static const struct {
        const char *name;
        int16_t proto;
    } names[] = {{"tcp", REACH_TCP}, {"udp", REACH_UDP}, {"icmp", REACH_ICMP}, {"icmpv6", REACH_ICMPV6}};
    const char *text = reading_text(reading, object, key);
    char *end = NULL;
    long number;

    for (size_t i = 0; text != NULL && i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(text, names[i].name) == 0) {
            return names[i].proto;
        }
    }
    number = text == NULL || text[0] == '\0' ? -2 : strtol(text, &end, 10);
    if (number < -1 || number > 255 || *end != '\0') {
        reading_fail(reading, key, "is no protocol: tcp, udp, icmp, icmpv6, a number up to 255, or -1 for all");
        return REACH_PROTO_ALL;
    }
    return (int16_t)number;
}

struct reach_ref reading_ref(struct reading *reading, json_t *object, const char *key)
{
    const char *id = reading_keep(reading, object, key);

    return (struct reach_ref){.id = id == NULL || id[0] == '\0' ? NULL : id, .at = REACH_NONE};
}

const char *reading_id(struct reading *reading, json_t *object, const char *key)
{
    const char *id = reading_text(reading, object, key);
    char mark[READING_NAME_SIZE];

    if (id == NULL || id[0] == '\0' || strlen(id) + strlen(key) + 2 > sizeof(mark)) {
        reading_fail(reading, key, "must be a text that is not empty");
        return NULL;
    }
    snprintf(mark, sizeof(mark), "%s=%s", key, id);
    if (json_object_get(reading->seen, mark) != NULL) {
        return NULL;
    }
    if (json_object_set_new_nocheck(reading->seen, mark, json_true()) < 0) {
        reading->failed = true;
    }
    return reach_model_text(reading->model, id);
}

bool reading_name_of(const char *name, const char *begin, char *ret_of)
{
    const char *found = strstr(name, begin);
    const char *of = found == NULL ? NULL : found + strlen(begin);
    size_t length;

    if (of == NULL || *of != '.') {
        return false;
    }
    length = strlen(++of);
    if (length > strlen(".json") && strcmp(of + length - strlen(".json"), ".json") == 0) {
        length -= strlen(".json");
    }
    if (length == 0 || length >= READING_NAME_SIZE) {
        return false;
    }
    memcpy(ret_of, of, length);
    ret_of[length] = '\0';
    return true;
}
