#include "auditd/schedule/blackout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_MINUTES = 1440, MINUTE_S = 60, DAY_S = 86400, BLACKOUT_DAYS_MAX = 2 * 366 };

static const int64_t blackout_shift_minutes = 180;

/* Exactly `length` characters of digits and `pattern`'s signs: "dd:dd". */
static bool blackout_has_form(const char *text, const char *pattern)
{
    size_t length = strlen(pattern);

    if (strlen(text) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == 'd' ? !digit : text[i] != pattern[i]) {
            return false;
        }
    }
    return true;
}

static int blackout_digits(const char *text, size_t count)
{
    int number = 0;

    for (size_t i = 0; i < count; i++) {
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

int blackout_parse_time(const char *text, int *ret_minute)
{
    int minute;

    if (!blackout_has_form(text, "dd:dd") || blackout_digits(text + 3, 2) > 59) {
        return -EINVAL;
    }
    minute = blackout_digits(text, 2) * 60 + blackout_digits(text + 3, 2);
    if (minute > DAY_MINUTES) {
        return -EINVAL;
    }
    *ret_minute = minute;
    return 0;
}

int blackout_parse_date(const char *text, int64_t *ret_day)
{
    struct tm given = {0};
    struct tm date;
    time_t seconds;

    if (!blackout_has_form(text, "dddd-dd-dd")) {
        return -EINVAL;
    }
    given.tm_year = blackout_digits(text, 4) - 1900;
    given.tm_mon = blackout_digits(text + 5, 2) - 1;
    given.tm_mday = blackout_digits(text + 8, 2);
    date = given;
    seconds = timegm(&date);
    /* timegm() mends 31 April; here it is an error. */
    if (given.tm_year < 70 || date.tm_mon != given.tm_mon || date.tm_mday != given.tm_mday) {
        return -EINVAL;
    }
    *ret_day = (int64_t)seconds / DAY_S;
    return 0;
}

/* 1970-01-01 was a Thursday. */
static unsigned blackout_weekday(int64_t day)
{
    return (unsigned)((day % 7 + 7 + 4) % 7);
}

static bool blackout_window_holds(const struct blackout *window, int64_t day, int minute)
{
    bool today = ((unsigned)window->weekdays >> blackout_weekday(day) & 1U) != 0;
    bool yesterday = ((unsigned)window->weekdays >> blackout_weekday(day - 1) & 1U) != 0;

    if (window->is_dates) {
        return day >= window->from_day && day <= window->to_day;
    }
    if (window->to_minute > window->from_minute) {
        return today && minute >= window->from_minute && minute < window->to_minute;
    }
    return (today && minute >= window->from_minute) || (yesterday && minute < window->to_minute);
}

static int64_t blackout_day(int64_t local_s)
{
    return local_s / DAY_S - (local_s % DAY_S < 0 ? 1 : 0);
}

size_t blackout_holds(const struct blackout *windows, size_t count, const struct zone *zone, int64_t at_s)
{
    int64_t local_s = at_s + zone_span(zone, at_s).offset_s;
    int64_t day = blackout_day(local_s);
    int minute = (int)((local_s - day * DAY_S) / MINUTE_S);

    for (size_t i = 0; i < count; i++) {
        if (blackout_window_holds(&windows[i], day, minute)) {
            return i;
        }
    }
    return count;
}

/* Minutes of local time that a window which holds goes on for, at least. */
static int64_t blackout_rest(const struct blackout *window, int64_t local_s)
{
    int64_t day = blackout_day(local_s);
    int64_t minute = (local_s - day * DAY_S) / MINUTE_S;

    if (window->is_dates) {
        return (window->to_day + 1 - day) * DAY_MINUTES - minute;
    }
    return window->to_minute > minute ? window->to_minute - minute : DAY_MINUTES - minute;
}

int64_t blackout_free_at(const struct blackout *windows, size_t count, const struct zone *zone, int64_t at_s)
{
    int64_t until_s = at_s + (int64_t)BLACKOUT_DAYS_MAX * DAY_S;
    size_t holds;

    while ((holds = blackout_holds(windows, count, zone, at_s)) < count) {
        int64_t rest = blackout_rest(&windows[holds], at_s + zone_span(zone, at_s).offset_s);
        /* Clocks may be set on the way: the last hours are walked by the minute. */
        at_s += rest > 2 * blackout_shift_minutes ? (rest - blackout_shift_minutes) * MINUTE_S : MINUTE_S;
        at_s -= at_s % MINUTE_S;
        if (at_s > until_s) {
            return INT64_MAX;
        }
    }
    return at_s;
}
