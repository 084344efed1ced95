#include "web/uri.h"

#include "web/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int uri_hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

/* Decodes in place; in a query "+" is a space, as forms have it. */
static int uri_decode(char *text, bool is_query)
{
    char *out = text;

    for (const char *in = text; *in != '\0'; in++) {
        char byte = *in;
        if (byte == '%') {
            int high = uri_hex(in[1]);
            int low = high < 0 ? -1 : uri_hex(in[2]);
            if (low < 0 || (high | low) == 0) {
                return -EINVAL;
            }
            byte = (char)(high * 16 + low);
            in += 2;
        } else if (byte == '+' && is_query) {
            byte = ' ';
        }
        *out++ = byte;
    }
    *out = '\0';
    return utf8_is_valid(text, (size_t)(out - text)) ? 0 : -EINVAL;
}

static int uri_add_param(struct uri *uri, char *pair)
{
    char *value = strchr(pair, '=');
    struct uri_param *param;
    int rc;

    if (*pair == '\0') {
        return 0;
    }
    if (uri->param_count == URI_MAX_PARAMS) {
        return -E2BIG;
    }
    param = &uri->params[uri->param_count++];
    param->name = pair;
    param->value = pair + strlen(pair);
    if (value != NULL) {
        *value = '\0';
        param->value = value + 1;
    }
    rc = uri_decode(param->name, true);
    return rc != 0 ? rc : uri_decode(param->value, true);
}

static int uri_split(struct uri *uri)
{
    char *query = strchr(uri->text, '?');
    int rc = 0;

    if (query != NULL) {
        *query++ = '\0';
    }
    while (query != NULL && rc == 0) {
        char *pair = query;
        query = strchr(query, '&');
        if (query != NULL) {
            *query++ = '\0';
        }
        rc = uri_add_param(uri, pair);
    }
    return rc != 0 ? rc : uri_decode(uri->text, false);
}

int uri_parse(const char *raw, struct uri *ret_uri)
{
    struct uri uri = {0};
    int rc;

    if (strlen(raw) > URI_MAX_BYTES) {
        return -E2BIG;
    }
    if (raw[0] != '/') {
        return -EINVAL;
    }
    uri.text = strdup(raw);
    if (uri.text == NULL) {
        return -ENOMEM;
    }
    uri.path = uri.text;
    rc = uri_split(&uri);
    if (rc != 0) {
        free(uri.text);
        return rc;
    }
    *ret_uri = uri;
    return 0;
}

void uri_done(struct uri *uri)
{
    free(uri->text);
    memset(uri, 0, sizeof(*uri));
}

const char *uri_param(const struct uri *uri, const char *name)
{
    for (size_t i = 0; i < uri->param_count; i++) {
        if (strcmp(uri->params[i].name, name) == 0) {
            return uri->params[i].value;
        }
    }
    return NULL;
}
