/* A TLS server of GnuTLS's in memory, for tests of the client. */
#ifndef LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_TLS_SERVER_H
#define LEASTPORT_TESTS_UNIT_SCANNER_SERVICE_TLS_SERVER_H

#include "scanner/service/tls.h"
#include "tests/unit/scanner/service/authority.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct pipe_bytes {
    uint8_t *bytes;
    size_t size;
    size_t at;
};

static inline void pipe_put(struct pipe_bytes *pipe, const void *bytes, size_t size)
{
    pipe->bytes = realloc(pipe->bytes, pipe->size + size + 1);
    assert(pipe->bytes != NULL);
    memcpy(pipe->bytes + pipe->size, bytes, size);
    pipe->size += size;
}

struct tls_server {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    struct pipe_bytes to_server;
    struct pipe_bytes to_client;
    bool stands;
    int rc; /* of the last call */
};

struct tls_server_options {
    const char *priorities;
    const struct issued *chain[2];
    gnutls_certificate_request_t request;
};

static inline ssize_t server_push(gnutls_transport_ptr_t context, const void *bytes, size_t size)
{
    struct tls_server *server = context;

    pipe_put(&server->to_client, bytes, size);
    return (ssize_t)size;
}

static inline ssize_t server_pull(gnutls_transport_ptr_t context, void *bytes, size_t room)
{
    struct tls_server *server = context;
    size_t left = server->to_server.size - server->to_server.at;
    size_t taken = room < left ? room : left;

    if (taken == 0) {
        gnutls_transport_set_errno(server->session, EAGAIN);
        return -1;
    }
    memcpy(bytes, server->to_server.bytes + server->to_server.at, taken);
    server->to_server.at += taken;
    return (ssize_t)taken;
}

static inline int server_pull_timeout(gnutls_transport_ptr_t context, unsigned int timeout_ms)
{
    (void)context;
    (void)timeout_ms;
    return 1;
}

static inline void tls_server_init(struct tls_server *server, const struct tls_server_options *options)
{
    gnutls_x509_crt_t chain[2] = {options->chain[0]->certificate, NULL};
    int count = 1;
    const char *at = NULL;

    if (options->chain[1] != NULL) {
        chain[count++] = options->chain[1]->certificate;
    }
    memset(server, 0, sizeof(*server));
    pipe_put(&server->to_server, "", 0);
    pipe_put(&server->to_client, "", 0);
    assert(gnutls_certificate_allocate_credentials(&server->credentials) == 0);
    assert(gnutls_certificate_set_x509_key(server->credentials, chain, count, options->chain[0]->key) >= 0);
    assert(gnutls_init(&server->session, GNUTLS_SERVER | GNUTLS_NONBLOCK) == 0);
    assert(gnutls_priority_set_direct(server->session, options->priorities, &at) == 0);
    assert(gnutls_credentials_set(server->session, GNUTLS_CRD_CERTIFICATE, server->credentials) == 0);
    gnutls_certificate_server_set_request(server->session, options->request);
    gnutls_transport_set_ptr(server->session, server);
    gnutls_transport_set_push_function(server->session, server_push);
    gnutls_transport_set_pull_function(server->session, server_pull);
    gnutls_transport_set_pull_timeout_function(server->session, server_pull_timeout);
    gnutls_handshake_set_timeout(server->session, 0);
}

static inline void tls_server_done(struct tls_server *server)
{
    gnutls_deinit(server->session);
    gnutls_certificate_free_credentials(server->credentials);
    free(server->to_server.bytes);
    free(server->to_client.bytes);
}

static inline void tls_server_step(struct tls_server *server)
{
    if (!server->stands && (server->rc == 0 || gnutls_error_is_fatal(server->rc) == 0)) {
        server->rc = gnutls_handshake(server->session);
        server->stands = server->rc == 0;
        if (server->rc < 0 && gnutls_error_is_fatal(server->rc) != 0) {
            (void)gnutls_alert_send_appropriate(server->session, server->rc);
        }
    }
}

/* Hands over what each has for the other, at most so many bytes at once to the client; whether there was any. */
static inline bool tls_server_carry(struct tls_server *server, struct tls *tls, size_t at_once)
{
    struct span outgoing = tls_outgoing(tls);
    size_t left = server->to_client.size - server->to_client.at;
    size_t given = left < at_once ? left : at_once;

    pipe_put(&server->to_server, outgoing.bytes, outgoing.size);
    tls_sent(tls, outgoing.size);
    server->to_client.at += tls_arrive(tls, (struct span){server->to_client.bytes + server->to_client.at, given});
    return outgoing.size > 0 || given > 0;
}

/* Until neither has anything more to say. */
static inline enum tls_state tls_server_shake(struct tls_server *server, struct tls *tls, size_t at_once)
{
    enum tls_state state;

    do {
        state = tls_step(tls);
        tls_server_step(server);
    } while (tls_server_carry(server, tls, at_once) || tls_step(tls) != state);
    return state;
}

#endif
