/* Every error and every warning of the policy's reader and checker, whole, with its line and column. The texts are
 * taken from the sources themselves: one that no case here provokes fails the test. */
#include "auditd/policy/lint.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rule.h"
#include "tests/unit/alloc_countdown.h"
#include "tests/unit/auditd/literals.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* 2026-11-22T12:00:00Z */
static const int64_t NOW_MS = 1795348800000;

static struct literals literals;

#define ALLOW "version: 1\nallow:\n- {id: a, to: any, ports: 22, from: world, why: w"
#define FORBID "version: 1\nforbid:\n- {id: a, to: any, ports: 22"
#define TEST "version: 1\ntests:\n- {to: any, port: 22, from: world, expect: finding"
#define GROUPS "version: 1\ngroups: {a: {tags: {k: a}}, b: {tags: {k: b}}, n: {and: [a, {not: a}]}}\n"

struct message {
    const char *text;
    uint32_t line, column;
    const char *pointer; /* NULL: a warning */
    const char *says;
};

static const struct message MESSAGES[] = {
    {"", 1, 1, "", "the document must be a mapping that begins with \"version: 1\", not nothing"},
    {"- 1", 1, 1, "", "the document must be a mapping that begins with \"version: 1\", not a list"},
    {"allow: []", 1, 1, "", "the document lacks the key \"version\""},
    {"version: 2", 1, 10, "/version", "\"version\" must be 1, the version that this release reads"},
    {"version: '1'", 1, 10, "/version", "\"version\" must be 1, the version that this release reads, not a text"},
    {"version: 1\nbaseline: 9", 2, 11, "/baseline", "\"baseline\" must be from 1 to 1"},
    {"version: 1\nalow: []", 2, 1, "/alow", "unknown key \"alow\"; did you mean \"allow\"?"},
    {"version: 1\nfrobid: []", 2, 1, "/frobid", "unknown key \"frobid\"; did you mean \"forbid\"?"},
    {"version: 1\nzzz: 1", 2, 1, "/zzz",
     "unknown key \"zzz\"; known here: version, baseline, groups, defaults, allow, forbid or tests"},
    {"version: 1\nallow: {}", 2, 8, "/allow", "\"allow\" must be a list of rules, not a mapping"},
    {"version: 1\nallow: [x]", 2, 9, "/allow/0", "item 1 of \"allow\" must be a mapping, not a text"},
    {"version: 1\nallow: [{id: a}]", 2, 9, "/allow/0", "item 1 of \"allow\" lacks the key \"to\""},
    {ALLOW ", whom: x}", 3, 52, "/allow/0/whom",
     "unknown key \"whom\"; known here: id, to, ports, from, why, proto, service, when, owner, until, controls or "
     "declared"},
    {ALLOW ", prots: tcp}", 3, 52, "/allow/0/prots", "unknown key \"prots\"; did you mean \"ports\"?"},
    {ALLOW ", severity: high}", 3, 52, "/allow/0/severity",
     "unknown key \"severity\"; known here: id, to, ports, from, why, proto, service, when, owner, until, controls or "
     "declared"},
    {ALLOW ", owner: 12}", 3, 59, "/allow/0/owner", "\"owner\" must be a text, not a whole number; put it in quotes"},
    {ALLOW ", owner: ''}", 3, 59, "/allow/0/owner", "\"owner\" must not be empty"},
    {ALLOW ", until: soon}", 3, 59, "/allow/0/until", "\"until\" must be a date like 2027-03-31"},
    {ALLOW ", until: 2027-02-30}", 3, 59, "/allow/0/until", "\"until\" must be a date like 2027-03-31"},
    {ALLOW ", proto: sctp}", 3, 59, "/allow/0/proto", "\"proto\" must be tcp or udp, not \"sctp\""},
    {ALLOW ", declared: blokced}", 3, 62, "/allow/0/declared",
     "\"declared\" must be reachable, conditional, unknown, blocked-return or blocked, not \"blokced\"; did you mean "
     "\"blocked\"?"},
    {ALLOW ", when: {}}", 3, 58, "/allow/0/when", "\"when\" must not be empty"},
    {ALLOW ", when: {a: []}}", 3, 62, "/allow/0/when/a", "\"a\" must be a text, a number or true or false, not a list"},
    {ALLOW ", when: {tls.versoin: 1.2}}", 3, 59, "/allow/0/when/tls.versoin",
     "there is no fact \"tls.versoin\"; did you mean \"tls.version\"? docs/facts.md lists what a condition can ask "
     "for"},
    {ALLOW ", when: {weather: fine}}", 3, 59, "/allow/0/when/weather",
     "there is no fact \"weather\"; docs/facts.md lists what a condition can ask for"},
    {ALLOW ", when: {tls: maybe}}", 3, 64, "/allow/0/when/tls",
     "\"tls\" (whether TLS is spoken from the first byte) must be true or false"},
    {ALLOW ", when: {tls: '>true'}}", 3, 64, "/allow/0/when/tls",
     "\"tls\" (whether TLS is spoken from the first byte) must be true or false"},
    {ALLOW ", when: {cert.days_left: soon}}", 3, 75, "/allow/0/when/cert.days_left",
     "\"cert.days_left\" (days until the certificate ends, on the day of the question) must be a whole number, or one "
     "after <, <=, >, >= or !=, like \">=30\""},
    {ALLOW ", when: {tls.version: new}}", 3, 72, "/allow/0/when/tls.version",
     "\"tls.version\" (the lowest version of TLS that is accepted) must be a version, or one after <, <=, >, >= or !=, "
     "like \">=1.2\""},
    {ALLOW ", when: {service: '>ssh'}}", 3, 68, "/allow/0/when/service",
     "\"service\" (the protocol that answers) must be text, or text after !="},
    {ALLOW ", when: {cert.not_after: '2027'}}", 3, 75, "/allow/0/when/cert.not_after",
     "\"cert.not_after\" cannot be compared; \"cert.days_left\" can"},
    {ALLOW "}\n- {id: a, to: any, ports: 1, from: world, why: w}", 4, 8, "/allow/1",
     "the id \"a\" is taken by the rule at line 3: each rule needs its own"},
    {FORBID ", severity: hihg}", 3, 41, "/forbid/0/severity",
     "\"severity\" must be low, medium, high or critical, not \"hihg\"; did you mean \"high\"?"},
    {"version: 1\nforbid: [{id: 'a b', to: any, ports: 1}]", 2, 15, "/forbid/0/id",
     "\"id\" must be a name of letters, digits, \"_\", \".\" and \"-\", at most 48"},
    {"version: 1\nforbid: [{id: a, to: web, ports: 1}]", 2, 22, "/forbid/0", "\"web\" is not a group of this policy"},
    {"version: 1\ngroups: {webs: {any: true}}\nforbid: [{id: a, to: {not: web}, ports: 1}]", 3, 28, "/forbid/0",
     "\"web\" is not a group of this policy; did you mean \"webs\"?"},
    {"version: 1\nforbid: [{id: a, to: {nto: x}, ports: 1}]", 2, 23, "/forbid/0/to/nto",
     "unknown key \"nto\"; did you mean \"not\"?"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 70000}]", 2, 34, "/forbid/0/ports",
     "\"ports\" must be a port expression like 22, \"80,443\", 8000-8099, https or any"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 90-80}]", 2, 34, "/forbid/0/ports",
     "\"ports\" must be a port expression like 22, \"80,443\", 8000-8099, https or any: \"90-80\" runs backwards"},
    {"version: 1\nforbid: [{id: a, to: any, ports: '1,,2'}]", 2, 34, "/forbid/0/ports",
     "\"ports\" must be a port expression like 22, \"80,443\", 8000-8099, https or any: \"\" is empty: a port is "
     "missing beside a comma"},
    {"version: 1\nforbid: [{id: a, to: any, ports: shs}]", 2, 34, "/forbid/0/ports",
     "\"ports\" must be a port expression like 22, \"80,443\", 8000-8099, https or any: \"shs\" is neither a port (0 "
     "to 65535), a range (80-90) nor a known service"},
    {"version: 1\nforbid: [{id: a, to: any, ports: [22, 0-99999]}]", 2, 39, "/forbid/0/ports/1",
     "item 2 of \"ports\" must be a port expression like 22, 8000-8099 or https: \"0-99999\" is past the last port, "
     "65535"},
    {"version: 1\nforbid: [{id: a, to: any, ports: []}]", 2, 34, "/forbid/0/ports", "\"ports\" must not be empty"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 1, from: [wrold]}]", 2, 44, "/forbid/0",
     "\"wrold\" is not a group, a security group (sg-…), a CIDR or one of world, public-range, peer, vpn, own-vpc and "
     "self; did you mean "
     "\"world\"?"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 1, from: 10.0.0.0/33}]", 2, 43, "/forbid/0",
     "\"10.0.0.0/33\" is not a group, a security group (sg-…), a CIDR or one of world, public-range, peer, vpn, "
     "own-vpc and self"},
    {"version: 1\nforbid: [{id: a, to: any, ports: 1, from: [world, sg-A]}]", 2, 51, "/forbid/0",
     "\"sg-A\" is not a group, a security group (sg-…), a CIDR or one of world, public-range, peer, vpn, own-vpc and "
     "self"},
    {"version: 1\ngroups: {a: {security_group: sg-}}", 2, 30, "/groups/a/security_group",
     "\"security_group\" must be an id like sg-0123abcd, a group's name (globs), or a list of them: \"sg-\" is no id "
     "of "
     "a security group"},
    {"version: 1\ngroups: {a: {security_group: [web, sg-0_1]}}", 2, 36, "/groups/a/security_group/1",
     "item 2 of \"security_group\" must be an id like sg-0123abcd or a group's name (globs): \"sg-0_1\" is no id of a "
     "security group"},
    {"version: 1\ngroups: {world: {any: true}}", 2, 10, "/groups/world",
     "\"world\" is a word of the policy's own; give the group another name"},
    {"version: 1\ngroups: {'a b': {any: true}}", 2, 10, "/groups/a b",
     "\"a b\" cannot be a group's name: letters, digits, \"_\", \".\" and \"-\", at most 48"},
    {"version: 1\ngroups: {a: {}}", 2, 13, "/groups/a", "\"a\" must not be empty"},
    {"version: 1\ngroups: {a: {any: false}}", 2, 19, "/groups/a/any", "\"any\" must be true"},
    {"version: 1\ngroups: {a: {cidr: [10.0.0.0/8, x]}}", 2, 33, "/groups/a/cidr/1",
     "item 2 of \"cidr\" must be an address or a CIDR like 10.0.0.0/8"},
    {"version: 1\ngroups: {a: {tag: {a: b}}}", 2, 14, "/groups/a/tag", "unknown key \"tag\"; did you mean \"tags\"?"},
    {"version: 1\ngroups: {a: {tags: {}}}", 2, 20, "/groups/a/tags", "\"tags\" must not be empty"},
    {"version: 1\ngroups: {a: {tags: [b]}}", 2, 20, "/groups/a/tags",
     "\"tags\" must be a mapping like {app: shop, tier: [edge, app]}, not a list"},
    {"version: 1\ngroups: {a: {tags: {b: []}}}", 2, 24, "/groups/a/tags/b", "\"b\" must not be empty"},
    {"version: 1\ngroups: {a: {tags: {b: {}}}}", 2, 24, "/groups/a/tags/b",
     "\"b\" must be a text, a number, true or false or a list, not a mapping"},
    {"version: 1\ngroups: {a: {and: b}}", 2, 19, "/groups/a/and",
     "\"and\" must be a list of groups and conditions, not a text"},
    {"version: 1\ngroups: {a: {or: []}}", 2, 18, "/groups/a/or", "\"or\" must not be empty"},
    {"version: 1\ngroups: {a: {not: [b]}}", 2, 19, "/groups/a/not",
     "\"not\" must be a group's name, any, or conditions like {tags: {app: shop}}, not a list"},
    {"version: 1\ngroups: {a: {or: [bb]}, b: {any: true}}", 2, 19, "/groups/a",
     "\"bb\" is not a group of this policy; did you mean \"b\"?"},
    {"version: 1\ngroups: {a: {not: a}}", 2, 10, "/groups",
     "the group \"a\" is made of itself, by itself or by way of the groups that it names"},
    {"version: 1\ngroups: {x: {not: a}, a: {or: [a]}}", 2, 10, "/groups",
     "the group \"x\" is made of the group \"a\", which is made of itself"},
    {"version: 1\ngroups: {a: {any: true}, b: {or: [a, a, a, a, a, a, a, a, a, a]}, c: {or: [b, b, b, b, b, b, b, b, "
     "b, b]},\n d: {or: [c, c, c, c, c, c, c, c, c, c]}, e: {or: [d, d, d, d, d, d, d, d, d, d]},\n f: {or: [e, e, e, "
     "e, e, e, e, e, e, e]}}",
     3, 43, "/groups", "the group \"e\", with the groups that it is made of, has more than 20000 conditions"},
    {"version: 1\ngroups: {a: {or: [b]}, b: {and: [{not: a}]}}", 2, 10, "/groups",
     "the group \"a\" is made of itself, by itself or by way of the groups that it names"},
    {"version: 1\nforbid: [{id: a, to: [any, gone], ports: 1}]", 2, 28, "/forbid/0",
     "\"gone\" is not a group of this policy"},
    {"version: 1\nforbid: [{id: a, to: {tgas: {a: b}}, ports: 1}]", 2, 23, "/forbid/0/to/tgas",
     "unknown key \"tgas\"; did you mean \"tags\"?"},
    {"version: 1\nforbid: [{id: a, to: {}, ports: 1}]", 2, 22, "/forbid/0/to", "\"to\" must not be empty"},
    {FORBID ", controls: cis-aws-3.0.0:5.4}", 3, 41, "/forbid/0/controls",
     "\"controls\" must be a control that docs/compliance.md lists, or a list of them: \"cis-aws-3.0.0:5.4\" is none; "
     "did you mean \"cis-aws-3.0.0:5.2\"?"},
    {FORBID ", controls: [SC-7]}", 3, 42, "/forbid/0/controls/0",
     "item 1 of \"controls\" must be a control that docs/compliance.md lists: \"SC-7\" is none"},
    {FORBID ", controls: []}", 3, 41, "/forbid/0/controls", "\"controls\" must not be empty"},
    {"version: 1\ngroups: {a~/b: {}}", 2, 10, "/groups/a~0~1b",
     "\"a~/b\" cannot be a group's name: letters, digits, \"_\", \".\" and \"-\", at most 48"},
    {"version: 1\ndefaults: {owners: x}", 2, 12, "/defaults/owners", "unknown key \"owners\"; did you mean \"owner\"?"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: found}]", 2, 50, "/tests/0/expect",
     "\"expect\" must be finding, allowed or unproven, not \"found\""},
    {"version: 1\ntests: [{to: gone, port: 22, from: world, expect: finding}]", 2, 14, "/tests/0",
     "\"gone\" is not a group of this policy"},
    {"version: 1\ntests: [{to: any, port: 22, from: gone, expect: finding}]", 2, 35, "/tests/0",
     "\"gone\" is not a group, a security group (sg-…), a CIDR or one of world, public-range, peer, vpn, own-vpc and "
     "self"},
    {"version: 1\ntests: [{to: any, port: ssh, from: world, expect: finding}]", 2, 25, "/tests/0/port",
     "\"port\" must be a whole number, not a text"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, facts: {tsl: true}}]", 2, 67,
     "/tests/0/facts/tsl",
     "there is no fact \"tsl\"; did you mean \"tls\"? docs/facts.md lists what a condition can ask for"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, facts: {tls: so}}]", 2, 72,
     "/tests/0/facts/tls", "\"tls\" (whether TLS is spoken from the first byte) must be true or false"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, facts: {tls.version: '>1'}}]", 2, 80,
     "/tests/0", "\"tls.version\" must be a value: a test says what is, not what is asked for"},
    {"version: 1\ntests: [{to: any, port: 22, from: world, expect: finding, service: ''}]", 2, 68, "/tests/0/service",
     "\"service\" must not be empty"},
    {"version: 1\nversion: 1", 2, 1, "", "the key \"version\" stands here a second time; the first is at line 1"},
    /* The reader of YAML. */
    {"a: &n 1", 1, 4, "", "anchors (&name) and tags (!name) are not taken"},
    {"&k a: 1", 1, 1, "", "anchors (&name) and tags (!name) are not taken"},
    {"a: *n", 1, 4, "", "aliases (*name) are not taken: write the value out"},
    {"*n : 1", 1, 1, "", "aliases (*name) are not taken: write the value out"},
    {"<<: {a: 1}", 1, 1, "", "merge keys (<<) are not taken: write the keys out"},
    {"? [a]\n: c", 1, 3, "", "a key must be a plain word, not a list or a mapping"},
    {"a: \"x\\0y\"", 1, 4, "", "a text cannot hold a NUL character"},
    {"\"a\\0b\": 1", 1, 1, "", "a key cannot hold a NUL character"},
    {"a: 1e999", 1, 4, "", "this number is too large; put it in quotes if it is a text"},
    {"a: 1\n---\nb: 2", 2, 1, "", "a second document begins here: one file holds one document"},
    {"ok: 1\nb: \xff\xfe", 2, 4, "", "not readable as UTF-8 text: invalid leading UTF-8 octet"},
    {"a:\n\t- b", 2, 1, "",
     "not valid YAML: found character that cannot start any token, while scanning for the next token that begins at "
     "line 2; a tab cannot indent, use spaces"},
    {"a: [::1, b]", 1, 5, "",
     "not valid YAML: did not find expected node content, while parsing a flow node that begins at line 1; a value "
     "with a colon at its begin, such as \"::1\", needs quotes"},
    {"a: @b", 1, 4, "",
     "not valid YAML: found character that cannot start any token, while scanning for the next token that begins at "
     "line 1; a value that begins with this character needs quotes"},
    {"a: [1, 2", 2, 1, "",
     "not valid YAML: did not find expected ',' or ']', while parsing a flow sequence that begins at line 1"},
    {"- [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 1, 35, "",
     "nested too deep: at most 32 levels are taken"},
    /* Types. */
    {"version: true", 1, 10, "/version",
     "\"version\" must be 1, the version that this release reads, not true or false"},
    {"version: 1\nallow: 1.5", 2, 8, "/allow", "\"allow\" must be a list of rules, not a number"},
    {"version: 1\ndefaults: []", 2, 11, "/defaults", "\"defaults\" must be a mapping, not a list"},
    {"version: 1\ndefaults: {owner: null}", 2, 19, "/defaults/owner", "\"owner\" must be a text, not nothing"},
    {"version: 1\ngroups: {a: {realm: 1}}", 2, 21, "/groups/a/realm",
     "\"realm\" must be a text or a list, not a whole number; put it in quotes"},
    {"version: 1\ngroups: {a: {tags: {k: null}}}", 2, 24, "/groups/a/tags/k",
     "\"k\" must be a text, a number, true or false or a list, not nothing"},
    {"version: 1\ntests: 1", 2, 8, "/tests", "\"tests\" must be a list of tests, not a whole number"},
    {ALLOW ", when: {tls: []}}", 3, 64, "/allow/0/when/tls",
     "\"tls\" must be a text, a number or true or false, not a list"},
    {FORBID ", when: 1}", 3, 37, "/forbid/0/when", "\"when\" must be a mapping, not a whole number"},
    {"version: 1\nforbid: [{id: a, to: 1, ports: 1}]", 2, 22, "/forbid/0/to",
     "\"to\" must be a group's name, any, {not: GROUP}, conditions, or a list of these, not a whole number; put it in "
     "quotes"},
    {"version: 1\nforbid: [{id: a, to: any, ports: [true]}]", 2, 35, "/forbid/0/ports/0",
     "item 1 of \"ports\" must be a port expression like 22, 8000-8099 or https, not true or false; put it in quotes"},
    {"version: 1\ngroups: {a: {cidr: x}}", 2, 20, "/groups/a/cidr",
     "\"cidr\" must be an address or a CIDR like 10.0.0.0/8, or a list of them"},
    /* Ports. */
    {"version: 1\nforbid: [{id: a, to: any, ports: '-'}]", 2, 34, "/forbid/0/ports",
     "\"ports\" must be a port expression like 22, \"80,443\", 8000-8099, https or any: \"-\" is no range: give it a "
     "first or a last port"},
    {"version: 1\nforbid: [{id: a, to: any, ports: '1,!1'}]", 2, 34, "/forbid/0/ports",
     "\"ports\" must be a port expression like 22, \"80,443\", 8000-8099, https or any: \"1,!1\" leaves no port"},
    {"version: 1\nforbid: [{id: a, to: any, ports: "
     "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}]",
     2, 34, "/forbid/0/ports",
     "\"ports\" must be a port expression like 22, \"80,443\", 8000-8099, https or any: \"...\" is too long for a port "
     "or a service's name"},
    {FORBID ", from: gone}", 3, 37, "/forbid/0",
     "\"gone\" is not a group, a security group (sg-…), a CIDR or one of world, public-range, peer, vpn, own-vpc and "
     "self"},
    /* Warnings. */
    {"version: 1\ngroups: {a: {cidr: 10.1.2.3/8}}", 2, 20, NULL,
     "10.1.2.3/8 has bits past its prefix; it is read as 10.0.0.0/8"},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: vpn, why: w}]\nforbid: [{id: y, to: a, ports: any, from: vpn}]", 3,
     9, NULL, "the rule \"x\" contradicts the rule \"y\" (line 4), which forbids all of it from vpn: the forbid wins"},
    {GROUPS "allow: [{id: x, to: n, ports: 22, from: vpn, why: w}]", 3, 9, NULL,
     "the rule \"x\" can never match: the conditions of n exclude each other"},
    {GROUPS "allow: [{id: x, to: a, ports: 22, service: ssh, from: vpn, why: w, when: {service: ftp}}]", 3, 9, NULL,
     "the rule \"x\" can never match: it asks for the service ssh and for the service ftp"},
    {GROUPS "allow:\n- {id: x, to: any, ports: 20-30, from: world, why: w}\n- {id: y, to: a, ports: 22, from: [vpn, "
            "b], why: w}",
     5, 3, NULL, "the rule \"y\" never decides: all that it means is decided by the rule \"x\" (line 4)"},
    {GROUPS "allow: [{id: x, to: a, ports: 23, from: vpn, why: w}]", 3, 9, NULL,
     "the rule \"x\" never decides: Telnet is forbidden by a hard rule of the baseline, which yields to waivers alone"},
    {GROUPS "allow: [{id: x, to: a, ports: 22, from: vpn, why: w, until: 2026-11-21}]", 3, 9, NULL,
     "the rule \"x\" ended on 2026-11-21 and decides nothing any more"},
};

