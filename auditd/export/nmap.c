/* nmap's XML of what stands open, valid against its DTD, a host's address at a time; the memory is that of one host. */
#include "auditd/export/export.h"
#include "auditd/export/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Owns its texts; NULL where nothing is known. */
struct nmap_port {
    struct addr address;
    bool is_udp, tls, open_door;
    int64_t port, last_seen;
    char *reason, *service, *product, *version, *cpe;
    bool was_asked;
};

struct nmap_host {
    struct nmap_port *ports;
    size_t count, capacity;
    int rc;
};

struct nmap {
    struct export_run *run;
    struct nmap_host host;
    uint64_t up;
};

static void nmap_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    text_print_markup(out, value);
    putc('"', out);
}

static void nmap_optional(FILE *out, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        nmap_attribute(out, name, value);
    }
}

/* ---- the ports of a host ---- */

static void nmap_port_done(struct nmap_port *port)
{
    free(port->reason);
    free(port->service);
    free(port->product);
    free(port->version);
    free(port->cpe);
}

static void nmap_host_clear(struct nmap_host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        nmap_port_done(&host->ports[i]);
    }
    host->count = 0;
}

/* NULL for a fact that is not known, or out of memory, which `host` keeps. */
static char *nmap_copy(struct nmap_host *host, const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);

    if (text != NULL && copy == NULL) {
        host->rc = -ENOMEM;
    }
    return copy;
}

static bool nmap_is(const struct store_endpoint *endpoint, const char *fact, const char *value)
{
    const char *known = store_endpoint_fact(endpoint, fact);

    return known != NULL && strcmp(known, value) == 0;
}

static int nmap_endpoint(void *context, const struct store_endpoint *endpoint)
{
    struct nmap_host *host = context;
    struct nmap_port port = {.is_udp = strcmp(endpoint->proto, "udp") == 0,
                             .port = endpoint->port,
                             .last_seen = endpoint->last_seen,
                             .was_asked = endpoint->was_asked,
                             .tls = nmap_is(endpoint, "tls", "true"),
                             .open_door = nmap_is(endpoint, "auth", "none")};

    if (addr_parse(endpoint->address, &port.address) < 0) {
        return 0; /* of an interface that is gone */
    }
    if (host->count == host->capacity) {
        size_t capacity = host->capacity == 0 ? 64 : host->capacity * 2;
        struct nmap_port *ports = reallocarray(host->ports, capacity, sizeof(*ports));
        if (ports == NULL) {
            return -ENOMEM;
        }
        host->ports = ports;
        host->capacity = capacity;
    }
    port.reason = nmap_copy(host, endpoint->reason);
    port.service = nmap_copy(host, endpoint->service);
    port.product = nmap_copy(host, store_endpoint_fact(endpoint, "product"));
    port.version = nmap_copy(host, store_endpoint_fact(endpoint, "version"));
    port.cpe = nmap_copy(host, store_endpoint_fact(endpoint, "cpe"));
    host->ports[host->count++] = port;
    return host->rc;
}

static int nmap_compare(const void *a, const void *b)
{
    const struct nmap_port *left = a;
    const struct nmap_port *right = b;
    int order = addr_compare(&left->address, &right->address);

    if (order != 0) {
        return order;
    }
    if (left->is_udp != right->is_udp) {
        return left->is_udp ? 1 : -1;
    }
    if (left->port != right->port) {
        return left->port < right->port ? -1 : 1;
    }
    /* Of several vantages the one that asked, then the youngest. */
    if (left->was_asked != right->was_asked) {
        return left->was_asked ? -1 : 1;
    }
    return (left->last_seen < right->last_seen) - (left->last_seen > right->last_seen);
}

static bool nmap_same(const struct nmap_port *a, const struct nmap_port *b)
{
    return addr_equal(&a->address, &b->address) && a->is_udp == b->is_udp && a->port == b->port;
}

/* ---- as XML ---- */

/* The URI of CPE 2.2, as nmap writes it: part, vendor, product and version of a CPE 2.3 string (NISTIR 7695, section
 * 6.1.2), without the unknown fields at its end. */
static void nmap_print_cpe(FILE *out, const char *cpe)
{
    static const char head[] = "cpe:2.3:";
    size_t fields = 1;
    size_t length = 0;

    if (cpe == NULL || strncmp(cpe, head, sizeof(head) - 1) != 0) {
        return;
    }
    cpe += sizeof(head) - 1;
    for (size_t i = 0; cpe[i] != '\0' && fields <= 4; i++) {
        bool quoted = cpe[i] == '\\' && cpe[i + 1] != '\0';
        i += quoted ? 1 : 0;
        fields += !quoted && cpe[i] == ':';
        length = fields <= 4 && (quoted || (cpe[i] != '*' && cpe[i] != ':')) ? i + 1 : length;
    }
    fputs("<cpe>cpe:/", out);
    for (size_t i = 0; i < length; i++) {
        char one[2] = {cpe[i], '\0'};
        if (cpe[i] == '\\' && i + 1 < length) {
            fprintf(out, "%%%02x", (unsigned)(unsigned char)cpe[++i]);
        } else {
            text_print_markup(out, one);
        }
    }
    fputs("</cpe>", out);
}

