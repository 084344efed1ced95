/* Cron expressions, and when they are due next: the first byte chooses zone and time. */
#include "auditd/schedule/cron.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 4, ZONES = 4 };

static const struct zone *zone_of(unsigned choice)
{
    static const char *const names[ZONES] = {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"};
    static struct zone *zones[ZONES];

    if (zones[choice % ZONES] == NULL) {
        assert(zone_create(names[choice % ZONES], &zones[choice % ZONES]) == 0);
    }
    return zones[choice % ZONES];
}

/* As often as it is asked, it goes on, and nothing lies between. */
static void check_runs(const struct cron *cron, const struct zone *zone, int64_t at_s)
{
    for (int i = 0; i < RUNS; i++) {
        int64_t next_s = cron_next(cron, zone, at_s);
        assert(next_s > at_s && next_s < INT64_MAX);
        assert(cron_next(cron, zone, next_s - 1) == next_s);
        assert(cron_next(cron, zone, at_s + (next_s - at_s) / 2) == next_s || next_s == at_s + 1);
        at_s = next_s;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned choice = size > 0 ? data[0] : 0;
    char *text = fuzz_text(data, size);
    const char *expression = size > 0 ? text + 1 : text;
    struct cron_fault fault = {0};
    struct cron cron;

    if (cron_parse(expression, &cron, &fault) == 0) {
        assert(cron.minutes != 0 && cron.hours != 0 && cron.days != 0 && cron.months != 0 && cron.weekdays != 0);
        check_runs(&cron, zone_of(choice), (int64_t)(choice / ZONES) * 34560000 - 86400);
    } else {
        assert(fault.text[0] != '\0' && fault.column >= 1 && fault.column <= strlen(expression) + 1);
        fuzz_check_text(fault.text, strlen(fault.text));
    }
    free(text);
    return 0;
}
