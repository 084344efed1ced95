/* What UDP probes say, so that the service on a port answers: our own bytes, from each protocol's specification, which
 * payload_table.c cites. Most carry the cookie as their transaction id, and their answer has to bring it back.
 *
 *     payload = payload_for(port, try_number);
 *     payload_write(payload, hash, buffer);                       `hash` is cookie_hash()'s
 *     verdict = payload_judge(port, hash, bytes, length, &payload); */
#ifndef LEASTPORT_SCANNER_PACKET_PAYLOAD_H
#define LEASTPORT_SCANNER_PACKET_PAYLOAD_H

#include "lib/addr.h"

enum { PAYLOAD_MAX = 1200, PAYLOAD_COOKIE_MAX = 16 };

enum payload_verdict {
    PAYLOAD_FOREIGN,   /* not of this protocol */
    PAYLOAD_FORGED,    /* of this protocol, but it answers another question than ours */
    PAYLOAD_PLAUSIBLE, /* of this protocol, which has no transaction id */
    PAYLOAD_PROVEN,    /* it brings the cookie back */
};

struct payload;

/* What it thinks of an answer. `cookie` is what payload_write() put into the question. */
typedef enum payload_verdict payload_judge_fn(const struct payload *payload, const uint8_t *cookie,
                                              const uint8_t *bytes, size_t length);

struct payload {
    const char *service; /* "dns", … */
    uint16_t port;
    uint16_t length;
    const uint8_t *head;
    uint16_t head_length; /* zeros follow up to `length` */
    uint16_t cookie_at;
    uint8_t cookie_size; /* 0: the source port alone carries the cookie */
    bool cookie_is_hex;  /* its bytes are characters */
    bool moves_port;     /* the answer comes from another port than was asked */
    payload_judge_fn *judge;
};

/* By port, ascending. */
extern const struct payload payload_table[];
extern const size_t payload_table_size;

/* The empty datagram: what a port without a payload is asked with. */
extern const struct payload payload_none;

/* The port's payloads take turns as `variant` counts up; &payload_none for a port that has none. */
const struct payload *payload_for(uint16_t port, unsigned int variant);

/* The bytes at `cookie_at`, `cookie_size` of them. */
void payload_cookie(const struct payload *payload, uint64_t hash, uint8_t ret_cookie[PAYLOAD_COOKIE_MAX]);

/* Writes payload->length bytes. */
void payload_write(const struct payload *payload, uint64_t hash, uint8_t *buffer);

/* The best verdict that the port's payloads give, and whose it is: &payload_none, PAYLOAD_PLAUSIBLE where the port has
 * none. Total, as every parser. */
enum payload_verdict payload_judge(uint16_t port, uint64_t hash, const uint8_t *bytes, size_t length,
                                   const struct payload **ret_payload);

/* Whether these may be the first `length` bytes of a question to the port: where a cookie is among them, it is ours. */
bool payload_may_be(uint16_t port, uint64_t hash, const uint8_t *bytes, size_t length);

#endif
