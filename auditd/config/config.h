/* The configuration of auditd: YAML, version 1, each member with a default that works. Knows no other module's inside.
 */
#ifndef LEASTPORT_AUDITD_CONFIG_CONFIG_H
#define LEASTPORT_AUDITD_CONFIG_CONFIG_H

#include "auditd/config/alerts.h"
#include "auditd/config/inventories.h"
#include "auditd/config/keeping.h"
#include "auditd/config/label.h"
#include "auditd/config/problem.h"
#include "auditd/config/schedules.h"
#include "auditd/config/vantages.h"
#include "auditd/config/web.h"
#include "auditd/policy/judge.h"

/* An endpoint known to answer. `host` NULL: none. */
struct config_canary {
    char *host;
    char proto[4];
    uint16_t port;
};

/* A range whose assets come and go (autoscaling). */
struct config_ephemeral {
    struct prefix prefix;
    char *realm; /* NULL: the configuration's */
    int64_t retire_after_ms;
};

/* Owns all that it points to. Paths are absolute, or relative to the working folder where the caller set them. */
struct config {
    char *db;              /* NULL: the state folder's default, which is the caller's to choose */
    char *listen;          /* "127.0.0.1:8480" */
    char *tls_certificate; /* files; NULL: the dashboard is served without TLS */
    char *tls_key;
    bool cleartext_exposes_tokens; /* and beyond loopback all the same */
    struct config_list web;        /* what else the dashboard's server is told, as its options */
    char *realm;                   /* "default" */
    char *vantage;                 /* "local" */
    bool has_vantage_class;
    enum vantage_class vantage_class;     /* declared; else worked out for each target */
    struct config_list vantage_addresses; /* of the machine that scans */
    struct host_tag *vantage_tags;
    size_t vantage_tag_count;
    bool is_written;             /* somebody wrote it: what it does not say of targets is not so any more */
    struct config_labels labels; /* of targets that carry tags or names */
    struct config_list scope;    /* prefixes; empty: the scanner's default */
    char *never_scan;            /* file; NULL: none */
    struct config_list targets;  /* target expressions */
    struct config_list exclude;
    char *ports;            /* port expression, "common" */
    uint32_t rate_pps;      /* 0 is no ceiling */
    uint32_t host_rate_pps; /* 0 is no ceiling */
    uint32_t retries;
    uint32_t scans_at_once; /* side by side at most; those that share a range wait for each other */
    char *policy;           /* file; NULL: the built-in baseline alone */
    struct config_canary canary;
    struct config_ephemeral *ephemeral;
    size_t ephemeral_count;
    int64_t max_age_ms;                    /* what was judged longer ago is not covered */
    int64_t due_ms[SEVERITY_CRITICAL + 1]; /* so long after it opened a finding is to be fixed, by severity */
    char *probe;                           /* "auto", "syn", "connect"; NULL: "auto" */
    struct config_keeping keeping;
    bool verify;                     /* probe what changed a second time */
    bool services;                   /* ask open ports what answers there */
    struct config_vantage *vantages; /* others than `vantage` */
    size_t vantage_count;
    struct config_inventory *inventories;
    size_t inventory_count;
    struct config_schedule *schedules;
    size_t schedule_count;
    struct config_alerts alerts;
    bool door_checks; /* with it: ask too what shows whether a server lets a stranger in */
    bool printers;    /* with it: ask too where printers print what they are sent */
};

/* -ENOMEM. The caller ends it with config_done(). */
MUST_USE int config_init_default(struct config *ret_config);
void config_done(struct config *config);

/* Defaults, then what the text says; relative paths are relative to `folder` (NULL: left as they are). -EBADMSG with
 * errors in *problems, -ENOMEM. */
MUST_USE int config_parse(const char *text, size_t size, const char *folder, struct problems *problems,
                          struct config *ret_config);

/* config_parse() of a file. An unreadable file is -errno and an error in *problems. */
MUST_USE int config_load(const char *path, struct problems *problems, struct config *ret_config);

/* "90s", "30m", "12h", "7d", "2w" in milliseconds; -EINVAL. */
MUST_USE int duration_parse(const char *text, int64_t *ret_ms);

#endif
