/* Writes the report where the command line wants it. */
#ifndef LEASTPORT_AUDITD_OUTPUTS_H
#define LEASTPORT_AUDITD_OUTPUTS_H

#include "auditd/options.h"
#include "auditd/target.h"

/* One report; a file is written beside its name and takes it at the end, so that nobody reads half of one. -errno,
 * after saying what went wrong on stderr. */
MUST_USE int outputs_write(const char *db_path, const struct options_output *output, bool explain);

/* The same to a target that is open already and stays so. */
MUST_USE int outputs_print(const char *db_path, const struct options_output *output, bool explain,
                           const struct target *target);

/* All of them, or a table on standard output when there are none; goes on after an error and returns the first. */
MUST_USE int outputs_write_all(const char *db_path, const struct options_output *outputs, size_t count);

#endif
