#include "web/known.h"

#include "lib/clock.h"
#include "lib/fact.h"

#include <stdlib.h>
#include <string.h>

enum { KNOWN_DAY_MS = 24 * 3600 * 1000 };

int64_t known_days(int64_t end_ms, int64_t now_ms)
{
    int64_t days = (end_ms - now_ms) / KNOWN_DAY_MS;

    return days - ((end_ms - now_ms) % KNOWN_DAY_MS < 0 ? 1 : 0);
}

static void known_write_value(struct json_writer *writer, const struct store_endpoint_fact *fact)
{
    const struct fact_kind *kind = fact_kind_find(fact->name);

    if (kind != NULL && kind->type == FACT_NUMBER) {
        json_put_number(writer, fact->name, strtoll(fact->value, NULL, 10));
    } else if (kind != NULL && kind->type == FACT_TRUTH) {
        json_put_flag(writer, fact->name, strcmp(fact->value, "true") == 0);
    } else {
        json_put_text(writer, fact->name, fact->value);
    }
}

/* The days that are left stand in no row: they follow from the certificate's end. */
static void known_write_facts(struct json_writer *writer, const struct store_endpoint *endpoint, int64_t now_ms)
{
    int64_t end_ms;

    json_open_object(writer, "facts");
    for (size_t i = 0; i < endpoint->fact_count; i++) {
        const struct store_endpoint_fact *fact = &endpoint->facts[i];
        known_write_value(writer, fact);
        if (strcmp(fact->name, "cert.not_after") == 0 && wall_parse(fact->value, &end_ms) == 0) {
            json_put_number(writer, "cert.days_left", known_days(end_ms, now_ms));
        }
    }
    json_close_object(writer);
}

void known_write(struct json_writer *writer, const struct store_endpoint *endpoint, int64_t now_ms)
{
    const char *service = store_endpoint_fact(endpoint, "service");
    const char *tls = store_endpoint_fact(endpoint, "tls");

    json_put_flag(writer, "recognised", service != NULL);
    json_put_text(writer, "product", store_endpoint_fact(endpoint, "product"));
    json_put_text(writer, "version", store_endpoint_fact(endpoint, "version"));
    /* Whoever recognised it without TLS has seen that it needs none. */
    if (tls == NULL && service == NULL) {
        json_put_null(writer, "tls");
    } else {
        json_put_flag(writer, "tls", tls != NULL && strcmp(tls, "true") == 0);
    }
    json_put_text(writer, "auth", store_endpoint_fact(endpoint, "auth"));
    json_put_time(writer, "asked_at", endpoint->asked_at);
    if (!endpoint->was_asked) {
        json_put_null(writer, "facts");
        json_put_null(writer, "evidence");
        return;
    }
    known_write_facts(writer, endpoint, now_ms);
    json_put_stored(writer, "evidence", endpoint->evidence);
}
