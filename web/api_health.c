/* /healthz: the program runs. /readyz: it can show something. /api/v1/health: the state of each part. And the
 * description of all of it. */
#include "lib/clock.h"
#include "web/api.h"
#include "web/asset.h"
#include "web/daemon_view.h"
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
    struct daemon_said said;

    exchange->store_rc = store_pool_borrow(exchange->site->pool, NULL, error, &exchange->reader);
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
    daemon_view_look(exchange->site->daemon, &said);
    json_put_text(&writer, "auditd", control_state_name(said.state));
    json_put_text_or_null(&writer, "hindrance", said.hindrance);
    json_close_object(&writer);
}

static void health_write_web(struct json_writer *writer, const struct sandbox *sandbox)
{
    json_open_object(writer, "web");
    json_put_text(writer, "status", "running");
    json_put_text(writer, "version", LEASTPORT_VERSION);
    json_open_object(writer, "sandbox");
    json_put_text(writer, "seccomp", sandbox->is_entered ? "on" : "off");
    json_put_text(writer, "landlock", sandbox->landlock_abi > 0 ? "on" : sandbox->is_entered ? "missing" : "off");
    json_put_number(writer, "landlock_version", sandbox->landlock_abi);
    json_close_object(writer);
    json_close_object(writer);
}

static int health_write_scan(void *context, const struct store_scan *scan)
{
    struct json_writer *writer = context;
    int64_t since = scan->ended_at == 0 ? scan->started_at : scan->ended_at;
    int64_t age_ms = wall_now_ms() - since;

    json_open_object(writer, "last_scan");
    json_put_text(writer, "uuid", scan->uuid);
    json_put_text(writer, "state", scan->state);
    json_put_time(writer, "started_at", scan->started_at);
    json_put_time(writer, "ended_at", scan->ended_at);
    /* A clock that was set back makes nothing younger than now. */
    json_put_number(writer, "age_s", age_ms < 0 ? 0 : age_ms / 1000);
    json_close_object(writer);
    return 0;
}

static int health_write_database(struct json_writer *writer, struct store_reader *reader)
{
    const struct store_scan_filter youngest = {
        .page = {.sort = STORE_SCAN_BY_START, .is_descending = true, .limit = 1}};
    size_t begun;
    int rc;

    json_open_object(writer, "database");
    json_put_text(writer, "status", "readable");
    /* A reader opens no other. */
    json_put_number(writer, "schema", STORE_READ_SCHEMA_VERSION);
    begun = writer->buffer->length;
    rc = store_read_scans(reader, &youngest, health_write_scan, writer);
    if (rc == 0 && writer->buffer->length == begun) {
        json_put_null(writer, "last_scan");
    }
    json_close_object(writer);
    return rc;
}

void api_health(struct exchange *exchange)
{
    struct json_writer writer;
    struct daemon_said said;
    int rc;

    daemon_view_look(exchange->site->daemon, &said);
    json_writer_init(&writer, &exchange->body);
    json_open_object(&writer, NULL);
    health_write_web(&writer, &exchange->site->sandbox);
    rc = health_write_database(&writer, exchange->reader);
    json_open_object(&writer, "auditd");
    json_put_text(&writer, "status", control_state_name(said.state));
    json_put_text_or_null(&writer, "hindrance", said.hindrance);
    json_close_object(&writer);
    json_close_object(&writer);
    if (rc != 0) {
        exchange_fail(exchange, rc);
        exchange->problem.status = 503;
        problem_point(&exchange->problem, "database", "unusable", "%s", store_reader_error(exchange->reader));
    }
}

void api_openapi(struct exchange *exchange)
{
    const struct asset *asset = asset_find("/assets/openapi.yaml");

    assert(asset != NULL);
    exchange->content_type = asset->content_type;
    exchange->asset = asset;
}
