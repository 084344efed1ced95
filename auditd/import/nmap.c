/* nmap's XML, by expat, a tag at a time. Hostile files are refused: entities, depth, tags without end. */
#include "auditd/import/reader.h"
#include "auditd/ingest/field.h"

#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

enum {
    NMAP_CHUNK = 65536,
    NMAP_DEPTH_MAX = 32,        /* nmap's scripts nest a handful of tables */
    NMAP_TAG_MAX = 1024 * 1024, /* one of expat's tokens; output of scripts stands in attributes */
    NMAP_EXTRAS_MAX = ANSWERS_RESTS_MAX,
};

/* What one extraports element says. */
struct nmap_extra {
    enum port_state state;
    bool is_known;    /* of a state that has a place here */
    bool has_reasons; /* its extrareasons name the ports */
};

struct nmap_reader {
    XML_Parser parser;
    struct answers *answers;
    struct answers_fault *fault;
    int rc;
    int depth;
    bool has_run;
    XML_Index last_event;
    struct answers_host *host; /* that is open */
    bool host_is_up;
    bool has_address;
    bool has_port; /* `port` is open */
    bool port_is_known;
    struct answers_port port;
    struct nmap_extra extra;
};

typedef void nmap_element(struct nmap_reader *reader, const XML_Char **attributes);

static unsigned long nmap_line(const struct nmap_reader *reader)
{
    return XML_GetCurrentLineNumber(reader->parser);
}

static void nmap_stop(struct nmap_reader *reader, int rc)
{
    if (reader->rc == 0) {
        reader->rc = rc;
        XML_StopParser(reader->parser, XML_FALSE);
    }
}

/* NULL when the element has none of that name. */
static const char *nmap_get(const XML_Char **attributes, const char *name)
{
    for (; *attributes != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0) {
            return attributes[1];
        }
    }
    return NULL;
}

/* Text that cannot stand in an observation is left out: the port counts, not its name. */
static void nmap_word(const char *text, char *buffer, size_t size)
{
    bool fits = text != NULL && strlen(text) < size && field_is_word(text);

    snprintf(buffer, size, "%s", fits ? text : "");
}

static char *nmap_copy(struct nmap_reader *reader, const char *text)
{
    char *copy;

    if (text == NULL || text[0] == '\0' || !field_is_printable(text)) {
        return NULL;
    }
    copy = strndup(text, ANSWERS_PRODUCT_SIZE);
    /* Not in the middle of a character: JSON would not have it. */
    while (copy != NULL && strlen(copy) == ANSWERS_PRODUCT_SIZE) {
        size_t end = ANSWERS_PRODUCT_SIZE;
        while (end > 0 && ((unsigned char)copy[end - 1] & 0xc0) == 0x80) {
            end--;
        }
        copy[end > 0 ? end - 1 : 0] = '\0';
    }
    if (copy == NULL) {
        nmap_stop(reader, -ENOMEM);
    }
    return copy;
}

/* Seconds since 1970 as milliseconds; 0 where there are none. */
static int64_t nmap_time(const char *text)
{
    char *end;
    long long seconds;

    errno = 0;
    seconds = text == NULL ? 0 : strtoll(text, &end, 10);
    return text == NULL || errno != 0 || *end != '\0' || seconds <= 0 || seconds > INT64_C(253402300799)
               ? 0
               : (int64_t)seconds * 1000;
}

/* ---- elements ---- */

static void nmap_run(struct nmap_reader *reader, const XML_Char **attributes)
{
    if (reader->depth != 1) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "nmaprun stands within another element"));
        return;
    }
    reader->has_run = true;
    reader->answers->begun_ms = nmap_time(nmap_get(attributes, "start"));
}

static void nmap_begin_host(struct nmap_reader *reader, const XML_Char **attributes)
{
    int rc;

    if (reader->host != NULL) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "a host stands within a host"));
        return;
    }
    rc = answers_add_host(reader->answers, &reader->host);
    if (rc < 0) {
        nmap_stop(reader, answers_explain(rc, nmap_line(reader), reader->fault));
        return;
    }
    reader->host->line = nmap_line(reader);
    reader->host->seen_ms = nmap_time(nmap_get(attributes, "endtime"));
    reader->host_is_up = true;
    reader->has_address = false;
}

