/* One object of JSON a line. */
#include "auditd/report/jsonl.h"

#include "auditd/export/export.h"

static int jsonl_write(struct export_run *run)
{
    struct store_endpoint_filter endpoints = run->options->endpoints;

    endpoints.with_facts = true;
    return run->options->wants_endpoints ? report_jsonl_endpoints(run->reader, &endpoints, run->out)
                                         : report_jsonl_findings(run->reader, &run->options->findings, run->out);
}

const struct export_driver export_jsonl = {
    .name = "jsonl",
    .has_endpoints = true,
    .write = jsonl_write,
};
