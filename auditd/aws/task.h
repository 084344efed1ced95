/* One list of an account's region while it is read: page after page, tried again where that can help. Inner to
 * auditd/aws. */
#ifndef LEASTPORT_AUDITD_AWS_TASK_H
#define LEASTPORT_AUDITD_AWS_TASK_H

#include "auditd/aws/call.h"
#include "auditd/aws/wire.h"

enum { TASK_REASON_SIZE = 160, TASK_OF_SIZE = 512, TASK_TOKEN_SIZE = 4096 };

enum task_outcome {
    TASK_MORE,    /* a page was taken, another one follows */
    TASK_DONE,    /* all was read */
    TASK_AGAIN,   /* throttled, broken off, out of order: later */
    TASK_EXPIRED, /* with new keys */
    TASK_GAP,     /* for good: the reason says why */
};

struct task {
    const struct call *call;
    const char *region;          /* borrowed */
    char of[TASK_OF_SIZE];       /* the ARN or id that it is asked for; "" */
    char name[256];              /* that thing's, for the document */
    json_t *records;             /* owned; NULL before the first page */
    char token[TASK_TOKEN_SIZE]; /* of the next page; "" */
    char reason[TASK_REASON_SIZE];
    unsigned attempts, pages;
    bool renewed; /* was asked again with new keys */
    uint64_t not_before_ms;
    struct task *next;
};

/* NULL when out of memory. `of` and `name` may be NULL. */
struct task *task_create(const struct call *call, const char *region, const char *of, const char *name);
void task_destroy(struct task *task);

/* The body of its next request: a form, or JSON. False when it does not fit. */
bool task_body(const struct task *task, char *buffer, size_t size);

/* Takes an answer; writes the reason where there is one. Of an error only AWS's code is kept: its words may hold what
 * was signed. */
enum task_outcome task_take(struct task *task, const struct wire_answer *answer, unsigned pages_max);

/* Milliseconds to wait before try number `attempt` (from 1): below 100 * 2^attempt and 20 s, by `random`. */
uint64_t task_backoff_ms(unsigned attempt, uint32_t random);

#endif
