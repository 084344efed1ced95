/* The readers of other scanners' files, and the scans that become of them. */
#include "auditd/import/import.h"
#include "auditd/import/reader.h"
#include "auditd/ingest/observation.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN "<nmaprun start=\"1600000000\">"
#define END "<runstats><finished time=\"1600000009\" exit=\"success\"/></runstats></nmaprun>"
#define HOST(ports) "<host><address addr=\"10.0.0.5\" addrtype=\"ipv4\"/><ports>" ports "</ports></host>"
#define PORT(id, state)                                                                                                \
    "<port protocol=\"tcp\" portid=\"" id "\"><state state=\"" state "\" reason=\"syn-ack\"/></port>"

static int read_bytes(const struct import_reader *reader, const char *text, size_t size, struct answers *answers,
                      struct answers_fault *fault)
{
    FILE *file = tmpfile();
    int rc;

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    rewind(file);
    *answers = (struct answers){0};
    *fault = (struct answers_fault){0};
    rc = reader->read(file, answers, fault);
    fclose(file);
    return rc;
}

static void taken(const struct import_reader *reader, const char *text, struct answers *answers)
{
    struct answers_fault fault;

    if (read_bytes(reader, text, strlen(text), answers, &fault) != 0) {
        fail_msg("%s: line %lu: %s", text, fault.line, fault.text);
    }
}

static void refused_bytes(const struct import_reader *reader, const char *text, size_t size, unsigned long line,
                          const char *says)
{
    struct answers answers;
    struct answers_fault fault;
    int rc = read_bytes(reader, text, size, &answers, &fault);

    answers_done(&answers);
    if (rc != -EBADMSG || fault.line != line || (fault.column > 0) != (reader == &import_nmap) ||
        strstr(fault.text, says) == NULL) {
        fail_msg("%s: %d, line %lu: %s; should be %lu: %s", text, rc, fault.line, fault.text, line, says);
    }
}

static void refused(const struct import_reader *reader, const char *text, unsigned long line, const char *says)
{
    refused_bytes(reader, text, strlen(text), line, says);
}

/* ---- nmap ---- */

static void nmap_says_hosts_and_ports(void **state)
{
    struct answers answers;
    const struct answers_port *port;

    (void)state;
    taken(
        &import_nmap,
        "<?xml version=\"1.0\"?><!DOCTYPE nmaprun>\n" RUN "\n<host endtime=\"1600000005\">"
        "<address addr=\"00:11:22:33:44:55\" addrtype=\"mac\"/><address addr=\"10.0.0.5\" addrtype=\"ipv4\"/>"
        "<hostnames><hostname name=\"ptr.example\" type=\"PTR\"/><hostname name=\"db.example\" "
        "type=\"user\"/></hostnames>"
        "<ports><extraports state=\"closed\"><extrareasons reason=\"reset\" proto=\"tcp\" ports=\"1-21\"/></extraports>"
        "<port protocol=\"udp\" portid=\"53\"><state state=\"open\" reason=\"udp-response\"/></port>"
        "<port protocol=\"sctp\" portid=\"9\"><state state=\"open\"/></port>"
        "<port protocol=\"tcp\" portid=\"7\"><state state=\"unfiltered\"/></port>"
        "<port protocol=\"tcp\" portid=\"443\"><state state=\"open\"/><service name=\"http\" tunnel=\"ssl\""
        " method=\"probed\" product=\"a &lt;b&gt;\" version=\"1\"/></port></ports></host>" END,
        &answers);
    assert_int_equal(answers.host_count, 1);
    assert_string_equal(answers.hosts[0]->name, "db.example");
    assert_int_equal(answers.hosts[0]->seen_ms, 1600000005000);
    assert_int_equal(answers.hosts[0]->port_count, 2);
    assert_int_equal(answers.passed_over, 2);
    assert_true(answers.is_finished);
    port = answers.hosts[0]->ports[0].is_udp ? &answers.hosts[0]->ports[1] : &answers.hosts[0]->ports[0];
    assert_int_equal(port->port, 443);
    assert_string_equal(port->reason, "unknown-response");
    assert_string_equal(port->product, "a <b>");
    assert_true(port->is_tls && port->is_probed);
    assert_string_equal(answers.hosts[0]->rests[0].ports, "1-21");
    answers_done(&answers);
}

