/* A cloud as the database has it, now or at a past moment. Reads alone. */
#ifndef LEASTPORT_AUDITD_CLOUD_STORED_H
#define LEASTPORT_AUDITD_CLOUD_STORED_H

#include "auditd/cloud/aws.h"

/* As a command line has them; NULL: the usual, the only one, now. */
struct cloud_stored {
    const char *config;
    const char *db;
    const char *name;
    const char *at;
};

/* Takes what is stored, beside a daemon, too. -errno after saying on the log what is wrong. */
MUST_USE int cloud_stored_load(const struct cloud_stored *stored, struct aws *aws);

#endif