/* The first message of its level, and no other of it. */
static void expect(const struct message *message)
{
    struct problems problems;
    struct policy *policy = NULL;
    bool is_warning = message->pointer == NULL;
    const struct problem *problem = is_warning ? &problems.warnings[0] : &problems.errors[0];
    int rc;

    problems_init(&problems);
    rc = policy_parse(message->text, strlen(message->text), "p", &problems, &policy);
    if (rc == 0) {
        rc = lint_rules(policy_rules(policy), NOW_MS, &problems);
    }
    policy_destroy(policy);
    if (rc != (is_warning ? 0 : -EBADMSG) || (is_warning ? problems.warning_count : problems.error_count) == 0 ||
        problem->mark.line != message->line || problem->mark.column != message->column ||
        (!is_warning && strcmp(problem->pointer, message->pointer) != 0) ||
        strcmp(problem->message, message->says) != 0) {
        problems_print(&problems, "is", stderr);
        fail_msg("pointer %s; should be %u:%u %s: %s\nof %.300s", problem->pointer, message->line, message->column,
                 is_warning ? "a warning" : message->pointer, message->says, message->text);
    }
    literals_see(&literals, problem->message);
}

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(MESSAGES) / sizeof(*MESSAGES); i++) {
        expect(&MESSAGES[i]);
    }
}

