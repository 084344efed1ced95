#include "auditd/policy_explain.h"

#include "auditd/explanation.h"
#include "auditd/policy/policy.h"
#include "auditd/policy_verb.h"
#include "auditd/protocol.h"
#include "auditd/settings.h"
#include "auditd/store/scan.h"
#include "auditd/store/sql.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXPLAIN_HOST_SIZE = 256 };

struct explaining {
    const struct policy_command *command;
    struct policy *policy;
    struct store *store; /* NULL: nothing is known */
    char host[EXPLAIN_HOST_SIZE];
    bool is_address;
    struct addr address;
    uint16_t port;
    const char *proto;
    size_t told;     /* of what is known to be open */
    int64_t asset;   /* the host that was asked about; 0: none is known */
    char realm[256]; /* that one's */
};

/* "HOST PORT", or "ADDRESS:PORT" in one. */
static int explain_parse(struct explaining *this)
{
    const struct policy_command *command = this->command;
    char text[ADDR_TEXT_SIZE * 2];
    struct addr unused;
    int length;

    if (command->port == NULL) {
        this->is_address = true;
        return policy_verb_parse_target(command->target, &this->address, &this->port, &this->proto);
    }
    length = snprintf(text, sizeof(text), "0.0.0.0:%s", command->port);
    if (length < 0 || (size_t)length >= sizeof(text) ||
        policy_verb_parse_target(text, &unused, &this->port, &this->proto) < 0) {
        return -EINVAL;
    }
    this->is_address = addr_parse(command->target, &this->address) == 0;
    snprintf(this->host, sizeof(this->host), "%s", command->target);
    return this->is_address || this->store != NULL ? 0 : -EINVAL;
}

/* The policy that judged last, as it was. */
static int explain_stored_policy(struct explaining *this)
{
    struct problems problems;
    sqlite3_stmt *row = NULL;
    int64_t policy_id;
    int64_t at;
    int rc = store_policy_current(this->store, &policy_id, &at);

    if (rc == 0) {
        rc = store_query(this->store, &row, "SELECT source, name FROM policy WHERE id = ?", "i", policy_id);
    }
    if (rc == 0) {
        rc = store_step(this->store, row);
    }
    if (rc <= 0) {
        return rc;
    }
    if (store_text(row, 0)[0] != '\0') {
        const char *source = store_text(row, 0);
        problems_init(&problems);
        rc = policy_parse(source, strlen(source), store_text(row, 1), &problems, &this->policy);
    }
    store_walked(row);
    /* One of an older release may have what this one does not take: the baseline then, and it says so. */
    return rc < 0 && rc != -ENOMEM ? 0 : rc;
}

static int explain_load_policy(struct explaining *this, const char *configured)
{
    const char *path = this->command->policy != NULL ? this->command->policy : configured;
    int rc = path == NULL && this->store != NULL ? explain_stored_policy(this) : 0;

    if (rc >= 0 && this->policy == NULL) {
        this->policy = policy_verb_load(path);
    }
    return this->policy == NULL ? -EINVAL : 0;
}

static int explain_on_port(void *context, const struct survey_port *port)
{
    struct explaining *this = context;

    printf("%s%s%s%s\n", this->told > 0 ? "\n" : "", port->address, port->known->name_count > 0 ? ", " : "",
           port->known->name_count > 0 ? port->known->names[0] : "");
    policy_explain(this->policy, port->exposure, stdout);
    this->told++;
    return 0;
}

/* By address, or by name where that is none. */
static struct explanation explain_asked(const struct explaining *this)
{
    const struct policy_command *command = this->command;

    return (struct explanation){
        .realm = command->realm,
        .name = this->is_address ? command->name : this->host,
        .is_address = this->is_address,
        .address = this->address,
        .proto = this->proto,
        .port = this->port,
    };
}

static int explain_known(struct explaining *this)
{
    const struct explanation asked = explain_asked(this);
    struct explanation_walk walk = {.fn = explain_on_port, .context = this};
    int rc = explanation_walk(this->store, this->policy, &asked, &walk);

    this->asset = walk.asset;
    memcpy(this->realm, walk.realm, sizeof(this->realm));
    if (rc < 0) {
        log_error("%s", store_last_error(this->store)->text);
    } else if (walk.hosts == 0 && !this->is_address) {
        log_error("no known host is called %s", this->host);
        return -ENOENT;
    }
    return rc;
}

static int explain_supposed(const struct explaining *this)
{
    struct explanation asked = explain_asked(this);
    struct store_known known = {0};
    struct exposure exposure;

    if (this->asset != 0 && store_asset_known(this->store, this->asset, &known) < 0) {
        log_error("%s", store_last_error(this->store)->text);
        return -EIO;
    }
    asked.name = this->command->name;
    asked.realm = this->asset != 0 ? this->realm : asked.realm;
    explanation_suppose(&asked, this->asset != 0 ? &known : NULL, this->command->vantage_class, wall_now_ms(),
                        &exposure);
    if (this->store != NULL) {
        printf("not known to be open; if it were:\n");
    }
    policy_explain(this->policy, &exposure, stdout);
    store_known_done(&known);
    return 0;
}

static int explain_run(struct explaining *this, const char *configured)
{
    int rc;

    if (explain_parse(this) < 0) {
        log_error("\"%s%s%s\" is no address and port of 0 to 65535, such as 10.0.0.5 443, fd00::1 443, "
                  "10.0.0.5:53/udp or [fd00::1]:443",
                  this->command->target, this->command->port != NULL ? " " : "",
                  this->command->port != NULL ? this->command->port : "");
        return -EINVAL;
    }
    rc = explain_load_policy(this, configured);
    if (rc == 0 && this->store != NULL) {
        rc = explain_known(this);
    }
    if (rc == 0 && this->told == 0) {
        rc = explain_supposed(this);
    }
    return rc;
}

int policy_explain_run(const struct policy_command *command)
{
    const struct settings_sources sources = {.config = command->config, .db = command->db};
    bool named = command->db != NULL || command->config != NULL;
    struct explaining this = {.command = command};
    struct settings settings = {0};
    int rc = 0;

    /* --from asks what would be, whatever is. */
    if (!command->has_class && (named || getenv("HOME") != NULL)) {
        rc = settings_load_paths(&sources, &settings);
        if (rc == 0 && (named || access(settings.db, R_OK) == 0)) {
            rc = policy_verb_open(command, &this.store);
        }
    }
    if (rc == 0) {
        rc = explain_run(&this, settings.config.policy);
    }
    policy_destroy(this.policy);
    store_close(this.store);
    settings_done(&settings);
    return rc == 0 && fflush(stdout) == 0 ? 0 : AUDIT_EXIT_ERROR;
}
