/* Products and versions out of what servers say of themselves, by a table of regular expressions (PCRE2, with limits:
 * banners are hostile), and their names in CPE 2.3. Knows facts, not protocols or sockets. */
#ifndef LEASTPORT_SCANNER_SERVICE_RULES_H
#define LEASTPORT_SCANNER_SERVICE_RULES_H

#include "scanner/problem.h"
#include "scanner/service/facts.h"

#include <stddef.h>

/* A row of the table. In what it says $1 to $9 stand for the groups of the pattern, "" for one that took no part. */
struct rule {
    const char *service; /* the fact "service" must be this */
    const char *fact;    /* the text that is matched */
    const char *pattern;
    const char *product;
    const char *version; /* NULL: none is said, or the protocol has said it */
    const char *os;      /* NULL: not said */
    const char *cpe;     /* part:vendor:product:version:update, as far as it goes; NULL: it has none */
    /* What such a server says, and the version and CPE that follow: tested. */
    const char *example;
    const char *example_version; /* NULL: none */
    const char *example_cpe;     /* NULL: none */
};

/* In the order in which they are tried: the first of its service that matches decides. Lives for ever. */
const struct rule *rules_table(size_t *ret_count);

struct rules;

/* Compiles the table. -errno with *problem. The caller owns the result: rules_destroy(). */
MUST_USE int rules_create(struct rules **ret_rules, struct problem *problem);
void rules_destroy(struct rules *rules);

/* Adds the facts product, version, os and cpe, where a rule knows them. A text that takes more work than a banner is
 * worth matches nothing. */
void rules_apply(const struct rules *rules, struct facts *facts);

#endif
