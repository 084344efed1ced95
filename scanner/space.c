#include "scanner/space_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A range of more hosts than 2^SPACE_PIECE_BITS is kept in pieces, so that positions in one fit 64 bits. */
enum { SPACE_PIECE_BITS = 62, SPACE_RANGE_BITS_MAX = 70 };

#define SPACE_WHOLE UINT32_MAX /* an exclusion of all ports */

/* first..last as numbers; family and zone stand beside them. */
struct space_span {
    uint128 first;
    uint128 last;
    uint32_t zone;
    bool is_ipv6;
    bool exclude;
    uint32_t ports;
};

struct space_builder {
    struct portpool *pool;
    struct space_span *spans;
    size_t count;
    size_t room;
};

static uint64_t space_saturate(uint128 value)
{
    return value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

static struct addr space_addr(uint128 number, bool is_ipv6, uint32_t zone)
{
    struct addr addr;

    space_put_addr(number, is_ipv6, zone, &addr);
    return addr;
}

/* Makes room for one more; *items may move. */
static int space_reserve(void **items, size_t size, size_t count, size_t *room)
{
    size_t wanted = *room == 0 ? 16 : *room * 2;
    void *grown;

    if (count < *room) {
        return 0;
    }
    grown = realloc(*items, wanted * size);
    if (grown == NULL) {
        return -ENOMEM;
    }
    *items = grown;
    *room = wanted;
    return 0;
}

struct space_geometry space_geometry_default(void)
{
    return (struct space_geometry){.slab_probes = SPACE_SLAB_PROBES, .slab_hosts = SPACE_SLAB_HOSTS};
}

struct space_geometry space_geometry_raw(void)
{
    return (struct space_geometry){.slab_probes = SPACE_SLAB_PROBES_RAW, .slab_hosts = SPACE_SLAB_HOSTS_RAW};
}

struct space_builder *space_builder_create(void)
{
    struct space_builder *builder = calloc(1, sizeof(*builder));

    if (builder == NULL) {
        return NULL;
    }
    builder->pool = portpool_create();
    if (builder->pool == NULL) {
        free(builder);
        return NULL;
    }
    return builder;
}

void space_builder_destroy(struct space_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    portpool_destroy(builder->pool);
    free(builder->spans);
    free(builder);
}

static int space_builder_append(struct space_builder *builder, const struct addr *first, const struct addr *last,
                                const struct portset *ports, bool exclude)
{
    struct space_span span = {.first = space_number(first),
                              .last = space_number(last),
                              .zone = first->zone,
                              .is_ipv6 = first->is_ipv6,
                              .exclude = exclude,
                              .ports = SPACE_WHOLE};
    void *spans = builder->spans;
    int rc = 0;

    assert(first->is_ipv6 == last->is_ipv6 && first->zone == last->zone && span.first <= span.last);
    if (ports != NULL) {
        rc = portpool_intern(builder->pool, ports, &span.ports);
    }
    if (rc == 0) {
        rc = space_reserve(&spans, sizeof(span), builder->count, &builder->room);
        builder->spans = spans;
    }
    if (rc == 0) {
        builder->spans[builder->count++] = span;
    }
    return rc;
}

int space_builder_add(struct space_builder *builder, const struct addr *first, const struct addr *last,
                      const struct portset *ports)
{
    return space_builder_append(builder, first, last, ports, false);
}

int space_builder_exclude(struct space_builder *builder, const struct addr *first, const struct addr *last,
                          const struct portset *ports)
{
    return space_builder_append(builder, first, last, ports, true);
}

/* A span begins before `number`, or ends after it. */
struct space_event {
    uint128 number;
    uint32_t zone;
    bool is_ipv6;
    bool is_end;
    bool exclude;
    uint32_t ports;
};

static int space_event_compare(const void *left, const void *right)
{
    const struct space_event *a = left;
    const struct space_event *b = right;

    if (a->is_ipv6 != b->is_ipv6) {
        return a->is_ipv6 - b->is_ipv6;
    }
    if (a->zone != b->zone) {
        return a->zone < b->zone ? -1 : 1;
    }
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    return a->is_end - b->is_end;
}

/* Port sets that cover the place where the sweep stands, with how many spans each. */
struct space_cover {
    uint32_t ports;
    uint32_t spans;
    bool exclude;
};

struct space_sweep {
    struct space *space;
    struct space_cover *covers;
    size_t cover_count;
    size_t cover_room;
    struct space_event here; /* `number` is the first address not yet written; with is_end the one after it */
};

static int space_sweep_cover(struct space_sweep *sweep, const struct space_event *event)
{
    void *covers = sweep->covers;
    size_t i = 0;
    int rc;

    while (i < sweep->cover_count &&
           (sweep->covers[i].ports != event->ports || sweep->covers[i].exclude != event->exclude)) {
        i++;
    }
    if (event->is_end) {
        assert(i < sweep->cover_count);
        if (--sweep->covers[i].spans == 0) {
            sweep->covers[i] = sweep->covers[--sweep->cover_count];
        }
        return 0;
    }
    if (i < sweep->cover_count) {
        sweep->covers[i].spans++;
        return 0;
    }
    rc = space_reserve(&covers, sizeof(*sweep->covers), sweep->cover_count, &sweep->cover_room);
    if (rc < 0) {
        return rc;
    }
    sweep->covers = covers;
    sweep->covers[sweep->cover_count++] =
        (struct space_cover){.ports = event->ports, .spans = 1, .exclude = event->exclude};
    return 0;
}

/* The id of the ports that the covers leave; false in *ret_any when there are none. */
static int space_sweep_ports(const struct space_sweep *sweep, uint32_t *ret_ports, bool *ret_any)
{
    struct portset set = {0};
    int rc;

    *ret_any = false;
    if (sweep->cover_count == 1) {
        *ret_ports = sweep->covers[0].ports;
        *ret_any = !sweep->covers[0].exclude && portpool_count(sweep->space->pool, *ret_ports) > 0;
        return 0;
    }
    for (size_t i = 0; i < sweep->cover_count; i++) {
        if (sweep->covers[i].exclude && sweep->covers[i].ports == SPACE_WHOLE) {
            return 0;
        }
        if (!sweep->covers[i].exclude) {
            portpool_add_to(sweep->space->pool, sweep->covers[i].ports, &set);
        }
    }
    for (size_t i = 0; i < sweep->cover_count; i++) {
        if (sweep->covers[i].exclude) {
            portpool_remove_from(sweep->space->pool, sweep->covers[i].ports, &set);
        }
    }
    rc = portpool_intern(sweep->space->pool, &set, ret_ports);
    *ret_any = rc == 0 && portpool_count(sweep->space->pool, *ret_ports) > 0;
    return rc;
}

static int space_append_range(struct space *space, const struct space_range *range)
{
    struct space_range *last = space->range_count == 0 ? NULL : &space->ranges[space->range_count - 1];
    void *ranges = space->ranges;
    int rc;

    if (last != NULL && last->is_ipv6 == range->is_ipv6 && last->zone == range->zone && last->ports == range->ports &&
        last->first + last->hosts == range->first && last->hosts + range->hosts <= UINT64_C(1) << SPACE_PIECE_BITS) {
        last->hosts += range->hosts;
        return 0;
    }
    rc = space_reserve(&ranges, sizeof(*range), space->range_count, &space->range_room);
    if (rc < 0) {
        return rc;
    }
    space->ranges = ranges;
    space->ranges[space->range_count++] = *range;
    return 0;
}

/* Writes what lies between the sweep's place and `last`, its end included. */
static int space_sweep_emit(struct space_sweep *sweep, uint128 last, struct problem *problem)
{
    struct space_range range = {
        .first = sweep->here.number + sweep->here.is_end, .zone = sweep->here.zone, .is_ipv6 = sweep->here.is_ipv6};
    uint128 left = last - range.first;
    uint128 piece = (uint128)1 << SPACE_PIECE_BITS;
    bool any;
    int rc = space_sweep_ports(sweep, &range.ports, &any);

    if (rc < 0 || !any) {
        return rc;
    }
    if (left >> SPACE_RANGE_BITS_MAX != 0) {
        char text[ADDR_TEXT_SIZE];
        struct addr addr = space_addr(range.first, range.is_ipv6, range.zone);
        return problem_set(problem, -EOVERFLOW,
                           "the range that begins at %s has more than 2^%d hosts, which no scan ends; narrow it",
                           addr_format(&addr, text), SPACE_RANGE_BITS_MAX);
    }
    for (;;) {
        range.hosts = (uint64_t)(left < piece ? left + 1 : piece);
        rc = space_append_range(sweep->space, &range);
        if (rc < 0 || left < range.hosts) {
            return rc;
        }
        left -= range.hosts;
        range.first += range.hosts;
    }
}

static int space_sweep_run(struct space_sweep *sweep, const struct space_event *events, size_t count,
                           struct problem *problem)
{
    for (size_t i = 0; i < count; i++) {
        const struct space_event *event = &events[i];
        int rc = 0;
        /* Nothing covers the place between two families or zones, for every begin has its end. */
        if (sweep->cover_count > 0) {
            uint128 distance = event->number - sweep->here.number;
            if (event->is_end ? distance >= sweep->here.is_end : distance > sweep->here.is_end) {
                rc = space_sweep_emit(sweep, event->is_end ? event->number : event->number - 1, problem);
            }
        }
        if (rc == 0) {
            rc = space_sweep_cover(sweep, event);
        }
        if (rc < 0) {
            return rc;
        }
        sweep->here = *event;
    }
    return 0;
}

static int space_make_ranges(struct space *space, const struct space_builder *builder, struct problem *problem)
{
    struct space_event *events = calloc(builder->count * 2 + 1, sizeof(*events));
    struct space_sweep sweep = {.space = space};
    int rc;

    if (events == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < builder->count; i++) {
        const struct space_span *span = &builder->spans[i];
        events[2 * i] = (struct space_event){.number = span->first,
                                             .zone = span->zone,
                                             .is_ipv6 = span->is_ipv6,
                                             .exclude = span->exclude,
                                             .ports = span->ports};
        events[2 * i + 1] = events[2 * i];
        events[2 * i + 1].number = span->last;
        events[2 * i + 1].is_end = true;
    }
    qsort(events, builder->count * 2, sizeof(*events), space_event_compare);
    rc = space_sweep_run(&sweep, events, builder->count * 2, problem);
    free(sweep.covers);
    free(events);
    return rc;
}

static int space_append_run(struct space *space, const struct space_run *run)
{
    void *runs = space->runs;
    int rc = space_reserve(&runs, sizeof(*run), space->run_count, &space->run_room);

    if (rc < 0) {
        return rc;
    }
    space->runs = runs;
    space->runs[space->run_count] = *run;
    space->runs[space->run_count].first_slab = space->slabs;
    space->runs[space->run_count].probes_before = space->probes;
    space->run_count++;
    space->probes += (uint128)run->slabs * run->probes;
    space->hosts += (uint128)run->slabs * run->hosts;
    if (run->slabs > INT64_MAX - space->slabs) {
        return -EOVERFLOW;
    }
    space->slabs += run->slabs;
    return 0;
}

/* Cuts one range into slabs; `open` is the slab that the ranges before have begun (0 hosts: none). */
static int space_cut_range(struct space *space, size_t index, struct space_geometry geometry, struct space_run *open)
{
    const struct space_range *range = &space->ranges[index];
    uint32_t ports = portpool_count(space->pool, range->ports);
    uint32_t by_probes = geometry.slab_probes / ports;
    uint32_t full = by_probes < geometry.slab_hosts ? by_probes : geometry.slab_hosts;
    uint64_t offset = 0;
    int rc = 0;

    while (rc == 0 && offset < range->hosts) {
        uint64_t left = range->hosts - offset;
        uint32_t room = (geometry.slab_probes - open->probes) / ports;
        uint32_t take = room < geometry.slab_hosts - open->hosts ? room : geometry.slab_hosts - open->hosts;
        take = left < take ? (uint32_t)left : take;
        if (open->hosts == 0 && left >= full) {
            struct space_run run = {
                .slabs = left / full, .offset = offset, .range = index, .hosts = full, .probes = full * ports};
            rc = space_append_run(space, &run);
            offset += run.slabs * full;
        } else if (take == 0) {
            rc = space_append_run(space, open);
            *open = (struct space_run){0};
        } else {
            if (open->hosts == 0) {
                *open = (struct space_run){.slabs = 1, .offset = offset, .range = index};
            }
            open->hosts += take;
            open->probes += take * ports;
            offset += take;
        }
    }
    return rc;
}

static int space_cut(struct space *space, struct space_geometry geometry)
{
    struct space_run open = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < space->range_count; i++) {
        rc = space_cut_range(space, i, geometry, &open);
    }
    if (rc == 0 && open.hosts > 0) {
        rc = space_append_run(space, &open);
    }
    return rc;
}

