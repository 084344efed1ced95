#include "auditd/aws/inventory.h"

#include "auditd/aws/task.h"
#include "lib/clock.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT_MAX = 8, REGIONS_MAX = 128, BODY_SIZE = 16384 };

struct inventory {
    struct session *session;
    struct wire *wire;
    const struct inventory_options *options;
    struct inventory_sum sum;
    char account[13];
    char regions[REGIONS_MAX][32];
    size_t region_count;
    json_t *gaps;
    struct task *waiting; /* in the order in which they are asked */
    struct task **waiting_end;
    struct mono_time begun;
    unsigned attempts_max;
    bool keys_old; /* no request until there are new ones */
    bool keys_dead;
    char keys_reason[TASK_REASON_SIZE];
    int rc;
};

/* What a request's end needs to know. */
struct flight {
    struct inventory *inventory;
    struct task *task;
};

struct inventory_options inventory_options_default(void)
{
    return (struct inventory_options){.request_ms = 60000, .deadline_ms = 900000, .pages_max = 1000};
}

static uint64_t elapsed_ms(const struct inventory *inventory)
{
    return mono_elapsed_ns(inventory->begun, mono_now()) / 1000000;
}

static void inventory_fail(struct inventory *inventory, int rc)
{
    inventory->rc = inventory->rc == 0 ? rc : inventory->rc;
}

static void push(struct inventory *inventory, struct task *task)
{
    if (task == NULL) {
        inventory_fail(inventory, -ENOMEM);
        return;
    }
    task->next = NULL;
    *inventory->waiting_end = task;
    inventory->waiting_end = &task->next;
}

/* The first that may be asked now; NULL. */
static struct task *pop(struct inventory *inventory)
{
    uint64_t now = elapsed_ms(inventory);

    for (struct task **at = &inventory->waiting; *at != NULL; at = &(*at)->next) {
        struct task *task = *at;
        if (task->not_before_ms > now) {
            continue;
        }
        *at = task->next;
        if (inventory->waiting_end == &task->next) {
            inventory->waiting_end = at;
        }
        return task;
    }
    return NULL;
}

/* ---- what was read, and what was not ---- */

static void add_gap(struct inventory *inventory, const struct task *task)
{
    json_t *gap =
        json_pack("{s:s, s:s, s:o, s:s, s:s, s:s}", "Account", inventory->account, "Region", task->region, "Action",
                  json_sprintf("%s:%s", call_service_of(task->call->service)->policy, task->call->action), "List",
                  task->call->list, "Of", task->of, "Reason", task->reason);

    inventory->sum.gaps++;
    if (gap == NULL || json_array_append_new(inventory->gaps, gap) < 0) {
        inventory_fail(inventory, -ENOMEM);
    }
}

/* "describe-vpcs.123456789012.eu-west-1.json"; of what is about one thing
 * "123456789012.eu-west-1.target-health.NAME.json".
 */
static void document_name(const struct inventory *inventory, const struct task *task, char name[512])
{
    if (task->call->each == CALL_ONCE || task->call->each == CALL_EACH_LISTENER) {
        const char *tail = strrchr(task->of, '/');
        snprintf(name, 512, "%s.%s.%s%s%.100s.json", task->call->file, inventory->account, task->region,
                 tail == NULL ? "" : ".", tail == NULL ? "" : tail + 1);
    } else {
        snprintf(name, 512, "%s.%s.%s.%.200s.json", inventory->account, task->region, task->call->file, task->name);
    }
}

static void give(struct inventory *inventory, const struct task *task)
{
    json_t *of = json_pack("{s:s, s:s}", "Account", inventory->account, "Region", task->region);
    json_t *document = json_pack("{s:O}", task->call->list, task->records);
    char name[512];
    int rc = of == NULL || document == NULL ? -ENOMEM : 0;

    if (rc == 0 && task->of[0] != '\0' && json_object_set_new(of, "Of", json_string(task->of)) < 0) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        document_name(inventory, task, name);
        rc = json_object_set(document, "LeastportOf", of) < 0
                 ? -ENOMEM
                 : inventory->options->take(inventory->options->context, name, document);
    }
    inventory->sum.documents++;
    inventory->sum.records += json_is_array(task->records) ? json_array_size(task->records) : 1;
    json_decref(of);
    json_decref(document);
    if (rc < 0) {
        inventory_fail(inventory, rc);
    }
}

