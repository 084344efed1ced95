#include "scanner/output/hostbook.h"

#include "lib/portset.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct hostbook_host {
    struct addr addr;
    char *name; /* NULL: none */
    bool self;
    struct hostbook_port *ports;
    size_t count;
    size_t room;
};

struct hostbook {
    const struct services *services;
    void *hosts; /* tsearch(3) tree of struct hostbook_host by address */
};

struct hostbook *hostbook_create(const struct services *services)
{
    struct hostbook *book = calloc(1, sizeof(*book));

    if (book != NULL) {
        book->services = services;
    }
    return book;
}

static void hostbook_port_done(struct hostbook_port *port)
{
    free(port->service);
    free(port->answer);
    free(port->bound);
}

static void hostbook_ports_free(struct hostbook_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hostbook_port_done(&ports[i]);
    }
    free(ports);
}

static void hostbook_host_free(void *node)
{
    struct hostbook_host *host = node;

    hostbook_ports_free(host->ports, host->count);
    free(host->name);
    free(host);
}

void hostbook_destroy(struct hostbook *book)
{
    if (book == NULL) {
        return;
    }
    tdestroy(book->hosts, hostbook_host_free);
    free(book);
}

static int hostbook_compare_hosts(const void *a, const void *b)
{
    return addr_compare(&((const struct hostbook_host *)a)->addr, &((const struct hostbook_host *)b)->addr);
}

/* Finds the host or makes it. */
static struct hostbook_host *hostbook_host(struct hostbook *book, const struct addr *addr)
{
    struct hostbook_host *new;
    struct hostbook_host **found;
    struct hostbook_host key = {.addr = *addr};

    found = tfind(&key, &book->hosts, hostbook_compare_hosts);
    if (found != NULL) {
        return *found;
    }
    new = calloc(1, sizeof(*new));
    if (new == NULL) {
        return NULL;
    }
    new->addr = *addr;
    if (tsearch(new, &book->hosts, hostbook_compare_hosts) == NULL) {
        free(new);
        return NULL;
    }
    return new;
}

static int hostbook_host_append(struct hostbook_host *host, const struct hostbook_port *port)
{
    if (host->count == host->room) {
        size_t room = host->room == 0 ? 8 : host->room * 2;
        struct hostbook_port *ports = realloc(host->ports, room * sizeof(*ports));
        if (ports == NULL) {
            return -ENOMEM;
        }
        host->ports = ports;
        host->room = room;
    }
    host->ports[host->count] = *port;
    host->ports[host->count].order = (uint32_t)host->count;
    host->count++;
    return 0;
}

int hostbook_add(struct hostbook *book, const struct observation_port *port)
{
    struct hostbook_host *host = hostbook_host(book, &port->host);
    struct hostbook_port row = {
        .port = port->port, .is_udp = strcmp(port->proto, "udp") == 0, .state = port->state, .reason = port->reason};
    char text[ADDR_TEXT_SIZE];

    if (host == NULL) {
        return -ENOMEM;
    }
    if (port->name != NULL && host->name == NULL) {
        host->name = strdup(port->name);
        if (host->name == NULL) {
            return -ENOMEM;
        }
    }
    host->self |= port->self;
    if (port->service != NULL) {
        row.service = strdup(port->service);
    }
    if (port->bound != NULL) {
        row.bound = strdup(addr_format(port->bound, text));
    }
    if ((port->service != NULL && row.service == NULL) || (port->bound != NULL && row.bound == NULL) ||
        hostbook_host_append(host, &row) < 0) {
        free(row.service);
        free(row.bound);
        return -ENOMEM;
    }
    return 0;
}

/* Only what is shown: there may be thousands. NULL when out of memory. */
static struct hostbook_answer *hostbook_answer_create(const struct facts *facts)
{
    static const struct {
        const char *fact;
        size_t member;
    } shown[] = {
        {"service", offsetof(struct hostbook_answer, service)},
        {"product", offsetof(struct hostbook_answer, product)},
        {"version", offsetof(struct hostbook_answer, version)},
        {"os", offsetof(struct hostbook_answer, os)},
        {"hostname", offsetof(struct hostbook_answer, hostname)},
        {"cpe", offsetof(struct hostbook_answer, cpe)},
        {"behaviour", offsetof(struct hostbook_answer, behaviour)},
    };
    const char *auth = facts_text(facts, "auth");
    struct hostbook_answer *answer;
    size_t size = 0;

    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        const char *text = facts_text(facts, shown[i].fact);
        size += text == NULL ? 0 : strlen(text) + 1;
    }
    answer = calloc(1, sizeof(*answer) + size);
    if (answer == NULL) {
        return NULL;
    }
    answer->tls = facts_truth(facts, "tls", false);
    answer->open_door = auth != NULL && strcmp(auth, "none") == 0;
    size = 0;
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        const char *text = facts_text(facts, shown[i].fact);
        const char *kept = answer->texts + size;
        if (text != NULL) {
            memcpy(answer->texts + size, text, strlen(text) + 1);
            size += strlen(text) + 1;
            memcpy((char *)answer + shown[i].member, &kept, sizeof(kept));
        }
    }
    return answer;
}

int hostbook_add_service(struct hostbook *book, const struct observation_service *service)
{
    struct hostbook_host *host = hostbook_host(book, &service->host);
    bool is_udp = strcmp(service->proto, "udp") == 0;

    if (host == NULL) {
        return -ENOMEM;
    }
    for (size_t i = host->count; i > 0; i--) {
        struct hostbook_port *port = &host->ports[i - 1];
        if (port->port == service->port && port->is_udp == is_udp) {
            free(port->answer);
            port->answer = hostbook_answer_create(service->facts);
            return port->answer == NULL ? -ENOMEM : 0;
        }
    }
    return 0;
}

