#include "auditd/policy/condition.h"

#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MS_PER_DAY = INT64_C(86400000);

static const char *stored(const struct exposure *exposure, const char *name)
{
    for (size_t i = 0; i < exposure->fact_count; i++) {
        if (strcmp(exposure->facts[i].name, name) == 0) {
            return exposure->facts[i].value;
        }
    }
    return NULL;
}

/* Whole days, rounded down: what ends in an hour has none left. */
static const char *days_left(const struct exposure *exposure, char *buffer)
{
    const char *end = stored(exposure, "cert.not_after");
    int64_t end_ms;
    int64_t days;

    if (end == NULL || wall_parse(end, &end_ms) < 0) {
        return NULL;
    }
    days = (end_ms - exposure->now_ms) / MS_PER_DAY;
    days -= (end_ms - exposure->now_ms) % MS_PER_DAY < 0 ? 1 : 0;
    snprintf(buffer, EXPOSURE_FACT_SIZE, "%" PRId64, days);
    return buffer;
}

const char *exposure_fact(const struct exposure *exposure, const char *name, char *buffer)
{
    const char *value = stored(exposure, name);

    /* What the cloud says of itself counts, not what a scanner may have said. */
    if (strcmp(name, FACT_DECLARED) == 0 && exposure->declared != NULL) {
        return exposure->declared;
    }
    if (value != NULL) {
        return value;
    }
    if (strcmp(name, "cert.days_left") == 0) {
        return days_left(exposure, buffer);
    }
    /* Whoever recognised it without TLS has seen that it needs none. */
    return strcmp(name, "tls") == 0 && stored(exposure, "service") != NULL ? "false" : NULL;
}

static const struct {
    const char *sign;
    enum condition_relation relation;
} SIGNS[] = {
    {"!=", CONDITION_IS_NOT}, {"<=", CONDITION_AT_MOST}, {">=", CONDITION_AT_LEAST},
    {"<", CONDITION_LESS},    {">", CONDITION_MORE},     {"=", CONDITION_IS},
};

const char *condition_sign(enum condition_relation relation)
{
    if (relation == CONDITION_IS) {
        return "";
    }
    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(*SIGNS); i++) {
        if (SIGNS[i].relation == relation) {
            return SIGNS[i].sign;
        }
    }
    return "";
}

static enum condition_relation take_sign(const char **text)
{
    enum condition_relation relation = CONDITION_IS;

    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(*SIGNS); i++) {
        size_t length = strlen(SIGNS[i].sign);
        if (strncmp(*text, SIGNS[i].sign, length) == 0) {
            *text += length;
            relation = SIGNS[i].relation;
            break;
        }
    }
    *text += strspn(*text, " ");
    return relation;
}

static int refuse(char *ret_reason, const struct fact_kind *kind, const char *wanted)
{
    snprintf(ret_reason, CONDITION_REASON_SIZE, "\"%s\" (%s) must be %s", kind->name, kind->meaning, wanted);
    return -EINVAL;
}

static bool is_ordering(enum condition_relation relation)
{
    return relation != CONDITION_IS && relation != CONDITION_IS_NOT;
}

static int read_truth(const char *text, struct condition *condition, char *ret_reason)
{
    if (is_ordering(condition->relation) || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)) {
        return refuse(ret_reason, condition->kind, "true or false");
    }
    return 0;
}

static int read_number(const char *text, struct condition *condition, char *ret_reason)
{
    char *end;

    errno = 0;
    condition->number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0) {
        return refuse(ret_reason, condition->kind, "a whole number, or one after <, <=, >, >= or !=, like \">=30\"");
    }
    return 0;
}

static int read_version(const char *text, const struct condition *condition, char *ret_reason)
{
    return text[0] >= '0' && text[0] <= '9'
               ? 0
               : refuse(ret_reason, condition->kind, "a version, or one after <, <=, >, >= or !=, like \">=1.2\"");
}

static int read_text(const char *text, const struct condition *condition, char *ret_reason)
{
    return text[0] != '\0' && !is_ordering(condition->relation)
               ? 0
               : refuse(ret_reason, condition->kind, "text, or text after !=");
}

static int read_value(const char *text, struct condition *condition, char *ret_reason)
{
    switch (condition->kind->type) {
    case FACT_TRUTH:
        return read_truth(text, condition, ret_reason);
    case FACT_NUMBER:
        return read_number(text, condition, ret_reason);
    case FACT_VERSION:
        return read_version(text, condition, ret_reason);
    case FACT_TEXT:
        return read_text(text, condition, ret_reason);
    case FACT_TIME:
        break;
    }
    snprintf(ret_reason, CONDITION_REASON_SIZE, "\"%s\" cannot be compared; \"cert.days_left\" can",
             condition->kind->name);
    return -EINVAL;
}

/* What a person wrote without quotes came as another type: 1.2 is a version, too. */
static char *scalar_text(const json_t *value)
{
    char text[64];

    if (json_is_string(value)) {
        return strdup(json_string_value(value));
    }
    if (json_is_boolean(value)) {
        return strdup(json_is_true(value) ? "true" : "false");
    }
    if (json_is_integer(value)) {
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        double number = json_real_value(value);
        /* 1.0 is written so, and not as 1. */
        snprintf(text, sizeof(text), number == (double)(int64_t)number ? "%.1f" : "%.10g", number);
    }
    return strdup(text);
}

int condition_parse(const struct fact_kind *kind, const json_t *value, struct condition *ret_condition,
                    char *ret_reason)
{
    struct condition condition = {.kind = kind};
    char *scalar = scalar_text(value);
    const char *text = scalar;
    int rc;

    if (scalar == NULL) {
        return -ENOMEM;
    }
    condition.relation = take_sign(&text);
    rc = read_value(text, &condition, ret_reason);
    if (rc == 0) {
        condition.text = strdup(text);
        rc = condition.text == NULL ? -ENOMEM : 0;
    }
    free(scalar);
    if (rc == 0) {
        *ret_condition = condition;
    }
    return rc;
}

void condition_done(struct condition *condition)
{
    free(condition->text);
    condition->text = NULL;
}

static bool relates(int order, enum condition_relation relation)
{
    switch (relation) {
    case CONDITION_IS:
        return order == 0;
    case CONDITION_IS_NOT:
        return order != 0;
    case CONDITION_LESS:
        return order < 0;
    case CONDITION_AT_MOST:
        return order <= 0;
    case CONDITION_MORE:
        return order > 0;
    case CONDITION_AT_LEAST:
        return order >= 0;
    }
    return false;
}

enum truth condition_holds(const struct condition *condition, const struct exposure *exposure)
{
    char buffer[EXPOSURE_FACT_SIZE];
    const char *value = exposure_fact(exposure, condition->kind->name, buffer);
    int order;

    if (value == NULL) {
        return TRUTH_UNKNOWN;
    }
    if (condition->kind->type == FACT_NUMBER) {
        int64_t number = strtoll(value, NULL, 10);
        order = (number > condition->number) - (number < condition->number);
    } else if (condition->kind->type == FACT_VERSION) {
        order = fact_compare_versions(value, condition->text);
    } else {
        order = strcmp(value, condition->text);
    }
    return relates(order, condition->relation) ? TRUTH_YES : TRUTH_NO;
}
