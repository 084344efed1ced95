/* What another scanner's file says was seen: hosts with ports, held in memory until the whole file is known to be
 * sound. Knows neither the formats nor the store. */
#ifndef LEASTPORT_AUDITD_IMPORT_ANSWERS_H
#define LEASTPORT_AUDITD_IMPORT_ANSWERS_H

#include "auditd/ingest/observation.h"

/* Ceilings, so that a file's size is no measure of our memory. */
enum { ANSWERS_HOSTS_MAX = 1000000, ANSWERS_PORTS_MAX = 10000000, ANSWERS_PRODUCT_SIZE = 256 };

/* "" where the file does not say. */
struct answers_port {
    uint16_t port;
    bool is_udp;
    bool is_probed; /* the scanner asked what answers */
    bool is_tls;
    enum port_state state;
    char reason[OBSERVATION_WORD_SIZE];
    char service[OBSERVATION_WORD_SIZE];
    char *product; /* NULL where it is not known; owned */
    char *version;
};

/* Ports without an element of their own, of one state and reason. */
struct answers_rest {
    bool is_udp;
    enum port_state state;
    char reason[OBSERVATION_WORD_SIZE];
    char *ports; /* a portset's text; owned */
};

enum { ANSWERS_RESTS_MAX = 16 };

struct answers_host {
    struct addr address;
    char name[OBSERVATION_NAME_SIZE];
    unsigned long line; /* where it stands in the file, from 1 */
    int64_t seen_ms;    /* 0: the file's own time */
    struct answers_port *ports;
    size_t port_count;
    size_t port_room;
    struct answers_rest *rests; /* room for ANSWERS_RESTS_MAX; NULL: none */
    size_t rest_count;
};

/* {0} is empty. Owns all of it. */
struct answers {
    struct answers_host **hosts;
    size_t host_count;
    size_t host_room;
    size_t port_count;
    uint64_t passed_over; /* ports of protocols and states that have no place here */
    bool is_finished;     /* the file says that its scan came to its end */
    int64_t begun_ms;     /* 0: not said */
    int64_t ended_ms;
};

enum { ANSWERS_FAULT_SIZE = 200 };

/* Where reading stopped, and why, in words for a person. */
struct answers_fault {
    unsigned long line;   /* 0: of the file as a whole */
    unsigned long column; /* from 1; 0: not told */
    char text[ANSWERS_FAULT_SIZE];
};

void answers_done(struct answers *answers);

/* A new host, {0}; borrowed until answers_done(). -ENOMEM, -E2BIG past the ceiling. */
MUST_USE int answers_add_host(struct answers *answers, struct answers_host **ret_host);

/* Takes what the port points to, also on an error. The same ones. */
MUST_USE int answers_add_port(struct answers *answers, struct answers_host *host, const struct answers_port *port);

/* One host for each address, one port for each number and protocol: the open one stays, else the last. -ENOMEM. */
MUST_USE int answers_merge(struct answers *answers);

/* Open ports of the first `count` hosts. */
size_t answers_open_ports(const struct answers *answers, size_t count);

/* Says -ENOMEM and -E2BIG in words; others leave `fault` as it is. Returns `rc`. */
int answers_explain(int rc, unsigned long line, struct answers_fault *fault);

/* -EBADMSG, with the fault filled in. */
MUST_USE int answers_refuse(struct answers_fault *fault, unsigned long line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
