#include "auditd/aws/wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    char *bytes;
    size_t size, room;
    wire_done *done;
    void *context;
    struct transfer *next;
};

struct wire {
    CURLM *multi;
    char *ca_bundle;
    struct transfer *transfers;
    size_t busy;
};

/* Headers hold session tokens. */
static void headers_wipe(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header != NULL; header = header->next) {
        sodium_memzero(header->data, strlen(header->data));
    }
    curl_slist_free_all(headers);
}

static void transfer_destroy(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    headers_wipe(transfer->headers);
    if (transfer->bytes != NULL) {
        sodium_memzero(transfer->bytes, transfer->room);
        free(transfer->bytes);
    }
    free(transfer);
}

struct wire *wire_create(const char *ca_bundle)
{
    struct wire *wire = calloc(1, sizeof(*wire));

    if (wire == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || sodium_init() < 0) {
        free(wire);
        return NULL;
    }
    wire->multi = curl_multi_init();
    wire->ca_bundle = ca_bundle == NULL ? NULL : strdup(ca_bundle);
    if (wire->multi == NULL || (ca_bundle != NULL && wire->ca_bundle == NULL)) {
        wire_destroy(wire);
        return NULL;
    }
    (void)curl_multi_setopt(wire->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 8L);
    (void)curl_multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS, 64L);
    return wire;
}

void wire_destroy(struct wire *wire)
{
    if (wire == NULL) {
        return;
    }
    while (wire->transfers != NULL) {
        struct transfer *transfer = wire->transfers;
        wire->transfers = transfer->next;
        (void)curl_multi_remove_handle(wire->multi, transfer->easy);
        transfer_destroy(transfer);
    }
    (void)curl_multi_cleanup(wire->multi);
    free(wire->ca_bundle);
    free(wire);
}

/* Grows by copying, so that no piece of an answer stays behind. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t length = size * count;

    if (transfer->size + length > WIRE_BODY_MAX) {
        return 0;
    }
    if (transfer->size + length + 1 > transfer->room) {
        size_t room = (transfer->size + length + 1) * 2;
        char *copy = malloc(room);
        if (copy == NULL) {
            return 0;
        }
        if (transfer->bytes != NULL) {
            memcpy(copy, transfer->bytes, transfer->size);
            sodium_memzero(transfer->bytes, transfer->size);
            free(transfer->bytes);
        }
        transfer->bytes = copy;
        transfer->room = room;
    }
    memcpy(transfer->bytes + transfer->size, bytes, length);
    transfer->size += length;
    transfer->bytes[transfer->size] = '\0';
    return length;
}

static int add_headers(struct transfer *transfer, const struct wire_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct curl_slist *headers = curl_slist_append(transfer->headers, request->headers[i]);
        if (headers == NULL) {
            return -ENOMEM;
        }
        transfer->headers = headers;
    }
    return 0;
}

static CURLcode set_options(const struct wire *wire, struct transfer *transfer, const struct wire_request *request)
{
    CURL *easy = transfer->easy;
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_URL, request->url);

    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms) : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L) : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) : rc;
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") : rc;
    if (rc == CURLE_OK && request->body != NULL) {
        rc = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body_size);
        rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body) : rc;
    }
    rc = rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) : rc;
    if (rc == CURLE_OK && request->is_local) {
        rc = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    }
    if (rc == CURLE_OK && wire->ca_bundle != NULL) {
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, wire->ca_bundle);
    }
    return rc;
}

int wire_start(struct wire *wire, const struct wire_request *request, wire_done *done, void *context)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    int rc = -ENOMEM;

    if (transfer == NULL) {
        return rc;
    }
    *transfer = (struct transfer){.easy = curl_easy_init(), .done = done, .context = context};
    if (transfer->easy == NULL || add_headers(transfer, request) < 0) {
        goto fail;
    }
    rc = -EINVAL;
    if (set_options(wire, transfer, request) != CURLE_OK ||
        curl_multi_add_handle(wire->multi, transfer->easy) != CURLM_OK) {
        goto fail;
    }
    transfer->next = wire->transfers;
    wire->transfers = transfer;
    wire->busy++;
    return 0;
fail:
    transfer_destroy(transfer);
    return rc;
}

size_t wire_busy(const struct wire *wire)
{
    return wire->busy;
}

static void transfer_end(struct wire *wire, struct transfer *transfer, CURLcode code)
{
    struct transfer **at = &wire->transfers;
    struct wire_answer answer = {.bytes = transfer->bytes == NULL ? "" : transfer->bytes,
                                 .size = transfer->size,
                                 .failure = code == CURLE_OK ? NULL : curl_easy_strerror(code)};

    while (*at != transfer) {
        at = &(*at)->next;
    }
    *at = transfer->next;
    wire->busy--;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer.status);
    (void)curl_multi_remove_handle(wire->multi, transfer->easy);
    transfer->done(transfer->context, &answer);
    transfer_destroy(transfer);
}

int wire_turn(struct wire *wire, int timeout_ms)
{
    int running;
    int left;
    CURLMsg *message;

    if (curl_multi_poll(wire->multi, NULL, 0, timeout_ms, NULL) != CURLM_OK ||
        curl_multi_perform(wire->multi, &running) != CURLM_OK) {
        return -EIO;
    }
    while ((message = curl_multi_info_read(wire->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer_end(wire, transfer, code);
    }
    return 0;
}

int wire_fetch(struct wire *wire, const struct wire_request *request, wire_done *done, void *context)
{
    int rc = wire_start(wire, request, done, context);

    while (rc == 0 && wire->busy > 0) {
        int running;
        rc = curl_multi_perform(wire->multi, &running) == CURLM_OK ? wire_turn(wire, 1000) : -EIO;
    }
    return rc;
}
