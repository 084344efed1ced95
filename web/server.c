#include "web/server.h"

#include "web/caller.h"
#include "web/crowd.h"
#include "web/daemon_view.h"
#include "web/deadline.h"
#include "web/download.h"
#include "web/exchange.h"
#include "web/gate.h"
#include "web/listener.h"
#include "web/metrics.h"
#include "web/recall.h"
#include "web/repeat.h"
#include "web/response.h"
#include "web/route.h"
#include "web/store_pool.h"
#include "web/stream_line.h"
#include "web/tls.h"
#include "web/worker.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SERVER_IDLE_S = 30, SERVER_CONNECTION_BYTES = 65536, SERVER_DOWNLOAD_REQUESTS = 10 };

struct server {
    struct server_options options;
    struct MHD_Daemon *daemon;
    struct deadline_watch *watch;
    struct worker_pool *workers;
    struct crowd *crowd;
    struct metrics metrics;
    struct exchange_site site;
    struct caller_rules rules;
    uint16_t port;
    int fd; /* that it listens on, until the library has it; else -1 */
};

struct server_options server_options_default(void)
{
    return (struct server_options){
        .address = addr_loopback(false),
        .port = 8480,
        .threads = 4,
        .connections = 1000,
        .streams = 10240,
        .token_streams = 1024,
        .address_connections = 512,
        .head_ms = 10000,
        .request_ms = 60000,
        .failures = 10,
        .token_requests = 12000,
    };
}

/* ---- answers ---- */

