/* The AWS CLI's configuration files. */
#include "auditd/aws/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char config[] = "# a comment = none\n"
                             "[default]\r\n"
                             "region = eu-west-1\r\n"
                             "[profile  two words]\n"
                             "region=eu-central-1 # where we are\n"
                             "role_arn = arn:aws:iam::1:role/a#b\n"
                             "s3 =\n"
                             "  region = not-this\n"
                             "output = json\n"
                             "[profile app]\n"
                             "region = one\n"
                             "region = two\n"
                             "empty =\n"
                             "[services local]\n"
                             "ec2 =\n"
                             "  endpoint_url = http://127.0.0.1:1/\n"
                             "rds =\n"
                             "  endpoint_url = http://127.0.0.1:2/";

static void gives(const char *section, const char *parent, const char *key, const char *wanted)
{
    char buffer[64];
    bool found = ini_get(&(struct ini_place){config, section, parent}, key, buffer, sizeof(buffer));

    assert_int_equal(found, wanted != NULL);
    if (wanted != NULL) {
        assert_string_equal(buffer, wanted);
    }
}

static void test_get(void **state)
{
    char small[4];

    (void)state;
    gives("default", NULL, "region", "eu-west-1");
    gives("default", NULL, "a comment", NULL);
    gives("profile two words", NULL, "region", "eu-central-1");
    gives("profile two words", NULL, "role_arn", "arn:aws:iam::1:role/a#b");
    gives("profile two words", NULL, "output", "json");
    gives("profile two words", "s3", "region", "not-this");
    gives("profile two words", "output", "region", NULL);
    gives("profile app", NULL, "region", "two");
    gives("profile app", NULL, "empty", "");
    gives("app", NULL, "region", NULL);
    gives("services local", "ec2", "endpoint_url", "http://127.0.0.1:1/");
    gives("services local", "rds", "endpoint_url", "http://127.0.0.1:2/");
    gives("services local", NULL, "endpoint_url", NULL);
    assert_false(ini_get(&(struct ini_place){config, "default", NULL}, "region", small, sizeof(small)));
    assert_false(ini_get(&(struct ini_place){NULL, "default", NULL}, "region", small, sizeof(small)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_get)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
