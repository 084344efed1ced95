#include "web/proxy.h"

#include <string.h>
#include <strings.h>

/* A value within a header field; quoted ones still carry their escapes. */
struct proxy_text {
    const char *at;
    size_t length;
    bool is_quoted;
};

struct proxy_hop {
    struct proxy_text node;
    struct proxy_text proto;
    struct proxy_text host;
};

struct proxy_chain {
    struct proxy_hop hops[PROXY_HOPS_MAX];
    size_t count;
};

bool proxy_trusts(const struct proxy_options *options, const struct addr *address)
{
    for (size_t i = 0; i < options->trusted_count; i++) {
        if (prefix_contains(&options->trusted[i], address)) {
            return true;
        }
    }
    return false;
}

void proxy_add(const struct proxy_options *options, struct proxy_fields *fields, const char *name, const char *value)
{
    bool is_x = options->kind == PROXY_X_FORWARDED;

    if (strcasecmp(name, is_x ? "X-Forwarded-For" : "Forwarded") == 0) {
        if (fields->chain_count < PROXY_FIELDS_MAX) {
            fields->chain[fields->chain_count] = value;
        }
        fields->chain_count++;
    } else if (is_x && strcasecmp(name, "X-Forwarded-Proto") == 0) {
        fields->proto = value;
    } else if (is_x && strcasecmp(name, "X-Forwarded-Host") == 0) {
        fields->host = value;
    } else if (options->user_header != NULL && strcasecmp(name, options->user_header) == 0) {
        fields->user = value;
        fields->user_count++;
    }
}

/* ---- reading ---- */

static const char *proxy_skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* Up to a mark of `ends`, without the blanks before it. */
static const char *proxy_read_plain(const char *at, const char *ends, struct proxy_text *ret_text)
{
    const char *end = at + strcspn(at, ends);

    *ret_text = (struct proxy_text){.at = at, .length = (size_t)(end - at)};
    while (ret_text->length > 0 && strchr(" \t", at[ret_text->length - 1]) != NULL) {
        ret_text->length--;
    }
    return end;
}

/* A token or a quoted string (RFC 9110 section 5.6); NULL when it is neither. */
static const char *proxy_read_value(const char *at, struct proxy_text *ret_text)
{
    const char *begin = at + 1;

    if (*at != '"') {
        return proxy_read_plain(at, ";,", ret_text);
    }
    for (at = begin; *at != '"'; at++) {
        if (*at == '\\') {
            at++;
        }
        if (*at == '\0') {
            return NULL;
        }
    }
    *ret_text = (struct proxy_text){.at = begin, .length = (size_t)(at - begin), .is_quoted = true};
    return proxy_skip_blanks(at + 1);
}

static bool proxy_is(const struct proxy_text *text, const char *word)
{
    return text->length == strlen(word) && strncasecmp(text->at, word, text->length) == 0;
}

/* Without quotes' escapes. False when it does not fit, or is empty. */
static bool proxy_copy(const struct proxy_text *text, char *buffer, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < text->length; i++) {
        if (text->is_quoted && text->at[i] == '\\') {
            i++;
        }
        if (length + 1 >= size) {
            return false;
        }
        buffer[length++] = text->at[i];
    }
    buffer[length] = '\0';
    return length > 0;
}

/* "for=192.0.2.60;proto=https;host=a.example" (RFC 7239 section 4); ends at a comma or the end. NULL: it is none. */
static const char *proxy_read_pairs(const char *at, struct proxy_hop *hop)
{
    for (;;) {
        struct proxy_text name;
        struct proxy_text value;
        at = proxy_skip_blanks(at);
        if (*at == ';') {
            at++;
            continue;
        }
        if (*at == '\0' || *at == ',') {
            return at;
        }
        at = proxy_read_plain(at, "=;,\"", &name);
        at = *at == '=' && name.length > 0 ? proxy_read_value(at + 1, &value) : NULL;
        if (at == NULL || strchr(";,", *at) == NULL) {
            return NULL;
        }
        if (proxy_is(&name, "for")) {
            hop->node = value;
        } else if (proxy_is(&name, "proto")) {
            hop->proto = value;
        } else if (proxy_is(&name, "host")) {
            hop->host = value;
        }
    }
}

