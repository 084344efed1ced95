#include "auditd/aws/task.h"

#include "auditd/aws/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKOFF_BASE_MS = 100, BACKOFF_MAX_MS = 20000, TASK_RECORDS_MAX = 2000000 };

struct task *task_create(const struct call *call, const char *region, const char *of, const char *name)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        return NULL;
    }
    task->call = call;
    task->region = region;
    snprintf(task->of, sizeof(task->of), "%s", of == NULL ? "" : of);
    snprintf(task->name, sizeof(task->name), "%s", name == NULL ? "" : name);
    return task;
}

void task_destroy(struct task *task)
{
    if (task != NULL) {
        json_decref(task->records);
        free(task);
    }
}

uint64_t task_backoff_ms(unsigned attempt, uint32_t random)
{
    uint64_t most = attempt > 8 ? BACKOFF_MAX_MS : (uint64_t)BACKOFF_BASE_MS << attempt;

    return random % ((most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS) + 1);
}

/* ---- asking ---- */

/* JSON 1.1: the same parameters as members. */
static bool body_json(const struct task *task, char *buffer, size_t size)
{
    json_t *object = json_pack("{s:i}", "MaxResults", 50);
    size_t length;

    if (object == NULL ||
        (task->token[0] != '\0' && json_object_set_new(object, task->call->token, json_string(task->token)) < 0)) {
        json_decref(object);
        return false;
    }
    length = json_dumpb(object, buffer, size - 1, JSON_COMPACT);
    json_decref(object);
    buffer[length < size ? length : 0] = '\0';
    return length > 0 && length < size;
}

bool task_body(const struct task *task, char *buffer, size_t size)
{
    const struct call *call = task->call;
    bool fits;

    if (call->shape == NULL) {
        return body_json(task, buffer, size);
    }
    buffer[0] = '\0';
    fits = session_form(buffer, size, "Action", call->action) &&
           session_form(buffer, size, "Version", call_service_of(call->service)->version) &&
           (call->each == CALL_ONCE || session_form(buffer, size, call->each_parameter, task->of));
    if (fits && call->paging != NULL) {
        size_t length = strlen(buffer);
        fits = (size_t)snprintf(buffer + length, size - length, "&%s", call->paging) < size - length;
    }
    return fits && (task->token[0] == '\0' || session_form(buffer, size, call->token, task->token));
}

/* ---- answers ---- */

static enum task_outcome task_says(struct task *task, enum task_outcome outcome, const char *what, const char *more)
{
    snprintf(task->reason, sizeof(task->reason), "%s%s%.100s", what, more[0] == '\0' ? "" : ": ", more);
    return outcome;
}

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; *codes != NULL; codes++) {
        if (strcmp(code, *codes) == 0) {
            return true;
        }
    }
    return false;
}

/* The codes of "Error retries and exponential backoff" and of the services' common errors. */
static enum task_outcome task_error(struct task *task, long status, const char *code)
{
    static const char *const throttled[] = {"Throttling",
                                            "ThrottlingException",
                                            "ThrottledException",
                                            "RequestThrottled",
                                            "RequestThrottledException",
                                            "RequestLimitExceeded",
                                            "TooManyRequestsException",
                                            "BandwidthLimitExceeded",
                                            "LimitExceededException",
                                            "PriorRequestNotComplete",
                                            "TransactionInProgressException",
                                            "EC2ThrottledException",
                                            "SlowDown",
                                            "RequestTimeout",
                                            "RequestTimeoutException",
                                            "InternalError",
                                            "InternalFailure",
                                            "ServiceUnavailable",
                                            "Unavailable",
                                            NULL};
    static const char *const expired[] = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", NULL};
    static const char *const off[] = {"OptInRequired", "AuthFailure", "InvalidClientTokenId",
                                      "UnrecognizedClientException", NULL};
    static const char *const denied[] = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", NULL};

