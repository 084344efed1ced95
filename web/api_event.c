/* /api/v1/events: what happens, as it happens. The handler only gives a ticket; the stream does the rest. */
#include "web/api.h"
#include "web/asset.h"
#include "web/exchange.h"
#include "web/route.h"
#include "web/stream.h"

#include <string.h>

void api_events(struct exchange *exchange)
{
    static const struct asset nothing = {.bytes = (const unsigned char *)"", .etag = ""};

    if (exchange->uri->param_count > 0) {
        problem_set(&exchange->problem, 400, "Events take no parameters.");
        problem_point(&exchange->problem, "query", exchange->uri->params[0].name, "is not known here");
    } else if (strcmp(exchange->head->method, "HEAD") == 0) {
        exchange->asset = &nothing;
    } else if (exchange->site->stream == NULL) {
        problem_set(&exchange->problem, 404, "This server sends no events.");
    } else {
        exchange->ticket = stream_ticket_make(exchange->site->stream, exchange);
    }
}
