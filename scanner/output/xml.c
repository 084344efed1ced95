/* nmap's XML, valid against its DTD, a host at a time. */
#include "scanner/output/hostbook.h"
#include "scanner/output/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct xml {
    struct sink *sink;
    struct hostbook *book;
    int64_t start_ms;
    uint64_t unfinished; /* hosts */
};

static void xml_destroy(void *writer)
{
    struct xml *xml = writer;

    if (xml == NULL) {
        return;
    }
    hostbook_destroy(xml->book);
    free(xml);
}

static void *xml_create(const struct writer_options *options)
{
    struct xml *xml = calloc(1, sizeof(*xml));

    if (xml == NULL) {
        return NULL;
    }
    xml->sink = options->sink;
    xml->book = hostbook_create(options->services);
    if (xml->book == NULL) {
        xml_destroy(xml);
        return NULL;
    }
    return xml;
}

/* The length of the character that `text` begins with when XML 1.0 can hold it (section 2.2) and does not advise
 * against it, as it does with the control characters from DEL on; else 0. */
static size_t xml_character(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc0 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    uint32_t character = length == 1 ? text[0] : text[0] & (0x7fU >> length);

    if (length == 0 || text[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        character = character << 6 | (text[i] & 0x3f);
    }
    if (character < least[length] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff) ||
        character == 0xfffe || character == 0xffff || (character >= 0x7f && character < 0xa0)) {
        return 0;
    }
    return character >= 0x20 || character == '\t' || character == '\n' || character == '\r' ? length : 0;
}

/* Text of an element or attribute; bytes that XML cannot hold become \xHH as nmap writes them. */
static void xml_text(FILE *stream, const char *value, size_t size)
{
    const unsigned char *text = (const unsigned char *)value;
    const unsigned char *end = text + size;

    while (text < end) {
        size_t length = xml_character(text);
        if (length == 0) {
            fprintf(stream, "\\x%02x", *text);
            length = 1;
        } else if (*text < 0x20 || strchr("&<>\"'", *text) != NULL) {
            fprintf(stream, "&#%u;", *text);
        } else {
            fwrite(text, 1, length, stream);
        }
        text += length;
    }
}

static void xml_attribute(FILE *stream, const char *name, const char *value)
{
    fprintf(stream, " %s=\"", name);
    xml_text(stream, value, strlen(value));
    putc('"', stream);
}

static void xml_number(FILE *stream, const char *name, uint64_t value)
{
    fprintf(stream, " %s=\"%llu\"", name, (unsigned long long)value);
}

static void xml_print_start(FILE *stream, const struct observation *observation)
{
    const struct observation_start *start = &observation->start;

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\"", stream);
    xml_attribute(stream, "args", start->args == NULL ? "leastport scan" : start->args);
    xml_number(stream, "start", (uint64_t)(observation->ts_ms / 1000));
    xml_attribute(stream, "version", "leastport " LEASTPORT_VERSION);
    fputs(" xmloutputversion=\"1.05\">\n<scaninfo", stream);
    xml_attribute(stream, "type", start->probe == NULL ? "connect" : start->probe);
    xml_attribute(stream, "protocol", start->proto == NULL ? "tcp" : start->proto);
    xml_number(stream, "numservices", start->port_count);
    xml_attribute(stream, "services", start->ports == NULL ? "" : start->ports);
    fputs("/>\n<verbose level=\"0\"/>\n<debugging level=\"0\"/>\n", stream);
}

static void xml_print_extraports(FILE *stream, const struct hostbook_view *view, enum port_state state)
{
    uint64_t count = 0;

    for (size_t i = 0; i < view->rest_count; i++) {
        count += view->rest[i]->state == state ? view->rest[i]->count : 0;
    }
    if (count == 0) {
        return;
    }
    fputs("<extraports", stream);
    xml_attribute(stream, "state", port_state_name(state));
    xml_number(stream, "count", count);
    fputs(">\n", stream);
    for (size_t i = 0; i < view->rest_count; i++) {
        const struct observation_not_shown *group = view->rest[i];
        if (group->state != state) {
            continue;
        }
        fputs("<extrareasons", stream);
        xml_attribute(stream, "reason", reason_name(group->reason));
        xml_number(stream, "count", group->count);
        xml_attribute(stream, "proto", group->proto);
        xml_attribute(stream, "ports", group->ports);
        fputs("/>\n", stream);
    }
    fputs("</extraports>\n", stream);
}

