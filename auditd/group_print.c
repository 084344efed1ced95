#include "auditd/group_print.h"

#include "auditd/reach/proof.h"
#include "auditd/report/typeset.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HOLDERS_SHOWN = 8, NAME_SIZE = 256, RULE_TEXT_SIZE = 200 };

static const struct {
    const char *name;
    const char *says;
} KINDS[] = {
    [REACH_ADVICE_SAME] = {"same", "its inbound rules are needed as they are"},
    [REACH_ADVICE_CHANGE] = {"change", ""},
    [REACH_ADVICE_UNHELD] = {"unheld", "no interface holds it: nothing is proposed"},
    [REACH_ADVICE_UNREAD] = {"unread", "not all interfaces and groups were read: nothing is proposed"},
    [REACH_ADVICE_UNKNOWN] = {"unknown", "no look counts at an interface that holds it: nothing is proposed"},
    [REACH_ADVICE_FAILED] = {"failed", "a change did not stand the check and is not proposed"},
};

struct printing {
    FILE *out;
    const struct reach_model *model;
    const struct reach_group *group;
    const struct reach_advice *advice;
    const char *region; /* NULL: not known */
};

int group_format_parse(const char *name, enum group_format *ret_format)
{
    static const char *const names[] = {"cli", "terraform", "json"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret_format = (enum group_format)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* ---- quoting ---- */

char *group_quote_shell(const char *text)
{
    size_t length = strlen(text);
    char *quoted = malloc(length * 4 + 3);
    char *at = quoted;

    if (quoted == NULL) {
        return NULL;
    }
    if (length > 0 && text[0] != '=' && text[0] != '-' &&
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:-") == length) {
        memcpy(quoted, text, length + 1);
        return quoted;
    }
    *at++ = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            memcpy(at, "'\\''", 4);
            at += 4;
        } else {
            *at++ = *text;
        }
    }
    *at++ = '\'';
    *at = '\0';
    return quoted;
}

char *group_quote_hcl(const char *text)
{
    char *quoted = malloc(strlen(text) * 6 + 3);
    char *at = quoted;

    if (quoted == NULL) {
        return NULL;
    }
    *at++ = '"';
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < ' ' || byte == 0x7f) {
            at += snprintf(at, 7, "\\u%04x", (unsigned)byte);
            continue;
        }
        if (byte == '"' || byte == '\\') {
            *at++ = '\\';
        } else if ((byte == '$' || byte == '%') && text[1] == '{') {
            *at++ = (char)byte;
        }
        *at++ = (char)byte;
    }
    *at++ = '"';
    *at = '\0';
    return quoted;
}

/* A line of a comment holds no control characters. */
static void put_escaped(FILE *out, const char *text)
{
    char cut[NAME_SIZE];
    char escaped[NAME_SIZE * 4];

    snprintf(cut, sizeof(cut), "%s", text);
    typeset_escape(cut, escaped, sizeof(escaped));
    fputs(escaped, out);
}

static int put_shell(FILE *out, const char *text)
{
    char *quoted = group_quote_shell(text);

    if (quoted == NULL) {
        return -ENOMEM;
    }
    fprintf(out, " %s", quoted);
    free(quoted);
    return 0;
}

/* ---- what changes ---- */

static bool has_rule(const struct reach_rule *rules, size_t count, const struct reach_rule *rule)
{
    for (size_t i = 0; i < count; i++) {
        if (reach_rule_equal(&rules[i], rule)) {
            return true;
        }
    }
    return false;
}

static bool is_added(const struct printing *printing, const struct reach_rule *rule)
{
    return !has_rule(printing->group->rules.items, printing->group->rules.count, rule);
}

static bool is_removed(const struct printing *printing, const struct reach_rule *rule)
{
    return !rule->egress && !has_rule(printing->advice->rules, printing->advice->count, rule);
}

static const char *peer_text(const struct reach_rule *rule, char buffer[PREFIX_TEXT_SIZE])
{
    return rule->peer == REACH_PEER_PREFIX ? prefix_format(&rule->prefix, buffer) : rule->ref.id;
}

/* As a number; AWS takes those of the four with a name by it. */
static void proto_text(const struct reach_rule *rule, char text[24])
{
    static const struct {
        int16_t proto;
        const char *name;
    } names[] = {{REACH_TCP, "tcp"}, {REACH_UDP, "udp"}, {REACH_ICMP, "icmp"}, {REACH_ICMPV6, "icmpv6"}};

    snprintf(text, 24, "%d", rule->proto);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (names[i].proto == rule->proto) {
            snprintf(text, 24, "%s", names[i].name);
        }
    }
}

