/* Hosts by VPC, and snapshots, from what the CLI prints: what tests of the whole cannot bring about easily. */
#include "auditd/cloud/hosts.h"
#include "auditd/cloud/snapshot.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void take(struct aws *aws, const char *name, const char *text)
{
    json_t *root = json_loads(text, 0, NULL);

    assert_non_null(root);
    assert_int_equal(aws_take(aws, name, root), 0);
    json_decref(root);
}

#define ENI(id, vpc, instance, address)                                                                                \
    "{\"NetworkInterfaceId\": \"" id "\", \"VpcId\": \"" vpc "\", \"Attachment\": {\"InstanceId\": \"" instance        \
    "\"}, \"PrivateIpAddresses\": [{\"PrivateIpAddress\": \"" address "\"}]}"
#define INSTANCE(id, name) "{\"InstanceId\": \"" id "\", \"Tags\": [{\"Key\": \"Name\", \"Value\": \"" name "\"}]}"

static void a_host_is_tagged_with_the_groups_it_holds(void **state)
{
    struct aws *aws = aws_create();
    struct cloud_hosts hosts;
    char reason[INVENTORY_REASON_SIZE];
    const struct inventory_host *host;

    (void)state;
    take(aws, "a.json",
         "{\"NetworkInterfaces\": [{\"NetworkInterfaceId\": \"eni-1\", \"VpcId\": \"vpc-1\", \"Attachment\": "
         "{\"InstanceId\": \"i-1\"}, \"Groups\": [{\"GroupId\": \"sg-1\", \"GroupName\": \"web\"}, {\"GroupId\": "
         "\"sg-2\"}]}, {\"NetworkInterfaceId\": \"eni-2\", \"VpcId\": \"vpc-1\", \"Attachment\": {\"InstanceId\": "
         "\"i-1\"}, \"Groups\": [{\"GroupId\": \"sg-1\", \"GroupName\": \"web\"}, {\"GroupId\": \"sg-3\", "
         "\"GroupName\": "
         "\"ssh\"}, {\"GroupName\": \"of none\"}, 5]}]}");
    take(aws, "b.json", "{\"Reservations\": [{\"Instances\": [" INSTANCE("i-1", "a") "]}]}");
    assert_int_equal(cloud_hosts_of(aws, &hosts, reason), 0);
    host = &hosts.vpcs[0].inventory.hosts[0];
    assert_int_equal(hosts.left_out, 0);
    assert_int_equal(host->tag_count, 4);
    assert_string_equal(host->tags[0].key, "Name");
    assert_string_equal(host->tags[1].key, "aws:sg:sg-1");
    assert_string_equal(host->tags[1].value, "web");
    assert_string_equal(host->tags[2].key, "aws:sg:sg-2");
    assert_string_equal(host->tags[2].value, "");
    assert_string_equal(host->tags[3].key, "aws:sg:sg-3");
    cloud_hosts_done(&hosts);
    aws_destroy(aws);
}

static void an_instance_has_all_its_interfaces_addresses_in_the_vpc(void **state)
{
    struct aws *aws = aws_create();
    struct cloud_hosts hosts;
    char reason[INVENTORY_REASON_SIZE];

    (void)state;
    take(aws, "a.json",
         "{\"NetworkInterfaces\": [" ENI("eni-1", "vpc-1", "i-1", "10.0.0.1") ", " ENI(
             "eni-2", "vpc-1", "i-1", "10.0.0.2") ", " ENI("eni-3", "vpc-2", "i-1", "10.0.0.1") "]}");
    take(aws, "b.json", "{\"Reservations\": [{\"Instances\": [" INSTANCE("i-1", "web") "]}]}");
    /* A second file with the same: an interface counts once. */
    take(aws, "c.json", "{\"NetworkInterfaces\": [" ENI("eni-1", "vpc-1", "i-1", "10.0.0.1") "]}");
    assert_int_equal(cloud_hosts_of(aws, &hosts, reason), 0);
    assert_int_equal(hosts.count, 2);
    assert_int_equal(hosts.vpcs[0].inventory.count, 1);
    assert_int_equal(hosts.vpcs[0].inventory.hosts[0].address_count, 2);
    assert_string_equal(hosts.vpcs[0].inventory.hosts[0].name, "web");
    assert_string_equal(hosts.vpcs[1].inventory.hosts[0].id, "i-1");
    assert_int_equal(json_object_size(hosts.vpcs[0].interfaces), 2);
    assert_true(hosts.vpcs[0].inventory.is_complete);
    cloud_hosts_done(&hosts);
    aws_destroy(aws);
}

