/* Conversations over real sockets, with servers of GnuTLS's in processes of their own. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scanner/service/conversation.h"
#include "tests/unit/scanner/service/authority.h"

/* How the server speaks TLS, and how it takes leave of who has no certificate. */
struct manner {
    const char *priorities;
    bool framed; /* SQL Server: in clear first, then inside of its packets */
    bool wants_certificate;
    bool resets;
};

enum { PACKET_SIZE = 4096, HEADER_SIZE = 8, TURNS_MAX = 2000 };

/* What SQL Server 2022 answers: encryption of the login. */
static const char prelogin[] = "\4\1\0\x2b\0\0\1\0\0\0\x1a\0\6\1\0\x20\0\1\2\0\x21\0\1\3\0\x22\0\0\4\0\x22\0\1\xff"
                               "\x10\0\x10\x27\0\0\0\0\0";

static struct issued issued;
static struct tls_context *context;

static int set_up(void **state)
{
    struct problem problem;

    (void)state;
    authority_issue(&issued, &(struct wish){.key = GNUTLS_PK_ECDSA, .bits = 256, .common_name = "db.example"});
    return tls_context_create(&context, &problem);
}

static int tear_down(void **state)
{
    (void)state;
    tls_context_destroy(context);
    authority_free(&issued);
    return 0;
}

/* The server's process; it ends with the test. */

struct side {
    int fd;
    size_t left; /* of the packet that is being read */
};

static bool read_all(int fd, void *bytes, size_t size)
{
    return recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

/* Each record in a packet of its own, the header sent apart. */
static ssize_t push_packet(gnutls_transport_ptr_t pointer, const void *bytes, size_t size)
{
    const struct side *side = pointer;
    const uint8_t header[HEADER_SIZE] = {0x12, 1, (uint8_t)((size + HEADER_SIZE) >> 8), (uint8_t)(size + HEADER_SIZE)};

    if (size + HEADER_SIZE > PACKET_SIZE || send(side->fd, header, sizeof(header), MSG_NOSIGNAL) < 0) {
        return -1;
    }
    return send(side->fd, bytes, size, MSG_NOSIGNAL);
}

static ssize_t pull_packet(gnutls_transport_ptr_t pointer, void *bytes, size_t room)
{
    struct side *side = pointer;
    uint8_t header[HEADER_SIZE];
    ssize_t got;

    if (side->left == 0) {
        size_t size;
        if (!read_all(side->fd, header, sizeof(header)) || header[0] != 0x12) {
            return -1;
        }
        size = (size_t)header[2] << 8 | header[3];
        if (size <= HEADER_SIZE || size > PACKET_SIZE) {
            return -1;
        }
        side->left = size - HEADER_SIZE;
    }
    got = recv(side->fd, bytes, room < side->left ? room : side->left, 0);
    side->left -= got > 0 ? (size_t)got : 0;
    return got;
}

static void serve_one(int fd, const struct manner *manner)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    struct side side = {.fd = fd};
    struct linger linger = {.l_onoff = manner->resets, .l_linger = 0};
    uint8_t bytes[26];

    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_certificate_set_x509_key(credentials, &issued.certificate, 1, issued.key);
    gnutls_init(&session, GNUTLS_SERVER);
    gnutls_priority_set_direct(session, manner->priorities, NULL);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    if (manner->wants_certificate) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    }
    if (manner->framed) {
        gnutls_transport_set_ptr(session, &side);
        gnutls_transport_set_push_function(session, push_packet);
        gnutls_transport_set_pull_function(session, pull_packet);
    }
    if (!manner->framed || (read_all(fd, bytes, sizeof(bytes)) &&
                            send(fd, prelogin, sizeof(prelogin) - 1, MSG_NOSIGNAL) == sizeof(prelogin) - 1)) {
        /* No alert of its own says why it fails. */
        (void)gnutls_handshake(session);
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
}

static pid_t start_server(const struct manner *manner, uint16_t *ret_port)
{
    struct sockaddr_storage sockaddr;
    struct addr addr = {.bytes = {127, 0, 0, 1}};
    socklen_t length = addr_to_sockaddr(&addr, 0, &sockaddr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t server;

    assert_int_equal(bind(listener, (struct sockaddr *)&sockaddr, length), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&sockaddr, &length), 0);
    assert_int_equal(addr_from_sockaddr((struct sockaddr *)&sockaddr, &addr, ret_port), 0);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            if (fd >= 0) {
                serve_one(fd, manner);
            }
        }
    }
    close(listener);
    return server;
}

/* The inquirer's part, for one endpoint. */

