#include "lib/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WALL_DAY_MS INT64_C(86400000)
enum { WALL_DAYS_TO_1970 = 719468 /* from 0000-03-01 */, WALL_DAYS_TO_9999 = 2932896 /* from 1970 to its last */ };

struct mono_time mono_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct mono_time){(uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec};
}

struct mono_time mono_add_ns(struct mono_time time, uint64_t ns)
{
    return (struct mono_time){time.ns + ns};
}

uint64_t mono_elapsed_ns(struct mono_time earlier, struct mono_time later)
{
    return later.ns > earlier.ns ? later.ns - earlier.ns : 0;
}

int64_t wall_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* `count` decimal digits of `number`, with leading zeros. */
static char *wall_put_digits(char *cursor, uint32_t number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        cursor[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return cursor + count;
}

/* gmtime_r(3) takes a lock that all threads share, and strftime(3) a microsecond: lists have hundreds of times. The
 * calendar is reckoned in years that begin with March, in which the leap day comes last: the days before month m of
 * such a year are (153 m + 2) / 5. */
static void wall_date(int64_t days, uint32_t *ret_year, uint32_t *ret_month, uint32_t *ret_day)
{
    /* From 0000-03-01 on; 400 years have 146,097 days. */
    uint64_t since = (uint64_t)(days + WALL_DAYS_TO_1970);
    uint32_t era = (uint32_t)(since / 146097);
    uint32_t of_era = (uint32_t)(since % 146097);
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153;

    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = era * 400 + year + (*ret_month <= 2);
}

const char *wall_format(int64_t time_ms, char *buffer)
{
    int64_t days = time_ms / WALL_DAY_MS;
    int64_t of_day = time_ms % WALL_DAY_MS;
    char *cursor = buffer;
    uint32_t year;
    uint32_t month;
    uint32_t day;

    if (of_day < 0) {
        of_day += WALL_DAY_MS;
        days--;
    }
    if (days < -WALL_DAYS_TO_1970 || days > WALL_DAYS_TO_9999) {
        buffer[0] = '\0';
        return buffer;
    }
    wall_date(days, &year, &month, &day);
    cursor = wall_put_digits(cursor, year, 4);
    *cursor++ = '-';
    cursor = wall_put_digits(cursor, month, 2);
    *cursor++ = '-';
    cursor = wall_put_digits(cursor, day, 2);
    *cursor++ = 'T';
    cursor = wall_put_digits(cursor, (uint32_t)(of_day / 3600000), 2);
    *cursor++ = ':';
    cursor = wall_put_digits(cursor, (uint32_t)(of_day / 60000 % 60), 2);
    *cursor++ = ':';
    cursor = wall_put_digits(cursor, (uint32_t)(of_day / 1000 % 60), 2);
    *cursor++ = '.';
    cursor = wall_put_digits(cursor, (uint32_t)(of_day % 1000), 3);
    memcpy(cursor, "Z", 2);
    return buffer;
}

/* Reads exactly `digits` digits. */
static bool wall_read_digits(const char **cursor, int digits, int *ret_number)
{
    int number = 0;

    for (int i = 0; i < digits; i++) {
        char digit = (*cursor)[i];
        if (digit < '0' || digit > '9') {
            return false;
        }
        number = number * 10 + (digit - '0');
    }
    *cursor += digits;
    *ret_number = number;
    return true;
}

static bool wall_skip(const char **cursor, const char *any_of)
{
    if (**cursor == '\0' || strchr(any_of, **cursor) == NULL) {
        return false;
    }
    (*cursor)++;
    return true;
}

static bool wall_read_date_time(const char **cursor, struct tm *ret_utc)
{
    struct tm utc = {0};

    if (!wall_read_digits(cursor, 4, &utc.tm_year) || !wall_skip(cursor, "-") ||
        !wall_read_digits(cursor, 2, &utc.tm_mon) || !wall_skip(cursor, "-") ||
        !wall_read_digits(cursor, 2, &utc.tm_mday) || !wall_skip(cursor, "Tt ") ||
        !wall_read_digits(cursor, 2, &utc.tm_hour) || !wall_skip(cursor, ":") ||
        !wall_read_digits(cursor, 2, &utc.tm_min) || !wall_skip(cursor, ":") ||
        !wall_read_digits(cursor, 2, &utc.tm_sec)) {
        return false;
    }
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    *ret_utc = utc;
    return utc.tm_hour < 24 && utc.tm_min < 60 && utc.tm_sec <= 60;
}

static int wall_read_ms(const char **cursor)
{
    int ms = 0;
    int scale = 100;

    if (**cursor != '.') {
        return 0;
    }
    (*cursor)++;
    if (**cursor < '0' || **cursor > '9') {
        return -1;
    }
    for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++) {
        ms += (**cursor - '0') * scale;
        scale /= 10;
    }
    return ms;
}

static bool wall_read_offset(const char **cursor, int *ret_minutes)
{
    int sign = **cursor == '-' ? -1 : 1;
    int hours;
    int minutes;

    if (wall_skip(cursor, "Zz")) {
        *ret_minutes = 0;
        return true;
    }
    if (!wall_skip(cursor, "+-") || !wall_read_digits(cursor, 2, &hours) || !wall_skip(cursor, ":") ||
        !wall_read_digits(cursor, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

int wall_parse(const char *text, int64_t *ret_time_ms)
{
    struct tm utc;
    struct tm given;
    int minutes;
    int ms;
    time_t seconds;

    if (!wall_read_date_time(&text, &given)) {
        return -EINVAL;
    }
    ms = wall_read_ms(&text);
    if (ms < 0 || !wall_read_offset(&text, &minutes) || *text != '\0') {
        return -EINVAL;
    }
    utc = given;
    seconds = timegm(&utc);
    /* timegm() mends dates like 31 April; here they are errors. A leap second counts as the next minute's first. */
    if (given.tm_sec < 60 && (utc.tm_mday != given.tm_mday || utc.tm_mon != given.tm_mon)) {
        return -EINVAL;
    }
    *ret_time_ms = ((int64_t)seconds - (int64_t)minutes * 60) * 1000 + ms;
    return 0;
}
