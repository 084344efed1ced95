#include "scanner/hostgroup.h"
#include "scanner/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "\"schema\":\"leastport.plan/1\",\"realm\":\"r\",\"vantage\":\"v\""
#define REST "\"probes\":[\"connect\"]"

/* What names resolve to: "name addr addr\n…" */
static int fake_resolve(void *context, const char *name, struct addr *addrs, size_t *ret_count)
{
    const char *const *table = context;
    size_t count = 0;

    for (size_t i = 0; table[i] != NULL; i += 2) {
        if (strcmp(table[i], name) == 0) {
            assert_int_equal(addr_parse(table[i + 1], &addrs[count++]), 0);
        }
    }
    *ret_count = count;
    return count == 0 ? -ENOENT : 0;
}

static const char *const names_then[] = {"db.example",  "10.1.0.1", "db.example", "10.1.0.2",
                                         "web.example", "10.1.0.3", NULL};
static const char *const names_now[] = {"db.example", "10.1.0.1", "web.example", "10.1.0.2", NULL};

static struct plan_means means_with(const char *const *names)
{
    struct plan_means means = plan_means_default();

    means.resolver = (struct resolver){.resolve = fake_resolve, .context = (void *)(uintptr_t)names};
    memset(means.seed, 0xab, sizeof(means.seed));
    return means;
}

static struct plan *plan_of(const char *json)
{
    struct plan_means means = means_with(names_then);
    struct problem problem = {{0}};
    struct plan *plan = NULL;