/* FromPort and ToPort: of ICMP type and code, -1 all. False where the protocol has none. */
static bool port_numbers(const struct reach_rule *rule, int *ret_from, int *ret_to)
{
    bool is_icmp = rule->proto == REACH_ICMP || rule->proto == REACH_ICMPV6;

    *ret_from = rule->ports.first;
    *ret_to = rule->ports.last;
    if (is_icmp) {
        bool is_all = rule->ports.first == 0 && rule->ports.last == UINT16_MAX;
        *ret_from = is_all ? -1 : rule->ports.first / 256;
        *ret_to = is_all || rule->ports.last - rule->ports.first == 255 ? -1 : rule->ports.first % 256;
    }
    return is_icmp || rule->proto == REACH_TCP || rule->proto == REACH_UDP;
}

/* "tcp 443 from 0.0.0.0/0 (sgr-1)" */
static void put_rule(FILE *out, const struct reach_rule *rule)
{
    char proto[24];
    char ports[24];
    char peer[PREFIX_TEXT_SIZE];

    proto_text(rule, proto);
    reach_ports_name(rule->proto, rule->ports, ports);
    fprintf(out, "%s %s%sfrom ", rule->proto == REACH_PROTO_ALL ? "all protocols" : proto, ports,
            ports[0] == '\0' ? "" : " ");
    put_escaped(out, peer_text(rule, peer));
    if (rule->id != NULL) {
        fputs(" (", out);
        put_escaped(out, rule->id);
        fputs(")", out);
    }
}

/* ---- what both text formats say of a group ---- */

static void put_holders(const struct printing *printing)
{
    const struct reach_group *group = printing->group;
    size_t count = group->holders.count;

    fprintf(printing->out, "# held by %zu interface%s: ", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count && i < HOLDERS_SHOWN; i++) {
        fputs(i > 0 ? ", " : "", printing->out);
        put_escaped(printing->out, printing->model->enis.items[group->holders.items[i]].id);
    }
    fputs(count > HOLDERS_SHOWN ? ", ...\n" : "\n", printing->out);
    if (count > 1) {
        fprintf(printing->out,
                "# shared: it keeps the union of what they need; %zu of %zu need some of it, and each gets it all\n",
                printing->advice->needing, count);
    }
}

static void put_heading(const struct printing *printing)
{
    FILE *out = printing->out;

    fputs("# ", out);
    put_escaped(out, printing->group->id);
    if (printing->group->name != NULL) {
        fputs(" (", out);
        put_escaped(out, printing->group->name);
        fputs(")", out);
    }
    if (printing->advice->kind != REACH_ADVICE_CHANGE) {
        fprintf(out, ": %s%s%s\n", KINDS[printing->advice->kind].says, printing->advice->why[0] == '\0' ? "" : ": ",
                printing->advice->why);
        return;
    }
    fputs("\n", out);
    put_holders(printing);
}

/* ---- the AWS CLI ---- */

static json_t *json_peer(const struct reach_rule *rule)
{
    char peer[PREFIX_TEXT_SIZE];
    const char *text = peer_text(rule, peer);

    if (rule->peer == REACH_PEER_GROUP) {
        return json_pack("[{s:s}]", "GroupId", text);
    }
    if (rule->peer == REACH_PEER_LIST) {
        return json_pack("[{s:s}]", "PrefixListId", text);
    }
    return json_pack("[{s:s}]", rule->prefix.addr.is_ipv6 ? "CidrIpv6" : "CidrIp", text);
}

/* An IpPermission. NULL when out of memory. */
static json_t *json_permission(const struct reach_rule *rule)
{
    const char *member = rule->peer == REACH_PEER_GROUP    ? "UserIdGroupPairs"
                         : rule->peer == REACH_PEER_LIST   ? "PrefixListIds"
                         : rule->prefix.addr.is_ipv6 != 0U ? "Ipv6Ranges"
                                                           : "IpRanges";
    char proto[24];
    int from;
    int to;
    json_t *permission;

    proto_text(rule, proto);
    permission = json_pack("{s:s, s:o}", "IpProtocol", proto, member, json_peer(rule));
    if (permission != NULL && port_numbers(rule, &from, &to) &&
        (json_object_set_new(permission, "FromPort", json_integer(from)) < 0 ||
         json_object_set_new(permission, "ToPort", json_integer(to)) < 0)) {
        json_decref(permission);
        return NULL;
    }
    return permission;
}