/* Appends as printf does. */
static __attribute__((format(printf, 2, 3))) void add(char **at, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    *at += vsprintf(*at, format, arguments);
    va_end(arguments);
}

/* `times` of the item, with commas between. */
static void add_list(char **at, const char *item, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        add(at, "%s%s", i > 0 ? "," : "", item);
    }
}

/* What only a long text goes past. */
static void says_what_is_too_much(void **state)
{
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    char *at;

    (void)state;
    assert_non_null(text);
    at = text;
    add(&at, "version: 1\ngroups:\n");
    for (int i = 0; i <= 2000; i++) {
        add(&at, "  g%d: {any: true}\n", i);
    }
    expect(&(struct message){text, 2, 1, "/groups", "\"groups\" holds 2001 groups; at most 2000 are taken"});
    at = text;
    add(&at, "version: 1\nforbid:\n");
    for (int i = 0; i <= 5000; i++) {
        add(&at, "- {id: f%d, to: any, ports: 1}\n", i);
    }
    expect(&(struct message){text, 3, 1, "/forbid", "\"forbid\" holds 5001 items; at most 5000 are taken"});
    sprintf(text, FORBID ", owner: a%064d}", 0);
    expect(&(struct message){text, 3, 38, "/forbid/0/owner", "\"owner\" is 65 bytes long; at most 63 are taken"});
    at = text;
    add(&at, FORBID ", controls: [");
    add_list(&at, "nist-800-53-r5:CM-7", 9);
    add(&at, "]}");
    expect(&(struct message){text, 3, 41, "/forbid/0/controls", "\"controls\" holds 9 items; at most 8 are taken"});
    at = text;
    add(&at, FORBID ", from: [");
    add_list(&at, "vpn", 257);
    add(&at, "]}");
    expect(&(struct message){text, 3, 37, "/forbid/0/from", "\"from\" holds 257 items; at most 256 are taken"});
    at = text;
    add(&at, "version: 1\nforbid:\n");
    for (int i = 0; i < 8; i++) {
        add(&at, "- {id: r%d, to: any, ports: 1, from: [", i);
        for (int j = 0; j < 256; j++) {
            add(&at, "%ssg-%04d", j > 0 ? "," : "", i * 256 + j);
        }
        add(&at, "]}\n");
    }
    expect(&(struct message){text, 10, 1702, "/forbid/7",
                             "\"sg-2000\" is one security group too many: a policy takes 2000 as sources"});
    at = text;
    add(&at, "version: 1\ntests:\n");
    for (int i = 0; i < 79; i++) {
        add(&at, "- {to: any, port: 1, expect: finding, from: [");
        add_list(&at, "vpn", 256);
        add(&at, "]}\n");
    }
    expect(
        &(struct message){text, 81, 3, "/tests/78", "with this test, the tests list more than 20000 sources together"});
    at = text;
    add(&at, "[");
    add_list(&at, "1", 200000);
    expect(&(struct message){text, 1, 400000, "", "too much: at most 200000 values are taken"});
    free(text);
}

