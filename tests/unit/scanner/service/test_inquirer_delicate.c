/* Servers that lock out who breaks off handshakes, or bear few connections, see one at a time: counted by the servers.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scanner/service/inquirer.h"

enum { KINDS = 4, CLIENTS_MAX = 64, HOST_LAST = 7 };

/* What each says first, or to a question of its own, which begins so; to others it closes. */
static const struct kind {
    const char *service;
    uint16_t port;
    struct span greets;
    struct span question;
    struct span answers;
} kinds[KINDS] = {
    {"mysql", 3306,
     SPAN_AS("d\0\0\0\0125.5.5-10.11.19-MariaDB-0+deb12u1\0o\0\0\0!p8abH!"
             "h\0\376\367\010\002\0\377\201\025\0\0\0\0\0\0\035\0\0\0le7#Es3D<"
             ">d^\0mysql_native_password\0"),
     SPAN_AS(""), SPAN_AS("\x16\0\0\2\xff\x15\4#28000Access denied")},
    {"vnc", 5900, SPAN_AS("RFB 003.008\n"), SPAN_AS("RFB"), SPAN_AS("\1\2")},
    {"postgresql", 5432, SPAN_AS(""), SPAN_AS("\0\0\0\010\004\322\026/"),
     SPAN_AS("E\0\0\0\x31SFATAL\0C28000\0Mno entry\0RClientAuthentication\0\0")},
    {"mssql", 1433, SPAN_AS(""), SPAN_AS("\x12\1"),
     SPAN_AS("\4\1\0\x2b\0\0\1\0\0\0\x1a\0\6\1\0 \0\1\2\0!\0\1\3\0\"\0\0\4\0\"\0\1\xff\12\62\6@\0\0\2\0\0")},
};

/* Told by the servers' process. */
struct counts {
    uint32_t seen[KINDS];
    uint32_t most[KINDS];
    uint32_t most_of_host;
};

struct client {
    int fd; /* -1: none */
    size_t kind;
    bool spoken;
};

struct work {
    struct counts *counts;
    uint16_t ports[KINDS];
    int listeners[KINDS];
    pid_t server;
    char found[KINDS][32];
};

/* Ends that have arrived are seen before anything new is. */
static void drop_ended(struct client *clients)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        char byte;
        ssize_t got = clients[i].fd < 0 ? 1 : recv(clients[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            close(clients[i].fd);
            clients[i].fd = -1;
        }
    }
}

static void accept_one(struct counts *counts, struct client *clients, int listener, size_t kind)
{
    int fd = accept(listener, NULL, NULL);
    uint32_t here = 0;
    uint32_t all = 0;

    drop_ended(clients);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (clients[i].fd < 0 && fd >= 0) {
            clients[i] = (struct client){.fd = fd, .kind = kind};
            (void)!send(fd, kinds[kind].greets.bytes, kinds[kind].greets.size, MSG_NOSIGNAL);
            fd = -1;
        }
        all += clients[i].fd >= 0;
        here += clients[i].fd >= 0 && clients[i].kind == kind;
    }
    counts->seen[kind]++;
    counts->most[kind] = here > counts->most[kind] ? here : counts->most[kind];
    counts->most_of_host = all > counts->most_of_host ? all : counts->most_of_host;
}

static void hear(struct client *client)
{
    uint8_t bytes[512];
    ssize_t got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    const struct kind *kind = &kinds[client->kind];
    struct span question = {bytes, got > 0 ? (size_t)got : 0};

    if (got > 0 && !client->spoken && span_starts(question, kind->question)) {
        (void)!send(client->fd, kind->answers.bytes, kind->answers.size, MSG_NOSIGNAL);
        client->spoken = true;
        return;
    }
    close(client->fd);
    client->fd = -1;
}

static void serve(const struct work *work)
{
    struct client clients[CLIENTS_MAX];

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        clients[i].fd = -1;
    }
    for (;;) {
        struct pollfd polled[KINDS + CLIENTS_MAX];
        for (size_t i = 0; i < KINDS + CLIENTS_MAX; i++) {
            polled[i] = (struct pollfd){.fd = i < KINDS ? work->listeners[i] : clients[i - KINDS].fd, .events = POLLIN};
        }
        poll(polled, KINDS + CLIENTS_MAX, -1);
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            if (clients[i].fd >= 0 && (polled[KINDS + i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
                hear(&clients[i]);
            }
        }
        for (size_t i = 0; i < KINDS; i++) {
            if ((polled[i].revents & POLLIN) != 0) {
                accept_one(work->counts, clients, work->listeners[i], i);
            }
        }
    }
}

static const struct addr host = {.bytes = {127, 9, 8, HOST_LAST}};

