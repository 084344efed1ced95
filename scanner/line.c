#include "scanner/line.h"

#include "scanner/protocol.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* "2026-11-22T11:05:00.123Z": all but the milliseconds stay for a second. */
enum { STAMP_LENGTH = 24, STAMP_MS = 20, MS_PER_S = 1000 };

/* Of a literal. */
#define LINE_ADD(line, literal) text_add(&(line)->text, "" literal, sizeof(literal) - 1)

/* Without branches, so that a compiler may take many bytes at once. */
static bool is_odd(const char *text, size_t size)
{
    unsigned odd = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        odd |= (unsigned)(byte < ' ') | (unsigned)(byte > '~') | (unsigned)(byte == '"') | (unsigned)(byte == '\\');
    }
    return odd != 0;
}

/* Between the quotes that the caller writes. */
static void add_string(struct line *line, const char *text)
{
    size_t size = strlen(text);

    line->odd |= is_odd(text, size);
    text_add(&line->text, text, size);
}

static void add_addr(struct line *line, const struct addr *addr)
{
    char text[ADDR_TEXT_SIZE];

    add_string(line, addr_format(addr, text));
}

static void add_number(struct line *line, uint64_t number)
{
    text_add_number(&line->text, number > INT64_MAX ? INT64_MAX : number);
}

static void add_stamp(struct line *line, int64_t time_ms)
{
    int64_t ms = time_ms % MS_PER_S;
    char *digits = line->stamp + STAMP_MS;

    if (time_ms < 0 || line->stamp[0] == '\0' || line->second != time_ms / MS_PER_S) {
        wall_format(time_ms, line->stamp);
        line->second = time_ms / MS_PER_S;
    } else {
        digits[0] = (char)('0' + ms / 100);
        digits[1] = (char)('0' + ms / 10 % 10);
        digits[2] = (char)('0' + ms % 10);
    }
    add_string(line, line->stamp);
    if (time_ms < 0 || strlen(line->stamp) != STAMP_LENGTH) {
        line->stamp[0] = '\0'; /* not to be taken up again */
    }
}

/* From here on to the last member each begins with its comma. */
static void add_head(struct line *line, const struct observation *observation, const char *scan_id)
{
    LINE_ADD(line, "{\"schema\":\"" SCAN_OBSERVATION_SCHEMA "\",\"type\":\"");
    if (observation->type == OBSERVATION_PORT) {
        LINE_ADD(line, SCAN_LINE_PORT "\"");
    } else {
        LINE_ADD(line, SCAN_LINE_HOST "\"");
    }
    if (scan_id != NULL) {
        LINE_ADD(line, ",\"scan_id\":\"");
        add_string(line, scan_id);
        LINE_ADD(line, "\"");
    }
    LINE_ADD(line, ",\"ts\":\"");
    add_stamp(line, observation->ts_ms);
    LINE_ADD(line, "\"");
}

static void add_host_name(struct line *line, const struct addr *host, const char *name)
{
    LINE_ADD(line, ",\"host\":\"");
    add_addr(line, host);
    if (name != NULL) {
        LINE_ADD(line, "\",\"name\":\"");
        add_string(line, name);
    }
    LINE_ADD(line, "\"");
}

static void add_port(struct line *line, const struct observation_port *port)
{
    add_host_name(line, &port->host, port->name);
    if (port->proto != NULL) {
        LINE_ADD(line, ",\"proto\":\"");
        add_string(line, port->proto);
        LINE_ADD(line, "\"");
    }
    LINE_ADD(line, ",\"port\":");
    add_number(line, port->port);
    LINE_ADD(line, ",\"state\":\"");
    add_string(line, port_state_name(port->state));
    LINE_ADD(line, "\",\"reason\":\"");
    add_string(line, reason_name(port->reason));
    LINE_ADD(line, "\"");
    if (port->service != NULL) {
        LINE_ADD(line, ",\"service\":\"");
        add_string(line, port->service);
        LINE_ADD(line, "\"");
    }
    if (port->proof != NULL) {
        LINE_ADD(line, ",\"proof\":\"");
        add_string(line, port->proof);
        LINE_ADD(line, "\"");
    }
}

