/* /api/v1/findings/export, and the same of endpoints, hosts and certificates: what a list's filters let through, in the
 * formats of `leastport export`, as a file that is written while it is sent. */
#include "auditd/export/export.h"
#include "lib/clock.h"
#include "web/accept.h"
#include "web/api.h"
#include "web/api_certificate.h"
#include "web/api_endpoint.h"
#include "web/api_finding.h"
#include "web/api_host.h"
#include "web/download.h"
#include "web/route.h"
#include "web/store_pool.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct export_format {
    const char *name;   /* the driver's */
    const char *media;  /* without parameters */
    const char *type;   /* Content-Type */
    const char *suffix; /* of the file's name */
};

static const struct export_format export_formats[] = {
    {"csv", "text/csv", "text/csv; charset=utf-8; header=present", "csv"},
    {"jsonl", "application/x-ndjson", "application/x-ndjson", "jsonl"},
    {"sarif", "application/sarif+json", "application/sarif+json", "sarif"},
    {"ocsf", "application/x-ndjson", "application/x-ndjson", "ocsf.jsonl"},
    {"defectdojo", "application/json", "application/json", "defectdojo.json"},
    {"html", "text/html", "text/html; charset=utf-8", "html"},
    {"xml", "application/xml", "application/xml", "xml"},
};

static const char *const export_finding_formats[] = {"csv", "jsonl", "sarif", "ocsf", "defectdojo", "html", NULL};
static const char *const export_endpoint_formats[] = {"csv", "jsonl", "xml", NULL};
static const char *const export_row_formats[] = {"csv", "jsonl", NULL};

enum { EXPORT_PARAMS = 32 };

/* One export, which outlives the exchange that began it. Filters borrow from `uri` and `params`. */
struct api_export {
    struct store_pool *pool;
    struct principal principal;
    struct uri uri;
    struct params params;
    struct export_options options;
    const struct export_driver *driver;
};

static void export_done(void *context)
{
    struct api_export *export = context;

    if (export != NULL) {
        uri_done(&export->uri);
        principal_done(&export->principal);
        free(export);
    }
}

static int export_write_file(void *context, FILE *out)
{
    struct api_export *export = context;
    struct export_run run = {.options = &export->options, .out = out};
    char error[STORE_READ_ERROR_SIZE];
    int rc = store_pool_borrow(export->pool, principal_is_limited(&export->principal) ? &export->principal.reach : NULL,
                               error, &run.reader);

    if (rc == 0) {
        rc = export->driver->write(&run);
        store_pool_return(export->pool, run.reader, rc != 0 && ferror(out) == 0);
    }
    return rc;
}

/* ---- what is asked for ---- */

/* A list's own filters and the format. A page of it is not to be had. */
static bool export_parse(struct exchange *exchange, struct api_export *export, const struct param_table *list,
                         void *filter)
{
    struct param params[EXPORT_PARAMS];
    struct param_table table = *list;

    if (!params_has_no_page(&export->uri, "An export is of all that the filters let through.", &exchange->problem)) {
        return false;
    }
    assert(list->param_count < EXPORT_PARAMS);
    memcpy(params, list->params, list->param_count * sizeof(*params));
    table.params = params;
    table.sorts = NULL;
    table.groups = NULL;
    table.sort = 0;
    table.is_descending = false;
    if (!params_parse(&table, &export->uri, filter, &export->params, &exchange->problem)) {
        return false;
    }
    memset((char *)filter + table.page_offset, 0, sizeof(struct store_page));
    return true;
}

/* The format is taken out of the parameters; the list's filters stay. */
static const struct export_format *export_take_format(struct exchange *exchange, struct uri *uri,
                                                      const char *const *names)
{
    const char *wanted = names[0];
    size_t kept = 0;
    size_t seen = 0;

    for (size_t i = 0; i < uri->param_count; i++) {
        if (strcmp(uri->params[i].name, "format") == 0 && seen++ == 0) {
            wanted = uri->params[i].value;
        } else {
            uri->params[kept++] = uri->params[i];
        }
    }
    uri->param_count = kept;
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], wanted) != 0) {
            continue;
        }
        for (size_t f = 0; f < sizeof(export_formats) / sizeof(*export_formats); f++) {
            if (strcmp(export_formats[f].name, wanted) == 0) {
                return &export_formats[f];
            }
        }
    }
    problem_set(&exchange->problem, 400, "The query has a parameter that cannot be read: format.");
    problem_point(&exchange->problem, "query", "format", "must be one of %s",
                  names == export_finding_formats    ? "csv, jsonl, sarif, ocsf, defectdojo, html"
                  : names == export_endpoint_formats ? "csv, jsonl, xml"
                                                     : "csv, jsonl");
    return NULL;
}

static bool export_is_accepted(struct exchange *exchange, const struct export_format *format)
{
    if (accept_takes(exchange->head->accept, format->media)) {
        return true;
    }
    problem_set(&exchange->problem, 406, "The format %s is %s.", format->name, format->media);
    problem_point(&exchange->problem, "header", "Accept", "does not take %s", format->media);
    return false;
}

/* ---- the answer ---- */

/* "leastport-findings-20261122T110500Z.csv". */
static void export_name(struct exchange *exchange, const char *resource, int64_t now_ms,
                        const struct export_format *format)
{
    char text[WALL_TEXT_SIZE];
    char moment[WALL_TEXT_SIZE];
    size_t length = 0;

    wall_format(now_ms, text);
    for (const char *at = text; *at != '\0' && *at != '.'; at++) {
        if (isalnum((unsigned char)*at)) {
            moment[length++] = *at;
        }
    }
    length -= length > 0 && moment[length - 1] == 'Z' ? 1 : 0;
    moment[length] = '\0';
    snprintf(exchange->file_name, sizeof(exchange->file_name), "leastport-%s-%sZ.%s", resource, moment, format->suffix);
}

