/* /healthz: the program runs. /readyz: it can show something. And the description of all of it. */
#include "web/api.h"
#include "web/asset.h"
#include "web/control.h"
#include "web/exchange.h"
#include "web/json_writer.h"
#include "web/store_pool.h"

#include <assert.h>

void api_healthz(struct exchange *exchange)
{
    struct json_writer writer;

    json_writer_init(&writer, &exchange->body);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "status", "ok");
    json_put_text(&writer, "version", LEASTPORT_VERSION);
    json_close_object(&writer);
}

void api_readyz(struct exchange *exchange)
{
    char error[STORE_READ_ERROR_SIZE] = "";
    struct json_writer writer;

    exchange->store_rc = store_pool_borrow(exchange->site->pool, error, &exchange->reader);
    if (exchange->store_rc != 0) {
        exchange->store_error = error;
        exchange_fail_store(exchange);
        exchange->store_error = NULL;
        return;
    }
    store_pool_return(exchange->site->pool, exchange->reader, false);
    exchange->reader = NULL;
    json_writer_init(&writer, &exchange->body);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "status", "ready");
    json_put_text(&writer, "database", "readable");
    json_put_text(&writer, "auditd", control_state_name(control_ask(exchange->site->control_path)));
    json_close_object(&writer);
}

void api_openapi(struct exchange *exchange)
{
    const struct asset *asset = asset_find("/assets/openapi.yaml");

    assert(asset != NULL);
    exchange->content_type = asset->content_type;
    exchange->fixed = asset->bytes;
    exchange->fixed_size = asset->size;
}