static int hostbook_compare_ports(const struct hostbook_port *a, const struct hostbook_port *b)
{
    if (a->port != b->port) {
        return a->port < b->port ? -1 : 1;
    }
    return a->is_udp - b->is_udp;
}

static int hostbook_compare_rows(const void *left, const void *right)
{
    const struct hostbook_port *a = left;
    const struct hostbook_port *b = right;
    int order = hostbook_compare_ports(a, b);

    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static size_t hostbook_drop_doubles(struct hostbook_port *rows, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && hostbook_compare_ports(&rows[i], &rows[i + 1]) == 0) {
            hostbook_port_done(&rows[i]);
        } else {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

/* The ports of a group as rows of their own. */
static int hostbook_spread(const struct hostbook *book, struct hostbook_host *host,
                           const struct observation_not_shown *group)
{
    struct portset set;
    size_t offset;
    int rc = portset_parse(group->ports, &set, &offset);

    for (int32_t port = rc < 0 ? -1 : portset_next(&set, 0); rc == 0 && port >= 0;
         port = portset_next(&set, (uint32_t)port + 1)) {
        struct hostbook_port row = {.port = (uint16_t)port,
                                    .is_udp = strcmp(group->proto, "udp") == 0,
                                    .state = group->state,
                                    .reason = group->reason};
        const char *service = services_name(book->services, row.port, group->proto);
        row.service = service == NULL ? NULL : strdup(service);
        rc = service != NULL && row.service == NULL ? -ENOMEM : hostbook_host_append(host, &row);
        if (rc < 0) {
            free(row.service);
        }
    }
    return rc;
}

static uint64_t hostbook_count_state(const struct observation_host *host, enum port_state state)
{
    uint64_t count = 0;

    for (size_t i = 0; i < host->not_shown_count; i++) {
        count += host->not_shown[i].state == state ? host->not_shown[i].count : 0;
    }
    return count;
}

static int hostbook_fill(const struct hostbook *book, struct hostbook_host *gathered,
                         const struct observation_host *host, struct hostbook_view *view)
{
    int rc = 0;

    view->rest = calloc(host->not_shown_count + 1, sizeof(struct observation_not_shown *));
    if (view->rest == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < host->not_shown_count; i++) {
        const struct observation_not_shown *group = &host->not_shown[i];
        if (host->up && hostbook_count_state(host, group->state) <= HOSTBOOK_SINGLE_MAX) {
            rc = hostbook_spread(book, gathered, group);
        } else {
            view->rest[view->rest_count++] = group;
        }
    }
    if (rc < 0) {
        return rc;
    }
    if (gathered->count > 0) {
        qsort(gathered->ports, gathered->count, sizeof(*gathered->ports), hostbook_compare_rows);
    }
    view->row_count = hostbook_drop_doubles(gathered->ports, gathered->count);
    view->rows = gathered->ports;
    return 0;
}

int hostbook_take(struct hostbook *book, const struct observation_host *host, struct hostbook_view *ret_view)
{
    struct hostbook_host *gathered = hostbook_host(book, &host->host);
    struct hostbook_view view = {0};
    int rc;

    if (gathered == NULL) {
        return -ENOMEM;
    }
    tdelete(gathered, &book->hosts, hostbook_compare_hosts);
    rc = hostbook_fill(book, gathered, host, &view);
    if (rc < 0) {
        free(view.rest);
        hostbook_host_free(gathered);
        return rc;
    }
    free(gathered->name);
    free(gathered);
    *ret_view = view;
    return 0;
}

/* A key that is less than every host: what it was compared to last is the least of them. */
struct hostbook_least {
    struct hostbook_host **ret_host;
};

static int hostbook_compare_least(const void *key, const void *host)
{
    union {
        const void *borrowed;
        struct hostbook_host *owned;
    } seen = {.borrowed = host};

    *((const struct hostbook_least *)key)->ret_host = seen.owned;
    return -1;
}

int hostbook_take_unfinished(struct hostbook *book, struct observation_host *ret_host, struct hostbook_view *ret_view)
{
    struct hostbook_host *first = NULL;
    struct hostbook_least key = {&first};
    struct observation_host host;
    char *name;
    int rc;

    tfind(&key, &book->hosts, hostbook_compare_least);
    if (first == NULL) {
        return -ENOENT;
    }
    host = (struct observation_host){.host = first->addr, .self = first->self, .reason = REASON_ABORTED};
    for (size_t i = 0; i < first->count; i++) {
        if (first->ports[i].state == PORT_OPEN) {
            host.up = true;
            host.open++;
            host.reason = host.self ? REASON_LOCALHOST_RESPONSE : first->ports[i].reason;
        }
    }
    name = first->name;
    first->name = NULL;
    rc = hostbook_take(book, &host, ret_view);
    if (rc < 0) {
        free(name);
        return rc;
    }
    ret_view->unfinished = true;
    ret_view->name = name;
    host.name = name;
    *ret_host = host;
    return 0;
}

void hostbook_view_done(struct hostbook_view *view)
{
    hostbook_ports_free(view->rows, view->row_count);
    free(view->rest);
    free(view->name);
    memset(view, 0, sizeof(*view));
}
