/* The certificate and the key that the server shows, and how they are changed while it runs. Knows no HTTP. */
#ifndef LEASTPORT_WEB_TLS_H
#define LEASTPORT_WEB_TLS_H

#include "lib/addr.h"

#include <stddef.h>

struct tls;
struct MHD_OptionItem;

enum { TLS_ERROR_SIZE = 512 };

struct tls_files {
    const char *certificate; /* PEM: the server's, then those that lead to the root */
    const char *key;         /* PEM */
};

/* Reads both. What is wrong, where, and what to do stands in `error`: -EACCES, -ENOENT or another -errno of a file,
 * -EBADMSG (no certificate or no key in it, or one has not begun or is over), -EXDEV (they do not belong together),
 * -ENOMEM. `files` is borrowed for its life. The caller owns the result: tls_destroy(), after the server. */
MUST_USE int tls_create(const struct tls_files *files, char error[TLS_ERROR_SIZE], struct tls **ret_tls);
void tls_destroy(struct tls *tls);
/* Reads both again: who connects from now on meets them, connections that are there go on. On an error what there was
 * stays. At most one thread at a time; safe beside connections. */
MUST_USE int tls_reload(struct tls *tls, char error[TLS_ERROR_SIZE]);
/* When the certificate ends, milliseconds since 1970 UTC. */
int64_t tls_ends_ms(struct tls *tls);

/* What libmicrohttpd is to be started with, ended by MHD_OPTION_END; TLS 1.2 and up. Connections meet this `tls`: one
 * for a process at a time, as the library's question for a certificate names no server. */
const struct MHD_OptionItem *tls_serve(struct tls *tls);

#endif
