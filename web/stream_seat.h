/* Seats of streams: how many there are in all and of each token, and whether that still opens anything. Safe from
 * several threads. */
#ifndef LEASTPORT_WEB_STREAM_SEAT_H
#define LEASTPORT_WEB_STREAM_SEAT_H

#include "auditd/store/read.h"
#include "lib/token.h"

struct stream_seats;
struct stream_seat; /* of one token: shared by all of its streams */

/* NULL when out of memory. The caller owns it: stream_seats_destroy(), when all seats were left. */
struct stream_seats *stream_seats_create(size_t all, size_t per_token);
void stream_seats_destroy(struct stream_seats *seats);

/* -ENOSPC: all seats are taken. -EDQUOT: the token has its share. -ENOMEM. To be left by stream_seat_leave(). */
MUST_USE int stream_seat_take(struct stream_seats *seats, const char *token, struct stream_seat **ret_seat);
void stream_seat_leave(struct stream_seats *seats, struct stream_seat *seat);
size_t stream_seats_taken(struct stream_seats *seats);

/* Looks at the tokens of all seats. */
MUST_USE int stream_seats_check(struct stream_seats *seats, struct store_reader *reader, int64_t now_ms);
/* By the last check: the token was revoked, has expired or is gone. */
bool stream_seat_is_over(struct stream_seats *seats, const struct stream_seat *seat);

#endif
