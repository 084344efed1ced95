/* What the environment said of AWS (AWS_*), taken out of it when the program starts: scanner, dashboard and whatever
 * else it starts do not get it, and neither /proc/PID/environ nor a core dump shows it. Only who reads an account does.
 * Knows names and values, not what they mean. */
#ifndef LEASTPORT_AUDITD_KEYRING_H
#define LEASTPORT_AUDITD_KEYRING_H

#include "lib/addr.h"

#include <stddef.h>

struct keyring;

/* Moves them from the environment to memory that no core dump has, and wipes where they stood. Before any thread
 * starts. -ENOMEM: the environment has lost them all the same. The caller owns it: keyring_destroy(). */
MUST_USE int keyring_take(struct keyring **ret_keyring);
void keyring_destroy(struct keyring *keyring);

/* The whole environment of a child that gets them: beside them only what finds programs, files and proxies, and `more`
 * ("NAME=value", NULL ends it), which comes before what was taken; with an AWS_ENDPOINT_URL in it no other endpoint is
 * passed on. Everything in the array is borrowed; the caller frees the array. NULL when out of memory. */
char **keyring_environment(const struct keyring *keyring, char *const *more);

#endif
