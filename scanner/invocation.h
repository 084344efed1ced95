/* From a command line to a scan that runs: plan, scope, state and outputs put together, and taken apart again. */
#ifndef LEASTPORT_SCANNER_INVOCATION_H
#define LEASTPORT_SCANNER_INVOCATION_H

#include "lib/addr.h"
#include "scanner/options.h"
#include "scanner/problem.h"

/* Runs the scan and returns the exit status (enum scan_exit), or -errno with *problem when it did not begin or broke
 * off. `argv` is for the outputs that keep the command line, and for the command that resumes. Once the plan stands
 * SIGINT and SIGTERM end the scan in order; a second one ends the process at once. */
MUST_USE int invocation_run(const struct options *options, int argc, char **argv, struct problem *problem);

#endif