/* The builder's sets, under the same ids. */
static int space_copy_pool(struct space *space, const struct space_builder *builder)
{
    space->pool = portpool_create();
    if (space->pool == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < portpool_size(builder->pool); i++) {
        struct portset set = {0};
        uint32_t id;
        int rc;
        portpool_add_to(builder->pool, (uint32_t)i, &set);
        rc = portpool_intern(space->pool, &set, &id);
        if (rc < 0) {
            return rc;
        }
        assert(id == i);
    }
    return 0;
}

int space_build(const struct space_builder *builder, struct space_geometry geometry, struct space **ret_space,
                struct problem *problem)
{
    struct space *space;
    int rc;

    assert(geometry.slab_probes >= SPACE_SLAB_PROBES_LEAST && geometry.slab_hosts >= 1);
    space = calloc(1, sizeof(*space));
    if (space == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    rc = space_copy_pool(space, builder);
    if (rc == 0) {
        rc = space_make_ranges(space, builder, problem);
        if (rc == -EOVERFLOW) {
            goto fail;
        }
    }
    if (rc == 0) {
        rc = space_cut(space, geometry);
    }
    if (rc == 0) {
        *ret_space = space;
        return 0;
    }
    problem_set(problem, rc,
                rc == -ENOMEM ? "out of memory" : "the targets have more probes than any scan ends; narrow them");
fail:
    space_destroy(space);
    return rc;
}

void space_destroy(struct space *space)
{
    if (space == NULL) {
        return;
    }
    portpool_destroy(space->pool);
    free(space->ranges);
    free(space->runs);
    free(space);
}

uint64_t space_slabs(const struct space *space)
{
    return space->slabs;
}

uint64_t space_hosts(const struct space *space)
{
    return space_saturate(space->hosts);
}

uint64_t space_probes(const struct space *space)
{
    return space_saturate(space->probes);
}

const struct space_run *space_find_run(const struct space *space, uint64_t slab)
{
    size_t low = 0;
    size_t high = space->run_count - 1;

    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (space->runs[middle].first_slab <= slab) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return &space->runs[low];
}

uint64_t space_probes_before(const struct space *space, uint64_t slab, uint32_t index, uint32_t count)
{
    uint128 probes = 0;

    if (space->run_count == 0) {
        return 0;
    }
    if (count == 1) {
        const struct space_run *run = space_find_run(space, slab);
        uint64_t slabs = slab - run->first_slab < run->slabs ? slab - run->first_slab : run->slabs;
        return space_saturate(run->probes_before + (uint128)slabs * run->probes);
    }
    for (size_t i = 0; i < space->run_count && space->runs[i].first_slab < slab; i++) {
        const struct space_run *run = &space->runs[i];
        uint64_t slabs = slab - run->first_slab < run->slabs ? slab - run->first_slab : run->slabs;
        uint32_t share = run->probes > index ? (run->probes - index - 1) / count + 1 : 0;
        probes += (uint128)slabs * share;
    }
    return space_saturate(probes);
}

uint64_t space_shard_probes(const struct space *space, uint32_t index, uint32_t count)
{
    return space_probes_before(space, space->slabs, index, count);
}

size_t space_ranges(const struct space *space)
{
    return space->range_count;
}

void space_range(const struct space *space, size_t index, struct addr *ret_first, struct addr *ret_last)
{
    const struct space_range *range = &space->ranges[index];

    *ret_first = space_addr(range->first, range->is_ipv6, range->zone);
    *ret_last = space_addr(range->first + (range->hosts - 1), range->is_ipv6, range->zone);
}

bool space_has(const struct space *space, const struct addr *addr, uint16_t port)
{
    uint128 number = space_number(addr);
    struct space_place place = {addr->is_ipv6 != 0, addr->zone, number};
    size_t low = 0;
    size_t high = space->range_count;
    const struct space_range *range;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        range = &space->ranges[middle];
        if (space_compare((struct space_place){range->is_ipv6, range->zone, range->first}, place) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return false;
    }
    range = &space->ranges[low - 1];
    return range->is_ipv6 == addr->is_ipv6 && range->zone == addr->zone && number - range->first < range->hosts &&
           portpool_find(space->pool, range->ports, port) >= 0;
}
