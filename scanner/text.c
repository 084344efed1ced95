#include "scanner/text.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_ROOM_LEAST = 512, TEXT_DIGITS_MAX = 20 };

static bool text_make_room(struct text *text, size_t size)
{
    size_t room = text->room < TEXT_ROOM_LEAST ? TEXT_ROOM_LEAST : text->room;
    char *bytes;

    while (room - text->size < size) {
        room *= 2;
    }
    bytes = realloc(text->bytes, room);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

void text_add(struct text *text, const char *bytes, size_t size)
{
    if (text->failed || (text->room - text->size < size && !text_make_room(text, size))) {
        return;
    }
    if (size > 0) {
        memcpy(text->bytes + text->size, bytes, size);
        text->size += size;
    }
}

void text_add_number(struct text *text, uint64_t number)
{
    char digits[TEXT_DIGITS_MAX];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add(text, digits + first, sizeof(digits) - first);
}

void text_clear(struct text *text)
{
    text->size = 0;
    text->failed = false;
}

void text_done(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}
