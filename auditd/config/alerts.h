/* The configuration's alerts: who is told, of what, and when. Knows the document; auditd/alert what it means. Secrets
 * are named by the files that hold them and are not read here. */
#ifndef LEASTPORT_AUDITD_CONFIG_ALERTS_H
#define LEASTPORT_AUDITD_CONFIG_ALERTS_H

#include "auditd/config/schedules.h"
#include "auditd/policy/judge.h"

enum { CONFIG_RECEIVERS_MAX = 100, CONFIG_ALERT_RULES_MAX = 1000 };

enum alert_change { ALERT_NEW, ALERT_REOPENED, ALERT_FIXED, ALERT_SELF, ALERT_TEST };

/* "new", "reopened", "fixed", "self", "test", as the schema has them. */
const char *alert_change_name(enum alert_change change);

enum receiver_kind { RECEIVER_WEBHOOK, RECEIVER_SLACK, RECEIVER_EMAIL, RECEIVER_SYSLOG };

const char *receiver_kind_name(enum receiver_kind kind);

/* Members of other kinds are NULL. Paths are absolute, or relative to the working folder. */
struct config_receiver {
    char *name;
    enum receiver_kind kind;
    char *url;         /* webhook, slack, email (smtp://, smtps://), syslog (udp://, tcp://, tls://, unix:///) */
    char *url_file;    /* in place of `url`, when the address itself is secret */
    char *secret_file; /* webhook: the key of its signature; NULL: unsigned */
    char *ca_file;     /* NULL: the system's */
    bool tls;          /* email: required */
    bool verify;       /* the certificate of who is told */
    char *from;        /* email */
    struct config_list to;
    char *user; /* email; NULL: no log-in */
    char *password_file;
    int facility; /* syslog: RFC 5424, table 1 */
    int64_t timeout_ms;
};

struct config_alert_rule {
    char *name;
    unsigned changes; /* 1 << enum alert_change */
    enum severity severity;
    struct config_list owners; /* patterns of fnmatch(3); empty: whoever */
    struct config_list to;     /* names of receivers */
    char *group_by;            /* key of a tag; NULL: all hosts are one group */
    bool is_digest;
    struct cron digest; /* when */
    struct zone *zone;
    struct blackout *quiet;
    size_t quiet_count;
    int64_t dedup_ms;
    int64_t gather_ms;
};

struct config_alerts {
    struct config_receiver *receivers;
    size_t receiver_count;
    struct config_alert_rule *rules;
    size_t rule_count;
    int64_t retry_first_ms;
    int64_t retry_longest_ms;
    int64_t retry_for_ms;
};

extern const struct validate_schema alerts_schema;

/* Reads the validated mapping `node` (NULL: none, the defaults). -EBADMSG with an error in *problems, -ENOMEM; what was
 * read is in *alerts in each case, to be freed by alerts_done(). */
MUST_USE int alerts_read(const struct yaml_node *node, const char *folder, struct problems *problems,
                         struct config_alerts *alerts);
void alerts_done(struct config_alerts *alerts);

/* NULL when there is none of that name. */
const struct config_receiver *alerts_receiver(const struct config_alerts *alerts, const char *name);

#endif
