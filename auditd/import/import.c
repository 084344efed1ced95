#include "auditd/import/import.h"

#include "auditd/store/store.h"
#include "lib/clock.h"
#include "lib/fact.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A scan's first line holds its plan, and is at most SCAN_LINE_MAX_BYTES long. */
enum { PART_HOSTS_MAX = 1000, PART_PORTS_MAX = 10000, PART_BYTES_MAX = SCAN_LINE_MAX_BYTES / 2, WATCH_BYTES = 128 };

struct import {
    FILE *lines;
    const struct answers *answers;
    const struct import_place *place;
    char uuid[STORE_UUID_SIZE];
};

/* ---- the plan ---- */

static bool import_takes(const struct answers *answers, const struct answers_port *port)
{
    return answers->is_finished || port->state == PORT_STATE_OPEN;
}

/* The TCP ports that the file tells of. -ENOMEM. */
static int import_ports(const struct answers *answers, const struct answers_host *host, char **ret_text)
{
    struct portset *sets = calloc(2, sizeof(*sets));
    size_t offset;

    if (sets == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < host->port_count; i++) {
        if (!host->ports[i].is_udp && import_takes(answers, &host->ports[i])) {
            portset_add(&sets[0], host->ports[i].port);
        }
    }
    for (size_t i = 0; answers->is_finished && i < host->rest_count; i++) {
        /* It was formatted by portset_format(). */
        if (!host->rests[i].is_udp && portset_parse(host->rests[i].ports, &sets[1], &offset) == 0) {
            portset_union(&sets[0], &sets[1]);
        }
    }
    *ret_text = portset_format(&sets[0]);
    free(sets);
    return *ret_text == NULL ? -ENOMEM : 0;
}

/* UDP is on a plan by its watch list alone. */
static int import_watch(const struct answers *answers, const struct answers_host *host, json_t *watch)
{
    char address[ADDR_TEXT_SIZE];
    int rc = 0;

    addr_format(&host->address, address);
    for (size_t i = 0; rc == 0 && i < host->port_count; i++) {
        if (host->ports[i].is_udp && import_takes(answers, &host->ports[i])) {
            rc = json_array_append_new(
                watch, json_pack("{s:s, s:s, s:i}", "host", address, "proto", "udp", "port", host->ports[i].port));
        }
    }
    return rc < 0 ? -ENOMEM : 0;
}

/* Adds a host; its bytes in the plan are added to *bytes. */
static int import_plan_host(const struct answers *answers, const struct answers_host *host, json_t *targets,
                            json_t *watch, size_t *bytes)
{
    char address[ADDR_TEXT_SIZE];
    size_t watched = json_array_size(watch);
    char *ports;
    int rc = import_ports(answers, host, &ports);

    if (rc < 0) {
        return rc;
    }
    addr_format(&host->address, address);
    if (json_array_append_new(targets, json_sprintf(host->address.is_ipv6 ? "[%s]:%s" : "%s:%s", address, ports)) < 0) {
        rc = -ENOMEM;
    }
    *bytes += strlen(ports) + sizeof(address);
    free(ports);
    rc = rc == 0 ? import_watch(answers, host, watch) : rc;
    *bytes += (json_array_size(watch) - watched) * WATCH_BYTES;
    return rc;
}

static bool import_has_room(const struct import *import, size_t from, size_t to, size_t ports, size_t bytes)
{
    return to < import->answers->host_count && to - from < PART_HOSTS_MAX && ports < PART_PORTS_MAX &&
           bytes < PART_BYTES_MAX;
}

