/* Flaws of rules: shadowed entries of ACLs against every packet, and what is known of what was not read. */
#include "auditd/reach/flaw.h"
#include "auditd/reach/shadow.h"
#include "auditd/reach/span.h"
#include "tests/unit/auditd/reach/scene.h"
#include "tests/unit/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 20000, ENTRIES_MOST = 8, FLAWS_MOST = 16 };

enum { TCP = REACH_TCP, UDP = REACH_UDP, ALL = REACH_PROTO_ALL };

struct line {
    uint32_t number;
    bool allow;
    int16_t proto;
    struct reach_ports ports;
    bool egress;
    const char *prefix;
};

static void add_entry(struct reach_model *model, struct reach_acl *acl, const struct line *line)
{
    struct reach_entry *entry = MADE_PUSH(model, &acl->entries);

    *entry = (struct reach_entry){.number = line->number,
                                  .proto = line->proto,
                                  .egress = line->egress,
                                  .allow = line->allow,
                                  .ports = line->ports,
                                  .prefix = scene_prefix(line->prefix)};
}

/* ---- the table ---- */

static const struct shadow_case {
    struct line entries[4];
    int shadowed; /* the last entry is */
    bool otherwise, by_others;
    uint32_t by;
} shadow_cases[] = {
    {{{100, true, ALL, {0, 0}, false, "0.0.0.0/0"}, {110, false, TCP, {22, 22}, false, "0.0.0.0/0"}},
     1,
     true,
     false,
     0},
    {{{100, true, ALL, {0, 0}, false, "0.0.0.0/0"}, {110, true, TCP, {22, 22}, false, "10.0.0.0/8"}},
     1,
     false,
     false,
     0},
    {{{100, true, ALL, {0, 0}, false, "0.0.0.0/0"}, {110, false, TCP, {22, 22}, true, "0.0.0.0/0"}},
     0,
     false,
     false,
     0},
    {{{100, true, ALL, {0, 0}, false, "0.0.0.0/0"}, {110, false, TCP, {22, 22}, false, "::/0"}}, 0, false, false, 0},
    {{{100, false, TCP, {22, 22}, false, "10.0.0.0/9"}, {110, true, TCP, {22, 22}, false, "10.0.0.0/8"}},
     0,
     false,
     false,
     0},
    {{{100, false, TCP, {22, 22}, false, "10.0.0.0/9"},
      {105, true, TCP, {20, 30}, false, "10.128.0.0/9"},
      {110, true, TCP, {22, 22}, false, "10.0.0.0/8"}},
     1,
     true,
     true,
     0},
    {{{100, true, TCP, {0, 1000}, false, "0.0.0.0/0"},
      {105, true, TCP, {1001, 65535}, false, "0.0.0.0/0"},
      {110, true, TCP, {900, 1100}, false, "10.0.0.0/8"}},
     1,
     false,
     true,
     0},
    {{{100, true, TCP, {0, 1000}, false, "0.0.0.0/0"},
      {105, true, TCP, {1002, 65535}, false, "0.0.0.0/0"},
      {110, true, TCP, {900, 1100}, false, "10.0.0.0/8"}},
     0,
     false,
     false,
     0},
    /* Other protocols get to it. */
    {{{100, true, TCP, {0, 65535}, false, "0.0.0.0/0"},
      {105, false, UDP, {0, 65535}, false, "0.0.0.0/0"},
      {110, true, ALL, {0, 0}, false, "0.0.0.0/0"}},
     0,
     false,
     false,
     0},
    {{{100, false, UDP, {53, 53}, false, "0.0.0.0/0"},
      {105, true, ALL, {0, 0}, false, "0.0.0.0/0"},
      {110, true, ALL, {0, 0}, false, "0.0.0.0/0"}},
     1,
     true,
     true,
     0},
    /* The number counts, not the place in the list. */
    {{{120, true, ALL, {0, 0}, false, "0.0.0.0/0"}, {110, false, TCP, {22, 22}, false, "0.0.0.0/0"}},
     0,
     false,
     false,
     0},
    {{{100, false, ALL, {0, 0}, false, "::/0"}, {110, true, TCP, {22, 22}, false, "2001:db8::/32"}}, 1, true, false, 0},
};

