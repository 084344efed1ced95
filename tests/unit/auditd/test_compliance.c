#include "auditd/policy/compliance.h"

#include "lib/standard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *rule, *kind, *breadth_class, *address, *more;
    const char *controls; /* their numbers */
} CASES[] = {
    {"baseline/ssh", "exposure", "world", "198.51.100.1", "", "CM-7 1.2.5 SC-7 1.4.2 5.2"},
    {"baseline/ssh", "exposure", "world", "2001:db8::1", "", "CM-7 1.2.5 SC-7 1.4.2 5.3"},
    {"baseline/ssh", "exposure", "world", NULL, "", "CM-7 1.2.5 SC-7 1.4.2"},
    {"baseline/rdp", "exposure", "own-vpc", "10.0.0.1", "", "CM-7 1.2.5"},
    {"baseline/telnet", "exposure", "vpn", "10.0.0.1", "", "CM-7 1.2.5 1.2.6 SC-8"},
    {"baseline/old-tls", "old-tls", "world", "198.51.100.1", "", "1.2.6 SC-8"},
    {"baseline/certificate", "certificate", "world", "198.51.100.1", "", ""},
    {"default", "exposure", "public-range", "198.51.100.1", "", "CM-7 1.2.5 SC-7(5) SC-7 1.4.2"},
    {"user/x", "exposure", "own-vpc", "10.0.0.1", "pci-dss-4.0.1:1.3.1 nist-800-53-r5:CM-7", "1.3.1 CM-7 1.2.5"},
};

static void maps_rules_to_controls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
        struct verdict verdict = {.verdict = VERDICT_FINDING};
        char numbers[256] = "";
        const struct standard_control *control;
        const char *list = verdict.controls;
        struct addr address;
        snprintf(verdict.rule_id, sizeof(verdict.rule_id), "%s", CASES[i].rule);
        snprintf(verdict.kind, sizeof(verdict.kind), "%s", CASES[i].kind);
        snprintf(verdict.breadth_class, sizeof(verdict.breadth_class), "%s", CASES[i].breadth_class);
        if (CASES[i].address != NULL) {
            assert_int_equal(addr_parse(CASES[i].address, &address), 0);
        }
        compliance_note(&verdict, CASES[i].more, CASES[i].address == NULL ? NULL : &address);
        while ((control = standard_control_next(&list)) != NULL) {
            size_t used = strlen(numbers);
            snprintf(numbers + used, sizeof(numbers) - used, "%s%s", used > 0 ? " " : "", control->number);
        }
        assert_string_equal(numbers, CASES[i].controls);
        verdict.verdict = VERDICT_ALLOWED;
        compliance_note(&verdict, CASES[i].more, NULL);
        assert_string_equal(verdict.controls, "");
    }
}

/* However many a rule's writer gives, only whole ones are kept. */
static void keeps_whole_ones(void **state)
{
    struct verdict verdict = {.verdict = VERDICT_FINDING, .kind = "exposure", .rule_id = "default"};
    char more[2048] = "";

    (void)state;
    for (int i = 0; i < 60; i++) {
        size_t used = strlen(more);
        snprintf(more + used, sizeof(more) - used, "standard-%d:number-%d ", i, i);
    }
    compliance_note(&verdict, more, NULL);
    assert_true(strlen(verdict.controls) > VERDICT_CONTROLS_SIZE - 30);
    assert_non_null(strstr(verdict.controls, "standard-10:number-10 "));
    assert_true(strrchr(verdict.controls, ' ')[1] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_rules_to_controls),
        cmocka_unit_test(keeps_whole_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