/* Rules that are as good as the same to the last look: comparing each with each would take minutes. */
static void says_where_it_stopped_comparing(void **state)
{
    enum { RULES = 100, SOURCES = 256 };
    char *text = malloc(RULES * (SOURCES * 16 + 100));
    char *at = text;

    (void)state;
    assert_non_null(text);
    add(&at, "version: 1\nallow:\n");
    for (int i = 0; i < RULES; i++) {
        add(&at, "- {id: r%d, to: any, ports: 1, why: w, from: [", i);
        for (int j = 0; j < SOURCES; j++) {
            add(&at, "%s10.%d.%d.1", j > 0 ? "," : "", i, j);
        }
        add(&at, "]}\n");
    }
    expect(&(struct message){text, 94, 3, NULL,
                             "too much to compare each rule with each: whether the rule \"r91\" and those after it "
                             "contradict others was not looked at"});
    free(text);
}

/* ---- what `policy check` prints besides ---- */

static int census_of_one(void *context, const struct policy *policy, bool *ret_has)
{
    (void)context;
    memset(ret_has, 0, policy_rules(policy)->group_count * sizeof(*ret_has));
    ret_has[2] = true;
    return 0;
}

/* `ends` stands behind the file's name. */
static void expect_printed(const char *path, policy_census_fn *census, int rc, const char *const *ends)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    assert_non_null(out);
    assert_int_equal(policy_check(path, census, NULL, out), rc);
    fclose(out);
    for (; *ends != NULL; ends++) {
        char line[512];
        snprintf(line, sizeof(line), "%s%s\n", path, *ends);
        if (strstr(printed, line) == NULL) {
            fail_msg("should say %s; says %s", line, printed);
        }
        literals_see(&literals, line);
    }
    free(printed);
}

