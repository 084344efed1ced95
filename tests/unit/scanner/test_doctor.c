#include "scanner/doctor.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct limits healthy(void)
{
    return (struct limits){.descriptors_soft = 65536,
                           .descriptors_hard = 65536,
                           .descriptors_open = 5,
                           .ports_known = true,
                           .port_first = 32768,
                           .port_last = 60999,
                           .conntrack = {true, 10, 262144},
                           .time_wait = {true, 10, 131072},
                           .raw_sockets = true};
}

static const struct doctor_check *check_of(const struct doctor_check *checks, const char *id)
{
    for (int i = 0; i < DOCTOR_CHECKS; i++) {
        if (strcmp(checks[i].id, id) == 0) {
            return &checks[i];
        }
    }
    fail_msg("no check %s", id);
    return NULL;
}

static void finds_a_good_machine_well(void **state)
{
    struct limits limits = healthy();
    struct doctor_check checks[DOCTOR_CHECKS];
    (void)state;
    doctor_examine(&limits, "/usr/bin/leastport-scan", checks);
    for (int i = 0; i < DOCTOR_CHECKS; i++) {
        assert_int_equal(checks[i].verdict, DOCTOR_WELL);
        assert_string_equal(checks[i].mend, "");
    }
}

static void names_what_mends_each_lack(void **state)
{
    struct limits limits = healthy();
    struct doctor_check checks[DOCTOR_CHECKS];
    (void)state;
    limits.raw_sockets = false;
    limits.descriptors_hard = 1024;
    limits.port_last = 33000;
    limits.conntrack.used = 200000;
    limits.time_wait.used = 100000;
    doctor_examine(&limits, "/usr/bin/leastport-scan", checks);
    assert_string_equal(check_of(checks, "raw-sockets")->mend, "sudo setcap cap_net_raw=ep /usr/bin/leastport-scan");
    assert_non_null(strstr(check_of(checks, "open-files-hard")->mend, "prlimit"));
    assert_non_null(strstr(check_of(checks, "ephemeral-ports")->mend, "ip_local_port_range"));
    assert_non_null(strstr(check_of(checks, "conntrack")->mend, "nf_conntrack_max=1048576"));
    assert_non_null(strstr(check_of(checks, "time-wait")->mend, "tcp_max_tw_buckets=524288"));
    for (int i = 0; i < DOCTOR_CHECKS; i++) {
        bool low = strcmp(checks[i].id, "open-files-soft") != 0;
        assert_int_equal(checks[i].verdict, low ? DOCTOR_LOW : DOCTOR_WELL);
    }
}

static void does_not_judge_what_it_cannot_read(void **state)
{
    struct limits limits = healthy();
    struct doctor_check checks[DOCTOR_CHECKS];
    (void)state;
    limits.conntrack.known = false;
    limits.ports_known = false;
    doctor_examine(&limits, "x", checks);
    assert_int_equal(check_of(checks, "conntrack")->verdict, DOCTOR_UNKNOWN);
    assert_int_equal(check_of(checks, "ephemeral-ports")->verdict, DOCTOR_UNKNOWN);
}

static void prints_json_of_this_machine(void **state)
{
    struct problem problem;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    json_t *array;
    (void)state;
    assert_in_range(doctor_run(stream, true, &problem), 0, 1);
    fclose(stream);
    array = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(array), DOCTOR_CHECKS);
    json_decref(array);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_good_machine_well),
        cmocka_unit_test(names_what_mends_each_lack),
        cmocka_unit_test(does_not_judge_what_it_cannot_read),
        cmocka_unit_test(prints_json_of_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
