/* What answers at the open ports, folded: alike answers are one line however many ports give them. Knows nothing of how
 * it is shown. */
#ifndef LEASTPORT_AUDITD_REPORT_ANSWERS_H
#define LEASTPORT_AUDITD_REPORT_ANSWERS_H

#include "auditd/store/read.h"

enum { ANSWER_PLACES_NAMED = 3, ANSWER_PLACE_SIZE = 200 };

enum answer_text {
    ANSWER_SERVICE,
    ANSWER_PRODUCT,
    ANSWER_VERSION,
    ANSWER_AUTH,
    ANSWER_TLS,         /* "true": from the first byte */
    ANSWER_CLEARTEXT,   /* "true": it serves without encryption */
    ANSWER_TLS_VERSION, /* the lowest that is accepted */
    ANSWER_BEHAVIOUR,   /* of a port that is no service */
    ANSWER_TEXTS,
};

struct report_answer {
    char *texts[ANSWER_TEXTS]; /* "" where it is not known; owned */
    int64_t certificate_end;   /* the earliest, ms; 0: none is shown */
    uint64_t count;
    char places[ANSWER_PLACES_NAMED][ANSWER_PLACE_SIZE]; /* the first, "10.0.0.5 6379/tcp"; not escaped */
};

/* Owns its items. */
struct report_answers {
    struct report_answer *items; /* open doors first, then by the earliest end, the lowest TLS, how many there are */
    size_t count;
    uint64_t asked;   /* open ports that were asked */
    uint64_t unasked; /* open ports that were not */
};

/* Of the ports that are open now. -errno as store_read.h has it. The caller ends it with report_answers_done(). */
MUST_USE int report_answers_read(struct store_reader *reader, struct report_answers *ret_answers);
void report_answers_done(struct report_answers *answers);

#endif
