#include "web/caller.h"

#include <microhttpd.h>
#include <stddef.h>
#include <strings.h>

static const struct caller_field {
    const char *name;
    size_t offset;
} caller_fields[] = {
    {"Accept", offsetof(struct request_head, accept)},
    {"If-Match", offsetof(struct request_head, if_match)},
    {"Idempotency-Key", offsetof(struct request_head, idempotency_key)},
    {"If-None-Match", offsetof(struct request_head, if_none_match)},
    {"Authorization", offsetof(struct request_head, authorization)},
    {"Cookie", offsetof(struct request_head, cookie)},
    {"X-CSRF-Token", offsetof(struct request_head, csrf)},
    {"Origin", offsetof(struct request_head, origin)},
    {"Sec-Fetch-Site", offsetof(struct request_head, fetch_site)},
    {"Last-Event-ID", offsetof(struct request_head, last_event_id)},
};

struct caller_reading {
    struct caller *caller;
    const struct proxy_options *proxy; /* NULL: the connection comes from none that is trusted */
    struct proxy_fields fields;
};

static enum MHD_Result caller_note_framing(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    if (value == NULL) {
        framing_add(context, name, "");
    } else {
        framing_follow(context, name, value);
    }
    return MHD_YES;
}

/* The first of several counts, but of codings, which are a list however many lines it has. */
static void caller_keep(struct request_head *head, const char *name, const char *value)
{
    if (strcasecmp(name, "Accept-Encoding") == 0) {
        coding_wish(&head->codings, value);
        return;
    }
    for (size_t i = 0; i < sizeof(caller_fields) / sizeof(*caller_fields); i++) {
        /* Most differ in their first letter, which a call would find out, too. */
        if (((name[0] ^ caller_fields[i].name[0]) & ~('a' ^ 'A')) == 0 &&
            strcasecmp(name, caller_fields[i].name) == 0) {
            const char **field = (const char **)(void *)((char *)head + caller_fields[i].offset);
            *field = *field == NULL ? value : *field;
            return;
        }
    }
}

static enum MHD_Result caller_note(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct caller_reading *reading = context;

    caller_note_framing(&reading->caller->framing, kind, name, value);
    value = value == NULL ? "" : value;
    caller_keep(&reading->caller->head, name, value);
    if (reading->proxy != NULL) {
        proxy_add(reading->proxy, &reading->fields, name, value);
    }
    return MHD_YES;
}

static void caller_begin_framing(const struct caller_rules *rules, struct framing *framing)
{
    framing_init(framing);
    framing->names = rules->names;
    framing->takes_any_host = rules->takes_any_host;
}

/* `method` is the library's: there the head begins. */
static void caller_end_framing(struct MHD_Connection *connection, const char *method, struct framing *framing)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    if (info != NULL) {
        framing_end(framing, method + info->header_size);
    }
}

void caller_read_framing(const struct caller_rules *rules, struct MHD_Connection *connection, const char *method,
                         struct framing *ret_framing)
{
    caller_begin_framing(rules, ret_framing);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, caller_note_framing, ret_framing);
    caller_end_framing(connection, method, ret_framing);
}

/* What the proxy says takes the place of what the connection shows. */
static void caller_believe(struct caller *caller, const struct proxy_word *word)
{
    caller->head.is_secure = caller->head.is_secure || word->is_secure;
    caller->head.user = word->user;
    if (word->host[0] != '\0' && caller->framing.host_count == 1) {
        caller->framing.host = word->host;
    }
}

void caller_read(const struct caller_rules *rules, struct MHD_Connection *connection, const char *method,
                 const char *target, struct caller *ret_caller)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct caller_reading reading = {.caller = ret_caller};
    struct addr address;
    uint16_t port;
    bool is_known = info != NULL && addr_from_sockaddr(info->client_addr, &address, &port) == 0;

    *ret_caller = (struct caller){.head = {.method = method, .target = target, .is_secure = rules->is_tls}};
    caller_begin_framing(rules, &ret_caller->framing);
    if (is_known && proxy_trusts(rules->proxy, &address)) {
        reading.proxy = rules->proxy;
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, caller_note, &reading);
    caller_end_framing(connection, method, &ret_caller->framing);
    if (reading.proxy != NULL &&
        proxy_read(reading.proxy, &reading.fields, &address, &ret_caller->word, &ret_caller->problem)) {
        address = ret_caller->word.client;
        caller_believe(ret_caller, &ret_caller->word);
    }
    if (is_known) {
        addr_format(&address, ret_caller->client);
    }
    ret_caller->head.framing = &ret_caller->framing;
    ret_caller->head.address = ret_caller->client;
}

bool caller_is_sound(const struct caller *caller, struct problem *problem)
{
    if (caller->problem.status != 0) {
        *problem = caller->problem;
        return false;
    }
    return framing_is_sound(&caller->framing, problem);
}