static void nmap_status(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *state = nmap_get(attributes, "state");

    reader->host_is_up = state == NULL || strcmp(state, "down") != 0;
}

/* The first that is of IP: others are the network card's. */
static void nmap_address(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *type = nmap_get(attributes, "addrtype");
    const char *text = nmap_get(attributes, "addr");

    if (reader->host == NULL || reader->has_address || (type != NULL && strcmp(type, "mac") == 0)) {
        return;
    }
    if (text == NULL || addr_parse(text, &reader->host->address) < 0) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "\"%.60s\" is no address",
                                         text == NULL ? "" : text));
        return;
    }
    reader->has_address = true;
}

static void nmap_hostname(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *type = nmap_get(attributes, "type");

    /* What the reverse zone says of an address, anybody may say. */
    if (reader->host != NULL && reader->host->name[0] == '\0' && type != NULL && strcmp(type, "user") == 0) {
        nmap_word(nmap_get(attributes, "name"), reader->host->name, sizeof(reader->host->name));
    }
}

static void nmap_begin_port(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *proto = nmap_get(attributes, "protocol");
    const char *text = nmap_get(attributes, "portid");
    char *end = NULL;
    long number = text == NULL ? -1 : strtol(text, &end, 10);

    if (reader->host == NULL || reader->has_port) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "a port stands where none can"));
        return;
    }
    if (text == NULL || end == text || *end != '\0' || number < 0 || number > UINT16_MAX) {
        nmap_stop(reader,
                  answers_refuse(reader->fault, nmap_line(reader), "\"%.60s\" is no port", text == NULL ? "" : text));
        return;
    }
    reader->has_port = true;
    reader->port =
        (struct answers_port){.port = (uint16_t)number, .is_udp = proto != NULL && strcmp(proto, "udp") == 0};
    reader->port_is_known = false;
    /* A protocol that has no place here never becomes known, whatever its state. */
    if (!reader->port.is_udp && (proto == NULL || strcmp(proto, "tcp") != 0)) {
        reader->answers->passed_over++;
        reader->has_port = false;
    }
}

static void nmap_state(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *state = nmap_get(attributes, "state");

    if (!reader->has_port) {
        return;
    }
    reader->port_is_known = state != NULL && port_state_parse(state, &reader->port.state) == 0;
    nmap_word(nmap_get(attributes, "reason"), reader->port.reason, sizeof(reader->port.reason));
    if (reader->port.reason[0] == '\0') {
        snprintf(reader->port.reason, sizeof(reader->port.reason), "unknown-response");
    }
}

static void nmap_service(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *method = nmap_get(attributes, "method");
    const char *tunnel = nmap_get(attributes, "tunnel");
    struct answers_port *port = &reader->port;

    if (!reader->has_port || port->product != NULL || port->version != NULL) {
        return;
    }
    nmap_word(nmap_get(attributes, "name"), port->service, sizeof(port->service));
    if (strcmp(port->service, "unknown") == 0) {
        port->service[0] = '\0';
    }
    port->is_probed = method != NULL && strcmp(method, "probed") == 0;
    port->is_tls = tunnel != NULL && strcmp(tunnel, "ssl") == 0;
    port->product = nmap_copy(reader, nmap_get(attributes, "product"));
    port->version = nmap_copy(reader, nmap_get(attributes, "version"));
}

static void nmap_extraports(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *state = nmap_get(attributes, "state");

    reader->extra.is_known = reader->host != NULL && state != NULL &&
                             port_state_parse(state, &reader->extra.state) == 0 &&
                             reader->extra.state != PORT_STATE_OPEN;
}

