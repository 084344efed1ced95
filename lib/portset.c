#include "lib/portset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void portset_clear(struct portset *set)
{
    memset(set, 0, sizeof(*set));
}

void portset_add(struct portset *set, uint16_t port)
{
    set->words[port / 64] |= UINT64_C(1) << (port % 64);
}

void portset_add_range(struct portset *set, uint16_t first, uint16_t last)
{
    const size_t first_word = first / 64;
    const size_t last_word = last / 64;
    const uint64_t from_first = UINT64_MAX << (first % 64);
    const uint64_t to_last = UINT64_MAX >> (63 - last % 64);

    if (first > last) {
        return;
    }
    if (first_word == last_word) {
        set->words[first_word] |= from_first & to_last;
        return;
    }
    set->words[first_word] |= from_first;
    for (size_t i = first_word + 1; i < last_word; i++) {
        set->words[i] = UINT64_MAX;
    }
    set->words[last_word] |= to_last;
}

void portset_remove(struct portset *set, uint16_t port)
{
    set->words[port / 64] &= ~(UINT64_C(1) << (port % 64));
}

void portset_union(struct portset *set, const struct portset *other)
{
    for (size_t i = 0; i < PORTSET_WORDS; i++) {
        set->words[i] |= other->words[i];
    }
}

void portset_subtract(struct portset *set, const struct portset *other)
{
    for (size_t i = 0; i < PORTSET_WORDS; i++) {
        set->words[i] &= ~other->words[i];
    }
}

void portset_intersect(struct portset *set, const struct portset *other)
{
    for (size_t i = 0; i < PORTSET_WORDS; i++) {
        set->words[i] &= other->words[i];
    }
}

bool portset_has(const struct portset *set, uint16_t port)
{
    return (set->words[port / 64] >> (port % 64) & 1) != 0;
}

bool portset_equal(const struct portset *a, const struct portset *b)
{
    return memcmp(a->words, b->words, sizeof(a->words)) == 0;
}

uint32_t portset_count(const struct portset *set)
{
    uint32_t count = 0;

    for (size_t i = 0; i < PORTSET_WORDS; i++) {
        count += (uint32_t)__builtin_popcountll(set->words[i]);
    }
    return count;
}

int32_t portset_next(const struct portset *set, uint32_t from)
{
    uint64_t word;

    if (from > UINT16_MAX) {
        return -1;
    }
    word = set->words[from / 64] & (UINT64_MAX << (from % 64));
    for (size_t i = from / 64; i < PORTSET_WORDS; i++) {
        if (i != from / 64) {
            word = set->words[i];
        }
        if (word != 0) {
            return (int32_t)(i * 64) + __builtin_ctzll(word);
        }
    }
    return -1;
}

uint16_t portset_run_end(const struct portset *set, uint16_t first)
{
    uint64_t gaps = ~set->words[first / 64] & (UINT64_MAX << (first % 64));
    size_t i = first / 64;

    while (gaps == 0) {
        if (++i == PORTSET_WORDS) {
            return UINT16_MAX;
        }
        gaps = ~set->words[i];
    }
    return (uint16_t)(i * 64 + (size_t)__builtin_ctzll(gaps) - 1);
}

uint32_t portset_list(const struct portset *set, uint16_t *ports)
{
    uint32_t count = 0;

    for (int32_t port = portset_next(set, 0); port >= 0; port = portset_next(set, (uint32_t)port + 1)) {
        ports[count++] = (uint16_t)port;
    }
    return count;
}

/* Reads digits at *cursor and moves it past them. */
static int portset_parse_number(const char **cursor, uint32_t *ret_number)
{
    uint32_t number = 0;
    const char *digit = *cursor;

    if (*digit < '0' || *digit > '9') {
        return -EINVAL;
    }
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (uint32_t)(*digit - '0');
        if (number > UINT16_MAX) {
            return -ERANGE;
        }
    }
    *cursor = digit;
    *ret_number = number;
    return 0;
}

static int portset_parse_item(const char **cursor, struct portset *set)
{
    uint32_t first;
    uint32_t last;
    int rc = portset_parse_number(cursor, &first);

    if (rc < 0) {
        return rc;
    }
    last = first;
    if (**cursor == '-') {
        (*cursor)++;
        rc = portset_parse_number(cursor, &last);
        if (rc < 0) {
            return rc;
        }
        if (last < first) {
            return -ERANGE;
        }
    }
    portset_add_range(set, (uint16_t)first, (uint16_t)last);
    return 0;
}

int portset_parse(const char *text, struct portset *ret_set, size_t *ret_offset)
{
    struct portset set = {0};
    const char *cursor = text;
    int rc = 0;

    while (*cursor != '\0') {
        rc = portset_parse_item(&cursor, &set);
        if (rc < 0) {
            break;
        }
        if (*cursor == '\0') {
            break;
        }
        if (*cursor != ',' || cursor[1] == '\0') {
            rc = -EINVAL;
            break;
        }
        cursor++;
    }
    if (rc < 0) {
        *ret_offset = (size_t)(cursor - text);
        return rc;
    }
    *ret_set = set;
    return 0;
}

char *portset_format(const struct portset *set)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    const char *comma = "";

    if (stream == NULL) {
        return NULL;
    }
    for (int32_t first = portset_next(set, 0); first >= 0;) {
        int32_t last = portset_run_end(set, (uint16_t)first);
        if (first == last) {
            fprintf(stream, "%s%d", comma, first);
        } else {
            fprintf(stream, "%s%d-%d", comma, first, last);
        }
        comma = ",";
        first = portset_next(set, (uint32_t)last + 1);
    }
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
