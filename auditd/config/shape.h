/* Shapes of values that more than one part of the configuration has. */
#ifndef LEASTPORT_AUDITD_CONFIG_SHAPE_H
#define LEASTPORT_AUDITD_CONFIG_SHAPE_H

#include "auditd/config/validate.h"

enum { SHAPE_LIST_MAX = 100000, SHAPE_NAME_MAX_BYTES = 128 };

extern const struct validate_schema shape_path;
extern const struct validate_schema shape_name;
extern const struct validate_schema shape_probe;
extern const struct validate_schema shape_targets; /* a text or a list of them */
extern const struct validate_schema shape_ports;
extern const struct validate_schema shape_duration;
extern const struct validate_schema shape_address;
extern const struct validate_schema shape_addresses; /* one, or a list */
extern const struct validate_schema shape_class;     /* of a vantage */

#endif