static void write_file(char *path, const char *text, size_t times)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    for (size_t i = 0; i < times; i++) {
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    }
    close(fd);
}

static void prints_what_it_checked(void **state)
{
    char good[] = "/tmp/leastport-policy-XXXXXX";
    char bad[] = "/tmp/leastport-policy-XXXXXX";
    char large[] = "/tmp/leastport-policy-XXXXXX";

    (void)state;
    write_file(good,
               "version: 1\ngroups:\n  a: {tags: {k: a}}\n  b: {tags: {k: b}}\nforbid: [{id: f, to: {not: b}, ports: "
               "1}]\n",
               1);
    expect_printed(good, census_of_one, 0,
                   (const char *[]){":3:3: warning: no known host is in the group a",
                                    ":5:22: warning: no known host is in the group {\"not\":\"b\"}",
                                    ": good: 0 allow, 1 forbid, 2 groups, baseline 1; 2 warnings", NULL});
    write_file(bad, "? 1\n", 22);
    expect_printed(bad, NULL, -EBADMSG,
                   (const char *[]){":2:3: error: the key \"1\" stands here a second time; the first is at line 1",
                                    ": error: 1 more of these are not shown", ": 21 errors, 0 warnings", NULL});
    write_file(large, "# a line that says nothing, of many that are as long as this one is: they do not fit\n", 60000);
    expect_printed(large, NULL, -EFBIG,
                   (const char *[]){": error: cannot read the policy: it is larger than 4194304 bytes, which is all "
                                    "that is taken",
                                    NULL});
    expect_printed("/nonexistent/policy.yaml", NULL, -ENOENT,
                   (const char *[]){": error: cannot read the policy: No such file or directory", NULL});
    unlink(good);
    unlink(bad);
    unlink(large);
}

