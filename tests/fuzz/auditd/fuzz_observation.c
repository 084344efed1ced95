/* One observation line, by both of its readers. */
#include "auditd/ingest/observation.h"
#include "tests/fuzz/auditd/same_port.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void check_port(const struct observation_port *port)
{
    enum port_state state;

    assert(port_state_parse(port_state_name(port->state), &state) == 0 && state == port->state);
    assert(port->tries >= 0 && port->answers >= 0);
}

static void check_host(const struct observation_host *host)
{
    static struct portset ports;
    size_t offset;

    assert(host->summary_count <= OBSERVATION_SUMMARIES_MAX);
    for (size_t i = 0; i < host->summary_count; i++) {
        assert(portset_parse(host->summaries[i].ports, &ports, &offset) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[OBSERVATION_REASON_SIZE] = "";
    struct observation observation;
    int rc;

    assert(port_readers_compare((const char *)data, size) != PORT_READERS_DIFFER);
    rc = observation_parse((const char *)data, size, &observation, reason);
    if (rc < 0) {
        assert(rc == -EBADMSG && reason[0] != '\0' && strlen(reason) < sizeof(reason));
        return 0;
    }
    assert(strlen(observation.scan_id) == OBSERVATION_UUID_SIZE - 1);
    if (observation.type == OBSERVATION_PORT) {
        check_port(&observation.port);
    } else if (observation.type == OBSERVATION_HOST) {
        check_host(&observation.host);
    }
    observation_done(&observation);
    return 0;
}
