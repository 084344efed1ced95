#include "web/stream_line.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <sys/socket.h>

/* A slow client's bytes wait in the stream, where they are shared; not in the kernel, for each by itself. */
enum { LINE_SEND_BYTES = 32768 };

static ssize_t line_send(void *context, int fd, const void *bytes, size_t count)
{
    ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)context;
    return sent >= 0 ? sent : errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

/* The library is away from the session while the connection is suspended. What is sent again after -EAGAIN is the same,
 * as GnuTLS wants it. */
static ssize_t line_send_tls(void *context, int fd, const void *bytes, size_t count)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(context, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    ssize_t sent = gnutls_record_send(info->tls_session, bytes, count);

    (void)fd;
    return sent >= 0 ? sent : sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED ? -EAGAIN : -EPIPE;
}

static void line_begin(void *context)
{
    MHD_suspend_connection(context);
}

static void line_end(void *context)
{
    MHD_resume_connection(context);
}

int stream_line_admit(struct stream_ticket *ticket, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const int room = LINE_SEND_BYTES;
    struct stream_line line = {.fd = info->connect_fd, .context = connection, .send = line_send, .end = line_end};

    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info != NULL && info->tls_session != NULL) {
        line.send = line_send_tls;
    }
    /* Without it a slow client only costs the kernel more. */
    (void)setsockopt(line.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    return stream_admit(ticket, &line, line_begin);
}