    if (plan_from_json(json, strlen(json), &means, &plan, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    return plan;
}

static void is_canonical_and_hashed(void **state)
{
    struct plan *plan =
        plan_of("{" HEAD ", \"ports\": \"443,ssh,80-81\", \"targets\":[\"10.0.0.9:https\",\"DB.example.\"]," REST "}");
    struct plan *again;
    (void)state;
    assert_string_equal(
        plan_json(plan),
        "{\"exclude\":[],\"host_rate_pps\":0,\"never_scan\":[],\"ports\":\"22,80-81,443\","
        "\"probes\":[\"connect\"],\"rate_pps\":0,\"realm\":\"r\",\"resolved\":{\"db.example\":[\"10.1.0.1\","
        "\"10.1.0.2\"]},\"retries\":2,\"schema\":\"leastport.plan/1\",\"seed\":"
        "\"abababababababababababababababab\",\"slab\":{\"hosts\":16384,\"probes\":1048576},\"targets\":[\"10.0.0.9:"
        "443\",\"db.example\"],\"vantage\":\"v\","
        "\"watch\":[]}");
    assert_int_equal(strlen(plan_hash(plan)), 64);
    again = plan_of(plan_json(plan));
    assert_string_equal(plan_json(again), plan_json(plan));
    assert_string_equal(plan_hash(again), plan_hash(plan));
    assert_int_equal(plan_probes(plan), 1 + 2 * 4);
    plan_destroy(again);
    plan_destroy(plan);
    plan_destroy(NULL);
}

static void options_and_json_agree(void **state)
{
    struct targets *targets = targets_create();
    struct targets *exclude = targets_create();
    struct plan_options options = plan_options_default();
    struct plan_means means = means_with(names_then);
    struct plan_endpoint canary = {"10.0.0.1", "tcp", 22};
    struct plan_endpoint watch = {"10.0.0.2", "tcp", 9999};
    struct prefix scope;
    struct problem problem;
    struct addr addr;
    struct plan *plan;
    uint16_t port;
    (void)state;
    assert_int_equal(targets_add(targets, "10.0.0.0/24", NULL, &problem), 0);
    assert_int_equal(targets_add(exclude, "10.0.0.128/25", NULL, &problem), 0);
    assert_int_equal(prefix_parse("10.0.0.0/24", &scope), 0);
    options.targets = targets;
    options.exclude = exclude;
    options.ports = "22,80";
    options.canary = &canary;
    options.watch = &watch;
    options.watch_count = 1;
    options.scope = &scope;
    options.scope_count = 1;
    options.rate_pps = 1000;
    options.retries = 5;
    options.shard_index = 2;
    options.shard_count = 3;
    options.services = true;
    options.doors = true;
    options.printers = true;
    assert_int_equal(plan_create(&options, &means, &plan, &problem), 0);
    assert_int_equal(space_probes(plan_space(plan)), 128 * 2 + 1);
    assert_int_equal(plan_probes(plan), 257 / 3 + 1);
    assert_int_equal(plan_rate_pps(plan), 1000);
    assert_int_equal(plan_retries(plan), 5);
    assert_true(plan_asks_services(plan));
    assert_true(plan_asks_doors(plan));
    assert_true(plan_asks_printers(plan));
    assert_true(plan_canary(plan, &addr, &port));
    assert_int_equal(port, 22);
    assert_int_equal(addr_parse("10.0.0.2", &addr), 0);
    assert_true(plan_is_watched(plan, &addr, 9999));
    assert_false(plan_is_watched(plan, &addr, 22));
    struct plan *again = plan_of(plan_json(plan));
    assert_true(plan_asks_printers(again));
    assert_string_equal(plan_hash(again), plan_hash(plan));
    plan_destroy(again);
    plan_destroy(plan);
    targets_destroy(targets);
    targets_destroy(exclude);
}

/* A plan, and what must be said of it. */
static const char *const refusals[][2] = {
    {"", "line 1"},
    {"{", "not JSON"},
    {"[]", "an array stands where an object belongs"},
    {"{\"schema\":\"leastport.plan/1\",\"schema\":\"x\"}", "duplicate"},
    {"{}", "\"schema\" is missing"},
    {"{\"schema\":\"leastport.plan/2\"}", "plan/schema: \"leastport.plan/2\" is not leastport.plan/1"},
    {"{" HEAD ",\"colour\":1}", "unknown key \"colour\""},
    {"{" HEAD "}", "\"probes\" is missing"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"1\",\"probes\":[\"connect\"],\"discovery\":true}",
     "plan/discovery: plain connects discover nothing"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"1\",\"probes\":[\"syn\"],\"discovery\":1}",
     "plan/discovery: must be true or false"},
    {"{" HEAD ",\"probes\":[\"udp\"]}", "\"targets\" is missing"},
    {"{" HEAD ",\"targets\":[],\"ports\":\"22\"," REST "}", "plan/targets: is empty"},
    {"{" HEAD ",\"targets\":\"10.0.0.1\",\"ports\":\"22\"," REST "}", "plan/targets: a string stands where an array"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\",7],\"ports\":\"22\"," REST "}", "plan/targets/1: a whole number"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1/99\"],\"ports\":\"22\"," REST "}", "plan/targets/0: target"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\\u0000\"],\"ports\":\"22\"," REST "}", "not JSON"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22,,\"," REST "}", "plan/ports: ports \"22,,\", column 4"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":22," REST "}", "plan/ports: a whole number"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"probes\":[]}", "plan/probes"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"probes\":[\"ack\"]}", "plan/probes/0"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"probes\":[\"syn\",\"udp\"]}", "plan/probes"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"probes\":[\"connect\",\"syn\"]}", "plan/probes"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"probes\":[\"udp\"]"
     ",\"watch\":[{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":53}]}",
     "plan/watch/0/proto: \"tcp\" cannot be asked by the probe \"udp\""},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"retries\":21}",
     "plan/retries: 21 is not in 0 to 20"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"rate_pps\":-1}", "plan/rate_pps: -1"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"rate_pps\":1.5}", "plan/rate_pps: a fraction"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"seed\":\"AB\"}", "plan/seed"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"scope\":[]}", "plan/scope: is empty"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"scope\":[\"10.0.0.0/8\",\"x\"]}",
     "plan/scope/1"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"shard\":{\"index\":4,\"count\":3}}",
     "plan/shard/index: 4"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"slab\":{\"probes\":65535,\"hosts\":1}}",
     "plan/slab/probes: 65535"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"slab\":{\"probes\":65536,\"hosts\":0}}",
     "plan/slab/hosts: 0"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"slab\":{\"probes\":65536}}", "plan/slab"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"slab\":7}", "plan/slab"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"shard\":{\"index\":1}}", "plan/shard"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"services\":true}", "plan/services: true"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"services\":{}}",
     "plan/services: must have \"doors\""},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"services\":{\"doors\":1}}",
     "plan/services: must have \"doors\""},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"services\":{\"doors\":true,\"x\":1}}",
     "plan/services: must have \"doors\""},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"services\":{\"doors\":true,\"printers\":0}}",
     "plan/services: must have \"doors\""},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"services\":{\"doors\":true,\"known\":1}}",
     "plan/services/known: must be an array"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"53\",\"probes\":[\"udp\"],\"services\":{\"doors\":true}}",
     "plan/services: only TCP ports can be asked"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST
     ",\"watch\":[{\"host\":\"10.0.0.1\",\"proto\":\"udp\",\"port\":53}]}",
     "plan/watch/0/proto"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST
     ",\"watch\":[{\"host\":\"10.0.0.0/24\",\"proto\":\"tcp\",\"port\":53}]}",
     "plan/watch/0/host"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST
     ",\"watch\":[{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":65536}]}",
     "plan/watch/0/port: 65536"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST
     ",\"canary\":{\"host\":\"10.0.0.1\",\"proto\":\"tcp\"}}",
     "plan/canary: \"port\" is missing"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\"," REST ",\"resolved\":{\"x\":[\"10.0.0.1\"]}}",
     "plan/resolved"},
    {"{" HEAD ",\"targets\":[\"db.example\"],\"ports\":\"22\"," REST ",\"resolved\":{\"db.example\":[\"ten\"]}}",
     "plan/resolved/db.example/0"},
    {"{" HEAD ",\"targets\":[\"gone.example\"],\"ports\":\"22\"," REST "}", "gone.example does not resolve"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"exclude\":[\"10.0.0.0/8\"]," REST "}",
     "nothing is left to scan"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"never_scan\":[\"10.0.0.0/8\"]," REST "}",
     "never-scan list"},
    {"{" HEAD ",\"targets\":[\"0.0.0.0\"],\"ports\":\"22\"," REST "}", "target \"0.0.0.0\": the unspecified"},
    {"{" HEAD ",\"targets\":[\"10.0.0.1\",\"[::]:80\"],\"ports\":\"22\"," REST "}", "\"[::]:80\": the unspecified"},
    {"{" HEAD ",\"targets\":[\"::ffff:0.0.0.0\"],\"ports\":\"22\"," REST "}", "write 127.0.0.1"},
    {"{" HEAD ",\"targets\":[\"239.1.0.0/16\"],\"ports\":\"22\"," REST "}", "a multicast group"},
    {"{" HEAD ",\"targets\":[\"255.255.255.255\"],\"ports\":\"22\"," REST "}", "the broadcast address"},
    {"{" HEAD ",\"targets\":[\"zero.example\"],\"ports\":\"22\"," REST
     ",\"resolved\":{\"zero.example\":[\"0.0.0.0\"]}}",
     "nothing is left to scan"},
    {"{" HEAD ",\"targets\":[\"::/0\"],\"ports\":\"22\"," REST "}", "narrow"},
    {"{\"schema\":\"leastport.plan/1\",\"realm\":\"a\\nb\",\"vantage\":\"v\",\"targets\":[\"10.0.0.1\"]," REST "}",
     "plan/realm: must hold no control characters"},
    {"{\"schema\":\"leastport.plan/1\",\"realm\":\"r\",\"vantage\":\"v\\u001b\",\"targets\":[\"10.0.0.1\"]," REST "}",
     "plan/vantage: must hold no control characters"},
};