static int put_command(const struct printing *printing, const char *verb)
{
    int rc;

    fprintf(printing->out, "aws ec2 %s-security-group-ingress", verb);
    if (printing->region != NULL) {
        fputs(" --region", printing->out);
        rc = put_shell(printing->out, printing->region);
        if (rc < 0) {
            return rc;
        }
    }
    fputs(" --group-id", printing->out);
    return put_shell(printing->out, printing->group->id);
}

/* The permissions as a word; takes the list. */
static int put_permissions(const struct printing *printing, json_t *list)
{
    char *text = list == NULL ? NULL : json_dumps(list, JSON_COMPACT | JSON_ENSURE_ASCII);
    int rc = text == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        fputs(" --ip-permissions", printing->out);
        rc = put_shell(printing->out, text);
    }
    free(text);
    json_decref(list);
    return rc;
}

static int put_authorize(const struct printing *printing)
{
    json_t *list = json_array();
    int rc = 0;

    for (size_t i = 0; i < printing->advice->count; i++) {
        if (is_added(printing, &printing->advice->rules[i]) &&
            json_array_append_new(list, json_permission(&printing->advice->rules[i])) < 0) {
            json_decref(list);
            return -ENOMEM;
        }
    }
    if (json_array_size(list) == 0) {
        json_decref(list);
        return 0;
    }
    rc = put_command(printing, "authorize");
    if (rc < 0) {
        json_decref(list);
        return rc;
    }
    rc = put_permissions(printing, list);
    fputs("\n", printing->out);
    return rc;
}

/* Rules by their ids in one command; those without by what they say. */
static int put_revoke(const struct printing *printing)
{
    const struct reach_group *group = printing->group;
    json_t *list = json_array();
    bool by_id = false;
    int rc = list == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < group->rules.count; i++) {
        const struct reach_rule *rule = &group->rules.items[i];
        if (!is_removed(printing, rule)) {
            continue;
        }
        if (rule->id == NULL) {
            rc = json_array_append_new(list, json_permission(rule)) < 0 ? -ENOMEM : 0;
            continue;
        }
        if (!by_id) {
            rc = put_command(printing, "revoke");
            fputs(" --security-group-rule-ids", printing->out);
            by_id = true;
        }
        rc = rc == 0 ? put_shell(printing->out, rule->id) : rc;
    }
    fputs(by_id ? "\n" : "", printing->out);
    if (rc == 0 && json_array_size(list) > 0) {
        rc = put_command(printing, "revoke");
        rc = rc == 0 ? put_permissions(printing, json_incref(list)) : rc;
        fputs("\n", printing->out);
    }
    json_decref(list);
    return rc;
}

/* What is new comes before what goes: nothing that is needed is shut in between. */
static int print_cli(const struct printing *printing)
{
    int rc;

    put_heading(printing);
    if (printing->advice->kind != REACH_ADVICE_CHANGE) {
        return 0;
    }
    rc = put_authorize(printing);
    return rc == 0 ? put_revoke(printing) : rc;
}

/* ---- Terraform ---- */

static int put_hcl(FILE *out, const char *name, const char *text)
{
    char *quoted = group_quote_hcl(text);

    if (quoted == NULL) {
        return -ENOMEM;
    }
    fprintf(out, "  %s = %s\n", name, quoted);
    free(quoted);
    return 0;
}

