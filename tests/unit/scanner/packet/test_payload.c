#include "scanner/packet/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/packet/wire.h"
#include "tests/unit/scanner/packet/answered.h"
#include "tests/unit/scanner/packet/exact.h"

enum { ANSWER_MAX = 512, ANSWERED_COUNT = sizeof(answered) / sizeof(*answered) };

static size_t answer_of(size_t i, uint8_t bytes[ANSWER_MAX])
{
    size_t length = strlen(answered[i].hex) / 2;

    assert_in_range(length, 1, ANSWER_MAX);
    for (size_t j = 0; j < length; j++) {
        const char digits[3] = {answered[i].hex[2 * j], answered[i].hex[2 * j + 1]};
        bytes[j] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return length;
}

static enum payload_verdict judge(uint16_t port, uint64_t hash, const uint8_t *bytes, size_t length)
{
    uint8_t *copy = exact_copy(bytes, length);
    const struct payload *payload = NULL;
    enum payload_verdict verdict = payload_judge(port, hash, copy, length, &payload);

    assert_non_null(payload);
    assert_int_equal(verdict == PAYLOAD_FOREIGN, payload == &payload_none);
    exact_free(copy);
    return verdict;
}

static void the_table_is_in_order(void **state)
{
    size_t services = 0;
    (void)state;
    for (size_t i = 0; i < payload_table_size; i++) {
        const struct payload *payload = &payload_table[i];
        assert_true(i == 0 || payload_table[i - 1].port <= payload->port);
        assert_in_range(payload->length, 1, PAYLOAD_MAX);
        assert_true(payload->head_length <= payload->length);
        assert_true(payload->cookie_at + payload->cookie_size <= payload->length);
        assert_true(payload->cookie_size <= PAYLOAD_COOKIE_MAX);
        services += i == 0 || strcmp(payload_table[i - 1].service, payload->service) != 0;
    }
    assert_true(services >= 12);
}

static void finds_the_ports_rows_in_turn(void **state)
{
    unsigned int found = 0;
    (void)state;
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        const struct payload *payload = payload_for((uint16_t)port, 0);
        assert_true(payload == &payload_none || payload->port == port);
        found += payload != &payload_none;
    }
    assert_int_equal(found, payload_table_size - 1); /* SNMP has two */
    assert_ptr_not_equal(payload_for(161, 0), payload_for(161, 1));
    assert_ptr_equal(payload_for(161, 0), payload_for(161, 2));
    assert_ptr_equal(payload_for(53, 0), payload_for(53, 1));
}

static void writes_the_cookie_in_its_place(void **state)
{
    uint8_t one[PAYLOAD_MAX];
    uint8_t other[PAYLOAD_MAX];
    (void)state;
    for (size_t i = 0; i < payload_table_size; i++) {
        const struct payload *payload = &payload_table[i];
        payload_write(payload, 0, one);
        payload_write(payload, UINT64_MAX, other);
        for (size_t j = 0; j < payload->length; j++) {
            bool within = j >= payload->cookie_at && j < (size_t)payload->cookie_at + payload->cookie_size;
            assert_int_equal(one[j] != other[j], within);
        }
    }
    payload_write(payload_for(5060, 0), answered_hash, one);
    one[PAYLOAD_MAX - 1] = '\0';
    assert_non_null(memmem(one, payload_for(5060, 0)->length, ";branch=z9hG4bK3be92f46\r\n", 25));
}

/* Nested BER: each constructed element is filled by its parts exactly; 0 when it is not. */
static size_t ber_size(const uint8_t *bytes, size_t left)
{
    size_t length;
    size_t at = 2;

    if (left < 2 || bytes[1] >= 0x80 || 2 + (size_t)bytes[1] > left) {
        return 0;
    }
    length = bytes[1];
    while ((bytes[0] & 0x20) != 0 && at < 2 + length) {
        size_t part = ber_size(bytes + at, 2 + length - at);
        if (part == 0) {
            return 0;
        }
        at += part;
    }
    return 2 + length;
}

