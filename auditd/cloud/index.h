/* Which records a text leads to: numbers by key, in the order in which they were added. Inner to auditd/cloud. */
#ifndef LEASTPORT_AUDITD_CLOUD_INDEX_H
#define LEASTPORT_AUDITD_CLOUD_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_entry;

struct index {
    struct index_entry *entries; /* NULL: empty */
    bool failed;                 /* out of memory: something is missing */
};

/* Copies the key. A failure is kept in index->failed. */
void index_add(struct index *index, const char *key, uint64_t number);

/* The first number of the key, and the one behind it; NULL: no more. */
struct index_number {
    uint64_t number;
    const struct index_number *next;
};
const struct index_number *index_find(const struct index *index, const char *key);

void index_done(struct index *index);

#endif