static void nmap_print_service(FILE *out, const struct nmap_port *port)
{
    bool known = port->service != NULL && port->service[0] != '\0';

    if (!known && !port->was_asked) {
        return;
    }
    fputs("<service", out);
    nmap_attribute(out, "name", known ? port->service : "unknown");
    if (!port->was_asked) {
        fputs(" method=\"table\" conf=\"3\"/>", out);
        return;
    }
    nmap_optional(out, "product", port->product);
    nmap_optional(out, "version", port->version);
    nmap_optional(out, "extrainfo", port->open_door ? "answers without a credential" : NULL);
    nmap_optional(out, "tunnel", port->tls ? "ssl" : NULL);
    fputs(" method=\"probed\" conf=\"10\">", out);
    nmap_print_cpe(out, port->cpe);
    fputs("</service>", out);
}

static void nmap_print_port(FILE *out, const struct nmap_port *port)
{
    fprintf(out, "<port protocol=\"%s\" portid=\"%" PRId64 "\"><state state=\"open\"", port->is_udp ? "udp" : "tcp",
            port->port);
    nmap_attribute(out, "reason", port->reason == NULL || port->reason[0] == '\0' ? "unknown-response" : port->reason);
    fputs(" reason_ttl=\"0\"/>", out);
    nmap_print_service(out, port);
    fputs("</port>\n", out);
}

/* One address with its ports, which are in order. */
static void nmap_print_host(struct nmap *nmap, const struct store_host *host, const struct nmap_port *ports,
                            size_t count)
{
    FILE *out = nmap->run->out;
    char address[ADDR_TEXT_SIZE];
    int64_t first = INT64_MAX;
    int64_t last = 0;

    for (size_t i = 0; i < count; i++) {
        first = ports[i].last_seen < first ? ports[i].last_seen : first;
        last = ports[i].last_seen > last ? ports[i].last_seen : last;
    }
    nmap->up++;
    fprintf(out,
            "<host starttime=\"%" PRId64 "\" endtime=\"%" PRId64 "\"><status state=\"up\" reason=\"user-set\" "
            "reason_ttl=\"0\"/>\n<address addr=\"",
            first / 1000, last / 1000);
    text_print_markup(out, addr_format(&ports[0].address, address));
    fprintf(out, "\" addrtype=\"%s\"/>\n<hostnames>\n", ports[0].address.is_ipv6 ? "ipv6" : "ipv4");
    if (host->name[0] != '\0') {
        fputs("<hostname", out);
        nmap_attribute(out, "name", host->name);
        fputs(" type=\"user\"/>\n", out);
    }
    fputs("</hostnames>\n<ports>", out);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !nmap_same(&ports[i - 1], &ports[i])) {
            nmap_print_port(out, &ports[i]);
        }
    }
    fputs("</ports>\n</host>\n", out);
}

static int nmap_take_host(void *context, const struct store_host *host)
{
    static const char *const open[] = {"open"};
    struct nmap *nmap = context;
    struct store_endpoint_filter filter = nmap->run->options->endpoints;
    struct nmap_host *own = &nmap->host;
    size_t begin = 0;
    int rc;

    filter.hosts = (struct store_texts){&host->uuid, 1};
    filter.states = (struct store_texts){open, 1};
    filter.with_facts = true;
    nmap_host_clear(own);
    rc = store_read_endpoints(nmap->run->reader, &filter, nmap_endpoint, own);
    if (rc != 0 || own->count == 0) {
        return rc;
    }
    qsort(own->ports, own->count, sizeof(*own->ports), nmap_compare);
    for (size_t i = 1; i <= own->count; i++) {
        if (i == own->count || !addr_equal(&own->ports[i].address, &own->ports[begin].address)) {
            nmap_print_host(nmap, host, own->ports + begin, i - begin);
            begin = i;
        }
    }
    return ferror(nmap->run->out) != 0 ? -EIO : 0;
}

static int nmap_write(struct export_run *run)
{
    struct nmap nmap = {.run = run};
    const struct store_endpoint_filter *asked = &run->options->endpoints;
    const struct store_host_filter hosts = {.realms = asked->realms, .uuids = asked->hosts};
    int64_t now = run->options->now_ms / 1000;
    int rc;

    fprintf(run->out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" "
            "args=\"leastport export xml\" start=\"%" PRId64 "\" version=\"leastport " LEASTPORT_VERSION
            "\" xmloutputversion=\"1.05\">\n<verbose level=\"0\"/>\n<debugging level=\"0\"/>\n",
            now);
    rc = store_read_hosts(run->reader, &hosts, nmap_take_host, &nmap);
    fprintf(run->out,
            "<runstats><finished time=\"%" PRId64 "\" elapsed=\"0\" exit=\"success\"/><hosts up=\"%" PRIu64
            "\" down=\"0\" total=\"%" PRIu64 "\"/>\n</runstats>\n</nmaprun>\n",
            now, nmap.up, nmap.up);
    nmap_host_clear(&nmap.host);
    free(nmap.host.ports);
    return rc;
}

const struct export_driver export_nmap = {
    .name = "xml",
    .write = nmap_write,
};
