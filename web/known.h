/* What is known of what answers, as JSON of the facts' own types. */
#ifndef LEASTPORT_WEB_KNOWN_H
#define LEASTPORT_WEB_KNOWN_H

#include "auditd/store/read.h"
#include "web/json_writer.h"

/* Whole days from `now_ms` to `end_ms`, rounded down: what ends in an hour has none left, what has ended fewer. */
int64_t known_days(int64_t end_ms, int64_t now_ms);

/* The members of an endpoint's object that say what answers: recognised, product, version, tls, auth, asked_at, facts,
 * evidence. Days left are those at `now_ms`. */
void known_write(struct json_writer *writer, const struct store_endpoint *endpoint, int64_t now_ms);

#endif
