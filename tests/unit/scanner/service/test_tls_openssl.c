/* The client and another maker's server, by the loopback: openssl s_server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/scanner/service/tls_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 24, PATIENCE_MS = 30000, PATH_SIZE = 128, PEM_SIZE = 16384 };

static struct tls_context *context;
static char folder[] = "/tmp/tls-openssl-XXXXXX";

/* One at a time; a test that fails leaves it to tear_down(). */
struct openssl {
    pid_t pid; /* 0: none */
    FILE *said;
    uint16_t port;
};

static struct openssl openssl;

/* "folder/name.cert" and "folder/name.key". */
static void write_pair(const char *name, const struct wish *wish)
{
    struct issued issued;
    char path[PATH_SIZE];
    static char pem[PEM_SIZE];
    size_t size = sizeof(pem);
    FILE *file;

    authority_issue(&issued, wish);
    assert_int_equal(gnutls_x509_crt_export(issued.certificate, GNUTLS_X509_FMT_PEM, pem, &size), 0);
    snprintf(path, sizeof(path), "%s/%s.cert", folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(pem, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    size = sizeof(pem);
    assert_int_equal(
        gnutls_x509_privkey_export_pkcs8(issued.key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, pem, &size), 0);
    snprintf(path, sizeof(path), "%s/%s.key", folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(pem, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    authority_free(&issued);
}

static int set_up(void **state)
{
    struct problem problem;

    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    write_pair("rsa", &(struct wish){.key = GNUTLS_PK_RSA, .bits = 2048, .dns = {"www.example"}});
    write_pair("old", &(struct wish){
                          .key = GNUTLS_PK_RSA, .bits = 1024, .digest = GNUTLS_DIG_SHA1, .common_name = "old.example"});
    write_pair("misused", &(struct wish){.key = GNUTLS_PK_RSA, .bits = 2048, .usage = GNUTLS_KEY_KEY_ENCIPHERMENT});
    write_pair("tiny", &(struct wish){.key = GNUTLS_PK_RSA, .bits = 512, .digest = GNUTLS_DIG_SHA1});
    write_pair("ec", &(struct wish){.key = GNUTLS_PK_ECDSA, .bits = 256, .dns = {"ec.example"}});
    return tls_context_create(&context, &problem);
}

/* Waits for its word that it listens. False when there is no such program. */
static bool openssl_start(const char *pair, const char *const *options)
{
    char certificate[PATH_SIZE];
    char key[PATH_SIZE];
    char line[256];
    const char *arguments[ARGUMENTS_MAX] = {"openssl",   "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
                                            certificate, "-key",     key};
    size_t count = 9;
    int pipe_ends[2];
    posix_spawn_file_actions_t actions;
    unsigned int port = 0;
    int rc;

    snprintf(certificate, sizeof(certificate), "%s/%s.cert", folder, pair);
    snprintf(key, sizeof(key), "%s/%s.key", folder, pair);
    for (; *options != NULL; options++) {
        arguments[count++] = *options;
    }
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    rc = posix_spawnp(&openssl.pid, "openssl", &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(pipe_ends[1]);
    openssl.said = fdopen(pipe_ends[0], "re");
    assert_non_null(openssl.said);
    if (rc != 0) {
        openssl.pid = 0;
        (void)fclose(openssl.said);
        return false;
    }
    while (port == 0 && fgets(line, sizeof(line), openssl.said) != NULL) {
        (void)sscanf(line, "ACCEPT 127.0.0.1:%u", &port); /* NOLINT(cert-err34-c): our own program's word */
    }
    assert_int_not_equal(port, 0);
    openssl.port = (uint16_t)port;
    return true;
}

static void openssl_stop(void)
{
    assert_int_equal(kill(openssl.pid, SIGTERM), 0);
    assert_int_equal(waitpid(openssl.pid, NULL, 0), openssl.pid);
    (void)fclose(openssl.said);
    openssl.pid = 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"rsa.cert",    "rsa.key",   "old.cert", "old.key", "misused.cert",
                                        "misused.key", "tiny.cert", "tiny.key", "ec.cert", "ec.key"};
    char path[PATH_SIZE];

    (void)state;
    if (openssl.pid > 0) {
        openssl_stop();
    }
    tls_context_destroy(context);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static int open_connection(uint16_t port)
{
    struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&there, sizeof(there)), 0);
    return fd;
}

/* What has come, waited for; 0 at the end. */
static size_t await_bytes(int fd, uint8_t *bytes, size_t room)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t size;

    assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
    size = recv(fd, bytes, room, 0);
    return size > 0 ? (size_t)size : 0;
}

static void hand_over(struct tls *tls, struct span bytes, uint8_t *inside, size_t room, size_t *used)
{
    size_t size;

    do {
        bytes = span_from(bytes, tls_arrive(tls, bytes));
        (void)tls_step(tls);
        while ((size = tls_read(tls, inside + *used, room - *used)) > 0) {
            *used += size;
        }
    } while (bytes.size > 0);
}

/* Until it has failed, or an answer to a request for a page has begun; returns the answer's size. */
static size_t converse(struct tls *tls, uint16_t port, uint8_t *inside, size_t room)
{
    int fd = open_connection(port);
    bool asked = false;
    size_t used = 0;

    while (tls_step(tls) != TLS_FAILED && tls_step(tls) != TLS_ENDED && used < 12) {
        uint8_t bytes[2048];
        size_t size;
        if (tls_step(tls) == TLS_STANDS && !asked) {
            asked = true;
            assert_int_equal(tls_write(tls, SPAN_OF("GET / HTTP/1.0\r\n\r\n")), 0);
        }
        size = tls_outgoing(tls).size;
        if (size > 0 && send(fd, tls_outgoing(tls).bytes, size, MSG_NOSIGNAL) == (ssize_t)size) {
            tls_sent(tls, size);
        }
        size = await_bytes(fd, bytes, sizeof(bytes));
        if (size == 0) {
            tls_closed(tls);
        }
        hand_over(tls, (struct span){bytes, size}, inside, room, &used);
    }
    (void)close(fd);
    return used;
}

struct expected {
    int agreed; /* -1: nothing */
    bool stands;
    bool wants_certificate;
};

static void check(enum tls_version lowest, enum tls_version highest, const struct expected *expected)
{
    static uint8_t inside[65536];
    enum tls_version agreed;
    struct tls *tls;
    size_t size;

    assert_int_equal(
        tls_create(context, &(struct tls_options){.name = "www.example", .lowest = lowest, .highest = highest}, &tls),
        0);
    size = converse(tls, openssl.port, inside, sizeof(inside));
    assert_int_equal(tls_agreed(tls, &agreed), expected->agreed >= 0);
    if (expected->agreed >= 0) {
        assert_int_equal(agreed, expected->agreed);
        assert_true(tls_certificate(tls).size > 0);
    }
    assert_int_equal(size > 0, expected->stands);
    if (expected->stands) {
        assert_memory_equal(inside, "HTTP/1.0 200", 12);
    }
    assert_int_equal(tls_wants_certificate(tls), expected->wants_certificate);
    tls_destroy(tls);
}

static void each_version_alone(void **state)
{
    static const char *const only[TLS_VERSIONS] = {"-tls1", "-tls1_1", "-tls1_2", "-tls1_3"};
    const struct expected nothing = {.agreed = -1};

    (void)state;
    for (enum tls_version spoken = TLS_1_0; spoken < TLS_VERSIONS; spoken++) {
        const struct expected this = {.agreed = (int)spoken, .stands = true};
        if (!openssl_start("rsa", (const char *const[]){only[spoken], "-cipher", "ALL:@SECLEVEL=0", NULL})) {
            skip();
        }
        for (enum tls_version offered = TLS_1_0; offered < TLS_VERSIONS; offered++) {
            check(offered, offered, offered == spoken ? &this : &nothing);
        }
        check(TLS_1_0, TLS_1_3, &this);
        openssl_stop();
    }
}

static void what_only_old_servers_speak(void **state)
{
    static const struct {
        const char *pair;
        const char *cipher;
        const char *group; /* NULL: any */
    } cases[] = {
        {"rsa", "AES128-SHA:@SECLEVEL=0", NULL},
        {"rsa", "DHE-RSA-AES256-SHA:@SECLEVEL=0", NULL},
        {"old", "AES256-SHA:@SECLEVEL=0", NULL},
        {"old", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", NULL},
        {"rsa", "CAMELLIA128-SHA:@SECLEVEL=0", NULL},
        {"ec", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", NULL},
        {"misused", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", NULL},
        {"tiny", "AES128-SHA:@SECLEVEL=0", NULL},
        {"tiny", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", NULL},
        {"rsa", "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", "P-192"},
    };
    const struct expected stands = {.agreed = TLS_1_0, .stands = true};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (!openssl_start(cases[i].pair,
                           (const char *const[]){"-tls1", "-cipher", cases[i].cipher,
                                                 cases[i].group != NULL ? "-groups" : NULL, cases[i].group, NULL})) {
            skip();
        }
        check(TLS_1_0, TLS_1_0, &stands);
        check(TLS_1_0, TLS_1_3, &stands);
        openssl_stop();
    }
}

static void a_server_that_wants_a_certificate(void **state)
{

    (void)state;
    if (!openssl_start("ec", (const char *const[]){"-Verify", "1", NULL})) {
        skip();
    }
    check(TLS_1_2, TLS_1_2, &(struct expected){.agreed = TLS_1_2, .wants_certificate = true});
    check(TLS_1_3, TLS_1_3, &(struct expected){.agreed = TLS_1_3, .wants_certificate = true});
    openssl_stop();
    if (!openssl_start("ec", (const char *const[]){"-verify", "1", NULL})) {
        skip();
    }
    check(TLS_1_2, TLS_1_2, &(struct expected){.agreed = TLS_1_2, .stands = true});
    check(TLS_1_3, TLS_1_3, &(struct expected){.agreed = TLS_1_3, .stands = true});
    openssl_stop();
}

/* Its first word to a broken hello, and to one of ours. */
static void its_first_bytes_are_a_record(void **state)
{
    static const uint8_t broken[] = {0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0};
    struct tls *tls;
    uint8_t bytes[2048];
    size_t size;
    int fd;

    (void)state;
    if (!openssl_start("ec", (const char *const[]){NULL})) {
        skip();
    }
    fd = open_connection(openssl.port);
    assert_int_equal(send(fd, broken, sizeof(broken), MSG_NOSIGNAL), sizeof(broken));
    size = await_bytes(fd, bytes, sizeof(bytes));
    assert_true(tls_is_record((struct span){bytes, size}));
    (void)close(fd);
    fd = open_connection(openssl.port);
    assert_int_equal(tls_create(context, &(struct tls_options){.lowest = TLS_1_0, .highest = TLS_1_3}, &tls), 0);
    assert_int_equal(tls_step(tls), TLS_SHAKING);
    assert_int_equal(send(fd, tls_outgoing(tls).bytes, tls_outgoing(tls).size, MSG_NOSIGNAL), tls_outgoing(tls).size);
    size = await_bytes(fd, bytes, sizeof(bytes));
    assert_true(tls_is_record((struct span){bytes, size}));
    (void)close(fd);
    tls_destroy(tls);
    openssl_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_alone),
        cmocka_unit_test(what_only_old_servers_speak),
        cmocka_unit_test(a_server_that_wants_a_certificate),
        cmocka_unit_test(its_first_bytes_are_a_record),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