static char checked[] = "/tmp/leastport-policy-XXXXXX";
static bool memory_said[2];

static int check_with_little_memory(void)
{
    static char printed[4096];
    FILE *out = fmemopen(printed, sizeof(printed), "w");
    int rc;

    assert_non_null(out);
    rc = policy_check(checked, census_of_one, NULL, out);
    fclose(out);
    assert_true(rc == 0 || rc == -ENOMEM);
    memory_said[0] = memory_said[0] || strstr(printed, ": error: out of memory\n") != NULL;
    memory_said[1] =
        memory_said[1] || strstr(printed, ": error: cannot read the policy: Cannot allocate memory\n") != NULL;
    if (rc != 0 && strstr(printed, ": 1 error, ") == NULL) {
        fail_msg("says %s", printed);
    }
    return rc;
}

/* The lack of memory is told wherever it comes: never silence, never two words for it. */
static void says_that_memory_is_out(void **state)
{
    (void)state;
    write_file(checked, GROUPS "allow: [{id: x, to: a, ports: 22, from: b, why: w}]\n", 1);
    assert_true(alloc_count_down(check_with_little_memory) > 20);
    assert_true(memory_said[0] && memory_said[1]);
    literals_see(&literals, "out of memory");
    unlink(checked);
}

static void too_large_for_the_reader(void **state)
{
    struct problems problems;
    struct policy *policy = NULL;
    char *text = malloc(5000000);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', 5000000);
    problems_init(&problems);
    assert_int_equal(policy_parse(text, 5000000, "p", &problems, &policy), -EBADMSG);
    assert_string_equal(problems.errors[0].message, "too large: 5000000 bytes, at most 4194304 are taken");
    assert_int_equal(problems.errors[0].mark.line, 0);
    literals_see(&literals, problems.errors[0].message);
    free(text);
}