static bool proxy_read_field(enum proxy_fields_kind kind, const char *at, struct proxy_chain *chain)
{
    for (;;) {
        struct proxy_hop hop = {0};
        at = proxy_skip_blanks(at);
        at = kind == PROXY_X_FORWARDED ? proxy_read_plain(at, ",", &hop.node) : proxy_read_pairs(at, &hop);
        if (at == NULL || chain->count == PROXY_HOPS_MAX) {
            return false;
        }
        /* Empty elements of a list are none (RFC 9110 section 5.6.1). */
        if (hop.node.length + hop.proto.length + hop.host.length > 0) {
            chain->hops[chain->count++] = hop;
        }
        if (*at == '\0') {
            return true;
        }
        at++;
    }
}

/* An address with or without a port: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. */
static bool proxy_parse_node(const struct proxy_text *node, struct addr *ret_addr)
{
    char text[ADDR_TEXT_SIZE + sizeof("[]:65535")];
    char *begin = text;
    char *end;

    /* A zone is a name of this machine's, which nobody elsewhere knows. */
    if (!proxy_copy(node, text, sizeof(text)) || strchr(text, '%') != NULL) {
        return false;
    }
    if (*begin == '[') {
        begin++;
        end = strchr(begin, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        *end = '\0';
    } else {
        end = strchr(begin, ':');
        if (end != NULL && strchr(end + 1, ':') == NULL) {
            *end = '\0';
        }
    }
    return addr_parse(begin, ret_addr) == 0;
}

/* The hop that tells of who asked; NULL when none does. */
static const struct proxy_hop *proxy_walk(const struct proxy_options *options, const struct proxy_chain *chain,
                                          struct addr *client)
{
    const struct proxy_hop *hop = NULL;

    for (size_t i = chain->count; i > 0; i--) {
        struct addr address;
        if (!proxy_parse_node(&chain->hops[i - 1].node, &address)) {
            return hop == NULL ? &chain->hops[i - 1] : hop;
        }
        hop = &chain->hops[i - 1];
        *client = address;
        if (!proxy_trusts(options, &address)) {
            break;
        }
    }
    return hop;
}

/* The last of a list: what the nearest proxy wrote, or let pass. */
static struct proxy_text proxy_last(const char *list)
{
    struct proxy_text text = {0};

    while (list != NULL) {
        list = proxy_read_plain(proxy_skip_blanks(list), ",", &text);
        list = *list == ',' ? list + 1 : NULL;
    }
    return text;
}

static bool proxy_refuse(struct problem *problem, const char *header, const char *detail)
{
    problem_set(problem, 400, "The proxy's %s header cannot be read: %s.", header, detail);
    problem_point(problem, "header", header, "%s", detail);
    return false;
}

bool proxy_read(const struct proxy_options *options, const struct proxy_fields *fields, const struct addr *peer,
                struct proxy_word *ret_word, struct problem *problem)
{
    const char *header = options->kind == PROXY_X_FORWARDED ? "X-Forwarded-For" : "Forwarded";
    struct proxy_chain chain = {.count = 0};
    struct proxy_hop last = {.proto = proxy_last(fields->proto), .host = proxy_last(fields->host)};
    const struct proxy_hop *hop;

    *ret_word = (struct proxy_word){.client = *peer, .user = fields->user};
    if (fields->user_count > 1) {
        return proxy_refuse(problem, options->user_header, "it stands more than once");
    }
    if (fields->chain_count > PROXY_FIELDS_MAX) {
        return proxy_refuse(problem, header, "it stands too often");
    }
    for (size_t i = 0; i < fields->chain_count; i++) {
        if (!proxy_read_field(options->kind, fields->chain[i], &chain)) {
            return proxy_refuse(problem, header, "it is malformed, or names too many hops");
        }
    }
    hop = proxy_walk(options, &chain, &ret_word->client);
    hop = options->kind == PROXY_X_FORWARDED || hop == NULL ? &last : hop;
    ret_word->is_secure = proxy_is(&hop->proto, "https");
    if (hop->host.length > 0 && !proxy_copy(&hop->host, ret_word->host, sizeof(ret_word->host))) {
        return proxy_refuse(problem, options->kind == PROXY_X_FORWARDED ? "X-Forwarded-Host" : header,
                            "its host is too long");
    }
    return true;
}
