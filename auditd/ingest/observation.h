/* One line of a scanner's output as a struct. Pure: text in, a struct or a reason out; knows no plan and no store. */
#ifndef LEASTPORT_AUDITD_INGEST_OBSERVATION_H
#define LEASTPORT_AUDITD_INGEST_OBSERVATION_H

#include "lib/addr.h"
#include "lib/portset.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum observation_type {
    OBSERVATION_SCAN_START,
    OBSERVATION_PORT,
    OBSERVATION_SERVICE,
    OBSERVATION_CERTIFICATE,
    OBSERVATION_HOST,
    OBSERVATION_CANARY,
    OBSERVATION_SLAB,
    OBSERVATION_PROGRESS,
    OBSERVATION_NOTICE,
    OBSERVATION_SCAN_END,
};

enum port_state { PORT_STATE_OPEN, PORT_STATE_CLOSED, PORT_STATE_FILTERED, PORT_STATE_OPEN_FILTERED };

/* "open", "closed", "filtered", "open|filtered". */
const char *port_state_name(enum port_state state);
MUST_USE int port_state_parse(const char *name, enum port_state *ret_state);

enum {
    OBSERVATION_UUID_SIZE = 37,
    OBSERVATION_WORD_SIZE = 48,
    OBSERVATION_NAME_SIZE = 256,
    OBSERVATION_TEXT_SIZE = 1024,
    OBSERVATION_SUMMARIES_MAX = 64,
    OBSERVATION_FACTS_MAX = 64,
    OBSERVATION_FACT_SIZE = 2048, /* of one that is text, escaped */
    OBSERVATION_TURNS_MAX = 8,
    OBSERVATION_TURN_SIZE = 2048, /* escaped */
    OBSERVATION_DER_MAX = 65536,
    OBSERVATION_TRIES_MAX = 1000000, /* and answers */
};

struct observation_scan_start {
    const json_t *plan; /* borrowed from the observation */
    char plan_hash[OBSERVATION_NAME_SIZE];
    char realm[OBSERVATION_NAME_SIZE];
    char vantage[OBSERVATION_NAME_SIZE];
    int64_t slabs;
    int64_t from_slab;
    int64_t hosts;
    int64_t probes;
};

struct observation_port {
    struct addr host;
    char name[OBSERVATION_NAME_SIZE]; /* "" without one */
    bool is_udp;
    uint16_t port;
    enum port_state state;
    char reason[OBSERVATION_WORD_SIZE];
    char service[OBSERVATION_WORD_SIZE];
    /* 0 when the line does not say. `answers` counts the probes that were answered in this way. */
    int64_t tries;
    int64_t answers;
    bool watch;
    bool self;
    char bound[ADDR_TEXT_SIZE];
};

/* Facts are an object with members that lib/fact.h knows, each of its type; those that it does not know are left out
 * before. */
struct observation_service {
    struct addr host;
    char name[OBSERVATION_NAME_SIZE];
    bool is_udp;
    uint16_t port;
    bool self;
    json_t *facts;          /* borrowed from the observation */
    const json_t *evidence; /* borrowed from the observation: an array of turns */
};

struct observation_certificate {
    json_t *facts;   /* the same */
    const char *der; /* base64, not looked at yet; borrowed from the observation */
    size_t der_length;
};

/* Ports of a host that have no line of their own. */
struct observation_summary {
    bool is_udp;
    enum port_state state;
    char reason[OBSERVATION_WORD_SIZE];
    const char *ports; /* borrowed from the observation; already found to be a valid portset */
};

struct observation_host {
    struct addr host;
    char name[OBSERVATION_NAME_SIZE];
    bool up;
    bool self;
    char reason[OBSERVATION_WORD_SIZE];
    int64_t slab;
    int64_t open;
    size_t summary_count;
    struct observation_summary summaries[OBSERVATION_SUMMARIES_MAX];
};

struct observation_canary {
    struct addr host;
    bool is_udp;
    uint16_t port;
    bool at_end;
    bool answered;
    char reason[OBSERVATION_WORD_SIZE];
};

struct observation_slab {
    int64_t slab;
    int64_t slabs;
    int64_t probes_done;
    int64_t probes_sent;
};

struct observation_progress {
    int64_t probes_done;
    int64_t probes;
    int64_t probes_sent;
    int64_t rate_pps;
    int64_t open;
    int64_t eta_s; /* -1 when not known */
};

struct observation_notice {
    char code[OBSERVATION_WORD_SIZE];
    char message[OBSERVATION_TEXT_SIZE]; /* cut when longer */
};

struct observation_scan_end {
    bool complete;
    char cause[OBSERVATION_WORD_SIZE];
    char message[OBSERVATION_TEXT_SIZE];
    int64_t probes;
    int64_t probes_done;
    int64_t probes_sent;
    int64_t hosts_up;
    int64_t hosts_down;
    int64_t open;
    double loss; /* -1 when not known */
    bool has_missed;
    double missed_low;
    double missed_high;
};

struct observation {
    enum observation_type type;
    char scan_id[OBSERVATION_UUID_SIZE];
    int64_t ts_ms;
    json_t *json; /* what the borrowed parts lie in */
    union {
        struct observation_scan_start scan_start;
        struct observation_port port;
        struct observation_service service;
        struct observation_certificate certificate;
        struct observation_host host;
        struct observation_canary canary;
        struct observation_slab slab;
        struct observation_progress progress;
        struct observation_notice notice;
        struct observation_scan_end scan_end;
    };
};

enum { OBSERVATION_REASON_SIZE = 256 };

/* `line` has no newline and need not end in NUL. -EBADMSG for what is no observation, with the field and what is wrong
 * with it in `ret_reason` (of OBSERVATION_REASON_SIZE bytes); -ENOMEM. On success the caller owns *ret_observation:
 * observation_done(). Fields that are not known are ignored; a known field of the wrong type never is. */
MUST_USE int observation_parse(const char *line, size_t length, struct observation *ret_observation, char *ret_reason);

void observation_done(struct observation *observation);

#endif
