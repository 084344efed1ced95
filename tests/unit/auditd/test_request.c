#include "auditd/request.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    return json;
}

static void takes_what_holds_together(void **state)
{
    static const char *const texts[] = {
        "{\"op\":\"audit\",\"targets\":[\"10.0.0.1\"]}",
        "{\"targets\":[\"a\",\"b\"],\"ports\":\"22\",\"retries\":0,\"rate_pps\":4294967295,\"verify\":false,"
        "\"vantage_class\":\"world\",\"exclude\":[],\"later\":\"ignored\"}",
    };
    char reason[REQUEST_REASON_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        json_t *request = parse(texts[i]);
        assert_int_equal(request_check(request, reason), 0);
        json_decref(request);
    }
}

static void refuses_and_names_the_member(void **state)
{
    static const struct {
        const char *text;
        const char *member;
    } cases[] = {
        {"{}", "targets"},
        {"{\"targets\":[]}", "targets"},
        {"{\"targets\":\"10.0.0.1\"}", "targets"},
        {"{\"targets\":[\"\"]}", "targets"},
        {"{\"targets\":[1]}", "targets"},
        {"{\"targets\":[[]]}", "targets"},
        {"{\"targets\":[\"a\"],\"exclude\":{}}", "exclude"},
        {"{\"targets\":[\"a\"],\"new_tenant\":[\"db.example\"]}", "new_tenant"},
        {"{\"targets\":[\"a\"],\"new_tenant\":\"10.0.0.1\"}", "new_tenant"},
        {"{\"targets\":[\"a\"],\"ports\":22}", "ports"},
        {"{\"targets\":[\"a\"],\"ports\":\"\"}", "ports"},
        {"{\"targets\":[\"a\"],\"ports\":\"shs\"}", "\"ports\" hold \"shs\" is neither"},
        {"{\"targets\":[\"a\"],\"retries\":21}", "retries"},
        {"{\"targets\":[\"a\"],\"retries\":-1}", "retries"},
        {"{\"targets\":[\"a\"],\"rate_pps\":1.5}", "rate_pps"},
        {"{\"targets\":[\"a\"],\"rate_pps\":4294967296}", "rate_pps"},
        {"{\"targets\":[\"a\"],\"verify\":1}", "verify"},
        {"{\"targets\":[\"a\"],\"services\":{}}", "services"},
        {"{\"targets\":[\"a\"],\"door_checks\":\"no\"}", "door_checks"},
        {"{\"targets\":[\"a\"],\"vantage_class\":\"moon\"}", "vantage_class"},
        {"{\"targets\":[\"a\"],\"probe\":\"udp\"}", "probe"},
        {"{\"targets\":[\"a\"],\"probe\":[\"syn\"]}", "probe"},
        {"{\"targets\":[\"a\"],\"scope\":[\"0.0.0.0/0\"]}", "scope"},
        {"{\"targets\":[\"a\"],\"never_scan\":[]}", "scope"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char reason[REQUEST_REASON_SIZE] = "";
        json_t *request = parse(cases[i].text);
        assert_int_equal(request_check(request, reason), -EINVAL);
        assert_non_null(strstr(reason, cases[i].member));
        json_decref(request);
    }
}

static void plans_what_is_asked_over_what_is_configured(void **state)
{
    struct config config;
    char reason[REQUEST_REASON_SIZE];
    json_t *request =
        parse("{\"targets\":[\"10.0.0.1\"],\"exclude\":[\"10.0.0.9\"],\"realm\":\"vpc-1\",\"retries\":4}");
    json_t *plan;

    (void)state;
    assert_int_equal(config_init_default(&config), 0);
    free(config.ports);
    config.ports = strdup("kafka, ssh,!9098");
    assert_int_equal(request_plan(request, &config, &plan, reason), 0);
    assert_string_equal(json_string_value(json_object_get(plan, "realm")), "vpc-1");
    assert_string_equal(json_string_value(json_object_get(plan, "vantage")), config.vantage);
    assert_string_equal(json_string_value(json_object_get(plan, "ports")), "22,9092,9094,9096");
    assert_int_equal(json_integer_value(json_object_get(plan, "retries")), 4);
    assert_int_equal(json_array_size(json_object_get(plan, "targets")), 1);
    assert_int_equal(json_array_size(json_object_get(plan, "exclude")), 1);
    assert_null(json_object_get(plan, "scope"));
    assert_null(json_object_get(plan, "never_scan"));
    json_decref(plan);
    json_decref(request);
    config_done(&config);
}

/* By SYNs where they can be sent, unless somebody says otherwise; and whoever connects would ask is asked by these. */
static void plans_how_ports_are_asked(void **state)
{
    static const struct {
        const char *configured;
        const char *request;
        const char *probes;
    } cases[] = {
        {NULL, "{\"targets\":[\"a\"]}", "[\"syn\",\"connect\"]"},
        {NULL, "{\"targets\":[\"a\"],\"probe\":\"syn\"}", "[\"syn\"]"},
        {NULL, "{\"targets\":[\"a\"],\"probe\":\"connect\"}", "[\"connect\"]"},
        {"connect", "{\"targets\":[\"a\"]}", "[\"connect\"]"},
        {"connect", "{\"targets\":[\"a\"],\"probe\":\"auto\"}", "[\"syn\",\"connect\"]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct config config;
        char reason[REQUEST_REASON_SIZE];
        json_t *request = parse(cases[i].request);
        json_t *probes = parse(cases[i].probes);
        bool connects =
            json_array_size(probes) == 1 && strcmp(json_string_value(json_array_get(probes, 0)), "syn") != 0;
        json_t *plan;
        assert_int_equal(config_init_default(&config), 0);
        config.probe = cases[i].configured == NULL ? NULL : strdup(cases[i].configured);
        assert_int_equal(request_check(request, reason), 0);
        assert_int_equal(request_plan(request, &config, &plan, reason), 0);
        assert_true(json_equal(json_object_get(plan, "probes"), probes));
        assert_true(connects ? json_object_get(plan, "discovery") == NULL
                             : json_is_false(json_object_get(plan, "discovery")));
        json_decref(plan);
        json_decref(probes);
        json_decref(request);
        config_done(&config);
    }
}

/* Asked by default, doors too; the request decides over the configuration. */
static void plans_what_is_asked_of_services(void **state)
{
    static const struct {
        const char *request;
        bool services, door_checks; /* of the configuration */
        const char *planned;        /* NULL: nothing is asked */
    } cases[] = {
        {"{}", true, true, "{\"doors\":true}"},
        {"{\"door_checks\":false}", true, true, "{\"doors\":false}"},
        {"{}", true, false, "{\"doors\":false}"},
        {"{\"door_checks\":true}", true, false, "{\"doors\":true}"},
        {"{\"services\":false,\"door_checks\":true}", true, true, NULL},
        {"{}", false, true, NULL},
        {"{\"services\":true}", false, true, "{\"doors\":true}"},
        {"{\"printers\":true}", true, true, "{\"doors\":true,\"printers\":true}"},
        {"{\"printers\":false}", true, true, "{\"doors\":true}"},
    };
    char reason[REQUEST_REASON_SIZE];
    struct config config;

    (void)state;
    assert_int_equal(config_init_default(&config), 0);
    assert_true(config.services && config.door_checks);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *request = parse(cases[i].request);
        json_t *want = cases[i].planned == NULL ? NULL : parse(cases[i].planned);
        json_t *plan;
        config.services = cases[i].services;
        config.door_checks = cases[i].door_checks;
        json_object_set_new(request, "targets", json_pack("[s]", "10.0.0.1"));
        assert_int_equal(request_plan(request, &config, &plan, reason), 0);
        assert_true(want == NULL ? json_object_get(plan, "services") == NULL
                                 : json_equal(json_object_get(plan, "services"), want));
        json_decref(plan);
        json_decref(want);
        json_decref(request);
    }
    config_done(&config);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void guards_come_from_the_never_scan_file(void **state)
{
    char path[] = "/tmp/leastport-never-XXXXXX";
    int fd = mkstemp(path);
    struct config config;
    char reason[REQUEST_REASON_SIZE];
    json_t *request = parse("{\"targets\":[\"10.0.0.1\"]}");
    json_t *plan;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(config_init_default(&config), 0);
    config.never_scan = strdup(path);
    write_file(path, "# fragile\n\n 10.1.0.0/16 # lab\nfd00::/8 10.2.3.4\n");
    assert_int_equal(request_plan(request, &config, &plan, reason), 0);
    assert_int_equal(json_array_size(json_object_get(plan, "never_scan")), 3);
    assert_string_equal(json_string_value(json_array_get(json_object_get(plan, "never_scan"), 2)), "10.2.3.4/32");
    json_decref(plan);
    /* One more on the same line is not passed over. */
    write_file(path, "10.1.0.0/16\n10.2.3.4 ten dot\n");
    assert_int_equal(request_plan(request, &config, &plan, reason), -EINVAL);
    assert_non_null(strstr(reason, ":2: \"ten\""));
    unlink(path);
    assert_int_equal(request_plan(request, &config, &plan, reason), -ENOENT);
    assert_non_null(strstr(reason, path));
    json_decref(request);
    config_done(&config);
}

static void looks_again_at_the_endpoints_alone(void **state)
{
    json_t *plan =
        parse("{\"realm\":\"r\",\"targets\":[\"10.0.0.0/8\",\"db\"],\"ports\":\"all\",\"canary\":{\"port\":1},"
              "\"services\":{\"doors\":true},\"exclude\":[\"old:22\"],\"resolved\":{\"db\":[\"10.0.0.1\"],\"old\":["
              "\"10.0.0.2\"]}}");
    json_t *endpoints = parse("[{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":22},"
                              "{\"host\":\"fd00::1\",\"proto\":\"tcp\",\"port\":443}]");
    json_t *want = parse("{\"realm\":\"r\",\"targets\":[\"10.0.0.1:22\",\"[fd00::1]:443\"],\"ports\":\"22\",\"canary\":"
                         "{\"port\":1},\"exclude\":[\"old:22\"],\"resolved\":{\"old\":[\"10.0.0.2\"]},\"watch\":[{"
                         "\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":22},{\"host\":"
                         "\"fd00::1\",\"proto\":\"tcp\",\"port\":443}]}");
    json_t *verify = request_verify_plan(plan, endpoints);

    (void)state;
    assert_true(json_equal(verify, want));
    json_decref(verify);
    json_decref(want);
    json_decref(endpoints);
    json_decref(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_holds_together),
        cmocka_unit_test(refuses_and_names_the_member),
        cmocka_unit_test(plans_what_is_asked_over_what_is_configured),
        cmocka_unit_test(plans_how_ports_are_asked),
        cmocka_unit_test(plans_what_is_asked_of_services),
        cmocka_unit_test(guards_come_from_the_never_scan_file),
        cmocka_unit_test(looks_again_at_the_endpoints_alone),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