/* Since nmap 7.92 it names the ports; what is not named is not claimed. */
static void nmap_extrareasons(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *ports = nmap_get(attributes, "ports");
    const char *proto = nmap_get(attributes, "proto");
    struct answers_rest *rest;
    struct portset set;
    size_t offset;

    if (!reader->extra.is_known || ports == NULL || proto == NULL || reader->host->rest_count == NMAP_EXTRAS_MAX ||
        (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0)) {
        return;
    }
    if (portset_parse(ports, &set, &offset) < 0) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "\"%.60s\" is no list of ports", ports));
        return;
    }
    if (reader->host->rests == NULL) {
        reader->host->rests = calloc(NMAP_EXTRAS_MAX, sizeof(*reader->host->rests));
    }
    if (reader->host->rests == NULL) {
        nmap_stop(reader, answers_explain(-ENOMEM, nmap_line(reader), reader->fault));
        return;
    }
    rest = &reader->host->rests[reader->host->rest_count];
    *rest = (struct answers_rest){.is_udp = strcmp(proto, "udp") == 0, .state = reader->extra.state};
    nmap_word(nmap_get(attributes, "reason"), rest->reason, sizeof(rest->reason));
    if (rest->reason[0] == '\0') {
        snprintf(rest->reason, sizeof(rest->reason), "unknown-response");
    }
    rest->ports = portset_format(&set);
    if (rest->ports == NULL) {
        nmap_stop(reader, answers_explain(-ENOMEM, nmap_line(reader), reader->fault));
        return;
    }
    reader->host->rest_count++;
}

static void nmap_finished(struct nmap_reader *reader, const XML_Char **attributes)
{
    const char *ending = nmap_get(attributes, "exit");

    reader->answers->is_finished = ending == NULL || strcmp(ending, "success") == 0;
    reader->answers->ended_ms = nmap_time(nmap_get(attributes, "time"));
}

static const struct {
    const char *name;
    nmap_element *begin;
} nmap_elements[] = {
    {"port", nmap_begin_port},   {"state", nmap_state},           {"service", nmap_service},
    {"host", nmap_begin_host},   {"status", nmap_status},         {"address", nmap_address},
    {"hostname", nmap_hostname}, {"extraports", nmap_extraports}, {"extrareasons", nmap_extrareasons},
    {"nmaprun", nmap_run},       {"finished", nmap_finished},
};

/* ---- expat's side ---- */

static void nmap_on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct nmap_reader *reader = context;

    reader->last_event = XML_GetCurrentByteIndex(reader->parser);
    if (++reader->depth > NMAP_DEPTH_MAX) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "more than %d elements within another",
                                         NMAP_DEPTH_MAX));
        return;
    }
    if (reader->depth == 1 && strcmp(name, "nmaprun") != 0) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader),
                                         "is no nmap XML: it begins with \"%.60s\" instead of nmaprun", name));
        return;
    }
    for (size_t i = 0; i < sizeof(nmap_elements) / sizeof(*nmap_elements); i++) {
        if (strcmp(nmap_elements[i].name, name) == 0) {
            nmap_elements[i].begin(reader, attributes);
            return;
        }
    }
}

static void nmap_forget_port(struct nmap_reader *reader)
{
    free(reader->port.product);
    free(reader->port.version);
    reader->port = (struct answers_port){0};
    reader->has_port = false;
}

static void nmap_end_port(struct nmap_reader *reader)
{
    int rc;

    if (!reader->port_is_known) {
        reader->answers->passed_over++;
        nmap_forget_port(reader);
        return;
    }
    rc = answers_add_port(reader->answers, reader->host, &reader->port);
    /* The texts are the list's now, or gone. */
    reader->port.product = reader->port.version = NULL;
    nmap_forget_port(reader);
    if (rc < 0) {
        nmap_stop(reader, answers_explain(rc, nmap_line(reader), reader->fault));
    }
}

static void nmap_end_host(struct nmap_reader *reader)
{
    struct answers_host *host = reader->host;

    if (!reader->has_address) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "the host that ends here has no address"));
    }
    /* One that is down has nothing to say of its ports. */
    if (!reader->host_is_up) {
        for (size_t i = 0; i < host->rest_count; i++) {
            free(host->rests[i].ports);
        }
        host->rest_count = 0;
    }
    reader->host = NULL;
}

