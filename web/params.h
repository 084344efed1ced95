/* Query parameters into a list's filter, by a table: names, kinds, choices, orders. An unknown name, a name given
 * twice, an empty or a wrong value is a 400 that says where and what would be right. */
#ifndef LEASTPORT_WEB_PARAMS_H
#define LEASTPORT_WEB_PARAMS_H

#include "auditd/store/read.h"
#include "web/cursor.h"
#include "web/problem.h"
#include "web/uri.h"

enum param_kind {
    PARAM_TEXTS,    /* struct store_texts: comma means or */
    PARAM_CHOICES,  /* struct store_texts, each one of `choices` */
    PARAM_PORTS,    /* struct store_numbers */
    PARAM_SEVERITY, /* int, 1 low … 4 critical */
    PARAM_TIME,     /* int64_t, milliseconds: RFC 3339 */
    PARAM_FLAG,     /* bool: true or false */
    PARAM_TEXT,     /* const char * */
};

struct param {
    const char *name;
    enum param_kind kind;
    size_t offset;              /* in the filter */
    const char *const *choices; /* ends with NULL */
};

struct param_table {
    const char *resource; /* for the cursor: no two lists share it */
    const struct param *params;
    size_t param_count;
    size_t page_offset;       /* of the filter's struct store_page */
    const char *const *sorts; /* NULL-terminated, by the values of the list's enum; NULL where there is none */
    int sort;
    bool is_descending;
    const char *const *groups; /* NULL-terminated; NULL: no group_by */
};

enum { PARAMS_MAX_TEXTS = 128, PARAMS_MAX_NUMBERS = 128, PARAMS_MAX_GROUPS = 11, PARAMS_LIMIT = 100 };
enum { PARAMS_LIMIT_MAX = 500 };

/* What the filter borrows from, and what is not part of it. */
struct params {
    const char *texts[PARAMS_MAX_TEXTS];
    size_t text_count;
    int64_t numbers[PARAMS_MAX_NUMBERS];
    size_t number_count;
    uint32_t limit;
    int groups[PARAMS_MAX_GROUPS]; /* indices of the table's groups */
    size_t group_count;
    struct cursor_binding binding;
};

/* Splits the uri's values in place. False with the problem set. On success the filter's page asks for one row more
 * than `limit`, so that the list knows whether it goes on. The filter borrows from `params` and `uri`. */
bool params_parse(const struct param_table *table, struct uri *uri, void *filter, struct params *params,
                  struct problem *problem);

/* Of what is answered whole: false with the problem set, which begins with `why`, when a page of it is asked for. */
bool params_has_no_page(const struct uri *uri, const char *why, struct problem *problem);

#endif
