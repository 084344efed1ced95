#include "auditd/config/vantages.h"

#include "auditd/config/config.h"
#include "auditd/config/shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct validate_schema run_word = {.types = VALIDATE_STRING, .max_length = 4096};
static const struct validate_schema run_words = {.types = VALIDATE_ARRAY,
                                                 .expected =
                                                     "a list of words like [ssh, -T, scan@host, leastport-scan]",
                                                 .items = &run_word,
                                                 .min_items = 1,
                                                 .max_items = CONFIG_RUN_WORDS_MAX};
static const struct validate_field vantage_fields[] = {{"name", &shape_name, true},
                                                       {"class", &shape_class, false},
                                                       {"realm", &shape_name, false},
                                                       {"address", &shape_addresses, false},
                                                       {"tags", &config_tags_shape, false},
                                                       {"run", &run_words, false},
                                                       {NULL, NULL, false}};
static const struct validate_schema vantage_schema = {
    .types = VALIDATE_OBJECT, .expected = "a mapping like {name: outside, class: world}", .fields = vantage_fields};
const struct validate_schema vantages_schema = {.types = VALIDATE_ARRAY,
                                                .expected = "a list like [{name: outside, class: world}]",
                                                .items = &vantage_schema,
                                                .max_items = CONFIG_VANTAGES_MAX};

static int vantages_read_one(const struct yaml_node *node, struct config *config, struct problems *problems)
{
    struct config_vantage *vantage = &config->vantages[config->vantage_count];
    const struct yaml_node *class = yaml_node_get(node, "class");
    const char *name = json_string_value(yaml_node_get(node, "name")->value);
    struct config_vantage namesake;
    int rc;

    if (vantages_find(config, name, &namesake) == 0) {
        problems_add(problems, PROBLEM_ERROR, yaml_node_get(node, "name")->mark, "/vantages",
                     "another vantage has this name");
        return -EBADMSG;
    }
    config->vantage_count++;
    vantage->has_class = class != NULL;
    rc = class == NULL ? 0 : vantage_class_parse(json_string_value(class->value), &vantage->vantage_class);
    rc = rc == 0 ? config_read_text(node, "name", &vantage->name) : rc;
    rc = rc == 0 ? config_read_text(node, "realm", &vantage->realm) : rc;
    rc = rc == 0 ? config_read_list(node, "address", &vantage->addresses) : rc;
    rc = rc == 0 ? config_read_list(node, "run", &vantage->run) : rc;
    return rc == 0 ? label_tags_read(yaml_node_get(node, "tags"), &vantage->tags, &vantage->tag_count) : rc;
}

int vantages_read(const struct yaml_node *node, struct config *config, struct problems *problems)
{
    bool refused = false;

    if (node == NULL || node->child_count == 0) {
        return 0;
    }
    config->vantages = calloc(node->child_count, sizeof(*config->vantages));
    if (config->vantages == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        int rc = vantages_read_one(&node->children[i], config, problems);
        if (rc < 0 && rc != -EBADMSG) {
            return rc;
        }
        refused = refused || rc < 0;
    }
    return refused ? -EBADMSG : 0;
}

void vantages_done(struct config_vantage *vantages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(vantages[i].name);
        free(vantages[i].realm);
        config_list_done(&vantages[i].addresses);
        config_list_done(&vantages[i].run);
        label_tags_done(vantages[i].tags, vantages[i].tag_count);
    }
    free(vantages);
}

int vantages_find(const struct config *config, const char *name, struct config_vantage *ret_vantage)
{
    if (strcmp(config->vantage, name) == 0) {
        *ret_vantage = (struct config_vantage){
            .name = config->vantage,
            .has_class = config->has_vantage_class,
            .vantage_class = config->vantage_class,
            .addresses = config->vantage_addresses,
            .tags = config->vantage_tags,
            .tag_count = config->vantage_tag_count,
        };
        return 0;
    }
    for (size_t i = 0; i < config->vantage_count; i++) {
        if (config->vantages[i].name != NULL && strcmp(config->vantages[i].name, name) == 0) {
            *ret_vantage = config->vantages[i];
            return 0;
        }
    }
    return -ENOENT;
}
