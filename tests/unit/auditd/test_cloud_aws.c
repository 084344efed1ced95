/* What is known of the same thing from several answers, and in what time. */
#include "auditd/cloud/aws.h"
#include "auditd/cloud/snapshot.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void take(struct aws *aws, const char *name, const char *text)
{
    json_t *document = json_loads(text, 0, NULL);

    assert_non_null(document);
    assert_int_equal(aws_take(aws, name, document), 0);
    json_decref(document);
}

static void model_of(struct aws *aws, struct reach_model *model)
{
    struct aws_fault fault;

    if (aws_model(aws, model, &fault) != 0) {
        fail_msg("%s", fault.text);
    }
}

static const char plain[] =
    "{\"PrefixLists\": [{\"PrefixListId\": \"pl-1\", \"PrefixListName\": \"s3\", \"Cidrs\": [\"192.0.2.0/24\"]}]}";
static const char managed[] =
    "{\"PrefixLists\": [{\"PrefixListId\": \"pl-1\", \"PrefixListName\": \"s3\", \"OwnerId\": \"AWS\"},"
    " {\"PrefixListId\": \"pl-2\", \"PrefixListName\": \"own\", \"MaxEntries\": 5}]}";
static const char entries[] = "{\"Entries\": [{\"Cidr\": \"198.51.100.0/24\"}]}";

/* Whichever of the two answers comes first. */
static void managed_lists_hide_no_prefixes(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct aws *aws = aws_create();
        struct reach_model model;
        json_t *snapshot;
        const json_t *lists;
        take(aws, "a.json", first == 0 ? managed : plain);
        take(aws, "b.json", first == 0 ? plain : managed);
        take(aws, "prefix-list-entries.pl-2.json", entries);
        model_of(aws, &model);
        assert_int_equal(model.lists.count, 2);
        for (size_t i = 0; i < model.lists.count; i++) {
            assert_true(model.lists.items[i].is_read);
            assert_int_equal(model.lists.items[i].entries.count, 1);
        }
        snapshot = cloud_snapshot_of(aws);
        lists = json_object_get(snapshot, "");
        assert_int_equal(
            json_object_size(json_object_get(json_object_get(json_object_get(snapshot, ""), "PrefixLists"), "records")),
            1);
        assert_int_equal(json_object_size(json_object_get(json_object_get(lists, "ManagedPrefixLists"), "records")), 2);
        json_decref(snapshot);
        reach_model_done(&model);
        aws_destroy(aws);
    }
}

static void lists_of_something_else_stay(void **state)
{
    static const char *const texts[] = {
        "{\"PrefixLists\": 5}",
        "{\"PrefixLists\": [5]}",
        "{\"PrefixLists\": [{}], \"ManagedPrefixLists\": 7}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct aws *aws = aws_create();
        struct reach_model model;
        struct aws_fault fault;
        take(aws, "a.json", texts[i]);
        assert_int_equal(aws_model(aws, &model, &fault), -EBADMSG);
        reach_model_done(&model);
        aws_destroy(aws);
    }
}

