#include "auditd/child.h"

#include "auditd/protocol.h"
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What a shell says of a program that cannot be run. */
enum { CHILD_EXIT_FAILED = 126 };

void child_args(struct child *child, int death_signal, char *program, char **args)
{
    snprintf(child->self, sizeof(child->self), "%s", AUDITD_PROGRAM);
    snprintf(child->verb, sizeof(child->verb), "%s", CHILD_VERB);
    snprintf(child->signal, sizeof(child->signal), "%d", death_signal);
    snprintf(child->parent, sizeof(child->parent), "%ld", (long)getpid());
    args[0] = child->self;
    args[1] = child->verb;
    args[2] = child->signal;
    args[3] = child->parent;
    args[4] = program;
}

int child_run(int argc, char **argv)
{
    if (argc < CHILD_ARGS) {
        log_error("%s is for %s's own use", CHILD_VERB, AUDITD_PROGRAM);
        return CHILD_EXIT_FAILED;
    }
    if (prctl(PR_SET_PDEATHSIG, strtoul(argv[1], NULL, 10), 0, 0, 0) != 0) {
        log_warning("a child may outlive us: %s", strerror(errno));
    }
    /* It can have died before the line above. */
    if (getppid() != (pid_t)strtol(argv[2], NULL, 10)) {
        return CHILD_EXIT_FAILED;
    }
    /* Everything of ours is close-on-exec; a descriptor of the database that a library forgot ends here. */
    if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0) {
        log_error("cannot close descriptors: %s", strerror(errno));
        return CHILD_EXIT_FAILED;
    }
    /* A path, or a word that a person chose for a command: found as a shell would. */
    execvp(argv[3], argv + 4);
    log_error("cannot start %s: %s", argv[3], strerror(errno));
    return CHILD_EXIT_FAILED;
}