static struct deadline *server_deadline(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

/* What may be long has longer, but not for ever: all the while a snapshot of the database is held. */
static uint32_t server_download_ms(const struct server *server)
{
    return server->options.request_ms > UINT32_MAX / SERVER_DOWNLOAD_REQUESTS
               ? UINT32_MAX
               : server->options.request_ms * SERVER_DOWNLOAD_REQUESTS;
}

static enum MHD_Result server_send(struct server *server, struct MHD_Connection *connection, struct exchange *exchange,
                                   bool closes)
{
    struct MHD_Response *response = response_make(exchange, connection, server->options.tls != NULL, closes);
    enum MHD_Result result;

    if (response == NULL) {
        return MHD_NO;
    }
    if (exchange->file_name[0] != '\0') {
        deadline_set(server->watch, server_deadline(connection), server_download_ms(server));
    }
    result = MHD_queue_response(connection, exchange->status, response);
    MHD_destroy_response(response);
    metrics_count_response(&server->metrics, exchange->status);
    return result;
}

static enum MHD_Result server_send_unchanged(struct server *server, struct MHD_Connection *connection,
                                             const struct exchange *exchange)
{
    struct MHD_Response *response = response_unchanged(exchange, server->options.tls != NULL);

    if (response == NULL) {
        return MHD_NO;
    }
    metrics_count_response(&server->metrics, exchange->status);
    return MHD_queue_response(connection, exchange->status, response);
}

/* A problem takes the place of whatever the handler had begun. */
static void server_settle(struct exchange *exchange, const char *target)
{
    if (exchange->problem.status == 0) {
        return;
    }
    buffer_clear(&exchange->body);
    answer_release(exchange->answer);
    exchange->answer = NULL;
    exchange->file_name[0] = '\0';
    exchange->asset = NULL;
    exchange->is_packed = false;
    exchange->is_page = false;
    exchange->etag[0] = '\0';
    exchange->status = exchange->problem.status;
    exchange->content_type = "application/problem+json";
    problem_write(&exchange->problem, target, &exchange->body);
}

/* ---- requests ---- */

/* One that a worker answers: the connection sleeps meanwhile, and what is borrowed of it stays. */
struct server_task {
    struct MHD_Connection *connection;
    struct exchange exchange;
    struct caller caller;
};

/* What is kept of a request between the library's calls. */
struct server_request {
    bool is_known;      /* the library has told of its head */
    bool takes_content; /* which is gathered here */
    bool is_streamed;   /* its answer is the stream's; when the library asks again it has ended */
    size_t content_length;
    size_t content_room;
    char *content;            /* NULL until there is some */
    struct server_task *task; /* NULL: no worker has it, or had it */
    char target[];            /* raw */
};

static void *server_note_target(void *context, const char *target, struct MHD_Connection *connection)
{
    size_t size = strlen(target) + 1;
    struct server_request *request = malloc(sizeof(*request) + size);
    struct server *server = context;

    /* A further request on a connection that was idle: from here its head has as long as the first one's. */
    deadline_shorten(server->watch, server_deadline(connection), server->options.head_ms);
    if (request != NULL) {
        *request = (struct server_request){0};
        memcpy(request->target, target, size);
    }
    return request;
}

/* Targets are decoded by uri.h, strictly; the library leaves them alone. */
static size_t server_leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* An answer without an end. From here on its time is not limited here, and the connection not the library's. */
static enum MHD_Result server_stream(struct server *server, struct MHD_Connection *connection,
                                     struct server_request *request, struct exchange *exchange)
{
    deadline_set(server->watch, server_deadline(connection), UINT32_MAX);
    request->is_streamed = true;
    if (stream_line_admit(exchange->ticket, connection) != 0) {
        return MHD_NO;
    }
    exchange->ticket = NULL;
    metrics_count_response(&server->metrics, exchange->status);
    return MHD_YES;
}

static void server_read_caller(const struct server *server, struct MHD_Connection *connection, const char *method,
                               const struct server_request *request, struct caller *ret_caller)
{
    caller_read(&server->rules, connection, method, request->target, ret_caller);
    ret_caller->head.content = request->content;
    ret_caller->head.content_length = request->content_length;
}

static enum MHD_Result server_serve(struct server *server, struct MHD_Connection *connection, const char *method,
                                    struct server_request *request)
{
    struct exchange exchange;
    struct caller caller;
    bool is_sound;
    bool closes;
    enum MHD_Result result;

    server_read_caller(server, connection, method, request, &caller);
    exchange_init(&exchange, &server->site);
    is_sound = caller_is_sound(&caller, &exchange.problem);
    if (is_sound) {
        route_answer(&exchange, &caller.head);
    }
    server_settle(&exchange, request->target);
    if (exchange.ticket != NULL && exchange.problem.status == 0) {
        result = server_stream(server, connection, request, &exchange);
        exchange_done(&exchange);
        return result;
    }
    /* Content that nobody wants is not read: the connection ends with the answer. */
    closes = !is_sound || (caller.framing.has_content && !request->takes_content);
    if (exchange.status == 304 && exchange.answer != NULL && !closes) {
        result = server_send_unchanged(server, connection, &exchange);
    } else {
        result = server_send(server, connection, &exchange, closes);
    }
    exchange_done(&exchange);
    return result;
}

/* ---- by a worker ---- */

static void server_run_task(void *context)
{
    struct server_task *task = context;

    route_answer(&task->exchange, &task->caller.head);
    server_settle(&task->exchange, task->caller.head.target);
    MHD_resume_connection(task->connection);
}

static void server_task_destroy(struct server_task *task)
{
    if (task != NULL) {
        exchange_done(&task->exchange);
        free(task);
    }
}

/* True: a worker has it, and the library calls again when there is an answer. */
static bool server_hand_over(struct server *server, struct MHD_Connection *connection, const char *method,
                             struct server_request *request)
{
    struct server_task *task = calloc(1, sizeof(*task));
    struct problem problem = {0};

    if (task == NULL) {
        return false;
    }
    task->connection = connection;
    server_read_caller(server, connection, method, request, &task->caller);
    exchange_init(&task->exchange, &server->site);
    /* What is not in order is refused where it came in. */
    if (!caller_is_sound(&task->caller, &problem) || (task->caller.framing.has_content && !request->takes_content)) {
        server_task_destroy(task);
        return false;
    }
    request->task = task;
    MHD_suspend_connection(connection);
    if (!worker_pool_run(server->workers, server_run_task, task)) {
        metrics_count_refusal(&server->metrics, METRICS_WAITING);
        problem_set(&task->exchange.problem, 503,
                    "Too many requests wait for leastport-auditd; ask again in a moment.");
        server_settle(&task->exchange, request->target);
        MHD_resume_connection(connection);
    }
    return true;
}

static enum MHD_Result server_send_task(struct server *server, struct MHD_Connection *connection,
                                        struct server_request *request)
{
    struct server_task *task = request->task;
    enum MHD_Result result = server_send(server, connection, &task->exchange, false);

    request->task = NULL;
    server_task_destroy(task);
    return result;
}

/* ---- content ---- */

static bool server_knows(struct server *server, const struct caller *caller)
{
    struct exchange exchange;
    bool may;

    exchange_init(&exchange, &server->site);
    may = route_may(&exchange, &caller->head);
    exchange_done(&exchange);
    return may;
}

/* Whether content comes that is to be read before the answer. */
static bool server_wants_content(struct server *server, struct MHD_Connection *connection,
                                 const struct framing *framing, const char *method, const char *target)
{
    struct problem problem = {0};
    struct caller caller;

    if (!framing->has_content || !framing_has_json(framing, FRAMING_MAX_BODY_BYTES, &problem) ||
        !route_takes_content(method, target)) {
        return false;
    }
    caller_read(&server->rules, connection, method, target, &caller);
    return caller_is_sound(&caller, &problem) &&
           (framing_length(framing) <= FRAMING_MAX_STRANGE_BYTES || server_knows(server, &caller));
}

/* What is over the length that was said the library keeps back. False when out of memory. */
static bool server_gather(struct server_request *request, const char *bytes, size_t count)
{
    if (request->content == NULL) {
        request->content = malloc(request->content_room);
    }
    if (request->content == NULL || count > request->content_room - request->content_length) {
        return false;
    }
    memcpy(request->content + request->content_length, bytes, count);
    request->content_length += count;
    return true;
}

/* NOLINTNEXTLINE(readability-function-size): the signature is libmicrohttpd's. */
static enum MHD_Result server_handle(void *context, struct MHD_Connection *connection, const char *url,
                                     const char *method, const char *version, const char *upload, size_t *upload_size,
                                     void **request)
{
    struct server *server = context;
    struct server_request *kept = *request;
    struct framing framing;

    (void)url;
    (void)version;
    if (kept == NULL || kept->is_streamed) {
        return MHD_NO;
    }
    if (!kept->is_known) {
        kept->is_known = true;
        deadline_set(server->watch, server_deadline(connection), server->options.request_ms);
        caller_read_framing(&server->rules, connection, method, &framing);
        kept->takes_content = server_wants_content(server, connection, &framing, method, kept->target);
        kept->content_room = framing_length(&framing);
        /* The library ends a connection whose answer comes at its first call, before the request is whole. Only content
         * that nobody reads is worth that. */
        if (!framing.has_content || kept->takes_content) {
            return MHD_YES;
        }
    }
    if (kept->takes_content && *upload_size > 0) {
        size_t count = *upload_size;
        *upload_size = 0;
        return server_gather(kept, upload, count) ? MHD_YES : MHD_NO;
    }
    if (kept->task != NULL) {
        return server_send_task(server, connection, kept);
    }
    if (route_asks(method, kept->target) && server_hand_over(server, connection, method, kept)) {
        return MHD_YES;
    }
    return server_serve(server, connection, method, kept);
}

static void server_complete(void *context, struct MHD_Connection *connection, void **request,
                            enum MHD_RequestTerminationCode code)
{
    struct server *server = context;
    struct server_request *kept = *request;

    (void)code;
    if (kept != NULL && kept->content != NULL) {
        /* A token may have stood in it. */
        explicit_bzero(kept->content, kept->content_length);
        free(kept->content);
    }
    if (kept != NULL) {
        server_task_destroy(kept->task);
    }
    free(kept);
    *request = NULL;
    deadline_set(server->watch, server_deadline(connection), SERVER_IDLE_S * 1000 + server->options.head_ms);
}

/* Loopback is one address for everybody here, and a proxy for everybody behind it. */
static bool server_counts(const struct server *server, const struct addr *address)
{
    return server->options.address_connections != 0 && !addr_is_loopback(address) &&
           !proxy_trusts(&server->options.proxy, address);
}

static enum MHD_Result server_accept(void *context, const struct sockaddr *from, socklen_t length)
{
    struct server *server = context;
    struct addr address;
    uint16_t port;

    (void)length;
    if (addr_from_sockaddr(from, &address, &port) != 0 || !server_counts(server, &address) ||
        crowd_of(server->crowd, &address) < server->options.address_connections) {
        return MHD_YES;
    }
    metrics_count_refusal(&server->metrics, METRICS_ADDRESS_CONNECTIONS);
    return MHD_NO;
}

static void server_count(struct server *server, struct MHD_Connection *connection,
                         void count(struct crowd *crowd, const struct addr *address))
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct addr address;
    uint16_t port;

    if (info != NULL && addr_from_sockaddr(info->client_addr, &address, &port) == 0 &&
        server_counts(server, &address)) {
        count(server->crowd, &address);
    }
}

