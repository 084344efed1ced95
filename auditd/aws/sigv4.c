#include "auditd/aws/sigv4.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum {
    HASH_SIZE = crypto_hash_sha256_BYTES,
    HEX_SIZE = HASH_SIZE * 2 + 1,
    SCOPE_SIZE = 256,
    SIGNED_SIZE = 512, /* the names of the headers */
};

/* A canonical request is hashed as it comes, never built. */
struct canon {
    crypto_hash_sha256_state hash;
};

static void canon_bytes(struct canon *canon, const char *text, size_t length)
{
    crypto_hash_sha256_update(&canon->hash, (const unsigned char *)text, length);
}

static void canon_text(struct canon *canon, const char *text)
{
    canon_bytes(canon, text, strlen(text));
}

void sigv4_date(int64_t time_s, char *buffer)
{
    time_t time = (time_t)time_s;
    struct tm tm = {0};

    (void)gmtime_r(&time, &tm);
    (void)strftime(buffer, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

/* ---- path ---- */

/* RFC 3986, 5.2.4: "." and ".." go, and so do slashes in a row. `out` has room for the path and "/". */
static void path_normal(const char *path, char *out)
{
    size_t length = 0;
    bool open = true; /* the last segment that was written may be followed by "/" */

    out[length++] = '/';
    while (*path != '\0') {
        size_t segment = strcspn(path, "/");
        bool up = segment == 2 && path[0] == '.' && path[1] == '.';
        if (up && length > 1) {
            length -= open;
            while (length > 1 && out[length - 1] != '/') {
                length--;
            }
        } else if (segment > 0 && !up && !(segment == 1 && path[0] == '.')) {
            memcpy(out + length, path, segment);
            length += segment;
            open = path[segment] == '/';
            if (open) {
                out[length++] = '/';
            }
        }
        path += segment + (path[segment] == '/');
    }
    out[length] = '\0';
}

/* Every service but S3 has the path encoded once more than it is sent. */
static void canon_path(struct canon *canon, const char *path)
{
    for (; *path != '\0'; path++) {
        canon_text(canon, *path == '%' ? "%25" : (char[]){*path, '\0'});
    }
}

/* ---- query ---- */

struct parameter {
    const char *text; /* "NAME=VALUE" or "NAME" */
    size_t name, length;
};

static int parameter_compare(const void *one, const void *other)
{
    const struct parameter *a = one;
    const struct parameter *b = other;
    size_t least = a->name < b->name ? a->name : b->name;
    int order = memcmp(a->text, b->text, least);

    if (order == 0) {
        order = (a->name > b->name) - (a->name < b->name);
    }
    if (order == 0) {
        least = a->length < b->length ? a->length : b->length;
        order = memcmp(a->text, b->text, least);
    }
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int canon_query(struct canon *canon, const char *query)
{
    struct parameter parameters[SIGV4_QUERY_MAX];
    size_t count = 0;

    while (query != NULL && *query != '\0') {
        struct parameter *parameter = &parameters[count];
        if (count++ == SIGV4_QUERY_MAX) {
            return -EMSGSIZE;
        }
        *parameter = (struct parameter){.text = query, .length = strcspn(query, "&"), .name = strcspn(query, "=&")};
        query += parameter->length + (query[parameter->length] == '&');
    }
    qsort(parameters, count, sizeof(*parameters), parameter_compare);
    for (size_t i = 0; i < count; i++) {
        canon_text(canon, i == 0 ? "" : "&");
        canon_bytes(canon, parameters[i].text, parameters[i].length);
        canon_text(canon, parameters[i].name == parameters[i].length ? "=" : "");
    }
    return 0;
}

/* ---- headers ---- */

static int header_compare(const void *one, const void *other)
{
    const struct sigv4_header *a = *(const struct sigv4_header *const *)one;
    const struct sigv4_header *b = *(const struct sigv4_header *const *)other;
    int order = strcmp(a->name, b->name);

    /* Headers of one name keep the order in which they are sent. */
    return order != 0 ? order : (a > b) - (a < b);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Without blanks at the ends, and one of those in a row. */
static void canon_value(struct canon *canon, const char *value)
{
    bool pending = false;
    bool begun = false;

    for (; *value != '\0'; value++) {
        if (is_blank(*value)) {
            pending = begun;
            continue;
        }
        canon_text(canon, pending ? " " : "");
        canon_bytes(canon, value, 1);
        pending = false;
        begun = true;
    }
}

/* Leaves the names, separated by semicolons, in `names`. */
static int canon_headers(struct canon *canon, const struct sigv4_request *request, char names[SIGNED_SIZE])
{
    const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];
    size_t length = 0;

    if (request->header_count > SIGV4_HEADERS_MAX) {
        return -EMSGSIZE;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        sorted[i] = &request->headers[i];
    }
    qsort(sorted, request->header_count, sizeof(*sorted), header_compare);
    names[0] = '\0';
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = sorted[i]->name;
        if (i > 0 && strcmp(name, sorted[i - 1]->name) == 0) {
            canon_text(canon, ",");
        } else {
            canon_text(canon, i > 0 ? "\n" : "");
            canon_text(canon, name);
            canon_text(canon, ":");
            length += (size_t)snprintf(names + length, SIGNED_SIZE - length, "%s%s", length > 0 ? ";" : "", name);
        }
        canon_value(canon, sorted[i]->value);
        if (length >= SIGNED_SIZE) {
            return -EMSGSIZE;
        }
    }
    canon_text(canon, request->header_count > 0 ? "\n\n" : "\n");
    return 0;
}

/* ---- the signature ---- */

/* The hash of the canonical request, in hexadecimal. */
static int canon_request(const struct sigv4_request *request, char names[SIGNED_SIZE], char ret_hex[HEX_SIZE])
{
    struct canon canon;
    unsigned char hash[HASH_SIZE];
    char hex[HEX_SIZE];
    char *path = malloc(strlen(request->path) + 2);
    int rc;

    if (path == NULL) {
        return -ENOMEM;
    }
    path_normal(request->path, path);
    crypto_hash_sha256_init(&canon.hash);
    canon_text(&canon, request->method);
    canon_text(&canon, "\n");
    canon_path(&canon, path);
    free(path);
    canon_text(&canon, "\n");
    rc = canon_query(&canon, request->query);
    canon_text(&canon, "\n");
    rc = rc == 0 ? canon_headers(&canon, request, names) : rc;
    canon_text(&canon, names);
    canon_text(&canon, "\n");
    crypto_hash_sha256(hash, request->body == NULL ? (const unsigned char *)"" : request->body, request->body_size);
    canon_text(&canon, sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
    crypto_hash_sha256_final(&canon.hash, hash);
    (void)sodium_bin2hex(ret_hex, HEX_SIZE, hash, sizeof(hash));
    return rc;
}

struct mac {
    unsigned char bytes[HASH_SIZE];
};

/* `key` may be that of *ret_mac: no copy stays on the stack. */
static void mac_of(const void *key, size_t key_size, const char *text, struct mac *ret_mac)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key, key_size);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, ret_mac->bytes);
    sodium_memzero(&state, sizeof(state));
}