static void nmap_takes_the_open_one_of_two(void **state)
{
    struct answers answers;

    (void)state;
    taken(&import_nmap, RUN HOST(PORT("22", "open") PORT("23", "closed")) HOST(PORT("22", "closed")) END, &answers);
    assert_int_equal(answers.host_count, 1);
    assert_int_equal(answers.hosts[0]->port_count, 2);
    assert_int_equal(answers.hosts[0]->ports[0].state, PORT_STATE_OPEN);
    answers_done(&answers);
}

static void nmap_drops_text_that_cannot_stand(void **state)
{
    struct answers answers;

    (void)state;
    taken(&import_nmap,
          RUN HOST("<port protocol=\"tcp\" portid=\"22\"><state state=\"open\" reason=\"a b\"/><service name=\"s s\" "
                   "method=\"probed\" product=\"&#x202e;evil\" version=\"&#9;\"/></port>") END,
          &answers);
    assert_string_equal(answers.hosts[0]->ports[0].reason, "unknown-response");
    assert_string_equal(answers.hosts[0]->ports[0].service, "");
    assert_null(answers.hosts[0]->ports[0].version);
    answers_done(&answers);
}

static void nmap_refuses(void **state)
{
    static const struct {
        const char *text;
        unsigned long line;
        const char *says;
    } cases[] = {
        {"<!DOCTYPE a [<!ENTITY b \"c\">]><nmaprun/>", 1, "the document type declares"},
        {"<!DOCTYPE a [\n<!ENTITY b SYSTEM \"file:///etc/passwd\">]><nmaprun>&b;</nmaprun>", 1,
         "the document type declares"},
        {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\" []><nmaprun/>", 1, "the document type declares"},
        {"<!DOCTYPE a [<!ATTLIST nmaprun start CDATA \"1\">]><nmaprun/>", 1, "the document type declares"},
        {RUN "&b;" END, 1, "is no XML: undefined entity"},
        {"<html>\n</html>", 1, "it begins with \"html\""},
        {RUN "<nmaprun/>" END, 1, "within another element"},
        {RUN "\n<host><host></host></host>" END, 2, "a host stands within a host"},
        {RUN "\n<host></host>" END, 2, "the host that ends here has no address"},
        {RUN "<host>\n<address addr=\"10.0.0\"/></host>" END, 2, "\"10.0.0\" is no address"},
        {RUN HOST(PORT("65536", "open")) END, 1, "\"65536\" is no port"},
        {RUN HOST(PORT("-1", "open")) END, 1, "\"-1\" is no port"},
        {RUN HOST(PORT("", "open")) END, 1, "\"\" is no port"},
        {RUN PORT("22", "open") END, 1, "a port stands where none can"},
        {RUN HOST("<extraports state=\"closed\"><extrareasons proto=\"tcp\" ports=\"9-1\"/></extraports>") END, 1,
         "is no list of ports"},
        {RUN "\n\n", 3, "the file is cut off"},
        {"", 1, "the file is cut off"},
        {RUN "</nmap>", 1, "is no XML: mismatched tag"},
        {RUN END "<more/>", 1, "is no XML: junk"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        refused(&import_nmap, cases[i].text, cases[i].line, cases[i].says);
    }
}

static void nmap_says_the_column(void **state)
{
    static const char entities[] = "<?xml version=\"1.0\"?>\n <!DOCTYPE a [<!ENTITY b \"c\">]><nmaprun/>";
    struct answers answers;
    struct answers_fault fault;

    (void)state;
    assert_int_equal(read_bytes(&import_nmap, entities, strlen(entities), &answers, &fault), -EBADMSG);
    answers_done(&answers);
    assert_int_equal(fault.line, 2);
    assert_int_equal(fault.column, 14);
}

/* The declared encoding is not heeded: nmap writes UTF-8 and says so. */
static void nmap_refuses_other_encodings(void **state)
{
    static const char utf7[] = "<?xml version=\"1.0\" encoding=\"UTF-7\"?><nmaprun/>+ADw-";
    static const char latin[] = "<nmaprun a=\"\xe9\"/>";
    static const char nul[] = "<nmaprun>\0</nmaprun>";

    (void)state;
    refused_bytes(&import_nmap, utf7, sizeof(utf7) - 1, 1, "is no XML");
    refused_bytes(&import_nmap, latin, sizeof(latin) - 1, 1, "is no XML");
    refused_bytes(&import_nmap, nul, sizeof(nul) - 1, 1, "is no XML");
}

static void nmap_refuses_depth_and_tags_without_end(void **state)
{
    enum { HUGE_BYTES = 3 * 1024 * 1024 };
    char *huge = malloc(HUGE_BYTES + 1);
    char deep[sizeof(RUN) + 32 * sizeof("<a>")] = RUN;
    size_t length = strlen(deep);

    (void)state;
    assert_non_null(huge);
    for (int i = 0; i < 32; i++) {
        length += (size_t)snprintf(deep + length, sizeof(deep) - length, "<a>");
    }
    refused(&import_nmap, deep, 1, "more than 32 elements");
    memset(huge, 'x', HUGE_BYTES);
    memcpy(huge, "<nmaprun a=\"", 12);
    huge[HUGE_BYTES] = '\0';
    refused(&import_nmap, huge, 1, "one tag is longer");
    free(huge);
}

/* ---- masscan ---- */

static void masscan_says_the_same_in_both(void **state)
{
    static const char list[] = "#masscan\nopen tcp 22 10.0.0.5 1600000000\nclosed udp 53 fd00::5 1600000003\n"
                               "banner tcp 22 10.0.0.5 1600000001 ssh x\n# end\n";
    static const char json[] =
        "[\n{\"ip\":\"10.0.0.5\",\"timestamp\":\"1600000000\",\"ports\":[{\"port\":22,\"proto\":\"tcp\","
        "\"status\":\"open\",\"reason\":\"syn-ack\",\"ttl\":64}]},\n"
        "{\"ip\":\"fd00::5\",\"timestamp\":1600000003,\"ports\":[{\"port\":53,\"proto\":\"udp\","
        "\"status\":\"closed\",\"reason\":\"port-unreach\"}]}\n]\n";
    const struct import_reader *const readers[] = {&import_masscan_list, &import_masscan_json};
    const char *const texts[] = {list, json};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct answers answers;
        taken(readers[i], texts[i], &answers);
        assert_int_equal(answers.host_count, 2);
        assert_int_equal(answers.hosts[0]->ports[0].port, 22);
        assert_int_equal(answers.hosts[0]->ports[0].state, PORT_STATE_OPEN);
        assert_int_equal(answers.hosts[1]->ports[0].is_udp, 1);
        assert_int_equal(answers.begun_ms, 1600000000000);
        assert_int_equal(answers.ended_ms, 1600000003000);
        assert_false(answers.is_finished);
        answers_done(&answers);
    }
}

