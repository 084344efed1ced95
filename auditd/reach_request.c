#include "auditd/reach_request.h"

#include "auditd/cloud/aws.h"
#include "auditd/cloud/snapshot.h"
#include "auditd/protocol.h"
#include "auditd/reach/change.h"
#include "auditd/reach/flaw.h"
#include "auditd/reach_asking.h"
#include "auditd/reach_print.h"
#include "auditd/store/cloud.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A row tells of so many prefixes of its sources, an answer of so many rows. */
enum { DESK_SOURCES_MOST = 64, DESK_ROWS_MOST = 500, DESK_REASON_SIZE = 400 };

struct reach_desk {
    char *name;    /* of the cloud that is kept; NULL: none is */
    int64_t at_ms; /* the moment at which it stood so */
    struct reach_model model;
    struct reach_engine *engine;
    struct reach_surface *surface;
};

enum desk_word { DESK_ASK, DESK_SURFACE, DESK_WHAT_IF, DESK_FLAWS };

struct desk_question {
    const json_t *request;
    enum desk_word word;
    const char *inventory; /* NULL: the only one */
    int64_t at_ms;         /* 0: now */
    char reason[DESK_REASON_SIZE];
};

static void desk_forget(struct reach_desk *desk)
{
    reach_surface_destroy(desk->surface);
    reach_engine_destroy(desk->engine);
    reach_model_done(&desk->model);
    free(desk->name);
    *desk = (struct reach_desk){0};
}

struct reach_desk *reach_desk_create(void)
{
    return calloc(1, sizeof(struct reach_desk));
}

void reach_desk_destroy(struct reach_desk *desk)
{
    if (desk != NULL) {
        desk_forget(desk);
        free(desk);
    }
}

/* ---- the cloud ---- */

static int take_list(void *context, const char *document, const char *list, bool whole, const json_t *records)
{
    return cloud_snapshot_take(context, document, list, whole, records);
}

/* The model and all that the internet reaches in it. Takes `name`. */
static int desk_make(struct reach_desk *desk, struct aws *aws, char *name, int64_t at_ms, char *reason)
{
    struct aws_fault fault = {""};
    int rc = aws_model(aws, &desk->model, &fault);

    desk->name = name;
    desk->at_ms = at_ms;
    desk->engine = rc == 0 ? reach_engine_create(&desk->model) : NULL;
    if (rc == 0) {
        rc = desk->engine == NULL ? -ENOMEM : reach_surface_create(desk->engine, &desk->surface);
    }
    if (rc < 0) {
        snprintf(reason, DESK_REASON_SIZE, "%.380s", fault.text[0] != '\0' ? fault.text : "out of memory");
        desk_forget(desk);
    }
    return rc;
}

/* Takes `name`. */
static int desk_read(struct reach_desk *desk, struct store *store, char *name, struct desk_question *question)
{
    struct aws *aws = aws_create();
    int rc = aws == NULL ? -ENOMEM : store_cloud_load(store, name, question->at_ms, take_list, aws);

    desk_forget(desk);
    if (rc == -ENOENT) {
        snprintf(question->reason, sizeof(question->reason), "nothing was stored of the cloud \"%.100s\" then", name);
    } else if (rc < 0) {
        snprintf(question->reason, sizeof(question->reason), "%.300s", store_last_error(store)->text);
    }
    if (rc < 0) {
        free(name);
    } else {
        rc = desk_make(desk, aws, name, question->at_ms, question->reason);
    }
    aws_destroy(aws);
    return rc;
}

static int find_name(struct store *store, struct desk_question *question, char **ret_name)
{
    char *name = NULL;
    int rc = 0;

    if (question->inventory != NULL) {
        name = strdup(question->inventory);
        rc = name == NULL ? -ENOMEM : 0;
    } else {
        rc = store_cloud_only(store, &name);
    }
    if (rc == 0 && name == NULL) {
        snprintf(question->reason, sizeof(question->reason),
                 "no cloud is stored, or several are: say by \"inventory\" which is meant");
        return -ENOENT;
    }
    *ret_name = name;
    return rc;
}

/* Now is the last moment at which it was read: until the next one nothing else is known, so that pages of one list,
 * which name that moment, are of one cloud. */
