#include "auditd/config/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void follows_service_person_and_root(void **state)
{
    static const struct {
        struct paths_environment environment;
        const char *path;
    } cases[] = {
        {{"/var/lib/private/leastport:/b", "/x", "/home/a", true}, "/var/lib/private/leastport/leastport.db"},
        {{NULL, "/x", "/home/a", true}, "/x/leastport/leastport.db"},
        {{"", "relative", "/home/a", false}, "/home/a/.local/state/leastport/leastport.db"},
        {{NULL, NULL, "/home/a", false}, "/home/a/.local/state/leastport/leastport.db"},
        {{NULL, "", "/root", true}, "/var/lib/leastport/leastport.db"},
        {{NULL, NULL, NULL, false}, NULL},
        {{NULL, NULL, "relative", false}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *path = paths_database(&cases[i].environment);
        if (cases[i].path == NULL) {
            assert_null(path);
        } else {
            assert_string_equal(path, cases[i].path);
        }
        free(path);
    }
}

static void puts_the_socket_beside_the_database(void **state)
{
    char *path = paths_control("/a b/c.db");

    (void)state;
    assert_string_equal(path, "/a b/c.db.sock");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_service_person_and_root),
        cmocka_unit_test(puts_the_socket_beside_the_database),
    };
    return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
