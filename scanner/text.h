/* Text that grows at its end, for those who make many one after the other: the room stays. Knows no format. */
#ifndef LEASTPORT_SCANNER_TEXT_H
#define LEASTPORT_SCANNER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed before the first use. `bytes` has no NUL of its own, and is borrowed until more is added. */
struct text {
    char *bytes;
    size_t size;
    size_t room;
    bool failed; /* out of memory: something is missing, until text_clear() */
};

void text_add(struct text *text, const char *bytes, size_t size);
/* Decimal. */
void text_add_number(struct text *text, uint64_t number);
/* Empties it and keeps the room. */
void text_clear(struct text *text);
void text_done(struct text *text);

#endif
