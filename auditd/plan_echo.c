#include "auditd/plan_echo.h"

#include "auditd/hosts.h"
#include "auditd/policy/port_expression.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1: the same; 0: another; -ENOMEM. */
typedef int plan_echo_same(const json_t *sent, const json_t *told);

/* Host names have no case (RFC 4343), and may end in a dot. */
static bool plan_echo_same_host(const char *sent, const char *told)
{
    size_t length = strlen(told);
    struct addr left;
    struct addr right;

    if (strncasecmp(sent, told, length) == 0 && (sent[length] == '\0' || strcmp(sent + length, ".") == 0)) {
        return true;
    }
    return addr_parse(sent, &left) == 0 && addr_parse(told, &right) == 0 && addr_equal(&left, &right);
}

static int plan_echo_same_port_text(const char *sent, const char *told)
{
    char reason[PORT_EXPRESSION_REASON_SIZE];
    struct portset *sets;
    size_t offset;
    int rc;

    if (strcmp(sent, told) == 0) {
        return 1;
    }
    sets = calloc(2, sizeof(*sets));
    if (sets == NULL) {
        return -ENOMEM;
    }
    rc = port_expression_parse(sent, "tcp", &sets[0], reason) == 0 && portset_parse(told, &sets[1], &offset) == 0 &&
         portset_equal(&sets[0], &sets[1]);
    free(sets);
    return rc;
}

static int plan_echo_same_ports(const json_t *sent, const json_t *told)
{
    if (!json_is_string(sent) || !json_is_string(told)) {
        return 0;
    }
    return plan_echo_same_port_text(json_string_value(sent), json_string_value(told));
}

/* What stands behind the colon of a target, NULL where it has no ports: that is not the same as an empty list. */
static const char *plan_echo_target_ports(const char *target)
{
    const char *bracket = target[0] == '[' ? strchr(target, ']') : NULL;
    const char *colon = strchr(bracket == NULL ? target : bracket, ':');

    /* More than one without brackets: an IPv6 address. */
    return colon == NULL || (bracket == NULL && strchr(colon + 1, ':') != NULL) ? NULL : colon + 1;
}

static int plan_echo_same_target(const json_t *sent, const json_t *told)
{
    const char *sent_ports;
    const char *told_ports;
    char *left;
    char *right;
    int rc;

    if (!json_is_string(sent) || !json_is_string(told)) {
        return 0;
    }
    sent_ports = plan_echo_target_ports(json_string_value(sent));
    told_ports = plan_echo_target_ports(json_string_value(told));
    if ((sent_ports == NULL) != (told_ports == NULL)) {
        return 0;
    }
    left = hosts_bare(json_string_value(sent));
    right = hosts_bare(json_string_value(told));
    if (left == NULL || right == NULL) {
        rc = -ENOMEM;
    } else if (!plan_echo_same_host(left, right)) {
        rc = 0;
    } else {
        rc = sent_ports == NULL ? 1 : plan_echo_same_port_text(sent_ports, told_ports);
    }
    free(left);
    free(right);
    return rc;
}

static int plan_echo_same_prefix(const json_t *sent, const json_t *told)
{
    struct prefix left;
    struct prefix right;

    return json_is_string(sent) && json_is_string(told) && prefix_parse(json_string_value(sent), &left) == 0 &&
           prefix_parse(json_string_value(told), &right) == 0 && left.bits == right.bits &&
           addr_equal(&left.addr, &right.addr);
}

static int plan_echo_same_endpoint(const json_t *sent, const json_t *told)
{
    const char *left = json_string_value(json_object_get(sent, "host"));
    const char *right = json_string_value(json_object_get(told, "host"));

    return left != NULL && right != NULL && plan_echo_same_host(left, right) &&
           json_equal(json_object_get(sent, "proto"), json_object_get(told, "proto")) &&
           json_equal(json_object_get(sent, "port"), json_object_get(told, "port"));
}

/* What is not there is an empty list. */
static int plan_echo_same_list(const json_t *sent, const json_t *told, plan_echo_same *same)
{
    int rc = (sent == NULL || json_is_array(sent)) && (told == NULL || json_is_array(told)) &&
             json_array_size(sent) == json_array_size(told);

    for (size_t i = 0; rc == 1 && i < json_array_size(sent); i++) {
        rc = same(json_array_get(sent, i), json_array_get(told, i));
    }
    return rc;
}

static int plan_echo_same_targets(const json_t *sent, const json_t *told)
{
    return plan_echo_same_list(sent, told, plan_echo_same_target);
}

static int plan_echo_same_prefixes(const json_t *sent, const json_t *told)
{
    return plan_echo_same_list(sent, told, plan_echo_same_prefix);
}

static int plan_echo_same_endpoints(const json_t *sent, const json_t *told)
{
    return plan_echo_same_list(sent, told, plan_echo_same_endpoint);
}

static int plan_echo_same_canary(const json_t *sent, const json_t *told)
{
    return sent == NULL || told == NULL ? sent == told : plan_echo_same_endpoint(sent, told);
}

static int plan_echo_same_value(const json_t *sent, const json_t *told)
{
    return sent == NULL || told == NULL ? sent == told : json_equal(sent, told);
}

/* One of those that were sent: where there were two the scanner has chosen. */
static int plan_echo_same_probes(const json_t *sent, const json_t *told)
{
    if (sent == NULL) {
        return 1;
    }
    for (size_t i = 0; json_array_size(told) == 1 && i < json_array_size(sent); i++) {
        if (json_equal(json_array_get(sent, i), json_array_get(told, 0))) {
            return 1;
        }
    }
    return 0;
}

/* Names that had addresses keep them; the others have those that the scanner found. */
static int plan_echo_same_resolved(const json_t *sent, const json_t *told)
{
    const char *name;
    json_t *addresses;

    if (sent == NULL) {
        return 1;
    }
    /* Jansson's iterator wants an object that it may write, and does not. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)sent); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)sent, at)) {
        name = json_object_iter_key(at);
        addresses = json_object_iter_value(at);
        if (!json_equal(addresses, json_object_get(told, name))) {
            return 0;
        }
    }
    return json_is_object(sent);
}

int plan_echo_check(const json_t *sent, const json_t *told, char ret_reason[PLAN_ECHO_REASON_SIZE])
{
    static const struct {
        const char *member;
        plan_echo_same *same;
    } rows[] = {
        {"realm", plan_echo_same_value},       {"vantage", plan_echo_same_value},
        {"targets", plan_echo_same_targets},   {"ports", plan_echo_same_ports},
        {"exclude", plan_echo_same_targets},   {"never_scan", plan_echo_same_prefixes},
        {"scope", plan_echo_same_prefixes},    {"watch", plan_echo_same_endpoints},
        {"canary", plan_echo_same_canary},     {"shard", plan_echo_same_value},
        {"resolved", plan_echo_same_resolved}, {"services", plan_echo_same_value},
        {"probes", plan_echo_same_probes},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int rc = rows[i].same(json_object_get(sent, rows[i].member), json_object_get(told, rows[i].member));
        if (rc == 0) {
            snprintf(ret_reason, PLAN_ECHO_REASON_SIZE, "its plan is not the one that was sent: \"%s\" differs",
                     rows[i].member);
            return -EBADMSG;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}
