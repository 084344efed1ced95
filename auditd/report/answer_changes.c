#include "auditd/report/answer_changes.h"

#include "auditd/report/data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENDPOINT_SIZE = REPORT_PLACE_SIZE + 24, VALUE_MAX = 60 };

struct answer_changing {
    struct report_answer_changes *changes;
    char endpoint[ENDPOINT_SIZE]; /* the last one: all of its facts change at one moment, so that they come together */
};

/* A fingerprint says nothing to people but that it is another. */
static int change_phrase(const struct store_service_change *change, char **ret_phrase)
{
    const char *what = store_service_change_what(change);
    int length;

    if (strcmp(change->fact, "cert.sha256") == 0) {
        length = asprintf(ret_phrase, "%s", what);
    } else if (change->was[0] == '\0') {
        length = asprintf(ret_phrase, "%s to %.*s", what, VALUE_MAX, change->became);
    } else if (change->became[0] == '\0') {
        length = asprintf(ret_phrase, "%s: no longer %.*s", what, VALUE_MAX, change->was);
    } else {
        length = asprintf(ret_phrase, "%s from %.*s to %.*s", what, VALUE_MAX, change->was, VALUE_MAX, change->became);
    }
    return length < 0 ? -ENOMEM : 0;
}

static int changes_begin(struct report_answer_changes *changes, const char *endpoint, const char *phrase)
{
    char **lines;

    changes->endpoints++;
    if (changes->count == ANSWER_CHANGES_MAX) {
        return 0;
    }
    lines = reallocarray(changes->lines, changes->count + 1, sizeof(char *));
    if (lines == NULL) {
        return -ENOMEM;
    }
    changes->lines = lines;
    if (asprintf(&lines[changes->count], "%s: %s", endpoint, phrase) < 0) {
        return -ENOMEM;
    }
    changes->count++;
    return 0;
}

static int changes_go_on(struct report_answer_changes *changes, const char *phrase)
{
    char **last = &changes->lines[changes->count - 1];
    char *longer;

    if (changes->endpoints > changes->count) {
        return 0;
    }
    if (asprintf(&longer, "%s, %s", *last, phrase) < 0) {
        return -ENOMEM;
    }
    free(*last);
    *last = longer;
    return 0;
}

static int changes_take(void *context, const struct store_service_change *change)
{
    struct answer_changing *changing = context;
    char place[REPORT_PLACE_SIZE];
    char endpoint[ENDPOINT_SIZE];
    char *phrase;
    int rc = change_phrase(change, &phrase);

    if (rc < 0) {
        return rc;
    }
    report_place(change->address, change->name, change->realm, place);
    snprintf(endpoint, sizeof(endpoint), "%" PRId64 "/%.8s at %s", change->port, change->proto, place);
    if (changing->changes->endpoints > 0 && strcmp(endpoint, changing->endpoint) == 0) {
        rc = changes_go_on(changing->changes, phrase);
    } else {
        rc = changes_begin(changing->changes, endpoint, phrase);
        memcpy(changing->endpoint, endpoint, sizeof(endpoint));
    }
    free(phrase);
    return rc;
}

int report_answer_changes_read(struct store_reader *reader, int64_t since, struct report_answer_changes *ret_changes)
{
    const struct store_service_change_filter filter = {
        .since = since, .page = {.sort = STORE_SERVICE_CHANGE_BY_TIME, .is_descending = true}};
    struct report_answer_changes changes = {0};
    struct answer_changing changing = {.changes = &changes};
    int rc = store_read_service_changes(reader, &filter, changes_take, &changing);

    if (rc != 0) {
        report_answer_changes_done(&changes);
        return rc;
    }
    *ret_changes = changes;
    return 0;
}

void report_answer_changes_done(struct report_answer_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->lines[i]);
    }
    free(changes->lines);
    *changes = (struct report_answer_changes){0};
}
