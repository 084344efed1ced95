/* Memory that is short, ours and GnuTLS's, at every place of a session's life. The server's memory never is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/alloc_countdown.h"
#include "tests/unit/scanner/service/tls_server.h"

static struct issued issued;
static struct tls_context *context;
static enum tls_version version;

static int set_up(void **state)
{
    struct problem problem;

    (void)state;
    authority_issue(&issued, &(struct wish){.key = GNUTLS_PK_ECDSA, .bits = 256, .dns = {"a.example"}});
    return tls_context_create(&context, &problem);
}

static int tear_down(void **state)
{
    (void)state;
    tls_context_destroy(context);
    authority_free(&issued);
    return 0;
}

/* GnuTLS's own allocations come here too. What it leaves to the libraries below it does not. While it judges a chain it
 * is spared: there GnuTLS (3.7) does not look whether it got memory. */
static void join_gnutls(bool joined)
{
    gnutls_malloc = joined ? __wrap_malloc : __real_malloc;
    gnutls_calloc = joined ? __wrap_calloc : __real_calloc;
    gnutls_realloc = joined ? __wrap_realloc : __real_realloc;
}

static int make_context(void)
{
    struct tls_context *made;
    struct problem problem;
    int rc = tls_context_create(&made, &problem);

    if (rc == 0) {
        tls_context_destroy(made);
    } else {
        assert_int_equal(rc, -ENOMEM);
    }
    return rc;
}

/* One step of the server between two of ours: its memory is not counted. */
static void serve(struct tls_server *server, struct tls *tls)
{
    long left = alloc_left;

    alloc_left = -1;
    tls_server_step(server);
    (void)tls_server_carry(server, tls, SIZE_MAX);
    alloc_left = left;
}

static int talk(struct tls_server *server, struct tls *tls)
{
    enum { TURNS = 8 };
    struct facts facts = {0};
    uint8_t bytes[16];

    for (int turn = 0; turn < TURNS && tls_step(tls) == TLS_SHAKING; turn++) {
        serve(server, tls);
    }
    if (tls_step(tls) == TLS_STANDS) {
        serve(server, tls);
        (void)tls_read(tls, bytes, sizeof(bytes));
    }
    if (tls_step(tls) == TLS_STANDS && tls_write(tls, SPAN_OF("question")) == 0) {
        serve(server, tls);
    }
    join_gnutls(false);
    tls_certificate_facts(tls, AUTHORITY_NOW_S, &facts);
    join_gnutls(true);
    if (facts_text(&facts, "cert.verdict") != NULL) {
        assert_string_not_equal(facts_text(&facts, "cert.verdict"), "trusted");
    }
    if (tls_step(tls) != TLS_STANDS) {
        assert_int_equal(tls_step(tls), TLS_FAILED);
        assert_non_null(tls_error(tls));
        return -EPROTO;
    }
    return 0;
}

static int run_session(void)
{
    struct tls_server server;
    struct tls *tls = NULL;
    long left = alloc_left;
    int rc;

    alloc_left = -1;
    tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {&issued}});
    alloc_left = left;
    rc = tls_create(
        context, &(struct tls_options){.name = "a.example", .host = "192.0.2.1", .lowest = version, .highest = version},
        &tls);
    if (rc < 0) {
        assert_int_equal(rc, -ENOMEM);
    } else {
        rc = talk(&server, tls);
    }
    tls_destroy(tls);
    left = alloc_left;
    alloc_left = -1;
    tls_server_done(&server);
    alloc_left = left;
    return rc;
}

static void a_context_is_made_or_not(void **state)
{
    (void)state;
    assert_true(alloc_count_down(make_context) > 0);
}

static void a_session_bears_short_memory(void **state)
{
    (void)state;
    join_gnutls(true);
    for (version = TLS_1_2; version < TLS_VERSIONS; version++) {
        assert_true(alloc_count_down(run_session) > 10);
    }
    join_gnutls(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_is_made_or_not),
        cmocka_unit_test(a_session_bears_short_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
