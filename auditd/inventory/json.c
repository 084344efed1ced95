#include "auditd/inventory/inventory.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static int json_text(const json_t *value, const char *what, char *reason, const char **ret_text)
{
    if (value == NULL || json_is_null(value)) {
        *ret_text = "";
        return 0;
    }
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        snprintf(reason, INVENTORY_REASON_SIZE, "\"%s\" must be a text", what);
        return -EINVAL;
    }
    *ret_text = json_string_value(value);
    return 0;
}

static int json_addresses(const json_t *value, const char *what, struct inventory_host *host, char *reason)
{
    const char *text;
    size_t index;
    const json_t *item;
    int rc = 0;

    if (json_is_array(value)) {
        json_array_foreach(value, index, item)
        {
            if (rc == 0 && (!json_is_string(item) || json_string_length(item) == 0)) {
                snprintf(reason, INVENTORY_REASON_SIZE, "\"%s\" must hold texts that are not empty", what);
                return -EINVAL;
            }
            rc = rc == 0 ? inventory_add_address(host, json_string_value(item), reason) : rc;
        }
        return rc;
    }
    rc = json_text(value, what, reason, &text);
    return rc < 0 || text[0] == '\0' ? rc : inventory_add_address(host, text, reason);
}

static int json_tags(json_t *value, struct inventory_host *host, char *reason)
{
    const char *key;
    const char *text;
    json_t *item;
    int rc = 0;

    if (value != NULL && !json_is_object(value) && !json_is_null(value)) {
        snprintf(reason, INVENTORY_REASON_SIZE, "\"tags\" must be an object like {\"app\": \"shop\"}");
        return -EINVAL;
    }
    json_object_foreach(value, key, item)
    {
        rc = rc == 0 ? json_text(item, "tags", reason, &text) : rc;
        rc = rc == 0 ? inventory_add_tag(host, key, text, reason) : rc;
    }
    return rc;
}

static int json_check_keys(json_t *item, char *reason)
{
    static const char *const keys[] = {"address", "addresses", "id", "name", "tags"};
    const char *key;
    json_t *value;

    json_object_foreach(item, key, value)
    {
        size_t i = 0;
        while (i < sizeof(keys) / sizeof(*keys) && strcmp(keys[i], key) != 0) {
            i++;
        }
        if (i == sizeof(keys) / sizeof(*keys)) {
            snprintf(reason, INVENTORY_REASON_SIZE, "\"%.100s\" is none of address, addresses, id, name, tags", key);
            return -EINVAL;
        }
    }
    return 0;
}

static int json_host(json_t *item, struct inventory_host *host, char *reason)
{
    const char *text;
    int rc;

    if (!json_is_object(item)) {
        snprintf(reason, INVENTORY_REASON_SIZE, "a host must be an object like {\"address\": \"10.0.0.5\"}");
        return -EINVAL;
    }
    rc = json_check_keys(item, reason);
    rc = rc == 0 ? json_text(json_object_get(item, "id"), "id", reason, &text) : rc;
    rc = rc == 0 ? inventory_set_id(host, text, reason) : rc;
    rc = rc == 0 ? json_text(json_object_get(item, "name"), "name", reason, &text) : rc;
    rc = rc == 0 ? inventory_set_name(host, text, reason) : rc;
    rc = rc == 0 ? json_addresses(json_object_get(item, "address"), "address", host, reason) : rc;
    rc = rc == 0 ? json_addresses(json_object_get(item, "addresses"), "addresses", host, reason) : rc;
    return rc == 0 ? json_tags(json_object_get(item, "tags"), host, reason) : rc;
}

static int json_hosts(const json_t *list, struct inventory *inventory, char *reason)
{
    char what[INVENTORY_REASON_SIZE] = "";
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item)
    {
        struct inventory_host *host = NULL;
        int rc = inventory_add(inventory, &host);
        if (rc == 0) {
            rc = json_host(item, host, what);
        } else if (rc == -E2BIG) {
            snprintf(what, sizeof(what), "there are more than %d hosts", INVENTORY_HOSTS_MAX);
            rc = -EINVAL;
        }
        if (rc < 0) {
            snprintf(reason, INVENTORY_REASON_SIZE, "host %zu: %.280s", index + 1, what);
            return rc == -EINVAL ? -EBADMSG : rc;
        }
    }
    inventory->is_complete = true;
    return inventory_check(inventory, reason);
}

int inventory_parse_json(const char *text, size_t size, struct inventory *ret_inventory,
                         char reason[INVENTORY_REASON_SIZE])
{
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    const json_t *list = json_is_object(root) ? json_object_get(root, "hosts") : root;
    int rc = -EBADMSG;

    *ret_inventory = (struct inventory){0};
    if (root == NULL && json_error_code(&error) == json_error_null_character) {
        snprintf(reason, INVENTORY_REASON_SIZE, "line %d, column %d: a text has a zero byte in it (\\u0000)",
                 error.line, error.column);
    } else if (root == NULL) {
        snprintf(reason, INVENTORY_REASON_SIZE, "line %d, column %d: %.200s", error.line, error.column, error.text);
    } else if (!json_is_array(list)) {
        snprintf(reason, INVENTORY_REASON_SIZE,
                 "it must be a list of hosts, or an object with such a list as \"hosts\"");
    } else {
        rc = json_hosts(list, ret_inventory, reason);
    }
    json_decref(root);
    return rc;
}