/* ---- calls for each record ---- */

static void push_each(struct inventory *inventory, const struct task *task, enum call_each each, const char *id,
                      const char *name)
{
    for (size_t i = 0; id != NULL && i < call_count; i++) {
        if (call_table[i].each == each) {
            push(inventory, task_create(&call_table[i], task->region, id, name));
        }
    }
}

/* What is asked for each record of a list. */
static void push_children(struct inventory *inventory, const struct task *task)
{
    static const struct {
        const char *list, *id, *name;
        enum call_each each;
    } parents[] = {
        {"LoadBalancers", "LoadBalancerArn", "LoadBalancerName", CALL_EACH_BALANCER},
        {"TargetGroups", "TargetGroupArn", "TargetGroupName", CALL_EACH_TARGETS},
        {"ManagedPrefixLists", "PrefixListId", "PrefixListId", CALL_EACH_LIST},
        {"Listeners", "ListenerArn", NULL, CALL_EACH_LISTENER},
    };

    for (size_t i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
        for (size_t j = 0; strcmp(task->call->list, parents[i].list) == 0 && j < json_array_size(task->records); j++) {
            json_t *record = json_array_get(task->records, j);
            const char *id = json_string_value(json_object_get(record, parents[i].id));
            const char *name =
                parents[i].name == NULL ? NULL : json_string_value(json_object_get(record, parents[i].name));
            /* Only an Application Load Balancer's listeners have rules. */
            bool has = parents[i].each != CALL_EACH_LISTENER || (id != NULL && strstr(id, ":listener/app/") != NULL);
            if (has) {
                push_each(inventory, task, parents[i].each, id, name);
            }
        }
    }
}

/* ---- the course of a task ---- */

/* What was read counts all the same; it is said that it is not all. */
static void task_end(struct inventory *inventory, struct task *task, bool is_whole)
{
    if (!is_whole) {
        add_gap(inventory, task);
    }
    if (task->records != NULL) {
        give(inventory, task);
        push_children(inventory, task);
    }
    task_destroy(task);
}

static void task_again(struct inventory *inventory, struct task *task)
{
    if (++task->attempts >= inventory->attempts_max) {
        task_end(inventory, task, false);
        return;
    }
    task->not_before_ms = elapsed_ms(inventory) + task_backoff_ms(task->attempts, randombytes_random());
    push(inventory, task);
}

static void task_renew(struct inventory *inventory, struct task *task)
{
    if (task->renewed) {
        task_end(inventory, task, false);
        return;
    }
    task->renewed = true;
    inventory->keys_old = true;
    push(inventory, task);
}

static void on_answer(void *context, const struct wire_answer *answer)
{
    struct flight *flight = context;
    struct inventory *inventory = flight->inventory;
    struct task *task = flight->task;

    free(flight);
    switch (task_take(task, answer, inventory->options->pages_max)) {
    case TASK_MORE:
        task->renewed = false;
        push(inventory, task);
        return;
    case TASK_DONE:
        task_end(inventory, task, true);
        return;
    case TASK_AGAIN:
        task_again(inventory, task);
        return;
    case TASK_EXPIRED:
        task_renew(inventory, task);
        return;
    case TASK_GAP:
        task_end(inventory, task, false);
        return;
    }
}

