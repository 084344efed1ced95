#include "auditd/policy/front.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* asset, port, loopback, allowed, TLS, Via, Server */
static const struct {
    struct front_page front;
    struct front_page back;
    enum front_sign sign;
} CASES[] = {
    /* nginx with TLS before a program on the same host, or on another. */
    {{1, 443, false, false, true, NULL, "nginx"}, {1, 8080, false, false, false, NULL, "Kestrel"}, FRONT_TLS},
    {{1, 443, false, false, true, NULL, "nginx"}, {2, 8080, false, false, false, NULL, NULL}, FRONT_TLS},
    {{1, 443, false, false, true, NULL, "nginx"}, {2, 80, false, false, false, NULL, "Apache"}, FRONT_TLS},
    /* One program at two ports, as far as anybody can tell. */
    {{1, 8443, false, false, true, NULL, "Kestrel"}, {1, 8080, false, false, false, NULL, "Kestrel"}, FRONT_NONE},
    {{1, 8443, false, false, true, NULL, NULL}, {1, 8080, false, false, false, NULL, NULL}, FRONT_NONE},
    /* The policy knows which of the two is needed. */
    {{1, 80, false, true, false, NULL, "nginx"}, {1, 8080, false, false, false, NULL, "nginx"}, FRONT_ALLOWED},
    {{1, 443, false, true, true, NULL, "nginx"}, {2, 443, false, true, true, NULL, "nginx"}, FRONT_NONE},
    {{1, 443, false, true, true, NULL, "nginx"}, {2, 8443, false, false, true, NULL, "nginx"}, FRONT_ALLOWED},
    {{1, 443, false, true, true, NULL, "nginx"}, {2, 8080, false, true, false, NULL, "x"}, FRONT_NONE},
    /* Replicas: the same port in the same way. */
    {{1, 8080, false, true, false, NULL, "x"}, {2, 8080, false, false, false, NULL, "x"}, FRONT_NONE},
    {{1, 443, false, false, true, NULL, "x"}, {2, 443, false, false, true, NULL, "y"}, FRONT_NONE},
    {{1, 8080, false, false, false, NULL, "x"}, {2, 8081, false, false, false, NULL, "y"}, FRONT_NONE},
    /* Whoever says that he is a proxy is one, and no back end. */
    {{1, 443, false, false, true, "1.1 varnish", "x"}, {2, 443, false, false, true, NULL, "x"}, FRONT_PROXY},
    {{1, 80, false, false, false, NULL, "envoy"}, {2, 80, false, false, false, NULL, "x"}, FRONT_PROXY},
    {{1, 80, false, false, false, NULL, "Envoy/1.30"}, {1, 8080, false, false, false, NULL, "x"}, FRONT_PROXY},
    {{1, 443, false, true, true, NULL, "x"}, {2, 80, false, false, false, "1.1 varnish", "x"}, FRONT_NONE},
    /* 80 and 443 of one host are one server, either way. */
    {{1, 443, false, true, true, NULL, "nginx"}, {1, 80, false, false, false, NULL, "nginx"}, FRONT_NONE},
    {{1, 443, false, true, true, "1.1 x", "nginx"}, {1, 80, false, false, false, NULL, "nginx"}, FRONT_NONE},
    {{1, 80, false, true, false, NULL, "nginx"}, {1, 443, false, false, true, NULL, "nginx"}, FRONT_NONE},
    /* What only its own host reaches stands before nobody; nothing stands before itself. */
    {{1, 8081, true, true, false, NULL, "x"}, {1, 8080, false, false, false, NULL, "x"}, FRONT_NONE},
    {{1, 8080, false, false, false, "1.1 x", "x"}, {1, 8080, false, false, false, NULL, "x"}, FRONT_NONE},
};

static void tells_the_front_by_its_signs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        enum front_sign sign = front_sign(&CASES[i].front, &CASES[i].back);
        if (sign != CASES[i].sign) {
            fail_msg("case %zu: %s instead of %s", i, front_sign_name(sign), front_sign_name(CASES[i].sign));
        }
    }
}

static void nothing_is_the_front_of_its_front(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        if (front_sign(&CASES[i].front, &CASES[i].back) != FRONT_NONE) {
            assert_int_equal(front_sign(&CASES[i].back, &CASES[i].front), FRONT_NONE);
        }
    }
}

static void a_page_is_made_of_facts_and_verdict(void **state)
{
    static const struct exposure_fact facts[] = {{"http.server", "nginx"}, {"http.via", "1.1 x"}, {"tls", "true"}};
    const struct exposure exposure = {.proto = "tcp", .port = 443, .asked = true, .facts = facts, .fact_count = 3};
    const struct verdict verdict = {.verdict = VERDICT_ALLOWED, .breadth_class = "loopback"};
    struct front_page page = front_page_of(7, &exposure, &verdict);

    (void)state;
    assert_int_equal(page.asset_id, 7);
    assert_int_equal(page.port, 443);
    assert_true(page.allowed && page.tls && page.loopback);
    assert_string_equal(page.via, "1.1 x");
    assert_string_equal(page.server, "nginx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_front_by_its_signs),
        cmocka_unit_test(nothing_is_the_front_of_its_front),
        cmocka_unit_test(a_page_is_made_of_facts_and_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
