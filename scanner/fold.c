#include "scanner/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct fold_code *find_code(struct fold *fold, const char *code)
{
    for (size_t i = 0; i < FOLD_CODES; i++) {
        struct fold_code *entry = &fold->codes[i];
        if (entry->code[0] == '\0') {
            snprintf(entry->code, sizeof(entry->code), "%s", code);
        }
        if (strncmp(entry->code, code, sizeof(entry->code) - 1) == 0) {
            return entry;
        }
    }
    return NULL;
}

bool fold_take(struct fold *fold, const struct observation_notice *notice)
{
    struct fold_code *entry = notice->host != NULL ? find_code(fold, notice->code) : NULL;
    char host[ADDR_TEXT_SIZE];
    size_t length;

    if (entry == NULL || ++entry->count <= FOLD_SAID) {
        return true;
    }
    addr_format(notice->host, host);
    length = strlen(host);
    entry->gist[0] = '\0';
    if (strncmp(notice->message, host, length) == 0 && strncmp(notice->message + length, ": ", 2) == 0) {
        snprintf(entry->gist, sizeof(entry->gist), "%s", notice->message + length + 2);
    }
    return false;
}

bool fold_next(struct fold *fold, char ret_text[FOLD_TEXT_SIZE])
{
    for (size_t i = 0; i < FOLD_CODES; i++) {
        struct fold_code *entry = &fold->codes[i];
        uint64_t more = entry->count > FOLD_SAID ? entry->count - FOLD_SAID : 0;
        if (more > 0) {
            snprintf(ret_text, FOLD_TEXT_SIZE, "… and %" PRIu64 " more host%s: %s", more, more == 1 ? "" : "s",
                     entry->gist[0] != '\0' ? entry->gist : entry->code);
            entry->count = 0;
            return true;
        }
    }
    return false;
}
