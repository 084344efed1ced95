/* What session's files share: the session itself. Inner to auditd/aws. */
#ifndef LEASTPORT_AUDITD_AWS_SESSION_PRIVATE_H
#define LEASTPORT_AUDITD_AWS_SESSION_PRIVATE_H

#include "auditd/aws/session.h"

enum { SESSION_VALUE_SIZE = 1024 };

/* What the environment may have of secrets. */
enum session_secret { SESSION_SECRET_KEY, SESSION_SECRET_TOKEN, SESSION_SECRET_CONTAINER, SESSION_SECRETS };

struct session {
    struct session_options options;
    struct wire *wire;
    char *config; /* the files, in guarded memory; NULL where there is none */
    char *credentials;
    char region[64];
    char profile[256];
    struct session_keys *keys;
    char *kept[SESSION_SECRETS]; /* guarded; NULL: not in the environment */
};

/* Moves the secrets from the environment to `kept`, for as long as the session lives: keys may be needed anew. -ENOMEM.
 */
MUST_USE int session_keep(struct session *session);
void session_forget(struct session *session);

/* A setting of a profile: `credentials` first where it is a key, else the configuration alone. */
bool session_setting(const struct session *session, const char *profile, const char *key, char *buffer, size_t size);
bool session_has_profile(const struct session *session, const char *profile);

/* -EACCES after writing the fault. */
MUST_USE int session_deny(struct session_fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each writes the session's keys. -ENOENT when the place has none, -EACCES with the fault when it should. */
MUST_USE int session_from_container(struct session *session, struct session_fault *fault);
MUST_USE int session_from_instance(struct session *session, struct session_fault *fault);

struct session_role {
    const char *arn;
    const char *external_id; /* "" for none */
    const char *name;        /* of the session; "" for our own */
    const char *duration;    /* seconds; "" for STS's own */
    const char *web_token;   /* NULL: with the session's keys */
};
MUST_USE int session_assume(struct session *session, const struct session_role *role, struct session_fault *fault);

/* A small file whole, in guarded memory: sodium_free(). -errno. */
MUST_USE int session_load(const char *path, char **ret_text);

/* Copies a member's text and wipes the member; false when it is none or does not fit. */
bool session_take_text(json_t *object, const char *key, char *buffer, size_t size);

#endif
