#include "auditd/report/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

struct stream {
    FILE *file;
    int fd;
    int rc; /* of the first write that failed */
};

/* fopencookie(3): what could not be written is told by a count of 0. */
static ssize_t stream_write(void *cookie, const char *bytes, size_t size)
{
    struct stream *stream = cookie;
    size_t done = 0;

    while (stream->rc == 0 && done < size) {
        ssize_t count = write(stream->fd, bytes + done, size - done);
        if (count > 0) {
            done += (size_t)count;
        } else if (count == 0 || errno != EINTR) {
            stream->rc = count < 0 ? -errno : -EIO;
        }
    }
    return stream->rc == 0 ? (ssize_t)size : 0;
}

int stream_open(int fd, struct stream **ret_stream)
{
    static const cookie_io_functions_t functions = {.write = stream_write};
    struct stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        return -ENOMEM;
    }
    stream->fd = fd;
    stream->file = fopencookie(stream, "w", functions);
    if (stream->file == NULL) {
        free(stream);
        return -ENOMEM;
    }
    *ret_stream = stream;
    return 0;
}

FILE *stream_file(const struct stream *stream)
{
    return stream->file;
}

int stream_close(struct stream *stream)
{
    int failed = fclose(stream->file);
    int rc = stream->rc != 0 ? stream->rc : failed != 0 ? -EIO : 0;

    free(stream);
    return rc;
}