static void export_refuse(struct exchange *exchange, int rc)
{
    exchange->file_name[0] = '\0';
    if (rc == -EDQUOT) {
        problem_set(&exchange->problem, 429,
                    "This token has %d exports that are under way or wait; ask again when one has ended.",
                    DOWNLOAD_TOKEN_MAX);
        exchange->retry_after_s = 5;
    } else if (rc == -EBUSY) {
        problem_set(&exchange->problem, 503, "%d exports are under way or wait; ask again in a moment.", DOWNLOAD_MAX);
    } else {
        problem_set(&exchange->problem, 503, "Out of memory.");
    }
}

/* Takes the export. */
static void export_begin(struct exchange *exchange, struct api_export *export, const struct export_format *format)
{
    const struct download_job job = {export_write_file, export_done, export, exchange->principal.token};
    int rc = -EBUSY;

    exchange->content_type = format->type;
    if (strcmp(exchange->head->method, "HEAD") == 0) {
        export_done(export);
        return;
    }
    if (exchange->site->downloads == NULL) {
        export_done(export);
    } else {
        rc = download_open(exchange->site->downloads, &job, &exchange->download);
    }
    if (rc != 0) {
        export_refuse(exchange, rc);
    }
}

static struct api_export *export_make(struct exchange *exchange)
{
    struct api_export *export = calloc(1, sizeof(*export));
    int rc = export == NULL ? -ENOMEM : principal_copy(&exchange->principal, &export->principal);

    rc = rc == 0 ? uri_parse(exchange->head->target, &export->uri) : rc;
    if (rc != 0) {
        problem_set(&exchange->problem, 503, "Out of memory.");
        export_done(export);
        return NULL;
    }
    export->pool = exchange->site->pool;
    export->options.now_ms = wall_now_ms();
    return export;
}

/* What a report shows of open ports beside the findings: those of the filters that ports have, too. */
static void export_match_endpoints(struct export_options *options)
{
    const struct store_finding_filter *findings = &options->findings;

    options->endpoints = (struct store_endpoint_filter){
        .hosts = findings->hosts,
        .realms = findings->realms,
        .addresses = findings->addresses,
        .vantages = findings->vantages,
        .protos = findings->protos,
        .services = findings->services,
        .ports = findings->ports,
    };
}

void api_findings_export(struct exchange *exchange)
{
    struct api_export *export = export_make(exchange);
    const struct export_format *format =
        export == NULL ? NULL : export_take_format(exchange, &export->uri, export_finding_formats);

    if (format == NULL || !export_parse(exchange, export, &api_finding_table, &export->options.findings) ||
        !api_finding_is_of_now(exchange, &export->options.findings) || !export_is_accepted(exchange, format)) {
        export_done(export);
        return;
    }
    export_match_endpoints(&export->options);
    export->driver = export_find(format->name);
    export_name(exchange, "findings", export->options.now_ms, format);
    export_begin(exchange, export, format);
}

/* nmap's XML knows of no other moment, and we write no other state into it. */
static bool export_is_open_now(struct exchange *exchange, const struct export_format *format,
                               const struct store_endpoint_filter *filter)
{
    bool is_open =
        filter->states.count == 0 || (filter->states.count == 1 && strcmp(filter->states.values[0], "open") == 0);

    if (strcmp(format->name, "xml") != 0 || (is_open && filter->as_of == 0 && !filter->with_ended)) {
        return true;
    }
    problem_set(&exchange->problem, 400,
                "The format xml tells of what is open now; csv and jsonl of other states and times.");
    problem_point(&exchange->problem, "query", is_open ? filter->as_of != 0 ? "as_of" : "with_ended" : "state",
                  "cannot stand beside format=xml");
    return false;
}

void api_endpoints_export(struct exchange *exchange)
{
    struct api_export *export = export_make(exchange);
    const struct export_format *format =
        export == NULL ? NULL : export_take_format(exchange, &export->uri, export_endpoint_formats);

    if (format == NULL || !export_parse(exchange, export, &api_endpoint_table, &export->options.endpoints) ||
        !api_endpoint_is_clear(exchange, &export->options.endpoints) ||
        !export_is_open_now(exchange, format, &export->options.endpoints) || !export_is_accepted(exchange, format)) {
        export_done(export);
        return;
    }
    export->options.subject = EXPORT_ENDPOINTS;
    export->driver = export_find(format->name);
    export_name(exchange, "endpoints", export->options.now_ms, format);
    export_begin(exchange, export, format);
}

/* Of rows that have no format but these two: `filter` is a part of `export`'s options. */
static void export_rows(struct exchange *exchange, struct api_export *export, const struct param_table *list,
                        void *filter)
{
    const struct export_format *format = export_take_format(exchange, &export->uri, export_row_formats);

    if (format == NULL || !export_parse(exchange, export, list, filter) || !export_is_accepted(exchange, format)) {
        export_done(export);
        return;
    }
    export->driver = export_find(format->name);
    export_name(exchange, list->resource, export->options.now_ms, format);
    export_begin(exchange, export, format);
}

void api_hosts_export(struct exchange *exchange)
{
    struct api_export *export = export_make(exchange);

    if (export != NULL) {
        export->options.subject = EXPORT_HOSTS;
        export_rows(exchange, export, &api_host_table, &export->options.hosts);
    }
}

void api_certificates_export(struct exchange *exchange)
{
    struct api_export *export = export_make(exchange);

    if (export != NULL) {
        export->options.subject = EXPORT_CERTIFICATES;
        export_rows(exchange, export, &api_certificate_table, &export->options.certificates);
    }
}
