#include "auditd/config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t DAY_MS = 86400000;

static void parse(const char *text, const char *folder, struct config *ret_config)
{
    struct problems problems;

    problems_init(&problems);
    if (config_parse(text, strlen(text), folder, &problems, ret_config) != 0) {
        problems_print(&problems, "config", stderr);
        fail_msg("must parse: %s", text);
    }
}

static void works_without_any(void **state)
{
    struct config config;

    (void)state;
    for (int i = 0; i < 2; i++) {
        if (i == 0) {
            assert_int_equal(config_init_default(&config), 0);
        } else {
            parse("version: 1", "/etc", &config);
        }
        assert_null(config.db);
        assert_string_equal(config.listen, "127.0.0.1:8480");
        assert_string_equal(config.realm, "default");
        assert_string_equal(config.vantage, "local");
        assert_false(config.has_vantage_class);
        assert_int_equal(config.scope.count + config.targets.count + config.exclude.count, 0);
        assert_null(config.never_scan);
        assert_string_equal(config.ports, "common");
        assert_int_equal(config.retries, 2);
        assert_true(config.rate_pps > 0 && config.host_rate_pps > 0);
        assert_null(config.policy);
        assert_null(config.canary.host);
        assert_int_equal(config.max_age_ms, 7 * DAY_MS);
        assert_true(config.verify);
        config_done(&config);
        config_done(&config);
    }
}

static void takes_every_key(void **state)
{
    static const char text[] = "version: 1\n"
                               "db: data/audit.db\n"
                               "listen: '[::1]:9000'\n"
                               "realm: site\n"
                               "vantage: {name: office, class: vpn}\n"
                               "scope: [10.0.0.0/8, 'fd00::/8']\n"
                               "never_scan: /etc/never\n"
                               "targets: [10.0.0.0/24, web.example]\n"
                               "exclude: 10.0.0.9\n"
                               "ports: 22\n"
                               "rate: 500\n"
                               "host_rate: 0\n"
                               "retries: 5\n"
                               "scans_at_once: 3\n"
                               "policy: policy.yaml\n"
                               "canary: {host: 10.0.0.1, port: 53, proto: tcp}\n"
                               "ephemeral: [{cidr: 10.0.8.0/21, retire_after: 36h}, {cidr: 10.0.16.0/21}]\n"
                               "max_age: 2w\n"
                               "verify: false\n"
                               "services: false\n"
                               "door_checks: false\n"
                               "printers: true\n";
    struct config config;

    (void)state;
    parse(text, "/srv/leastport", &config);
    assert_string_equal(config.db, "/srv/leastport/data/audit.db");
    assert_string_equal(config.listen, "[::1]:9000");
    assert_string_equal(config.realm, "site");
    assert_string_equal(config.vantage, "office");
    assert_true(config.has_vantage_class);
    assert_int_equal(config.vantage_class, VANTAGE_VPN);
    assert_int_equal(config.scope.count, 2);
    assert_string_equal(config.scope.items[1], "fd00::/8");
    assert_string_equal(config.never_scan, "/etc/never");
    assert_string_equal(config.targets.items[1], "web.example");
    assert_string_equal(config.exclude.items[0], "10.0.0.9");
    assert_string_equal(config.ports, "22");
    assert_int_equal(config.rate_pps, 500);
    assert_int_equal(config.host_rate_pps, 0);
    assert_int_equal(config.retries, 5);
    assert_int_equal(config.scans_at_once, 3);
    assert_string_equal(config.policy, "/srv/leastport/policy.yaml");
    assert_string_equal(config.canary.host, "10.0.0.1");
    assert_string_equal(config.canary.proto, "tcp");
    assert_int_equal(config.canary.port, 53);
    assert_int_equal(config.ephemeral_count, 2);
    assert_int_equal(config.ephemeral[0].retire_after_ms, 36 * 3600000);
    assert_int_equal(config.ephemeral[0].prefix.bits, 21);
    assert_int_equal(config.ephemeral[1].retire_after_ms, 7 * DAY_MS);
    assert_int_equal(config.max_age_ms, 14 * DAY_MS);
    assert_false(config.verify);
    assert_false(config.services);
    assert_false(config.door_checks);
    assert_true(config.printers);
    config_done(&config);
}