    if (is_one_of(code, throttled) || status == 429 || status == 500 || status >= 502) {
        char text[128];
        snprintf(text, sizeof(text), "status %ld %.80s", status, code);
        return task_says(task, TASK_AGAIN, "the service did not answer well, however often it was asked", text);
    }
    if (is_one_of(code, expired)) {
        return task_says(task, TASK_EXPIRED, "the keys expired, and new ones were not to be had", code);
    }
    if (is_one_of(code, denied)) {
        return task_says(task, TASK_GAP, "denied: the policy of `leastport aws policy` is not attached", code);
    }
    if (is_one_of(code, off)) {
        return task_says(task, TASK_GAP, "the region is off for this account, or the keys are not valid in it", code);
    }
    return task_says(task, TASK_GAP, "the service refused", code[0] == '\0' ? "no code" : code);
}

/* XML's Code, or JSON's __type, "…#ThrottlingException". */
static void error_code(const struct wire_answer *answer, char *code, size_t size)
{
    json_t *object = json_loadb(answer->bytes, answer->size, 0, NULL);
    const char *type = json_string_value(json_object_get(object, "__type"));
    const char *hash = type == NULL ? NULL : strrchr(type, '#');

    code[0] = '\0';
    if (type != NULL) {
        snprintf(code, size, "%.90s", hash == NULL ? type : hash + 1);
    } else if (!shape_find_text(answer->bytes, answer->size, "Code", code, size)) {
        code[0] = '\0';
    }
    json_decref(object);
}

static int read_page(const struct task *task, const struct wire_answer *answer, json_t **ret_page,
                     struct shape_fault *fault)
{
    char root[80];
    char result[80];
    json_error_t error;

    if (task->call->shape == NULL) {
        *ret_page = json_loadb(answer->bytes, answer->size, JSON_REJECT_DUPLICATES, &error);
        snprintf(fault->text, sizeof(fault->text), "line %d: %.100s", *ret_page == NULL ? error.line : 0,
                 *ret_page == NULL ? error.text : "");
        return *ret_page == NULL ? -EBADMSG : 0;
    }
    snprintf(root, sizeof(root), "%sResponse", task->call->action);
    snprintf(result, sizeof(result), "%sResult", task->call->action);
    return shape_read(answer->bytes, answer->size, &(struct shape_frame){root, result, task->call->shape}, ret_page,
                      fault);
}

/* Moves the page's records behind those that are there. */
static enum task_outcome task_page(struct task *task, json_t *page, unsigned pages_max)
{
    json_t *records = json_object_get(page, task->call->list);
    const char *token = json_string_value(json_object_get(page, task->call->next));
    size_t length = token == NULL ? 0 : strlen(token);

    if (!json_is_array(records) && !json_is_object(records)) {
        return task_says(task, TASK_AGAIN, "the answer lacks its list", task->call->list);
    }
    if (task->records == NULL) {
        task->records = json_incref(records);
    } else if (!json_is_array(records) || json_array_extend(task->records, records) < 0) {
        return task_says(task, TASK_GAP, "out of memory", "");
    }
    task->attempts = 0;
    task->pages++;
    if (length == 0) {
        return TASK_DONE;
    }
    if (length >= sizeof(task->token) || strcmp(token, task->token) == 0) {
        return task_says(task, TASK_GAP, "the list does not go on: a page names itself as the next one", "");
    }
    memcpy(task->token, token, length + 1);
    if (task->pages >= pages_max || json_array_size(task->records) > TASK_RECORDS_MAX) {
        return task_says(task, TASK_GAP, "the list has no end: it was left after too many pages", "");
    }
    return TASK_MORE;
}

enum task_outcome task_take(struct task *task, const struct wire_answer *answer, unsigned pages_max)
{
    struct shape_fault fault;
    enum task_outcome outcome;
    json_t *page;
    char code[96];
    int rc;

    if (answer->failure != NULL) {
        return task_says(task, TASK_AGAIN, "no whole answer came", answer->failure);
    }
    if (answer->status != 200) {
        error_code(answer, code, sizeof(code));
        return task_error(task, answer->status, code);
    }
    rc = read_page(task, answer, &page, &fault);
    if (rc < 0) {
        return task_says(task, TASK_AGAIN, "the answer is not what the service prints", fault.text);
    }
    outcome = task_page(task, page, pages_max);
    json_decref(page);
    return outcome;
}