static void masscan_refuses(void **state)
{
    (void)state;
    refused(&import_masscan_list, "open tcp 22 10.0.0.5 1\n", 2, "there is no \"# end\"");
    refused(&import_masscan_list, "open tcp 22 10.0.0.5 1", 1, "cut off within a line");
    refused(&import_masscan_list, "# end\nopen tcp 22 10.0.0.5 1\n", 2, "stands behind \"# end\"");
    refused(&import_masscan_list, "open tcp x 10.0.0.5 1\n# end\n", 1, "is no \"STATUS PROTOCOL PORT ADDRESS TIME\"");
    refused(&import_masscan_list, "\n\nopen tcp 70000 10.0.0.5 1\n# end\n", 3, "70000 is no port");
    refused(&import_masscan_json, "{}", 1, "it does not begin with [");
    refused(&import_masscan_json, "[\n{\"ip\":\"10.0.0.5\"}\n]", 2, "it has no \"ports\"");
    refused(&import_masscan_json, "[\n{\"ip\":", 2, "the file is cut off");
    refused(&import_masscan_json, "[\n{\"a\":1,\"a\":2}]", 2, "is no JSON");
    refused(&import_masscan_json, "[]\n7", 2, "something stands behind the list");
    refused(&import_masscan_json, "[7]", 1, "holds what is no record");
}

