#include "auditd/policy_tell.h"

#include "auditd/explanation.h"
#include "auditd/policy/rehearsal.h"
#include "auditd/suggest.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TELL_HOST_MAX = 255, TELL_PORT_MAX = UINT16_MAX };

/* ---- the policy that is asked ---- */

struct telling {
    struct control_client *client;
    const char *name;            /* of the policy, as a person knows it */
    const struct policy *policy; /* what the request brings, or what judges */
    struct policy *own;          /* the former; NULL: none */
    struct store *store;         /* NULL until it is asked for */
};

static void tell_done(struct telling *telling)
{
    store_close(telling->store);
    policy_destroy(telling->own);
}

/* False: the request has been refused. The caller ends it with tell_done() in each case. */
static bool tell_begin(struct telling *telling, const struct settings *settings, const json_t *request)
{
    const json_t *text = json_object_get(request, "policy");
    const char *name = json_string_value(json_object_get(request, "name"));
    struct problems problems;

    telling->name = name == NULL ? "policy" : name;
    telling->policy = settings->policy;
    if (text == NULL) {
        return true;
    }
    if (!json_is_string(text)) {
        control_refuse_for(telling->client, -EINVAL, "\"policy\" must be a text: the policy");
        return false;
    }
    problems_init(&problems);
    if (policy_parse(json_string_value(text), json_string_length(text), telling->name, &problems, &telling->own) < 0) {
        telling->own = NULL;
        control_refuse_for(telling->client, -EINVAL, "line %u, column %u: %.300s", problems.errors[0].mark.line,
                           problems.errors[0].mark.column, problems.errors[0].message);
        return false;
    }
    telling->policy = telling->own;
    return true;
}

/* The same. */
static bool tell_open(struct telling *telling, const struct settings *settings)
{
    struct store_error error;

    if (store_open_read_only(settings->db, &telling->store, &error) < 0) {
        telling->store = NULL;
        control_refuse_for(telling->client, -EIO, "%.400s", error.text);
        return false;
    }
    return true;
}

static void tell_failed(const struct telling *telling, int rc)
{
    if (rc == -ENOMEM) {
        control_refuse_for(telling->client, rc, "out of memory");
    } else {
        control_refuse_for(telling->client, -EIO, "%.400s", store_last_error(telling->store)->text);
    }
}

/* What hosts say of themselves may be no UTF-8. */
static json_t *tell_text(const char *text)
{
    json_t *value = json_string(text);

    return value == NULL ? json_string("(not UTF-8)") : value;
}

/* ---- explain ---- */

