#include "web/exchange.h"

#include "web/download.h"
#include "web/recall.h"
#include "web/stream.h"

#include <errno.h>
#include <string.h>

void exchange_init(struct exchange *exchange, const struct exchange_site *site)
{
    memset(exchange, 0, sizeof(*exchange));
    exchange->site = site;
    exchange->status = 200;
    exchange->content_type = "application/json";
    buffer_init(&exchange->body);
    principal_init(&exchange->principal);
}

void exchange_done(struct exchange *exchange)
{
    answer_release(exchange->answer);
    stream_ticket_drop(exchange->ticket);
    download_drop(exchange->download);
    buffer_done(&exchange->body);
    principal_done(&exchange->principal);
}

void exchange_fail(struct exchange *exchange, int rc)
{
    buffer_clear(&exchange->body);
    if (rc == -ENOENT) {
        problem_set(&exchange->problem, 404, "%s", store_reader_error(exchange->reader));
    } else if (rc == -EBUSY) {
        problem_set(&exchange->problem, 503, "The database is locked by another program; ask again in a moment.");
    } else {
        problem_set(&exchange->problem, 500, "Reading the database failed: %s.", store_reader_error(exchange->reader));
    }
}

void exchange_fail_store(struct exchange *exchange)
{
    bool is_empty = exchange->store_rc == -ENOENT || exchange->store_rc == -EAGAIN;

    problem_set(&exchange->problem, 503, "%s%s", is_empty ? "No audit has run yet. Run: leastport audit TARGET. " : "",
                exchange->store_error);
    problem_point(&exchange->problem, "database", is_empty ? "empty" : "unusable", "%s", exchange->store_error);
}
