/* What was answered to requests with an Idempotency-Key: whoever asks again, because the answer was lost on its way,
 * gets that answer, and nothing is done twice. In memory, for a day, the last 1,024 of them. Safe from several
 * threads. */
#ifndef LEASTPORT_WEB_REPEAT_H
#define LEASTPORT_WEB_REPEAT_H

#include "web/exchange.h"

struct repeat_table;

enum repeat_state {
    REPEAT_NEW,       /* do it, then repeat_keep() */
    REPEAT_ANSWERED,  /* the exchange is filled in */
    REPEAT_REFUSED,   /* exchange->problem is set */
    REPEAT_NOT_ASKED, /* there is no key */
};

enum { REPEAT_KEY_MAX = 128 };

/* NULL when out of memory. The caller owns it: repeat_table_destroy(). */
struct repeat_table *repeat_table_create(void);
void repeat_table_destroy(struct repeat_table *table);

/* Of exchange->head and the principal's token: nobody gets what another was answered. */
enum repeat_state repeat_begin(struct repeat_table *table, struct exchange *exchange);
/* After REPEAT_NEW. What failed by no fault of the request is forgotten. */
void repeat_keep(struct repeat_table *table, const struct exchange *exchange);

#endif