/* Of as many hosts from `from` on as one plan holds; *ret_to is behind the last. The caller owns the plan. */
static int import_plan(const struct import *import, size_t from, size_t *ret_to, json_t **ret_plan)
{
    json_t *targets = json_array();
    json_t *watch = json_array();
    size_t bytes = 0;
    size_t ports = 0;
    size_t to = from;
    int rc = targets == NULL || watch == NULL ? -ENOMEM : 0;

    while (rc == 0 && import_has_room(import, from, to, ports, bytes)) {
        rc = import_plan_host(import->answers, import->answers->hosts[to], targets, watch, &bytes);
        ports += import->answers->hosts[to]->port_count;
        to++;
    }
    if (rc < 0) {
        json_decref(targets);
        json_decref(watch);
        return rc;
    }
    *ret_plan = json_pack("{s:s, s:s, s:s, s:o, s:s, s:[s], s:o, s:{s:s, s:s, s:I, s:I}}", "schema", "leastport.plan/1",
                          "realm", import->place->realm, "vantage", import->place->vantage, "targets", targets, "ports",
                          "", "probes", "connect", "watch", watch, "import", "format", import->place->tool, "digest",
                          import->place->digest, "from", (json_int_t)from, "to", (json_int_t)to);
    *ret_to = to;
    return *ret_plan == NULL ? -ENOMEM : 0;
}

/* ---- lines ---- */

/* Takes the line, which lacks what all lines have. */
static int import_line(struct import *import, const char *type, int64_t at_ms, json_t *line)
{
    char moment[WALL_TEXT_SIZE];
    int rc = -ENOMEM;

    if (line != NULL && json_object_set_new(line, "schema", json_string(SCAN_OBSERVATION_SCHEMA)) == 0 &&
        json_object_set_new(line, "type", json_string(type)) == 0 &&
        json_object_set_new(line, "scan_id", json_string(import->uuid)) == 0 &&
        json_object_set_new(line, "ts", json_string(wall_format(at_ms, moment))) == 0) {
        rc = json_dumpf(line, import->lines, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 && putc('\n', import->lines) != EOF
                 ? 0
                 : -ENOMEM;
    }
    json_decref(line);
    return rc;
}

static int import_start(struct import *import, const json_t *plan, size_t hosts)
{
    uint8_t digest[crypto_generichash_BYTES];
    char hash[2 * sizeof(digest) + 1];
    char *text = json_dumps(plan, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL) {
        return -ENOMEM;
    }
    crypto_generichash(digest, sizeof(digest), (const uint8_t *)text, strlen(text), NULL, 0);
    sodium_bin2hex(hash, sizeof(hash), digest, sizeof(digest));
    free(text);
    return import_line(import, SCAN_LINE_START, import->answers->begun_ms,
                       json_pack("{s:O, s:s, s:i, s:i, s:I, s:i}", "plan", plan, "plan_hash", hash, "slabs", 1,
                                 "from_slab", 0, "hosts", (json_int_t)hosts, "probes", 0));
}

static json_t *import_name(const struct answers_host *host)
{
    return host->name[0] == '\0' ? NULL : json_string(host->name);
}

static int import_service(struct import *import, const struct answers_host *host, const struct answers_port *port)
{
    char address[ADDR_TEXT_SIZE];
    json_t *facts = json_object();

    if (facts == NULL || json_object_set_new(facts, "tls", json_boolean(port->is_tls)) != 0 ||
        (port->service[0] != '\0' && json_object_set_new(facts, "service", json_string(port->service)) != 0) ||
        (port->product != NULL && json_object_set_new(facts, "product", json_string(port->product)) != 0) ||
        (port->version != NULL && json_object_set_new(facts, "version", json_string(port->version)) != 0)) {
        json_decref(facts);
        return -ENOMEM;
    }
    return import_line(import, SCAN_LINE_SERVICE, host->seen_ms,
                       json_pack("{s:s, s:o*, s:s, s:i, s:o, s:[]}", "host", addr_format(&host->address, address),
                                 "name", import_name(host), "proto", port->is_udp ? "udp" : "tcp", "port", port->port,
                                 "facts", facts, "evidence"));
}

static int import_port(struct import *import, const struct answers_host *host, const struct answers_port *port)
{
    char address[ADDR_TEXT_SIZE];
    int rc =
        import_line(import, SCAN_LINE_PORT, host->seen_ms,
                    json_pack("{s:s, s:o*, s:s, s:i, s:s, s:s, s:s}", "host", addr_format(&host->address, address),
                              "name", import_name(host), "proto", port->is_udp ? "udp" : "tcp", "port", port->port,
                              "state", port_state_name(port->state), "reason", port->reason, "service", port->service));

    if (rc == 0 && port->is_probed && port->state == PORT_STATE_OPEN) {
        rc = import_service(import, host, port);
    }
    return rc;
}

/* What the file sums up; UDP that is summed up is in no plan. */
static int import_rests(struct import *import, const struct answers_host *host, size_t open)
{
    char address[ADDR_TEXT_SIZE];
    json_t *rests = json_array();

    for (size_t i = 0; rests != NULL && i < host->rest_count; i++) {
        const struct answers_rest *rest = &host->rests[i];
        if (!rest->is_udp && json_array_append_new(rests, json_pack("{s:s, s:s, s:s, s:s}", "proto", "tcp", "state",
                                                                    port_state_name(rest->state), "reason",
                                                                    rest->reason, "ports", rest->ports)) < 0) {
            json_decref(rests);
            rests = NULL;
        }
    }
    return import_line(import, SCAN_LINE_HOST, host->seen_ms,
                       json_pack("{s:s, s:o*, s:s, s:s, s:i, s:I, s:o}", "host", addr_format(&host->address, address),
                                 "name", import_name(host), "state", "up", "reason", "user-set", "slab", 0, "open",
                                 (json_int_t)open, "not_shown", rests));
}

static int import_host(struct import *import, const struct answers_host *host, size_t *open)
{
    size_t own = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < host->port_count; i++) {
        if (import_takes(import->answers, &host->ports[i])) {
            own += host->ports[i].state == PORT_STATE_OPEN;
            rc = import_port(import, host, &host->ports[i]);
        }
    }
    *open += own;
    return rc == 0 && import->answers->is_finished && host->port_count + host->rest_count > 0
               ? import_rests(import, host, own)
               : rc;
}