static void takes_short_forms(void **state)
{
    struct config config;

    (void)state;
    parse("{\"version\": 1, \"vantage\": \"here\", \"scope\": \"::1\", \"ports\": \"22,80-90\", \"db\": \"x\"}", NULL,
          &config);
    assert_string_equal(config.vantage, "here");
    assert_string_equal(config.scope.items[0], "::1");
    assert_string_equal(config.ports, "22,80-90");
    assert_string_equal(config.db, "x");
    config_done(&config);
    parse("version: 1\ncanary: {host: 10.0.0.1, port: 22}\n", NULL, &config);
    assert_string_equal(config.canary.proto, "tcp");
    config_done(&config);
}

struct wrong {
    const char *text;
    uint32_t line, column;
    const char *says;
};

static void assert_wrong(const struct wrong *wrong)
{
    struct problems problems;
    struct config config;

    problems_init(&problems);
    if (config_parse(wrong->text, strlen(wrong->text), NULL, &problems, &config) != -EBADMSG) {
        fail_msg("must be refused: %s", wrong->text);
    }
    if (problems.errors[0].mark.line != wrong->line || problems.errors[0].mark.column != wrong->column ||
        strstr(problems.errors[0].message, wrong->says) == NULL) {
        problems_print(&problems, "is", stderr);
        fail_msg("should be %u:%u: %s", wrong->line, wrong->column, wrong->says);
    }
}