/* "AWS4" SECRET, the day, the region, the service: each is the key of the next. */
static int mac_key(const struct sigv4_request *request, const char *day, const char *secret, struct mac *ret_key)
{
    const char *const steps[] = {request->region, request->service, "aws4_request"};
    size_t size = strlen(secret) + sizeof("AWS4");
    char *first = sodium_malloc(size);

    if (first == NULL) {
        return -ENOMEM;
    }
    snprintf(first, size, "AWS4%s", secret);
    mac_of(first, size - 1, day, ret_key);
    sodium_free(first);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        mac_of(ret_key->bytes, sizeof(ret_key->bytes), steps[i], ret_key);
    }
    return 0;
}

int sigv4_sign(const struct sigv4_request *request, const char *date, const char *access, const char *secret,
               char ret_authorization[SIGV4_AUTHORIZATION_SIZE])
{
    char names[SIGNED_SIZE] = "";
    char hash[HEX_SIZE];
    char scope[SCOPE_SIZE];
    char signature[HEX_SIZE];
    char text[SCOPE_SIZE + HEX_SIZE + 64];
    char day[9];
    struct mac key;
    struct mac mac;
    int rc = canon_request(request, names, hash);
    int length;

    snprintf(day, sizeof(day), "%.8s", date);
    length = snprintf(scope, sizeof(scope), "%s/%s/%s/aws4_request", day, request->region, request->service);
    if (rc == 0 && (length < 0 || (size_t)length >= sizeof(scope))) {
        rc = -EMSGSIZE;
    }
    rc = rc == 0 ? mac_key(request, day, secret, &key) : rc;
    if (rc < 0) {
        return rc;
    }
    snprintf(text, sizeof(text), ALGORITHM "\n%.16s\n%s\n%s", date, scope, hash);
    mac_of(key.bytes, sizeof(key.bytes), text, &mac);
    sodium_memzero(&key, sizeof(key));
    (void)sodium_bin2hex(signature, sizeof(signature), mac.bytes, sizeof(mac.bytes));
    length = snprintf(ret_authorization, SIGV4_AUTHORIZATION_SIZE,
                      ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", access, scope, names, signature);
    return length < 0 || (size_t)length >= SIGV4_AUTHORIZATION_SIZE ? -EMSGSIZE : 0;
}
