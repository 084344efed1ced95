/* hello PORT: answers each request on 127.0.0.1 with one constant line, in the way that leastport-web is set up (epoll,
 * four threads, the same limits): the most that the library gives on this machine. Ends when its input does. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELLO_THREADS = 4, HELLO_CONNECTIONS = 1000, HELLO_IDLE_S = 30, HELLO_CONNECTION_BYTES = 65536 };

static struct MHD_Response *hello_response;

/* NOLINTNEXTLINE(readability-function-size): the signature is libmicrohttpd's. */
static enum MHD_Result hello_handle(void *context, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *upload, size_t *upload_size,
                                    void **request)
{
    static int is_known;

    (void)context;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    (void)upload_size;
    /* An answer at the first call would end the connection. */
    if (*request == NULL) {
        *request = &is_known;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, hello_response);
}

int main(int argc, char **argv)
{
    static char line[] = "hello\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *daemon;
    char byte;

    if (argc != 2) {
        fprintf(stderr, "usage: hello PORT\n");
        return 2;
    }
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    hello_response = MHD_create_response_from_buffer(strlen(line), line, MHD_RESPMEM_PERSISTENT);
    daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, hello_handle, NULL, MHD_OPTION_SOCK_ADDR,
                              (struct sockaddr *)&address, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)HELLO_THREADS,
                              MHD_OPTION_CONNECTION_LIMIT, (unsigned)HELLO_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                              (unsigned)HELLO_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                              (size_t)HELLO_CONNECTION_BYTES, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "hello: port %s cannot be listened on\n", argv[1]);
        return 1;
    }
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    MHD_stop_daemon(daemon);
    MHD_destroy_response(hello_response);
    return 0;
}
