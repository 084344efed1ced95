/* What becomes of answers: pages, errors, and XML that is none. */
#include "auditd/aws/task.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define VPCS(content)                                                                                                  \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeVpcsResponse xmlns=\"x\">" content "</DescribeVpcsResponse>"
#define ITEM(id) "<item><vpcId>" id "</vpcId><isDefault>true</isDefault><unknown><deep/></unknown></item>"

static enum task_outcome take(struct task *task, long status, const char *text)
{
    const struct wire_answer answer = {.status = status, .bytes = text, .size = strlen(text)};

    task->reason[0] = '\0';
    return task_take(task, &answer, 3);
}

static void test_pages(void **state)
{
    struct task *task = task_create(&call_table[0], "eu-west-1", NULL, NULL);
    char body[512];
    json_t *record;

    (void)state;
    assert_true(task_body(task, body, sizeof(body)));
    assert_string_equal(body, "Action=DescribeVpcs&Version=2016-11-15&MaxResults=1000");
    assert_int_equal(take(task, 200, VPCS("<vpcSet>" ITEM("vpc-1") "</vpcSet><nextToken>a+b</nextToken>")), TASK_MORE);
    assert_true(task_body(task, body, sizeof(body)));
    assert_string_equal(body, "Action=DescribeVpcs&Version=2016-11-15&MaxResults=1000&NextToken=a%2Bb");
    assert_int_equal(take(task, 200, VPCS("<vpcSet>" ITEM("vpc-&lt;") "</vpcSet><nextToken/>")), TASK_DONE);
    assert_int_equal(json_array_size(task->records), 2);
    record = json_array_get(task->records, 1);
    assert_string_equal(json_string_value(json_object_get(record, "VpcId")), "vpc-<");
    assert_true(json_is_true(json_object_get(record, "IsDefault")));
    assert_int_equal(json_object_size(record), 2);
    task_destroy(task);
}

static void test_pages_end(void **state)
{
    struct task *task = task_create(&call_table[0], "eu-west-1", NULL, NULL);

    (void)state;
    assert_int_equal(take(task, 200, VPCS("<vpcSet/><nextToken>a</nextToken>")), TASK_MORE);
    assert_int_equal(take(task, 200, VPCS("<vpcSet/><nextToken>a</nextToken>")), TASK_GAP);
    task_destroy(task);
    task = task_create(&call_table[0], "eu-west-1", NULL, NULL);
    assert_int_equal(take(task, 200, VPCS("<vpcSet/><nextToken>a</nextToken>")), TASK_MORE);
    assert_int_equal(take(task, 200, VPCS("<vpcSet/><nextToken>b</nextToken>")), TASK_MORE);
    assert_int_equal(take(task, 200, VPCS("<vpcSet/><nextToken>c</nextToken>")), TASK_GAP);
    assert_non_null(strstr(task->reason, "too many pages"));
    task_destroy(task);
}

static void test_what_is_no_answer(void **state)
{
    static const char *const texts[] = {
        "",
        "nonsense",
        "<html><body>Bad gateway</body></html>",
        "<DescribeVpcsResponse><vpcSet><item>",
        VPCS(""),
        VPCS("<vpcSet><stranger/></vpcSet>"),
        VPCS("<vpcSet/><vpcSet/>"),
        VPCS("<vpcSet><item><isDefault>perhaps</isDefault></item></vpcSet>"),
        "<DescribeSubnetsResponse><vpcSet/></DescribeSubnetsResponse>",
        "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>",
        "<!DOCTYPE DescribeVpcsResponse><DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>",
        "<DescribeVpcsResponse>&a;<vpcSet/></DescribeVpcsResponse>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct task *task = task_create(&call_table[0], "eu-west-1", NULL, NULL);
        if (take(task, 200, texts[i]) != TASK_AGAIN || task->reason[0] == '\0' || task->records != NULL) {
            fail_msg("%s: %s", texts[i], task->reason);
        }
        task_destroy(task);
    }
}

static void test_errors(void **state)
{
    static const struct {
        long status;
        const char *text;
        enum task_outcome outcome;
    } errors[] = {
        {503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>", TASK_AGAIN},
        {400, "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate</Message></Error></ErrorResponse>",
         TASK_AGAIN},
        {400, "{\"__type\":\"com.amazonaws#ThrottlingException\"}", TASK_AGAIN},
        {500, "", TASK_AGAIN},
        {502, "<html>", TASK_AGAIN},
        {429, "", TASK_AGAIN},
        {400, "<Response><Errors><Error><Code>RequestExpired</Code></Error></Errors></Response>", TASK_EXPIRED},
        {403, "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>", TASK_EXPIRED},
        {400, "{\"__type\":\"ExpiredTokenException\"}", TASK_EXPIRED},
        {403, "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>", TASK_GAP},
        {401, "<Response><Errors><Error><Code>AuthFailure</Code></Error></Errors></Response>", TASK_GAP},
        {400, "<!DOCTYPE x><Response><Code>Throttling</Code></Response>", TASK_GAP},
        {404, "", TASK_GAP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        struct task *task = task_create(&call_table[0], "eu-west-1", NULL, NULL);
        if (take(task, errors[i].status, errors[i].text) != errors[i].outcome || task->reason[0] == '\0') {
            fail_msg("%ld %s: %s", errors[i].status, errors[i].text, task->reason);
        }
        assert_null(strstr(task->reason, "Rate"));
        task_destroy(task);
    }
}

static void test_backoff(void **state)
{
    (void)state;
    for (unsigned attempt = 1; attempt < 40; attempt++) {
        assert_true(task_backoff_ms(attempt, UINT32_MAX) <= 20000);
        assert_int_equal(task_backoff_ms(attempt, 0), 0);
    }
    assert_int_equal(task_backoff_ms(1, 200), 200);
    assert_int_equal(task_backoff_ms(1, 201), 0);
}

/* Depth is bounded: what opens a million elements is refused, not followed. */
static void test_depth(void **state)
{
    static char text[600000];
    struct task *task = task_create(&call_table[0], "eu-west-1", NULL, NULL);
    size_t length = (size_t)snprintf(text, sizeof(text), "<DescribeVpcsResponse>");

    (void)state;
    while (length + 4 < sizeof(text)) {
        memcpy(text + length, "<a>", 4);
        length += 3;
    }
    assert_int_equal(take(task, 200, text), TASK_AGAIN);
    assert_non_null(strstr(task->reason, "too deep"));
    task_destroy(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),  cmocka_unit_test(test_pages_end), cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_backoff),   cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
