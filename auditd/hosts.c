#include "auditd/hosts.h"

#include <stdlib.h>
#include <string.h>

struct hosts_lookup {
    uv_getaddrinfo_t request;
    json_t *plan;  /* {"targets","exclude","ports":"all","resolved"} */
    json_t *names; /* still to be resolved, last first */
    hosts_found found;
    void *context;
};

char *hosts_bare(const char *target)
{
    const char *colon = strchr(target, ':');
    const char *bracket = strchr(target, ']');
    char *bare = strdup(target);
    size_t inside;

    if (bare == NULL) {
        return NULL;
    }
    if (target[0] == '[' && bracket != NULL) {
        inside = (size_t)(bracket - target) - 1;
        memcpy(bare, target + 1, inside);
        memcpy(bare + inside, bracket + 1, strlen(bracket + 1) + 1);
        bare[inside + strcspn(bare + inside, ":")] = '\0';
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        /* One colon: ports. More without brackets: an IPv6 address. */
        bare[colon - target] = '\0';
    }
    return bare;
}

bool hosts_is_literal(const char *bare)
{
    char head[ADDR_TEXT_SIZE];
    size_t length = strcspn(bare, "-/");
    struct addr addr;

    if (length >= sizeof(head)) {
        return false;
    }
    memcpy(head, bare, length);
    head[length] = '\0';
    return addr_parse(head, &addr) == 0;
}

static void hosts_finish(struct hosts_lookup *lookup)
{
    struct scan_plan *hosts = NULL;
    char reason[256];

    /* Without any address left there is nothing to watch; what is wrong with the targets the scanner says better. */
    if (scan_plan_create(lookup->plan, &hosts, reason) < 0) {
        hosts = NULL;
    }
    lookup->found(lookup->context, hosts);
    json_decref(lookup->plan);
    json_decref(lookup->names);
    free(lookup);
}

static void hosts_next(struct hosts_lookup *lookup);

static void hosts_keep(struct hosts_lookup *lookup, const char *name, const struct addrinfo *addresses)
{
    json_t *list = json_array();
    char text[ADDR_TEXT_SIZE];
    struct addr addr;

    for (const struct addrinfo *each = addresses; each != NULL; each = each->ai_next) {
        if (addr_from_sockaddr(each->ai_addr, &addr, NULL) == 0) {
            json_array_append_new(list, json_string(addr_format(&addr, text)));
        }
    }
    json_object_set_new(json_object_get(lookup->plan, "resolved"), name, list);
    json_array_append_new(json_object_get(lookup->plan, "targets"), json_string(name));
}

static void hosts_on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct hosts_lookup *lookup = request->data;
    size_t last = json_array_size(lookup->names) - 1;

    if (status == 0) {
        hosts_keep(lookup, json_string_value(json_array_get(lookup->names, last)), addresses);
    }
    uv_freeaddrinfo(addresses);
    json_array_remove(lookup->names, last);
    hosts_next(lookup);
}

static void hosts_next(struct hosts_lookup *lookup)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    while (json_array_size(lookup->names) > 0) {
        size_t last = json_array_size(lookup->names) - 1;
        const char *name = json_string_value(json_array_get(lookup->names, last));
        if (uv_getaddrinfo(lookup->request.loop, &lookup->request, hosts_on_resolved, name, NULL, &hints) == 0) {
            return;
        }
        json_array_remove(lookup->names, last);
    }
    hosts_finish(lookup);
}

/* Literal targets go to `literals`, the others to `names`; with `names` NULL they are left out. */
static void hosts_sort(const json_t *targets, json_t *literals, json_t *names)
{
    size_t index;
    json_t *target;

    json_array_foreach(targets, index, target)
    {
        char *bare = hosts_bare(json_string_value(target));
        if (bare != NULL && hosts_is_literal(bare)) {
            json_array_append_new(literals, json_string(bare));
        } else if (bare != NULL && names != NULL) {
            json_array_append_new(names, json_string(bare));
        }
        free(bare);
    }
}

void hosts_find(uv_loop_t *loop, const json_t *plan, hosts_found found, void *context)
{
    struct hosts_lookup *lookup = calloc(1, sizeof(*lookup));

    if (lookup != NULL) {
        lookup->plan = json_pack("{s:[], s:[], s:s, s:{}}", "targets", "exclude", "ports", "all", "resolved");
        lookup->names = json_array();
    }
    if (lookup == NULL || lookup->plan == NULL || lookup->names == NULL) {
        if (lookup != NULL) {
            json_decref(lookup->plan);
            json_decref(lookup->names);
            free(lookup);
        }
        found(context, NULL);
        return;
    }
    lookup->found = found;
    lookup->context = context;
    lookup->request.loop = loop;
    lookup->request.data = lookup;
    hosts_sort(json_object_get(plan, "targets"), json_object_get(lookup->plan, "targets"), lookup->names);
    hosts_sort(json_object_get(plan, "exclude"), json_object_get(lookup->plan, "exclude"), NULL);
    hosts_next(lookup);
}
