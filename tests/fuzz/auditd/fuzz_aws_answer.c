/* Answers of AWS: the first byte says which call's, the second the status; the rest is the answer. What is taken has
 * the list as JSON, and what is not has a reason. The same bytes as a configuration file end by themselves, too. */
#include "auditd/aws/ini.h"
#include "auditd/aws/task.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *task;
    char *text;
    char value[64];

    if (size < 2) {
        return 0;
    }
    text = fuzz_text(data + 2, size - 2);
    task = task_create(&call_table[data[0] % call_count], "eu-west-1", "of", "name");
    assert(task != NULL);
    for (int i = 0; i < 2; i++) {
        const struct wire_answer answer = {.status = data[1] % 2 == 0 ? 200 : 400, .bytes = text, .size = size - 2};
        enum task_outcome outcome = task_take(task, &answer, 1000);
        assert(outcome == TASK_MORE || outcome == TASK_DONE ? task->records != NULL : task->reason[0] != '\0');
    }
    if (ini_get(&(struct ini_place){text, "profile a", NULL}, "region", value, sizeof(value))) {
        assert(strlen(value) < sizeof(value) && strchr(value, '\n') == NULL);
    }
    (void)ini_get(&(struct ini_place){text, "services a", "ec2"}, "endpoint_url", value, sizeof(value));
    task_destroy(task);
    free(text);
    return 0;
}
