/* RFC 4180: a line of names, then a line a record, each ended by CRLF. */
#include "auditd/export/export.h"
#include "auditd/export/looked.h"
#include "auditd/export/text.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>

static const char csv_finding_names[] =
    "schema,type,scan_id,ts,realm,vantage,host,name,port,proto,state,reason,service,rule_id,severity,presence,"
    "disposition,sight,penalty,breadth_class,owner,title,why,fix,first_seen,fingerprint,policy_hash,controls";

static const char csv_endpoint_names[] =
    "schema,type,ts,realm,vantage,vantage_class,host,port,proto,state,reason,service,product,version,tls,tls_version,"
    "auth,first_seen";

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

static int csv_write(struct export_run *run)
{
    struct store_endpoint_filter endpoints = run->options->endpoints;

    fprintf(run->out, "%s\r\n", run->options->wants_endpoints ? csv_endpoint_names : csv_finding_names);
    endpoints.with_facts = true;
    return run->options->wants_endpoints ? store_read_endpoints(run->reader, &endpoints, csv_endpoint, run)
                                         : store_read_findings(run->reader, &run->options->findings, csv_finding, run);
}

const struct export_driver export_csv = {
    .name = "csv",
    .has_endpoints = true,
    .write = csv_write,
};