static void nmap_on_end(void *context, const XML_Char *name)
{
    struct nmap_reader *reader = context;

    reader->last_event = XML_GetCurrentByteIndex(reader->parser);
    reader->depth--;
    if (reader->has_port && strcmp(name, "port") == 0) {
        nmap_end_port(reader);
    } else if (strcmp(name, "extraports") == 0) {
        reader->extra.is_known = false;
    } else if (reader->host != NULL && strcmp(name, "host") == 0) {
        nmap_end_host(reader);
    }
}

static void nmap_on_text(void *context, const XML_Char *text, int length)
{
    struct nmap_reader *reader = context;

    (void)text;
    (void)length;
    reader->last_event = XML_GetCurrentByteIndex(reader->parser);
}

/* nmap writes a document type without a subset: there are no entities without one. Nothing it names is fetched. */
static void nmap_on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                            int has_subset)
{
    struct nmap_reader *reader = context;

    (void)name;
    (void)system;
    (void)public;
    if (has_subset) {
        nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader),
                                         "the document type declares something of its own: nmap's never does"));
    }
}

static int nmap_say(struct nmap_reader *reader)
{
    enum XML_Error code = XML_GetErrorCode(reader->parser);

    if (reader->rc < 0) {
        return answers_explain(reader->rc, nmap_line(reader), reader->fault);
    }
    if (code == XML_ERROR_NO_MEMORY) {
        return answers_explain(-ENOMEM, nmap_line(reader), reader->fault);
    }
    if (code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN || code == XML_ERROR_PARTIAL_CHAR) {
        return answers_refuse(reader->fault, nmap_line(reader),
                              "the file is cut off: nmap was ended, or still runs (%s)", XML_ErrorString(code));
    }
    return answers_refuse(reader->fault, nmap_line(reader), "is no XML: %s", XML_ErrorString(code));
}

/* Where the parser stands is where the file is wrong. */
static int nmap_explain(struct nmap_reader *reader)
{
    int rc = nmap_say(reader);

    reader->fault->column = XML_GetCurrentColumnNumber(reader->parser) + 1;
    return rc;
}

static int nmap_feed(struct nmap_reader *reader, FILE *file)
{
    size_t length;

    do {
        void *buffer = XML_GetBuffer(reader->parser, NMAP_CHUNK);
        if (buffer == NULL) {
            return answers_explain(-ENOMEM, nmap_line(reader), reader->fault);
        }
        length = fread(buffer, 1, NMAP_CHUNK, file);
        if (ferror(file) != 0) {
            return errno != 0 ? -errno : -EIO;
        }
        if (XML_ParseBuffer(reader->parser, (int)length, length == 0) != XML_STATUS_OK) {
            return nmap_explain(reader);
        }
        if (XML_GetCurrentByteIndex(reader->parser) - reader->last_event > NMAP_TAG_MAX ||
            ftell(file) - (long)reader->last_event > NMAP_TAG_MAX + NMAP_CHUNK) {
            nmap_stop(reader, answers_refuse(reader->fault, nmap_line(reader), "one tag is longer than %d bytes",
                                             NMAP_TAG_MAX));
            return nmap_explain(reader);
        }
    } while (length > 0);
    return 0;
}

static int nmap_read(FILE *file, struct answers *answers, struct answers_fault *ret_fault)
{
    struct nmap_reader reader = {.answers = answers, .fault = ret_fault, .parser = XML_ParserCreate("UTF-8")};
    int rc;

    if (reader.parser == NULL) {
        return answers_explain(-ENOMEM, 0, ret_fault);
    }
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, nmap_on_start, nmap_on_end);
    XML_SetCharacterDataHandler(reader.parser, nmap_on_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, nmap_on_doctype);
    rc = nmap_feed(&reader, file);
    nmap_forget_port(&reader);
    XML_ParserFree(reader.parser);
    return rc < 0 ? rc : answers_explain(answers_merge(answers), 0, ret_fault);
}

const struct import_reader import_nmap = {.name = "nmap", .tool = "nmap", .read = nmap_read};
