/* Which hosts a waiver by rule is for, and of many waivers those that a host is one of, without asking each. */
#ifndef LEASTPORT_AUDITD_FINDING_GRANT_HOSTS_H
#define LEASTPORT_AUDITD_FINDING_GRANT_HOSTS_H

#include "auditd/policy/host.h"
#include "auditd/store/store.h"

#include <jansson.h>

enum { GRANT_REASON_SIZE = 256 };

/* Does the object say which hosts are meant: "realm", "cidr", "name", "group" (lists of text), "tag" (an object of
 * text, a glob for each key)? Empty: every host. -EINVAL with what is wrong in `ret_reason`. */
MUST_USE int grant_hosts_check(const json_t *hosts, char ret_reason[GRANT_REASON_SIZE]);

/* The waivers' hosts, numbered as they were added. */
struct grant_hosts;

/* NULL when out of memory. The caller owns the result: grant_hosts_destroy(). */
struct grant_hosts *grant_hosts_create(struct store *store);
void grant_hosts_destroy(struct grant_hosts *all);

/* An object that passed the check. What it calls a group is the group of that name in the policy that judged last; a
 * name that it does not have means no host, and is in *ret_unknown (borrowed from `hosts`; else NULL) where that is
 * given. -ENOMEM, the store's errors. */
MUST_USE int grant_hosts_add(struct grant_hosts *all, const json_t *hosts, const char **ret_unknown);

/* Those that the living asset is one of, ascending: `ret_numbers` is borrowed until the next call. */
MUST_USE int grant_hosts_of(struct grant_hosts *all, int64_t asset_id, const char *realm, const size_t **ret_numbers,
                            size_t *ret_count);

/* The living assets that one of them may mean, each once, with its realm, ascending: of the scan (scan_id not 0) those
 * that it judged; else all, or, where each says by address or by tag which, those alone. Collected first: the callback
 * may call the store. */
MUST_USE int grant_hosts_walk(struct grant_hosts *all, int64_t scan_id,
                              int (*each)(void *context, int64_t asset_id, const char *realm), void *context);

#endif
