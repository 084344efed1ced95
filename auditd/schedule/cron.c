#include "auditd/schedule/cron.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, CRON_FIELDS = 5, CRON_NAME_LETTERS = 3 };

/* The Gregorian calendar repeats after 400 years. */
enum { CRON_DAYS_MAX = 146097 };

/* No place's clocks were ever set by more than a day. */
static const int64_t cron_shift_most_s = INT64_C(2) * DAY_S;

static const uint32_t cron_every_hour = (UINT32_C(1) << 24) - 1;

/* ---- parsing ---- */

static const char *const cron_month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                               "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const cron_weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct cron_field {
    const char *name;
    int minimum;
    int maximum;
    const char *const *names; /* of minimum, minimum + 1, … */
    const char *form;
} cron_fields[CRON_FIELDS] = {
    {"minute", 0, 59, NULL, "0 to 59"},
    {"hour", 0, 23, NULL, "0 to 23"},
    {"day of the month", 1, 31, NULL, "1 to 31"},
    {"month", 1, 12, cron_month_names, "1 to 12 or jan to dec"},
    {"day of the week", 0, 7, cron_weekday_names, "0 to 7 (0 and 7 are Sunday) or sun to sat"},
};

static const struct {
    const char *name;
    const char *meaning;
} cron_nicknames[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
};

struct cron_cursor {
    const char *text;
    const char *at;
    struct cron_fault *fault;
};

static int __attribute__((format(printf, 3, 4)))
cron_fail(const struct cron_cursor *cursor, const char *at, const char *format, ...)
{
    va_list arguments;

    cursor->fault->column = 1;
    for (const char *each = cursor->text; each < at; each++) {
        /* What goes on a character of UTF-8 is no column of its own. */
        cursor->fault->column += ((unsigned char)*each & 0xc0U) != 0x80U;
    }
    va_start(arguments, format);
    vsnprintf(cursor->fault->text, sizeof(cursor->fault->text), format, arguments);
    va_end(arguments);
    /* A quoted word may be cut within a character. */
    for (char *each = cursor->fault->text; *each != '\0'; each++) {
        *each = *each >= ' ' && *each <= '~' ? *each : '?';
    }
    return -EINVAL;
}

static bool cron_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void cron_skip_blanks(struct cron_cursor *cursor)
{
    while (cron_is_blank(*cursor->at)) {
        cursor->at++;
    }
}

/* A word of letters, digits and signs that stands at the cursor, for messages. */
static int cron_word_length(const char *at)
{
    size_t length = strcspn(at, " \t,-/*");

    return (int)(length < 24 ? length : 24);
}

static int cron_name(const struct cron_field *field, const char *at)
{
    for (int i = 0; field->names != NULL && field->names[i] != NULL; i++) {
        if (strncasecmp(at, field->names[i], CRON_NAME_LETTERS) == 0 && cron_word_length(at) == CRON_NAME_LETTERS) {
            return field->minimum + i;
        }
    }
    return -1;
}

/* Up to four digits, so that no number overflows. */
static int cron_number(struct cron_cursor *cursor, int *ret_number)
{
    size_t digits = strspn(cursor->at, "0123456789");

    if (digits == 0 || digits > 4 || digits != (size_t)cron_word_length(cursor->at)) {
        return -EINVAL;
    }
    *ret_number = (int)strtol(cursor->at, NULL, 10);
    cursor->at += digits;
    return 0;
}

static int cron_value(struct cron_cursor *cursor, const struct cron_field *field, int *ret_value)
{
    const char *at = cursor->at;
    int value = cron_name(field, at);

    if (value >= 0) {
        cursor->at += CRON_NAME_LETTERS;
    } else if (*at == '\0' || cron_is_blank(*at) || *at == ',' || *at == '/' || *at == '-') {
        return cron_fail(cursor, at, "a value is missing: a %s is %s", field->name, field->form);
    } else if (cron_number(cursor, &value) < 0 || value < field->minimum || value > field->maximum) {
        int length = cron_word_length(at);
        return cron_fail(cursor, at, "\"%.*s\" is no %s: expected %s", length > 0 ? length : 1, at, field->name,
                         field->form);
    }
    *ret_value = value;
    return 0;
}

static int cron_step(struct cron_cursor *cursor, const struct cron_field *field, bool is_range, int *ret_step)
{
    const char *at = cursor->at;

    *ret_step = 1;
    if (*at != '/') {
        return 0;
    }
    if (!is_range) {
        return cron_fail(cursor, at, "a step needs a range before it: */%d, or %d-%d/%d", 5, field->minimum,
                         field->maximum, 5);
    }
    cursor->at++;
    if (cron_number(cursor, ret_step) < 0 || *ret_step < 1 || *ret_step > field->maximum) {
        return cron_fail(cursor, at + 1, "expected a step of 1 to %d after the \"/\"", field->maximum);
    }
    return 0;
}

