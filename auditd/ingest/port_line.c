#include "auditd/ingest/port_line.h"

#include "auditd/ingest/field.h"
#include "lib/clock.h"
#include "scanner/protocol.h"

#include <string.h>

/* Reads on until something is not as expected; from then on `bad` stays, and nothing is read. */
struct port_cursor {
    const char *at;
    const char *end;
    bool bad;
};

enum { PORT_LINE_TEXT_SIZE = 64, PORT_LINE_DIGITS = 15 /* fit in 64 bits with room to spare */ };

/* What stands in a member, and where it goes. */
struct port_member {
    const char *name; /* with its quotes and colon */
    size_t length;
    void (*read)(struct port_cursor *cursor, struct observation *observation);
    bool required;
};

static void port_skip(struct port_cursor *cursor, char expected)
{
    if (cursor->bad || cursor->at == cursor->end || *cursor->at != expected) {
        cursor->bad = true;
    } else {
        cursor->at++;
    }
}

/* A string of word characters only: it needs no decoding, and is shorter than `size`. */
static void port_word(struct port_cursor *cursor, char *buffer, size_t size)
{
    size_t room = (size_t)(cursor->end - cursor->at);
    size_t length = 0;

    port_skip(cursor, '"');
    if (cursor->bad) {
        return;
    }
    room = room - 1 < size ? room - 1 : size;
    while (length < room && field_is_word_char(cursor->at[length])) {
        buffer[length] = cursor->at[length];
        length++;
    }
    if (length == size) {
        cursor->bad = true;
        return;
    }
    buffer[length] = '\0';
    cursor->at += length;
    port_skip(cursor, '"');
}

static void port_required_word(struct port_cursor *cursor, char *buffer, size_t size)
{
    port_word(cursor, buffer, size);
    cursor->bad = cursor->bad || buffer[0] == '\0';
}

static int64_t port_number(struct port_cursor *cursor, int64_t least, int64_t most)
{
    const char *first = cursor->at;
    int64_t number = 0;

    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' &&
           cursor->at - first < PORT_LINE_DIGITS) {
        number = number * 10 + (*cursor->at++ - '0');
    }
    /* A number of JSON has no zero before its first digit. */
    if (cursor->at == first || (*first == '0' && cursor->at - first > 1) || number < least || number > most) {
        cursor->bad = true;
    }
    return number;
}

static bool port_truth(struct port_cursor *cursor)
{
    static const struct {
        char text[6];
        size_t length;
    } words[] = {{"false", 5}, {"true", 4}};

    for (size_t i = 0; i < 2; i++) {
        if ((size_t)(cursor->end - cursor->at) >= words[i].length &&
            memcmp(cursor->at, words[i].text, words[i].length) == 0) {
            cursor->at += words[i].length;
            return i == 1;
        }
    }
    cursor->bad = true;
    return false;
}

static void port_exactly(struct port_cursor *cursor, const char *expected)
{
    char text[PORT_LINE_TEXT_SIZE];

    port_required_word(cursor, text, sizeof(text));
    cursor->bad = cursor->bad || strcmp(text, expected) != 0;
}

static void port_addr(struct port_cursor *cursor, const char *text, struct addr *ret_addr)
{
    cursor->bad = cursor->bad || addr_parse(text, ret_addr) < 0;
}

static void read_schema(struct port_cursor *cursor, struct observation *observation)
{
    (void)observation;
    port_exactly(cursor, SCAN_OBSERVATION_SCHEMA);
}

static void read_type(struct port_cursor *cursor, struct observation *observation)
{
    (void)observation;
    port_exactly(cursor, SCAN_LINE_PORT);
}

static void read_scan_id(struct port_cursor *cursor, struct observation *observation)
{
    port_required_word(cursor, observation->scan_id, sizeof(observation->scan_id));
    cursor->bad = cursor->bad || !field_is_uuid(observation->scan_id);
}

static void read_ts(struct port_cursor *cursor, struct observation *observation)
{
    char text[PORT_LINE_TEXT_SIZE];

    port_required_word(cursor, text, sizeof(text));
    cursor->bad = cursor->bad || wall_parse(text, &observation->ts_ms) < 0;
}

static void read_host(struct port_cursor *cursor, struct observation *observation)
{
    char text[ADDR_TEXT_SIZE];

    port_required_word(cursor, text, sizeof(text));
    port_addr(cursor, text, &observation->port.host);
}

static void read_name(struct port_cursor *cursor, struct observation *observation)
{
    port_word(cursor, observation->port.name, sizeof(observation->port.name));
}

static void read_proto(struct port_cursor *cursor, struct observation *observation)
{
    char text[4];

    port_required_word(cursor, text, sizeof(text));
    observation->port.is_udp = !cursor->bad && strcmp(text, "udp") == 0;
    cursor->bad = cursor->bad || (!observation->port.is_udp && strcmp(text, "tcp") != 0);
}

static void read_port(struct port_cursor *cursor, struct observation *observation)
{
    observation->port.port = (uint16_t)port_number(cursor, 0, UINT16_MAX);
}

