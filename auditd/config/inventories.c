#include "auditd/config/inventories.h"

#include "auditd/config/config.h"
#include "auditd/config/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct validate_schema host_text = {.types = VALIDATE_STRING, .max_length = 512};
static const struct validate_schema host_texts = {.types = VALIDATE_STRING | VALIDATE_ARRAY,
                                                  .items = &host_text,
                                                  .min_items = 1,
                                                  .max_items = INVENTORY_ADDRESSES_MAX};
static const struct validate_field host_fields[] = {{"address", &host_texts, false},
                                                    {"id", &host_text, false},
                                                    {"name", &host_text, false},
                                                    {"tags", &config_tags_shape, false},
                                                    {NULL, NULL, false}};
static const struct validate_schema host_schema = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {address: 10.0.0.5, name: db1}", .fields = host_fields};
static const struct validate_schema hosts_schema = {.types = VALIDATE_ARRAY,
                                                    .expected = "a list like [{address: 10.0.0.5}]",
                                                    .items = &host_schema,
                                                    .min_items = 1,
                                                    .max_items = INVENTORY_HOSTS_MAX};
static const struct validate_schema dns_schema = {
    .types = VALIDATE_STRING | VALIDATE_ARRAY, .items = &host_text, .min_items = 1, .max_items = INVENTORY_HOSTS_MAX};
static const struct validate_field inventory_fields[] = {
    {"name", &shape_name, true},        {"realm", &shape_name, false},
    {"hosts", &hosts_schema, false},    {"file", &shape_path, false},
    {"dns", &dns_schema, false},        {"tags", &config_tags_shape, false},
    {"aws", &config_aws_schema, false}, {NULL, NULL, false}};
static const struct validate_schema inventory_schema = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {name: fleet, file: hosts.json}", .fields = inventory_fields};
const struct validate_schema inventories_schema = {.types = VALIDATE_ARRAY,
                                                   .expected = "a list like [{name: fleet, file: hosts.json}]",
                                                   .items = &inventory_schema,
                                                   .max_items = CONFIG_INVENTORIES_MAX};

static int inventories_refuse(struct problems *problems, const struct yaml_node *node, const char *message)
{
    problems_add(problems, PROBLEM_ERROR, node->mark, "/inventories", "%s", message);
    return -EBADMSG;
}

/* What inventory.h said of the value at `node`. */
static int inventories_judge(struct problems *problems, const struct yaml_node *node, int rc, const char *reason)
{
    return rc == -EINVAL || rc == -EBADMSG ? inventories_refuse(problems, node, reason) : rc;
}

static int inventories_read_addresses(const struct yaml_node *node, struct inventory_host *host,
                                      struct problems *problems)
{
    bool is_array = node != NULL && json_is_array(node->value);
    size_t count = node == NULL ? 0 : is_array ? node->child_count : 1;
    char reason[INVENTORY_REASON_SIZE];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct yaml_node *item = is_array ? &node->children[i] : node;
        rc = inventories_judge(problems, item, inventory_add_address(host, json_string_value(item->value), reason),
                               reason);
    }
    return rc;
}

static int inventories_read_host(const struct yaml_node *node, struct inventory_host *host, struct problems *problems)
{
    const struct yaml_node *id = yaml_node_get(node, "id");
    const struct yaml_node *name = yaml_node_get(node, "name");
    char reason[INVENTORY_REASON_SIZE] = "";
    int rc = inventories_read_addresses(yaml_node_get(node, "address"), host, problems);

    if (rc == 0 && id != NULL) {
        rc = inventories_judge(problems, id, inventory_set_id(host, json_string_value(id->value), reason), reason);
    }
    if (rc == 0 && name != NULL) {
        rc =
            inventories_judge(problems, name, inventory_set_name(host, json_string_value(name->value), reason), reason);
    }
    return rc == 0 ? label_tags_read(yaml_node_get(node, "tags"), &host->tags, &host->tag_count) : rc;
}

static int inventories_read_hosts(const struct yaml_node *list, struct inventory *inventory, struct problems *problems)
{
    char reason[INVENTORY_REASON_SIZE] = "";
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < list->child_count; i++) {
        struct inventory_host *host;
        rc = inventory_add(inventory, &host);
        rc = rc == 0 ? inventories_read_host(&list->children[i], host, problems) : rc;
    }
    inventory->is_complete = true;
    return rc == 0 ? inventories_judge(problems, list, inventory_check(inventory, reason), reason) : rc;
}

static int inventories_read_dns(const struct yaml_node *node, struct inventory *inventory, struct problems *problems)
{
    bool is_array = json_is_array(node->value);
    size_t count = is_array ? node->child_count : 1;
    char reason[INVENTORY_REASON_SIZE] = "";
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct yaml_node *item = is_array ? &node->children[i] : node;
        struct inventory_host *host;
        struct addr address;
        rc = inventory_add(inventory, &host);
        if (rc == 0 && addr_parse(json_string_value(item->value), &address) == 0) {
            return inventories_refuse(problems, item, "an address is no name: it goes with \"hosts\"");
        }
        rc = rc == 0 ? inventories_judge(problems, item,
                                         inventory_set_name(host, json_string_value(item->value), reason), reason)
                     : rc;
    }
    inventory->is_complete = true;
    return rc == 0 ? inventories_judge(problems, node, inventory_check(inventory, reason), reason) : rc;
}

