#include "auditd/policy_verb.h"

#include "auditd/census.h"
#include "auditd/group_verb.h"
#include "auditd/policy/policy.h"
#include "auditd/policy/rehearsal.h"
#include "auditd/policy_apply.h"
#include "auditd/policy_explain.h"
#include "auditd/policy_suggest.h"
#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/portset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int policy_verb_parse_port(char *text, uint16_t *ret_port, const char **ret_proto)
{
    char *slash = strchr(text, '/');
    const char *proto = "tcp";
    struct portset ports;
    size_t offset;

    if (slash != NULL) {
        *slash = '\0';
        proto = strcmp(slash + 1, "udp") == 0 ? "udp" : "tcp";
        if (strcmp(slash + 1, proto) != 0) {
            return -EINVAL;
        }
    }
    if (portset_parse(text, &ports, &offset) < 0 || portset_count(&ports) != 1 || strchr(text, '-') != NULL) {
        return -EINVAL;
    }
    *ret_port = (uint16_t)portset_next(&ports, 0);
    *ret_proto = proto;
    return 0;
}

int policy_verb_parse_target(const char *text, struct addr *ret_address, uint16_t *ret_port, const char **ret_proto)
{
    char copy[ADDR_TEXT_SIZE + 16];
    char *host = copy;
    char *colon;

    if (strlen(text) >= sizeof(copy)) {
        return -EINVAL;
    }
    memcpy(copy, text, strlen(text) + 1);
    colon = strrchr(copy, ':');
    if (colon == NULL || colon == copy) {
        return -EINVAL;
    }
    *colon = '\0';
    if (copy[0] == '[' && colon[-1] == ']') {
        host++;
        colon[-1] = '\0';
    } else if (strchr(copy, ':') != NULL) {
        return -EINVAL;
    }
    if (addr_parse(host, ret_address) < 0) {
        return -EINVAL;
    }
    return policy_verb_parse_port(colon + 1, ret_port, ret_proto);
}

struct policy *policy_verb_load(const char *path)
{
    struct problems problems;
    struct policy *policy = NULL;

    if (path == NULL) {
        return policy_create_builtin();
    }
    problems_init(&problems);
    if (policy_load(path, &problems, &policy) < 0) {
        policy = NULL;
    }
    problems_print(&problems, path, stderr);
    return policy;
}

/* ---- check and test ---- */

static int policy_verb_census(void *context, const struct policy *policy, bool *ret_has)
{
    struct store *store = context;
    int rc = census_groups(store, policy, ret_has);

    if (rc < 0) {
        log_error("%s", store_last_error(store)->text);
    }
    return rc;
}

int policy_verb_open(const struct policy_command *command, struct store **ret_store)
{
    const struct settings_sources sources = {.config = command->config, .db = command->db};
    struct settings settings;
    struct store_error error;
    int rc = settings_load_paths(&sources, &settings);

    if (rc < 0) {
        return rc;
    }
    rc = store_open_read_only(settings.db, ret_store, &error);
    if (rc < 0) {
        log_error("%s", error.text);
    }
    settings_done(&settings);
    return rc;
}

static int policy_verb_check(const struct policy_command *command)
{
    bool known = command->db != NULL || command->config != NULL;
    struct store *store = NULL;
    int rc = known ? policy_verb_open(command, &store) : 0;

    if (rc == 0) {
        rc = policy_check(command->policy, known ? policy_verb_census : NULL, store, stdout);
    }
    store_close(store);
    return rc == 0 && fflush(stdout) == 0 ? 0 : AUDIT_EXIT_ERROR;
}

static int policy_verb_test(const struct policy_command *command)
{
    struct policy *policy = policy_verb_load(command->policy);
    struct rehearsal rehearsal;

    if (policy == NULL) {
        return AUDIT_EXIT_ERROR;
    }
    rehearsal = policy_rehearse(policy, command->policy, wall_now_ms(), stdout);
    policy_destroy(policy);
    if (fflush(stdout) != 0) {
        return AUDIT_EXIT_ERROR;
    }
    return rehearsal.failed == 0 ? 0 : AUDIT_EXIT_FINDINGS;
}

int policy_verb_run(const struct policy_command *command)
{
    switch (command->action) {
    case POLICY_EXPLAIN:
        return policy_explain_run(command);
    case POLICY_TEST:
        return policy_verb_test(command);
    case POLICY_APPLY:
        return policy_apply_run(command);
    case POLICY_SUGGEST:
        return command->groups ? group_verb_run(command) : policy_suggest_run(command);
    case POLICY_CHECK:
        break;
    }
    return policy_verb_check(command);
}
