#include "auditd/policy/rule_index.h"

#include <stdlib.h>
#include <string.h>

/* Past WORK_MAX (rules x stretches) a table is one stretch with all rules, each of which still looks at its ports: a
 * policy cannot make it take long, or much memory. */
enum { PORT_COUNT = 65536, TABLES = 4, WORK_MAX = 1 << 23 };

/* Of one kind of rule and one protocol: ports that the same rules have share a list. */
struct table {
    uint16_t stretch[PORT_COUNT]; /* of ports, counted from 0 */
    uint32_t *begins;             /* of each stretch: where its rules begin in `rules`; one more than stretches */
    uint16_t *rules;
};

struct rule_index {
    struct table tables[TABLES];
};

static size_t table_of(bool forbid, bool is_udp)
{
    return (forbid ? 2U : 0U) + (is_udp ? 1U : 0U);
}

static bool concerns(const struct rule *rule, const char *proto)
{
    return rule->proto[0] == '\0' || strcmp(rule->proto, proto) == 0;
}

/* A bit for each port at which some rule begins or has ended. */
static void find_borders(const struct rule_list *list, const char *proto, struct portset *borders)
{
    portset_clear(borders);
    for (size_t i = 0; i < list->count; i++) {
        const struct portset *ports = &list->items[i].ports;
        if (!concerns(&list->items[i], proto)) {
            continue;
        }
        for (int32_t first = portset_next(ports, 0); first >= 0;) {
            uint32_t end = (uint32_t)portset_run_end(ports, (uint16_t)first) + 1;
            portset_add(borders, (uint16_t)first);
            if (end < PORT_COUNT) {
                portset_add(borders, (uint16_t)end);
            }
            first = end < PORT_COUNT ? portset_next(ports, end) : -1;
        }
    }
}

/* How many rules the port has; writes them when there is room. */
static size_t list_rules(const struct rule_list *list, const char *proto, uint16_t port, uint16_t *rules)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (concerns(&list->items[i], proto) && portset_has(&list->items[i].ports, port)) {
            if (rules != NULL) {
                rules[count] = (uint16_t)i;
            }
            count++;
        }
    }
    return count;
}

static size_t cut_stretches(struct table *table, const struct portset *borders)
{
    size_t count = 0;

    for (uint32_t port = 0; port < PORT_COUNT; port++) {
        if (port > 0 && portset_has(borders, (uint16_t)port)) {
            count++;
        }
        table->stretch[port] = (uint16_t)count;
    }
    return count + 1;
}

static void list_all(struct table *table, const struct rule_list *list, const char *proto)
{
    for (size_t i = 0; i < list->count; i++) {
        if (concerns(&list->items[i], proto)) {
            table->rules[table->begins[1]++] = (uint16_t)i;
        }
    }
}

static bool fill_table(struct table *table, const struct rule_list *list, const char *proto)
{
    struct portset borders;
    size_t stretches;
    size_t total = 0;
    bool too_many;

    find_borders(list, proto, &borders);
    stretches = cut_stretches(table, &borders);
    too_many = stretches * list->count > WORK_MAX;
    if (too_many) {
        portset_clear(&borders);
        stretches = cut_stretches(table, &borders);
    }
    table->begins = calloc(stretches + 1, sizeof(*table->begins));
    for (uint32_t port = 0; port < PORT_COUNT && table->begins != NULL && !too_many; port++) {
        if (port == 0 || portset_has(&borders, (uint16_t)port)) {
            total += list_rules(list, proto, (uint16_t)port, NULL);
            table->begins[table->stretch[port] + 1] = (uint32_t)total;
        }
    }
    table->rules = calloc((too_many ? list->count : total) + 1, sizeof(*table->rules));
    if (table->begins == NULL || table->rules == NULL) {
        return false;
    }
    if (too_many) {
        list_all(table, list, proto);
    }
    for (uint32_t port = 0; port < PORT_COUNT && !too_many; port++) {
        if (port == 0 || portset_has(&borders, (uint16_t)port)) {
            (void)list_rules(list, proto, (uint16_t)port, table->rules + table->begins[table->stretch[port]]);
        }
    }
    return true;
}

struct rule_index *rule_index_create(const struct rule_set *set)
{
    struct rule_index *index = calloc(1, sizeof(*index));
    bool made = index != NULL;

    for (size_t i = 0; made && i < TABLES; i++) {
        bool forbid = i >= 2;
        made = fill_table(&index->tables[i], forbid ? &set->forbid : &set->allow, i % 2 == 0 ? "tcp" : "udp");
    }
    if (!made) {
        rule_index_destroy(index);
        return NULL;
    }
    return index;
}

void rule_index_destroy(struct rule_index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t i = 0; i < TABLES; i++) {
        free(index->tables[i].begins);
        free(index->tables[i].rules);
    }
    free(index);
}

struct rule_numbers rule_index_find(const struct rule_index *index, bool forbid, const char *proto, uint16_t port)
{
    const struct table *table = &index->tables[table_of(forbid, strcmp(proto, "udp") == 0)];
    uint32_t begin = table->begins[table->stretch[port]];

    return (struct rule_numbers){table->rules + begin, table->begins[table->stretch[port] + 1] - begin};
}
