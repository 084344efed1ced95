/* One reading of a live inventory: a reader for each of its accounts, side by side, and what they brought. Knows the
 * folders; auditd/cloud/ what lies in them. */
#ifndef LEASTPORT_AUDITD_AWS_ROUND_H
#define LEASTPORT_AUDITD_AWS_ROUND_H

#include "auditd/cloud/aws.h"
#include "auditd/config/aws.h"
#include "auditd/keyring.h"

#include <uv.h>

enum { AWS_ROUND_TEXT_SIZE = 300 };

/* How many readers there may be at a time, of all inventories together. */
struct aws_bound {
    unsigned running;
    unsigned most;
};

struct aws_round;

struct aws_round_options {
    const char *inventory; /* its name: a folder's, too */
    const struct config_aws *config;
    const char *place; /* the folder that has a folder for each live inventory; made when it is missing */
    const struct keyring *keyring;
    struct aws_bound *bound;
    /* A reader has ended: another one's turn may have come. */
    void (*on_free)(void *context);
    /* Every account was read, or could not be. */
    void (*on_ended)(void *context);
    void *context;
};

/* What the options point to is borrowed until aws_round_destroy(). NULL when out of memory. */
struct aws_round *aws_round_create(uv_loop_t *loop, const struct aws_round_options *options);
/* Kills the readers that run, by their handles; nothing of what they wrote is ever taken. Takes NULL. */
void aws_round_destroy(struct aws_round *round);

bool aws_round_is_running(const struct aws_round *round);
/* Begins anew; what the last one brought is gone. Not while one runs. */
void aws_round_start(struct aws_round *round);
/* Starts as many readers as the bound has room for. */
void aws_round_go_on(struct aws_round *round);

/* Gives what the last reading brought: the documents of the accounts that were read, and of each that was not a gap in
 * every list (aws_has_whole()). Not while one runs. -ENODATA when none has ended yet, -ENOMEM. */
MUST_USE int aws_round_take(struct aws_round *round, struct aws **ret_aws);

/* How many gaps there are, and the first ones in words. */
size_t aws_round_say_gaps(const struct aws *aws, char *text, size_t size);

#endif
