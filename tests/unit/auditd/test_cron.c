#include "auditd/schedule/cron.h"
#include "lib/clock.h"
#include "tests/unit/seed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *text;
        size_t column;
        const char *says;
    } cases[] = {
        {"", 1, "five fields (minute, hour, day, month, weekday): the minute is missing"},
        {"0", 2, "the hour is missing"},
        {"0 2 * *", 8, "the day of the week is missing"},
        {"0 2 * * * ", 0, ""},
        {"0 2 * * * *", 11, "the end after five fields"},
        {"0 2 * * * 2026", 11, "seconds and years"},
        {"60 2 * * *", 1, "\"60\" is no minute: expected 0 to 59"},
        {"0 24 * * *", 3, "\"24\" is no hour: expected 0 to 23"},
        {"0 2 0 * *", 5, "is no day of the month: expected 1 to 31"},
        {"0 2 32 * *", 5, "1 to 31"},
        {"0 2 * 13 *", 7, "\"13\" is no month: expected 1 to 12 or jan to dec"},
        {"0 2 * feb-foo *", 11, "\"foo\" is no month"},
        {"0 2 * * 8", 9, "0 to 7 (0 and 7 are Sunday) or sun to sat"},
        {"0 2 * * monday", 9, "\"monday\" is no day of the week"},
        {"0 2 * * 1,,2", 11, "a value is missing"},
        {"0 2 * * 1,", 11, "a value is missing"},
        {"-5 2 * * *", 1, "a value is missing"},
        {"0 2- * * *", 5, "a value is missing"},
        {"0 22-4 * * *", 3, "the range 22-4 runs backwards: write 22-23,0-4"},
        {"0 2 * * fri-mon", 9, "the range 5-1 runs backwards: write 5-6,0-1"},
        {"*/0 * * * *", 3, "a step of 1 to 59"},
        {"*/60 * * * *", 3, "a step of 1 to 59"},
        {"*/ * * * *", 3, "a step of 1 to 59"},
        {"*/x * * * *", 3, "a step of 1 to 59"},
        {"5/15 * * * *", 2, "a step needs a range before it: */5, or 0-59/5"},
        {"*5 * * * *", 2, "\"5\" is not expected here, within the minute"},
        {"1-2-3 * * * *", 4, "is not expected here"},
        {"99999999999999999999 * * * *", 1, "is no minute"},
        {"0x1 * * * *", 1, "is no minute"},
        {"+1 * * * *", 1, "is no minute"},
        {"\xc3\xa4 2 * * *", 1, "is no minute"},
        {"0 2 \xc3\xa4 * *", 5, "is no day"},
        {"0 \xc3\xa4\xc3\xa4", 3, "is no hour"},
        {"0 2 30 2 *", 5, "never due: none of its months has a day 30"},
        {"0 2 31 4,6,9,11 *", 5, "never due: none of its months has a day 31"},
        {"@reboot", 1, "expected @hourly"},
        {"@dailyish", 1, "expected @hourly"},
        {"  @every 5m", 3, "expected @hourly"},
        {"0\n2 * * *", 1, "is no minute"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct cron_fault fault = {0};
        struct cron cron;
        int rc = cron_parse(cases[i].text, &cron, &fault);
        if (cases[i].column == 0) {
            assert_int_equal(rc, 0);
        } else if (rc != -EINVAL || fault.column != cases[i].column || strstr(fault.text, cases[i].says) == NULL) {
            fail_msg("\"%s\": %d, column %zu: %s", cases[i].text, rc, fault.column, fault.text);
        }
    }
}

static struct cron parsed(const char *text)
{
    struct cron_fault fault;
    struct cron cron;

    if (cron_parse(text, &cron, &fault) != 0) {
        fail_msg("\"%s\": column %zu: %s", text, fault.column, fault.text);
    }
    return cron;
}