static void rules_get_their_ids(void **state)
{
    static const char groups[] =
        "{\"SecurityGroups\": [{\"GroupId\": \"sg-1\", \"VpcId\": \"vpc-1\", \"IpPermissions\": ["
        "{\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22, \"IpRanges\": [{\"CidrIp\": \"10.0.0.0/8\"}],"
        " \"UserIdGroupPairs\": [{\"GroupId\": \"sg-2\"}]},"
        "{\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 23, \"IpRanges\": [{\"CidrIp\": \"10.0.0.0/8\"}]}]}]}";
    static const char rules[] =
        "{\"SecurityGroupRules\": ["
        "{\"SecurityGroupRuleId\": \"sgr-1\", \"GroupId\": \"sg-1\", \"IsEgress\": false, \"IpProtocol\": \"tcp\","
        " \"FromPort\": 22, \"ToPort\": 22, \"CidrIpv4\": \"10.0.0.0/8\"},"
        "{\"SecurityGroupRuleId\": \"sgr-2\", \"GroupId\": \"sg-1\", \"IsEgress\": false, \"IpProtocol\": \"tcp\","
        " \"FromPort\": 22, \"ToPort\": 22, \"ReferencedGroupInfo\": {\"GroupId\": \"sg-2\"}},"
        "{\"SecurityGroupRuleId\": \"sgr-3\", \"GroupId\": \"sg-1\", \"IsEgress\": true, \"IpProtocol\": \"tcp\","
        " \"FromPort\": 22, \"ToPort\": 23, \"CidrIpv4\": \"10.0.0.0/8\"},"
        "{\"SecurityGroupRuleId\": \"sgr-4\", \"GroupId\": \"sg-9\", \"IsEgress\": false, \"IpProtocol\": \"tcp\","
        " \"FromPort\": 22, \"ToPort\": 23, \"CidrIpv4\": \"10.0.0.0/8\"}]}";
    struct aws *aws = aws_create();
    struct reach_model model;
    const struct reach_group *group;
    size_t named = 0;

    (void)state;
    take(aws, "groups.json", groups);
    take(aws, "rules.json", rules);
    model_of(aws, &model);
    group = &model.groups.items[0];
    assert_int_equal(group->rules.count, 3);
    for (size_t i = 0; i < group->rules.count; i++) {
        const struct reach_rule *rule = &group->rules.items[i];
        if (rule->id != NULL) {
            named++;
            assert_string_equal(rule->id, rule->peer == REACH_PEER_GROUP ? "sgr-2" : "sgr-1");
            assert_int_equal(rule->ports.last, 22);
        }
    }
    assert_int_equal(named, 2);
    reach_model_done(&model);
    aws_destroy(aws);
}

/* So many interfaces with an instance each, and so many rules in one group. */
static json_t *make_fleet(size_t count)
{
    json_t *enis = json_array();
    json_t *reservations = json_array();
    json_t *ranges = json_array();
    json_t *rules = json_array();

    for (size_t i = 0; i < count; i++) {
        char eni[32];
        char instance[32];
        char cidr[32];
        snprintf(eni, sizeof(eni), "eni-%zu", i);
        snprintf(instance, sizeof(instance), "i-%zu", i);
        snprintf(cidr, sizeof(cidr), "10.%zu.%zu.%zu/32", i >> 16 & 255, i >> 8 & 255, i & 255);
        json_array_append_new(
            enis, json_pack("{s:s, s:{s:s}}", "NetworkInterfaceId", eni, "Attachment", "InstanceId", instance));
        json_array_append_new(reservations, json_pack("{s:[{s:s}]}", "Instances", "InstanceId", instance));
        json_array_append_new(ranges, json_pack("{s:s}", "CidrIp", cidr));
        json_array_append_new(rules, json_pack("{s:s, s:s, s:s, s:s}", "SecurityGroupRuleId", eni, "GroupId", "sg-1",
                                               "IpProtocol", "-1", "CidrIpv4", cidr));
    }
    return json_pack("{s:o, s:o, s:o, s:[{s:s, s:[{s:s, s:o}]}]}", "NetworkInterfaces", enis, "Reservations",
                     reservations, "SecurityGroupRules", rules, "SecurityGroups", "GroupId", "sg-1", "IpPermissions",
                     "IpProtocol", "-1", "IpRanges", ranges);
}

static clock_t time_of(size_t count)
{
    json_t *fleet = make_fleet(count);
    struct aws *aws = aws_create();
    struct reach_model model;
    clock_t begin;

    assert_non_null(fleet);
    assert_int_equal(aws_take(aws, "fleet.json", fleet), 0);
    begin = clock();
    model_of(aws, &model);
    begin = clock() - begin;
    assert_int_equal(model.assets.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(model.assets.items[i].enis.count, 1);
        assert_non_null(model.groups.items[0].rules.items[i].id);
    }
    reach_model_done(&model);
    aws_destroy(aws);
    json_decref(fleet);
    return begin + 1;
}

/* Sixteen times as much takes about sixteen times as long; with the square it would be 256 times. */
static void takes_time_by_size(void **state)
{
    clock_t few;
    clock_t many;

    (void)state;
    (void)time_of(1000);
    few = time_of(1000);
    many = time_of(16000);
    assert_true(many < few * 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(managed_lists_hide_no_prefixes),
        cmocka_unit_test(lists_of_something_else_stay),
        cmocka_unit_test(rules_get_their_ids),
        cmocka_unit_test(takes_time_by_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
