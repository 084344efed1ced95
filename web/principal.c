#include "web/principal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void principal_init(struct principal *principal)
{
    memset(principal, 0, sizeof(*principal));
}

void principal_done(struct principal *principal)
{
    free(principal->lines);
    principal_init(principal);
}

bool principal_is_limited(const struct principal *principal)
{
    return principal->reach.realms.count + principal->reach.tags.count > 0;
}

/* Cuts lines in place. */
static int principal_cut(char *lines, const char **values, struct store_texts *ret_texts)
{
    size_t count = 0;

    for (char *line = strsep(&lines, "\n"); line != NULL; line = strsep(&lines, "\n")) {
        if (line[0] == '\0') {
            continue;
        }
        if (count == PRINCIPAL_LIMITS) {
            return -E2BIG;
        }
        values[count++] = line;
    }
    *ret_texts = (struct store_texts){values, count};
    return 0;
}

static int principal_limit(struct principal *principal, const struct store_read_token *token)
{
    size_t realms = strlen(token->realms) + 1;
    size_t tags = strlen(token->tags) + 1;
    int rc;

    if (realms + tags == 2) {
        return 0;
    }
    principal->lines = malloc(realms + tags);
    if (principal->lines == NULL) {
        return -ENOMEM;
    }
    memcpy(principal->lines, token->realms, realms);
    memcpy(principal->lines + realms, token->tags, tags);
    rc = principal_cut(principal->lines, principal->limits, &principal->reach.realms);
    return rc == 0
               ? principal_cut(principal->lines + realms, principal->limits + PRINCIPAL_LIMITS, &principal->reach.tags)
               : rc;
}

int principal_take(struct principal *principal, const struct store_read_token *token)
{
    /* A role of a newer version is none here: the least one, and no scope. */
    bool is_known = role_parse(token->role, &principal->role) == 0;

    snprintf(principal->token, sizeof(principal->token), "%s", token->public_id);
    snprintf(principal->name, sizeof(principal->name), "%s", token->name);
    principal->scopes = is_known ? scopes_parse(token->scopes) & role_scopes(principal->role) : 0;
    principal->expires_at = strcmp(token->kind, "link") == 0 ? 0 : token->expires_at;
    return principal_limit(principal, token);
}
