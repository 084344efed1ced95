#include "web/server.h"

#include "tests/unit/web/database.h"
#include "web/sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 8, REQUESTS = 40 };

static char folder[] = "/tmp/leastport-server-XXXXXX";
static char db_path[64];
static char token[TOKEN_TEXT_SIZE];

static int make_database(void **state)
{
    char id[TOKEN_ID_SIZE];
    sqlite3 *db;
    (void)state;
    if (sodium_init() < 0 || mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(db_path, sizeof(db_path), "%s/audit.db", folder);
    db = database_make(db_path);
    database_add_token(db, token, id);
    sqlite3_close(db);
    return 0;
}

static int remove_database(void **state)
{
    (void)state;
    database_remove(db_path);
    return rmdir(folder);
}

static struct server *start(void)
{
    struct server_options options = server_options_default();
    struct server *server = NULL;
    options.db_path = db_path;
    options.port = 0;
    assert_int_equal(server_open(&options, &server), 0);
    assert_int_equal(server_start(server, &(struct sandbox){0}), 0);
    assert_int_not_equal(server_port(server), 0);
    return server;
}

static int dial(uint16_t port)
{
    struct addr loopback = addr_loopback(false);
    struct sockaddr_storage address;
    socklen_t length = addr_to_sockaddr(&loopback, port, &address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, length) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* One request on its own connection; the status, or 0. */
static int ask(uint16_t port, const char *target)
{
    char text[4096];
    int fd = dial(port);
    int status = 0;
    ssize_t count = 0;
    if (fd < 0) {
        return 0;
    }
    snprintf(text, sizeof(text),
             "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", target,
             token);
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0) {
        count = recv(fd, text, sizeof(text) - 1, MSG_WAITALL);
    }
    close(fd);
    if (count > 0) {
        text[count] = '\0';
        status = strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
    }
    return status;
}

struct client {
    pthread_t thread;
    uint16_t port;
    int good;
};

static void *run_client(void *context)
{
    static const char *const targets[] = {"/api/v1/findings", "/metrics", "/", "/api/v1/hosts?sort=-exposure"};
    struct client *client = context;
    for (int i = 0; i < REQUESTS; i++) {
        client->good += ask(client->port, targets[i % 4]) == 200;
    }
    return NULL;
}

static void answers_many_threads_at_once(void **state)
{
    struct server *server = start();
    struct client clients[CLIENTS] = {0};
    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].port = server_port(server);
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].good, REQUESTS);
    }
    server_stop(server);
}

/* Dials are dear, and a page asks for a dozen things. The last request says that it is. */
static void answers_on_over_one_connection(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char last[] = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct server *server = start();
    char text[8192] = "";
    size_t answers = 0;
    int fd = dial(server_port(server));
    ssize_t count;
    (void)state;
    assert_true(fd >= 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    }
    assert_int_equal(send(fd, last, strlen(last), MSG_NOSIGNAL), strlen(last));
    count = recv(fd, text, sizeof(text) - 1, MSG_WAITALL);
    assert_true(count > 0);
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 200")) != NULL; at++) {
        answers++;
    }
    assert_int_equal(answers, 3);
    assert_non_null(strstr(text, "HTTP/1.1 404"));
    close(fd);
    server_stop(server);
}

static void stops_while_clients_hang(void **state)
{
    struct server *server = start();
    int fds[CLIENTS];
    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(server_port(server));
        assert_true(fds[i] >= 0);
        assert_int_equal(send(fds[i], "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL), 16);
    }
    server_stop(server);
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    server_stop(NULL);
}

static void a_port_in_use_is_an_error(void **state)
{
    struct server *server = start();
    struct server_options options = server_options_default();
    struct server *second = NULL;
    (void)state;
    options.db_path = db_path;
    options.port = server_port(server);
    assert_int_equal(server_open(&options, &second), -EADDRINUSE);
    assert_null(second);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_many_threads_at_once),
        cmocka_unit_test(answers_on_over_one_connection),
        cmocka_unit_test(stops_while_clients_hang),
        cmocka_unit_test(a_port_in_use_is_an_error),
    };
    return cmocka_run_group_tests_name("server", tests, make_database, remove_database);
}
