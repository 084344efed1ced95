#include "scanner/service/lines.h"
#include "tests/unit/scanner/service/talk.h"

#include <errno.h>

static struct span of(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.bytes, text, span.size);
}

static void check_reply(const char *text, int rc, unsigned int code, const char *rest_text)
{
    struct reply reply = {0};
    struct span rest = {NULL, 0};

    assert_int_equal(reply_read(of(text), &reply, &rest), rc);
    if (rc == 0) {
        assert_int_equal(reply.code, code);
        assert_span(rest, rest_text);
    }
}

static void reads_replies(void **state)
{
    (void)state;
    check_reply("220 hello\r\nmore", 0, 220, "more");
    check_reply("220\n", 0, 220, "");
    check_reply("220-a\r\n220-b\r\n220 c\r\n221 d\r\n", 0, 220, "221 d\r\n");
    /* RFC 959, section 4.2: what stands between may begin with another number, or with blanks. */
    check_reply("123-First line\r\nSecond line\r\n  234 A line\r\n124 other\r\n123 The last line\r\n", 0, 123, "");
    check_reply("220-a\r\n220", -EAGAIN, 0, "");
    check_reply("220 hello", -EAGAIN, 0, "");
    check_reply("", -EAGAIN, 0, "");
    check_reply("22 hello\r\n", -EBADMSG, 0, "");
    check_reply("099 hello\r\n", -EBADMSG, 0, "");
    check_reply("600 hello\r\n", -EBADMSG, 0, "");
    check_reply("2200 hello\r\n", -EBADMSG, 0, "");
    check_reply("\r\n", -EBADMSG, 0, "");
}

static void reads_the_lines_of_a_reply(void **state)
{
    struct reply reply;
    struct span rest;
    struct span line;

    (void)state;
    assert_int_equal(reply_read(of("211-Features:\r\n AUTH TLS\r\n211-\r\n211\r\n"), &reply, &rest), 0);
    assert_true(reply_line(&reply.text, &line));
    assert_span(line, "Features:");
    assert_true(reply_line(&reply.text, &line));
    assert_span(line, "AUTH TLS");
    assert_true(reply_line(&reply.text, &line));
    assert_span(line, "");
    assert_true(reply_line(&reply.text, &line));
    assert_span(line, "");
    assert_false(reply_line(&reply.text, &line));
}

static void check_banner(const char *text, const char *banner)
{
    static struct facts facts;
    struct reply reply;
    struct span rest;
    const char *found;

    facts_clear(&facts);
    assert_int_equal(reply_read(of(text), &reply, &rest), 0);
    reply_banner(&reply, of("FTP"), &facts);
    found = facts_text(&facts, "banner");
    assert_string_equal(found == NULL ? "" : found, banner);
}

static void chooses_the_line_that_tells(void **state)
{
    (void)state;
    check_banner("220 hello\r\n", "hello");
    check_banner("220-\r\n220-Welcome\r\n220-3 users\r\n220 ProFTPD\r\n", "ProFTPD");
    check_banner("220-\r\n220-Welcome\r\n220 3 users\r\n", "Welcome");
    check_banner("220-\r\n220\r\n", "");
}

static void finds_words(void **state)
{
    struct span line = of("  one\ttwo three  ");
    struct span word;

    (void)state;
    assert_true(lines_word(&line, &word));
    assert_span(word, "one");
    assert_true(lines_word(&line, &word));
    assert_span(word, "two");
    assert_true(lines_word(&line, &word));
    assert_span(word, "three");
    assert_false(lines_word(&line, &word));
    assert_true(lines_is(of("StartTLS"), of("STARTTLS")));
    assert_false(lines_is(of("STARTTLS2"), of("STARTTLS")));
    assert_true(lines_mention(of("the vsFTPd"), of("ftp")));
    assert_false(lines_mention(of("ft"), of("ftp")));
}

static void knows_a_host_by_its_name(void **state)
{
    static const char *const names[] = {"mx.example.org", "a.b", "x-1.example", "1.example"};
    static const char *const others[] = {"",      "mx",     "10.0.0.5",   ".example", "example.", "a..b",
                                         "a_b.c", "a.b:25", "[10.0.0.5]", "ready.",   "a b.c"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_true(lines_is_domain(of(names[i])));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_false(lines_is_domain(of(others[i])));
    }
}

