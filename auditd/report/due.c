#include "auditd/report/due.h"

#include "auditd/policy/judge.h"
#include "auditd/report/typeset.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DUE_SHOWN = 10, DUE_LINE_SIZE = 512 };

static const int64_t due_day_ms = INT64_C(24) * 3600 * 1000;

struct due_gathering {
    struct due due;
    int64_t now_ms;
};

void due_done(struct due *due)
{
    free(due->owners);
    *due = (struct due){0};
}

static struct due_owner *due_owner(struct due *due, const char *name)
{
    struct due_owner *grown;

    for (size_t i = 0; i < due->count; i++) {
        if (strcmp(due->owners[i].name, name) == 0) {
            return &due->owners[i];
        }
    }
    grown = reallocarray(due->owners, due->count + 1, sizeof(*grown));
    if (grown == NULL) {
        return NULL;
    }
    due->owners = grown;
    grown[due->count] = (struct due_owner){0};
    snprintf(grown[due->count].name, sizeof(grown->name), "%s", name);
    return &grown[due->count++];
}

static int due_take(void *context, const struct store_finding *finding)
{
    struct due_gathering *gathering = context;
    struct due_owner *owner;
    char name[DUE_OWNER_SIZE];
    enum severity severity;

    if (finding->due_at == 0 || finding->due_at > gathering->now_ms + 7 * due_day_ms ||
        severity_parse(finding->severity, &severity) < 0) {
        return 0;
    }
    snprintf(name, sizeof(name), "%s", finding->owner);
    owner = due_owner(&gathering->due, name);
    if (owner == NULL) {
        return -ENOMEM;
    }
    if (finding->due_at > gathering->now_ms) {
        owner->soon++;
        return 0;
    }
    owner->overdue++;
    owner->severities[severity]++;
    owner->oldest = owner->oldest == 0 || finding->due_at < owner->oldest ? finding->due_at : owner->oldest;
    gathering->due.overdue++;
    return 0;
}

static int due_compare(const void *left, const void *right)
{
    const struct due_owner *a = left;
    const struct due_owner *b = right;

    for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--) {
        if (a->severities[severity] != b->severities[severity]) {
            return a->severities[severity] < b->severities[severity] ? 1 : -1;
        }
    }
    return strcmp(a->name, b->name);
}

int due_read(struct store_reader *reader, int64_t now_ms, struct due *ret_due)
{
    const struct store_finding_filter filter = {0};
    struct due_gathering gathering = {.now_ms = now_ms};
    int rc = store_read_findings(reader, &filter, due_take, &gathering);

    if (rc != 0) {
        due_done(&gathering.due);
        return rc;
    }
    if (gathering.due.count > 1) {
        qsort(gathering.due.owners, gathering.due.count, sizeof(*gathering.due.owners), due_compare);
    }
    *ret_due = gathering.due;
    return 0;
}

/* "shop-team: 3 overdue (1 critical, 2 low), the oldest since 12 days; 2 more due within a week" */
static void due_line(const struct due_owner *owner, int64_t now_ms, char *text, size_t size)
{
    int64_t days = (now_ms - owner->oldest) / due_day_ms;
    const char *comma = " (";
    int length = snprintf(text, size, "%s: ", owner->name[0] == '\0' ? "nobody's" : owner->name);

    if (owner->overdue > 0) {
        length += snprintf(text + length, size - (size_t)length, "%" PRIu64 " overdue", owner->overdue);
    }
    for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--) {
        if (owner->severities[severity] > 0) {
            length += snprintf(text + length, size - (size_t)length, "%s%" PRIu64 " %s", comma,
                               owner->severities[severity], severity_name((enum severity)severity));
            comma = ", ";
        }
    }
    if (owner->overdue > 0) {
        length += snprintf(text + length, size - (size_t)length, "), the oldest for %" PRId64 " day%s", days,
                           days == 1 ? "" : "s");
    }
    if (owner->soon > 0) {
        snprintf(text + length, size - (size_t)length, "%s%" PRIu64 "%s due within a week",
                 owner->overdue > 0 ? "; " : "", owner->soon, owner->overdue > 0 ? " more" : "");
    }
}

void due_print(const struct due *due, int64_t now_ms, unsigned width, FILE *out)
{
    char text[DUE_LINE_SIZE];

    if (due->count == 0) {
        return;
    }
    fprintf(out, "\n%s\n", due->overdue > 0 ? "Overdue, by owner" : "Due within a week, by owner");
    for (size_t i = 0; i < due->count && i < DUE_SHOWN; i++) {
        due_line(&due->owners[i], now_ms, text, sizeof(text));
        fputs("  ", out);
        typeset_wrap(out, text, 2, 4, width);
        fputc('\n', out);
    }
    if (due->count > DUE_SHOWN) {
        fprintf(out, "    and %zu more owners\n", due->count - DUE_SHOWN);
    }
}

void due_mention(const char *owner, int64_t due_at, int64_t now_ms, char *text, size_t size)
{
    char day[WALL_TEXT_SIZE];
    size_t length = 0;

    text[0] = '\0';
    if (owner[0] != '\0') {
        length = (size_t)snprintf(text, size, "; owner %s", owner);
    }
    if (due_at != 0 && length < size) {
        wall_format(due_at, day);
        day[10] = '\0';
        snprintf(text + length, size - length, "; %s %s", due_at <= now_ms ? "overdue since" : "due", day);
    }
}
