/* Which notices a person is shown on stderr: the first few of each code that name a host, and at the end how many more
 * there were. Pure: writes nothing itself. */
#ifndef LEASTPORT_SCANNER_FOLD_H
#define LEASTPORT_SCANNER_FOLD_H

#include "scanner/observation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FOLD_SAID = 5, FOLD_CODES = 16, FOLD_CODE_SIZE = 32, FOLD_TEXT_SIZE = 512 };

/* Zeroed it is ready for use. Its fields are its own. */
struct fold {
    struct fold_code {
        char code[FOLD_CODE_SIZE];
        uint64_t count;
        char gist[FOLD_TEXT_SIZE - 64]; /* of the latest, without its host */
    } codes[FOLD_CODES];
};

/* True: it is to be said now; false: it is counted. Without a host, and beyond FOLD_CODES codes, always true. */
bool fold_take(struct fold *fold, const struct observation_notice *notice);

/* The sentence for one code of which more were counted than said, which then begins anew; false when none is left. */
bool fold_next(struct fold *fold, char ret_text[FOLD_TEXT_SIZE]);

#endif