/* "*", "5", "1-5", each range with "/2" behind it. */
static int cron_item(struct cron_cursor *cursor, const struct cron_field *field, uint64_t *bits)
{
    const char *at = cursor->at;
    bool is_range = *at == '*';
    int first = field->minimum;
    int last = field->maximum;
    int step;
    int rc = 0;

    if (is_range) {
        cursor->at++;
        /* Sunday is in it once. */
        last = field->names == cron_weekday_names ? 6 : last;
    } else {
        rc = cron_value(cursor, field, &first);
        last = first;
        if (rc == 0 && *cursor->at == '-') {
            is_range = true;
            cursor->at++;
            rc = cron_value(cursor, field, &last);
            /* "sat-sun" */
            last = rc == 0 && last == 0 && first > 0 && field->names == cron_weekday_names ? 7 : last;
        }
    }
    if (rc == 0 && last < first) {
        rc = cron_fail(cursor, at, "the range %d-%d runs backwards: write %d-%d,%d-%d", first, last, first,
                       field->names == cron_weekday_names ? 6 : field->maximum, field->minimum, last);
    }
    if (rc == 0) {
        rc = cron_step(cursor, field, is_range, &step);
    }
    for (int value = first; rc == 0 && value <= last; value += step) {
        *bits |= UINT64_C(1) << value;
    }
    return rc;
}

static int cron_list(struct cron_cursor *cursor, const struct cron_field *field, uint64_t *ret_bits)
{
    uint64_t bits = 0;
    int rc = cron_item(cursor, field, &bits);

    while (rc == 0 && *cursor->at == ',') {
        cursor->at++;
        rc = cron_item(cursor, field, &bits);
    }
    if (rc == 0 && *cursor->at != '\0' && !cron_is_blank(*cursor->at)) {
        rc = cron_fail(cursor, cursor->at,
                       "\"%.1s\" is not expected here, within the %s: after a value come , - / or a blank", cursor->at,
                       field->name);
    }
    *ret_bits = bits;
    return rc;
}

static int cron_nickname(struct cron_cursor *cursor)
{
    for (size_t i = 0; i < sizeof(cron_nicknames) / sizeof(*cron_nicknames); i++) {
        size_t length = strlen(cron_nicknames[i].name);
        const char *rest = cursor->at + length;
        if (strncasecmp(cursor->at, cron_nicknames[i].name, length) == 0 && rest[strspn(rest, " \t")] == '\0') {
            cursor->text = cursor->at = cron_nicknames[i].meaning;
            return 0;
        }
    }
    return cron_fail(
        cursor, cursor->at,
        "expected @hourly, @daily, @weekly, @monthly or @yearly, or five fields (minute, hour, day, month, "
        "weekday)");
}

/* A day that none of the months has would never come. */
static int cron_check_days(const struct cron_cursor *cursor, const struct cron *cron, const char *days)
{
    static const int longest[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int first = 1;

    while (((cron->days >> first) & 1U) == 0) {
        first++;
    }
    for (int month = 1; month <= 12; month++) {
        if (((cron->months >> month) & 1U) != 0 && first <= longest[month]) {
            return 0;
        }
    }
    return cron->either_day ? 0 : cron_fail(cursor, days, "this is never due: none of its months has a day %d", first);
}

static int cron_read_fields(struct cron_cursor *cursor, uint64_t bits[CRON_FIELDS], const char *starts[CRON_FIELDS])
{
    for (int i = 0; i < CRON_FIELDS; i++) {
        int rc;
        cron_skip_blanks(cursor);
        if (*cursor->at == '\0') {
            return cron_fail(cursor, cursor->at,
                             "expected five fields (minute, hour, day, month, weekday): the %s is missing",
                             cron_fields[i].name);
        }
        starts[i] = cursor->at;
        rc = cron_list(cursor, &cron_fields[i], &bits[i]);
        if (rc != 0) {
            return rc;
        }
    }
    cron_skip_blanks(cursor);
    if (*cursor->at != '\0') {
        return cron_fail(
            cursor, cursor->at,
            "expected the end after five fields (minute, hour, day, month, weekday); seconds and years have none");
    }
    return 0;
}

int cron_parse(const char *text, struct cron *ret_cron, struct cron_fault *ret_fault)
{
    struct cron_cursor cursor = {.text = text, .at = text, .fault = ret_fault};
    const char *starts[CRON_FIELDS] = {text, text, text, text, text};
    uint64_t bits[CRON_FIELDS] = {0};
    struct cron cron;
    int rc = 0;

    cron_skip_blanks(&cursor);
    if (*cursor.at == '@') {
        rc = cron_nickname(&cursor);
    }
    if (rc == 0) {
        rc = cron_read_fields(&cursor, bits, starts);
    }
    if (rc != 0) {
        return rc;
    }
    cron = (struct cron){
        .minutes = bits[0],
        .hours = (uint32_t)bits[1],
        .days = (uint32_t)bits[2],
        .months = (uint16_t)bits[3],
        .weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7fU),
        .either_day = *starts[2] != '*' && *starts[4] != '*',
    };
    rc = cron_check_days(&cursor, &cron, starts[2]);
    if (rc == 0) {
        *ret_cron = cron;
    }
    return rc;
}

