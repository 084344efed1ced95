/* The two readers of a port's line beside each other. */
#ifndef LEASTPORT_TESTS_FUZZ_AUDITD_SAME_PORT_H
#define LEASTPORT_TESTS_FUZZ_AUDITD_SAME_PORT_H

#include "auditd/ingest/observation.h"
#include "auditd/ingest/port_line.h"

#include <string.h>

static inline bool same_port(const struct observation *a, const struct observation *b)
{
    const struct observation_port *left = &a->port;
    const struct observation_port *right = &b->port;

    return a->type == b->type && strcmp(a->scan_id, b->scan_id) == 0 && a->ts_ms == b->ts_ms &&
           addr_equal(&left->host, &right->host) && strcmp(left->name, right->name) == 0 &&
           left->is_udp == right->is_udp && left->port == right->port && left->state == right->state &&
           strcmp(left->reason, right->reason) == 0 && strcmp(left->service, right->service) == 0 &&
           left->tries == right->tries && left->answers == right->answers && left->watch == right->watch &&
           left->self == right->self && strcmp(left->bound, right->bound) == 0;
}

enum port_readers { PORT_READERS_LEFT, PORT_READERS_AGREE, PORT_READERS_DIFFER };

/* Whether the quick reader left the line to the other, or both made the same of it. */
static inline enum port_readers port_readers_compare(const char *line, size_t length)
{
    char reason[OBSERVATION_REASON_SIZE];
    struct observation quick;
    struct observation full;
    bool same;

    if (!port_line_parse(line, length, &quick)) {
        return PORT_READERS_LEFT;
    }
    if (observation_parse(line, length, &full, reason) < 0) {
        return PORT_READERS_DIFFER;
    }
    same = same_port(&quick, &full);
    observation_done(&full);
    observation_done(&quick);
    return same ? PORT_READERS_AGREE : PORT_READERS_DIFFER;
}

#endif
