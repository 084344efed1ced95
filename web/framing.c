#include "web/framing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void framing_init(struct framing *framing)
{
    memset(framing, 0, sizeof(*framing));
}

static void framing_add_length(struct framing *framing, const char *value)
{
    size_t digits = strspn(value, "0123456789");

    framing->length_count++;
    if (digits == 0 || value[digits] != '\0' || digits > 18) {
        framing->has_bad_length = true;
    }
    if (framing->length != NULL && strcmp(framing->length, value) != 0) {
        framing->has_bad_length = true;
    }
    framing->length = value;
    framing->has_content = framing->has_content || strspn(value, "0") != strlen(value);
}

/* RFC 9110 section 5.6.2. Blanks before the colon are to be refused (RFC 9112 section 5.1): who drops them sees a
 * length where we see none. */
static bool framing_is_token(const char *name)
{
    /* A bit for each character below 128: letters, digits and !#$%&'*+-.^_`|~ */
    static const uint64_t tokens[2] = {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe)};

    for (const char *at = name; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= 128 || (tokens[c / 64] >> (c % 64) & 1) == 0) {
            return false;
        }
    }
    return *name != '\0';
}

/* RFC 9110 section 5.5. A CR alone ends a line to some who read it. */
static bool framing_has_control(const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f) {
            return true;
        }
    }
    return false;
}

void framing_add(struct framing *framing, const char *name, const char *value)
{
    framing->has_control = framing->has_control || framing_has_control(value);
    framing->has_bad_field = framing->has_bad_field || !framing_is_token(name);
    framing->header_count++;
    framing->head_bytes += strlen(name) + strlen(value) + 4;
    if (strcasecmp(name, "Host") == 0) {
        framing->host_count++;
        framing->host = value;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        framing_add_length(framing, value);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->has_transfer_encoding = true;
        framing->has_content = true;
    } else if (strcasecmp(name, "Content-Type") == 0) {
        framing->content_type = value;
    }
}

static bool framing_has_own_host(const struct framing *framing)
{
    return framing->takes_any_host || authority_is_loopback(framing->host) ||
           (framing->names != NULL && authority_is_named(framing->names, framing->host));
}

/* Between two places of one head lie `count` bytes. They are compared as numbers: a field's name that was folded is
 * moved elsewhere. */
static bool framing_is_apart(const char *first, const char *second, size_t count)
{
    return (uintptr_t)second == (uintptr_t)first + count;
}

/* Only blanks stand between the colon, where the name's zero is, and the value. */
static bool framing_is_beside(const char *name, const char *value)
{
    const char *after = name + strlen(name) + 1;

    if ((uintptr_t)value < (uintptr_t)after || (uintptr_t)value - (uintptr_t)after > FRAMING_MAX_HEAD_BYTES) {
        return false;
    }
    while (after < value && (*after == ' ' || *after == '\t')) {
        after++;
    }
    return after == value;
}

void framing_follow(struct framing *framing, const char *name, const char *value)
{
    bool is_next = framing->end == NULL || framing_is_apart(framing->end, name, strlen("\r\n"));

    framing->has_gap = framing->has_gap || !is_next || !framing_is_beside(name, value);
    framing->end = value + strlen(value);
    framing_add(framing, name, value);
}

void framing_end(struct framing *framing, const char *end)
{
    framing->has_gap =
        framing->has_gap || (framing->end != NULL && !framing_is_apart(framing->end, end, strlen("\r\n\r\n")));
}

bool framing_is_sound(const struct framing *framing, struct problem *problem)
{
    if (framing->head_bytes > FRAMING_MAX_HEAD_BYTES || framing->header_count > FRAMING_MAX_HEADERS) {
        problem_set(problem, 431, "The header fields take more than %d bytes or are more than %d.",
                    FRAMING_MAX_HEAD_BYTES, FRAMING_MAX_HEADERS);
    } else if (framing->has_bad_field) {
        problem_set(problem, 400, "A header field's name is no token; do blanks stand before its colon?");
    } else if (framing->has_gap || framing->has_control) {
        problem_set(problem, 400,
                    "A header field goes on in a further line, holds a control character, or ends without CR LF.");
    } else if (framing->host_count != 1) {
        problem_set(problem, 400, "A request carries exactly one Host header; this one carries %u.",
                    framing->host_count);
        problem_point(problem, "header", "Host", "must stand exactly once");
    } else if (framing->has_transfer_encoding && framing->length_count != 0) {
        problem_set(problem, 400, "Content-Length and Transfer-Encoding must not stand together.");
        problem_point(problem, "header", "Content-Length", "must not stand beside Transfer-Encoding");
    } else if (framing->length_count > 1 || framing->has_bad_length) {
        problem_set(problem, 400, "Content-Length must stand once and be a decimal number.");
        problem_point(problem, "header", "Content-Length", "stands several times or is no number");
    } else if (!framing_has_own_host(framing)) {
        problem_set(
            problem, 421, "%s",
            framing->names != NULL && framing->names->count > 0
                ? "This server answers to the names that it was given (web: names), to addresses and to loopback's "
                  "names only, so that no foreign name can be pointed at it."
                : "This server answers for loopback names only (localhost, 127.0.0.1, [::1]), so that no foreign "
                  "name can be pointed at it; web: names in the configuration lists others.");
        problem_point(problem, "header", "Host", "is no name of this server");
    }
    return problem->status == 0;
}

static bool framing_is_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t length = sizeof(json) - 1;

    return strncasecmp(content_type, json, length) == 0 &&
           (content_type[length] == '\0' || content_type[length] == ';' || content_type[length] == ' ');
}

size_t framing_length(const struct framing *framing)
{
    return framing->length == NULL ? 0 : strtoull(framing->length, NULL, 10);
}

static bool framing_can_be_read(const struct framing *framing, size_t max_bytes, struct problem *problem)
{
    if (framing->has_transfer_encoding || framing_length(framing) > max_bytes) {
        problem_set(problem, 413, "Content is taken up to %zu bytes and with its length said.", max_bytes);
    } else if (framing->content_type != NULL && !framing_is_json(framing->content_type)) {
        problem_set(problem, 415, "Content is taken as application/json only.");
        problem_point(problem, "header", "Content-Type", "is not application/json");
    }
    return problem->status == 0;
}

bool framing_has_json(const struct framing *framing, size_t max_bytes, struct problem *problem)
{
    if (!framing->has_content) {
        problem_set(problem, 400, "This needs content: a JSON object.");
    } else if (framing_can_be_read(framing, max_bytes, problem) && framing->content_type == NULL) {
        problem_set(problem, 415, "Content is taken as application/json only.");
        problem_point(problem, "header", "Content-Type", "is missing");
    }
    return problem->status == 0;
}

bool framing_allows_content(const struct framing *framing, struct problem *problem)
{
    if (framing->has_content && framing_can_be_read(framing, FRAMING_MAX_STRANGE_BYTES, problem)) {
        problem_set(problem, 400, "This resource takes no content.");
    }
    return problem->status == 0;
}