/* ---- local times, in seconds as if they were UTC's ---- */

static int64_t cron_floor_day(int64_t local_s)
{
    int64_t day = local_s / DAY_S;

    return local_s % DAY_S < 0 ? day - 1 : day;
}

static bool cron_has_day(const struct cron *cron, int64_t day)
{
    time_t seconds = (time_t)(day * DAY_S);
    struct tm date;
    bool by_date;
    bool by_weekday;

    if (gmtime_r(&seconds, &date) == NULL || ((cron->months >> (date.tm_mon + 1)) & 1U) == 0) {
        return false;
    }
    by_date = ((cron->days >> date.tm_mday) & 1U) != 0;
    by_weekday = ((unsigned)cron->weekdays >> date.tm_wday & 1U) != 0;
    return cron->either_day ? by_date || by_weekday : by_date && by_weekday;
}

/* The first time of day that is due at or after `second` of the day, or -1. */
static int64_t cron_time_of_day(const struct cron *cron, int64_t second)
{
    int64_t minute = (second + MINUTE_S - 1) / MINUTE_S;

    for (; minute < DAY_S / MINUTE_S; minute++) {
        int64_t hour = minute / 60;
        if (((cron->hours >> hour) & 1U) == 0) {
            minute = hour * 60 + 59;
        } else if (((cron->minutes >> (minute % 60)) & 1U) != 0) {
            return minute * MINUTE_S;
        }
    }
    return -1;
}

/* The first local time that is due at or after local_s; every expression has one (cron_check_days()). */
static int64_t cron_next_local(const struct cron *cron, int64_t local_s)
{
    int64_t day = cron_floor_day(local_s);
    int64_t second = local_s - day * DAY_S;

    for (int i = 0; i <= CRON_DAYS_MAX; i++, day++, second = 0) {
        int64_t found = cron_has_day(cron, day) ? cron_time_of_day(cron, second) : -1;
        if (found >= 0) {
            return day * DAY_S + found;
        }
    }
    return INT64_MAX;
}

/* ---- from local to real ---- */

/* An hour that comes twice is over once it has passed the first time: the latest local time that clocks have shown up
 * to `at_s`. */
static int64_t cron_local_shown(const struct zone *zone, int64_t at_s)
{
    struct zone_span span = zone_span(zone, at_s);
    int64_t shown = at_s + span.offset_s;

    while (span.start_s > at_s - cron_shift_most_s) {
        int64_t change_s = span.start_s;
        span = zone_span(zone, change_s - 1);
        if (change_s - 1 + span.offset_s > shown) {
            shown = change_s - 1 + span.offset_s;
        }
    }
    return shown;
}

/* The first moment at which clocks show local_s or later. */
static int64_t cron_first_shown(const struct zone *zone, int64_t local_s)
{
    struct zone_span span = zone_span(zone, local_s - cron_shift_most_s);

    for (;;) {
        int64_t at_s = local_s - span.offset_s;
        if (at_s < span.end_s) {
            return at_s > span.start_s ? at_s : span.start_s;
        }
        span = zone_span(zone, span.end_s);
    }
}

static int64_t cron_next_passing(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
    struct zone_span span = zone_span(zone, after_s + 1);
    int64_t from_s = after_s + 1;

    for (;;) {
        int64_t local_s = cron_next_local(cron, from_s + span.offset_s);
        if (local_s == INT64_MAX || local_s - span.offset_s < span.end_s) {
            return local_s == INT64_MAX ? INT64_MAX : local_s - span.offset_s;
        }
        from_s = span.end_s;
        span = zone_span(zone, from_s);
    }
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
    int64_t local_s;

    if (cron->hours == cron_every_hour) {
        return cron_next_passing(cron, zone, after_s);
    }
    local_s = cron_next_local(cron, cron_local_shown(zone, after_s) + 1);
    return local_s == INT64_MAX ? INT64_MAX : cron_first_shown(zone, local_s);
}