static int inventories_read_path(const struct yaml_node *node, const char *member, const char *folder, char **ret_path)
{
    char *joined;
    int rc = config_read_text(node, member, ret_path);

    if (rc < 0 || folder == NULL || *ret_path[0] == '/') {
        return rc;
    }
    if (asprintf(&joined, "%s/%s", folder, *ret_path) < 0) {
        return -ENOMEM;
    }
    free(*ret_path);
    *ret_path = joined;
    return 0;
}

/* What it says comes from one place. */
static int inventories_check_one(const struct yaml_node *node, const struct config_inventory *inventory,
                                 struct problems *problems)
{
    const struct yaml_node *realm = yaml_node_get(node, "realm");
    bool has_file = yaml_node_get(node, "file") != NULL;
    bool has_aws = yaml_node_get(node, "aws") != NULL;

    if (inventory->has_hosts + inventory->has_dns + has_file + has_aws != 1) {
        return inventories_refuse(problems, node,
                                  "it must have exactly one of \"hosts\", \"file\", \"dns\" and \"aws\"");
    }
    if (has_aws && realm != NULL) {
        return inventories_refuse(problems, realm, "a cloud's realms are its VPCs: leave \"realm\" out");
    }
    return 0;
}

/* Its name is also a folder's, of what was read. */
static bool inventories_may_be_folder(const char *name)
{
    return strlen(name) <= 64 && name[0] != '.' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name);
}

static int inventories_read_aws(const struct yaml_node *node, const struct yaml_node *name, const char *folder,
                                struct config_inventory *inventory, struct problems *problems)
{
    if (yaml_node_get(node, "folder") != NULL && node->child_count > 1) {
        return inventories_refuse(problems, node, "with \"folder\" nobody is asked: leave the others out");
    }
    if (yaml_node_get(node, "folder") != NULL) {
        return inventories_read_path(node, "folder", folder, &inventory->cloud);
    }
    if (!inventories_may_be_folder(inventory->name)) {
        return inventories_refuse(problems, name,
                                  "what is read live goes to a folder of this name: at most 64 letters, digits, "
                                  "\".\", \"_\" and \"-\", and no \".\" first");
    }
    return config_aws_read(node, folder, &inventory->live, problems);
}

static int inventories_read_one(const struct yaml_node *node, const char *folder, struct config *config,
                                struct problems *problems)
{
    struct config_inventory *inventory = &config->inventories[config->inventory_count];
    const struct yaml_node *hosts = yaml_node_get(node, "hosts");
    const struct yaml_node *dns = yaml_node_get(node, "dns");
    const struct yaml_node *aws = yaml_node_get(node, "aws");
    bool has_file = yaml_node_get(node, "file") != NULL;
    int rc;

    config->inventory_count++;
    inventory->has_hosts = hosts != NULL;
    inventory->has_dns = dns != NULL;
    rc = config_read_text(node, "name", &inventory->name);
    rc = rc == 0 ? config_read_text(node, "realm", &inventory->realm) : rc;
    rc = rc == 0 ? label_tags_read(yaml_node_get(node, "tags"), &inventory->tags, &inventory->tag_count) : rc;
    if (rc == 0 && inventories_find(config, inventory->name) != inventory) {
        return inventories_refuse(problems, yaml_node_get(node, "name"), "another inventory has this name");
    }
    rc = rc == 0 ? inventories_check_one(node, inventory, problems) : rc;
    rc = rc == 0 && hosts != NULL ? inventories_read_hosts(hosts, &inventory->hosts, problems) : rc;
    rc = rc == 0 && dns != NULL ? inventories_read_dns(dns, &inventory->dns, problems) : rc;
    rc = rc == 0 && has_file ? inventories_read_path(node, "file", folder, &inventory->path) : rc;
    return rc == 0 && aws != NULL ? inventories_read_aws(aws, yaml_node_get(node, "name"), folder, inventory, problems)
                                  : rc;
}

int inventories_read(const struct yaml_node *node, const char *folder, struct config *config, struct problems *problems)
{
    bool refused = false;

    if (node == NULL || node->child_count == 0) {
        return 0;
    }
    config->inventories = calloc(node->child_count, sizeof(*config->inventories));
    if (config->inventories == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        int rc = inventories_read_one(&node->children[i], folder, config, problems);
        if (rc < 0 && rc != -EBADMSG) {
            return rc;
        }
        refused = refused || rc < 0;
    }
    return refused ? -EBADMSG : 0;
}

void inventories_done(struct config_inventory *inventories, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(inventories[i].name);
        free(inventories[i].realm);
        free(inventories[i].path);
        free(inventories[i].cloud);
        config_aws_destroy(inventories[i].live);
        inventory_done(&inventories[i].hosts);
        inventory_done(&inventories[i].dns);
        label_tags_done(inventories[i].tags, inventories[i].tag_count);
    }
    free(inventories);
}

const struct config_inventory *inventories_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->inventory_count; i++) {
        if (config->inventories[i].name != NULL && strcmp(config->inventories[i].name, name) == 0) {
            return &config->inventories[i];
        }
    }
    return NULL;
}
