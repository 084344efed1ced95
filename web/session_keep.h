/* Sessions that outlast the web server: it has them in memory, auditd keeps what the journal tells of them, and what is
 * not in memory is looked up in the store. */
#ifndef LEASTPORT_WEB_SESSION_KEEP_H
#define LEASTPORT_WEB_SESSION_KEEP_H

#include "web/session.h"

struct exchange;
struct journal;

/* A new session of the token with that public id, and the cookie's value. */
void session_keep_begin(struct session_table *table, struct journal *journal, const char *token,
                        char ret_id[SESSION_ID_SIZE]);
/* As session_find(), by the exchange's reader. When that cannot read the problem is set, and the session has not ended.
 */
MUST_USE int session_keep_find(struct session_table *table, struct journal *journal, struct exchange *exchange,
                               const char *id, struct session *ret_session);
/* At once here, and in the store as soon as auditd can write. */
void session_keep_end(struct session_table *table, struct journal *journal, const char *id);

#endif
