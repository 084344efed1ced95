/* A second connection of the same conversation that comes to nothing: what the first has shown stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/service/inquiry.h"

static const struct mono_time now = {1000000000};

static void connect_to(struct inquiry *inquiry)
{
    assert_int_equal(inquiry_wish(inquiry).next, INQUIRY_OPEN);
    inquiry_begun(inquiry, now);
    inquiry_connected(inquiry, now);
}

static void say(struct inquiry *inquiry, const char *text)
{
    assert_int_equal(inquiry_arrived(inquiry, now, (struct span){(const uint8_t *)text, strlen(text)}), 0);
}

static void hear(struct inquiry *inquiry, const char *text)
{
    struct span out = inquiry_outgoing(inquiry);

    assert_int_equal(out.size, strlen(text));
    assert_memory_equal(out.bytes, text, out.size);
    inquiry_sent(inquiry, now, out.size);
}

/* An FTP server that lets the anonymous user in and offers TLS, up to the second connection. */
static struct inquiry *begin(void)
{
    const struct inquiry_options options = {.target = {.host = "10.0.0.1", .port = 21, .doors = true}};
    struct inquiry *inquiry = inquiry_create(&options);

    assert_non_null(inquiry);
    connect_to(inquiry);
    say(inquiry, "220 FTP\r\n");
    hear(inquiry, "FEAT\r\n");
    say(inquiry, "211-x\r\n AUTH TLS\r\n211 end\r\n");
    hear(inquiry, "USER anonymous\r\n");
    say(inquiry, "230 in\r\n");
    hear(inquiry, "QUIT\r\n");
    say(inquiry, "221 bye\r\n");
    connect_to(inquiry);
    return inquiry;
}

static void check(struct inquiry *inquiry)
{
    const struct facts *facts = &inquiry_identity(inquiry)->facts;

    assert_int_equal(inquiry_wish(inquiry).next, INQUIRY_OVER);
    assert_string_equal(facts_text(facts, "service"), "ftp");
    assert_string_equal(facts_text(facts, "door"), "USER anonymous");
    inquiry_destroy(inquiry);
}

static void greets_with_something_else(void **state)
{
    struct inquiry *inquiry = begin();

    (void)state;
    say(inquiry, "500 too many connections from your address\r\n");
    /* Text may become a prompt, with more of it. */
    assert_int_equal(inquiry_late(inquiry, now, false), 0);
    check(inquiry);
}

static void says_nothing(void **state)
{
    struct inquiry *inquiry = begin();

    (void)state;
    assert_int_equal(inquiry_late(inquiry, now, false), 0);
    check(inquiry);
}

static void closes(void **state)
{
    struct inquiry *inquiry = begin();

    (void)state;
    assert_int_equal(inquiry_ended(inquiry, now, true), 0);
    check(inquiry);
}

/* RFC 862, on a port that is known for SMB as well as on one that is known for nothing. */
static void an_echo_is_no_answer(void **state)
{
    static const uint16_t ports[] = {7, 445, 53};

    (void)state;
    for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
        const struct inquiry_options options = {.target = {.host = "10.0.0.1", .port = ports[i]}};
        struct inquiry *inquiry = inquiry_create(&options);
        uint8_t asked[512];
        struct span out;
        assert_non_null(inquiry);
        connect_to(inquiry);
        assert_int_equal(inquiry_late(inquiry, now, false), 0);
        out = inquiry_outgoing(inquiry);
        assert_true(out.size > 0 && out.size <= sizeof(asked));
        memcpy(asked, out.bytes, out.size);
        out.bytes = asked;
        inquiry_sent(inquiry, now, out.size);
        assert_int_equal(inquiry_arrived(inquiry, now, out), 0);
        assert_int_equal(inquiry_wish(inquiry).next, INQUIRY_OVER);
        assert_string_equal(facts_text(&inquiry_identity(inquiry)->facts, "service"), "echo");
        assert_null(facts_find(&inquiry_identity(inquiry)->facts, "smb.v1"));
        assert_int_equal(inquiry_identity(inquiry)->evidence.count, 2);
        inquiry_destroy(inquiry);
    }
}

/* Once it has been seen to close before a word, the resets that meet what is sent to it afterwards are no other manner.
 */
static void who_closes_unasked_closes(void **state)
{
    const struct inquiry_options options = {.target = {.host = "10.0.0.1", .port = 7001}};
    struct inquiry *inquiry = inquiry_create(&options);

    (void)state;
    assert_non_null(inquiry);
    connect_to(inquiry);
    assert_int_equal(inquiry_ended(inquiry, now, false), 0);
    for (int i = 0; i < 100 && inquiry_wish(inquiry).next != INQUIRY_OVER; i++) {
        connect_to(inquiry);
        if (inquiry_outgoing(inquiry).size == 0 && inquiry_wish(inquiry).next == INQUIRY_TALK) {
            assert_int_equal(inquiry_late(inquiry, now, false), 0);
        }
        if (inquiry_wish(inquiry).next == INQUIRY_TALK) {
            assert_int_equal(inquiry_ended(inquiry, now, true), 0);
        }
    }
    assert_int_equal(inquiry_wish(inquiry).next, INQUIRY_OVER);
    assert_string_equal(facts_text(&inquiry_identity(inquiry)->facts, "behaviour"), "closes");
    inquiry_destroy(inquiry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greets_with_something_else),
        cmocka_unit_test(says_nothing),
        cmocka_unit_test(closes),
        cmocka_unit_test(an_echo_is_no_answer),
        cmocka_unit_test(who_closes_unasked_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
