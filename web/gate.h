/* Who gets in: a request with a token or a session's cookie becomes a principal, and a principal may what its role,
 * scopes and limits say. Wrong tries are slowed down, by address; right ones are not, so that no stranger can lock
 * anybody out. */
#ifndef LEASTPORT_WEB_GATE_H
#define LEASTPORT_WEB_GATE_H

#include "web/cursor.h"
#include "web/principal.h"
#include "web/problem.h"

struct gate;
struct exchange;
struct request_head;

/* What a route asks of who calls it. Nought is what nobody may. */
enum gate_kind {
    GATE_CLOSED,
    GATE_OPEN,  /* anybody */
    GATE_KNOWN, /* whoever is somebody */
    GATE_ROLE,  /* whoever has the role and the scope */
};

struct gate_rule {
    enum gate_kind kind;
    enum role role;
    enum scope scope;
    bool unlimited; /* and is limited to no hosts: what it tells is of all */
};

struct gate_options {
    const char *control_path; /* NULL: none; borrowed */
    uint32_t failures;        /* from an address in a minute; 0: any number */
    uint32_t requests;        /* of a token in a minute; 0: any number */
    uint16_t port;            /* the server's, for the session cookie's name */
    const char *user_default; /* the token's name of whom a proxy names and no token does; NULL: none. Borrowed */
};

/* The caller owns it: gate_destroy(). */
MUST_USE int gate_create(const struct gate_options *options, struct gate **ret_gate);
void gate_destroy(struct gate *gate);

/* Fills exchange->principal and returns true, or sets the problem: 401, 403, 429, or what reading the store met. */
bool gate_admit(struct gate *gate, struct exchange *exchange, const struct request_head *head,
                const struct gate_rule *rule);
/* A token, or a link's, becomes a session: exchange->principal and exchange->cookie; else the problem. */
bool gate_login(struct gate *gate, struct exchange *exchange, const struct request_head *head, const char *token);
void gate_logout(struct gate *gate, struct exchange *exchange, const struct request_head *head);
struct gate_event {
    const char *what;
    bool refused;
    const char *detail;
};

/* Into the audit log, in the principal's name, with what was asked for. */
void gate_note(struct gate *gate, const struct exchange *exchange, const struct request_head *head,
               struct gate_event event);

/* Of who is let in for longer than a request: whether a principal's session is one still, which does not keep it from
 * ending of idleness; and a number that is another once some session has ended before its time. */
bool gate_session_lives(struct gate *gate, const char *session);
uint32_t gate_session_ends(const struct gate *gate);

/* The seal of cursors of readers with these limits, which opens no other's; new with each start. */
void gate_seal(const struct gate *gate, const struct store_reach *reach, unsigned char ret_seal[CURSOR_SEAL_BYTES]);

/* Whether a browser says that the request comes from a page of this server, or no browser made it. */
bool gate_is_same_origin(const struct request_head *head);

#endif
