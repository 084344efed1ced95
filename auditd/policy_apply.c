#include "auditd/policy_apply.h"

#include "auditd/ask.h"
#include "auditd/desk.h"
#include "auditd/protocol.h"
#include "auditd/report/typeset.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { APPLY_SHOWN_MOST = 200, APPLY_TEXT_SIZE = 1024, APPLY_WORD_SIZE = 280 };

struct apply_listing {
    FILE *out;
    uint64_t told;
};

static const char *apply_word(const char *rule, const char *severity, const char *need, char *buffer, size_t size)
{
    bool unsure = strcmp(need, "unverified") == 0 || strcmp(need, "unproven") == 0;

    if (rule[0] == '\0') {
        snprintf(buffer, size, "no finding");
    } else {
        snprintf(buffer, size, "%s by %.80s", unsure ? need : severity, rule);
    }
    return buffer;
}

static void apply_whose(const char *owner, char *text, size_t size)
{
    char shown[APPLY_TEXT_SIZE];

    typeset_escape(owner, shown, sizeof(shown));
    snprintf(text, size, "%s%.100s", owner[0] == '\0' ? ", of nobody" : ", of ", shown);
}

/* What is decided alike differs in whose it is, or in what is said of it. */
static void apply_words(const struct rejudge_change *change, char was[APPLY_WORD_SIZE], char is[APPLY_WORD_SIZE])
{
    size_t length;

    apply_word(change->was_rule, change->was_severity, change->was_need, was, APPLY_WORD_SIZE);
    apply_word(change->rule, change->severity, change->need, is, APPLY_WORD_SIZE);
    if (strcmp(was, is) != 0) {
        return;
    }
    length = strlen(was);
    if (strcmp(change->was_owner, change->owner) == 0) {
        snprintf(is + length, APPLY_WORD_SIZE - length, ", in other words");
        return;
    }
    apply_whose(change->was_owner, was + length, APPLY_WORD_SIZE - length);
    apply_whose(change->owner, is + length, APPLY_WORD_SIZE - length);
}

static void apply_on_change(void *context, const struct rejudge_change *change)
{
    struct apply_listing *listing = context;
    char host[APPLY_TEXT_SIZE];
    char realm[APPLY_TEXT_SIZE];
    char was[APPLY_WORD_SIZE];
    char is[APPLY_WORD_SIZE];

    if (listing->told++ >= APPLY_SHOWN_MOST) {
        return;
    }
    typeset_escape(change->name[0] != '\0' ? change->name : change->address, host, sizeof(host));
    typeset_escape(change->realm, realm, sizeof(realm));
    apply_words(change, was, is);
    fprintf(listing->out, "%s %u/%s (%s)%s%s: %s -> %s\n", host, change->port.port, change->port.is_udp ? "udp" : "tcp",
            realm, strcmp(change->kind, "exposure") == 0 ? "" : " ",
            strcmp(change->kind, "exposure") == 0 ? "" : change->kind, was, is);
}

static void apply_sum_up(const struct rejudge_result *result, bool dry_run, FILE *out)
{
    fprintf(out, "%" PRIu64 " open ports %s: %" PRIu64 " findings %sopen, %" PRIu64 " %sallowed, %" PRIu64 " altered\n",
            result->endpoints, dry_run ? "looked at, nothing written" : "judged anew", result->opened,
            dry_run ? "would " : "", result->allowed, dry_run ? "would be " : "", result->altered);
}

static int apply_dry_run(const struct settings *settings)
{
    struct rejudge_options options = rejudge_options_default();
    struct apply_listing listing = {.out = stdout};
    struct rejudge_result result;
    struct store_error error;
    struct store *store;
    int rc = store_open_read_only(settings->db, &store, &error);

    if (rc < 0) {
        log_error("%s", error.text);
        return AUDIT_EXIT_ERROR;
    }
    options.policy = settings->policy;
    options.max_age_ms = settings->config.max_age_ms;
    options.dry_run = true;
    options.on_change = apply_on_change;
    options.context = &listing;
    rc = rejudge_run(store, &options, &result);
    if (rc < 0) {
        log_error("%s", store_last_error(store)->text);
    } else {
        if (listing.told > APPLY_SHOWN_MOST) {
            printf("… and %" PRIu64 " more\n", listing.told - APPLY_SHOWN_MOST);
        }
        apply_sum_up(&result, true, stdout);
    }
    store_close(store);
    return rc < 0 || fflush(stdout) != 0 ? AUDIT_EXIT_ERROR : 0;
}

static uint64_t apply_count(const json_t *answer, const char *member)
{
    json_int_t count = json_integer_value(json_object_get(answer, member));

    return count > 0 ? (uint64_t)count : 0;
}

static void apply_tell(const struct rejudge_result *result)
{
    if (result->endpoints == 0) {
        printf("nothing to judge: what is open was judged by this policy already, or nothing is known to be open\n");
    } else {
        apply_sum_up(result, false, stdout);
    }
}

/* The daemon that holds the database judges by it from now on, until it ends. */
static int apply_by_daemon(const struct settings *settings)
{
    struct rejudge_result result = {0};
    json_t *answer = NULL;
    int rc = ask_and_say(settings->control,
                         json_pack("{s:s, s:s, s:s}", "op", CONTROL_OP_POLICY, "name", policy_name(settings->policy),
                                   "policy", policy_source(settings->policy)),
                         NULL, &answer);

    if (rc < 0) {
        return AUDIT_EXIT_ERROR;
    }
    result.endpoints = apply_count(answer, "endpoints");
    result.opened = apply_count(answer, "opened");
    result.allowed = apply_count(answer, "allowed");
    result.altered = apply_count(answer, "altered");
    json_decref(answer);
    apply_tell(&result);
    log_notice("the running daemon judges by this policy until it ends; the next begins with the one that its "
               "configuration names");
    return 0;
}

static int apply_write(const struct settings *settings)
{
    struct store_error error;
    struct desk desk;

    /* Opening it judges by the policy that the settings name. */
    if (desk_open(settings, &desk, &error) < 0) {
        if (error.fault == STORE_FAULT_LOCKED) {
            return apply_by_daemon(settings);
        }
        log_error("%s", error.text);
        return AUDIT_EXIT_ERROR;
    }
    apply_tell(&desk.rejudged);
    desk_close(&desk);
    return fflush(stdout) == 0 ? 0 : AUDIT_EXIT_ERROR;
}

int policy_apply_run(const struct policy_command *command)
{
    const struct settings_sources sources = {.config = command->config, .db = command->db, .policy = command->policy};
    struct settings settings;
    int status;

    if (settings_load(&sources, &settings) < 0) {
        return AUDIT_EXIT_ERROR;
    }
    status = command->dry_run ? apply_dry_run(&settings) : apply_write(&settings);
    settings_done(&settings);
    return status;
}
