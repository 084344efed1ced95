#include "web/pack.h"

#include "tests/unit/alloc_countdown.h"
#include "tests/unit/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

/* What zlib makes of it again, byte for byte and without an end missing. */
static void unpacks_to(char *packed, size_t packed_length, const char *bytes, size_t length)
{
    z_stream stream = {.next_in = (Bytef *)packed, .avail_in = (uInt)packed_length};
    char *plain = malloc(length + 1);

    assert_non_null(plain);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_out = (Bytef *)plain;
    stream.avail_out = (uInt)length + 1;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, length);
    assert_int_equal(stream.avail_in, 0);
    assert_memory_equal(plain, bytes, length);
    inflateEnd(&stream);
    free(plain);
}

static void packs_whatever_there_is(void **state)
{
    enum { MOST = 300000 };
    static const size_t lengths[] = {0, 1, 17, 1023, 1024, 32768, 65535, 65536, MOST};
    char *bytes = malloc(MOST);
    uint64_t seed = seed_first();
    (void)state;

    assert_non_null(bytes);
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < MOST; i++) {
            char noise = (char)seed_draw(&seed, 256);
            bytes[i] = kind == 0 ? noise : kind == 1 ? 'a' : "{\"items\":[]}"[i % 12];
        }
        for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
            char *packed = NULL;
            size_t length = 0;
            assert_int_equal(pack_gzip(bytes, lengths[i], &packed, &length), 0);
            unpacks_to(packed, length, bytes, lengths[i]);
            assert_true(kind == 0 || lengths[i] < 1024 || length < lengths[i] / 5);
            free(packed);
        }
    }
    free(bytes);
}

/* RFC 1952 section 2.3: no name, no time. */
static void the_same_bytes_make_the_same(void **state)
{
    static const char text[] = "what is there is there";
    char *packed[2];
    size_t length[2];
    (void)state;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pack_gzip(text, sizeof(text), &packed[i], &length[i]), 0);
    }
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(packed[0], packed[1], length[0]);
    assert_memory_equal(packed[0], "\x1f\x8b\x08\0\0\0\0\0", 8);
    free(packed[0]);
    free(packed[1]);
}

static void refuses_what_is_too_long(void **state)
{
    char *packed = NULL;
    size_t length = 0;
    (void)state;

    assert_int_equal(pack_gzip("", (size_t)PACK_MAX_BYTES + 1, &packed, &length), -EFBIG);
    assert_null(packed);
}

static int pack_some(void)
{
    static const char bytes[4096];
    char *packed = NULL;
    size_t length = 0;
    int rc = pack_gzip(bytes, sizeof(bytes), &packed, &length);

    assert_true(rc == 0 || rc == -ENOMEM);
    assert_true((packed != NULL) == (rc == 0));
    alloc_left = -1;
    if (rc == 0) {
        unpacks_to(packed, length, bytes, sizeof(bytes));
    }
    free(packed);
    return rc;
}

/* That the room is not given back is no failure. */
static void bears_each_failed_allocation(void **state)
{
    (void)state;
    assert_int_equal(alloc_count_down(pack_some), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_whatever_there_is),
        cmocka_unit_test(the_same_bytes_make_the_same),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(bears_each_failed_allocation),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
