#include "auditd/import/scope.h"

#include "auditd/own.h"

/* Loopback, private and link-local addresses (RFC 1918, RFC 3927, RFC 4193, RFC 4291), as the scanner has it. */
static const char *const scope_private[] = {"127.0.0.0/8",    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                            "169.254.0.0/16", "::1/128",    "fc00::/7",      "fe80::/10"};

static int scope_default(struct prefix_list *scope)
{
    json_t *own = NULL;
    size_t left_out;
    int rc = own_targets(&own, &left_out);

    for (size_t i = 0; rc == 0 && i < sizeof(scope_private) / sizeof(*scope_private); i++) {
        rc = prefix_list_add(scope, scope_private[i]);
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(own); i++) {
        rc = prefix_list_add(scope, json_string_value(json_array_get(own, i)));
    }
    json_decref(own);
    return rc;
}

static int scope_add(struct prefix_list *scope, char *const *texts, size_t count, const char **ret_wrong)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = prefix_list_add(scope, texts[i]);
        *ret_wrong = texts[i];
    }
    return rc;
}

int import_scope_load(const struct config_list *configured, char *const *more, size_t more_count,
                      struct prefix_list *scope, const char **ret_wrong)
{
    int rc;

    *ret_wrong = "";
    if (configured->count + more_count == 0) {
        return scope_default(scope);
    }
    rc = scope_add(scope, configured->items, configured->count, ret_wrong);
    return rc == 0 ? scope_add(scope, more, more_count, ret_wrong) : rc;
}

bool import_scope_has(const struct prefix_list *scope, const struct addr *address)
{
    for (size_t i = 0; i < scope->count; i++) {
        if (prefix_contains(&scope->items[i], address)) {
            return true;
        }
    }
    return false;
}