static void add_port_facts(struct line *line, const struct observation_port *port)
{
    if (port->tries > 0) {
        LINE_ADD(line, ",\"tries\":");
        add_number(line, port->tries);
    }
    if (port->has_rtt) {
        LINE_ADD(line, ",\"rtt_us\":");
        add_number(line, port->rtt_us);
    }
    if (port->watch) {
        LINE_ADD(line, ",\"watch\":true");
    }
    if (port->self) {
        LINE_ADD(line, ",\"self\":true");
    }
    if (port->bound != NULL) {
        LINE_ADD(line, ",\"bound\":\"");
        add_addr(line, port->bound);
        LINE_ADD(line, "\"");
    }
}

static void add_group(struct line *line, const struct observation_not_shown *group)
{
    if (group->proto == NULL || group->ports == NULL) {
        line->odd = true; /* refused there */
        return;
    }
    LINE_ADD(line, "{\"proto\":\"");
    add_string(line, group->proto);
    LINE_ADD(line, "\",\"state\":\"");
    add_string(line, port_state_name(group->state));
    LINE_ADD(line, "\",\"reason\":\"");
    add_string(line, reason_name(group->reason));
    LINE_ADD(line, "\",\"count\":");
    add_number(line, group->count);
    LINE_ADD(line, ",\"ports\":\"");
    add_string(line, group->ports);
    LINE_ADD(line, "\"}");
}

static void add_host(struct line *line, const struct observation_host *host)
{
    add_host_name(line, &host->host, host->name);
    LINE_ADD(line, ",\"state\":\"");
    add_string(line, host->up ? "up" : "down");
    LINE_ADD(line, "\",\"reason\":\"");
    add_string(line, reason_name(host->reason));
    LINE_ADD(line, "\",\"slab\":");
    add_number(line, host->slab);
    if (host->self) {
        LINE_ADD(line, ",\"self\":true");
    }
    LINE_ADD(line, ",\"open\":");
    add_number(line, host->open);
    if (host->has_rtt) {
        LINE_ADD(line, ",\"rtt_us\":");
        add_number(line, host->rtt_us);
    }
    if (host->unasked > 0) {
        LINE_ADD(line, ",\"unasked\":");
        add_number(line, host->unasked);
    }
    LINE_ADD(line, ",\"not_shown\":[");
    for (size_t i = 0; i < host->not_shown_count; i++) {
        if (i > 0) {
            LINE_ADD(line, ",");
        }
        add_group(line, &host->not_shown[i]);
    }
    LINE_ADD(line, "]");
}

static int take_dump(const char *bytes, size_t size, void *context)
{
    text_add(context, bytes, size);
    return 0;
}

/* By way of the tree: every type, and texts with anything in them. */
static int write_tree(struct line *line, const struct observation *observation, const char *scan_id)
{
    json_t *tree = observation_encode(observation, scan_id);
    int rc;

    text_clear(&line->text);
    rc = tree == NULL ? -1 : json_dump_callback(tree, take_dump, &line->text, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(tree);
    return rc < 0 || line->text.failed ? -ENOMEM : 0;
}

int line_write(struct line *line, const struct observation *observation, const char *scan_id)
{
    if (observation->type != OBSERVATION_PORT && observation->type != OBSERVATION_HOST) {
        return write_tree(line, observation, scan_id);
    }
    text_clear(&line->text);
    line->odd = false;
    add_head(line, observation, scan_id);
    if (observation->type == OBSERVATION_PORT) {
        add_port(line, &observation->port);
        add_port_facts(line, &observation->port);
    } else {
        add_host(line, &observation->host);
    }
    LINE_ADD(line, "}");
    if (line->odd) {
        return write_tree(line, observation, scan_id);
    }
    return line->text.failed ? -ENOMEM : 0;
}

void line_done(struct line *line)
{
    text_done(&line->text);
}