static size_t place_of(const struct reach_acl *acl, uint32_t number)
{
    size_t at = 0;

    while (acl->entries.items[at].number != number) {
        at++;
    }
    return at;
}

static void check_case(const struct shadow_case *one, size_t index)
{
    struct reach_model model = {.failed = false};
    struct reach_acl *acl = MADE_PUSH(&model, &model.acls);
    struct reach_shadow shadow = {.by = REACH_NONE};
    uint32_t number = 0;

    acl->id = "acl-1";
    for (size_t i = 0; i < 4 && one->entries[i].number != 0; i++) {
        add_entry(&model, acl, &one->entries[i]);
        number = one->entries[i].number;
    }
    assert_int_equal(reach_model_finish(&model), 0);
    if (reach_shadow_of(acl, place_of(acl, number), &shadow) != one->shadowed) {
        fail_msg("case %zu: shadowed %d", index, !one->shadowed);
    }
    if (one->shadowed &&
        (shadow.otherwise != one->otherwise || shadow.by_others != one->by_others || shadow.by != one->by)) {
        fail_msg("case %zu: by %u, by others %d, otherwise %d", index, shadow.by, shadow.by_others, shadow.otherwise);
    }
    reach_model_done(&model);
}

static void says_which_entries_are_never_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shadow_cases) / sizeof(*shadow_cases); i++) {
        check_case(&shadow_cases[i], i);
    }
}

/* ---- every packet of a small world ---- */

/* Addresses 10.0.0.0/29, ports 0 to 7, TCP, UDP and a protocol that no entry names. */
enum { WORLD_ADDRESSES = 8, WORLD_PORTS = 8, WORLD_PROTOS = 3 };

static const int16_t world_protos[WORLD_PROTOS] = {REACH_TCP, REACH_UDP, 50};

static bool fits(const struct reach_entry *entry, int16_t proto, uint16_t port, uint32_t host)
{
    uint32_t mask = UINT32_MAX << (32 - entry->prefix.bits);
    uint32_t address = 10U << 24 | host;
    uint32_t own = (uint32_t)(span_value_of(&entry->prefix.addr));
    bool has_ports = proto != 50;

    return (entry->proto == REACH_PROTO_ALL || entry->proto == proto) && (address & mask) == (own & mask) &&
           (!has_ports || entry->proto == REACH_PROTO_ALL || (entry->ports.first <= port && port <= entry->ports.last));
}

/* As a packet meets them, one entry after the other. */
static bool somebody_gets_to(const struct reach_acl *acl, size_t at, bool *otherwise)
{
    const struct reach_entry *entries = acl->entries.items;

    *otherwise = false;
    for (uint32_t packet = 0; packet < WORLD_PROTOS * WORLD_PORTS * WORLD_ADDRESSES; packet++) {
        int16_t proto = world_protos[packet % WORLD_PROTOS];
        uint16_t port = (uint16_t)(packet / WORLD_PROTOS % WORLD_PORTS);
        uint32_t host = packet / WORLD_PROTOS / WORLD_PORTS;
        size_t first = 0;
        if (!fits(&entries[at], proto, port, host)) {
            continue;
        }
        while (!fits(&entries[first], proto, port, host)) {
            first++;
        }
        if (first == at) {
            return true;
        }
        *otherwise |= entries[first].allow != entries[at].allow;
    }
    return false;
}

static void draw_entry(struct reach_model *model, struct reach_acl *acl, uint64_t *source, uint32_t number)
{
    static const int16_t protos[] = {REACH_TCP, REACH_TCP, REACH_UDP, REACH_PROTO_ALL};
    struct reach_entry *entry = MADE_PUSH(model, &acl->entries);
    uint8_t bits = (uint8_t)(29 + seed_draw(source, 4));
    uint32_t host = (uint32_t)seed_draw(source, WORLD_ADDRESSES) & (UINT32_MAX << (32 - bits));
    uint16_t first = (uint16_t)seed_draw(source, WORLD_PORTS);

    *entry = (struct reach_entry){
        .number = number,
        .proto = protos[seed_draw(source, 4)],
        .allow = seed_draw(source, 2) == 0,
        .ports = {first, (uint16_t)(first + seed_draw(source, WORLD_PORTS - first))},
        .prefix = {.addr = span_addr(10U << 24 | host, false), .bits = bits},
    };
    if (seed_draw(source, 4) == 0) {
        entry->ports = (struct reach_ports){0, seed_draw(source, 2) == 0 ? UINT16_MAX : WORLD_PORTS - 1};
    }
}

