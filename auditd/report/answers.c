#include "auditd/report/answers.h"

#include "lib/clock.h"
#include "lib/fact.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const answer_facts[ANSWER_TEXTS] = {
    [ANSWER_SERVICE] = "service",
    [ANSWER_PRODUCT] = "product",
    [ANSWER_VERSION] = "version",
    [ANSWER_AUTH] = "auth",
    [ANSWER_TLS] = "tls",
    [ANSWER_CLEARTEXT] = "cleartext",
    [ANSWER_TLS_VERSION] = "tls.version",
    [ANSWER_BEHAVIOUR] = "behaviour",
};

struct answers_gathering {
    struct report_answers *answers;
    void *tree; /* of items[]; each is allocated by itself until all are there */
    struct report_answer **items;
    size_t room;
};

static void answer_free(struct report_answer *answer)
{
    for (size_t i = 0; i < ANSWER_TEXTS; i++) {
        free(answer->texts[i]);
    }
}

static struct report_answer *answer_create(const struct store_endpoint *endpoint)
{
    struct report_answer *answer = calloc(1, sizeof(*answer));
    bool failed = answer == NULL;

    for (size_t i = 0; !failed && i < ANSWER_TEXTS; i++) {
        const char *value = store_endpoint_fact(endpoint, answer_facts[i]);
        answer->texts[i] = strdup(value == NULL ? "" : value);
        failed = answer->texts[i] == NULL;
    }
    if (failed && answer != NULL) {
        answer_free(answer);
        free(answer);
        answer = NULL;
    }
    return answer;
}

static int answer_compare_texts(const void *left, const void *right)
{
    const struct report_answer *a = left;
    const struct report_answer *b = right;
    int order = 0;

    for (size_t i = 0; order == 0 && i < ANSWER_TEXTS; i++) {
        order = strcmp(a->texts[i], b->texts[i]);
    }
    return order;
}

static int answers_keep(struct answers_gathering *gathering, struct report_answer *answer)
{
    struct report_answers *answers = gathering->answers;

    if (answers->count == gathering->room) {
        size_t room = gathering->room == 0 ? 64 : gathering->room * 2;
        struct report_answer **items = reallocarray(gathering->items, room, sizeof(struct report_answer *));
        if (items == NULL) {
            return -ENOMEM;
        }
        gathering->items = items;
        gathering->room = room;
    }
    gathering->items[answers->count++] = answer;
    return 0;
}

/* The one that is alike, or this, which is then the gathering's. Takes `answer`; NULL when out of memory. */
static struct report_answer *answers_fold(struct answers_gathering *gathering, struct report_answer *answer)
{
    struct report_answer **found = tsearch(answer, &gathering->tree, answer_compare_texts);

    if (found != NULL && *found == answer) {
        if (answers_keep(gathering, answer) == 0) {
            return answer;
        }
        tdelete(answer, &gathering->tree, answer_compare_texts);
        found = NULL;
    }
    answer_free(answer);
    free(answer);
    return found == NULL ? NULL : *found;
}

/* Of a host of which every port accepts the port says nothing. */
static void answer_place(struct report_answer *answer, const struct store_endpoint *endpoint)
{
    bool is_realm_said = strcmp(endpoint->realm, "default") != 0;
    char port[24] = "";

    if (strcmp(answer->texts[ANSWER_BEHAVIOUR], "every-port") != 0) {
        snprintf(port, sizeof(port), " %" PRId64 "/%.8s", endpoint->port, endpoint->proto);
    }
    snprintf(answer->places[answer->count], ANSWER_PLACE_SIZE, "%.64s%s%s%.100s", endpoint->address, port,
             is_realm_said ? " in " : "", is_realm_said ? endpoint->realm : "");
}

static int answers_take(void *context, const struct store_endpoint *endpoint)
{
    struct answers_gathering *gathering = context;
    const char *end = store_endpoint_fact(endpoint, "cert.not_after");
    struct report_answer *answer;
    int64_t end_ms;

    if (!endpoint->was_asked) {
        gathering->answers->unasked++;
        return 0;
    }
    gathering->answers->asked++;
    answer = answer_create(endpoint);
    answer = answer == NULL ? NULL : answers_fold(gathering, answer);
    if (answer == NULL) {
        return -ENOMEM;
    }
    if (end != NULL && wall_parse(end, &end_ms) == 0 &&
        (answer->certificate_end == 0 || end_ms < answer->certificate_end)) {
        answer->certificate_end = end_ms;
    }
    if (answer->count < ANSWER_PLACES_NAMED) {
        answer_place(answer, endpoint);
    }
    answer->count++;
    return 0;
}

static bool answer_is_door(const struct report_answer *answer)
{
    return strcmp(answer->texts[ANSWER_AUTH], "none") == 0;
}

/* What is not known comes after all that is. */
static int answer_compare_end(int64_t a, int64_t b)
{
    if (a == b) {
        return 0;
    }
    return b == 0 || (a != 0 && a < b) ? -1 : 1;
}

static int answer_compare_tls(const struct report_answer *a, const struct report_answer *b)
{
    const char *left = a->texts[ANSWER_TLS_VERSION];
    const char *right = b->texts[ANSWER_TLS_VERSION];

    if (left[0] == '\0' || right[0] == '\0') {
        return (left[0] == '\0') - (right[0] == '\0');
    }
    return fact_compare_versions(left, right);
}

static int answer_compare_worst(const void *left, const void *right)
{
    const struct report_answer *a = left;
    const struct report_answer *b = right;
    int order = answer_is_door(b) - answer_is_door(a);

    order = order != 0 ? order : answer_compare_end(a->certificate_end, b->certificate_end);
    order = order != 0 ? order : answer_compare_tls(a, b);
    if (order == 0 && a->count != b->count) {
        order = a->count > b->count ? -1 : 1;
    }
    return order != 0 ? order : answer_compare_texts(a, b);
}

/* Moves the items into one array and frees what held them. */
static int answers_collect(struct answers_gathering *gathering)
{
    struct report_answers *answers = gathering->answers;

    answers->items = calloc(answers->count + 1, sizeof(*answers->items));
    for (size_t i = 0; i < answers->count; i++) {
        if (answers->items == NULL) {
            answer_free(gathering->items[i]);
        } else {
            answers->items[i] = *gathering->items[i];
        }
        free(gathering->items[i]);
    }
    if (answers->items == NULL) {
        answers->count = 0;
        return -ENOMEM;
    }
    qsort(answers->items, answers->count, sizeof(*answers->items), answer_compare_worst);
    return 0;
}

static void answers_leave(void *item)
{
    (void)item;
}

int report_answers_read(struct store_reader *reader, struct report_answers *ret_answers)
{
    static const char *const open[] = {"open"};
    const struct store_endpoint_filter filter = {.states = {open, 1}, .with_facts = true};
    struct report_answers answers = {0};
    struct answers_gathering gathering = {.answers = &answers};
    int rc = store_read_endpoints(reader, &filter, answers_take, &gathering);
    int collected;

    tdestroy(gathering.tree, answers_leave);
    collected = answers_collect(&gathering);
    free(gathering.items);
    rc = rc == 0 ? collected : rc;
    if (rc != 0) {
        report_answers_done(&answers);
        return rc;
    }
    *ret_answers = answers;
    return 0;
}

void report_answers_done(struct report_answers *answers)
{
    for (size_t i = 0; i < answers->count; i++) {
        answer_free(&answers->items[i]);
    }
    free(answers->items);
    *answers = (struct report_answers){0};
}
