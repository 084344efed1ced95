/* The certificates of the read-only store: what is shown now, and by which open endpoints. */
#include "auditd/store/query.h"

/* What has no known end comes last. */
#define CERTIFICATE_END "COALESCE(c.not_after, 9007199254740991)"

/* The endpoints e, open now, whose fact `f` is that they show a certificate. */
#define CERTIFICATE_SHOWN                                                                                              \
    "FROM endpoint_fact f JOIN endpoint e ON e.id = f.endpoint_id JOIN endpoint_state t ON t.endpoint_id = e.id AND "  \
    "t.ended_at IS NULL AND t.state = 'open' JOIN asset a ON a.id = e.asset_id JOIN realm r ON r.id = a.realm_id "     \
    "WHERE f.name = 'cert.sha256' AND f.ended_at IS NULL"

/* Another fact of the same endpoint. */
#define CERTIFICATE_FACT(name)                                                                                         \
    "(SELECT x.value FROM endpoint_fact x WHERE x.endpoint_id = e.id AND x.name = '" name "' AND x.ended_at IS NULL)"

static const char *certificate_sort_key(int sort)
{
    switch ((enum store_certificate_sort)sort) {
    case STORE_CERTIFICATE_BY_FIRST_SEEN:
        return "c.first_seen";
    case STORE_CERTIFICATE_BY_ID:
        return "c.id";
    case STORE_CERTIFICATE_BY_END:
        break;
    }
    return CERTIFICATE_END;
}

/* " AND (…)": any of the texts is one of the certificate's names. Names are no case's (RFC 4343). */
static void certificate_named(struct store_query *query, const struct store_texts *names)
{
    if (names->count == 0) {
        return;
    }
    store_query_add(query, " AND (0");
    for (size_t i = 0; i < names->count; i++) {
        store_query_add(query, " OR instr(' ' || lower(c.names) || ' ', ' ' || lower(?%d) || ' ') > 0",
                        store_query_text(query, names->values[i]));
    }
    store_query_add(query, ")");
}

static void certificate_contains(struct store_query *query, const char *column, const char *text)
{
    if (text != NULL) {
        store_query_add(query, " AND instr(lower(%s), lower(?%d)) > 0", column, store_query_text(query, text));
    }
}

static void certificate_build(struct store_query *query, const struct store_certificate_filter *filter)
{
    const char *key = certificate_sort_key(filter->page.sort);

    store_query_add(query,
                    "%s, c.id, c.sha256, c.subject, c.issuer, c.names, c.key, c.signature, c.not_before, c.not_after, "
                    "c.key_bits, c.first_seen, (SELECT COUNT(*) " CERTIFICATE_SHOWN " AND f.value = c.sha256) "
                    "FROM certificate c WHERE 1",
                    key);
    store_query_among(query, "c.sha256", &filter->sha256s);
    certificate_contains(query, "c.subject", filter->subject);
    certificate_contains(query, "c.issuer", filter->issuer);
    certificate_named(query, &filter->names);
    store_query_between(query, "c.not_after", filter->not_after_since, filter->not_after_before);
    store_query_between(query, "c.first_seen", filter->first_seen_since, filter->first_seen_before);
    if (!filter->with_unseen || filter->hosts.count + filter->realms.count + filter->verdicts.count != 0 ||
        filter->weak) {
        store_query_add(query, " AND c.sha256 IN (SELECT f.value " CERTIFICATE_SHOWN);
        store_query_among(query, "a.uuid", &filter->hosts);
        store_query_among(query, "r.name", &filter->realms);
        store_query_among(query, CERTIFICATE_FACT("cert.verdict"), &filter->verdicts);
        if (filter->weak) {
            store_query_add(query, " AND " CERTIFICATE_FACT("cert.weak") " = 'true'");
        }
        store_query_add(query, ")");
    }
    store_query_page(query, &filter->page, key, "c.id");
}

struct certificate_target {
    store_certificate_fn *fn;
    void *context;
};

static int certificate_row(struct store_row *row, void *context)
{
    struct certificate_target *target = context;
    struct store_shown_certificate certificate;

    certificate.sort_key = store_row_real(row);
    certificate.id = store_row_number(row);
    certificate.sha256 = store_row_text(row);
    certificate.subject = store_row_text(row);
    certificate.issuer = store_row_text(row);
    certificate.names = store_row_text(row);
    certificate.key = store_row_text(row);
    certificate.signature = store_row_text(row);
    certificate.not_before = store_row_number(row);
    certificate.not_after = store_row_number(row);
    certificate.key_bits = store_row_number(row);
    certificate.first_seen = store_row_number(row);
    certificate.endpoint_count = store_row_number(row);
    return target->fn(target->context, &certificate);
}

int store_read_certificates(struct store_reader *reader, const struct store_certificate_filter *filter,
                            store_certificate_fn *fn, void *context)
{
    struct certificate_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT ");
    certificate_build(&query, filter);
    rc = store_query_run(&query, reader, certificate_row, &target);
    store_query_done(&query);
    return rc;
}

struct shower_target {
    store_certificate_endpoint_fn *fn;
    void *context;
};

static int shower_row(struct store_row *row, void *context)
{
    struct shower_target *target = context;
    struct store_certificate_endpoint endpoint;

    endpoint.host = store_row_text(row);
    endpoint.realm = store_row_text(row);
    endpoint.address = store_row_text(row);
    endpoint.proto = store_row_text(row);
    endpoint.vantage = store_row_text(row);
    endpoint.verdict = store_row_text(row);
    endpoint.name_mismatch = store_row_text(row);
    endpoint.weak = store_row_text(row);
    endpoint.port = store_row_number(row);
    endpoint.since = store_row_number(row);
    return target->fn(target->context, &endpoint);
}

int store_read_certificate_endpoints(struct store_reader *reader, const char *sha256, uint32_t limit,
                                     store_certificate_endpoint_fn *fn, void *context)
{
    struct shower_target target = {fn, context};
    struct store_query query;
    int rc;

    store_query_init(&query, "SELECT a.uuid, r.name, e.address, e.proto, (SELECT v.name FROM vantage v WHERE v.id = "
                             "e.vantage_id), " CERTIFICATE_FACT("cert.verdict") ", " CERTIFICATE_FACT(
                                 "cert.name_mismatch") ", " CERTIFICATE_FACT("cert.weak") ", e.port, "
                                                                                          "f.since " CERTIFICATE_SHOWN);
    store_query_add(&query, " AND f.value = ?%d", store_query_text(&query, sha256));
    store_query_add(&query, " ORDER BY e.id LIMIT ?%d", store_query_number(&query, limit));
    rc = store_query_run(&query, reader, shower_row, &target);
    store_query_done(&query);
    return rc;
}
