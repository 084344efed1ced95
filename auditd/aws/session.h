/* Who asks AWS, and where: keys from the places where the AWS CLI looks for them, in its order, and the services'
 * addresses. Keys lie in memory that no core dump has, and are wiped. Faults are told without any of them. */
#ifndef LEASTPORT_AUDITD_AWS_SESSION_H
#define LEASTPORT_AUDITD_AWS_SESSION_H

#include "auditd/aws/call.h"
#include "auditd/aws/wire.h"

#include <stdint.h>

enum { SESSION_KEY_SIZE = 257, SESSION_TOKEN_SIZE = 16385, SESSION_URL_SIZE = 512, SESSION_FAULT_SIZE = 320 };

struct session_keys {
    char access[SESSION_KEY_SIZE];
    char secret[SESSION_KEY_SIZE];
    char token[SESSION_TOKEN_SIZE]; /* "" for keys without an end */
};

struct session_fault {
    char text[SESSION_FAULT_SIZE];
};

/* A role to take on: an ARN, and the external id that it asks for; NULL: none. */
struct session_taken {
    const char *role;
    const char *external_id;
};

/* All is borrowed as long as the session lives; NULL: not given. */
struct session_options {
    const char *profile;               /* instead of AWS_PROFILE, and before keys of the environment */
    const struct session_taken *roles; /* taken on with what was found, each with the one before */
    size_t role_count;
    const char *region; /* for what is asked before a region is chosen */
};

struct session;

/* Reads the files, asks nobody. -ENOMEM, -EIO with *ret_fault. */
MUST_USE int session_create(const struct session_options *options, struct wire *wire, struct session **ret_session,
                            struct session_fault *ret_fault);
void session_destroy(struct session *session);

/* Finds keys, or finds them anew. -EACCES with *ret_fault, -ENOMEM. */
MUST_USE int session_log_in(struct session *session, struct session_fault *ret_fault);

/* Those of the last session_log_in(): borrowed until the next. */
const struct session_keys *session_keys_of(const struct session *session);

/* The region when none is asked for: the options', the environment's, the profile's; NULL. */
const char *session_region(const struct session *session);
/* How often a request is tried: AWS_MAX_ATTEMPTS, max_attempts of the profile, or 8. */
unsigned session_attempts(const struct session *session);
/* Whom the keys belong to: account (12 digits). -EACCES with *ret_fault. */
MUST_USE int session_account(struct session *session, char ret_account[13], struct session_fault *ret_fault);
/* Which certificates to trust: AWS_CA_BUNDLE; NULL for the system's. */
const char *session_ca_bundle(void);

/* A request to a service, signed: POST of a form, or of JSON with `target` (the value of x-amz-target). */
struct session_call {
    enum call_service service;
    const char *region;
    const char *target;
    const char *body;
    long timeout_ms;
    bool is_plain; /* not signed: what it holds proves who asks */
};
MUST_USE int session_start(struct session *session, const struct session_call *call, wire_done *done, void *context);

/* Adds "&name=value" with the value encoded; false when it does not fit. */
bool session_form(char *buffer, size_t size, const char *name, const char *value);

#endif
