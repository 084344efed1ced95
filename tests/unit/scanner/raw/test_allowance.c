#include "scanner/raw/allowance.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A network interface as its driver answers ethtool. */
struct card {
    const char *names[6];
    uint64_t values[6];
    uint32_t count;
    int refuses; /* -errno of GSTATS */
    int calls;
};

static int answer(void *context, struct ifreq *request)
{
    struct card *card = context;
    uint32_t command;

    card->calls++;
    assert_string_equal(request->ifr_name, "ens5");
    memcpy(&command, request->ifr_data, sizeof(command));
    if (command == ETHTOOL_GSSET_INFO) {
        struct ethtool_sset_info *info = (void *)request->ifr_data;
        assert_int_equal(info->sset_mask, UINT64_C(1) << ETH_SS_STATS);
        memcpy(request->ifr_data + sizeof(*info), &card->count, sizeof(card->count));
    } else if (command == ETHTOOL_GSTRINGS) {
        struct ethtool_gstrings *names = (void *)request->ifr_data;
        assert_int_equal(names->len, card->count);
        for (uint32_t i = 0; i < card->count; i++) {
            strncpy((char *)names->data + (size_t)i * ETH_GSTRING_LEN, card->names[i], ETH_GSTRING_LEN);
        }
    } else {
        struct ethtool_stats *stats = (void *)request->ifr_data;
        assert_int_equal(command, ETHTOOL_GSTATS);
        assert_int_equal(stats->n_stats, card->count);
        if (card->refuses != 0) {
            return card->refuses;
        }
        memcpy(stats->data, card->values, card->count * sizeof(uint64_t));
    }
    return 0;
}

static struct allowance *open_card(struct card *card)
{
    struct allowance_options options = {.interface = "ens5", .call = answer, .context = card};
    struct allowance *allowance = NULL;

    assert_int_equal(allowance_open(&options, &allowance), 0);
    return allowance;
}

static void what_rises_is_counted_from_the_opening_on(void **state)
{
    struct card card = {.names = {"tx_timeout", "pps_allowance_exceeded", "rx_packets", "conntrack_allowance_exceeded",
                                  "conntrack_allowance_available"},
                        .values = {1, 100, 7, 50, 99999},
                        .count = 5};
    struct allowance *allowance = open_card(&card);
    const char *name = "";
    (void)state;
    assert_int_equal(allowance_exceeded(allowance, &name), 0);
    assert_null(name);
    card.values[2] = 1000000;
    card.values[4] = 5;
    assert_int_equal(allowance_exceeded(allowance, &name), 0);
    card.values[1] = 130;
    assert_int_equal(allowance_exceeded(allowance, &name), 30);
    assert_string_equal(name, "pps_allowance_exceeded");
    card.values[3] = 150;
    assert_int_equal(allowance_exceeded(allowance, &name), 130);
    assert_string_equal(name, "conntrack_allowance_exceeded");
    allowance_close(allowance);
}

static void what_cannot_be_read_is_as_it_was(void **state)
{
    struct card card = {.names = {"pps_allowance_exceeded"}, .count = 1};
    struct allowance *allowance = open_card(&card);
    const char *name;
    (void)state;
    card.values[0] = 9;
    assert_int_equal(allowance_exceeded(allowance, &name), 9);
    card.values[0] = 99;
    card.refuses = -EIO;
    assert_int_equal(allowance_exceeded(allowance, &name), 9);
    card.refuses = 0;
    /* A driver that was reset counts from 0. */
    card.values[0] = 0;
    assert_int_equal(allowance_exceeded(allowance, &name), 0);
    allowance_close(allowance);
}

static void other_cards_have_none(void **state)
{
    struct card plain = {.names = {"rx_packets", "allowance", "_allowance_exceede"}, .count = 3};
    struct card empty = {.count = 0};
    struct card absurd = {.count = UINT32_MAX};
    struct card *const cards[] = {&plain, &empty, &absurd};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct allowance_options options = {.interface = "ens5", .call = answer, .context = cards[i]};
        struct allowance *allowance = NULL;
        assert_int_equal(allowance_open(&options, &allowance), -EOPNOTSUPP);
        assert_null(allowance);
    }
}

/* A name without an end within its field. */
static void a_name_that_fills_its_field_is_cut(void **state)
{
    struct card card = {.names = {"0123456789012345678901234567890123456789", "bw_out_allowance_exceeded"}, .count = 2};
    struct allowance *allowance = open_card(&card);
    (void)state;
    allowance_close(allowance);
}

/* The loopback interface has no such counters, and the kernel is who says so. */
static void the_kernel_is_asked(void **state)
{
    struct allowance_options options = {.interface = "lo"};
    struct allowance_options nobody = {.interface = "none0"};
    struct allowance *allowance = NULL;
    (void)state;
    assert_int_equal(allowance_open(&options, &allowance), -EOPNOTSUPP);
    assert_int_equal(allowance_open(&nobody, &allowance), -ENODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rises_is_counted_from_the_opening_on),
        cmocka_unit_test(what_cannot_be_read_is_as_it_was),
        cmocka_unit_test(other_cards_have_none),
        cmocka_unit_test(a_name_that_fills_its_field_is_cut),
        cmocka_unit_test(the_kernel_is_asked),
    };
    return cmocka_run_group_tests_name("allowance", tests, NULL, NULL);
}
