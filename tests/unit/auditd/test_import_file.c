/* Another scanner's file as a whole: its reader, its times, and what it is known again by. */
#include "auditd/import/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LINE "open tcp 22 10.0.0.5 1600000000\n"
#define MOMENT INT64_C(1600000100000)

static int read_text(const char *text, const char *format, struct import_file *file, struct answers_fault *fault)
{
    FILE *stream = tmpfile();
    int rc;

    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, strlen(text), stream), strlen(text));
    rewind(stream);
    *file = (struct import_file){.reader = NULL};
    *fault = (struct answers_fault){0};
    rc = import_file_read(stream, format, MOMENT, file, fault);
    fclose(stream);
    return rc;
}

static void refused(const char *text, const char *format, const char *says)
{
    struct import_file file;
    struct answers_fault fault;
    int rc = read_text(text, format, &file, &fault);

    import_file_done(&file);
    if (rc != -EBADMSG || strstr(fault.text, says) == NULL) {
        fail_msg("%s: %d: %s; should be: %s", text, rc, fault.text, says);
    }
}

static void file_is_known_by_its_bytes(void **state)
{
    struct import_file files[3];
    struct answers_fault fault;

    (void)state;
    assert_int_equal(read_text("#masscan\n" LINE "# end\n", NULL, &files[0], &fault), 0);
    assert_int_equal(read_text("#masscan\n" LINE "# end\n", "masscan-list", &files[1], &fault), 0);
    assert_int_equal(read_text("#masscan\n\n" LINE "# end\n", NULL, &files[2], &fault), 0);
    assert_ptr_equal(files[0].reader, &import_masscan_list);
    assert_int_equal(strlen(files[0].digest), IMPORT_DIGEST_SIZE - 1);
    assert_string_equal(files[0].digest, files[1].digest);
    assert_string_not_equal(files[0].digest, files[2].digest);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(answers_open_ports(&files[i].answers, files[i].answers.host_count), 1);
        assert_int_equal(answers_open_ports(&files[i].answers, 0), 0);
        import_file_done(&files[i]);
    }
}

static void times_that_it_lacks_are_its_own_else_now(void **state)
{
    struct import_file file;
    struct answers_fault fault;

    (void)state;
    assert_int_equal(read_text("<nmaprun start=\"1600000000\"><host endtime=\"5\"><address addr=\"10.0.0.5\" "
                               "addrtype=\"ipv4\"/></host></nmaprun>",
                               NULL, &file, &fault),
                     0);
    assert_int_equal(file.answers.begun_ms, INT64_C(1600000000000));
    assert_int_equal(file.answers.ended_ms, INT64_C(1600000000000));
    assert_int_equal(file.answers.hosts[0]->seen_ms, INT64_C(1600000000000));
    import_file_done(&file);
    assert_int_equal(read_text("<nmaprun><host><address addr=\"10.0.0.5\" addrtype=\"ipv4\"/></host></nmaprun>", NULL,
                               &file, &fault),
                     0);
    assert_int_equal(file.answers.begun_ms, MOMENT);
    assert_int_equal(file.answers.hosts[0]->seen_ms, MOMENT);
    import_file_done(&file);
}

static void file_is_refused(void **state)
{
    (void)state;
    refused("", NULL, "neither nmap's XML");
    refused("hello", NULL, "neither nmap's XML");
    refused("#masscan\n" LINE "# end\n", "csv", "neither nmap's XML");
    refused("#masscan\n" LINE "# end\n", "masscan-json", "it does not begin with [");
    refused("#masscan\n" LINE, NULL, "there is no \"# end\"");
    refused("<nmaprun start=\"1700000000\"></nmaprun>", NULL, "which is still to come");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_known_by_its_bytes),
        cmocka_unit_test(times_that_it_lacks_are_its_own_else_now),
        cmocka_unit_test(file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
