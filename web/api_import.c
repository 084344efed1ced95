/* /api/v1/imports: another scanner's file comes in. auditd reads, stores and judges it. */
#include "auditd/protocol.h"
#include "web/api.h"
#include "web/content.h"
#include "web/framing.h"
#include "web/order.h"

#include "lib/clock.h"

enum { IMPORT_NAME_MAX = 128 };

static const char *const import_formats[] = {"nmap", "masscan-json", "masscan-list", NULL};
static const char *const import_classes[] = {"self", "own-vpc", "vpn", "peer", "public-range", "world", NULL};

static const struct content_member import_members[] = {
    {"text", CONTENT_TEXT, true, FRAMING_MAX_BODY_BYTES, NULL},
    {"format", CONTENT_CHOICE, false, 0, import_formats},
    {"vantage", CONTENT_TEXT, false, IMPORT_NAME_MAX, NULL},
    {"vantage_class", CONTENT_CHOICE, false, 0, import_classes},
    {"realm", CONTENT_TEXT, false, IMPORT_NAME_MAX, NULL},
    {0},
};

/* As auditd tells it, but for the time. */
static json_t *import_shape(const json_t *answer)
{
    static const char *const names[] = {"realm", "vantage", "format", "hosts", "open", "left_out", "finished", "scans"};
    char begun[WALL_TEXT_SIZE];
    json_t *shaped =
        json_pack("{s:s}", "scanned_at", wall_format(json_integer_value(json_object_get(answer, "begun_ms")), begun));

    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && shaped != NULL; i++) {
        json_object_set(shaped, names[i], json_object_get(answer, names[i]));
    }
    return shaped;
}

void api_import(struct exchange *exchange)
{
    json_t *request = content_read(exchange, import_members);
    json_t *answer = NULL;

    if (request != NULL) {
        json_object_set_new(request, "op", json_string(CONTROL_OP_IMPORT));
        json_object_set_new(request, "do", json_string(CONTROL_IMPORT_FILE));
        answer = order_send(exchange, request);
    }
    if (answer != NULL) {
        order_write(exchange, import_shape(answer));
    }
    json_decref(answer);
}