static int desk_prepare(struct reach_desk *desk, struct store *store, struct desk_question *question)
{
    char *name = NULL;
    int64_t read_at = 0;
    int rc = find_name(store, question, &name);

    if (rc == 0 && question->at_ms == 0) {
        rc = store_query_int(store, &read_at, "SELECT read_at FROM cloud_source WHERE name = ?", "t", name);
        question->at_ms = read_at;
    }
    if (rc == -ENOENT && name != NULL) {
        snprintf(question->reason, sizeof(question->reason), "no cloud \"%.100s\" is stored", name);
    }
    if (rc < 0 || (desk->name != NULL && strcmp(desk->name, name) == 0 && desk->at_ms == question->at_ms)) {
        free(name);
        return rc;
    }
    return desk_read(desk, store, name, question);
}

/* ---- answers ---- */

struct desk_rows {
    const struct reach_desk *desk;
    json_t *list;
    size_t seen;
    size_t after; /* rows before these are passed over */
    size_t most;
};

/* Whether the next row is on the page. */
static bool rows_take(struct desk_rows *rows)
{
    size_t at = rows->seen++;

    return at >= rows->after && json_array_size(rows->list) < rows->most;
}

static int take_row(void *context, const struct reach_goal *goal, const struct reach_row *row,
                    const struct reach_proof *proof)
{
    struct desk_rows *rows = context;
    json_t *item;

    if (!rows_take(rows)) {
        return 0;
    }
    item = reach_row_json(&rows->desk->model, row, goal == NULL ? "world" : goal->from_text, proof, DESK_SOURCES_MOST);
    return item == NULL || json_array_append_new(rows->list, item) < 0 ? -ENOMEM : 0;
}

static int ask_one(struct reach_desk *desk, struct desk_question *question, struct desk_rows *rows)
{
    const char *to = json_string_value(json_object_get(question->request, "to"));
    const char *from = json_string_value(json_object_get(question->request, "from"));
    struct reach_goal goal;
    int rc = reach_goal_parse(&desk->model, to == NULL ? "" : to, from, &goal, question->reason);

    if (rc == 0) {
        rc = reach_asking(desk->engine, desk->surface, &goal, take_row, rows);
        reach_goal_done(&goal);
    }
    return rc;
}

static int take_rows(struct desk_rows *rows, const struct reach_rows *all)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < all->count; i++) {
        rc = take_row(rows, NULL, &all->items[i], NULL);
    }
    return rc;
}

/* Directly by interface, then by way of balancers. */
static int ask_surface(const struct reach_desk *desk, struct desk_rows *rows)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < desk->model.enis.count; i++) {
        rc = take_rows(rows, reach_surface_direct(desk->surface, i));
    }
    for (uint32_t i = 0; rc == 0 && i < desk->model.balancers.count; i++) {
        rc = take_rows(rows, reach_surface_through(desk->surface, i));
    }
    return rc;
}

struct desk_flaws {
    struct desk_rows *rows;
    const char *network; /* NULL: of all */
    const json_t *kinds; /* NULL: each */
};

static bool flaws_want(const struct desk_flaws *flaws, const char *network, const char *kind)
{
    size_t index;
    json_t *wanted;

    if (flaws->network != NULL && strcmp(network, flaws->network) != 0) {
        return false;
    }
    json_array_foreach(flaws->kinds, index, wanted)
    {
        if (json_is_string(wanted) && strcmp(json_string_value(wanted), kind) == 0) {
            return true;
        }
    }
    return flaws->kinds == NULL;
}

static int take_flaw(void *context, const struct reach_flaw *flaw)
{
    const struct desk_flaws *flaws = context;
    const struct reach_model *model = &flaws->rows->desk->model;
    json_t *item;

    if (!flaws_want(flaws, model->vpcs.items[flaw->vpc].id, reach_flaw_name(flaw->kind)) || !rows_take(flaws->rows)) {
        return 0;
    }
    item = reach_flaw_json(model, flaw);
    return item == NULL || json_array_append_new(flaws->rows->list, item) < 0 ? -ENOMEM : 0;
}

