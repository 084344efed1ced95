/* What a scan saw, as values: one struct for each type of line in schema/observation.schema.json, and the codec between
 * them and JSON. Knows neither files nor how it was seen. */
#ifndef LEASTPORT_SCANNER_OBSERVATION_H
#define LEASTPORT_SCANNER_OBSERVATION_H

#include "lib/addr.h"
#include "scanner/service/evidence.h"
#include "scanner/service/facts.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OBSERVATION_ID_SIZE = 37 };

enum observation_type {
    OBSERVATION_START,
    OBSERVATION_PORT,
    OBSERVATION_SERVICE,
    OBSERVATION_CERTIFICATE,
    OBSERVATION_HOST,
    OBSERVATION_CANARY,
    OBSERVATION_SLAB,
    OBSERVATION_PROGRESS,
    OBSERVATION_NOTICE,
    OBSERVATION_END,
};

enum port_state { PORT_OPEN, PORT_CLOSED, PORT_FILTERED, PORT_OPEN_FILTERED };

/* Why a port or a host is in its state, with nmap's names: "syn-ack", "conn-refused", …. */
enum reason {
    REASON_SYN_ACK,
    REASON_CONN_REFUSED, /* a RST, as a plain connect hears of it */
    REASON_RESET,        /* a RST, as a raw probe sees it */
    REASON_NO_RESPONSE,
    REASON_NET_UNREACH,
    REASON_HOST_UNREACH,
    REASON_PROTO_UNREACH,
    REASON_PORT_UNREACH,
    REASON_NET_PROHIBITED,
    REASON_HOST_PROHIBITED,
    REASON_ADMIN_PROHIBITED,
    REASON_TIME_EXCEEDED,
    REASON_DEST_UNREACH,
    REASON_PARAM_PROBLEM,
    REASON_UDP_RESPONSE,
    REASON_LOCALHOST_RESPONSE, /* the host is the scanner's own */
    REASON_USER_SET,           /* a host taken as up because it was told so */
    REASON_ECHO_REPLY,         /* a host that answered no more than that */
    REASON_SELF_CONNECT,       /* the probe met its own port: closed */
    REASON_ABORTED,            /* the scan ended before it was known */
};

const char *port_state_name(enum port_state state);
MUST_USE int port_state_parse(const char *name, enum port_state *ret_state);
const char *reason_name(enum reason reason);
MUST_USE int reason_parse(const char *name, enum reason *ret_reason);

/* Text is borrowed by whoever is handed the struct, for the call. NULL means that the field is left out. */
struct observation_start {
    const char *plan_json; /* plan_json() */
    const char *plan_hash;
    const char *realm;
    const char *vantage;
    const char *ports;   /* plan_ports(); not in JSON, for people's formats */
    uint32_t port_count; /* how many these are; not in JSON */
    const char *args;    /* the command line; not in JSON */
    const char *probe;   /* plan_probe_name(); not in JSON */
    const char *proto;   /* plan_probe_proto(); not in JSON */
    uint64_t slabs;
    uint64_t from_slab;
    uint64_t hosts;
    uint64_t probes;
};

struct observation_port {
    struct addr host;
    const char *name;
    const char *proto;
    uint16_t port;
    enum port_state state;
    enum reason reason;
    const char *service; /* NULL: the outputs look it up */
    const char *proof;   /* of a UDP port that answered: what by (schema/observation.schema.json); NULL: left out */
    uint32_t tries;      /* 0: left out */
    bool has_rtt;
    uint64_t rtt_us;
    bool watch;
    bool self;
    const struct addr *bound;
};

/* What answers on an open port: its line comes after the port's and before the host's. */
struct observation_service {
    struct addr host;
    const char *name;
    const char *proto;
    uint16_t port;
    bool self;
    const struct facts *facts;
    const struct evidence *evidence;
};

/* A certificate that a service has shown, before the first line that names it by its fact "cert.sha256". One may be
 * told more than once. */
struct observation_certificate {
    struct span der;
    const struct facts *facts; /* those of the certificate alone */
};

/* Ports of one host that share protocol, state and reason and have no line of their own. */
struct observation_not_shown {
    const char *proto;
    enum port_state state; /* not PORT_OPEN */
    enum reason reason;
    uint32_t count;
    const char *ports; /* portset_format() */
};

struct observation_host {
    struct addr host;
    const char *name;
    bool up;
    enum reason reason;
    uint64_t slab;
    bool self;
    uint32_t open;
    bool has_rtt;
    uint64_t rtt_us;
    uint32_t unasked; /* ports: the host did not answer discovery */
    const struct observation_not_shown *not_shown;
    size_t not_shown_count;
};

struct observation_canary {
    struct addr host;
    const char *proto;
    uint16_t port;
    bool at_end;
    bool answered;
    enum reason reason;
};

struct observation_slab {
    uint64_t slab; /* the one that is done */
    uint64_t slabs;
    uint64_t probes_done;
    uint64_t probes_sent;
};

struct observation_progress {
    uint64_t probes_done;
    uint64_t probes;
    uint64_t probes_sent;
    uint64_t rate_pps;
    uint64_t open;
    int64_t eta_s;  /* -1: not known */
    bool asks;      /* what answers at open ports is asked … */
    uint64_t asked; /* … and of so many it is told */
};

struct observation_notice {
    const char *code;
    const char *message;
    const struct addr *host;
};

enum scan_cause { SCAN_CAUSE_DONE, SCAN_CAUSE_INTERRUPTED, SCAN_CAUSE_ERROR };

struct observation_end {
    bool complete;
    enum scan_cause cause;
    const char *message;
    uint64_t probes;
    uint64_t probes_done;
    uint64_t probes_sent;
    uint64_t probes_unasked; /* of probes_done: of hosts that did not answer discovery */
    uint64_t hosts_up;
    uint64_t hosts_down;
    uint64_t open;
    bool has_loss;
    double loss;
    bool has_missed;
    double missed_low;
    double missed_high;
    uint64_t elapsed_ms;
};

struct observation {
    enum observation_type type;
    int64_t ts_ms; /* wall time */
    union {
        struct observation_start start;
        struct observation_port port;
        struct observation_service service;
        struct observation_certificate certificate;
        struct observation_host host;
        struct observation_canary canary;
        struct observation_slab slab;
        struct observation_progress progress;
        struct observation_notice notice;
        struct observation_end end;
    };
};

/* The line's object, without a newline; NULL when out of memory. Text that is not UTF-8 is escaped (\xHH). Numbers
 * above INT64_MAX are written as INT64_MAX. The caller owns the reference. */
json_t *observation_encode(const struct observation *observation, const char *scan_id);

/* Keeps what a decoded observation points to. Zeroed before the first use; one serves any number of observations. */
struct observation_arena {
    struct observation_not_shown *not_shown;
    struct addr addr;
    struct facts *facts;
    struct evidence *evidence;
    uint8_t *der;
};

/* Reads a port, service, certificate, host, canary or notice back, as observation_encode() wrote it; the other types
 * are -EBADMSG, as is what is damaged. Text is borrowed from `line`, arrays from `arena`, until that is used again or
 * observation_arena_done().
 */
MUST_USE int observation_decode(const json_t *line, struct observation_arena *arena,
                                struct observation *ret_observation);
void observation_arena_done(struct observation_arena *arena);

#endif