static void server_watch(void *context, struct MHD_Connection *connection, void **socket_context,
                         enum MHD_ConnectionNotificationCode code)
{
    struct server *server = context;
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        deadline_remove(server->watch, *socket_context);
        *socket_context = NULL;
        server_count(server, connection, crowd_leave);
        atomic_fetch_sub(&server->metrics.connections, 1);
        return;
    }
    server_count(server, connection, crowd_enter);
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *socket_context = deadline_add(server->watch, info->connect_fd, server->options.head_ms);
    atomic_fetch_add(&server->metrics.connections, 1);
}

/* ---- life ---- */

static int server_start_daemon(struct server *server)
{
    static const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem *secured = server->options.tls == NULL ? none : tls_serve(server->options.tls);
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
                           (server->options.tls == NULL ? 0U : (unsigned)MHD_USE_TLS);
    int rc = 0;

    errno = 0;
    server->daemon = MHD_start_daemon(
        flags, 0, server_accept, server, server_handle, server, MHD_OPTION_LISTEN_SOCKET, server->fd, MHD_OPTION_ARRAY,
        secured, MHD_OPTION_THREAD_POOL_SIZE, server->options.threads, MHD_OPTION_CONNECTION_LIMIT,
        server->options.connections + server->options.streams, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, server_leave_escapes, NULL, MHD_OPTION_URI_LOG_CALLBACK, server_note_target,
        server, MHD_OPTION_NOTIFY_COMPLETED, server_complete, server, MHD_OPTION_NOTIFY_CONNECTION, server_watch,
        server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        rc = errno == 0 ? -EIO : -errno;
    } else {
        server->fd = -1; /* the library's now */
    }
    return rc;
}

