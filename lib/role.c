#include "lib/role.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum role least; /* that can have it */
} role_scope_table[] = {
    {"read", ROLE_VIEWER},     {"metrics", ROLE_VIEWER}, {"tokens", ROLE_ADMIN},
    {"audit-log", ROLE_ADMIN}, {"write", ROLE_OPERATOR},
};

enum { ROLE_SCOPES = sizeof(role_scope_table) / sizeof(*role_scope_table), ROLE_NAME_MAX = 15 };

static const char *const role_names[] = {"viewer", "operator", "admin"};

const char *role_name(enum role role)
{
    return role_names[role];
}

int role_parse(const char *text, enum role *ret_role)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        if (strcmp(role_names[role], text) == 0) {
            *ret_role = (enum role)role;
            return 0;
        }
    }
    return -EINVAL;
}

unsigned role_scopes(enum role role)
{
    unsigned scopes = 0;

    for (size_t i = 0; i < ROLE_SCOPES; i++) {
        scopes |= role >= role_scope_table[i].least ? 1U << i : 0;
    }
    return scopes;
}

int scope_parse(const char *text, enum scope *ret_scope)
{
    for (size_t i = 0; i < ROLE_SCOPES; i++) {
        if (strcmp(role_scope_table[i].name, text) == 0) {
            *ret_scope = (enum scope)(1U << i);
            return 0;
        }
    }
    return -EINVAL;
}

unsigned scopes_parse(const char *text)
{
    unsigned scopes = 0;

    while (*text != '\0') {
        char name[ROLE_NAME_MAX + 1];
        enum scope scope;
        size_t length = strcspn(text, " ");
        if (length <= ROLE_NAME_MAX) {
            memcpy(name, text, length);
            name[length] = '\0';
            scopes |= scope_parse(name, &scope) == 0 ? (unsigned)scope : 0;
        }
        text += length;
        text += strspn(text, " ");
    }
    return scopes;
}

const char *scopes_format(unsigned scopes, char text[SCOPES_TEXT_SIZE])
{
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ROLE_SCOPES; i++) {
        if ((scopes & 1U << i) != 0) {
            length += (size_t)snprintf(text + length, SCOPES_TEXT_SIZE - length, "%s%s", length == 0 ? "" : " ",
                                       role_scope_table[i].name);
        }
    }
    return text;
}

const char *scope_name(unsigned scopes)
{
    for (size_t i = 0; i < ROLE_SCOPES; i++) {
        if ((scopes & 1U << i) != 0) {
            return role_scope_table[i].name;
        }
    }
    return "";
}