static void says_what_is_wrong_and_where(void **state)
{
    static const struct wrong cases[] = {
        {"", 1, 1, "must be a mapping that begins with \"version: 1\""},
        {"db: x", 1, 1, "lacks the key \"version\""},
        {"version: 2", 1, 10, "must be 1"},
        {"version: 1\nlsiten: 127.0.0.1:1", 2, 1, "unknown key \"lsiten\"; did you mean \"listen\"?"},
        {"version: 1\nlisten: 8480", 2, 9, "must be an address and a port like 127.0.0.1:8480"},
        {"version: 1\nlisten: localhost:8480", 2, 9, "must be an address and a port"},
        {"version: 1\nlisten: 127.0.0.1:0", 2, 9, "must be an address and a port"},
        {"version: 1\nlisten: 127.0.0.1:70000", 2, 9, "must be an address and a port"},
        {"version: 1\nlisten: '::1:80'", 2, 9, "must be an address and a port"},
        {"version: 1\nlisten: '[127.0.0.1]:80'", 2, 9, "must be an address and a port"},
        {"version: 1\nlisten: '[:80'", 2, 9, "must be an address and a port"},
        {"version: 1\nweb: {name: a}", 2, 7, "unknown key \"name\"; did you mean \"names\"?"},
        {"version: 1\nweb: {names: 'a:80'}", 2, 14, "\"names\" must be a host's name, or a list of them"},
        {"version: 1\nweb: {names: [a, 'b/c']}", 2, 18, "item 2 of \"names\" must be a host's name alone"},
        {"version: 1\nweb: {trusted_proxies: [proxy]}", 2, 25, "must be an address or a CIDR"},
        {"version: 1\nweb: {proxy_fields: forward}", 2, 21, "did you mean \"forwarded\"?"},
        {"version: 1\nweb: {user_header: 'X User'}", 2, 20, "must be a header field's name"},
        {"version: 1\nweb: {connections: 0}", 2, 20, "\"connections\" must be"},
        {"version: 1\nweb: {head_timeout: 0s}", 2, 21, "must be a duration like 10s"},
        {"version: 1\nweb: {request_timeout: 10}", 2, 24,
         "must be a duration like 10s, at most 3w, not a whole number"},
        {"version: 1\nrealm: 5", 2, 8, "\"realm\" must be a text, not a whole number; put it in quotes"},
        {"version: 1\nvantage: {class: vpn}", 2, 10, "lacks the key \"name\""},
        {"version: 1\nvantage: {name: a, class: wrold}", 2, 27, "did you mean \"world\"?"},
        {"version: 1\nscope: [10.0.0.0/8, ten]", 2, 21, "item 2 of \"scope\" must be an address or a CIDR"},
        {"version: 1\nscope: []", 2, 8, "must not be empty"},
        {"version: 1\ntargets: ['']", 2, 11, "item 1 of \"targets\" must not be empty"},
        {"version: 1\ntargets: [{tags: {a: b}}]", 2, 11, "item 1 of \"targets\" lacks the key \"target\""},
        {"version: 1\ntargets: [{target: 10.0.0.0/8, tag: {a: b}}]", 2, 32, "did you mean \"tags\"?"},
        {"version: 1\ntargets: [{target: 10.0.0.0/8, tags: {}}]", 2, 38, "\"tags\" must not be empty"},
        {"version: 1\ntargets: [{target: 10.0.0.0/8, tags: {a: [b]}}]", 2, 42, "\"a\" must be a text, a number"},
        {"version: 1\ntargets: [{target: 10.0.0.1-9, tags: {a: b}}]", 2, 20,
         "\"10.0.0.1-9\": only an address, a CIDR or a host name can carry tags and a name"},
        {"version: 1\ntargets: [{target: 10.0.0.0/8, name: n}]", 2, 38,
         "\"name\" goes with a single address, and \"10.0.0.0/8\" is none"},
        {"version: 1\nvantage: {name: a, address: here}", 2, 29, "\"address\" must be an address"},
        {"version: 1\nvantage: {name: a, tags: [b]}", 2, 26, "must be a mapping like {app: shop"},
        {"version: 1\nports: 1-99999", 2, 8, "past the last port"},
        {"version: 1\nports: 70000", 2, 8, "must be a port expression"},
        {"version: 1\nrate: -1", 2, 7, "\"rate\" must be from 0 to 10000000"},
        {"version: 1\nrate: fast", 2, 7, "\"rate\" must be a whole number, not a text"},
        {"version: 1\nretries: 21", 2, 10, "must be from 0 to 20"},
        {"version: 1\ncanary: 10.0.0.1:22", 2, 9, "must be a mapping like {host: 10.0.0.1, port: 22}"},
        {"version: 1\ncanary: {host: gateway, port: 22}", 2, 16, "\"host\" must be an address"},
        {"version: 1\ncanary: {host: 10.0.0.1, port: 22, proto: udp}", 2, 43, "\"proto\" must be tcp, not \"udp\""},
        {"version: 1\ncanary: {host: 10.0.0.1}", 2, 9, "lacks the key \"port\""},
        {"version: 1\ncanary: {host: \"::1\", port: 0}", 2, 29, "must be from 1 to 65535"},
        {"version: 1\nephemeral: [{retire_after: 7d}]", 2, 13, "lacks the key \"cidr\""},
        {"version: 1\nephemeral: [{cidr: 10.0.0.0/8, retire_after: 7}]", 2, 46, "must be a duration like 90s"},
        {"version: 1\nmax_age: 7 days", 2, 10, "must be a duration like 90s"},
        {"version: 1\nverify: yes", 2, 9, "must be true or false, not a text"},
        {"version: 1\nrealm: a\nrealm: b", 3, 1, "second time; the first is at line 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_wrong(&cases[i]);
    }
}

static void reads_accounts_that_are_read_live(void **state)
{
    static const char text[] =
        "version: 1\ninventories:\n  - name: cloud\n    aws:\n      accounts:\n        - {}\n        - profile: p\n"
        "          roles: [{arn: \"arn:aws:iam::111122223333:role/a\", external_id: x+y},"
        " {arn: \"arn:aws-cn:iam::111122223333:role/b/c\"}]\n"
        "      regions: [eu-west-1, us-east-1]\n      every: 1h\n      timeout: 90s\n      endpoint: "
        "http://[::1]:4566\n"
        "      ca_file: ca.pem\n  - {name: plain, aws: {}}\n";
    struct config config;
    const struct config_aws *live;

    (void)state;
    parse(text, "/etc/leastport", &config);
    live = config.inventories[0].live;
    assert_int_equal(live->account_count, 2);
    assert_string_equal(config_aws_account_name(&live->accounts[0]), "of the keys that were found");
    assert_string_equal(live->accounts[1].profile, "p");
    assert_int_equal(live->accounts[1].role_count, 2);
    assert_string_equal(live->accounts[1].roles[0].external_id, "x+y");
    assert_null(live->accounts[1].roles[1].external_id);
    assert_string_equal(config_aws_account_name(&live->accounts[1]), "arn:aws-cn:iam::111122223333:role/b/c");
    assert_int_equal(live->regions.count, 2);
    assert_int_equal(live->every_ms, 3600000);
    assert_int_equal(live->timeout_ms, 90000);
    assert_string_equal(live->endpoint, "http://[::1]:4566");
    assert_string_equal(live->ca_file, "/etc/leastport/ca.pem");
    live = config.inventories[1].live;
    assert_int_equal(live->account_count, 1);
    assert_int_equal(live->regions.count, 0);
    assert_int_equal(live->every_ms, 900000);
    config_done(&config);
}

static void says_what_is_wrong_with_inventories(void **state)
{
    static const struct wrong cases[] = {
        {"version: 1\ninventories: [{name: a}]", 2, 15, "exactly one of \"hosts\", \"file\", \"dns\" and \"aws\""},
        {"version: 1\ninventories: [{name: a, file: x, dns: y}]", 2, 15, "exactly one of"},
        {"version: 1\ninventories: [{name: a, aws: {folder: x}, realm: y}]", 2, 50, "a cloud's realms are its VPCs"},
        {"version: 1\ninventories: [{name: a, aws: x}]", 2, 30, "a mapping like {folder: cloud}"},
        {"version: 1\ninventories: [{name: a, aws: {folder: x, every: 1h}}]", 2, 30, "leave the others out"},
        {"version: 1\ninventories: [{name: a/b, aws: {}}]", 2, 22, "a folder of this name"},
        {"version: 1\ninventories: [{name: a, aws: {every: 59s}}]", 2, 38, "at least 60s"},
        {"version: 1\ninventories: [{name: a, aws: {timeout: 2d}}]", 2, 40, "from 1s to 1d"},
        {"version: 1\ninventories: [{name: a, aws: {regions: [EU]}}]", 2, 41, "a region like eu-central-1"},
        {"version: 1\ninventories: [{name: a, aws: {endpoint: \"http://me:pw@host\"}}]", 2, 41, "without a user"},
        {"version: 1\ninventories: [{name: a, aws: {endpoint: \"ftp://host\"}}]", 2, 41, "a URL like https://"},
        {"version: 1\ninventories: [{name: a, aws: {accounts: [{roles: [{arn: x}]}]}}]", 2, 57, "a role's ARN like"},
        {"version: 1\ninventories: [{name: a, aws: {accounts: [{roles: [{external_id: x}]}]}}]", 2, 51,
         "lacks the key \"arn\""},
        {"version: 1\ninventories: [{name: a, aws: {accounts: [{profile: x}, {profile: x}]}}]", 2, 56,
         "in the list already"},
        {"version: 1\ninventories: [{name: a, aws: {account: x}}]", 2, 31, "\"accounts\""},
        {"version: 1\ninventories: [{name: a, dns: x}, {name: a, dns: x}]", 2, 41, "another inventory has this name"},
        {"version: 1\ninventories: [{name: a, dns: [x, 10.0.0.1]}]", 2, 34, "an address is no name"},
        {"version: 1\ninventories: [{name: a, hosts: [{name: x}, {address: ten}]}]", 2, 54, "\"ten\" is no address"},
        {"version: 1\ninventories: [{name: a, hosts: [{name: x}, {name: x}]}]", 2, 32, "two hosts \"x\""},
        {"version: 1\ninventories: [{name: a, hosts: [{tags: {a: b}}]}]", 2, 32, "host 1 has neither"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_wrong(&cases[i]);
    }
}

static void says_what_is_wrong_with_schedules(void **state)
{
    static const struct wrong cases[] = {
        {"version: 1\nvantage: a\nvantages: [{name: a}]", 3, 19, "another vantage has this name"},
        {"version: 1\nvantages: [{name: a, run: ssh}]", 2, 27, "a list of words like [ssh"},
        {"version: 1\nvantages: [{name: a, run: []}]", 2, 27, "must not be empty"},
        {"version: 1\nvantages: [{class: vpn}]", 2, 12, "lacks the key \"name\""},
        {"version: 1\nvantages: [{name: a}]\nschedules: [{name: a, cron: \"@daily\", targets: x, vantage: c}]", 3, 60,
         "there is no vantage of this name"},
        {"version: 1\nschedules: [{name: a, cron: \"@daily\", inventory: b}]", 2, 50,
         "there is no inventory of this name"},
        {"version: 1\nschedules: {}", 2, 12, "must be a list like [{name: nightly"},
        {"version: 1\nschedules: [{name: a}]", 2, 13, "lacks the key \"cron\""},
        {"version: 1\nschedules: [{cron: \"@daily\"}]", 2, 13, "lacks the key \"name\""},
        {"version: 1\nschedules: [{name: a b, cron: \"@daily\"}]", 2, 20, "a name of letters, digits and . _ -"},
        {"version: 1\nschedules: [{name: a, cron: \"0 24 * * *\"}]", 2, 29,
         "at its character 3: \"24\" is no hour: expected 0 to 23"},
        {"version: 1\nschedules: [{name: a, cron: \"@daily\", zone: Europe/Atlantis}]", 2, 45, "has no such zone"},
        {"version: 1\nschedules: [{name: a, cron: \"@daily\", catch_up: twice}]", 2, 49, "once or skip"},
        {"version: 1\nschedules: [{name: a, cron: \"@daily\", jitter: 5}]", 2, 47, "\"jitter\" must be a duration"},
        {"version: 1\nschedules: [{name: a, cron: \"@daily\", targtes: x}]", 2, 39, "did you mean \"targets\"?"},
        {"version: 1\nschedules: [{name: a, cron: \"@daily\"}]", 2, 13, "it has no \"targets\""},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\"}, {name: a, cron: \"@daily\"}]", 3, 47,
         "another schedule has this name"},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\", jitter: 2h, deadline: 1h}]", 3, 47,
         "\"jitter\" must be shorter than \"deadline\""},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\", blackout: [{from: 25:00, to: 01:00}]}]", 3,
         57, "a time like 08:00 or a date like 2026-12-24"},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\", blackout: [{from: 05:00, to: 05:00}]}]", 3,
         50, "a whole day is from 00:00 to 24:00"},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\", blackout: [{from: 00:00, to: 24:00}]}]", 3,
         49, "leave no time"},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\", blackout: [{from: 05:00, to: 2026-01-01}]}]",
         3, 50, "both be times or both be dates"},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\", blackout: [{days: noday, from: 05:00, to: "
         "06:00}]}]",
         3, 57, "weekdays like mon-fri"},
        {"version: 1\ntargets: x\nschedules: [{name: a, cron: \"@daily\", blackout: [{from: 2026-02-01, to: "
         "2026-01-01}]}]",
         3, 73, "the day of \"from\" or a later one"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_wrong(&cases[i]);
    }
}

