/* XML answers of AWS's query APIs as the JSON that the AWS CLI prints of them, by tables of what is wanted. Pure: bytes
 * in, JSON out. What no table names is passed over; a document type, entities, and depth without end are refused. */
#ifndef LEASTPORT_AUDITD_AWS_SHAPE_H
#define LEASTPORT_AUDITD_AWS_SHAPE_H

#include "lib/addr.h"

#include <jansson.h>
#include <stddef.h>

enum shape_kind {
    SHAPE_END, /* of a table */
    SHAPE_TEXT,
    SHAPE_NUMBER,
    SHAPE_BOOL,
    SHAPE_RECORD,
    SHAPE_LIST,  /* of records */
    SHAPE_TEXTS, /* a list of texts */
};

struct shape {
    enum shape_kind kind;
    const char *xml;  /* the element */
    const char *json; /* the member */
    const struct shape *fields;
    const char *item; /* of a list: the elements' name; NULL: "item" or "member" */
};

enum { SHAPE_FAULT_SIZE = 160 };

struct shape_fault {
    char text[SHAPE_FAULT_SIZE];
};

/* An answer: its root element must be `root`. Fields stand right below it or, where it is there, below `result`, which
 * may be NULL. */
struct shape_frame {
    const char *root, *result;
    const struct shape *fields;
};

/* The caller owns the object. -EBADMSG with *ret_fault, -ENOMEM. */
MUST_USE int shape_read(const char *bytes, size_t size, const struct shape_frame *frame, json_t **ret_object,
                        struct shape_fault *ret_fault);

/* The text of the first element of the name, at any depth; false when there is none or it does not fit. For errors,
 * whose frame differs between services. */
bool shape_find_text(const char *bytes, size_t size, const char *name, char *buffer, size_t buffer_size);

#endif
