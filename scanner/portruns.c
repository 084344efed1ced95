#include "scanner/portruns.h"

#include <assert.h>
#include <stddef.h>

static void portruns_write(struct portruns *runs)
{
    if (runs->text.size > 0) {
        text_add(&runs->text, ",", 1);
    }
    text_add_number(&runs->text, runs->first);
    if (runs->last > runs->first) {
        text_add(&runs->text, "-", 1);
        text_add_number(&runs->text, runs->last);
    }
}

void portruns_add(struct portruns *runs, uint16_t port)
{
    assert(runs->count == 0 || port > runs->last);
    if (runs->count > 0 && port > runs->last + 1) {
        portruns_write(runs);
    }
    if (runs->count == 0 || port > runs->last + 1) {
        runs->first = port;
    }
    runs->last = port;
    runs->count++;
}

const char *portruns_end(struct portruns *runs)
{
    if (runs->count > 0) {
        portruns_write(runs);
    }
    text_add(&runs->text, "", 1);
    return runs->text.failed ? NULL : runs->text.bytes;
}

void portruns_clear(struct portruns *runs)
{
    text_clear(&runs->text);
    runs->count = 0;
}

void portruns_done(struct portruns *runs)
{
    text_done(&runs->text);
    *runs = (struct portruns){0};
}
