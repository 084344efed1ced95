/* The command line of leastport-auditd: what each verb takes (argp). Parses and checks; does nothing. */
#ifndef LEASTPORT_AUDITD_OPTIONS_H
#define LEASTPORT_AUDITD_OPTIONS_H

#include "auditd/export/export.h"
#include "auditd/group_print.h"
#include "auditd/policy/judge.h"
#include "auditd/report/report.h"

#include <stdbool.h>
#include <stddef.h>

enum { OPTIONS_LIST_MAX = 4096, OPTIONS_OUTPUTS_MAX = 8, SCHEDULE_NEXT_MAX = 1000 };

struct options_list {
    char **items;
    size_t count;
};

struct options_output {
    enum report_format format;
    const char *path;                    /* "-" is standard output */
    const struct export_driver *driver;  /* instead of `format`, when it is not NULL */
    const struct export_options *export; /* with it; NULL: all */
};

/* All text is borrowed from argv. NULL, or a count of -1, means not given. */
struct audit_options {
    struct options_list targets;
    struct options_list exclude;
    struct options_list scope;
    struct options_list new_tenants;
    const char *ports;
    const char *policy;
    const char *config;
    const char *db;
    const char *realm;
    const char *vantage;
    const char *vantage_class;
    const char *probe; /* NULL: the configuration's */
    int64_t rate_pps;
    int64_t host_rate_pps;
    int64_t retries;
    enum severity fail_on;
    struct options_output outputs[OPTIONS_OUTPUTS_MAX];
    size_t output_count;
    bool no_verify;
    bool no_services;
    bool no_door_checks;
    bool ask_printers;
    bool ask_again;
    bool fresh;
};

struct serve_options {
    const char *config;
    const char *db;
    const char *listen;
    const char *policy;
};

struct report_command {
    const char *config;
    const char *db;
    struct options_output output;
    bool explain;
};

/* All text is borrowed from argv. NULL means not given. */
struct import_command {
    const char *path; /* "-" is standard input */
    const char *format;
    const char *config;
    const char *db;
    const char *policy;
    const char *realm;
    const char *vantage;
    const char *vantage_class;
    struct options_list scope;
};

enum { EXPORT_FILTERS = 16 };

/* The filters point into `lists`, which options_export_done() frees. */
struct export_command {
    const char *config;
    const char *db;
    struct export_options options;
    struct options_output outputs[OPTIONS_OUTPUTS_MAX];
    size_t output_count;
    struct options_values {
        char *text;
        const char **values;
    } lists[EXPORT_FILTERS];
    size_t list_count;
    int64_t *ports;
};

enum schedule_action { SCHEDULE_LIST, SCHEDULE_NEXT, SCHEDULE_RUN, SCHEDULE_PAUSE, SCHEDULE_RESUME, SCHEDULE_CHECK };

struct schedule_command {
    enum schedule_action action;
    const char *name; /* NULL: all */
    const char *config;
    const char *db;
    int64_t count; /* of next runs of each */
    bool json;     /* lines of JSON instead of a table */
};

struct inventory_command {
    const char *what;      /* "confirm" its losses or "read" it now; NULL: list */
    const char *inventory; /* its name; NULL: list */
    const char *config;
    const char *db;
    bool json;
};

enum alert_action {
    ALERT_ACTION_LIST,
    ALERT_ACTION_SHOW,
    ALERT_ACTION_RETRY,
    ALERT_ACTION_DROP,
    ALERT_ACTION_TEST,
    ALERT_ACTION_AMISS,
    ALERT_ACTION_LIFT
};

struct alert_command {
    enum alert_action action;
    const char *what; /* an alert's id, or its beginning; test: a receiver; lift: a place; NULL: all */
    const char *state;
    const char *config;
    const char *db;
    int64_t limit;
    bool json;
};

enum policy_action { POLICY_CHECK, POLICY_EXPLAIN, POLICY_TEST, POLICY_SUGGEST, POLICY_APPLY };

struct policy_command {
    enum policy_action action;
    const char *config;
    const char *db;
    bool dry_run;
    bool has_class; /* `vantage_class` was given */
    const char *policy;
    const char *realm;
    const char *name;
    const char *target; /* ADDRESS:PORT[/PROTO], or ADDRESS with `port` */
    const char *port;   /* PORT[/PROTO]; NULL when it stands in `target` */
    enum vantage_class vantage_class;
    bool groups; /* suggest security groups, not a policy */
    enum group_format group_format;
    const char *aws;       /* NULL: the cloud that is stored */
    const char *inventory; /* NULL: the only one */
};

enum disposition_verb { VERB_ACKNOWLEDGE, VERB_UNACKNOWLEDGE, VERB_WAIVE, VERB_UNWAIVE, VERB_ADOPT };

struct disposition_command {
    const char *word; /* of the control socket */
    const char *done; /* how what was done is called: "waived" */
    const char *config;
    const char *db;
    struct options_list findings;
    struct options_list waivers;
    struct options_list realms, cidrs, names, groups, tags; /* of a rule; of findings at most one realm */
    const char *rule;
    const char *owner;
    const char *reason;
    const char *until;
    const char *import; /* CSV file */
    bool list;
    bool json;
};

enum token_action { TOKEN_CREATE, TOKEN_LIST, TOKEN_REVOKE, TOKEN_LINK };

struct token_command {
    enum token_action action;
    const char *token; /* id or name */
    const char *name;
    const char *role;
    const char *expires;
    const char *config;
    const char *db;
    struct options_list scopes, realms, tags;
    bool all;
    bool json;
};

struct changes_command {
    const char *config;
    const char *db;
    const char *since; /* a scan or a time; NULL: the audit before the last */
    const char *until; /* NULL: now */
    bool json;
};

/* Each takes argv of its verb (argv[0] is what the help calls the program) and exits by itself after --help, --version
 * (0) and misuse (2). The lists are to be freed by options_list_done(). */
void options_parse_audit(int argc, char **argv, struct audit_options *ret_options);
void options_parse_serve(int argc, char **argv, struct serve_options *ret_options);
void options_parse_report(int argc, char **argv, struct report_command *ret_command);
void options_parse_alert(int argc, char **argv, struct alert_command *ret_command);
void options_parse_inventory(int argc, char **argv, struct inventory_command *ret_command);
/* `scope` is to be freed by options_list_done(). */
void options_parse_import(int argc, char **argv, struct import_command *ret_command);
void options_parse_export(int argc, char **argv, struct export_command *ret_command);
void options_export_done(struct export_command *command);
void options_parse_schedule(int argc, char **argv, struct schedule_command *ret_command);
void options_parse_policy(int argc, char **argv, struct policy_command *ret_command);
void options_parse_disposition(int argc, char **argv, enum disposition_verb verb,
                               struct disposition_command *ret_command);
void options_parse_changes(int argc, char **argv, struct changes_command *ret_command);
void options_parse_token(int argc, char **argv, struct token_command *ret_command);
void options_token_done(struct token_command *command);
void options_disposition_done(struct disposition_command *command);
void options_list_done(struct options_list *list);

/* "table:-", "jsonl:findings.jsonl". -EINVAL. */
MUST_USE int options_parse_output(const char *text, struct options_output *ret_output);

#endif
