/* Signatures against the examples that AWS publishes ("Signature Version 4 test suite", and the user guide's worked
 * example of IAM's ListUsers). */
#include "auditd/aws/sigv4.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define ACCESS "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define DATE "20150830T123600Z"
#define FORM "application/x-www-form-urlencoded"

struct example {
    const char *name, *method, *path, *query;
    struct sigv4_header headers[6];
    const char *body, *names, *signature;
};

#define BOTH                                                                                                           \
    {"host", "example.amazonaws.com"},                                                                                 \
    {                                                                                                                  \
        "x-amz-date", DATE                                                                                             \
    }

static const struct example examples[] = {
    {"get-vanilla",
     "GET",
     "/",
     "",
     {BOTH},
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"post-vanilla",
     "POST",
     "/",
     "",
     {BOTH},
     "",
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"get-unreserved",
     "GET",
     "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     "",
     {BOTH},
     "",
     "host;x-amz-date",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-slashes",
     "GET",
     "//example//",
     "",
     {BOTH},
     "",
     "host;x-amz-date",
     "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {"get-relative",
     "GET",
     "/example/..",
     "",
     {BOTH},
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-slash-dot-slash",
     "GET",
     "/./",
     "",
     {BOTH},
     "",
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-query-order-key-case",
     "GET",
     "/",
     "Param2=value2&Param1=value1",
     {BOTH},
     "",
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-order-value",
     "GET",
     "/",
     "Param1=value2&Param1=value1",
     {BOTH},
     "",
     "host;x-amz-date",
     "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    {"get-vanilla-utf8-query",
     "GET",
     "/",
     "%E1%88%B4=bar",
     {BOTH},
     "",
     "host;x-amz-date",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-header-value-order",
     "GET",
     "/",
     "",
     {BOTH, {"my-header1", "value4"}, {"my-header1", "value1"}, {"my-header1", "value3"}, {"my-header1", "value2"}},
     "",
     "host;my-header1;x-amz-date",
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"get-header-key-duplicate",
     "GET",
     "/",
     "",
     {BOTH, {"my-header1", "value2"}, {"my-header1", "value2"}, {"my-header1", "value1"}},
     "",
     "host;my-header1;x-amz-date",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-trim",
     "GET",
     "/",
     "",
     {BOTH, {"my-header1", " value1"}, {"my-header2", "\"a   b   c\""}},
     "",
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"post-x-www-form-urlencoded",
     "POST",
     "/",
     "",
     {BOTH, {"content-type", FORM}},
     "Param1=value1",
     "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"a session token",
     "GET",
     "/",
     "",
     {BOTH, {"x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}},
     "",
     "host;x-amz-date;x-amz-security-token",
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
};

static struct sigv4_request request_of(const struct example *example)
{
    struct sigv4_request request = {.method = example->method,
                                    .path = example->path,
                                    .query = example->query,
                                    .headers = example->headers,
                                    .body = example->body,
                                    .body_size = strlen(example->body),
                                    .region = "us-east-1",
                                    .service = "service"};

    while (request.header_count < 6 && example->headers[request.header_count].name != NULL) {
        request.header_count++;
    }
    return request;
}

static void test_published_examples(void **state)
{
    char authorization[SIGV4_AUTHORIZATION_SIZE];
    char wanted[SIGV4_AUTHORIZATION_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        struct sigv4_request request = request_of(&examples[i]);
        assert_int_equal(sigv4_sign(&request, DATE, ACCESS, SECRET, authorization), 0);
        snprintf(wanted, sizeof(wanted),
                 "AWS4-HMAC-SHA256 Credential=" ACCESS "/20150830/us-east-1/service/aws4_request, SignedHeaders=%s, "
                 "Signature=%s",
                 examples[i].names, examples[i].signature);
        if (strcmp(authorization, wanted) != 0) {
            fail_msg("%s: %s", examples[i].name, authorization);
        }
    }
}

static void test_list_users(void **state)
{
    static const struct sigv4_header headers[] = {
        {"content-type", FORM "; charset=utf-8"}, {"host", "iam.amazonaws.com"}, {"x-amz-date", DATE}};
    const struct sigv4_request request = {.method = "GET",
                                          .path = "/",
                                          .query = "Action=ListUsers&Version=2010-05-08",
                                          .headers = headers,
                                          .header_count = 3,
                                          .body = "",
                                          .region = "us-east-1",
                                          .service = "iam"};
    char authorization[SIGV4_AUTHORIZATION_SIZE];

    (void)state;
    assert_int_equal(sigv4_sign(&request, DATE, ACCESS, SECRET, authorization), 0);
    assert_non_null(
        strstr(authorization, "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"));
}

static void test_bounds(void **state)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
    struct sigv4_request request = request_of(&examples[0]);
    char authorization[SIGV4_AUTHORIZATION_SIZE];
    char query[3 * SIGV4_QUERY_MAX + 4] = "";
    char longest[SIGV4_AUTHORIZATION_SIZE];

    (void)state;
    for (size_t i = 0; i < SIGV4_HEADERS_MAX + 1; i++) {
        headers[i] = (struct sigv4_header){"name", "value"};
    }
    request.headers = headers;
    request.header_count = SIGV4_HEADERS_MAX + 1;
    assert_int_equal(sigv4_sign(&request, DATE, ACCESS, SECRET, authorization), -EMSGSIZE);
    request = request_of(&examples[0]);
    for (size_t i = 0; i < SIGV4_QUERY_MAX + 1; i++) {
        memcpy(query + 2 * i, "a&", 3);
    }
    request.query = query;
    assert_int_equal(sigv4_sign(&request, DATE, ACCESS, SECRET, authorization), -EMSGSIZE);
    request = request_of(&examples[0]);
    memset(longest, 'r', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(sigv4_sign(&request, DATE, longest, SECRET, authorization), -EMSGSIZE);
    request.region = longest;
    assert_int_equal(sigv4_sign(&request, DATE, ACCESS, SECRET, authorization), -EMSGSIZE);
}

static void test_date(void **state)
{
    char date[SIGV4_DATE_SIZE];

    (void)state;
    sigv4_date(1440938160, date);
    assert_string_equal(date, DATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_examples),
        cmocka_unit_test(test_list_users),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_date),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