static void agrees_with_every_packet(void **state)
{
    uint64_t source = seed_at_hand = seed_first();
    size_t shadowed = 0;
    size_t asked = 0;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct reach_model model = {.failed = false};
        struct reach_acl *acl = MADE_PUSH(&model, &model.acls);
        uint32_t count = 1 + (uint32_t)seed_draw(&source, ENTRIES_MOST);
        acl->id = "acl-1";
        for (uint32_t i = 0; i < count; i++) {
            draw_entry(&model, &model.acls.items[0], &source, 100 + i);
        }
        assert_int_equal(reach_model_finish(&model), 0);
        for (size_t i = 0; i < count; i++) {
            const struct reach_entry *entry = &model.acls.items[0].entries.items[i];
            struct reach_shadow shadow = {.by = REACH_NONE};
            bool otherwise = false;
            bool is_shadowed = !somebody_gets_to(&model.acls.items[0], i, &otherwise);
            int rc = reach_shadow_of(&model.acls.items[0], i, &shadow);
            /* Of ports that the world has not, it knows nothing. */
            if (entry->proto != REACH_PROTO_ALL && entry->ports.last >= WORLD_PORTS) {
                assert_true(rc >= 0 && (rc == 0 || is_shadowed));
                continue;
            }
            /* One of all traffic may be decided otherwise at ports that the world has not. */
            if (rc != is_shadowed ||
                (rc == 1 && shadow.otherwise != otherwise && (otherwise || entry->proto != REACH_PROTO_ALL))) {
                fail_msg("round %d, entry %zu: shadowed %d, not %d, otherwise %d, not %d", round, i, rc, is_shadowed,
                         shadow.otherwise, otherwise);
            }
            shadowed += is_shadowed;
            asked += !is_shadowed;
        }
        reach_model_done(&model);
    }
    /* Neither answer may be all there is. */
    assert_true(shadowed > ROUNDS / 10 && asked > ROUNDS / 10);
}

/* ---- what is told ---- */

struct told {
    char lines[FLAWS_MOST][REACH_FLAW_TEXT + 128];
    size_t count;
};

static int keep(void *context, const struct reach_flaw *flaw)
{
    struct told *told = context;

    assert_true(told->count < FLAWS_MOST);
    snprintf(told->lines[told->count++], sizeof(told->lines[0]), "%u %s %s %s", flaw->vpc, reach_flaw_name(flaw->kind),
             flaw->record, flaw->text);
    return 0;
}

static struct reach_group *add_group(struct reach_model *model, const char *id, const char *name)
{
    struct reach_group *group = MADE_PUSH(model, &model->groups);

    group->id = id;
    group->name = name;
    group->vpc = scene_ref("vpc-1");
    return group;
}

static struct reach_rule *add_pair(struct reach_model *model, struct reach_group *group, const char *other)
{
    struct reach_rule *rule = MADE_PUSH(model, &group->rules);

    *rule = (struct reach_rule){
        .proto = REACH_TCP, .peer = REACH_PEER_GROUP, .ports = {443, 443}, .ref = {.id = other, .at = REACH_NONE}};
    return rule;
}