static void ask(struct inventory *inventory, struct task *task)
{
    char body[BODY_SIZE];
    char target[80];
    struct session_call call = {.service = task->call->service,
                                .region = task->region,
                                .body = body,
                                .timeout_ms = inventory->options->request_ms};
    struct flight *flight = malloc(sizeof(*flight));
    int rc;

    snprintf(target, sizeof(target), "AmazonSSM.%s", task->call->action);
    call.target = task->call->shape == NULL ? target : NULL;
    if (flight == NULL) {
        inventory_fail(inventory, -ENOMEM);
        task_destroy(task);
        return;
    }
    *flight = (struct flight){inventory, task};
    rc = task_body(task, body, sizeof(body)) ? session_start(inventory->session, &call, on_answer, flight) : -EMSGSIZE;
    if (rc < 0) {
        free(flight);
        snprintf(task->reason, sizeof(task->reason), "the request could not be made: %s",
                 rc == -EINVAL ? "the endpoint's URL is none" : strerror(-rc));
        task_end(inventory, task, false);
    }
}

/* All that waits is not asked any more. */
static void give_up(struct inventory *inventory, const char *reason)
{
    while (inventory->waiting != NULL) {
        struct task *task = inventory->waiting;
        inventory->waiting = task->next;
        if (task->next == NULL) {
            inventory->waiting_end = &inventory->waiting;
        }
        snprintf(task->reason, sizeof(task->reason), "%s", reason);
        task_end(inventory, task, false);
    }
}

/* New keys, once nothing is under way with the old ones. */
static void renew(struct inventory *inventory)
{
    struct session_fault fault;
    int rc;

    if (wire_busy(inventory->wire) > 0) {
        return;
    }
    rc = session_log_in(inventory->session, &fault);
    inventory->keys_old = false;
    if (rc == -ENOMEM) {
        inventory_fail(inventory, rc);
    } else if (rc < 0) {
        inventory->keys_dead = true;
        snprintf(inventory->keys_reason, sizeof(inventory->keys_reason), "the keys expired: %.120s", fault.text);
    }
}

/* Asks until nothing waits. */
static void run(struct inventory *inventory)
{
    struct task *task;

    while (inventory->rc == 0 && (inventory->waiting != NULL || wire_busy(inventory->wire) > 0)) {
        if (elapsed_ms(inventory) >= (uint64_t)inventory->options->deadline_ms) {
            give_up(inventory, "the time for reading was up");
        }
        if (inventory->keys_old) {
            renew(inventory);
        }
        if (inventory->keys_dead) {
            give_up(inventory, inventory->keys_reason);
        }
        while (!inventory->keys_old && wire_busy(inventory->wire) < IN_FLIGHT_MAX && inventory->rc == 0 &&
               (task = pop(inventory)) != NULL) {
            ask(inventory, task);
        }
        if (wire_turn(inventory->wire,
                      inventory->waiting != NULL && wire_busy(inventory->wire) < IN_FLIGHT_MAX ? 10 : 200) < 0) {
            inventory_fail(inventory, -EIO);
        }
    }
}

/* ---- regions ---- */

struct region_answer {
    struct task *task;
    enum task_outcome outcome;
};

static void on_regions(void *context, const struct wire_answer *answer)
{
    struct region_answer *regions = context;

    regions->outcome = task_take(regions->task, answer, 1);
}

static int ask_regions(struct inventory *inventory, struct task *task, enum task_outcome *ret_outcome)
{
    struct region_answer regions = {task, TASK_AGAIN};
    char body[256];
    const struct session_call call = {
        .service = CALL_EC2, .region = task->region, .body = body, .timeout_ms = inventory->options->request_ms};
    int rc = task_body(task, body, sizeof(body)) ? 0 : -EMSGSIZE;

    for (unsigned i = 0; rc == 0 && i < inventory->attempts_max && regions.outcome == TASK_AGAIN; i++) {
        rc = session_start(inventory->session, &call, on_regions, &regions);
        while (rc == 0 && wire_busy(inventory->wire) > 0) {
            rc = wire_turn(inventory->wire, 1000);
        }
    }
    *ret_outcome = regions.outcome;
    return rc;
}

static void add_region(struct inventory *inventory, const char *name)
{
    if (inventory->region_count < REGIONS_MAX && name != NULL) {
        snprintf(inventory->regions[inventory->region_count++], sizeof(*inventory->regions), "%.31s", name);
    }
}