static void public_addresses_are_apart(void **state)
{
    static const char interfaces[] =
        "{\"NetworkInterfaces\": [{\"NetworkInterfaceId\": \"eni-1\", \"VpcId\": \"vpc-1\","
        " \"Association\": {\"PublicIp\": \"192.0.2.1\"}, \"PrivateIpAddresses\": ["
        "{\"PrivateIpAddress\": \"10.0.0.1\", \"Association\": {\"PublicIp\": \"192.0.2.1\"}},"
        "{\"PrivateIpAddress\": \"10.0.0.2\", \"Association\": {\"PublicIp\": \"192.0.2.2\"}},"
        "{\"PrivateIpAddress\": \"10.0.0.3\", \"Association\": {\"PublicIp\": \"no address\"}},"
        "{\"PrivateIpAddress\": \"10.0.0.4\", \"Association\": 5}]}]}";
    static const char elastic[] =
        "{\"Addresses\": [{\"PublicIp\": \"192.0.2.3\", \"NetworkInterfaceId\": \"eni-1\"},"
        " {\"PublicIp\": \"192.0.2.4\"}, {\"PublicIp\": \"192.0.2.5\", \"NetworkInterfaceId\": \"eni-9\"}]}";
    struct aws *aws = aws_create();
    struct cloud_hosts hosts;
    char reason[INVENTORY_REASON_SIZE];

    (void)state;
    take(aws, "a.json", interfaces);
    take(aws, "b.json", elastic);
    take(aws, "c.json", "{\"Reservations\": []}");
    assert_int_equal(cloud_hosts_of(aws, &hosts, reason), 0);
    assert_int_equal(hosts.vpcs[0].inventory.hosts[0].address_count, 4);
    assert_int_equal(json_object_size(hosts.vpcs[0].publics), 3);
    for (int i = 1; i <= 3; i++) {
        char address[16];
        snprintf(address, sizeof(address), "192.0.2.%d", i);
        assert_string_equal(json_string_value(json_object_get(hosts.vpcs[0].publics, address)), "eni-1");
    }
    cloud_hosts_done(&hosts);
    aws_destroy(aws);
}

static void a_name_that_several_have_is_a_tag_alone(void **state)
{
    struct aws *aws = aws_create();
    struct cloud_hosts hosts;
    char reason[INVENTORY_REASON_SIZE];

    (void)state;
    take(aws, "a.json",
         "{\"NetworkInterfaces\": [" ENI("eni-1", "vpc-1", "i-1", "10.0.0.1") ", " ENI(
             "eni-2", "vpc-1", "i-2", "10.0.0.2") ", " ENI("eni-3", "vpc-1", "i-3", "10.0.0.3") "]}");
    take(aws, "b.json",
         "{\"Reservations\": [{\"Instances\": [" INSTANCE("i-1", "web") ", " INSTANCE("i-2", "web") ", " INSTANCE(
             "i-3", "no host / name") "]}]}");
    assert_int_equal(cloud_hosts_of(aws, &hosts, reason), 0);
    assert_int_equal(hosts.vpcs[0].inventory.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_null(hosts.vpcs[0].inventory.hosts[i].name);
        assert_string_equal(hosts.vpcs[0].inventory.hosts[i].tags[0].key, "Name");
    }
    assert_int_equal(hosts.left_out, 0);
    cloud_hosts_done(&hosts);
    aws_destroy(aws);
}