static void refuses_and_says_where(void **state)
{
    struct plan_means means = means_with(names_then);
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct problem problem = {{0}};
        struct plan *plan = NULL;
        assert_true(plan_from_json(refusals[i][0], strlen(refusals[i][0]), &means, &plan, &problem) < 0);
        assert_null(plan);
        if (strstr(problem.text, refusals[i][1]) == NULL) {
            fail_msg("%s gave: %s", refusals[i][0], problem.text);
        }
    }
}

static void bounds_nesting(void **state)
{
    enum { DEPTH = 100000 };
    char *text = malloc(DEPTH);
    struct plan_means means = means_with(names_then);
    struct problem problem;
    struct plan *plan = NULL;
    (void)state;
    memset(text, '[', DEPTH);
    assert_int_equal(plan_from_json(text, DEPTH, &means, &plan, &problem), -EINVAL);
    free(text);
}

static void notes_skipped(void *context, const char *code, const char *host, const char *message)
{
    char *said = context;

    snprintf(said + strlen(said), 512 - strlen(said), "%s %s;", code, host);
    assert_true(strlen(message) > 10);
}

static void the_probe_decides_the_protocol(void **state)
{
    static const char text[] = "{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"53\",\"probes\":[\"udp\"]"
                               ",\"watch\":[{\"host\":\"10.0.0.2\",\"proto\":\"udp\",\"port\":123}]}";
    struct plan_means means = plan_means_default();
    struct problem problem;
    struct plan *plan = NULL;
    struct plan *again = NULL;
    struct addr watched;
    struct addr other;
    (void)state;
    assert_int_equal(plan_from_json(text, strlen(text), &means, &plan, &problem), 0);
    assert_int_equal(plan_probe(plan), PLAN_PROBE_UDP);
    assert_non_null(strstr(plan_json(plan), "\"probes\":[\"udp\"]"));
    assert_non_null(strstr(plan_json(plan), "\"proto\":\"udp\""));
    assert_true(plan_discovers(plan));
    assert_non_null(strstr(plan_json(plan), "\"discovery\":true"));
    assert_int_equal(addr_parse("10.0.0.2", &watched), 0);
    assert_int_equal(addr_parse("10.0.0.1", &other), 0);
    assert_true(plan_watches_host(plan, &watched) && !plan_watches_host(plan, &other));
    assert_int_equal(plan_from_json(plan_json(plan), strlen(plan_json(plan)), &means, &again, &problem), 0);
    assert_string_equal(plan_hash(again), plan_hash(plan));
    plan_destroy(plan);
    plan_destroy(again);
}

