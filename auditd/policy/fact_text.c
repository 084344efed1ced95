#include "auditd/policy/fact_text.h"

#include "auditd/policy/condition.h"

#include <stdio.h>
#include <string.h>

enum { QUOTED_MOST = 60 };

/* How much of a text is quoted: whole characters. */
static int quoted_length(const char *text)
{
    size_t length = strnlen(text, QUOTED_MOST + 1);

    while (length > QUOTED_MOST || (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)) {
        length--;
    }
    return (int)length;
}

static void describe(const struct condition *condition, const struct exposure *exposure, bool today, char *ret_text,
                     size_t size)
{
    char buffer[EXPOSURE_FACT_SIZE];
    const char *name = condition->kind->name;
    const char *known = exposure_fact(exposure, name, buffer);
    const char *value = known == NULL ? "not known" : known;
    const char *sign = condition_sign(condition->relation);
    int wanted = quoted_length(condition->text);
    bool holds = condition_holds(condition, exposure) == TRUTH_YES;

    if (known == buffer && !today) {
        snprintf(ret_text, size, "%s is %s%s%.*s", name, holds ? "" : "not ", sign, wanted, condition->text);
    } else if (holds) {
        snprintf(ret_text, size, "%s is %.*s", name, quoted_length(value), value);
    } else {
        snprintf(ret_text, size, "%s is %.*s, and must be %s%.*s", name, quoted_length(value), value, sign, wanted,
                 condition->text);
    }
}

static bool rests_on(enum rule_answer answer, enum truth truth)
{
    if (answer == RULE_APPLIES || answer == RULE_UNVERIFIED_SOURCE || answer == RULE_UNKNOWN_SOURCE) {
        return truth == TRUTH_YES;
    }
    return (answer == RULE_OTHER_FACT && truth == TRUTH_NO) || (answer == RULE_UNKNOWN_FACT && truth == TRUTH_UNKNOWN);
}

void fact_text_of_rule(const struct rule *rule, enum rule_answer answer, const struct exposure *exposure, bool today,
                       char ret_text[FACT_TEXT_SIZE])
{
    size_t length = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct condition *condition = &rule->conditions[i];
        char text[FACT_TEXT_SIZE];
        if (!rests_on(answer, condition_holds(condition, exposure))) {
            continue;
        }
        describe(condition, exposure, today, text, sizeof(text));
        if (length + strlen(text) + 3 <= FACT_TEXT_SIZE) {
            length +=
                (size_t)snprintf(ret_text + length, FACT_TEXT_SIZE - length, "%s%s", length > 0 ? "; " : "", text);
        }
    }
}