static void make_network(struct reach_model *model)
{
    struct reach_vpc *vpc = MADE_PUSH(model, &model->vpcs);
    struct reach_acl *acl = MADE_PUSH(model, &model->acls);
    struct reach_table *table = MADE_PUSH(model, &model->tables);
    struct reach_group *group;
    struct reach_eni *eni;
    struct reach_ref *held;
    struct reach_route *route;

    vpc->id = "vpc-1";
    acl->id = "acl-1";
    acl->vpc = scene_ref("vpc-1");
    add_entry(model, acl, &(struct line){100, true, ALL, {0, 0}, false, "0.0.0.0/0"});
    add_entry(model, acl, &(struct line){110, false, TCP, {22, 22}, false, "0.0.0.0/0"});
    add_entry(model, acl, &(struct line){32767, false, ALL, {0, 0}, false, "0.0.0.0/0"});
    group = add_group(model, "sg-web", "web");
    add_pair(model, group, "sg-gone");
    add_pair(model, group, "sg-lone");
    add_pair(model, group, "sg-theirs")->foreign = true;
    group = add_group(model, "sg-lone", "lone");
    add_pair(model, group, "sg-peer")->stale = true;
    add_group(model, "sg-default", "default");
    eni = MADE_PUSH(model, &model->enis);
    eni->id = "eni-1";
    held = MADE_PUSH(model, &eni->groups);
    *held = scene_ref("sg-web");
    table->id = "rtb-1";
    table->vpc = acl->vpc;
    route = MADE_PUSH(model, &table->routes);
    *route = (struct reach_route){
        .hop = REACH_HOP_NAT, .blackhole = true, .via = {.id = "nat-1"}, .prefix = scene_prefix("0.0.0.0/0")};
    route = MADE_PUSH(model, &table->routes);
    *route =
        (struct reach_route){.hop = REACH_HOP_PEERING, .via = {.id = "pcx-1"}, .prefix = scene_prefix("10.9.0.0/16")};
    route = MADE_PUSH(model, &table->routes);
    *route =
        (struct reach_route){.hop = REACH_HOP_LOCAL, .via = {.id = "local"}, .prefix = scene_prefix("10.0.0.0/16")};
}

static void tell(const enum reach_kind *unread, size_t count, struct told *told)
{
    struct reach_model model = {.failed = false};

    *told = (struct told){.count = 0};
    make_network(&model);
    for (size_t i = 0; i < count; i++) {
        model.unread[unread[i]] = true;
    }
    assert_int_equal(reach_model_finish(&model), 0);
    assert_int_equal(reach_flaws(&model, keep, told), 0);
    reach_model_done(&model);
}

static void tells_each_flaw_with_its_record(void **state)
{
    static const char *const lines[] = {
        "0 shadowed-rule acl-1 in: rule 110 denies tcp 22 from 0.0.0.0/0 and is never asked: 100 allows all traffic "
        "from"
        " 0.0.0.0/0 before it, and decides otherwise",
        "0 dead-reference sg-web in: allows tcp 443 from sg-gone, a group that is gone",
        "0 dead-reference sg-lone in: allows tcp 443 from sg-peer, a group behind a peering that is gone",
        "0 dead-reference rtb-1 the route to 0.0.0.0/0 by nat-1 leads nowhere: it is a blackhole, for what it leads to "
        "is"
        " gone or stopped",
        "0 dead-reference rtb-1 the route to 10.9.0.0/16 by pcx-1 leads nowhere: the peering is gone",
        "0 unused-group sg-lone \"lone\", with 1 rule: no interface holds it",
    };
    struct told told;

    (void)state;
    tell(NULL, 0, &told);
    for (size_t i = 0; i < told.count && i < sizeof(lines) / sizeof(*lines); i++) {
        assert_string_equal(told.lines[i], lines[i]);
    }
    assert_int_equal(told.count, sizeof(lines) / sizeof(*lines));
}

static void of_what_was_not_read_it_tells_nothing(void **state)
{
    static const struct {
        enum reach_kind unread;
        bool known[REACH_FLAW_KINDS];
    } cases[] = {
        {REACH_ACL, {false, true, true}},   {REACH_GROUP, {true, false, false}},
        {REACH_TABLE, {true, false, true}}, {REACH_PEERING, {true, false, true}},
        {REACH_ENI, {true, true, false}},   {REACH_DATABASE, {true, true, false}},
        {REACH_LIST, {true, true, true}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct told told;
        tell(&cases[i].unread, 1, &told);
        for (int kind = 0; kind < REACH_FLAW_KINDS; kind++) {
            bool found = false;
            for (size_t j = 0; j < told.count; j++) {
                found = found || strstr(told.lines[j], reach_flaw_name((enum reach_flaw_kind)kind)) != NULL;
            }
            assert_int_equal(found, cases[i].known[kind]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_which_entries_are_never_asked),
        cmocka_unit_test_teardown(agrees_with_every_packet, seed_say),
        cmocka_unit_test(tells_each_flaw_with_its_record),
        cmocka_unit_test(of_what_was_not_read_it_tells_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
