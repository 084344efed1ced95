/* RFC 4180: a line of names, then a line a record, each ended by CRLF. */
#include "auditd/export/export.h"
#include "auditd/export/looked.h"
#include "auditd/export/text.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

static const char csv_finding_names[] =
    "schema,type,scan_id,ts,realm,vantage,host,name,port,proto,state,reason,service,rule_id,severity,presence,"
    "disposition,sight,penalty,breadth_class,owner,title,why,fix,first_seen,fingerprint,policy_hash,controls";

static const char csv_endpoint_names[] =
    "schema,type,ts,realm,vantage,vantage_class,host,port,proto,state,reason,service,product,version,tls,tls_version,"
    "auth,first_seen";

static const char csv_host_names[] =
    "schema,type,uuid,realm,host,name,state,last_up,grade,score,exposure,coverage,ports_open,critical,high,medium,low,"
    "ephemeral,created_at,ended_at,end_reason";

static const char csv_certificate_names[] =
    "schema,type,sha256,subject,issuer,names,not_before,not_after,key,key_bits,signature,first_seen,"
    "endpoint_count";

enum { CSV_NUMBER_SIZE = 32 };

/* The cells of one line; the caller ends it. */
static void csv_cells(FILE *out, const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            putc(',', out);
        }
        text_print_cell(out, cells[i]);
    }
    fputs("\r\n", out);
}

static int csv_finding(void *context, const struct store_finding *finding)
{
    struct export_run *run = context;
    struct looked looked;
    char seen[WALL_TEXT_SIZE];
    char first[WALL_TEXT_SIZE];
    char port[24];
    char penalty[32];
    int rc = looked_read(run->reader, finding, &looked);
    const char *const cells[] = {"leastport.finding/1",
                                 "finding",
                                 finding->scan,
                                 wall_format(finding->last_seen, seen),
                                 finding->realm,
                                 looked.vantage,
                                 finding->address,
                                 finding->name,
                                 port,
                                 finding->proto,
                                 looked.state,
                                 looked.reason,
                                 finding->service,
                                 finding->rule_id,
                                 finding->severity,
                                 finding->presence,
                                 finding->disposition,
                                 finding->sight,
                                 penalty,
                                 finding->breadth_class,
                                 finding->owner,
                                 finding->title,
                                 finding->why,
                                 finding->fix,
                                 wall_format(finding->first_seen, first),
                                 finding->fingerprint,
                                 finding->policy_hash,
                                 finding->controls};

    snprintf(port, sizeof(port), "%" PRId64, finding->port);
    snprintf(penalty, sizeof(penalty), "%.15g", finding->penalty);
    if (rc == 0) {
        csv_cells(run->out, cells, sizeof(cells) / sizeof(*cells));
    }
    return rc != 0 ? rc : ferror(run->out) != 0 ? -EIO : 0;
}

static const char *csv_fact(const struct store_endpoint *endpoint, const char *name)
{
    const char *value = store_endpoint_fact(endpoint, name);

    return value == NULL ? "" : value;
}

static int csv_endpoint(void *context, const struct store_endpoint *endpoint)
{
    struct export_run *run = context;
    char seen[WALL_TEXT_SIZE];
    char first[WALL_TEXT_SIZE];
    char port[24];
    const char *const cells[] = {"leastport.endpoint/1",
                                 "endpoint",
                                 wall_format(endpoint->last_seen, seen),
                                 endpoint->realm,
                                 endpoint->vantage,
                                 endpoint->vantage_class,
                                 endpoint->address,
                                 port,
                                 endpoint->proto,
                                 endpoint->state,
                                 endpoint->reason,
                                 endpoint->service,
                                 csv_fact(endpoint, "product"),
                                 csv_fact(endpoint, "version"),
                                 csv_fact(endpoint, "tls"),
                                 csv_fact(endpoint, "tls.version"),
                                 csv_fact(endpoint, "auth"),
                                 wall_format(endpoint->first_seen, first)};

    snprintf(port, sizeof(port), "%" PRId64, endpoint->port);
    csv_cells(run->out, cells, sizeof(cells) / sizeof(*cells));
    return ferror(run->out) != 0 ? -EIO : 0;
}

