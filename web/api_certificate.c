/* /api/v1/certificates: what open endpoints show, when it ends, and who shows it. */
#include "web/api_certificate.h"

#include "lib/clock.h"
#include "web/api.h"
#include "web/known.h"
#include "web/list.h"

#include <string.h>

enum { CERTIFICATE_ENDPOINTS_MAX = 100 };

static const char *const certificate_verdicts[] = {
    "trusted", "self-signed", "unknown-issuer", "expired", "not-yet-valid", "bad", NULL};
static const char *const certificate_sorts[] = {"not_after", "first_seen", "id", NULL};

static const struct param certificate_params[] = {
    {"sha256", PARAM_TEXTS, offsetof(struct store_certificate_filter, sha256s), NULL},
    {"subject", PARAM_TEXT, offsetof(struct store_certificate_filter, subject), NULL},
    {"issuer", PARAM_TEXT, offsetof(struct store_certificate_filter, issuer), NULL},
    {"name", PARAM_TEXTS, offsetof(struct store_certificate_filter, names), NULL},
    {"host", PARAM_TEXTS, offsetof(struct store_certificate_filter, hosts), NULL},
    {"realm", PARAM_TEXTS, offsetof(struct store_certificate_filter, realms), NULL},
    {"verdict", PARAM_CHOICES, offsetof(struct store_certificate_filter, verdicts), certificate_verdicts},
    {"not_after_since", PARAM_TIME, offsetof(struct store_certificate_filter, not_after_since), NULL},
    {"not_after_before", PARAM_TIME, offsetof(struct store_certificate_filter, not_after_before), NULL},
    {"first_seen_since", PARAM_TIME, offsetof(struct store_certificate_filter, first_seen_since), NULL},
    {"first_seen_before", PARAM_TIME, offsetof(struct store_certificate_filter, first_seen_before), NULL},
    {"weak", PARAM_FLAG, offsetof(struct store_certificate_filter, weak), NULL},
    {"with_unseen", PARAM_FLAG, offsetof(struct store_certificate_filter, with_unseen), NULL},
};

const struct param_table api_certificate_table = {
    .resource = "certificates",
    .params = certificate_params,
    .param_count = sizeof(certificate_params) / sizeof(*certificate_params),
    .page_offset = offsetof(struct store_certificate_filter, page),
    .sorts = certificate_sorts,
    .sort = STORE_CERTIFICATE_BY_END,
};

struct certificate_list {
    struct list list;
    int64_t now_ms;
};

static void certificate_write_names(struct json_writer *writer, const char *names)
{
    char name[512];

    json_open_array(writer, "names");
    while (*names != '\0') {
        size_t length = strcspn(names, " ");
        if (length > 0) {
            size_t kept = length < sizeof(name) - 1 ? length : sizeof(name) - 1;
            memcpy(name, names, kept);
            name[kept] = '\0';
            json_put_text(writer, NULL, name);
        }
        names += length + (names[length] == ' ');
    }
    json_close_array(writer);
}

static void certificate_put_truth(struct json_writer *writer, const char *key, const char *truth)
{
    if (truth[0] == '\0') {
        json_put_null(writer, key);
    } else {
        json_put_flag(writer, key, strcmp(truth, "true") == 0);
    }
}

static int certificate_endpoint_row(void *context, const struct store_certificate_endpoint *endpoint)
{
    struct json_writer *writer = context;

    json_open_object(writer, NULL);
    json_put_text(writer, "host", endpoint->host);
    json_put_text(writer, "realm", endpoint->realm);
    json_put_text(writer, "address", endpoint->address);
    json_put_text(writer, "proto", endpoint->proto);
    json_put_number(writer, "port", endpoint->port);
    json_put_text(writer, "vantage", endpoint->vantage);
    json_put_text_or_null(writer, "verdict", endpoint->verdict);
    certificate_put_truth(writer, "name_mismatch", endpoint->name_mismatch);
    certificate_put_truth(writer, "weak", endpoint->weak);
    json_put_time(writer, "since", endpoint->since);
    json_close_object(writer);
    return 0;
}

static void certificate_write(struct json_writer *writer, const struct store_shown_certificate *certificate,
                              int64_t now_ms)
{
    json_put_text(writer, "sha256", certificate->sha256);
    json_put_text(writer, "subject", certificate->subject);
    json_put_text(writer, "issuer", certificate->issuer);
    certificate_write_names(writer, certificate->names);
    json_put_time(writer, "not_before", certificate->not_before);
    json_put_time(writer, "not_after", certificate->not_after);
    if (certificate->not_after == 0) {
        json_put_null(writer, "days_left");
    } else {
        json_put_number(writer, "days_left", known_days(certificate->not_after, now_ms));
    }
    json_put_text_or_null(writer, "key", certificate->key);
    if (certificate->key_bits == 0) {
        json_put_null(writer, "key_bits");
    } else {
        json_put_number(writer, "key_bits", certificate->key_bits);
    }
    json_put_text_or_null(writer, "signature", certificate->signature);
    json_put_time(writer, "first_seen", certificate->first_seen);
    json_put_number(writer, "endpoint_count", certificate->endpoint_count);
}

static int certificate_row(void *context, const struct store_shown_certificate *certificate)
{
    struct certificate_list *certificates = context;
    struct json_writer *writer = &certificates->list.writer;
    int rc;

    if (!list_takes(&certificates->list, certificate->sort_key, certificate->id)) {
        return 0;
    }
    json_open_object(writer, NULL);
    certificate_write(writer, certificate, certificates->now_ms);
    json_open_array(writer, "endpoints");
    rc = store_read_certificate_endpoints(certificates->list.exchange->reader, certificate->sha256,
                                          CERTIFICATE_ENDPOINTS_MAX, certificate_endpoint_row, writer);
    json_close_array(writer);
    json_close_object(writer);
    return rc;
}

void api_certificates(struct exchange *exchange)
{
    struct store_certificate_filter filter = {0};
    struct certificate_list certificates = {.now_ms = wall_now_ms()};
    struct params params;

    if (params_parse(&api_certificate_table, exchange->uri, &filter, &params, &exchange->problem)) {
        list_open(&certificates.list, exchange, &params);
        list_close(&certificates.list,
                   store_read_certificates(exchange->reader, &filter, certificate_row, &certificates));
    }
}
