#include "web/coding.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { CODING_Q_MAX = 1000 };

/* RFC 9110 section 12.4.2: "0" or "1", with at most three digits behind the point; those of 1 are zeros. -1: neither.
 */
static int coding_read_q(const char *text, size_t length)
{
    int q = 0;
    int unit = CODING_Q_MAX;

    if (length == 0 || length > 5 || (text[0] != '0' && text[0] != '1') || (length > 1 && text[1] != '.')) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        if (i == 1) {
            continue;
        }
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        q += (text[i] - '0') * unit;
        unit /= 10;
    }
    return q <= CODING_Q_MAX ? q : -1;
}

/* The weight behind a coding's name: nothing, or ";q=" and a number. -1: something else. */
static int coding_read_weight(const char *text, size_t length)
{
    size_t at = strspn(text, " \t");

    at = at < length ? at : length;
    if (at == length) {
        return CODING_Q_MAX;
    }
    if (text[at++] != ';') {
        return -1;
    }
    at += strspn(text + at, " \t");
    if (at + 2 > length || strncasecmp(text + at, "q=", 2) != 0) {
        return -1;
    }
    at += 2;
    while (length > at && (text[length - 1] == ' ' || text[length - 1] == '\t')) {
        length--;
    }
    return coding_read_q(text + at, length - at);
}

/* NULL: a coding that is none of ours. */
static struct coding_weight *coding_of(struct coding_wishes *wishes, const char *name, size_t length)
{
    static const struct {
        const char *name;
        size_t offset;
    } codings[] = {
        {"gzip", offsetof(struct coding_wishes, gzip)},
        {"x-gzip", offsetof(struct coding_wishes, gzip)},
        {"identity", offsetof(struct coding_wishes, identity)},
        {"*", offsetof(struct coding_wishes, any)},
    };

    for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++) {
        if (strlen(codings[i].name) == length && strncasecmp(codings[i].name, name, length) == 0) {
            return (struct coding_weight *)(void *)((char *)wishes + codings[i].offset);
        }
    }
    return NULL;
}

void coding_wish(struct coding_wishes *wishes, const char *line)
{
    while (*line != '\0') {
        size_t length;
        size_t name;
        struct coding_weight *weight;
        int q;
        line += strspn(line, " \t,");
        length = strcspn(line, ",");
        name = strcspn(line, ",; \t");
        weight = coding_of(wishes, line, name);
        q = weight == NULL ? -1 : coding_read_weight(line + name, length - name);
        if (q >= 0 && (!weight->is_said || q < weight->q)) {
            *weight = (struct coding_weight){.is_said = true, .q = (uint16_t)q};
        }
        line += length;
    }
}

/* What is not named has the star's weight; without one, `unsaid`. */
static unsigned coding_q(const struct coding_wishes *wishes, const struct coding_weight *weight, unsigned unsaid)
{
    if (weight->is_said) {
        return weight->q;
    }
    return wishes->any.is_said ? wishes->any.q : unsaid;
}

bool coding_prefers_gzip(const struct coding_wishes *wishes)
{
    unsigned gzip = coding_q(wishes, &wishes->gzip, 0);

    return gzip > 0 && gzip >= coding_q(wishes, &wishes->identity, 0);
}

bool coding_refuses_identity(const struct coding_wishes *wishes)
{
    return coding_q(wishes, &wishes->identity, 1) == 0;
}