static void keeps_the_first_host(void **state)
{
    static struct facts facts;

    (void)state;
    lines_learn_host(&facts, of("hello there"));
    assert_null(facts_text(&facts, "hostname"));
    lines_learn_host(&facts, of("a.example ready"));
    lines_learn_host(&facts, of("b.example ready"));
    assert_string_equal(facts_text(&facts, "hostname"), "a.example");
}

static void tells_text(void **state)
{
    (void)state;
    assert_true(lines_is_text(of("a\tb\r\nc\xc3\xa9")));
    assert_false(lines_is_text(of("a\x1b[2J")));
    assert_false(lines_is_text(of("\x7f")));
    assert_false(lines_is_text((struct span){(const uint8_t *)"\0", 1}));
}

static void lists_methods_once(void **state)
{
    uint8_t bytes[16];
    struct wire_writer list = wire_writer_of(bytes, sizeof(bytes));

    (void)state;
    lines_add_method(&list, of("PLAIN"));
    lines_add_method(&list, of("plain"));
    lines_add_method(&list, of("<b>"));
    lines_add_method(&list, of(""));
    lines_add_method(&list, of("X_1-2"));
    lines_add_method(&list, of("TOO-LONG"));
    assert_span(wire_written(&list), "PLAIN X_1-2");
    assert_false(list.failed);
}

static enum dialogue_next wait(struct dialogue *dialogue, struct span line)
{
    (void)line;
    dialogue->step++;
    return DIALOGUE_WAIT;
}

static enum dialogue_next secure(struct dialogue *dialogue, struct span line)
{
    (void)line;
    dialogue->step++;
    return DIALOGUE_SECURE;
}

static enum dialogue_next hear_text(struct dialogue *dialogue, enum dialogue_event event, lines_handler *handler,
                                    struct span text)
{
    dialogue->in = text;
    return lines_hear(dialogue, event, handler);
}

static void ends_when_nothing_can_come(void **state)
{
    static struct facts facts;
    static struct evidence evidence;
    static const struct dialogue_target target = {.host = "10.0.0.5"};
    static struct dialogue dialogue;

    (void)state;
    dialogue_init(&dialogue, &target, &facts, &evidence);
    assert_int_equal(hear_text(&dialogue, DIALOGUE_ARRIVED, wait, of("a\nb\nc")), DIALOGUE_WAIT);
    assert_int_equal(dialogue.step, 2);
    assert_span(dialogue.in, "c");
    assert_int_equal(hear_text(&dialogue, DIALOGUE_LATE, wait, of("")), DIALOGUE_FOREIGN);
    dialogue.recognised = true;
    assert_int_equal(hear_text(&dialogue, DIALOGUE_CLOSED, wait, of("a\n")), DIALOGUE_DONE);
    assert_int_equal(hear_text(&dialogue, DIALOGUE_RESET, secure, of("a\n")), DIALOGUE_DONE);
    assert_int_equal(hear_text(&dialogue, DIALOGUE_ARRIVED, secure, of("a\nb\n")), DIALOGUE_SECURE);
    assert_int_equal(dialogue.in.size, 0);
}

static void floods_end(void **state)
{
    static struct facts facts;
    static struct evidence evidence;
    static const struct dialogue_target target = {.host = "10.0.0.5"};
    static struct dialogue dialogue;
    static uint8_t bytes[LINES_LINE_MAX + 1];
    struct span flood = {bytes, sizeof(bytes)};
    size_t heard = 0;

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    dialogue_init(&dialogue, &target, &facts, &evidence);
    assert_int_equal(hear_text(&dialogue, DIALOGUE_ARRIVED, wait, flood), DIALOGUE_FOREIGN);
    flood.size--;
    assert_int_equal(hear_text(&dialogue, DIALOGUE_ARRIVED, wait, flood), DIALOGUE_WAIT);
    bytes[sizeof(bytes) - 2] = '\n';
    while (hear_text(&dialogue, DIALOGUE_ARRIVED, wait, flood) == DIALOGUE_WAIT) {
        heard += flood.size;
        assert_true(heard <= LINES_ALL_MAX);
    }
    assert_true(heard + flood.size > LINES_ALL_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_replies),
        cmocka_unit_test(reads_the_lines_of_a_reply),
        cmocka_unit_test(chooses_the_line_that_tells),
        cmocka_unit_test(finds_words),
        cmocka_unit_test(knows_a_host_by_its_name),
        cmocka_unit_test(keeps_the_first_host),
        cmocka_unit_test(tells_text),
        cmocka_unit_test(lists_methods_once),
        cmocka_unit_test(ends_when_nothing_can_come),
        cmocka_unit_test(floods_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
