/* The envelope of every list: {"items":[…],"next_cursor":…}. Takes the rows that fit and notices that there are more.
 */
#ifndef LEASTPORT_WEB_LIST_H
#define LEASTPORT_WEB_LIST_H

#include "web/exchange.h"
#include "web/json_writer.h"
#include "web/params.h"

struct list {
    struct exchange *exchange; /* borrowed, as is the rest */
    const struct params *params;
    struct json_writer writer;
    uint32_t count;
    bool has_more;
    struct store_position last;
};

void list_open(struct list *list, struct exchange *exchange, const struct params *params);
/* True: the caller writes the row as one object into list->writer. False: the row is past the limit. */
bool list_takes(struct list *list, double key, int64_t id);
/* The "next_cursor" of the rows that were taken. */
void list_put_cursor(struct list *list);
/* Ends the body; `rc` is what the reading function returned: an error becomes the exchange's problem. */
void list_close(struct list *list, int rc);

#endif
