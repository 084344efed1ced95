/* Secrets that the environment has, moved out of it: there they would lie where every look at the process finds them.
 */
#include "auditd/aws/session_private.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char *const kept_names[SESSION_SECRETS] = {
    [SESSION_SECRET_KEY] = "AWS_SECRET_ACCESS_KEY",
    [SESSION_SECRET_TOKEN] = "AWS_SESSION_TOKEN",
    [SESSION_SECRET_CONTAINER] = "AWS_CONTAINER_AUTHORIZATION_TOKEN",
};

int session_keep(struct session *session)
{
    for (int i = 0; i < SESSION_SECRETS; i++) {
        char *value = getenv(kept_names[i]);
        size_t length = value == NULL ? 0 : strlen(value);
        if (length == 0) {
            continue;
        }
        session->kept[i] = sodium_malloc(length + 1);
        if (session->kept[i] == NULL) {
            return -ENOMEM;
        }
        memcpy(session->kept[i], value, length + 1);
        /* The name stays, without a value: as if it had not been there (session.c). */
        sodium_memzero(value, length);
    }
    return 0;
}

void session_forget(struct session *session)
{
    for (int i = 0; i < SESSION_SECRETS; i++) {
        sodium_free(session->kept[i]);
    }
}
