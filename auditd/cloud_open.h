/* A cloud to ask about: from a folder or the database, as a model with an engine. */
#ifndef LEASTPORT_AUDITD_CLOUD_OPEN_H
#define LEASTPORT_AUDITD_CLOUD_OPEN_H

#include "auditd/cloud/aws.h"
#include "auditd/cloud_stored.h"
#include "auditd/reach/engine.h"

struct cloud {
    struct aws *aws;
    struct reach_model model;
    struct reach_engine *engine;
};

struct cloud_source {
    const char *folder; /* NULL: `stored` */
    struct cloud_stored stored;
    const char *what_if; /* a file whose records stand in for those with their ids; NULL: none */
};

/* -errno after saying on the log what is wrong. The caller ends it by cloud_close(), in any case; it stays where it is.
 */
MUST_USE int cloud_open(const struct cloud_source *source, struct cloud *cloud);
void cloud_close(struct cloud *cloud);

/* Says on the log what was not read, which must not pass for blocked. */
void cloud_say_missing(const struct cloud *cloud);

#endif