static int import_end(struct import *import, size_t hosts, size_t open)
{
    bool complete = import->answers->is_finished;
    int rc = import_line(import, SCAN_LINE_SLAB, import->answers->ended_ms,
                         json_pack("{s:i, s:i, s:i, s:i}", "slab", 0, "slabs", 1, "probes_done", 0, "probes_sent", 0));

    return rc < 0 ? rc
                  : import_line(import, SCAN_LINE_END, import->answers->ended_ms,
                                json_pack("{s:b, s:s, s:s, s:I, s:I}", "complete", complete ? 1 : 0, "cause",
                                          complete ? "done" : "interrupted", "message",
                                          complete ? "" : "the file says nothing of what did not answer", "hosts_up",
                                          (json_int_t)hosts, "open", (json_int_t)open));
}

static int import_write(struct import *import, size_t from, size_t *ret_to)
{
    size_t open = 0;
    json_t *plan;
    int rc = import_plan(import, from, ret_to, &plan);

    if (rc < 0) {
        return rc;
    }
    rc = import_start(import, plan, *ret_to - from);
    json_decref(plan);
    for (size_t i = from; rc == 0 && i < *ret_to; i++) {
        rc = import_host(import, import->answers->hosts[i], &open);
    }
    return rc < 0 ? rc : import_end(import, *ret_to - from, open);
}

int import_part(const struct import_place *place, const struct answers *answers, size_t from,
                struct import_part *ret_part)
{
    struct import import = {.answers = answers, .place = place};
    struct import_part part = {0};
    int rc;

    import.lines = open_memstream(&part.text, &part.size);
    if (import.lines == NULL) {
        return -ENOMEM;
    }
    store_uuid(import.uuid);
    rc = import_write(&import, from, &part.to);
    if (fclose(import.lines) != 0 && rc == 0) {
        rc = -ENOMEM;
    }
    if (rc < 0) {
        free(part.text);
        return rc;
    }
    *ret_part = part;
    return 0;
}