/* ---- the texts of the sources ---- */

static char *read_source(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;

    assert_non_null(file);
    assert_true(getdelim(&text, &size, '\0', file) > 0);
    fclose(file);
    return text;
}

/* Whoever words a message has a `reason` to fill in, or adds a problem. */
static bool words_messages(const char *source)
{
    return strstr(source, "problems_add(") != NULL || strstr(source, "reason") != NULL;
}

static void scan_folder(const char *root, const char *folder, const char *const *only)
{
    char path[PATH_MAX];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", root, folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);
        bool taken = only == NULL;
        char *source;
        for (size_t i = 0; !taken && only[i] != NULL; i++) {
            taken = strcmp(only[i], entry->d_name) == 0;
        }
        if (!taken || length < 2 || strcmp(entry->d_name + length - 2, ".c") != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s/%s", root, folder, entry->d_name);
        source = read_source(path);
        if (words_messages(source)) {
            literals_scan(&literals, entry->d_name, source);
        }
        free(source);
    }
    closedir(dir);
}

/* All of auditd/policy, and of auditd/config what a policy is read with. */
static int scan_sources(void **state)
{
    static const char *const readers[] = {"problem.c", "validate.c", "yaml.c", NULL};
    char here[] = __FILE__;
    char root[PATH_MAX];

    (void)state;
    snprintf(root, sizeof(root), "%s/../../..", dirname(here));
    scan_folder(root, "auditd/policy", NULL);
    scan_folder(root, "auditd/config", readers);
    /* Enough to have found them at all. */
    return literals.count > 60 ? 0 : -1;
}

/* Runs last. */
static void none_is_without_a_test(void **state)
{
    size_t missing = 0;

    (void)state;
    for (size_t i = 0; i < literals.count; i++) {
        if (!literals.items[i].seen) {
            fprintf(stderr, "%s:%u: no case provokes \"%s\"\n", literals.items[i].file, literals.items[i].line,
                    literals.items[i].text);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_and_where),    cmocka_unit_test(says_what_is_too_much),
        cmocka_unit_test(says_where_it_stopped_comparing), cmocka_unit_test(prints_what_it_checked),
        cmocka_unit_test(says_that_memory_is_out),         cmocka_unit_test(too_large_for_the_reader),
        cmocka_unit_test(none_is_without_a_test),
    };
    return cmocka_run_group_tests(tests, scan_sources, NULL);
}
