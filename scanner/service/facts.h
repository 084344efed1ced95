/* What is known of one endpoint: values of the facts that lib/fact.h names. Bounded, whatever a server says. Pure. */
#ifndef LEASTPORT_SCANNER_SERVICE_FACTS_H
#define LEASTPORT_SCANNER_SERVICE_FACTS_H

#include "lib/fact.h"
#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FACTS_MAX = 40, FACTS_TEXT_MAX = 512, FACTS_TEXTS_SIZE = 6144 };

struct fact {
    const struct fact_kind *kind;
    union {
        const char *text; /* FACT_TEXT, FACT_VERSION: UTF-8, at most FACTS_TEXT_MAX bytes */
        int64_t number;   /* FACT_NUMBER, FACT_TIME */
        bool truth;       /* FACT_TRUTH */
    };
};

/* Zeroed before the first use; holds no memory of others and points into itself: it must not be copied by assignment
 * (facts_copy()). Ascending by name. */
struct facts {
    struct fact items[FACTS_MAX];
    size_t count;
    char texts[FACTS_TEXTS_SIZE];
    size_t texts_used;
};

void facts_clear(struct facts *facts);
void facts_copy(struct facts *facts, const struct facts *from);

/* `name` is one of lib/fact.h's and of that type. A later value takes an earlier one's place; what finds no room is
 * left out. Bytes of text that are no UTF-8, control characters and the backslash before an "x" are escaped (\xHH);
 * text is cut at FACTS_TEXT_MAX; empty text is no fact. */
void facts_set_text(struct facts *facts, const char *name, struct span text);
void facts_set_string(struct facts *facts, const char *name, const char *text);
void facts_set_number(struct facts *facts, const char *name, int64_t number);
void facts_set_truth(struct facts *facts, const char *name, bool truth);
void facts_remove(struct facts *facts, const char *name);

/* NULL when it is not known. Borrowed until the next change. */
const struct fact *facts_find(const struct facts *facts, const char *name);
/* The value, or NULL. */
const char *facts_text(const struct facts *facts, const char *name);
/* The value, or `otherwise`. */
int64_t facts_number(const struct facts *facts, const char *name, int64_t otherwise);
bool facts_truth(const struct facts *facts, const char *name, bool otherwise);

/* Takes every fact of `from` over. */
void facts_merge(struct facts *facts, const struct facts *from);

#endif
