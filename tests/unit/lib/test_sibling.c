#include "lib/sibling.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/leastport-sibling-XXXXXX";

static void make_file(const char *name, mode_t mode)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    close(fd);
}

static void finds_beside_first_then_on_the_path(void **state)
{
    char self[256];
    char search[256];
    char want[256];
    char path[256];

    (void)state;
    snprintf(self, sizeof(self), "%s/self", folder);
    snprintf(search, sizeof(search), "::/nonexistent:%s", folder);
    snprintf(want, sizeof(want), "%s/program", folder);
    assert_int_equal(sibling_find_in("program", self, "/bin", path, sizeof(path)), 0);
    assert_string_equal(path, want);
    assert_int_equal(sibling_find_in("program", "/nonexistent/self", search, path, sizeof(path)), 0);
    assert_string_equal(path, want);
    assert_int_equal(sibling_find_in("program", NULL, search, path, sizeof(path)), 0);
}

static void refuses_what_cannot_be_run(void **state)
{
    char self[256];
    char path[256];

    (void)state;
    snprintf(self, sizeof(self), "%s/self", folder);
    assert_int_equal(sibling_find_in("plain", self, NULL, path, sizeof(path)), -ENOENT);
    assert_int_equal(sibling_find_in("folder", self, NULL, path, sizeof(path)), -ENOENT);
    assert_int_equal(sibling_find_in("absent", self, "", path, sizeof(path)), -ENOENT);
    assert_int_equal(sibling_find_in("absent", NULL, NULL, path, sizeof(path)), -ENOENT);
    assert_int_equal(sibling_find_in("program", self, NULL, path, 4), -ENAMETOOLONG);
}

/* A build's programs stand in one folder; this test's own path is one level away from them. */
static void looks_at_its_own_folder(void **state)
{
    char path[256];

    (void)state;
    assert_int_equal(sibling_find("unit_lib_test_sibling", path, sizeof(path)), 0);
    assert_non_null(strstr(path, "/unit_lib_test_sibling"));
}

static int make_folder(void **state)
{
    char path[256];

    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    make_file("program", 0700);
    make_file("plain", 0600);
    snprintf(path, sizeof(path), "%s/folder", folder);
    return mkdir(path, 0700);
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"program", "plain", "folder", "."};
    char path[256];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/folder", folder);
    rmdir(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_beside_first_then_on_the_path),
        cmocka_unit_test(refuses_what_cannot_be_run),
        cmocka_unit_test(looks_at_its_own_folder),
    };
    return cmocka_run_group_tests_name("sibling", tests, make_folder, remove_folder);
}
