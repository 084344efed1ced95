#include "scanner/packet/arp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/scanner/packet/captured.h"

/* Reads a frame of the kernel's and writes it again. */
static void round_trip(const char *name, uint16_t operation)
{
    uint8_t frame[CAPTURED_MAX];
    uint8_t again[ARP_SIZE];
    struct arp_message message;
    size_t length = captured(name, frame);

    assert_int_equal(arp_parse(frame + 14, length - 14, &message), PACKET_FINE);
    assert_int_equal(message.operation, operation);
    assert_int_equal(arp_build(again, &message), ARP_SIZE);
    assert_memory_equal(again, frame + 14, ARP_SIZE);
}

static void reads_and_writes_as_linux(void **state)
{
    static const uint8_t target[4] = {10, 9, 0, 2};
    static const uint8_t link[6] = {2, 0, 0, 0, 0, 2};
    uint8_t frame[CAPTURED_MAX];
    struct arp_message message;
    (void)state;
    round_trip("arp-request", ARP_REQUEST);
    round_trip("arp-reply", ARP_REPLY);
    captured("arp-reply", frame);
    assert_int_equal(arp_parse(frame + 14, ARP_SIZE, &message), PACKET_FINE);
    assert_memory_equal(message.sender, target, 4);
    assert_memory_equal(message.sender_link, link, 6);
}

static void asks_with_zeros_for_what_it_does_not_know(void **state)
{
    uint8_t frame[CAPTURED_MAX];
    uint8_t again[ARP_SIZE];
    struct arp_message message;
    (void)state;
    captured("arp-request", frame);
    assert_int_equal(arp_parse(frame + 14, ARP_SIZE, &message), PACKET_FINE);
    message.target_link = NULL;
    arp_build(again, &message);
    assert_memory_equal(again, frame + 14, ARP_SIZE);
}

static void refuses_other_hardware_and_lengths(void **state)
{
    uint8_t frame[CAPTURED_MAX];
    struct arp_message message;
    (void)state;
    captured("arp-reply", frame);
    for (size_t length = 0; length < ARP_SIZE; length++) {
        assert_int_equal(arp_parse(frame + 14, length, &message), PACKET_TRUNCATED);
    }
    for (int bit = 0; bit < 8 * 8; bit++) {
        enum packet_fault fault;
        frame[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        fault = arp_parse(frame + 14, ARP_SIZE, &message);
        assert_int_equal(fault, PACKET_MALFORMED);
        frame[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_as_linux),
        cmocka_unit_test(asks_with_zeros_for_what_it_does_not_know),
        cmocka_unit_test(refuses_other_hardware_and_lengths),
    };
    return cmocka_run_group_tests_name("arp", tests, NULL, NULL);
}