static void what_was_not_read_to_its_end_says_nothing(void **state)
{
    static const char *const texts[][2] = {
        {"{\"NetworkInterfaces\": []}", "{\"Reservations\": [], \"NextToken\": \"more\"}"},
        {"{\"NetworkInterfaces\": [], \"NextToken\": \"more\"}", "{\"Reservations\": []}"},
        {"{\"NetworkInterfaces\": []}", "{\"Vpcs\": []}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct aws *aws = aws_create();
        struct cloud_hosts hosts;
        char reason[INVENTORY_REASON_SIZE];
        take(aws, "a.json", texts[i][0]);
        take(aws, "b.json", texts[i][1]);
        assert_int_equal(cloud_hosts_of(aws, &hosts, reason), -ENODATA);
        cloud_hosts_done(&hosts);
        aws_destroy(aws);
    }
}

/* Two parts of one reservation, lists of several files, answers that their names alone tell of. */
static void a_snapshot_loses_nothing(void **state)
{
    struct aws *aws = aws_create();
    struct aws *again = aws_create();
    json_t *snapshot;
    json_t *same;
    json_t *records;

    (void)state;
    take(aws, "a.json",
         "{\"Reservations\": [{\"ReservationId\": \"r-1\", \"Instances\": [" INSTANCE(
             "i-1", "a") "]},"
                         " {\"ReservationId\": \"r-1\", \"Instances\": [" INSTANCE(
                             "i-2", "b") "]},"
                                         " {\"ReservationId\": \"r-1\", \"Instances\": [" INSTANCE("i-1", "a") "]}]}");
    take(aws, "managed-prefix-list-entries.pl-1.json", "{\"Entries\": [{\"Cidr\": \"10.0.0.0/8\"}]}");
    take(aws, "east/prefix-list-entries.pl-2.json", "{\"Entries\": [{\"Cidr\": \"10.1.0.0/16\"}]}");
    take(aws, "b.json", "{\"DBInstances\": [{\"DBInstanceIdentifier\": \"db\", \"LatestRestorableTime\": \"now\"}]}");
    take(aws, "c.json", "{\"PrefixListAssociations\": [1]}");
    take(aws, "d.json", "{\"PrefixListAssociations\": [2], \"NextToken\": \"more\"}");
    snapshot = cloud_snapshot_of(aws);
    assert_non_null(snapshot);
    records = json_object_get(json_object_get(json_object_get(snapshot, ""), "Reservations"), "records");
    assert_int_equal(json_object_size(records), 2);
    assert_non_null(json_object_get(records, "r-1#1"));
    assert_non_null(json_object_get(snapshot, "prefix-list-entries.pl-1"));
    assert_non_null(json_object_get(snapshot, "prefix-list-entries.pl-2"));
    assert_int_equal(cloud_snapshot_unpack(again, snapshot), 0);
    same = cloud_snapshot_of(again);
    assert_true(json_equal(snapshot, same));
    assert_false(aws_has_whole(again, "PrefixListAssociations"));
    assert_true(aws_has_whole(again, "Entries"));
    json_decref(snapshot);
    json_decref(same);
    aws_destroy(aws);
    aws_destroy(again);
}

static void what_changes_by_itself_is_no_change(void **state)
{
    json_t *snapshots[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct aws *aws = aws_create();
        take(aws, "a.json",
             i == 0 ? "{\"DBInstances\": [{\"DBInstanceIdentifier\": \"db\", \"LatestRestorableTime\": \"1\"}]}"
                    : "{\"DBInstances\": [{\"DBInstanceIdentifier\": \"db\", \"LatestRestorableTime\": \"2\"}]}");
        snapshots[i] = cloud_snapshot_of(aws);
        aws_destroy(aws);
    }
    assert_true(json_equal(snapshots[0], snapshots[1]));
    json_decref(snapshots[0]);
    json_decref(snapshots[1]);
}

static void what_is_no_snapshot_is_refused(void **state)
{
    static const char *const texts[] = {"[]", "{\"\": []}", "{\"\": {\"Vpcs\": []}}",
                                        "{\"\": {\"Vpcs\": {\"records\": {}}}}",
                                        "{\"\": {\"Vpcs\": {\"whole\": true, \"records\": []}}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct aws *aws = aws_create();
        json_t *root = json_loads(texts[i], 0, NULL);
        assert_int_equal(cloud_snapshot_unpack(aws, root), -EINVAL);
        json_decref(root);
        aws_destroy(aws);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_has_all_its_interfaces_addresses_in_the_vpc),
        cmocka_unit_test(a_host_is_tagged_with_the_groups_it_holds),
        cmocka_unit_test(public_addresses_are_apart),
        cmocka_unit_test(a_name_that_several_have_is_a_tag_alone),
        cmocka_unit_test(what_was_not_read_to_its_end_says_nothing),
        cmocka_unit_test(a_snapshot_loses_nothing),
        cmocka_unit_test(what_changes_by_itself_is_no_change),
        cmocka_unit_test(what_is_no_snapshot_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
