/* What is overdue, and whose it is. Reads the store, and prints a section of the report. */
#ifndef LEASTPORT_AUDITD_REPORT_DUE_H
#define LEASTPORT_AUDITD_REPORT_DUE_H

#include "auditd/store/read.h"

#include <stdio.h>

enum { DUE_OWNER_SIZE = 64, DUE_SEVERITIES = 5 };

struct due_owner {
    char name[DUE_OWNER_SIZE]; /* "" for nobody's */
    uint64_t overdue;
    uint64_t severities[DUE_SEVERITIES]; /* of the overdue ones, by number */
    uint64_t soon;                       /* due within a week */
    int64_t oldest;                      /* when the one that is overdue longest was due */
};

struct due {
    struct due_owner *owners; /* most overdue first; owned: due_done() */
    size_t count;
    uint64_t overdue;
};

/* Of findings that count and are not waived. 0, -ENOMEM, the reader's errors. */
MUST_USE int due_read(struct store_reader *reader, int64_t now_ms, struct due *ret_due);
void due_done(struct due *due);

/* A line for each owner who has something overdue or due soon; nothing where nobody has. */
void due_print(const struct due *due, int64_t now_ms, unsigned width, FILE *out);

/* "; owner shop-team; due 2026-12-01", "; overdue since 2026-11-01"; "" where neither is known. */
void due_mention(const char *owner, int64_t due_at, int64_t now_ms, char *text, size_t size);

#endif