static int ask_rows(struct reach_desk *desk, struct desk_question *question, struct desk_rows *rows)
{
    struct desk_flaws flaws = {.rows = rows,
                               .network = json_string_value(json_object_get(question->request, "network")),
                               .kinds = json_object_get(question->request, "kinds")};

    switch (question->word) {
    case DESK_SURFACE:
        return ask_surface(desk, rows);
    case DESK_FLAWS:
        return reach_flaws(&desk->model, take_flaw, &flaws);
    case DESK_ASK:
    case DESK_WHAT_IF:
        break;
    }
    return ask_one(desk, question, rows);
}

/* The kinds of flaws that are not told, for what they depend on was not read to its end. */
static json_t *desk_untold(const struct reach_desk *desk)
{
    json_t *kinds = json_array();

    for (int kind = 0; kind < REACH_FLAW_KINDS; kind++) {
        if (!reach_flaw_is_known(&desk->model, (enum reach_flaw_kind)kind)) {
            json_array_append_new(kinds, json_string(reach_flaw_name((enum reach_flaw_kind)kind)));
        }
    }
    return kinds;
}

static int number_of(const json_t *request, const char *name, int64_t otherwise, int64_t *ret_number)
{
    const json_t *value = json_object_get(request, name);

    if (value != NULL && (!json_is_integer(value) || json_integer_value(value) < 0)) {
        return -EINVAL;
    }
    *ret_number = value == NULL ? otherwise : json_integer_value(value);
    return 0;
}

static int desk_ask(struct reach_desk *desk, struct store *store, struct desk_question *question, json_t **ret_answer)
{
    struct desk_rows rows = {.desk = desk, .list = json_array()};
    int64_t after = 0;
    int64_t most = DESK_ROWS_MOST;
    int rc = number_of(question->request, "after", 0, &after);

    rc = rc == 0 ? number_of(question->request, "limit", DESK_ROWS_MOST, &most) : rc;
    if (rc < 0) {
        snprintf(question->reason, sizeof(question->reason), "\"after\" and \"limit\" are whole numbers");
        json_decref(rows.list);
        return rc;
    }
    rows.after = (size_t)after;
    rows.most = most < DESK_ROWS_MOST ? (size_t)most : DESK_ROWS_MOST;
    rc = desk_prepare(desk, store, question);
    if (rc == 0) {
        rc = ask_rows(desk, question, &rows);
    }
    if (rc == 0) {
        *ret_answer = json_pack("{s:b, s:s, s:I, s:O, s:I}", "ok", 1, "inventory", desk->name, "at",
                                (json_int_t)desk->at_ms, "rows", rows.list, "row_count", (json_int_t)rows.seen);
        rc = *ret_answer == NULL ? -ENOMEM : 0;
    }
    if (rc == 0 && question->word == DESK_FLAWS) {
        json_object_set_new(*ret_answer, "untold", desk_untold(desk));
    }
    json_decref(rows.list);
    return rc;
}

/* ---- what a change would do ---- */

struct desk_change {
    const struct reach_goal *goal;
    struct desk_rows opens;
    struct desk_rows closes;
};

static int take_changed(void *context, bool opens, const struct reach_row *row)
{
    struct desk_change *change = context;

    struct desk_rows *rows = opens ? &change->opens : &change->closes;
    struct reach_proof proof;
    int rc = -ENOENT;

    if (!reach_asking_wants(change->goal, row)) {
        return 0;
    }
    if (json_array_size(rows->list) < rows->most) {
        rc = reach_change_prove(rows->desk->engine, row, &proof);
    }
    return rc == -ENOMEM ? rc : take_row(rows, NULL, row, rc == 0 ? &proof : NULL);
}

/* The cloud of the desk with the change's records in place of those with their ids. */
static int desk_change_cloud(const struct reach_desk *desk, struct store *store, struct desk_question *question,
                             struct reach_desk *ret_changed)
{
    json_t *change = json_object_get(question->request, "change");
    struct aws *aws = aws_create();
    char *name = strdup(desk->name);
    int rc = aws == NULL || name == NULL ? -ENOMEM : aws_take(aws, "", change);

