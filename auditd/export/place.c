#include "auditd/export/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *place_host(const struct store_finding *finding)
{
    return finding->address[0] != '\0' ? finding->address : finding->name;
}

const char *place_text(const struct store_finding *finding, char buffer[PLACE_SIZE])
{
    const char *host = place_host(finding);

    if (finding->port == 0 && finding->address[0] == '\0') {
        snprintf(buffer, PLACE_SIZE, "%s", host);
    } else {
        snprintf(buffer, PLACE_SIZE, strchr(host, ':') == NULL ? "%s:%" PRId64 "/%s" : "[%s]:%" PRId64 "/%s", host,
                 finding->port, finding->proto);
    }
    return buffer;
}