static void hands_on_how_the_pages_are_served(void **state)
{
    static const char *const flags[] = {"--name=a.example",         "--name=b.example",     "--trusted-proxy=127.0.0.1",
                                        "--proxy-fields=forwarded", "--user-header=X-User", "--user-default=everybody",
                                        "--address-connections=0",  "--head-ms=2000",       "--request-ms=120000",
                                        "--token-requests=1000000"};
    struct config config;
    (void)state;
    parse("version: 1\n"
          "web:\n"
          "  token_requests: 1000000\n"
          "  names: [a.example, b.example]\n"
          "  trusted_proxies: 127.0.0.1\n"
          "  proxy_fields: forwarded\n"
          "  user_header: X-User\n"
          "  user_default: everybody\n"
          "  address_connections: 0\n"
          "  head_timeout: 2s\n"
          "  request_timeout: 2m\n",
          NULL, &config);
    assert_int_equal(config.web.count, sizeof(flags) / sizeof(*flags));
    for (size_t i = 0; i < config.web.count; i++) {
        assert_string_equal(config.web.items[i], flags[i]);
    }
    config_done(&config);
}

static void reads_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* 0: refused */
    } cases[] = {{"90s", 90000}, {"30m", 1800000}, {"12h", 43200000}, {"7d", 604800000}, {"2w", 1209600000},
                 {"", 0},        {"d", 0},         {"7", 0},          {"0d", 0},         {"-1d", 0},
                 {"7D", 0},      {"7dd", 0},       {"1.5d", 0},       {"3651d", 0},      {"9999999999d", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t ms = 0;
        assert_int_equal(duration_parse(cases[i].text, &ms), cases[i].ms != 0 ? 0 : -EINVAL);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void takes_ephemeral_ranges_of_other_realms(void **state)
{
    struct config config;

    (void)state;
    parse("version: 1\nephemeral: [{cidr: 10.0.0.0/8}, {cidr: 10.0.0.0/8, realm: west}]\n", NULL, &config);
    assert_null(config.ephemeral[0].realm);
    assert_string_equal(config.ephemeral[1].realm, "west");
    config_done(&config);
}

static void takes_schedules(void **state)
{
    static const char text[] =
        "version: 1\n"
        "targets: 10.0.0.0/8\n"
        "schedules:\n"
        "  - {name: plain, cron: '@daily'}\n"
        "  - name: nightly\n"
        "    cron: '30 2 * * mon-fri'\n"
        "    zone: Europe/Berlin\n"
        "    targets: [10.1.0.0/16, db.example.com]\n"
        "    exclude: 10.1.9.0/24\n"
        "    ports: 22\n"
        "    realm: site\n"
        "    vantage: office\n"
        "    probe: connect\n"
        "    jitter: 10m\n"
        "    deadline: 4h\n"
        "    catch_up: skip\n"
        "    blackout: [{days: 'sat,sun', from: 22:00, to: 04:00}, {from: 2026-12-24, to: 2026-12-26}]\n";
    const struct config_schedule *schedule;
    struct config config;

    (void)state;
    parse(text, NULL, &config);
    assert_int_equal(config.schedule_count, 2);
    assert_null(schedules_find(&config, "other"));
    schedule = schedules_find(&config, "plain");
    assert_string_equal(zone_name(schedule->zone), "UTC");
    assert_true(schedule->catches_up && schedule->targets.count == 0 && schedule->deadline_ms == 0);
    schedule = schedules_find(&config, "nightly");
    assert_string_equal(schedule->cron_text, "30 2 * * mon-fri");
    assert_string_equal(zone_name(schedule->zone), "Europe/Berlin");
    assert_int_equal(schedule->targets.count, 2);
    assert_string_equal(schedule->exclude.items[0], "10.1.9.0/24");
    assert_string_equal(schedule->ports, "22");
    assert_string_equal(schedule->realm, "site");
    assert_string_equal(schedule->vantage, "office");
    assert_string_equal(schedule->probe, "connect");
    assert_int_equal(schedule->jitter_ms, 600000);
    assert_int_equal(schedule->deadline_ms, 4 * 3600 * 1000);
    assert_false(schedule->catches_up);
    assert_int_equal(schedule->blackout_count, 2);
    assert_int_equal(schedule->blackouts[0].weekdays, 0x41);
    assert_true(schedule->blackouts[1].is_dates);
    config_done(&config);
}

static void finds_files_beside_itself(void **state)
{
    char folder[] = "/tmp/leastport-config-XXXXXX";
    char path[128];
    char policy[128];
    struct problems problems;
    struct config config;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/leastport.yaml", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("version: 1\npolicy: policy.yaml\n", file);
    fclose(file);
    problems_init(&problems);
    assert_int_equal(config_load(path, &problems, &config), 0);
    snprintf(policy, sizeof(policy), "%s/policy.yaml", folder);
    assert_string_equal(config.policy, policy);
    config_done(&config);
    unlink(path);
    assert_int_equal(config_load(path, &problems, &config), -ENOENT);
    assert_non_null(strstr(problems.errors[0].message, "cannot read the configuration: No such file"));
    rmdir(folder);
}

static void says_from_before_when_what_is_over_goes(void **state)
{
    const int64_t now_ms = 20000 * DAY_MS;
    int64_t before_ms[RETENTION_KINDS];
    struct config config;

    (void)state;
    parse("version: 1", NULL, &config);
    keeping_before(&config, now_ms, before_ms);
    assert_int_equal(before_ms[RETENTION_INTERVALS], now_ms - 400 * DAY_MS);
    assert_int_equal(before_ms[RETENTION_LOG], now_ms - 400 * DAY_MS);
    assert_int_equal(config.keeping.every_ms, DAY_MS);
    /* Before all that there is: nothing. */
    keeping_before(&config, 399 * DAY_MS, before_ms);
    assert_int_equal(before_ms[RETENTION_INTERVALS], 0);
    assert_int_equal(before_ms[RETENTION_ALERTS], 309 * DAY_MS);
    config_done(&config);

    /* Alerts outlive the longest time for which a rule asks after them, unless they stay anyway. */
    parse("version: 1\n"
          "retention: {scores: forever, alerts: 1d, audit_log: 2w, every: 90m}\n"
          "alerts:\n"
          "  receivers: [{name: r, kind: webhook, url: \"https://127.0.0.1/\"}]\n"
          "  rules: [{name: a, to: r, dedup: 3d}, {name: b, to: r, dedup: 2d}]\n",
          NULL, &config);
    keeping_before(&config, now_ms, before_ms);
    assert_int_equal(before_ms[RETENTION_SCORES], 0);
    assert_int_equal(before_ms[RETENTION_ALERTS], now_ms - 3 * DAY_MS);
    assert_int_equal(before_ms[RETENTION_LOG], now_ms - 14 * DAY_MS);
    assert_int_equal(before_ms[RETENTION_EVENTS], now_ms - 400 * DAY_MS);
    assert_int_equal(config.keeping.every_ms, DAY_MS / 16);
    config.keeping.kept_ms[RETENTION_ALERTS] = 0;
    keeping_before(&config, now_ms, before_ms);
    assert_int_equal(before_ms[RETENTION_ALERTS], 0);
    config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(works_without_any),
        cmocka_unit_test(takes_every_key),
        cmocka_unit_test(takes_short_forms),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(reads_accounts_that_are_read_live),
        cmocka_unit_test(says_what_is_wrong_with_inventories),
        cmocka_unit_test(says_what_is_wrong_with_schedules),
        cmocka_unit_test(hands_on_how_the_pages_are_served),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(takes_ephemeral_ranges_of_other_realms),
        cmocka_unit_test(takes_schedules),
        cmocka_unit_test(says_from_before_when_what_is_over_goes),
        cmocka_unit_test(finds_files_beside_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
