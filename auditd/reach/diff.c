#include "auditd/reach/diff.h"

#include <errno.h>
#include <stdlib.h>

static bool same_place(const struct reach_row *a, const struct reach_row *b)
{
    return a->eni == b->eni && a->address == b->address && a->proto == b->proto && a->balancer == b->balancer &&
           a->listener == b->listener && a->is_ipv6 == b->is_ipv6;
}

static void open_sources(const struct reach_cell *cell, struct span_set *set)
{
    span_set_or(set, &cell->sources[REACH_REACHABLE]);
    span_set_or(set, &cell->sources[REACH_CONDITIONAL]);
}

/* What of `row` at the port was not open before; *end becomes the last port for which the same holds. */
static void diff_at(const struct reach_rows *before, const struct reach_row *row, uint32_t port, uint32_t *end,
                    struct span_set *set)
{
    *end = row->cell.ports.last;
    open_sources(&row->cell, set);
    for (size_t i = 0; i < before->count; i++) {
        const struct reach_row *old = &before->items[i];
        struct span_set was = {0};
        if (!same_place(old, row) || old->cell.ports.last < port) {
            continue;
        }
        if (old->cell.ports.first > port) {
            *end = old->cell.ports.first - 1U < *end ? old->cell.ports.first - 1U : *end;
            continue;
        }
        *end = old->cell.ports.last < *end ? old->cell.ports.last : *end;
        open_sources(&old->cell, &was);
        span_set_minus(set, &was);
        span_set_done(&was);
    }
}

static int diff_take(struct reach_rows *rows, const struct reach_row *like, struct reach_ports ports,
                     struct span_set *set)
{
    struct reach_row *items = realloc(rows->items, (rows->count + 1) * sizeof(*items));

    if (items == NULL) {
        return -ENOMEM;
    }
    rows->items = items;
    items[rows->count] = *like;
    items[rows->count].cell =
        (struct reach_cell){.ports = ports, .verdict = like->cell.verdict, .return_share = like->cell.return_share};
    items[rows->count++].cell.sources[REACH_REACHABLE] = *set;
    *set = (struct span_set){0};
    return 0;
}

static int diff_row(const struct reach_rows *before, const struct reach_row *row, struct reach_rows *rows)
{
    uint32_t end;
    int rc = 0;

    for (uint32_t port = row->cell.ports.first; rc == 0 && port <= row->cell.ports.last; port = end + 1) {
        struct span_set set = {0};
        diff_at(before, row, port, &end, &set);
        if (set.failed) {
            rc = -ENOMEM;
        } else if (set.count > 0) {
            rc = diff_take(rows, row, (struct reach_ports){(uint16_t)port, (uint16_t)end}, &set);
        }
        span_set_done(&set);
    }
    return rc;
}

int reach_diff(const struct reach_rows *before, const struct reach_rows *after, struct reach_rows *ret_rows)
{
    struct reach_rows rows = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < after->count; i++) {
        rc = diff_row(before, &after->items[i], &rows);
    }
    if (rc < 0) {
        reach_rows_done(&rows);
        return rc;
    }
    *ret_rows = rows;
    return 0;
}
