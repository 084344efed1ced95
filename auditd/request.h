/* What somebody asks to be audited: the control socket's "audit" object (schema/control.schema.json), from a command
 * line or from a client, and the scan plan that it and the configuration make. Knows no store and no process. */
#ifndef LEASTPORT_AUDITD_REQUEST_H
#define LEASTPORT_AUDITD_REQUEST_H

#include "auditd/config/config.h"

#include <jansson.h>

enum { REQUEST_REASON_SIZE = 512, REQUEST_TARGETS_MAX = 10000 };

/* Does the object hold together? -EINVAL with what is wrong with which member in `ret_reason`. */
MUST_USE int request_check(const json_t *request, char ret_reason[REQUEST_REASON_SIZE]);

/* The plan without `watch` and `canary`: what the request leaves out comes from the configuration, scope and never-scan
 * list always do. Equal requests under equal configurations make equal plans. -EINVAL, or what reading the never-scan
 * file said, with `ret_reason`; -ENOMEM. The caller owns *ret_plan. The request has passed request_check(). */
MUST_USE int request_plan(const json_t *request, const struct config *config, json_t **ret_plan,
                          char ret_reason[REQUEST_REASON_SIZE]);

/* Compact, keys sorted: tells whether two plans are the same. NULL when out of memory; the caller frees it. */
char *request_plan_key(const json_t *plan);

/* A plan for a second look at `endpoints` ({"host","proto","port"}, not empty) alone, all of them watched; the rest as
 * in `plan`. NULL when out of memory; the caller owns it. */
json_t *request_verify_plan(const json_t *plan, const json_t *endpoints);

bool request_flag(const json_t *request, const char *name, bool otherwise);

#endif