/* The end of what is worth saying of a CPE 2.3 string behind its head: part, vendor, product and version, without
 * unknown fields at their end. */
static size_t xml_cpe_length(const char *cpe)
{
    size_t fields = 1;
    size_t length = 0;

    /* A field ends with a colon that no backslash stands before. */
    for (size_t i = 0; cpe[i] != '\0' && fields <= 4; i++) {
        bool quoted = cpe[i] == '\\' && cpe[i + 1] != '\0';
        i += quoted ? 1 : 0;
        if (!quoted && cpe[i] == ':') {
            fields++;
        } else if (fields <= 4 && (quoted || cpe[i] != '*')) {
            length = i + 1;
        }
    }
    return length;
}

/* As nmap writes it: the URI of CPE 2.2, in which what a backslash stands before has a percent code (NISTIR 7695,
 * section 6.1.2). Nothing where it is no such string. */
static void xml_print_cpe(FILE *stream, const char *cpe)
{
    const char *const head = "cpe:2.3:";
    size_t length;

    if (strncmp(cpe, head, strlen(head)) != 0) {
        return;
    }
    cpe += strlen(head);
    length = xml_cpe_length(cpe);
    fputs("<cpe>cpe:/", stream);
    for (size_t i = 0; i < length; i++) {
        if (cpe[i] == '\\' && i + 1 < length) {
            fprintf(stream, "%%%02x", (unsigned char)cpe[++i]);
        } else {
            xml_text(stream, cpe + i, 1);
        }
    }
    fputs("</cpe>", stream);
}

static void xml_optional(FILE *stream, const char *name, const char *value)
{
    if (value != NULL) {
        xml_attribute(stream, name, value);
    }
}

static void xml_print_answer(FILE *stream, const struct hostbook_answer *answer)
{
    fputs("<service", stream);
    xml_attribute(stream, "name", answer->service == NULL ? "unknown" : answer->service);
    xml_optional(stream, "product", answer->product);
    xml_optional(stream, "version", answer->version);
    xml_optional(stream, "extrainfo", answer->open_door ? "answers without a credential" : NULL);
    xml_optional(stream, "hostname", answer->hostname);
    xml_optional(stream, "ostype", answer->os);
    if (answer->tls) {
        fputs(" tunnel=\"ssl\"", stream);
    }
    fputs(" method=\"probed\" conf=\"10\">", stream);
    if (answer->cpe != NULL) {
        xml_print_cpe(stream, answer->cpe);
    }
    fputs("</service>", stream);
}

static void xml_print_port(FILE *stream, const struct hostbook_port *row)
{
    fputs("<port", stream);
    xml_attribute(stream, "protocol", row->is_udp ? "udp" : "tcp");
    xml_number(stream, "portid", row->port);
    fputs("><state", stream);
    xml_attribute(stream, "state", port_state_name(row->state));
    xml_attribute(stream, "reason", reason_name(row->reason));
    xml_attribute(stream, "reason_ttl", "0");
    fputs("/>", stream);
    if (row->answer != NULL && (row->answer->service != NULL || row->answer->tls)) {
        xml_print_answer(stream, row->answer);
    } else if (row->service != NULL) {
        fputs("<service", stream);
        xml_attribute(stream, "name", row->service);
        fputs(" method=\"table\" conf=\"3\"/>", stream);
    }
    fputs("</port>\n", stream);
}

static void xml_print_host(FILE *stream, const struct xml *xml, const struct observation *observation,
                           const struct hostbook_view *view)
{
    const struct observation_host *host = &observation->host;
    struct addr plain = host->host;
    char text[ADDR_TEXT_SIZE];

    fputs("<host", stream);
    xml_number(stream, "starttime", (uint64_t)(xml->start_ms / 1000));
    xml_number(stream, "endtime", (uint64_t)(observation->ts_ms / 1000));
    if (view->unfinished) {
        xml_attribute(stream, "comment", "unfinished: not all of its ports have been asked");
    }
    fputs("><status", stream);
    xml_attribute(stream, "state", host->up ? "up" : "down");
    xml_attribute(stream, "reason", reason_name(host->reason));
    fputs(" reason_ttl=\"0\"/>\n<address", stream);
    plain.zone = 0;
    xml_attribute(stream, "addr", addr_format(&plain, text));
    xml_attribute(stream, "addrtype", plain.is_ipv6 ? "ipv6" : "ipv4");
    fputs("/>\n<hostnames>\n", stream);
    if (host->name != NULL) {
        fputs("<hostname", stream);
        xml_attribute(stream, "name", host->name);
        fputs(" type=\"user\"/>\n", stream);
    }
    fputs("</hostnames>\n<ports>", stream);
    xml_print_extraports(stream, view, PORT_CLOSED);
    xml_print_extraports(stream, view, PORT_FILTERED);
    xml_print_extraports(stream, view, PORT_OPEN_FILTERED);
    for (size_t i = 0; i < view->row_count; i++) {
        xml_print_port(stream, &view->rows[i]);
    }
    fputs("</ports>\n</host>\n", stream);
}

