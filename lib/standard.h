/* The numbers of controls in published standards, each with its edition, as schema/compliance.json has them. Knows not
 * what breaks them. */
#ifndef LEASTPORT_LIB_STANDARD_H
#define LEASTPORT_LIB_STANDARD_H

#include <stddef.h>

struct standard_control {
    const char *id;       /* "cis-aws-3.0.0:5.2" */
    const char *standard; /* "CIS Amazon Web Services Foundations Benchmark" */
    const char *edition;  /* "v3.0.0" */
    const char *number;   /* "5.2" */
    const char *title;    /* in our words */
};

/* NULL when there is none of that id. What is returned lives for ever. */
const struct standard_control *standard_control_find(const char *id);
const struct standard_control *standard_controls(size_t *ret_count);
/* The ids of all; NULL ends them. */
const char *const *standard_control_ids(void);

enum { STANDARD_ID_SIZE = 64 };

/* The next of a list of ids with blanks between, which *list is moved past; NULL at its end. Ids that are not known are
 * passed over. */
const struct standard_control *standard_control_next(const char **list);

#endif
