/* Items of a model for tests, which have the memory. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_REACH_MADE_H
#define LEASTPORT_TESTS_UNIT_AUDITD_REACH_MADE_H

#include "auditd/reach/model.h"

#include <assert.h>

static inline void *made_item(void *item)
{
    assert(item != NULL);
    return item;
}

/* REACH_PUSH(), never NULL. */
#define MADE_PUSH(model, list) ((__typeof__((list)->items))made_item(REACH_PUSH((model), (list))))

#endif
