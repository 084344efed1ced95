#include "auditd/export/looked.h"

#include <stdio.h>

static int looked_take(void *context, const struct store_endpoint *endpoint)
{
    struct looked *looked = context;

    snprintf(looked->state, sizeof(looked->state), "%s", endpoint->state);
    snprintf(looked->reason, sizeof(looked->reason), "%s", endpoint->reason);
    snprintf(looked->vantage, sizeof(looked->vantage), "%s", endpoint->vantage);
    return 0;
}

int looked_read(struct store_reader *reader, const struct store_finding *finding, struct looked *ret_looked)
{
    const struct store_endpoint_filter filter = {
        .hosts = {&finding->host, 1},
        .protos = {&finding->proto, 1},
        .ports = {&finding->port, 1},
        .page = {.sort = STORE_ENDPOINT_BY_LAST_SEEN, .is_descending = true, .limit = 1},
    };

    *ret_looked = (struct looked){0};
    return store_read_endpoints(reader, &filter, looked_take, ret_looked);
}
