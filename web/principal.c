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

/* The copy's texts at `from`, in lines that are as many bytes away. */
static void principal_rebase(const struct principal *from, const struct store_texts *texts, struct principal *to,
                             struct store_texts *ret_texts)
{
    size_t first = texts->count == 0 ? 0 : (size_t)(texts->values - from->limits);

    for (size_t i = first; i < first + texts->count; i++) {
        to->limits[i] = to->lines + (from->limits[i] - from->lines);
    }
    *ret_texts = (struct store_texts){to->limits + first, texts->count};
}

static size_t principal_line_bytes(const struct principal *principal, const struct store_texts *texts)
{
    const char *last = texts->count == 0 ? NULL : texts->values[texts->count - 1];

    return last == NULL ? 0 : (size_t)(last - principal->lines) + strlen(last) + 1;
}

int principal_copy(const struct principal *from, struct principal *ret_principal)
{
    size_t realms = principal_line_bytes(from, &from->reach.realms);
    size_t tags = principal_line_bytes(from, &from->reach.tags);
    size_t size = realms > tags ? realms : tags;
    char *lines = NULL;

    if (size > 0) {
        lines = malloc(size);
        if (lines == NULL) {
            return -ENOMEM;
        }
        memcpy(lines, from->lines, size);
    }
    *ret_principal = *from;
    ret_principal->lines = lines;
    principal_rebase(from, &from->reach.realms, ret_principal, &ret_principal->reach.realms);
    principal_rebase(from, &from->reach.tags, ret_principal, &ret_principal->reach.tags);
    return 0;
}
