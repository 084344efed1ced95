/* An observation as the text of its line. Ports and hosts, of which there may be hundreds of thousands a second, are
 * written without a tree in between; the text is the one that observation_encode()'s tree has. */
#ifndef LEASTPORT_SCANNER_LINE_H
#define LEASTPORT_SCANNER_LINE_H

#include "lib/clock.h"
#include "scanner/observation.h"
#include "scanner/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed before the first use; one serves any number of observations. */
struct line {
    struct text text; /* the last one, without a newline */
    bool odd;         /* something in it has to be escaped */
    int64_t second;   /* of the time that was written last, and its text */
    char stamp[WALL_TEXT_SIZE];
};

/* Makes line->text the observation's, with the scan's id unless that is NULL. -ENOMEM; also when one of the texts of a
 * host's groups is missing or not UTF-8. */
MUST_USE int line_write(struct line *line, const struct observation *observation, const char *scan_id);
void line_done(struct line *line);

#endif