static void read_state(struct port_cursor *cursor, struct observation *observation)
{
    char text[OBSERVATION_WORD_SIZE];

    port_required_word(cursor, text, sizeof(text));
    cursor->bad = cursor->bad || port_state_parse(text, &observation->port.state) < 0;
}

static void read_reason(struct port_cursor *cursor, struct observation *observation)
{
    port_required_word(cursor, observation->port.reason, sizeof(observation->port.reason));
}

static void read_service(struct port_cursor *cursor, struct observation *observation)
{
    port_word(cursor, observation->port.service, sizeof(observation->port.service));
}

static void read_tries(struct port_cursor *cursor, struct observation *observation)
{
    observation->port.tries = port_number(cursor, 1, OBSERVATION_TRIES_MAX);
}

static void read_answers(struct port_cursor *cursor, struct observation *observation)
{
    observation->port.answers = port_number(cursor, 0, OBSERVATION_TRIES_MAX);
}

static void read_rtt(struct port_cursor *cursor, struct observation *observation)
{
    (void)observation;
    (void)port_number(cursor, 0, INT64_MAX);
}

static void read_watch(struct port_cursor *cursor, struct observation *observation)
{
    observation->port.watch = port_truth(cursor);
}

static void read_self(struct port_cursor *cursor, struct observation *observation)
{
    observation->port.self = port_truth(cursor);
}

static void read_bound(struct port_cursor *cursor, struct observation *observation)
{
    struct addr bound;

    port_word(cursor, observation->port.bound, sizeof(observation->port.bound));
    if (!cursor->bad && observation->port.bound[0] != '\0') {
        port_addr(cursor, observation->port.bound, &bound);
    }
}

#define PORT_MEMBER(name, read, required)                                                                              \
    {                                                                                                                  \
        "\"" name "\":", sizeof("\"" name "\":") - 1, read, required                                                   \
    }

/* In the order in which the scanner writes them: the next one is looked for from where the last one was found. */
static const struct port_member port_members[] = {
    PORT_MEMBER("schema", read_schema, true),    PORT_MEMBER("type", read_type, true),
    PORT_MEMBER("scan_id", read_scan_id, true),  PORT_MEMBER("ts", read_ts, true),
    PORT_MEMBER("host", read_host, true),        PORT_MEMBER("name", read_name, false),
    PORT_MEMBER("proto", read_proto, true),      PORT_MEMBER("port", read_port, true),
    PORT_MEMBER("state", read_state, true),      PORT_MEMBER("reason", read_reason, true),
    PORT_MEMBER("service", read_service, false), PORT_MEMBER("tries", read_tries, false),
    PORT_MEMBER("answers", read_answers, false), PORT_MEMBER("rtt_us", read_rtt, false),
    PORT_MEMBER("watch", read_watch, false),     PORT_MEMBER("self", read_self, false),
    PORT_MEMBER("bound", read_bound, false),
};

enum { PORT_MEMBER_COUNT = sizeof(port_members) / sizeof(*port_members) };

/* Which member begins here, looked for from `from` on and round; PORT_MEMBER_COUNT for none that is known. */
static size_t port_find_member(const struct port_cursor *cursor, size_t from)
{
    size_t room = (size_t)(cursor->end - cursor->at);

    for (size_t i = 0; i < PORT_MEMBER_COUNT; i++) {
        size_t index = (from + i) % PORT_MEMBER_COUNT;
        const struct port_member *member = &port_members[index];
        if (room > member->length && memcmp(cursor->at, member->name, member->length) == 0) {
            return index;
        }
    }
    return PORT_MEMBER_COUNT;
}

/* All members up to and with the closing brace; returns which were there. */
static uint32_t port_read_members(struct port_cursor *cursor, struct observation *observation)
{
    uint32_t seen = 0;
    size_t index = 0;

    do {
        index = port_find_member(cursor, index);
        if (index == PORT_MEMBER_COUNT || (seen & UINT32_C(1) << index) != 0) {
            cursor->bad = true;
            return 0;
        }
        seen |= UINT32_C(1) << index;
        cursor->at += port_members[index].length;
        port_members[index].read(cursor, observation);
        index++;
    } while (!cursor->bad && cursor->at < cursor->end && *cursor->at == ',' && cursor->at++ != NULL);
    port_skip(cursor, '}');
    return seen;
}

bool port_line_parse(const char *line, size_t length, struct observation *ret_observation)
{
    struct port_cursor cursor = {.at = line, .end = line + length};
    uint32_t required = 0;
    uint32_t seen;

    for (size_t i = 0; i < PORT_MEMBER_COUNT; i++) {
        required |= port_members[i].required ? UINT32_C(1) << i : 0;
    }
    ret_observation->type = OBSERVATION_PORT;
    ret_observation->json = NULL;
    ret_observation->port = (struct observation_port){0};
    port_skip(&cursor, '{');
    seen = port_read_members(&cursor, ret_observation);
    return !cursor.bad && cursor.at == cursor.end && (seen & required) == required;
}