static json_t *tell_port(const struct telling *telling, const struct exposure *exposure, const char *address,
                         const char *host_name)
{
    static const char *const kinds[] = {[VERDICT_ALLOWED] = "allowed",
                                        [VERDICT_FINDING] = "finding",
                                        [VERDICT_UNVERIFIED] = "unverified",
                                        [VERDICT_UNPROVEN] = "unproven"};
    struct verdict verdict;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    json_t *port;

    if (out == NULL) {
        return NULL;
    }
    policy_explain(telling->policy, exposure, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    judge_exposure(telling->policy, exposure, &verdict);
    port = json_pack("{s:o, s:s?, s:o, s:s, s:i, s:s, s:o, s:s, s:f, s:o, s:o}", "realm", tell_text(exposure->realm),
                     "address", address, "name", host_name == NULL ? json_null() : tell_text(host_name), "proto",
                     exposure->proto, "port", (int)exposure->port, "verdict", kinds[verdict.verdict], "rule_id",
                     tell_text(verdict.rule_id), "severity", severity_name(verdict.severity), "penalty",
                     verdict.penalty, "title", tell_text(verdict.title), "text", tell_text(text));
    free(text);
    return port;
}

struct tell_ports {
    const struct telling *telling;
    json_t *ports;
};

static int tell_on_port(void *context, const struct survey_port *port)
{
    const struct tell_ports *list = context;
    const char *name = port->known->name_count > 0 ? port->known->names[0] : NULL;

    return json_array_append_new(list->ports, tell_port(list->telling, port->exposure, port->address, name)) == 0
               ? 0
               : -ENOMEM;
}

/* What is asked about, out of the request; false: it has been refused. */
static bool tell_read_port(const struct telling *telling, const json_t *request, struct explanation *asked)
{
    const char *host = json_string_value(json_object_get(request, "host"));
    const char *proto = json_string_value(json_object_get(request, "proto"));
    json_int_t port = json_integer_value(json_object_get(request, "port"));

    if (host == NULL || host[0] == '\0' || strlen(host) > TELL_HOST_MAX) {
        control_refuse_for(telling->client, -EINVAL, "\"host\" must be a host's address or its name");
        return false;
    }
    if (port < 1 || port > TELL_PORT_MAX) {
        control_refuse_for(telling->client, -EINVAL, "\"port\" must be a number from 1 to 65535");
        return false;
    }
    if (proto != NULL && strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0) {
        control_refuse_for(telling->client, -EINVAL, "\"proto\" must be tcp or udp");
        return false;
    }
    *asked = (struct explanation){
        .realm = json_string_value(json_object_get(request, "realm")),
        .proto = proto == NULL ? "tcp" : proto,
        .port = (uint16_t)port,
    };
    asked->is_address = addr_parse(host, &asked->address) == 0;
    asked->name = asked->is_address ? NULL : host;
    return true;
}

/* Of the host that the walk found, if it found one. */
static int tell_suppose(const struct telling *telling, const struct explanation *asked,
                        const struct explanation_walk *walk, enum vantage_class vantage_class, json_t *ports)
{
    char address[ADDR_TEXT_SIZE];
    struct store_known known = {0};
    struct explanation about = *asked;
    struct exposure exposure;
    int rc = walk->asset == 0 ? 0 : store_asset_known(telling->store, walk->asset, &known);

    if (rc == 0) {
        about.realm = walk->asset == 0 ? asked->realm : walk->realm;
        explanation_suppose(&about, walk->asset == 0 ? NULL : &known, vantage_class, wall_now_ms(), &exposure);
        rc = json_array_append_new(ports, tell_port(telling, &exposure,
                                                    asked->is_address ? addr_format(&asked->address, address) : NULL,
                                                    asked->name)) == 0
                 ? 0
                 : -ENOMEM;
    }
    store_known_done(&known);
    return rc;
}

/* `from` NULL: as it is known to be, and supposed where it is not. */
static void tell_answer(struct telling *telling, const struct settings *settings, const struct explanation *asked,
                        const char *from)
{
    enum vantage_class vantage_class = VANTAGE_OWN_VPC;
    struct tell_ports list = {telling, json_array()};
    bool is_known = false;
    struct explanation_walk walk = {.fn = tell_on_port, .context = &list};
    int rc = list.ports == NULL ? -ENOMEM : 0;

    if (from != NULL && vantage_class_parse(from, &vantage_class) < 0) {
        control_refuse_for(telling->client, -EINVAL,
                           "\"from\" must be one of self, own-vpc, vpn, peer, public-range, world");
        json_decref(list.ports);
        return;
    }
    if (from == NULL && !tell_open(telling, settings)) {
        json_decref(list.ports);
        return;
    }
    if (from == NULL && rc == 0) {
        rc = explanation_walk(telling->store, telling->policy, asked, &walk);
        is_known = json_array_size(list.ports) > 0;
    }
    if (rc == 0 && from == NULL && walk.hosts == 0 && !asked->is_address) {
        control_refuse_for(telling->client, -ENOENT, "no known host is called \"%.255s\"", asked->name);
        json_decref(list.ports);
        return;
    }
    if (rc == 0 && !is_known) {
        rc = tell_suppose(telling, asked, &walk, vantage_class, list.ports);
    }
    if (rc < 0) {
        tell_failed(telling, rc);
    } else {
        control_send(telling->client, json_pack("{s:b, s:b, s:O}", "ok", 1, "known", is_known, "ports", list.ports));
    }
    json_decref(list.ports);
}

void policy_tell_explain(const struct settings *settings, struct control_client *client, const json_t *request)
{
    struct telling telling = {.client = client};
    struct explanation asked;

    if (tell_begin(&telling, settings, request) && tell_read_port(&telling, request, &asked)) {
        tell_answer(&telling, settings, &asked, json_string_value(json_object_get(request, "from")));
    }
    tell_done(&telling);
}

/* ---- test ---- */

void policy_tell_test(const struct settings *settings, struct control_client *client, const json_t *request)
{
    struct telling telling = {.client = client};
    struct rehearsal rehearsal = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = NULL;

    if (tell_begin(&telling, settings, request)) {
        out = open_memstream(&text, &size);
        if (out != NULL) {
            rehearsal = policy_rehearse(telling.policy, telling.name, wall_now_ms(), out);
        }
        if (out == NULL || fclose(out) != 0) {
            control_refuse_for(client, -ENOMEM, "out of memory");
        } else {
            control_send(client, json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "passed", (json_int_t)rehearsal.passed,
                                           "failed", (json_int_t)rehearsal.failed, "text", tell_text(text)));
        }
        free(text);
    }
    tell_done(&telling);
}

/* ---- suggest ---- */

void policy_tell_suggest(const struct settings *settings, struct control_client *client, const json_t *request)
{
    struct telling telling = {.client = client};
    struct suggested counts = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = NULL;
    int rc = 0;

    if (tell_begin(&telling, settings, request) && tell_open(&telling, settings)) {
        out = open_memstream(&text, &size);
        rc = out == NULL ? -ENOMEM : suggest_write(telling.store, telling.policy, wall_now_ms(), out, &counts);
        if (out != NULL && fclose(out) != 0 && rc == 0) {
            rc = -ENOMEM;
        }
        if (rc < 0) {
            tell_failed(&telling, rc);
        } else {
            control_send(client,
                         json_pack("{s:b, s:o, s:I, s:I, s:I, s:I}", "ok", 1, "policy", tell_text(text), "rules",
                                   (json_int_t)counts.rules, "hosts", (json_int_t)counts.hosts, "struck",
                                   (json_int_t)counts.struck, "left_out", (json_int_t)counts.left_out));
        }
        free(text);
    }
    tell_done(&telling);
}
