/* One account while it is read live: `aws read` of our own program as a child, which alone has the keys, with a time
 * limit. Knows processes and pipes; not what AWS is, and not what becomes of what was read. */
#ifndef LEASTPORT_AUDITD_AWS_READER_H
#define LEASTPORT_AUDITD_AWS_READER_H

#include "auditd/config/aws.h"
#include "auditd/keyring.h"

#include <uv.h>

enum { AWS_READER_TEXT_SIZE = 256 };

struct aws_reader;

struct aws_reader_options {
    const struct config_aws *config;
    const struct config_aws_account *account; /* one of the configuration's */
    const char *folder;                       /* there, and empty */
    const struct keyring *keyring;
    /* Comes once, from the loop, unless the reader was dropped: NULL when all that could be read lies in the folder, or
     * why what lies there is nothing to go by. */
    void (*on_ended)(void *context, const char *error);
    void *context;
};

/* All that the options point to is borrowed until on_ended or aws_reader_drop(). -errno when it cannot be started. The
 * reader ends itself. */
MUST_USE int aws_reader_start(uv_loop_t *loop, const struct aws_reader_options *options,
                              struct aws_reader **ret_reader);

/* Kills it, and nobody hears of it any more. Before on_ended only. */
void aws_reader_drop(struct aws_reader *reader);

#endif