static void takes_names_steps_lists_and_nicknames(void **state)
{
    static const char *const same[][2] = {
        {"@hourly", "0 * * * *"},
        {"@daily", "0 0 * * *"},
        {" @Midnight ", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},
        {"@weekly", "0 0 * * 7"},
        {"@monthly", "0 0 1 * *"},
        {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
        {"*/15 * * * *", "0,15,30,45 * * * *"},
        {"10-50/20 * * * *", "10,30,50 * * * *"},
        {"0 2 * jan,MAR-May *", "0 2 * 1,3,4,5 *"},
        {"0 2 * * mon-fri", "0 2 * * 1-5"},
        {"0 2 * * sat-sun", "0 2 * * 6,0"},
        {"0 2 * * 5-7", "0 2 * * 0,5,6"},
        {"0\t 2  *\t* * ", "0 2 * * *"},
        {"0 00-06/2 * * *", "0 0,2,4,6 * * *"},
        {"0-59 0-23 * 1-12 *", "* * * * *"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        struct cron one = parsed(same[i][0]);
        struct cron other = parsed(same[i][1]);
        assert_true(one.minutes == other.minutes && one.hours == other.hours && one.days == other.days &&
                    one.months == other.months && one.weekdays == other.weekdays && one.either_day == other.either_day);
    }
}

static int64_t seconds_of(const char *text)
{
    int64_t ms;

    assert_int_equal(wall_parse(text, &ms), 0);
    return ms / 1000;
}

/* The local times at which `text` is due after `after` (RFC 3339), with blanks between. */
static void assert_due(const char *zone_is, const char *text, const char *after, const char *expected)
{
    struct cron cron = parsed(text);
    struct zone *zone;
    char found[1024] = "";
    char local[ZONE_TEXT_SIZE];
    int64_t at_s = seconds_of(after);

    assert_int_equal(zone_create(zone_is, &zone), 0);
    while (strlen(found) < strlen(expected)) {
        int64_t next_s = cron_next(&cron, zone, at_s);
        assert_true(next_s > at_s);
        at_s = next_s;
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", found[0] == '\0' ? "" : ", ",
                 zone_format(zone, at_s, local));
    }
    if (strcmp(found, expected) != 0) {
        fail_msg("%s \"%s\" after %s:\n%s\ninstead of\n%s", zone_is, text, after, found, expected);
    }
    zone_destroy(zone);
}

static void runs_once_right_after_a_gap(void **state)
{
    (void)state;
    /* Clocks go from 02:00 to 03:00. */
    assert_due("Europe/Berlin", "30 2 * * *", "2026-03-27T12:00:00Z",
               "2026-03-28 02:30 +01:00, 2026-03-29 03:00 +02:00, 2026-03-30 02:30 +02:00");
    assert_due("Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00:00Z",
               "2026-03-29 03:00 +02:00, 2026-03-30 02:00 +02:00");
    assert_due("Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00Z",
               "2026-03-29 03:00 +02:00, 2026-03-30 02:00 +02:00");
    assert_due("America/New_York", "5 2 * * *", "2026-03-07T12:00:00Z",
               "2026-03-08 03:00 -04:00, 2026-03-09 02:05 -04:00");
    /* Half an hour: from 02:00 to 02:30. */
    assert_due("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z",
               "2026-10-04 02:30 +11:00, 2026-10-05 02:15 +11:00");
    assert_due("Australia/Lord_Howe", "45 2 * * *", "2026-10-03T00:00:00Z",
               "2026-10-04 02:45 +11:00, 2026-10-05 02:45 +11:00");
    /* A whole day that was not: 2011-12-30. */
    assert_due("Pacific/Apia", "0 12 * * *", "2011-12-29T12:00:00Z",
               "2011-12-29 12:00 -10:00, 2011-12-31 00:00 +14:00, 2011-12-31 12:00 +14:00");
    /* Midnight itself is in the gap. */
    assert_due("America/Asuncion", "0 0 * * *", "2023-09-30T12:00:00Z",
               "2023-10-01 01:00 -03:00, 2023-10-02 00:00 -03:00");
}

static void runs_once_when_a_time_comes_twice(void **state)
{
    (void)state;
    assert_due("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z",
               "2026-10-25 02:30 +02:00, 2026-10-26 02:30 +01:00");
    assert_due("Europe/Berlin", "*/30 2 * * *", "2026-10-24T12:00:00Z",
               "2026-10-25 02:00 +02:00, 2026-10-25 02:30 +02:00, 2026-10-26 02:00 +01:00");
    assert_due("Europe/Berlin", "0 2,3 * * *", "2026-10-24T12:00:00Z",
               "2026-10-25 02:00 +02:00, 2026-10-25 03:00 +01:00, 2026-10-26 02:00 +01:00");
    /* Asked in the second pass. */
    assert_due("Europe/Berlin", "45 2 * * *", "2026-10-25T01:10:00Z", "2026-10-26 02:45 +01:00");
    assert_due("America/New_York", "30 1 * * *", "2026-10-31T12:00:00Z",
               "2026-11-01 01:30 -04:00, 2026-11-02 01:30 -05:00");
    assert_due("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z",
               "2026-04-05 01:45 +11:00, 2026-04-06 01:45 +10:30");
    assert_due("Australia/Lord_Howe", "15 1 * * *", "2026-04-04T00:00:00Z",
               "2026-04-05 01:15 +11:00, 2026-04-06 01:15 +10:30");
}

static void every_hour_means_the_time_that_passes(void **state)
{
    (void)state;
    assert_due("Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z",
               "2026-03-29 01:30 +01:00, 2026-03-29 03:30 +02:00, 2026-03-29 04:30 +02:00");
    assert_due("Europe/Berlin", "30 * * * *", "2026-10-25T00:00:00Z",
               "2026-10-25 02:30 +02:00, 2026-10-25 02:30 +01:00, 2026-10-25 03:30 +01:00");
    assert_due("Australia/Lord_Howe", "*/15 * * * *", "2026-10-03T15:00:00Z",
               "2026-10-04 01:45 +10:30, 2026-10-04 02:30 +11:00, 2026-10-04 02:45 +11:00");
    /* Not of every hour: local times. */
    assert_due("Europe/Berlin", "0 */2 * * *", "2026-10-24T22:30:00Z",
               "2026-10-25 02:00 +02:00, 2026-10-25 04:00 +01:00");
}

static void knows_days(void **state)
{
    (void)state;
    assert_due("UTC", "0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29 00:00 +00:00, 2032-02-29 00:00 +00:00");
    assert_due("UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29 00:00 +00:00");
    assert_due("UTC", "0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31 00:00 +00:00, 2026-05-31 00:00 +00:00");
    /* Both restricted: either will do. */
    assert_due("UTC", "0 0 13 * fri", "2026-11-01T00:00:00Z",
               "2026-11-06 00:00 +00:00, 2026-11-13 00:00 +00:00, 2026-11-20 00:00 +00:00");
    assert_due("UTC", "0 0 13 * fri", "2026-12-05T00:00:00Z",
               "2026-12-11 00:00 +00:00, 2026-12-13 00:00 +00:00, 2026-12-18 00:00 +00:00");
    /* One begins with *: both must hold. */
    assert_due("UTC", "0 0 */2 * mon", "2026-11-01T00:00:00Z",
               "2026-11-09 00:00 +00:00, 2026-11-23 00:00 +00:00, 2026-12-07 00:00 +00:00");
    assert_due("UTC", "0 0 30 2 mon", "2026-01-31T00:00:00Z", "2026-02-02 00:00 +00:00");
    assert_due("UTC", "59 23 31 12 *", "2026-12-31T23:58:59Z", "2026-12-31 23:59 +00:00, 2027-12-31 23:59 +00:00");
    /* A 29 February that is a Sunday. */
    assert_due("UTC", "0 0 29 2 */7", "2026-01-01T00:00:00Z", "2032-02-29 00:00 +00:00, 2060-02-29 00:00 +00:00");
}

/* ---- the same by walking minute after minute, with the C library's local times ---- */

/* "*", "5", "1-5", "1-5/2", of values from 0 on. */
static bool walker_item(const char *item, long value)
{
    char *end;
    long first = item[0] == '*' ? 0 : strtol(item, &end, 10);
    long last = first;
    long step = 1;

    if (item[0] == '*') {
        last = 99;
        end = strchr(item, '\0');
    } else if (*end == '-') {
        last = strtol(end + 1, &end, 10);
    }
    if (strchr(item, '/') != NULL) {
        step = strtol(strchr(item, '/') + 1, &end, 10);
    }
    return value >= first && value <= last && (value - first) % step == 0;
}

static bool walker_field(const char *field, long value)
{
    char copy[64];
    char *rest = copy;
    char *item;
    bool has = false;

    snprintf(copy, sizeof(copy), "%s", field);
    while ((item = strsep(&rest, ",")) != NULL) {
        has = has || walker_item(item, value);
    }
    return has;
}

struct walker {
    char minute[24];
    char hour[24];
    char day[24];
    char month[24];
    char weekday[24];
};

/* Local minutes since 1970. */
static bool walker_has(const struct walker *walker, int64_t local_minute)
{
    time_t seconds = (time_t)(local_minute * 60);
    struct tm tm;
    bool day;
    bool weekday;

    gmtime_r(&seconds, &tm);
    day = walker_field(walker->day, tm.tm_mday);
    weekday = walker_field(walker->weekday, tm.tm_wday);
    if (walker->day[0] != '*' && walker->weekday[0] != '*') {
        day = weekday = day || weekday;
    }
    return walker_field(walker->minute, tm.tm_min) && walker_field(walker->hour, tm.tm_hour) && day && weekday &&
           walker_field(walker->month, tm.tm_mon + 1);
}

static int64_t walker_local_minute(int64_t at_s)
{
    time_t seconds = (time_t)at_s;
    struct tm tm;

    localtime_r(&seconds, &tm);
    return (at_s + tm.tm_gmtoff) / 60;
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

static void draw_field(uint64_t *state, char field[24], int low, int high, uint64_t kind)
{
    int a = low + (int)draw(state, (uint64_t)(high - low + 1));
    int b = low + (int)draw(state, (uint64_t)(high - low + 1));
    /* A step over the whole field is an error. */
    int step = 2 + (int)draw(state, high < 10 ? (uint64_t)high - 1 : 10);

    if (kind == 0) {
        snprintf(field, 24, "*");
    } else if (kind == 1) {
        snprintf(field, 24, "%d", a);
    } else if (kind == 2) {
        snprintf(field, 24, "%d,%d", a, b);
    } else if (kind == 3) {
        snprintf(field, 24, "%d-%d", a < b ? a : b, a < b ? b : a);
    } else if (kind == 4) {
        snprintf(field, 24, "%d-%d/%d", a < b ? a : b, a < b ? b : a, step);
    } else {
        snprintf(field, 24, "*/%d", low == 0 ? step : 1);
    }
}

static void walk(const struct walker *walker, const char *zone_is, int64_t from_s, int64_t until_s)
{
    char text[160];
    struct zone *zone;
    bool passing = true;
    int64_t shown;
    int64_t next_s;
    uint64_t runs = 0;

    snprintf(text, sizeof(text), "%s %s %s %s %s", walker->minute, walker->hour, walker->day, walker->month,
             walker->weekday);
    struct cron cron = parsed(text);
    for (int hour = 0; hour < 24; hour++) {
        passing = passing && walker_field(walker->hour, hour);
    }
    assert_int_equal(zone_create(zone_is, &zone), 0);
    setenv("TZ", zone_is, 1);
    tzset();
    shown = walker_local_minute(from_s);
    for (int64_t at_s = from_s - 172800; at_s < from_s; at_s += 60) {
        shown = walker_local_minute(at_s) > shown ? walker_local_minute(at_s) : shown;
    }
    next_s = cron_next(&cron, zone, from_s);
    for (int64_t at_s = from_s + 60; at_s < until_s; at_s += 60) {
        int64_t local = walker_local_minute(at_s);
        bool due = passing && walker_has(walker, local);
        for (int64_t minute = shown + 1; !passing && minute <= local; minute++) {
            due = due || walker_has(walker, minute);
        }
        shown = local > shown ? local : shown;
        if (due != (at_s == next_s)) {
            fail_msg("%s \"%s\": %s at %lld, found next at %lld", zone_is, text, due ? "due" : "not due",
                     (long long)at_s, (long long)next_s);
        }
        if (due) {
            /* From any second up to the next it is the same. */
            next_s = cron_next(&cron, zone, at_s);
            assert_true(next_s > at_s && cron_next(&cron, zone, at_s + 1) == next_s &&
                        cron_next(&cron, zone, next_s - 1) == next_s);
            runs++;
        }
    }
    print_message("%s \"%s\": %llu times\n", zone_is, text, (unsigned long long)runs);
    zone_destroy(zone);
    unsetenv("TZ");
}

static void agrees_with_a_walk_over_every_minute(void **state)
{
    static const char *const zones[] = {"Europe/Berlin",    "America/New_York",  "Australia/Lord_Howe",
                                        "America/Asuncion", "Africa/Casablanca", "Antarctica/Troll"};
    uint64_t drawn = seed_first();
    uint64_t repeats = seed_repeats(12);

    (void)state;
    for (uint64_t i = 0; i < repeats; i++) {
        struct walker walker;
        /* Two years from some day of 2015 to 2031, hours around the changes more often than others. */
        int64_t from_s = 1420070400 + (int64_t)draw(&drawn, 5800) * 86400;
        draw_field(&drawn, walker.minute, 0, 59, 1 + draw(&drawn, 5));
        draw_field(&drawn, walker.hour, 0, draw(&drawn, 3) == 0 ? 23 : 4, draw(&drawn, 6));
        draw_field(&drawn, walker.day, 1, 28, draw(&drawn, 3) == 0 ? 1 + draw(&drawn, 5) : 0);
        draw_field(&drawn, walker.month, 1, 12, draw(&drawn, 4) == 0 ? 1 + draw(&drawn, 5) : 0);
        draw_field(&drawn, walker.weekday, 0, 6, draw(&drawn, 3) == 0 ? 1 + draw(&drawn, 5) : 0);
        walk(&walker, zones[i % (sizeof(zones) / sizeof(*zones))], from_s, from_s + INT64_C(2) * 365 * 86400);
    }
}

static void lasts_for_centuries(void **state)
{
    struct cron cron = parsed("0 0 29 2 */7");
    struct zone *zone;
    int64_t at_s = 0;
    int runs = 0;

    (void)state;
    assert_int_equal(zone_create("UTC", &zone), 0);
    while (at_s < INT64_C(400) * 31556952) {
        at_s = cron_next(&cron, zone, at_s);
        runs++;
    }
    /* In 400 years 29 February is a Sunday 13 times. */
    assert_in_range(runs, 13, 14);
    zone_destroy(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(takes_names_steps_lists_and_nicknames),
        cmocka_unit_test(runs_once_right_after_a_gap),
        cmocka_unit_test(runs_once_when_a_time_comes_twice),
        cmocka_unit_test(every_hour_means_the_time_that_passes),
        cmocka_unit_test(knows_days),
        cmocka_unit_test_teardown(agrees_with_a_walk_over_every_minute, seed_say),
        cmocka_unit_test(lasts_for_centuries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