/* Regions that are on. Of those that are off it is said; nothing that was read lies in them. */
static void take_regions(struct inventory *inventory, const json_t *records)
{
    for (size_t i = 0; i < json_array_size(records); i++) {
        const json_t *record = json_array_get(records, i);
        const char *name = json_string_value(json_object_get(record, "RegionName"));
        const char *state = json_string_value(json_object_get(record, "OptInStatus"));
        if (state == NULL || strcmp(state, "not-opted-in") != 0) {
            add_region(inventory, name);
        } else if (json_array_append_new(inventory->gaps,
                                         json_pack("{s:s, s:s?, s:s, s:n, s:s}", "Account", inventory->account,
                                                   "Region", name, "Action", "ec2:DescribeRegions", "List", "Reason",
                                                   "the region is off for this account")) < 0) {
            inventory_fail(inventory, -ENOMEM);
        }
    }
}

static int find_regions(struct inventory *inventory, struct session_fault *fault)
{
    const char *home = session_region(inventory->session);
    struct task *task = NULL;
    enum task_outcome outcome;
    int rc = 0;

    for (size_t i = 0; i < inventory->options->region_count; i++) {
        add_region(inventory, inventory->options->regions[i]);
    }
    if (inventory->options->region_count > 0) {
        return 0;
    }
    task = task_create(&call_regions, home == NULL ? "us-east-1" : home, NULL, NULL);
    rc = task == NULL ? -ENOMEM : ask_regions(inventory, task, &outcome);
    if (rc == 0 && outcome == TASK_DONE) {
        take_regions(inventory, task->records);
    } else if (rc == 0) {
        snprintf(fault->text, sizeof(fault->text), "ec2:DescribeRegions: %.200s. Regions can be named, too.",
                 task->reason);
        rc = -EACCES;
    }
    task_destroy(task);
    return rc;
}

/* ---- all of it ---- */

static int give_gaps(struct inventory *inventory)
{
    char name[64];
    json_t *document = json_pack("{s:O}", "LeastportGaps", inventory->gaps);
    int rc = -ENOMEM;

    if (document != NULL) {
        snprintf(name, sizeof(name), "gaps.%s.json", inventory->account);
        rc = inventory->options->take(inventory->options->context, name, document);
    }
    json_decref(document);
    return rc;
}

int inventory_read(struct session *session, struct wire *wire, const struct inventory_options *options,
                   struct inventory_sum *ret_sum, struct session_fault *ret_fault)
{
    struct inventory *inventory = calloc(1, sizeof(*inventory));
    int rc = inventory == NULL ? -ENOMEM : 0;

    if (rc < 0) {
        return rc;
    }
    inventory->session = session;
    inventory->wire = wire;
    inventory->options = options;
    inventory->gaps = json_array();
    inventory->waiting_end = &inventory->waiting;
    inventory->begun = mono_now();
    inventory->attempts_max = session_attempts(session);
    rc = inventory->gaps == NULL ? -ENOMEM : session_account(session, inventory->account, ret_fault);
    rc = rc == 0 ? find_regions(inventory, ret_fault) : rc;
    for (size_t i = 0; rc == 0 && i < inventory->region_count; i++) {
        for (size_t j = 0; j < call_count; j++) {
            if (call_table[j].each == CALL_ONCE) {
                push(inventory, task_create(&call_table[j], inventory->regions[i], NULL, NULL));
            }
        }
    }
    if (rc == 0) {
        run(inventory);
        rc = inventory->rc == 0 ? give_gaps(inventory) : inventory->rc;
    }
    if (rc == 0) {
        inventory->sum.regions = inventory->region_count;
        *ret_sum = inventory->sum;
    }
    while (inventory->waiting != NULL) {
        struct task *task = inventory->waiting;
        inventory->waiting = task->next;
        task_destroy(task);
    }
    json_decref(inventory->gaps);
    free(inventory);
    return rc;
}
