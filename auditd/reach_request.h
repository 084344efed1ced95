/* What a cloud that is stored lets through, asked over the control socket: "reach". Reads alone. */
#ifndef LEASTPORT_AUDITD_REACH_REQUEST_H
#define LEASTPORT_AUDITD_REACH_REQUEST_H

#include "auditd/control.h"

/* Keeps the cloud that was asked about last, with its surface: a question does not read it all again. */
struct reach_desk;

/* NULL when out of memory. */
struct reach_desk *reach_desk_create(void);
void reach_desk_destroy(struct reach_desk *desk);

/* Answers at once. `db` is the database's path. */
void reach_desk_request(struct reach_desk *desk, const char *db, struct control_client *client, const json_t *request);

#endif
