#include "auditd/report/holds.h"

#include <stdio.h>

static int holds_take(void *context, const char *text)
{
    struct report_holds *holds = context;

    if (holds->count == 0) {
        snprintf(holds->first, sizeof(holds->first), "%s", text);
    }
    holds->count++;
    return 0;
}

int report_holds_read(struct store_reader *reader, struct report_holds *ret_holds)
{
    struct report_holds holds = {0};
    int rc = store_read_holds(reader, holds_take, &holds);

    if (rc == 0) {
        *ret_holds = holds;
    }
    return rc;
}
