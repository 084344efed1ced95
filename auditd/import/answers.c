#include "auditd/import/answers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answers_port_done(struct answers_port *port)
{
    /* The analyzer takes the ports behind the last for that one again.
     * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    free(port->product);
    free(port->version);
    port->product = port->version = NULL;
}

static void answers_host_free(struct answers_host *host)
{
    for (size_t i = 0; i < host->port_count; i++) {
        answers_port_done(&host->ports[i]);
    }
    for (size_t i = 0; i < host->rest_count; i++) {
        free(host->rests[i].ports);
    }
    free(host->rests);
    free(host->ports);
    free(host);
}

void answers_done(struct answers *answers)
{
    for (size_t i = 0; i < answers->host_count; i++) {
        answers_host_free(answers->hosts[i]);
    }
    free(answers->hosts);
    *answers = (struct answers){0};
}

int answers_add_host(struct answers *answers, struct answers_host **ret_host)
{
    struct answers_host *host;

    if (answers->host_count == ANSWERS_HOSTS_MAX) {
        return -E2BIG;
    }
    if (answers->host_count == answers->host_room) {
        size_t room = answers->host_room == 0 ? 64 : answers->host_room * 2;
        struct answers_host **hosts = reallocarray(answers->hosts, room, sizeof(struct answers_host *));
        if (hosts == NULL) {
            return -ENOMEM;
        }
        answers->hosts = hosts;
        answers->host_room = room;
    }
    host = calloc(1, sizeof(*host));
    if (host == NULL) {
        return -ENOMEM;
    }
    answers->hosts[answers->host_count++] = host;
    *ret_host = host;
    return 0;
}

static int answers_keep_port(struct answers *answers, struct answers_host *host, const struct answers_port *port)
{
    if (answers->port_count == ANSWERS_PORTS_MAX) {
        return -E2BIG;
    }
    if (host->port_count == host->port_room) {
        size_t room = host->port_room == 0 ? 4 : host->port_room * 2;
        struct answers_port *ports = reallocarray(host->ports, room, sizeof(*ports));
        if (ports == NULL) {
            return -ENOMEM;
        }
        host->ports = ports;
        host->port_room = room;
    }
    host->ports[host->port_count++] = *port;
    answers->port_count++;
    return 0;
}

int answers_add_port(struct answers *answers, struct answers_host *host, const struct answers_port *port)
{
    struct answers_port taken = *port;
    int rc = answers_keep_port(answers, host, &taken);

    if (rc < 0) {
        answers_port_done(&taken);
    }
    return rc;
}

/* ---- merging ---- */

/* By address, then as they stand in the file. */
static int answers_compare_hosts(const void *a, const void *b)
{
    const struct answers_host *left = *(const struct answers_host *const *)a;
    const struct answers_host *right = *(const struct answers_host *const *)b;
    int order = addr_compare(&left->address, &right->address);

    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

/* The best last: what stands behind another of the same port replaces it. */
static int answers_compare_ports(const void *a, const void *b)
{
    const struct answers_port *left = a;
    const struct answers_port *right = b;

    if (left->is_udp != right->is_udp) {
        return left->is_udp ? 1 : -1;
    }
    if (left->port != right->port) {
        return left->port < right->port ? -1 : 1;
    }
    if (left->state != right->state) {
        return left->state > right->state ? -1 : 1;
    }
    return (left->is_probed ? 1 : 0) - (right->is_probed ? 1 : 0);
}

static void answers_swap(struct answers_port *a, struct answers_port *b)
{
    struct answers_port other = *a;

    *a = *b;
    *b = other;
}

/* What is to go gathers at the end. */
static void answers_merge_ports(struct answers_host *host)
{
    size_t kept = 0;

    if (host->port_count == 0) {
        return;
    }
    qsort(host->ports, host->port_count, sizeof(*host->ports), answers_compare_ports);
    for (size_t i = 1; i < host->port_count; i++) {
        if (host->ports[i].port != host->ports[kept].port || host->ports[i].is_udp != host->ports[kept].is_udp) {
            kept++;
        }
        answers_swap(&host->ports[kept], &host->ports[i]);
    }
    while (host->port_count > kept + 1) {
        answers_port_done(&host->ports[--host->port_count]);
    }
}

/* Moves what `from` has to `into`; of ports without an element those of the first stay. */
static int answers_join(struct answers_host *into, struct answers_host *from)
{
    size_t count = into->port_count + from->port_count;
    struct answers_port *ports = reallocarray(into->ports, count + 1, sizeof(*ports));

    if (ports == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < from->port_count; i++) {
        ports[into->port_count + i] = from->ports[i];
    }
    into->ports = ports;
    into->port_count = count;
    into->port_room = count + 1;
    into->seen_ms = from->seen_ms > into->seen_ms ? from->seen_ms : into->seen_ms;
    if (into->name[0] == '\0') {
        memcpy(into->name, from->name, sizeof(into->name));
    }
    from->port_count = 0;
    return 0;
}

int answers_merge(struct answers *answers)
{
    size_t kept = 0;
    int rc = 0;

    if (answers->host_count == 0) {
        return 0;
    }
    qsort(answers->hosts, answers->host_count, sizeof(struct answers_host *), answers_compare_hosts);
    for (size_t i = 1; i < answers->host_count; i++) {
        struct answers_host *host = answers->hosts[i];
        if (rc == 0 && addr_equal(&host->address, &answers->hosts[kept]->address)) {
            rc = answers_join(answers->hosts[kept], host);
            if (rc == 0) {
                answers_host_free(host);
                continue;
            }
        }
        answers->hosts[++kept] = host;
    }
    answers->host_count = kept + 1;
    for (size_t i = 0; i < answers->host_count; i++) {
        answers_merge_ports(answers->hosts[i]);
    }
    return rc;
}

/* ---- what is wrong ---- */

int answers_refuse(struct answers_fault *fault, unsigned long line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    fault->line = line;
    return -EBADMSG;
}

size_t answers_open_ports(const struct answers *answers, size_t count)
{
    size_t open = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < answers->hosts[i]->port_count; j++) {
            open += answers->hosts[i]->ports[j].state == PORT_STATE_OPEN;
        }
    }
    return open;
}

int answers_explain(int rc, unsigned long line, struct answers_fault *fault)
{
    if (rc == -E2BIG) {
        (void)!answers_refuse(fault, line, "more than %d hosts or %d ports: split the file", ANSWERS_HOSTS_MAX,
                              ANSWERS_PORTS_MAX);
    } else if (rc == -ENOMEM) {
        (void)!answers_refuse(fault, line, "out of memory");
    }
    return rc;
}