static void begin(struct work *work, bool strange)
{
    memset(work, 0, sizeof(*work));
    work->counts = mmap(NULL, sizeof(*work->counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(work->counts, MAP_FAILED);
    for (size_t i = 0; i < KINDS; i++) {
        struct sockaddr_storage sockaddr;
        struct addr bound;
        int on = 1;
        socklen_t length = addr_to_sockaddr(&host, strange ? 0 : kinds[i].port, &sockaddr);
        work->listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(setsockopt(work->listeners[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        assert_int_equal(bind(work->listeners[i], (struct sockaddr *)&sockaddr, length), 0);
        assert_int_equal(listen(work->listeners[i], 16), 0);
        assert_int_equal(getsockname(work->listeners[i], (struct sockaddr *)&sockaddr, &length), 0);
        assert_int_equal(addr_from_sockaddr((struct sockaddr *)&sockaddr, &bound, &work->ports[i]), 0);
    }
    work->server = fork();
    assert_true(work->server >= 0);
    if (work->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(work);
    }
}

static void end(struct work *work)
{
    kill(work->server, SIGKILL);
    waitpid(work->server, NULL, 0);
    for (size_t i = 0; i < KINDS; i++) {
        close(work->listeners[i]);
    }
    munmap(work->counts, sizeof(*work->counts));
}

static void source_host(const void *context, uint32_t number, struct inquirer_host *ret_host)
{
    (void)context;
    (void)number;
    *ret_host = (struct inquirer_host){.addr = host, .probed = 2 * KINDS, .open = KINDS};
}

static int32_t source_next_port(const void *context, uint32_t number, uint32_t from)
{
    const struct work *work = context;
    int32_t lowest = -1;

    (void)number;
    for (size_t i = 0; i < KINDS; i++) {
        if (work->ports[i] >= from && (lowest < 0 || work->ports[i] < lowest)) {
            lowest = work->ports[i];
        }
    }
    return lowest;
}

static bool source_was_probed(const void *context, uint32_t number, uint16_t port)
{
    (void)context;
    (void)number;
    (void)port;
    return true;
}

static void on_identified(void *context, uint32_t number, uint16_t port, const struct identity *identity)
{
    struct work *work = context;
    const char *service = facts_text(&identity->facts, "service");

    (void)number;
    for (size_t i = 0; i < KINDS; i++) {
        if (work->ports[i] == port && service != NULL) {
            (void)strncpy(work->found[i], service, sizeof(work->found[i]) - 1);
        }
    }
}

static void on_every_port(void *context, uint32_t number)
{
    (void)context;
    fail_msg("host %u is none of a middlebox's", number);
}

static void on_host_done(void *context, uint32_t number)
{
    (void)context;
    (void)number;
}

static void on_exhausted(void *context, int error)
{
    (void)context;
    fail_msg("out of room: %s", strerror(error));
}

static void ask_all(struct work *work)
{
    struct scope_options scope_options = {0};
    struct inquirer_options options = {.rate = pacer_rate_of(0, 1),
                                       .host_rate = pacer_rate_of(0, 1),
                                       .sockets = 256,
                                       .per_host = INQUIRER_PER_HOST,
                                       .wake_fd = -1,
                                       .source = {1, source_host, source_next_port, source_was_probed, work},
                                       .listener = {on_identified, on_every_port, on_host_done, on_exhausted, work}};
    struct tls_context *tls;
    struct scope *scope;
    struct inquirer *inquirer;
    struct problem problem;

    assert_int_equal(scope_create(&scope_options, &scope), 0);
    assert_int_equal(tls_context_create(&tls, &problem), 0);
    options.scope = scope;
    options.tls = tls;
    assert_int_equal(inquirer_create(&options, &inquirer), 0);
    while (!inquirer_is_done(inquirer)) {
        assert_int_equal(inquirer_step(inquirer, mono_add_ns(mono_now(), 1000000000)), 0);
    }
    inquirer_destroy(inquirer);
    tls_context_destroy(tls);
    scope_destroy(scope);
}

static void check_found(const struct work *work)
{
    for (size_t i = 0; i < KINDS; i++) {
        assert_true(work->counts->seen[i] >= 1);
        assert_string_equal(work->found[i], kinds[i].service);
    }
}

static void on_their_own_ports_a_host_is_talked_to_once_at_a_time(void **state)
{
    struct work work;

    (void)state;
    begin(&work, false);
    ask_all(&work);
    check_found(&work);
    assert_int_equal(work.counts->most_of_host, 1);
    end(&work);
}

/* Who they are is not known before they have spoken; then the same holds. */
static void on_strange_ports_each_server_is(void **state)
{
    struct work work;

    (void)state;
    begin(&work, true);
    ask_all(&work);
    check_found(&work);
    for (size_t i = 0; i < KINDS; i++) {
        assert_int_equal(work.counts->most[i], 1);
    }
    end(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_their_own_ports_a_host_is_talked_to_once_at_a_time),
        cmocka_unit_test(on_strange_ports_each_server_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