static void the_format_is_guessed(void **state)
{
    static const struct {
        const char *text;
        const struct import_reader *reader;
    } cases[] = {
        {"<?xml version=\"1.0\"?>", &import_nmap},
        {"[\n", &import_masscan_json},
        {"#masscan\n", &import_masscan_list},
        {"hello", NULL},
        {"", NULL},
        {"\xff\xfe<", NULL}, /* UTF-16 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        FILE *file = tmpfile();
        assert_non_null(file);
        fputs(cases[i].text, file);
        rewind(file);
        assert_ptr_equal(import_reader_guess(file), cases[i].reader);
        assert_int_equal(ftell(file), 0);
        fclose(file);
    }
    assert_ptr_equal(import_reader_find("nmap"), &import_nmap);
    assert_null(import_reader_find("nessus"));
}

/* ---- scans ---- */

/* Each line is an observation, the first a start, the last an end; counts of ports. */
static size_t check_part(const struct import_part *part, bool complete)
{
    const char *end = part->text + part->size;
    size_t ports = 0;
    size_t lines = 0;
    bool ended = false;

    for (const char *at = part->text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        char reason[OBSERVATION_REASON_SIZE] = "";
        struct observation line;
        assert_non_null(newline);
        assert_false(ended);
        if (observation_parse(at, (size_t)(newline - at), &line, reason) != 0) {
            fail_msg("%.*s: %s", (int)(newline - at), at, reason);
        }
        assert_int_equal(lines == 0, line.type == OBSERVATION_SCAN_START);
        ports += line.type == OBSERVATION_PORT;
        ended = line.type == OBSERVATION_SCAN_END;
        assert_true(!ended || line.scan_end.complete == complete);
        observation_done(&line);
        lines++;
        at = newline + 1;
    }
    assert_true(ended);
    return ports;
}

static const struct import_place place = {.realm = "r\xc3\xa9", .vantage = "v", .tool = "nmap", .digest = "00"};

static void a_file_becomes_scans_of_bounded_size(void **state)
{
    enum { HOSTS = 2100 };
    struct answers answers = {.is_finished = true, .begun_ms = 1600000000000, .ended_ms = 1600000001000};
    size_t from = 0;
    size_t parts = 0;

    (void)state;
    for (uint32_t i = 0; i < HOSTS; i++) {
        const struct answers_port port = {.port = (uint16_t)(1 + i), .state = PORT_STATE_OPEN, .reason = "syn-ack"};
        struct answers_host *host;
        assert_int_equal(answers_add_host(&answers, &host), 0);
        host->address = (struct addr){.bytes = {10, 0, (uint8_t)(i / 256), (uint8_t)i}};
        host->seen_ms = answers.begun_ms;
        assert_int_equal(answers_add_port(&answers, host, &port), 0);
    }
    assert_int_equal(answers_merge(&answers), 0);
    while (from < HOSTS) {
        struct import_part part;
        assert_int_equal(import_part(&place, &answers, from, &part), 0);
        assert_in_range(part.to, from + 1, HOSTS);
        assert_int_equal(check_part(&part, true), part.to - from);
        for (size_t i = 0; i < part.size; i++) {
            assert_in_range((unsigned char)part.text[i], '\n', '~');
        }
        free(part.text);
        from = part.to;
        parts++;
    }
    assert_in_range(parts, 3, HOSTS / 500);
    answers_done(&answers);
}

static void an_unfinished_scan_tells_of_what_is_open_alone(void **state)
{
    struct answers answers;
    struct import_part part;

    (void)state;
    taken(&import_nmap, RUN HOST(PORT("22", "open") PORT("23", "closed")) "</nmaprun>", &answers);
    answers.ended_ms = answers.begun_ms;
    answers.hosts[0]->seen_ms = answers.begun_ms;
    assert_int_equal(import_part(&place, &answers, 0, &part), 0);
    assert_int_equal(check_part(&part, false), 1);
    assert_null(strstr(part.text, "not_shown"));
    free(part.text);
    answers_done(&answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nmap_says_hosts_and_ports),
        cmocka_unit_test(nmap_takes_the_open_one_of_two),
        cmocka_unit_test(nmap_drops_text_that_cannot_stand),
        cmocka_unit_test(nmap_refuses),
        cmocka_unit_test(nmap_says_the_column),
        cmocka_unit_test(nmap_refuses_other_encodings),
        cmocka_unit_test(nmap_refuses_depth_and_tags_without_end),
        cmocka_unit_test(masscan_says_the_same_in_both),
        cmocka_unit_test(masscan_refuses),
        cmocka_unit_test(the_format_is_guessed),
        cmocka_unit_test(a_file_becomes_scans_of_bounded_size),
        cmocka_unit_test(an_unfinished_scan_tells_of_what_is_open_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