static void lengths_within_payloads_are_right(void **state)
{
    static const uint16_t ber_ports[] = {161, 161, 389};
    uint8_t bytes[PAYLOAD_MAX];
    const struct payload *ike = payload_for(500, 0);
    size_t at = 28;
    uint8_t next;
    (void)state;
    for (unsigned int i = 0; i < 3; i++) {
        const struct payload *payload = payload_for(ber_ports[i], i);
        assert_int_equal(ber_size(payload->head, payload->length), payload->length);
    }
    /* SNMPv3's security parameters are BER within an octet string. */
    assert_int_equal(ber_size(payload_for(161, 0)->head + 26, 16), 16);
    payload_write(ike, answered_hash, bytes);
    assert_int_equal(wire_get32(bytes + 24), ike->length);
    for (next = bytes[16]; next != 0; at += wire_get16(bytes + at + 2)) {
        next = bytes[at];
        assert_true(wire_get16(bytes + at + 2) >= 4);
    }
    assert_int_equal(at, ike->length);
    assert_int_equal(wire_get16(bytes + 28 + 4 + 2), 52); /* the proposal fills the SA payload */
    assert_memory_equal(payload_for(4500, 0)->head + 4, ike->head, ike->length);
    assert_int_equal(payload_for(443, 0)->length, 1200);
}

static void knows_its_answers(void **state)
{
    uint8_t bytes[ANSWER_MAX];
    (void)state;
    assert_int_equal(ANSWERED_COUNT, payload_table_size);
    for (size_t i = 0; i < ANSWERED_COUNT; i++) {
        const struct payload *payload = &payload_table[answered[i].row];
        size_t length = answer_of(i, bytes);
        enum payload_verdict verdict = judge(payload->port, answered_hash, bytes, length);
        assert_int_equal(answered[i].row, i);
        assert_string_equal(payload->service, answered[i].service);
        assert_int_equal(verdict, payload->cookie_size > 0 ? PAYLOAD_PROVEN : PAYLOAD_PLAUSIBLE);
        /* The answer to another question. */
        if (payload->cookie_size > 0) {
            assert_int_equal(judge(payload->port, ~answered_hash, bytes, length), PAYLOAD_FORGED);
        }
    }
}

static void a_question_is_no_answer(void **state)
{
    uint8_t bytes[PAYLOAD_MAX];
    (void)state;
    for (size_t i = 0; i < payload_table_size; i++) {
        const struct payload *payload = &payload_table[i];
        payload_write(payload, answered_hash, bytes);
        /* SNMPv3 tells the two apart behind what is judged. */
        if (payload->port != 161) {
            assert_int_equal(judge(payload->port, answered_hash, bytes, payload->length), PAYLOAD_FOREIGN);
        }
    }
}

/* Each beginning of each answer, and each with a bit flipped: some are still answers, none is read beyond. */
static void bears_what_is_cut_off_or_changed(void **state)
{
    uint8_t bytes[ANSWER_MAX];
    (void)state;
    for (size_t i = 0; i < ANSWERED_COUNT; i++) {
        const struct payload *payload = &payload_table[answered[i].row];
        size_t length = answer_of(i, bytes);
        unsigned int proven = 0;
        for (size_t cut = 0; cut < length; cut++) {
            proven += judge(payload->port, answered_hash, bytes, cut) == PAYLOAD_PROVEN;
        }
        assert_true(proven < length);
        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            (void)judge(payload->port, answered_hash, bytes, length);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(judge(payload->port, answered_hash, bytes, 0), PAYLOAD_FOREIGN);
    }
}

static void anything_answers_a_port_without_payload(void **state)
{
    uint8_t byte = 0;
    const struct payload *payload;
    (void)state;
    assert_int_equal(payload_judge(7, 1, &byte, 1, &payload), PAYLOAD_PLAUSIBLE);
    assert_ptr_equal(payload, &payload_none);
}

static void tells_our_question_from_another(void **state)
{
    uint8_t bytes[PAYLOAD_MAX];
    (void)state;
    for (size_t i = 0; i < payload_table_size; i++) {
        const struct payload *payload = &payload_table[i];
        size_t end = (size_t)payload->cookie_at + payload->cookie_size;
        payload_write(payload, answered_hash, bytes);
        assert_true(payload_may_be(payload->port, answered_hash, bytes, payload->length));
        assert_true(payload_may_be(payload->port, answered_hash, bytes, 0));
        if (payload->cookie_size > 0 && payload->port != 161) {
            bytes[end - 1] ^= 1;
            assert_false(payload_may_be(payload->port, answered_hash, bytes, end));
            assert_true(payload_may_be(payload->port, answered_hash, bytes, end - 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_in_order),
        cmocka_unit_test(finds_the_ports_rows_in_turn),
        cmocka_unit_test(writes_the_cookie_in_its_place),
        cmocka_unit_test(lengths_within_payloads_are_right),
        cmocka_unit_test(knows_its_answers),
        cmocka_unit_test(a_question_is_no_answer),
        cmocka_unit_test(bears_what_is_cut_off_or_changed),
        cmocka_unit_test(anything_answers_a_port_without_payload),
        cmocka_unit_test(tells_our_question_from_another),
    };
    return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