/* A name that HCL takes, for rule number `at` of the group. */
static void put_identifier(FILE *out, const struct reach_group *group, size_t at)
{
    fputs("leastport_", out);
    for (const char *from = group->id; *from != '\0'; from++) {
        bool is_plain =
            (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') || (*from >= '0' && *from <= '9');
        fputc(is_plain ? *from : '_', out);
    }
    fprintf(out, "_%zu", at + 1);
}

static int put_resource(const struct printing *printing, const struct reach_rule *rule, size_t at)
{
    static const char *const peers[] = {[REACH_PEER_PREFIX] = "cidr_ipv4",
                                        [REACH_PEER_LIST] = "prefix_list_id",
                                        [REACH_PEER_GROUP] = "referenced_security_group_id"};
    bool is_ipv6 = rule->peer == REACH_PEER_PREFIX && rule->prefix.addr.is_ipv6 != 0;
    char peer[PREFIX_TEXT_SIZE];
    char proto[24];
    int from;
    int to;
    int rc;

    proto_text(rule, proto);
    fputs("resource \"aws_vpc_security_group_ingress_rule\" \"", printing->out);
    put_identifier(printing->out, printing->group, at);
    fputs("\" {\n", printing->out);
    rc = put_hcl(printing->out, "security_group_id", printing->group->id);
    rc = rc == 0 ? put_hcl(printing->out, "ip_protocol", proto) : rc;
    if (port_numbers(rule, &from, &to)) {
        fprintf(printing->out, "  from_port = %d\n  to_port = %d\n", from, to);
    }
    rc = rc == 0 ? put_hcl(printing->out, is_ipv6 ? "cidr_ipv6" : peers[rule->peer], peer_text(rule, peer)) : rc;
    fputs("}\n", printing->out);
    return rc;
}

/* A rule that stays is taken over and not made twice. */
static int put_import(const struct printing *printing, const struct reach_rule *rule, size_t at)
{
    int rc;

    fputs("import {\n  to = aws_vpc_security_group_ingress_rule.", printing->out);
    put_identifier(printing->out, printing->group, at);
    fputs("\n", printing->out);
    rc = put_hcl(printing->out, "id", rule->id);
    fputs("}\n", printing->out);
    return rc;
}

static int print_terraform(const struct printing *printing)
{
    const struct reach_group *group = printing->group;
    int rc = 0;

    put_heading(printing);
    if (printing->advice->kind != REACH_ADVICE_CHANGE) {
        return 0;
    }
    for (size_t i = 0; i < group->rules.count; i++) {
        if (is_removed(printing, &group->rules.items[i])) {
            fputs("# goes: ", printing->out);
            put_rule(printing->out, &group->rules.items[i]);
            fputs("\n", printing->out);
        }
    }
    for (size_t i = 0; rc == 0 && i < printing->advice->count; i++) {
        const struct reach_rule *rule = &printing->advice->rules[i];
        rc = rule->id == NULL ? 0 : put_import(printing, rule, i);
        rc = rc == 0 ? put_resource(printing, rule, i) : rc;
    }
    return rc;
}

/* ---- JSON ---- */

static json_t *json_rule(const struct reach_rule *rule)
{
    json_t *permission = json_permission(rule);

    if (permission != NULL && rule->id != NULL &&
        json_object_set_new(permission, "SecurityGroupRuleId", json_string(rule->id)) < 0) {
        json_decref(permission);
        return NULL;
    }
    return permission;
}

/* The group's or the advice's rules for which `is` holds. */
static json_t *json_rules(const struct printing *printing, const struct reach_rule *rules, size_t count,
                          bool (*is)(const struct printing *printing, const struct reach_rule *rule))
{
    json_t *list = json_array();

    for (size_t i = 0; printing->advice->kind == REACH_ADVICE_CHANGE && i < count; i++) {
        if ((is == NULL || is(printing, &rules[i])) && json_array_append_new(list, json_rule(&rules[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *json_holders(const struct printing *printing)
{
    json_t *list = json_array();

    for (size_t i = 0; i < printing->group->holders.count; i++) {
        const struct reach_eni *eni = &printing->model->enis.items[printing->group->holders.items[i]];
        if (json_array_append_new(list, json_string(eni->id)) < 0) {
            break;
        }
    }
    return list;
}

static int print_json(const struct printing *printing)
{
    const struct reach_advice *advice = printing->advice;
    const struct reach_group *group = printing->group;
    json_t *line =
        json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s, s:o, s:i, s:o, s:o, s:o}", "type", "group", "id", group->id, "name",
                  group->name, "region", printing->region, "advice", KINDS[advice->kind].name, "why",
                  advice->why[0] != '\0' ? advice->why : KINDS[advice->kind].says, "held_by", json_holders(printing),
                  "needed_by", (int)advice->needing, "rules", json_rules(printing, advice->rules, advice->count, NULL),
                  "add", json_rules(printing, advice->rules, advice->count, is_added), "remove",
                  json_rules(printing, group->rules.items, group->rules.count, is_removed));
    int rc = line == NULL ? -ENOMEM : json_dumpf(line, printing->out, JSON_COMPACT);

    json_decref(line);
    return rc == -ENOMEM ? rc : rc < 0 || fputc('\n', printing->out) == EOF ? -EIO : 0;
}

int group_print(FILE *out, enum group_format format, const struct reach_model *model, uint32_t group,
                const struct reach_advice *advice)
{
    static int (*const printers[])(const struct printing *printing) = {print_cli, print_terraform, print_json};
    const struct reach_group *record = &model->groups.items[group];
    const struct printing printing = {
        .out = out,
        .model = model,
        .group = record,
        .advice = advice,
        .region = record->vpc.at == REACH_NONE ? NULL : model->vpcs.items[record->vpc.at].region,
    };
    int rc = printers[format](&printing);

    return rc == 0 && ferror(out) ? -EIO : rc;
}
