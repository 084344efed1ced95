#include "scanner/plan_known.h"

#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct known_endpoint {
    struct addr addr;
    uint16_t port;
};

struct plan_known {
    json_t *array;
    struct known_endpoint *endpoints; /* by address and port */
    size_t count;
};

static int compare(const void *left, const void *right)
{
    const struct known_endpoint *a = left;
    const struct known_endpoint *b = right;
    int order = addr_compare(&a->addr, &b->addr);

    return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

static bool is_time(const char *text)
{
    int64_t ms;

    return text != NULL && wall_parse(text, &ms) == 0;
}

/* What is amiss, or NULL. */
static const char *read_endpoint(const json_t *value, struct known_endpoint *ret_endpoint)
{
    const char *host = json_string_value(json_object_get(value, "host"));
    const char *proto = json_string_value(json_object_get(value, "proto"));
    const char *service = json_string_value(json_object_get(value, "service"));
    const json_t *port = json_object_get(value, "port");

    if (json_object_size(value) != 5) {
        return "must have host, proto, port, service and asked, and nothing else";
    }
    if (host == NULL || addr_parse(host, &ret_endpoint->addr) < 0) {
        return "host must be an address";
    }
    if (proto == NULL || strcmp(proto, "tcp") != 0) {
        return "proto must be tcp";
    }
    if (!json_is_integer(port) || json_integer_value(port) < 0 || json_integer_value(port) > UINT16_MAX) {
        return "port must be a number from 0 to 65535";
    }
    if (service == NULL || service[0] == '\0') {
        return "service must be the name of what answered";
    }
    if (!is_time(json_string_value(json_object_get(value, "asked")))) {
        return "asked must be a time, as 2026-11-22T12:00:00Z";
    }
    ret_endpoint->port = (uint16_t)json_integer_value(port);
    return NULL;
}

static int read_all(struct plan_known *known, const json_t *array, struct problem *problem)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *amiss = read_endpoint(json_array_get(array, i), &known->endpoints[i]);
        if (amiss != NULL) {
            return problem_set(problem, -EINVAL, "plan/services/known/%zu: %s", i, amiss);
        }
        known->count++;
    }
    qsort(known->endpoints, known->count, sizeof(*known->endpoints), compare);
    return 0;
}

int plan_known_read(const json_t *array, struct plan_known **ret_known, struct problem *problem)
{
    struct plan_known *known;
    int rc;

    if (!json_is_array(array)) {
        return problem_set(problem, -EINVAL, "plan/services/known: must be an array of endpoints");
    }
    known = calloc(1, sizeof(*known));
    if (known != NULL) {
        known->array = json_deep_copy(array);
        known->endpoints = calloc(json_array_size(array) + 1, sizeof(*known->endpoints));
    }
    rc = known == NULL || known->array == NULL || known->endpoints == NULL
             ? problem_set(problem, -ENOMEM, "out of memory")
             : read_all(known, array, problem);
    if (rc < 0) {
        plan_known_destroy(known);
        return rc;
    }
    *ret_known = known;
    return 0;
}

void plan_known_destroy(struct plan_known *known)
{
    if (known != NULL) {
        json_decref(known->array);
        free(known->endpoints);
        free(known);
    }
}

bool plan_known_has(const struct plan_known *known, const struct addr *addr, uint16_t port)
{
    const struct known_endpoint key = {.addr = *addr, .port = port};

    return known != NULL && bsearch(&key, known->endpoints, known->count, sizeof(key), compare) != NULL;
}

json_t *plan_known_write(const struct plan_known *known)
{
    return json_deep_copy(known->array);
}
