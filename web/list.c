#include "web/list.h"

void list_open(struct list *list, struct exchange *exchange, const struct params *params)
{
    *list = (struct list){.exchange = exchange, .params = params};
    json_writer_init(&list->writer, &exchange->body);
    json_open_object(&list->writer, NULL);
    json_open_array(&list->writer, "items");
}

bool list_takes(struct list *list, double key, int64_t id)
{
    if (list->count == list->params->limit) {
        list->has_more = true;
        return false;
    }
    list->count++;
    list->last = (struct store_position){.is_set = true, .key = key, .id = id};
    return true;
}

void list_put_cursor(struct list *list)
{
    char cursor[CURSOR_TEXT_SIZE];

    if (list->has_more) {
        cursor_format(&list->params->binding, &list->last, cursor);
    }
    json_put_text(&list->writer, "next_cursor", list->has_more ? cursor : NULL);
}

void list_close(struct list *list, int rc)
{
    if (rc != 0) {
        exchange_fail(list->exchange, rc);
        return;
    }
    json_close_array(&list->writer);
    list_put_cursor(list);
    json_close_object(&list->writer);
}