static void pass_time(struct conversation *conversation, struct inquiry *inquiry)
{
    struct pollfd poll_fd = {.fd = conversation->fd,
                             .events = conversation->connecting || conversation->blocked ? POLLIN | POLLOUT : POLLIN};
    uint64_t left_ns = mono_elapsed_ns(mono_now(), inquiry_deadline(inquiry));
    int ready = poll(&poll_fd, 1, (int)(left_ns / 1000000) + 1);

    if (ready == 0) {
        assert_int_equal(inquiry_late(inquiry, mono_now(), false), 0);
    } else {
        assert_int_equal(conversation_serve(conversation, context, inquiry), 0);
    }
}

static void converse(struct conversation *conversation, struct inquiry *inquiry, const struct scope *scope)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        struct inquiry_wish wish = inquiry_wish(inquiry);
        switch (wish.next) {
        case INQUIRY_OVER:
            conversation_close(conversation, wish.heard);
            return;
        case INQUIRY_OPEN:
            if (wish.keep) {
                inquiry_unkept(inquiry);
            }
            conversation_close(conversation, wish.heard);
            assert_int_equal(conversation_open(conversation, scope), 0);
            inquiry_begun(inquiry, mono_now());
            break;
        case INQUIRY_TALK:
        case INQUIRY_SECURE:
            assert_int_equal(conversation_send(conversation, context, inquiry), 0);
            if (inquiry_wish(inquiry).next == wish.next) {
                pass_time(conversation, inquiry);
            }
            break;
        case INQUIRY_PAUSE:
            assert_int_equal(inquiry_late(inquiry, mono_now(), false), 0);
            break;
        case INQUIRY_RETURN:
            fail_msg("nothing was kept");
        }
    }
    fail_msg("no end after %d turns", TURNS_MAX);
}

/* What is learnt of a server that is asked as if it stood on `port`; owned by the caller. */
static struct inquiry *learn(const struct manner *manner, uint16_t port)
{
    struct inquiry_options options = {.target = {.host = "127.0.0.1", .port = port, .doors = true}};
    struct conversation conversation = {.addr = {.bytes = {127, 0, 0, 1}}, .host = "127.0.0.1", .fd = -1};
    struct inquiry *inquiry = inquiry_create(&options);
    struct scope_options scope_options = {0};
    struct scope *scope;
    pid_t server;

    assert_non_null(inquiry);
    assert_int_equal(scope_create(&scope_options, &scope), 0);
    server = start_server(manner, &conversation.port);
    converse(&conversation, inquiry, scope);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    scope_destroy(scope);
    return inquiry;
}

/* Each way to close a session for want of a certificate, none with an alert (RFC 8446, section 4.4.2.4 wishes for one):
 * the end of the stream is the server's word. */
static void an_end_for_want_of_a_certificate_is_understood(void **state)
{
    static const struct manner manners[] = {
        {.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3", .wants_certificate = true},
        {.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3", .wants_certificate = true, .resets = true},
        {.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2", .wants_certificate = true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++) {
        struct inquiry *inquiry = learn(&manners[i], 443);
        const struct facts *facts = &inquiry_identity(inquiry)->facts;
        assert_string_equal(facts_text(facts, "service"), "tls");
        assert_string_equal(facts_text(facts, "auth"), "required");
        assert_string_equal(facts_text(facts, "auth.methods"), "certificate");
        assert_string_equal(facts_text(facts, "cert.subject"), "CN=db.example");
        inquiry_destroy(inquiry);
    }
}

static void who_closes_without_such_a_wish_asks_for_nothing(void **state)
{
    struct inquiry *inquiry = learn(&(struct manner){.priorities = "NORMAL"}, 443);
    const struct facts *facts = &inquiry_identity(inquiry)->facts;

    (void)state;
    assert_string_equal(facts_text(facts, "service"), "tls");
    assert_null(facts_find(facts, "auth"));
    inquiry_destroy(inquiry);
}

static void sees_the_certificate_inside_of_tds(void **state)
{
    struct inquiry *inquiry = learn(&(struct manner){.priorities = "NORMAL:-VERS-TLS1.3", .framed = true}, 1433);
    const struct facts *facts = &inquiry_identity(inquiry)->facts;

    (void)state;
    assert_string_equal(facts_text(facts, "service"), "mssql");
    assert_string_equal(facts_text(facts, "version"), "16.0.4135");
    assert_string_equal(facts_text(facts, "cert.subject"), "CN=db.example");
    assert_string_equal(facts_text(facts, "tls.versions"), "1.1 1.2");
    assert_true(inquiry_identity(inquiry)->certificate_size > 0);
    inquiry_destroy(inquiry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_for_want_of_a_certificate_is_understood),
        cmocka_unit_test(who_closes_without_such_a_wish_asks_for_nothing),
        cmocka_unit_test(sees_the_certificate_inside_of_tds),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
