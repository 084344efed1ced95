#include "scanner/output/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/leastport-outputs-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return mkdtemp(folder) == NULL || chdir(folder) < 0 ? -1 : 0;
}

static int drop_files(void **state)
{
    static const char *const names[] = {"a.jsonl", "a.table", "a.xml", "b.jsonl", "link"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        unlink(names[i]);
    }
    return 0;
}

/* Fails when a test left anything behind. */
static int drop_folder(void **state)
{
    (void)state;
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static struct addr address(const char *text)
{
    struct addr addr;

    assert_int_equal(addr_parse(text, &addr), 0);
    return addr;
}

static char said[1024];

static void hear_failure(void *context, const char *message)
{
    (void)context;
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s;", message);
}

static struct outputs *make(const char *const *specs)
{
    struct outputs_options options = {.scan_id = "11111111-2222-3333-4444-555555555555", .failed = hear_failure};
    struct outputs *outputs = outputs_create(&options);
    struct problem problem;

    said[0] = '\0';
    for (; *specs != NULL; specs++) {
        if (outputs_add(outputs, *specs, &problem) < 0) {
            fail_msg("%s", problem.text);
        }
    }
    return outputs;
}

static void read_file(const char *name, char *text, size_t room)
{
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t size = read(fd, text, room - 1);
    assert_true(size >= 0);
    text[size] = '\0';
    close(fd);
}

static void write_start(struct outputs *outputs)
{
    struct observation start = {.type = OBSERVATION_START, .ts_ms = 1700000000000};

    start.start = (struct observation_start){.plan_json = "{}",
                                             .plan_hash = "h",
                                             .realm = "r",
                                             .vantage = "v",
                                             .ports = "1-1000",
                                             .port_count = 1000,
                                             .probe = "udp",
                                             .proto = "udp",
                                             .args = "leastport scan <&\"'> \x01\xff\xed\xa0\x80\x7f\xc2\x9b\xc3\xa9"};
    outputs_write(outputs, &start);
}

static void write_port(struct outputs *outputs, const char *host, uint16_t port, enum port_state state,
                       enum reason reason)
{
    struct observation observation = {.type = OBSERVATION_PORT, .ts_ms = 1700000001000};

    observation.port = (struct observation_port){
        .host = address(host), .proto = "tcp", .port = port, .state = state, .reason = reason};
    outputs_write(outputs, &observation);
}

static void write_host(struct outputs *outputs, const char *host, bool up, const struct observation_not_shown *rest,
                       size_t rest_count)
{
    struct observation observation = {.type = OBSERVATION_HOST, .ts_ms = 1700000002000};

    observation.host = (struct observation_host){.host = address(host),
                                                 .name = up ? "db.example" : NULL,
                                                 .up = up,
                                                 .reason = up ? REASON_SYN_ACK : REASON_NO_RESPONSE,
                                                 .has_rtt = up,
                                                 .rtt_us = 1234,
                                                 .not_shown = rest,
                                                 .not_shown_count = rest_count};
    outputs_write(outputs, &observation);
}

static void write_end(struct outputs *outputs, bool complete)
{
    struct observation end = {.type = OBSERVATION_END, .ts_ms = 1700000010000};

    end.end = (struct observation_end){.complete = complete,
                                       .cause = complete ? SCAN_CAUSE_DONE : SCAN_CAUSE_INTERRUPTED,
                                       .message = complete ? NULL : "resume with --resume x.state",
                                       .probes = complete ? 2000 : 4000,
                                       .probes_done = 2000,
                                       .probes_sent = 2000,
                                       .hosts_up = 2,
                                       .hosts_down = 2,
                                       .open = 3,
                                       .elapsed_ms = 2500,
                                       .has_missed = true,
                                       .missed_low = 0,
                                       .missed_high = 0.2};
    outputs_write(outputs, &end);
}

/* Two hosts that answer, interleaved, one of them watched while silent, and two that do not. */
static void write_scan(struct outputs *outputs, bool complete)
{
    static const struct observation_not_shown many[] = {{"tcp", PORT_CLOSED, REASON_CONN_REFUSED, 990, "1-21,32-1000"},
                                                        {"tcp", PORT_FILTERED, REASON_NO_RESPONSE, 2, "23,24"}};
    static const struct observation_not_shown all[] = {{"tcp", PORT_FILTERED, REASON_NO_RESPONSE, 1000, "1-1000"}};
    write_start(outputs);
    write_port(outputs, "10.0.0.5", 443, PORT_OPEN, REASON_SYN_ACK);
    write_port(outputs, "fd00::9", 5432, PORT_OPEN, REASON_SYN_ACK);
    write_port(outputs, "10.0.0.5", 22, PORT_FILTERED, REASON_ADMIN_PROHIBITED);
    write_port(outputs, "10.0.0.5", 22, PORT_OPEN, REASON_SYN_ACK);
    write_host(outputs, "10.0.0.5", true, many, 2);
    write_port(outputs, "10.0.0.7", 80, PORT_FILTERED, REASON_NO_RESPONSE);
    write_host(outputs, "10.0.0.6", false, all, 1);
    write_host(outputs, "10.0.0.7", false, all, 1);
    write_host(outputs, "fd00::9", true, NULL, 0);
    write_end(outputs, complete);
}

static void table_reads_well(void **state)
{
    static const char *const specs[] = {"table:a.table", NULL};
    char text[4096];
    struct outputs *outputs = make(specs);
    (void)state;
    write_scan(outputs, true);
    assert_int_equal(outputs_close(outputs), 0);
    outputs_destroy(outputs);
    read_file("a.table", text, sizeof(text));
    assert_string_equal(
        text, "10.0.0.5 (db.example)  up (syn-ack), 1.2 ms\n"
              "PORT    STATE    SERVICE REASON\n"
              "22/tcp  open     ssh     syn-ack\n"
              "23/tcp  filtered telnet  no-response\n"
              "24/tcp  filtered         no-response\n"
              "443/tcp open     https   syn-ack\n"
              "Not shown: 990 closed (conn-refused)\n"
              "\n"
              "10.0.0.7  silent (no-response)\n"
              "PORT   STATE    SERVICE REASON\n"
              "80/tcp filtered http    no-response\n"
              "Not shown: 1000 filtered (no-response)\n"
              "\n"
              "fd00::9 (db.example)  up (syn-ack), 1.2 ms\n"
              "PORT     STATE SERVICE    REASON\n"
              "5432/tcp open  postgresql syn-ack\n"
              "\n"
              "1 host gave no answer and is not shown.\n"
              "Done: 3 open ports on 2 of 4 hosts, 2000 probes in 2.5 s (800/s); no open port missed (95 %).\n");
}

/* What the probes that were made may have missed is no word on those that were not. */
/* The exit status; 127 when there is no xmllint. */
static int validate(const char *name)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        execlp("xmllint", "xmllint", "--nonet", "--noout", "--dtdvalid", "/usr/share/nmap/nmap.dtd", name,
               (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_service(struct outputs *outputs, uint16_t port, const struct facts *facts)
{
    static const struct evidence evidence;
    struct observation observation = {.type = OBSERVATION_SERVICE, .ts_ms = 1700000001500};

    observation.service = (struct observation_service){
        .host = address("10.0.0.5"), .proto = "tcp", .port = port, .facts = facts, .evidence = &evidence};
    outputs_write(outputs, &observation);
}

/* SSH with its version, Redis in TLS without a password, a port that says nothing, one that nobody asked. */
static void write_answers(struct outputs *outputs)
{
    struct facts facts = {0};

    write_start(outputs);
    write_port(outputs, "10.0.0.5", 22, PORT_OPEN, REASON_SYN_ACK);
    write_port(outputs, "10.0.0.5", 80, PORT_OPEN, REASON_SYN_ACK);
    write_port(outputs, "10.0.0.5", 443, PORT_OPEN, REASON_SYN_ACK);
    write_port(outputs, "10.0.0.5", 5432, PORT_OPEN, REASON_SYN_ACK);
    facts_set_string(&facts, "service", "ssh");
    facts_set_string(&facts, "product", "Open<SSH>");
    facts_set_string(&facts, "version", "9.2p1");
    facts_set_string(&facts, "os", "Debian");
    facts_set_string(&facts, "cpe", "cpe:2.3:a:openbsd:open\\+ssh\\::9.2p1:*:*:*:*:*:*:*");
    write_service(outputs, 22, &facts);
    facts_clear(&facts);
    facts_set_string(&facts, "service", "redis");
    facts_set_truth(&facts, "tls", true);
    facts_set_string(&facts, "auth", "none");
    write_service(outputs, 80, &facts);
    facts_clear(&facts);
    facts_set_string(&facts, "behaviour", "silent");
    write_service(outputs, 443, &facts);
    write_service(outputs, 444, &facts);
    write_host(outputs, "10.0.0.5", true, NULL, 0);
    write_end(outputs, true);
}

static void what_answers_is_shown(void **state)
{
    static const char *const specs[] = {"table:a.table", "xml:a.xml", NULL};
    char text[8192];
    struct outputs *outputs = make(specs);
    (void)state;
    write_answers(outputs);
    assert_int_equal(outputs_close(outputs), 0);
    outputs_destroy(outputs);
    read_file("a.table", text, sizeof(text));
    assert_non_null(strstr(text, "PORT     STATE SERVICE    REASON  VERSION\n"
                                 "22/tcp   open  ssh        syn-ack Open<SSH> 9.2p1\n"
                                 "80/tcp   open  tls/redis  syn-ack (answers without a credential)\n"
                                 "443/tcp  open  https?     syn-ack silent\n"
                                 "5432/tcp open  postgresql syn-ack \n"));
    read_file("a.xml", text, sizeof(text));
    assert_non_null(strstr(text, "<service name=\"ssh\" product=\"Open&#60;SSH&#62;\" version=\"9.2p1\" "
                                 "ostype=\"Debian\" method=\"probed\" conf=\"10\">"
                                 "<cpe>cpe:/a:openbsd:open%2bssh%3a:9.2p1</cpe></service>"));
    assert_non_null(strstr(text, "<service name=\"redis\" extrainfo=\"answers without a credential\" tunnel=\"ssl\" "
                                 "method=\"probed\" conf=\"10\"></service>"));
    assert_non_null(strstr(text, "portid=\"443\"><state state=\"open\" reason=\"syn-ack\" reason_ttl=\"0\"/>"
                                 "<service name=\"https\" method=\"table\" conf=\"3\"/>"));
    assert_int_equal(access("/usr/share/nmap/nmap.dtd", R_OK) < 0 ? 0 : validate("a.xml") % 127, 0);
}

static void table_of_a_part_vouches_for_nothing(void **state)
{
    static const char *const specs[] = {"table:a.table", NULL};
    static const char *const end = "INCOMPLETE: 3 open ports on 2 of 4 hosts, 2000 probes in 2.5 s (800/s); 2000 of "
                                   "4000 ports not asked yet. resume with --resume x.state\n";
    char text[4096];
    struct outputs *outputs = make(specs);
    (void)state;
    write_scan(outputs, false);
    assert_int_equal(outputs_close(outputs), 0);
    outputs_destroy(outputs);
    read_file("a.table", text, sizeof(text));
    assert_non_null(strstr(text, end));
}

static void jsonl_is_whole_after_each_write(void **state)
{
    static const char *const specs[] = {"jsonl:a.jsonl", NULL};
    char text[8192];
    struct outputs *outputs = make(specs);
    size_t lines = 0;
    (void)state;
    write_start(outputs);
    read_file("a.jsonl", text, sizeof(text));
    assert_int_equal(text[strlen(text) - 1], '\n');
    outputs_destroy(outputs);
    outputs = make(specs);
    write_scan(outputs, false);
    assert_int_equal(outputs_close(outputs), 0);
    outputs_destroy(outputs);
    read_file("a.jsonl", text, sizeof(text));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        json_error_t error;
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        assert_non_null(json);
        assert_string_equal(json_string_value(json_object_get(json, "type")),
                            lines == 0    ? "scan_start"
                            : lines == 10 ? "scan_end"
                                          : json_string_value(json_object_get(json, "type")));
        json_decref(json);
        lines++;
    }
    assert_int_equal(lines, 11);
}

static void xml_is_valid(void **state)
{
    static const char *const specs[] = {"xml:a.xml", NULL};
    char text[8192];
    struct outputs *outputs = make(specs);
    (void)state;
    write_scan(outputs, false);
    assert_int_equal(access("a.xml", F_OK), -1);
    assert_int_equal(outputs_close(outputs), 0);
    outputs_destroy(outputs);
    read_file("a.xml", text, sizeof(text));
    assert_non_null(strstr(
        text, "args=\"leastport scan &#60;&#38;&#34;&#39;&#62; \\x01\\xff\\xed\\xa0\\x80\\x7f\\xc2\\x9b\xc3\xa9\""));
    assert_non_null(strstr(text, "<extraports state=\"closed\" count=\"990\">\n<extrareasons reason=\"conn-refused\" "
                                 "count=\"990\" proto=\"tcp\" ports=\"1-21,32-1000\"/>"));
    assert_non_null(strstr(text, "<port protocol=\"tcp\" portid=\"22\"><state state=\"open\" reason=\"syn-ack\" "
                                 "reason_ttl=\"0\"/><service name=\"ssh\" method=\"table\" conf=\"3\"/></port>"));
    assert_non_null(strstr(text, "<address addr=\"fd00::9\" addrtype=\"ipv6\"/>"));
    assert_non_null(strstr(text, "elapsed=\"2.50\" exit=\"error\" errormsg=\"resume with --resume x.state\"/>"));
    assert_null(strstr(text, "10.0.0.6"));
    int status = access("/usr/share/nmap/nmap.dtd", R_OK) < 0 ? 127 : validate("a.xml");
    if (status == 127) {
        print_message("SKIP: xmllint and nmap's DTD are not here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

/* A scan that is interrupted before its first host is done. */
static void what_was_found_is_shown_unfinished(void **state)
{
    static const char *const specs[] = {"table:a.table", "xml:a.xml", "jsonl:a.jsonl", NULL};
    struct observation end = {.type = OBSERVATION_END, .ts_ms = 1700000010000};
    char text[4096];
    struct outputs *outputs = make(specs);
    (void)state;
    end.end = (struct observation_end){
        .cause = SCAN_CAUSE_INTERRUPTED, .open = 2, .probes = 9, .probes_done = 4, .probes_sent = 4, .elapsed_ms = 50};
    write_start(outputs);
    write_port(outputs, "10.0.0.7", 80, PORT_OPEN, REASON_SYN_ACK);
    write_port(outputs, "10.0.0.5", 22, PORT_OPEN, REASON_SYN_ACK);
    outputs_write(outputs, &end);
    assert_int_equal(outputs_close(outputs), 0);
    outputs_destroy(outputs);
    read_file("a.table", text, sizeof(text));
    assert_string_equal(text,
                        "10.0.0.5  up (syn-ack), unfinished: not all of its ports have been asked\n"
                        "PORT   STATE SERVICE REASON\n"
                        "22/tcp open  ssh     syn-ack\n"
                        "\n"
                        "10.0.0.7  up (syn-ack), unfinished: not all of its ports have been asked\n"
                        "PORT   STATE SERVICE REASON\n"
                        "80/tcp open  http    syn-ack\n"
                        "\n"
                        "INCOMPLETE: 2 open ports on 2 of 2 hosts (2 unfinished), 4 probes in 0.1 s; 5 of 9 ports "
                        "not asked yet.\n");
    read_file("a.xml", text, sizeof(text));
    assert_non_null(strstr(text, "comment=\"unfinished: not all of its ports have been asked\"><status state=\"up\""));
    assert_non_null(strstr(text, "portid=\"80\"><state state=\"open\""));
    assert_non_null(strstr(text, "<hosts up=\"2\" down=\"0\" total=\"2\"/>"));
    read_file("a.jsonl", text, sizeof(text));
    assert_null(strstr(text, "\"type\":\"host\""));
    int status = access("/usr/share/nmap/nmap.dtd", R_OK) < 0 ? 127 : validate("a.xml");
    if (status == 127) {
        print_message("SKIP: xmllint and nmap's DTD are not here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void xml_leaves_the_old_file_until_the_end(void **state)
{
    static const char *const specs[] = {"xml:a.xml", NULL};
    char text[64];
    struct outputs *outputs;
    int fd = open("a.xml", O_WRONLY | O_CREAT, 0644);
    (void)state;
    assert_int_equal(write(fd, "old", 3), 3);
    close(fd);
    outputs = make(specs);
    write_start(outputs);
    outputs_destroy(outputs);
    read_file("a.xml", text, sizeof(text));
    assert_string_equal(text, "old");
}

/* What a killed program left is written over; while one is at work a second is refused. */
static void xml_takes_turns(void **state)
{
    static const char *const specs[] = {"xml:a.xml", NULL};
    struct outputs_options options = {.scan_id = "id"};
    struct outputs *second = outputs_create(&options);
    struct problem problem = {{0}};
    char text[8192];
    int fd = open("a.xml.part", O_WRONLY | O_CREAT, 0644);
    (void)state;
    assert_int_equal(write(fd, "rest", 4), 4);
    close(fd);
    struct outputs *first = make(specs);
    assert_int_equal(outputs_add(second, "xml:a.xml", &problem), -EBUSY);
    outputs_destroy(second);
    write_scan(first, true);
    assert_int_equal(outputs_close(first), 0);
    outputs_destroy(first);
    read_file("a.xml", text, sizeof(text));
    assert_memory_equal(text, "<?xml", 5);
    assert_string_equal(text + strlen(text) - 11, "</nmaprun>\n");
    assert_non_null(strstr(text, "<scaninfo type=\"udp\" protocol=\"udp\" numservices=\"1000\" services=\"1-1000\"/>"));
}

static void refuses_and_says_why(void **state)
{
    static const char *const cases[][2] = {
        {"", "FORMAT:FILE"},
        {"jsonl", "FORMAT:FILE"},
        {"jsonl:", "FORMAT:FILE"},
        {":x", "there is no format \"\""},
        {"csv:x", "there are table, jsonl, xml"},
        {"JSONL:x", "no format"},
        {"jsonl:/nonexistent/x", "No such file"},
        {"xml:/nonexistent/x", "No such file"},
        {"table:-", "would mix"},
        {"xml:./b.jsonl", "each a file of its own"},
        {"table:link", "each a file of its own"},
    };
    static const char *const specs[] = {"jsonl:-", "jsonl:b.jsonl", NULL};
    struct outputs *outputs = make(specs);
    (void)state;
    assert_int_equal(symlink("b.jsonl", "link"), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct problem problem = {{0}};
        assert_true(outputs_add(outputs, cases[i][0], &problem) < 0);
        if (strstr(problem.text, cases[i][1]) == NULL) {
            fail_msg("%s gave: %s", cases[i][0], problem.text);
        }
    }
    assert_int_equal(outputs_count(outputs), 2);
    outputs_destroy(outputs);
    outputs_destroy(NULL);
}

/* /dev/full says ENOSPC; the other outputs go on, and the failure is told once. */
static void a_full_disk_ends_one_output(void **state)
{
    static const char *const specs[] = {"jsonl:/dev/full", "jsonl:a.jsonl", "xml:/dev//full", NULL};
    struct outputs *outputs = make(specs);
    char text[8192];
    (void)state;
    write_scan(outputs, true);
    assert_int_equal(outputs_close(outputs), -ENOSPC);
    outputs_destroy(outputs);
    assert_string_equal(said, "writing jsonl to /dev/full: No space left on device;"
                              "writing xml to /dev//full: No space left on device;");
    read_file("a.jsonl", text, sizeof(text));
    assert_non_null(strstr(text, "\"scan_end\""));
}

/* Runs in a child, whose limits and standard output may be spoilt. */
static void assert_child(int (*run)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        _exit(run());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int run_torn(void)
{
    static const char *const specs[] = {"jsonl:a.jsonl", NULL};
    struct rlimit limit = {1000, 1000};
    struct outputs *outputs = make(specs);
    int rc;

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    write_scan(outputs, true);
    rc = outputs_close(outputs);
    outputs_destroy(outputs);
    return rc == -EFBIG ? 0 : 1;
}

static void a_line_that_does_not_fit_is_cut_off_whole(void **state)
{
    char text[4096];
    (void)state;
    assert_child(run_torn);
    read_file("a.jsonl", text, sizeof(text));
    assert_true(strlen(text) > 200);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

enum { HELD_LINES = 60 };

static int run_torn_held(void)
{
    static const char *const specs[] = {"jsonl:a.jsonl", NULL};
    struct rlimit limit = {5000, 5000};
    struct outputs *outputs = make(specs);
    int rc;

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int port = 1; port <= HELD_LINES; port++) {
        write_port(outputs, "10.0.0.5", (uint16_t)port, PORT_OPEN, REASON_SYN_ACK);
    }
    if (outputs_flush(outputs) != 0) {
        return 2;
    }
    rc = outputs_close(outputs);
    outputs_destroy(outputs);
    return rc == -EFBIG ? 0 : 1;
}

/* Of lines that were to go out together those that fit are there. */
static void of_held_lines_those_that_fit_stay(void **state)
{
    char text[8192];
    size_t length;
    (void)state;
    assert_child(run_torn_held);
    read_file("a.jsonl", text, sizeof(text));
    length = strlen(text);
    assert_true(length > 4700 && length <= 5000);
    assert_memory_equal(text + length - 2, "}\n", 2);
}

static size_t file_size(const char *name)
{
    struct stat stat_now;

    assert_int_equal(stat(name, &stat_now), 0);
    return (size_t)stat_now.st_size;
}

/* However many are told, what waits is little, and ends with a line. */
static void ports_and_hosts_may_wait(void **state)
{
    static const char *const specs[] = {"jsonl:a.jsonl", NULL};
    struct outputs *outputs = make(specs);
    struct observation notice = {.type = OBSERVATION_NOTICE};
    size_t before;
    (void)state;
    notice.notice = (struct observation_notice){.code = "c", .message = "m"};
    write_port(outputs, "10.0.0.5", 1, PORT_OPEN, REASON_SYN_ACK);
    assert_int_equal(file_size("a.jsonl"), 0);
    assert_int_equal(outputs_flush(outputs), 1);
    before = file_size("a.jsonl");
    assert_true(before > 100);
    for (int i = 0; i < 1000; i++) {
        write_host(outputs, "10.0.0.5", true, NULL, 0);
    }
    assert_true(file_size("a.jsonl") > 100000);
    assert_int_equal(outputs_write(outputs, &notice), 1);
    before = file_size("a.jsonl");
    assert_int_equal(outputs_flush(outputs), 1);
    assert_int_equal(file_size("a.jsonl"), before);
    write_port(outputs, "10.0.0.5", 2, PORT_OPEN, REASON_SYN_ACK);
    assert_int_equal(outputs_close(outputs), 0);
    assert_true(file_size("a.jsonl") > before + 100);
    outputs_destroy(outputs);
}

/* Longer than all that could be held, and after something that is. */
static void a_long_line_comes_in_its_turn(void **state)
{
    static const char *const specs[] = {"jsonl:a.jsonl", NULL};
    static char ports[80001];
    static char text[100000];
    struct observation_not_shown rest = {"tcp", PORT_CLOSED, REASON_CONN_REFUSED, 2, ports};
    struct outputs *outputs = make(specs);
    (void)state;
    memset(ports, '7', sizeof(ports) - 1);
    write_port(outputs, "10.0.0.5", 1, PORT_OPEN, REASON_SYN_ACK);
    write_host(outputs, "10.0.0.5", true, &rest, 1);
    write_port(outputs, "10.0.0.6", 1, PORT_OPEN, REASON_SYN_ACK);
    assert_int_equal(outputs_close(outputs), 0);
    outputs_destroy(outputs);
    read_file("a.jsonl", text, sizeof(text));
    char *line = strtok(text, "\n");
    assert_non_null(strstr(line, "\"type\":\"port\""));
    line = strtok(NULL, "\n");
    assert_true(strlen(line) > 80000);
    assert_non_null(strstr(line, "7\"}]}"));
    line = strtok(NULL, "\n");
    assert_non_null(strstr(line, "10.0.0.6"));
    assert_null(strtok(NULL, "\n"));
}

static int run_closed_pipe(void)
{
    static const char *const specs[] = {"jsonl:-", "jsonl:a.jsonl", NULL};
    struct outputs *outputs = make(specs);
    struct observation notice = {.type = OBSERVATION_NOTICE};
    int ends[2];
    int rc;

    notice.notice = (struct observation_notice){.code = "c", .message = "m"};
    if (pipe(ends) < 0 || dup2(ends[1], STDOUT_FILENO) < 0) {
        return 2;
    }
    close(ends[0]);
    write_port(outputs, "10.0.0.5", 1, PORT_OPEN, REASON_SYN_ACK);
    if (outputs_flush(outputs) != 1) {
        return 5;
    }
    if (outputs_write(outputs, &notice) != 1) {
        return 3;
    }
    rc = outputs_close(outputs);
    outputs_destroy(outputs);
    return rc == 0 && said[0] == '\0' ? 0 : 4;
}

static void a_closed_pipe_ends_quietly(void **state)
{
    (void)state;
    assert_child(run_closed_pipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(table_reads_well, drop_files),
        cmocka_unit_test_teardown(what_answers_is_shown, drop_files),
        cmocka_unit_test_teardown(table_of_a_part_vouches_for_nothing, drop_files),
        cmocka_unit_test_teardown(jsonl_is_whole_after_each_write, drop_files),
        cmocka_unit_test_teardown(xml_is_valid, drop_files),
        cmocka_unit_test_teardown(what_was_found_is_shown_unfinished, drop_files),
        cmocka_unit_test_teardown(xml_leaves_the_old_file_until_the_end, drop_files),
        cmocka_unit_test_teardown(xml_takes_turns, drop_files),
        cmocka_unit_test_teardown(refuses_and_says_why, drop_files),
        cmocka_unit_test_teardown(a_full_disk_ends_one_output, drop_files),
        cmocka_unit_test_teardown(a_line_that_does_not_fit_is_cut_off_whole, drop_files),
        cmocka_unit_test_teardown(of_held_lines_those_that_fit_stay, drop_files),
        cmocka_unit_test_teardown(ports_and_hosts_may_wait, drop_files),
        cmocka_unit_test_teardown(a_long_line_comes_in_its_turn, drop_files),
        cmocka_unit_test_teardown(a_closed_pipe_ends_quietly, drop_files),
    };
    return cmocka_run_group_tests_name("outputs", tests, make_folder, drop_folder);
}