/* Its own text has the choice alone: the same machine with other capabilities reads it as the same plan. */
static void what_is_left_open_is_chosen_once(void **state)
{
    static const char text[] =
        "{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"22\",\"probes\":[\"syn\",\"connect\"],\"discovery\":false}";
    static const struct {
        bool raw;
        enum plan_probe probe;
        const char *written;
    } cases[] = {{true, PLAN_PROBE_SYN, "\"probes\":[\"syn\"]"},
                 {false, PLAN_PROBE_CONNECT, "\"probes\":[\"connect\"]"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct plan_means means = plan_means_default();
        struct problem problem;
        struct plan *plan = NULL;
        struct plan *again = NULL;
        means.raw = cases[i].raw;
        assert_int_equal(plan_from_json(text, strlen(text), &means, &plan, &problem), 0);
        assert_int_equal(plan_probe(plan), cases[i].probe);
        assert_true(plan_probe_was_open(plan));
        assert_false(plan_discovers(plan));
        assert_non_null(strstr(plan_json(plan), cases[i].written));
        means.raw = !cases[i].raw;
        assert_int_equal(plan_from_json(plan_json(plan), strlen(plan_json(plan)), &means, &again, &problem), 0);
        assert_int_equal(plan_probe(again), cases[i].probe);
        assert_false(plan_probe_was_open(again));
        assert_string_equal(plan_hash(again), plan_hash(plan));
        plan_destroy(plan);
        plan_destroy(again);
    }
}

static void discovery_is_the_plan_s(void **state)
{
    struct plan *without = plan_of("{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"53\",\"probes\":[\"syn\"]"
                                   ",\"discovery\":false}");
    struct plan *connects = plan_of("{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"53\"," REST "}");
    (void)state;
    assert_false(plan_discovers(without));
    assert_non_null(strstr(plan_json(without), "\"discovery\":false"));
    assert_false(plan_discovers(connects));
    assert_null(strstr(plan_json(connects), "discovery"));
    plan_destroy(without);
    plan_destroy(connects);
}

/* What an older version kept is gone on with as it was: its hash would be another's. */
static void a_kept_plan_from_before_discovery_stays_as_it_is(void **state)
{
    struct plan_means means = plan_means_default();
    struct plan *today = plan_of("{" HEAD ",\"targets\":[\"10.0.0.1\"],\"ports\":\"53\",\"probes\":[\"udp\"]}");
    struct problem problem;
    struct plan *kept;
    char text[1024];
    char *key;
    (void)state;
    (void)snprintf(text, sizeof(text), "%s", plan_json(today));
    key = strstr(text, "\"discovery\":true,");
    assert_non_null(key);
    memmove(key, key + strlen("\"discovery\":true,"), strlen(key + strlen("\"discovery\":true,")) + 1);
    means.is_kept = true;
    assert_int_equal(plan_from_json(text, strlen(text), &means, &kept, &problem), 0);
    assert_false(plan_discovers(kept));
    assert_string_equal(plan_json(kept), text);
    plan_destroy(kept);
    assert_int_equal(plan_from_json(plan_json(today), strlen(plan_json(today)), &means, &kept, &problem), 0);
    assert_true(plan_discovers(kept));
    assert_string_equal(plan_hash(kept), plan_hash(today));
    plan_destroy(kept);
    plan_destroy(today);
}

static void skips_addresses_that_names_have_lost(void **state)
{
    struct plan *plan =
        plan_of("{" HEAD ",\"ports\":\"22\",\"targets\":[\"db.example\",\"web.example\",\"10.1.0.3/32\"]," REST "}");
    struct resolver now = {.resolve = fake_resolve, .context = (void *)(uintptr_t)names_now};
    struct resolver none = {.resolve = fake_resolve, .context = (void *)(uintptr_t)(names_now + 4)};
    char said[512] = "";
    struct addr one;
    struct addr two;
    struct addr three;
    (void)state;
    assert_int_equal(addr_parse("10.1.0.1", &one), 0);
    assert_int_equal(addr_parse("10.1.0.2", &two), 0);
    assert_int_equal(addr_parse("10.1.0.3", &three), 0);
    assert_string_equal(plan_name(plan, &two), "db.example");
    assert_int_equal(plan_refresh(plan, &now, notes_skipped, said), 0);
    assert_false(plan_is_skipped(plan, &one));
    assert_true(plan_is_skipped(plan, &two));
    /* 10.1.0.3 is web.example's no more, but it is a target of its own. */
    assert_false(plan_is_skipped(plan, &three));
    assert_string_equal(said, "address-gone 10.1.0.2;");
    said[0] = '\0';
    assert_int_equal(plan_refresh(plan, &none, notes_skipped, said), 0);
    assert_string_equal(
        said, "name-unresolved db.example;name-unresolved web.example;address-gone 10.1.0.1;address-gone 10.1.0.2;");
    plan_destroy(plan);
}

static void tells_of_names_without_addresses(void **state)
{
    static const char text[] = "{" HEAD ",\"ports\":\"22\",\"targets\":[\"gone.example\",\"db.example\"]," REST "}";
    static const char excluding[] = "{" HEAD ",\"ports\":\"22\",\"targets\":[\"gone.example\",\"db.example\"],"
                                    "\"exclude\":[\"gone.example:443\"]," REST "}";
    struct plan_means means = means_with(names_then);
    struct problem problem = {{0}};
    char said[512] = "";
    struct plan *plan;
    (void)state;
    means.notice = notes_skipped;
    means.context = said;
    assert_int_equal(plan_from_json(text, strlen(text), &means, &plan, &problem), 0);
    assert_string_equal(said, "name-unresolved gone.example;");
    assert_int_equal(plan_probes(plan), 2);
    struct plan *again = plan_of(plan_json(plan));
    assert_string_equal(plan_hash(again), plan_hash(plan));
    plan_destroy(again);
    plan_destroy(plan);
    /* An exclusion that excludes nothing would let through what it was to keep out. */
    assert_int_equal(plan_from_json(excluding, strlen(excluding), &means, &plan, &problem), -ENOENT);
    assert_non_null(strstr(problem.text, "gone.example does not resolve"));
}

static void never_scan_is_left_out_and_counted(void **state)
{
    struct plan *plan = plan_of("{" HEAD ",\"ports\":\"22\",\"targets\":[\"10.0.0.0/24\",\"fe80::1%lo-fe80::4\"],"
                                "\"never_scan\":[\"10.0.0.8/29\",\"10.9.0.0/16\",\"fe80::2/127\"]," REST "}");
    struct addr fragile;
    (void)state;
    assert_int_equal(plan_never_scan_hosts(plan), 8 + 2);
    assert_int_equal(plan_probes(plan), 256 - 8 + 4 - 2);
    assert_int_equal(addr_parse("fe80::3%lo", &fragile), 0);
    assert_false(space_has(plan_space(plan), &fragile, 22));
    plan_destroy(plan);
}

/* Addresses that would reach a host past the lists, and such that reach none. */
static void addresses_of_no_host_are_left_out(void **state)
{
    struct plan *plan = plan_of("{" HEAD ",\"ports\":\"22\",\"targets\":[\"0.0.0.0/30\",\"223.255.255.254-224.0.0.9\","
                                "\"255.255.255.254/31\",\"::/126\",\"::fffe:ffff:fffe-::1:0:0:1\"],"
                                "\"watch\":[{\"host\":\"0.0.0.0\",\"proto\":\"tcp\",\"port\":23}]," REST "}");
    struct addr addr = {.is_ipv6 = true, .bytes = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    (void)state;
    assert_int_equal(plan_probes(plan), 3 + 2 + 1 + 3 + 4);
    assert_false(space_has(plan_space(plan), &addr, 22));
    assert_int_equal(addr_parse("0.0.0.0", &addr), 0);
    assert_false(space_has(plan_space(plan), &addr, 22));
    assert_false(space_has(plan_space(plan), &addr, 23));
    assert_int_equal(plan_never_scan_hosts(plan), 0);
    plan_destroy(plan);
}

static void a_few_on_the_never_scan_list_are_named(void **state)
{
    static const char *const few[] = {"10.0.0.0", "10.0.0.255", "10.0.1.9", "fe80::2%lo", "fe80::3%lo"};
    struct plan *plan =
        plan_of("{" HEAD ",\"ports\":\"22\",\"targets\":[\"10.0.0.0/24\",\"10.0.1.9:80\",\"fe80::1%lo-fe80::4\","
                "\"10.0.0.7:443\"],\"never_scan\":[\"10.0.0.0\",\"9.0.0.0/8\",\"10.0.0.255\",\"10.0.1.0/24\","
                "\"fe80::2/127\"]," REST "}");
    char text[ADDR_TEXT_SIZE];
    size_t count;
    const struct addr *named = plan_never_scan_named(plan, &count);
    (void)state;
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(addr_format(&named[i], text), few[i]);
    }
    plan_destroy(plan);
    plan =
        plan_of("{" HEAD ",\"ports\":\"22\",\"targets\":[\"10.0.0.0/24\"],\"never_scan\":[\"10.0.0.8/29\"]," REST "}");
    plan_never_scan_named(plan, &count);
    assert_int_equal(count, 0);
    assert_int_equal(plan_never_scan_hosts(plan), 8);
    plan_destroy(plan);
}

static void checks_scope_before_the_first_probe(void **state)
{
    struct plan *plan =
        plan_of("{" HEAD ",\"ports\":\"22\",\"targets\":[\"10.0.0.0/24\",\"203.0.113.0/24\"]," REST "}");
    struct problem problem;
    struct scope *scope;
    (void)state;
    assert_int_equal(plan_scope(plan, NULL, 0, &scope), 0);
    assert_int_equal(plan_check_scope(plan, scope, &problem), -EPERM);
    assert_non_null(
        strstr(problem.text, "203.0.113.0 is outside the scope; if you may scan it, say --scope 203.0.113.0/24"));
    scope_destroy(scope);
    plan_destroy(plan);
    plan = plan_of("{" HEAD ",\"ports\":\"22\",\"targets\":[\"10.0.0.0/"
                   "24\"],\"canary\":{\"host\":\"203.0.113.5\",\"proto\":\"tcp\",\"port\":1}," REST "}");
    assert_int_equal(plan_scope(plan, NULL, 0, &scope), 0);
    assert_int_equal(plan_check_scope(plan, scope, &problem), -EPERM);
    scope_destroy(scope);
    plan_destroy(plan);
}

/* A checkpoint is a slab's number: the plan itself says what a slab is, whatever this version would choose. */
static void slabs_are_the_plan_s(void **state)
{
    struct plan *plan = plan_of("{" HEAD ",\"targets\":[\"10.0.0.0/24\"],\"ports\":\"22,80\"," REST
                                ",\"slab\":{\"probes\":65536,\"hosts\":16}}");
    struct plan *usual = plan_of("{" HEAD ",\"targets\":[\"10.0.0.0/24\"],\"ports\":\"22,80\"," REST "}");
    struct plan *again;
    (void)state;
    assert_int_equal(space_slabs(plan_space(plan)), 16);
    assert_int_equal(space_slabs(plan_space(usual)), 1);
    assert_string_not_equal(plan_hash(plan), plan_hash(usual));
    again = plan_of(plan_json(plan));
    assert_int_equal(space_slabs(plan_space(again)), 16);
    assert_string_equal(plan_hash(again), plan_hash(plan));
    plan_destroy(again);
    plan_destroy(usual);
    plan_destroy(plan);
}

static void shards_are_disjoint_and_whole(void **state)
{
    enum { SHARDS = 3 };
    uint8_t seen[128][10] = {{0}};
    (void)state;
    for (int shard = 1; shard <= SHARDS; shard++) {
        char json[512];
        uint64_t sent = 0;
        snprintf(json, sizeof(json),
                 "{" HEAD ",\"ports\":\"1-9\",\"targets\":[\"10.0.0.0/25\"],"
                 "\"shard\":{\"index\":%d,\"count\":3}," REST "}",
                 shard);
        struct plan *plan = plan_of(json);
        for (uint64_t slab = 0; slab < space_slabs(plan_space(plan)); slab++) {
            struct hostgroup *group;
            assert_int_equal(hostgroup_create(plan_space(plan), slab, &group), 0);
            struct permutation order = plan_permutation(plan, slab, hostgroup_probes(group));
            for (uint64_t position = plan_shard_index(plan) - 1; position < hostgroup_probes(group);
                 position += plan_shard_count(plan)) {
                uint32_t host;
                uint16_t port;
                hostgroup_probe(group, (uint32_t)permutation_index(&order, position), &host, &port);
                seen[host][port]++;
                sent++;
            }
            hostgroup_destroy(group);
        }
        assert_int_equal(sent, plan_probes(plan));
        plan_destroy(plan);
    }
    for (int host = 0; host < 128; host++) {
        for (int port = 1; port <= 9; port++) {
            assert_int_equal(seen[host][port], 1);
        }
    }
}

static void plans_nearly_2_to_the_48_probes(void **state)
{
    struct plan *plan = plan_of("{" HEAD ",\"ports\":\"0-65535\",\"targets\":[\"0.0.0.0/0\"]," REST "}");
    (void)state;
    /* Less 0.0.0.0, 255.255.255.255 and 224.0.0.0/4. */
    assert_int_equal(plan_probes(plan), ((UINT64_C(1) << 32) - (UINT64_C(1) << 28) - 2) << 16);
    assert_int_equal(space_slabs(plan_space(plan)), (UINT64_C(1) << 28) - (UINT64_C(1) << 24));
    plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_canonical_and_hashed),
        cmocka_unit_test(options_and_json_agree),
        cmocka_unit_test(refuses_and_says_where),
        cmocka_unit_test(bounds_nesting),
        cmocka_unit_test(the_probe_decides_the_protocol),
        cmocka_unit_test(what_is_left_open_is_chosen_once),
        cmocka_unit_test(discovery_is_the_plan_s),
        cmocka_unit_test(a_kept_plan_from_before_discovery_stays_as_it_is),
        cmocka_unit_test(skips_addresses_that_names_have_lost),
        cmocka_unit_test(tells_of_names_without_addresses),
        cmocka_unit_test(never_scan_is_left_out_and_counted),
        cmocka_unit_test(addresses_of_no_host_are_left_out),
        cmocka_unit_test(a_few_on_the_never_scan_list_are_named),
        cmocka_unit_test(checks_scope_before_the_first_probe),
        cmocka_unit_test(slabs_are_the_plan_s),
        cmocka_unit_test(shards_are_disjoint_and_whole),
        cmocka_unit_test(plans_nearly_2_to_the_48_probes),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