/* "" for what is not known. */
static const char *csv_real(double real, char text[CSV_NUMBER_SIZE])
{
    text[0] = '\0';
    if (isfinite(real)) {
        snprintf(text, CSV_NUMBER_SIZE, "%.15g", real);
    }
    return text;
}

static const char *csv_count(int64_t count, char text[CSV_NUMBER_SIZE])
{
    text[0] = '\0';
    if (count >= 0) {
        snprintf(text, CSV_NUMBER_SIZE, "%" PRId64, count);
    }
    return text;
}

static const char *csv_time(int64_t time_ms, char text[WALL_TEXT_SIZE])
{
    text[0] = '\0';
    return time_ms == 0 ? text : wall_format(time_ms, text);
}

static int csv_host(void *context, const struct store_host *host)
{
    struct export_run *run = context;
    char times[3][WALL_TEXT_SIZE];
    char numbers[8][CSV_NUMBER_SIZE];
    const char *const cells[] = {"leastport.host/1",
                                 "host",
                                 host->uuid,
                                 host->realm,
                                 host->address,
                                 host->name,
                                 host->state,
                                 csv_time(host->last_up, times[0]),
                                 host->grade,
                                 csv_real(host->score, numbers[0]),
                                 csv_real(host->exposure, numbers[1]),
                                 csv_real(host->coverage, numbers[2]),
                                 csv_count(host->ports_open, numbers[3]),
                                 csv_count(host->findings[3], numbers[4]),
                                 csv_count(host->findings[2], numbers[5]),
                                 csv_count(host->findings[1], numbers[6]),
                                 csv_count(host->findings[0], numbers[7]),
                                 host->is_ephemeral ? "true" : "false",
                                 csv_time(host->created_at, times[1]),
                                 csv_time(host->ended_at, times[2]),
                                 host->end_reason};

    csv_cells(run->out, cells, sizeof(cells) / sizeof(*cells));
    return ferror(run->out) != 0 ? -EIO : 0;
}

static int csv_certificate(void *context, const struct store_shown_certificate *certificate)
{
    struct export_run *run = context;
    char times[3][WALL_TEXT_SIZE];
    char numbers[2][CSV_NUMBER_SIZE];
    const char *const cells[] = {"leastport.certificate/1",
                                 "certificate",
                                 certificate->sha256,
                                 certificate->subject,
                                 certificate->issuer,
                                 certificate->names,
                                 csv_time(certificate->not_before, times[0]),
                                 csv_time(certificate->not_after, times[1]),
                                 certificate->key,
                                 csv_count(certificate->key_bits == 0 ? -1 : certificate->key_bits, numbers[0]),
                                 certificate->signature,
                                 csv_time(certificate->first_seen, times[2]),
                                 csv_count(certificate->endpoint_count, numbers[1])};

    csv_cells(run->out, cells, sizeof(cells) / sizeof(*cells));
    return ferror(run->out) != 0 ? -EIO : 0;
}

static int csv_write(struct export_run *run)
{
    static const char *const names[] = {[EXPORT_FINDINGS] = csv_finding_names,
                                        [EXPORT_ENDPOINTS] = csv_endpoint_names,
                                        [EXPORT_HOSTS] = csv_host_names,
                                        [EXPORT_CERTIFICATES] = csv_certificate_names};
    const struct export_options *options = run->options;
    struct store_endpoint_filter endpoints = options->endpoints;

    fprintf(run->out, "%s\r\n", names[options->subject]);
    endpoints.with_facts = true;
    switch (options->subject) {
    case EXPORT_ENDPOINTS:
        return store_read_endpoints(run->reader, &endpoints, csv_endpoint, run);
    case EXPORT_HOSTS:
        return store_read_hosts(run->reader, &options->hosts, csv_host, run);
    case EXPORT_CERTIFICATES:
        return store_read_certificates(run->reader, &options->certificates, csv_certificate, run);
    case EXPORT_FINDINGS:
        break;
    }
    return store_read_findings(run->reader, &options->findings, csv_finding, run);
}

const struct export_driver export_csv = {
    .name = "csv",
    .has_subjects = true,
    .write = csv_write,
};
