#include "web/response.h"

#include "web/asset.h"
#include "web/download.h"
#include "web/exchange.h"
#include "web/headers.h"
#include "web/recall.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>

enum { RESPONSE_BLOCK_BYTES = 16384 };

static void response_release(void *answer)
{
    answer_release(answer);
}

static struct MHD_Response *response_share(struct answer *answer)
{
    struct answer *held = answer_hold(answer);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        answer_length(held), answer_bytes(held), response_release, held);

    if (response == NULL) {
        answer_release(held);
    }
    return response;
}

static struct MHD_Response *response_present(const struct asset *asset, bool is_packed)
{
    /* The library takes a pointer to what it will not change. */
    void *bytes = (void *)(uintptr_t)(is_packed ? asset->packed : asset->bytes);

    return MHD_create_response_from_buffer(is_packed ? asset->packed_size : asset->size, bytes, MHD_RESPMEM_PERSISTENT);
}

/* ---- what is written meanwhile ---- */

struct response_download {
    struct download *download; /* NULL for HEAD */
    struct MHD_Connection *connection;
};

static void response_sleep(void *connection)
{
    MHD_suspend_connection(connection);
}

static void response_wake(void *connection)
{
    MHD_resume_connection(connection);
}

static ssize_t response_read(void *context, uint64_t position, char *bytes, size_t size)
{
    struct response_download *of = context;
    const struct download_rest rest = {response_sleep, response_wake, of->connection};
    ssize_t count = of->download == NULL ? -ENODATA : download_read(of->download, bytes, size, &rest);

    (void)position;
    if (count == -ENODATA) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    return count < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : count;
}

static void response_end(void *context)
{
    struct response_download *of = context;

    download_drop(of->download);
    free(of);
}

static struct MHD_Response *response_download(struct exchange *exchange, struct MHD_Connection *connection)
{
    struct response_download *of = calloc(1, sizeof(*of));
    struct MHD_Response *response;

    if (of == NULL) {
        return NULL;
    }
    *of = (struct response_download){exchange->download, connection};
    exchange->download = NULL;
    response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, RESPONSE_BLOCK_BYTES, response_read, of, response_end);
    if (response == NULL) {
        response_end(of);
    }
    return response;
}

static struct MHD_Response *response_begin(struct exchange *exchange, struct MHD_Connection *connection)
{
    struct MHD_Response *response;
    size_t length = 0;
    char *bytes;

    if (exchange->status == 304 || exchange->status == 303 || exchange->status == 204) {
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    if (exchange->file_name[0] != '\0') {
        return response_download(exchange, connection);
    }
    if (exchange->asset != NULL) {
        return response_present(exchange->asset, exchange->is_packed);
    }
    if (exchange->answer != NULL) {
        return response_share(exchange->answer);
    }
    bytes = buffer_take(&exchange->body, &length);
    if (bytes == NULL) {
        return NULL;
    }
    response = MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
    }
    return response;
}

struct MHD_Response *response_make(struct exchange *exchange, struct MHD_Connection *connection, bool is_secure,
                                   bool closes)
{
    struct MHD_Response *response = response_begin(exchange, connection);

    if (response != NULL) {
        headers_add(response, exchange, is_secure, closes);
    }
    return response;
}

static void response_destroy(void *response)
{
    MHD_destroy_response(response);
}

struct MHD_Response *response_unchanged(const struct exchange *exchange, bool is_secure)
{
    struct MHD_Response *response = answer_attached(exchange->answer);

    if (response == NULL) {
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        if (response == NULL) {
            return NULL;
        }
        headers_add(response, exchange, is_secure, false);
        answer_attach(exchange->answer, response, response_destroy);
    }
    return response;
}