static void xml_print_end(FILE *stream, const struct xml *xml, const struct observation *observation)
{
    const struct observation_end *end = &observation->end;

    fputs("<runstats><finished", stream);
    xml_number(stream, "time", (uint64_t)(observation->ts_ms / 1000));
    fprintf(stream, " elapsed=\"%llu.%02llu\"", (unsigned long long)(end->elapsed_ms / 1000),
            (unsigned long long)(end->elapsed_ms % 1000 / 10));
    xml_attribute(stream, "exit", end->complete ? "success" : "error");
    if (!end->complete) {
        xml_attribute(stream, "errormsg", end->message == NULL ? "the scan ended early" : end->message);
    }
    fputs("/><hosts", stream);
    xml_number(stream, "up", end->hosts_up + xml->unfinished);
    xml_number(stream, "down", end->hosts_down);
    xml_number(stream, "total", end->hosts_up + end->hosts_down + xml->unfinished);
    fputs("/>\n</runstats>\n</nmaprun>\n", stream);
}

static int xml_write_text(struct xml *xml, const struct observation *observation, const struct hostbook_view *view)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    int rc;

    if (stream == NULL) {
        return -ENOMEM;
    }
    if (observation->type == OBSERVATION_START) {
        xml_print_start(stream, observation);
    } else if (observation->type == OBSERVATION_HOST) {
        xml_print_host(stream, xml, observation, view);
    } else {
        xml_print_end(stream, xml, observation);
    }
    rc = fclose(stream) == 0 ? sink_write(xml->sink, text, size) : -ENOMEM;
    free(text);
    return rc;
}

/* Hosts that are down are counted at the end only, as nmap does without -v; unless a watched port of theirs has a row.
 */
static int xml_write_host(struct xml *xml, const struct observation *observation)
{
    struct hostbook_view view;
    int rc = hostbook_take(xml->book, &observation->host, &view);

    if (rc < 0) {
        return rc;
    }
    if (observation->host.up || view.row_count > 0) {
        rc = xml_write_text(xml, observation, &view);
    }
    hostbook_view_done(&view);
    return rc;
}

/* Open ports that were found are written, however the scan ended. */
static int xml_write_unfinished(struct xml *xml, int64_t ts_ms)
{
    struct observation observation = {.type = OBSERVATION_HOST, .ts_ms = ts_ms};
    struct hostbook_view view;
    int rc;

    while ((rc = hostbook_take_unfinished(xml->book, &observation.host, &view)) == 0) {
        xml->unfinished++;
        rc = xml_write_text(xml, &observation, &view);
        hostbook_view_done(&view);
        if (rc < 0) {
            return rc;
        }
    }
    return rc == -ENOENT ? 0 : rc;
}

static int xml_write_end(struct xml *xml, const struct observation *observation)
{
    int rc = xml_write_unfinished(xml, observation->ts_ms);

    return rc < 0 ? rc : xml_write_text(xml, observation, NULL);
}

static int xml_write(void *writer, const struct observation *observation)
{
    struct xml *xml = writer;

    switch (observation->type) {
    case OBSERVATION_START:
        xml->start_ms = observation->ts_ms;
        return xml_write_text(xml, observation, NULL);
    case OBSERVATION_PORT:
        return hostbook_add(xml->book, &observation->port);
    case OBSERVATION_SERVICE:
        return hostbook_add_service(xml->book, &observation->service);
    case OBSERVATION_HOST:
        return xml_write_host(xml, observation);
    case OBSERVATION_END:
        return xml_write_end(xml, observation);
    case OBSERVATION_CANARY:
    case OBSERVATION_CERTIFICATE:
    case OBSERVATION_SLAB:
    case OBSERVATION_PROGRESS:
    case OBSERVATION_NOTICE:
        break;
    }
    return 0;
}

const struct writer_driver writer_xml = {
    .name = "xml",
    .beside = true,
    .create = xml_create,
    .write = xml_write,
    .destroy = xml_destroy,
};