static int server_make_gate(struct server *server)
{
    const struct gate_options options = {
        .control_path = server->options.control_path,
        .failures = server->options.failures,
        .requests = server->options.token_requests,
        .port = server->port,
        .user_default = server->options.user_default,
    };

    return gate_create(&options, &server->site.gate);
}

static int server_make_stream(struct server *server)
{
    struct stream_options options = stream_options_default();

    options.db_path = server->options.db_path;
    options.control_path = server->options.control_path;
    options.gate = server->site.gate;
    options.clients = server->options.streams;
    options.per_token = server->options.token_streams;
    return stream_create(&options, &server->site.stream);
}

int server_open(const struct server_options *options, struct server **ret_server)
{
    struct server *server = calloc(1, sizeof(*server));
    int rc;

    if (server == NULL) {
        return -ENOMEM;
    }
    server->options = *options;
    server->rules = (struct caller_rules){
        .proxy = &server->options.proxy,
        .names = &server->options.names,
        .is_tls = options->tls != NULL,
        /* With a certificate, or by an address of the network, foreign names gain nothing: each has to be trusted
         * first, or the risk was taken. */
        .takes_any_host = options->names.count == 0 && (options->tls != NULL || !addr_is_loopback(&options->address)),
    };
    server->fd = -1;
    server->site.control_path = options->control_path;
    server->site.metrics = &server->metrics;
    server->site.repeats = repeat_table_create();
    server->site.daemon = daemon_view_create(options->control_path);
    server->crowd = crowd_create();
    rc = server->site.repeats != NULL && server->site.daemon != NULL && server->crowd != NULL ? 0 : -ENOMEM;
    rc = rc == 0 ? store_pool_create(options->db_path, &server->site.pool) : rc;
    rc = rc == 0 ? recall_create(&server->site.recall) : rc;
    rc = rc == 0 ? listener_open(&options->address, options->port, &server->port, &server->fd) : rc;
    if (rc != 0) {
        server_stop(server);
        return rc;
    }
    *ret_server = server;
    return 0;
}

int server_start(struct server *server, const struct sandbox *sandbox)
{
    int rc = deadline_watch_create(&server->metrics, &server->watch);

    server->site.sandbox = *sandbox;
    rc = rc == 0 ? worker_pool_create(&server->workers) : rc;
    rc = rc == 0 ? download_crew_create(server->options.request_ms, &server->site.downloads) : rc;
    rc = rc == 0 ? server_make_gate(server) : rc;
    rc = rc == 0 ? server_make_stream(server) : rc;
    return rc == 0 ? server_start_daemon(server) : rc;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

void server_stop(struct server *server)
{
    if (server == NULL) {
        return;
    }
    /* No connection may sleep when the library stops. */
    stream_stop(server->site.stream);
    worker_pool_drain(server->workers);
    download_crew_stop(server->site.downloads);
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    worker_pool_destroy(server->workers);
    download_crew_destroy(server->site.downloads);
    stream_destroy(server->site.stream);
    deadline_watch_destroy(server->watch);
    gate_destroy(server->site.gate);
    recall_destroy(server->site.recall);
    if (server->fd >= 0) {
        close(server->fd);
    }
    crowd_destroy(server->crowd);
    store_pool_destroy(server->site.pool);
    repeat_table_destroy(server->site.repeats);
    daemon_view_destroy(server->site.daemon);
    free(server);
}