    if (rc == -ENOENT || rc == -ENODATA) {
        snprintf(question->reason, sizeof(question->reason),
                 "\"change\" holds nothing that `aws ec2 describe-security-groups` or describe-network-acls prints");
        rc = -EINVAL;
    }
    rc = rc == 0 ? store_cloud_load(store, name, desk->at_ms, take_list, aws) : rc;
    if (rc < 0) {
        free(name);
    } else {
        rc = desk_make(ret_changed, aws, name, desk->at_ms, question->reason);
        rc = rc == -EBADMSG ? -EINVAL : rc;
    }
    aws_destroy(aws);
    if (rc == 0 && !reach_change_is_of_rules(&desk->model, &ret_changed->model)) {
        snprintf(question->reason, sizeof(question->reason),
                 "\"change\" may change security groups and network ACLs only");
        rc = -EINVAL;
    }
    return rc;
}

static int desk_tell_change(const struct reach_desk *desk, const struct reach_desk *changed,
                            const struct reach_goal *goal, json_t **ret_answer)
{
    const struct reach_change_side sides[] = {{&desk->model, desk->surface}, {&changed->model, changed->surface}};
    struct desk_change change = {.goal = goal,
                                 .opens = {.desk = changed, .list = json_array(), .most = DESK_ROWS_MOST},
                                 .closes = {.desk = desk, .list = json_array(), .most = DESK_ROWS_MOST}};
    int rc = reach_change_tell(&sides[0], &sides[1], take_changed, &change);

    if (rc == 0) {
        *ret_answer =
            json_pack("{s:b, s:s, s:I, s:O, s:I, s:O, s:I}", "ok", 1, "inventory", desk->name, "at",
                      (json_int_t)desk->at_ms, "opens", change.opens.list, "open_count", (json_int_t)change.opens.seen,
                      "closes", change.closes.list, "close_count", (json_int_t)change.closes.seen);
        rc = *ret_answer == NULL ? -ENOMEM : 0;
    }
    json_decref(change.opens.list);
    json_decref(change.closes.list);
    return rc;
}

static int desk_what_if(struct reach_desk *desk, struct store *store, struct desk_question *question,
                        json_t **ret_answer)
{
    const char *to = json_string_value(json_object_get(question->request, "to"));
    struct reach_desk changed = {0};
    struct reach_goal goal = {.to_count = 0};
    int rc = desk_prepare(desk, store, question);

    rc = rc == 0 && to != NULL ? reach_goal_parse(&desk->model, to, NULL, &goal, question->reason) : rc;
    if (rc == 0) {
        rc = desk_change_cloud(desk, store, question, &changed);
        rc = rc == 0 ? desk_tell_change(desk, &changed, &goal, ret_answer) : rc;
        desk_forget(&changed);
    }
    reach_goal_done(&goal);
    return rc;
}

/* ---- requests ---- */

static int desk_read_word(struct desk_question *question)
{
    static const char *const words[] = {CONTROL_REACH_ASK, CONTROL_REACH_SURFACE, CONTROL_REACH_WHAT_IF,
                                        CONTROL_REACH_FLAWS};
    const char *word = json_string_value(json_object_get(question->request, "do"));
    bool is_there = json_is_object(json_object_get(question->request, "change"));

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (word != NULL && strcmp(words[i], word) == 0 && (i != DESK_WHAT_IF || is_there)) {
            question->word = (enum desk_word)i;
            return number_of(question->request, "at", 0, &question->at_ms);
        }
    }
    snprintf(
        question->reason, sizeof(question->reason),
        "a question is \"ask\", \"surface\", \"flaws\" or, with a \"change\", \"what-if\"; \"at\" is a whole number");
    return -EINVAL;
}

void reach_desk_request(struct reach_desk *desk, const char *db, struct control_client *client, const json_t *request)
{
    struct desk_question question = {.request = request,
                                     .inventory = json_string_value(json_object_get(request, "inventory"))};
    struct store_error error = {.text = ""};
    struct store *store = NULL;
    json_t *answer = NULL;
    int rc = desk_read_word(&question);

    rc = rc == 0 ? store_open_read_only(db, &store, &error) : rc;
    if (rc == 0) {
        rc = question.word == DESK_WHAT_IF ? desk_what_if(desk, store, &question, &answer)
                                           : desk_ask(desk, store, &question, &answer);
    }
    store_close(store);
    if (rc == 0) {
        control_send(client, answer);
    } else {
        control_refuse_for(client, rc, "%.400s",
                           question.reason[0] != '\0' ? question.reason
                           : error.text[0] != '\0'    ? error.text
                           : rc == -ENOMEM            ? "out of memory"
                                                      : "that cannot be asked");
    }
}
