#include "auditd/report/data.h"

#include "auditd/store/finding.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The trees are of pointers into a growing array of pointers' targets, so each item is allocated by itself. */
struct gathering {
    struct report_data *data;
    void *tree;
    void **items;
    size_t count;
    size_t room;
    bool seen_from_elsewhere;
    bool seen_from_itself;
    int rc;
};

void report_place(const char *address, const char *name, const char *realm, char buffer[REPORT_PLACE_SIZE])
{
    bool other_realm = strcmp(realm, "default") != 0;

    bool both = address[0] != '\0' && name[0] != '\0';

    if (address[0] == '\0') {
        address = name[0] != '\0' ? name : "(no address)";
    }
    snprintf(buffer, REPORT_PLACE_SIZE, "%.120s%s%.120s%s%s%.100s", address, both ? " (" : "", both ? name : "",
             both ? ")" : "", other_realm ? " in " : "", other_realm ? realm : "");
}

static int keep(struct gathering *gathering, void *item)
{
    if (gathering->count == gathering->room) {
        size_t room = gathering->room == 0 ? 64 : gathering->room * 2;
        void **items = reallocarray(gathering->items, room, sizeof(*items));
        if (items == NULL) {
            return -ENOMEM;
        }
        gathering->items = items;
        gathering->room = room;
    }
    gathering->items[gathering->count++] = item;
    return 0;
}

static void no_free(void *item)
{
    (void)item;
}

static void gathering_done(struct gathering *gathering)
{
    tdestroy(gathering->tree, no_free);
    free(gathering->items);
}

/* ---- score and audits ---- */

static int take_score(void *context, const struct store_score *score)
{
    struct report_data *data = context;

    data->has_score = true;
    data->score = score->score;
    data->exposure = score->exposure;
    data->waived = score->waived;
    data->coverage = score->coverage;
    snprintf(data->grade, sizeof(data->grade), "%s", score->grade);
    snprintf(data->policy, sizeof(data->policy), "%s", score->policy);
    snprintf(data->policy_hash, sizeof(data->policy_hash), "%s", score->policy_hash);
    data->caps = json_loads(score->caps, 0, NULL);
    data->terms = json_loads(score->terms, 0, NULL);
    return data->caps != NULL && data->terms != NULL ? 0 : -EUCLEAN;
}

static void copy_audit(const struct store_scan *scan, struct report_audit *audit)
{
    audit->is_set = true;
    audit->started_at = scan->started_at;
    snprintf(audit->state, sizeof(audit->state), "%s", scan->state);
    snprintf(audit->cause, sizeof(audit->cause), "%s", scan->cause);
    snprintf(audit->realm, sizeof(audit->realm), "%s", scan->realm);
    snprintf(audit->vantage, sizeof(audit->vantage), "%s", scan->vantage);
    snprintf(audit->canary, sizeof(audit->canary), "%s", scan->canary);
    audit->hosts_up = scan->hosts_up;
    audit->hosts_down = scan->hosts_down;
    audit->probes_done = scan->probes_done;
    audit->probes_planned = scan->probes_planned;
    audit->missed_high = scan->missed_high;
}

/* Youngest first. A scan without a request only verifies what another found. */
static int take_scan(void *context, const struct store_scan *scan)
{
    struct report_data *data = context;

    if (scan->judged_at == 0 || scan->request[0] == '\0') {
        struct report_audit *other = scan->judged_at == 0 ? &data->pending : &data->imported;
        if (!other->is_set) {
            copy_audit(scan, other);
        }
        return 0;
    }
    if (!data->last.is_set) {
        copy_audit(scan, &data->last);
        return 0;
    }
    copy_audit(scan, &data->before);
    return 1;
}

static int read_audits(struct store_reader *reader, struct report_data *data)
{
    static const char *const scopes[] = {"fleet"};
    const struct store_score_filter score = {.scopes = {scopes, 1}};
    const struct store_scan_filter scans = {.page = {.is_descending = true}};
    int rc = store_read_scores(reader, &score, take_score, data);

    if (rc == 0) {
        rc = store_read_scans(reader, &scans, take_scan, data);
    }
    if (rc == 0 && !data->last.is_set) {
        data->last = data->imported;
    }
    return rc > 0 ? 0 : rc;
}

static int count_host(void *context, const struct store_host *host)
{
    struct report_data *data = context;

    (void)host;
    data->host_count++;
    return 0;
}

/* ---- findings, grouped ---- */

static int compare_group(const void *left, const void *right)
{
    const struct report_group *a = left;
    const struct report_group *b = right;
    int order = strcmp(a->rule_id, b->rule_id);

    if (order == 0 && a->port != b->port) {
        order = a->port < b->port ? -1 : 1;
    }
    if (order == 0) {
        order = strcmp(a->proto, b->proto);
    }
    if (order == 0) {
        order = strcmp(a->breadth_class, b->breadth_class);
    }
    return order != 0 ? order : (int)a->severity - (int)b->severity;
}

static void free_group(struct report_group *group)
{
    free(group->title);
    free(group->why);
    free(group->fix);
    free(group->rule_id);
    free(group->proto);
    free(group->breadth_class);
    free(group->evidence_kind);
    free(group->controls);
}

static struct report_group *begin_group(const struct store_finding *finding, enum severity severity)
{
    struct report_group *group = calloc(1, sizeof(*group));

    if (group == NULL) {
        return NULL;
    }
    group->title = strdup(finding->title);
    group->why = strdup(finding->why);
    group->fix = strdup(finding->fix);
    group->rule_id = strdup(finding->rule_id);
    group->proto = strdup(finding->proto);
    group->breadth_class = strdup(finding->breadth_class);
    group->evidence_kind = strdup(finding->evidence_kind);
    group->controls = strdup(finding->controls);
    group->port = finding->port;
    group->severity = severity;
    group->penalty = finding->penalty;
    if (group->title == NULL || group->why == NULL || group->fix == NULL || group->rule_id == NULL ||
        group->proto == NULL || group->breadth_class == NULL || group->evidence_kind == NULL ||
        group->controls == NULL) {
        free_group(group);
        free(group);
        return NULL;
    }
    return group;
}

/* New is what the last audit saw first; where it was the only one, everything would be. */
static void add_to_group(const struct report_data *data, struct report_group *group,
                         const struct store_finding *finding)
{
    bool is_new = data->before.is_set && finding->first_seen >= data->last.started_at;

    if (group->count < REPORT_HOSTS_NAMED) {
        report_place(finding->address, finding->name, finding->realm, group->places[group->count]);
    }
    if (group->count == 0) {
        snprintf(group->owner, sizeof(group->owner), "%s", finding->owner);
    }
    group->has_other_owners = group->has_other_owners || strcmp(group->owner, finding->owner) != 0;
    if (finding->due_at != 0 && (group->due_at == 0 || finding->due_at < group->due_at)) {
        group->due_at = finding->due_at;
    }
    group->count++;
    group->sum += finding->penalty;
    group->new_count += is_new ? 1 : 0;
    group->back_count += strcmp(finding->presence, "REAPPEARED") == 0 ? 1 : 0;
    group->stale_count += strcmp(finding->sight, "STALE") == 0 ? 1 : 0;
    group->acknowledged_count += strcmp(finding->disposition, "ACKNOWLEDGED") == 0 ? 1 : 0;
}

static bool is_own_view(const char *breadth_class)
{
    static const char *const own[] = {"self", "loopback", "wildcard", "own-address"};

    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        if (strcmp(breadth_class, own[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int file_finding(struct gathering *gathering, const struct store_finding *finding, enum severity severity)
{
    struct report_group *group = begin_group(finding, severity);
    struct report_group **found;
    int rc;

    if (group == NULL) {
        return -ENOMEM;
    }
    found = tsearch(group, &gathering->tree, compare_group);
    if (found != NULL && *found != group) {
        free_group(group);
        free(group);
        add_to_group(gathering->data, *found, finding);
        return 0;
    }
    rc = found == NULL ? -ENOMEM : keep(gathering, group);
    if (rc != 0) {
        if (found != NULL) {
            tdelete(group, &gathering->tree, compare_group);
        }
        free_group(group);
        free(group);
        return rc;
    }
    add_to_group(gathering->data, group, finding);
    return 0;
}

static int take_finding(void *context, const struct store_finding *finding)
{
    struct gathering *gathering = context;
    struct report_data *data = gathering->data;
    enum severity severity;

    if (severity_parse(finding->severity, &severity) != 0) {
        return -EUCLEAN;
    }
    if (is_own_view(finding->breadth_class)) {
        gathering->seen_from_itself = true;
    } else {
        gathering->seen_from_elsewhere = true;
    }
    if (strcmp(finding->disposition, "WAIVED") == 0) {
        data->waived_count++;
        return 0;
    }
    data->finding_count++;
    data->severities[severity]++;
    data->stale_count += strcmp(finding->sight, "STALE") == 0 ? 1 : 0;
    return file_finding(gathering, finding, severity);
}

static int compare_worst(const void *left, const void *right)
{
    const struct report_group *a = left;
    const struct report_group *b = right;

    if (a->severity != b->severity) {
        return (int)b->severity - (int)a->severity;
    }
    if (a->penalty < b->penalty || a->penalty > b->penalty) {
        return a->penalty < b->penalty ? 1 : -1;
    }
    if (a->count != b->count) {
        return a->count < b->count ? 1 : -1;
    }
    return compare_group(a, b);
}

/* Moves the items, `size` bytes each, into one array, and frees what held them. */
static int collect(struct gathering *gathering, size_t size, void **ret_array)
{
    char *array = calloc(gathering->count + 1, size);

    if (array == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < gathering->count; i++) {
        memcpy(array + i * size, gathering->items[i], size);
        free(gathering->items[i]);
    }
    *ret_array = array;
    return 0;
}

static int read_findings(struct store_reader *reader, struct report_data *data, struct gathering *all)
{
    const struct store_finding_filter filter = {.page = {.sort = STORE_FINDING_BY_PENALTY, .is_descending = true}};
    struct gathering gathering = {.data = data};
    void *groups = NULL;
    int rc = store_read_findings(reader, &filter, take_finding, &gathering);

    if (rc == 0) {
        rc = collect(&gathering, sizeof(*data->groups), &groups);
    }
    if (rc == 0) {
        data->groups = groups;
        data->group_count = gathering.count;
        qsort(data->groups, data->group_count, sizeof(*data->groups), compare_worst);
    } else {
        for (size_t i = 0; i < gathering.count; i++) {
            free_group(gathering.items[i]);
            free(gathering.items[i]);
        }
    }
    all->seen_from_elsewhere = gathering.seen_from_elsewhere;
    all->seen_from_itself = gathering.seen_from_itself;
    gathering_done(&gathering);
    return rc;
}

/* ---- changes, folded by finding ---- */

static int compare_finding(const void *left, const void *right)
{
    const struct report_change *a = left;
    const struct report_change *b = right;

    return strcmp(a->finding, b->finding);
}

static void free_change(struct report_change *change)
{
    free(change->finding);
    free(change->what);
}

static struct report_change *begin_change(const struct store_change *event)
{
    struct report_change *change = calloc(1, sizeof(*change));

    if (change == NULL) {
        return NULL;
    }
    change->finding = strdup(event->finding);
    /* No listener has port 0: it stands for those that came and went, for all of them, or for a network. */
    if ((event->port == 0
             ? asprintf(&change->what, "%s",
                        strcmp(event->kind, "every-port") == 0 ? "every port"
                        : store_kind_is_claimed(event->kind)   ? "rules of the network"
                                                               : "listeners on ephemeral ports")
             : asprintf(&change->what, "%" PRId64 "/%s %s", event->port, event->proto, event->service)) < 0) {
        change->what = NULL;
    }
    if (change->finding == NULL || change->what == NULL || severity_parse(event->severity, &change->severity) != 0) {
        free_change(change);
        free(change);
        return NULL;
    }
    report_place(event->address, event->name, event->realm, change->place);
    return change;
}

static int file_change(struct gathering *gathering, const struct store_change *event, struct report_change **ret_change)
{
    struct report_change *change = begin_change(event);
    struct report_change **found;
    int rc;

    if (change == NULL) {
        return -ENOMEM;
    }
    found = tsearch(change, &gathering->tree, compare_finding);
    if (found != NULL && *found == change) {
        rc = keep(gathering, change);
        if (rc == 0) {
            *ret_change = change;
            return 0;
        }
        tdelete(change, &gathering->tree, compare_finding);
    } else {
        rc = found == NULL ? -ENOMEM : 0;
    }
    free_change(change);
    free(change);
    if (rc == 0) {
        *ret_change = *found;
    }
    return rc;
}

/* Oldest first, so that the last word on each column stays. */
static int take_change(void *context, const struct store_change *event)
{
    struct gathering *gathering = context;
    bool is_presence = strcmp(event->what, "presence") == 0;
    struct report_change *change = NULL;
    bool is_retirement = !is_presence && strcmp(event->became, "RETIRED") == 0;
    int rc;

    /* What is retired at somebody's word is so before the scan begins that follows it. */
    if (event->at < gathering->data->last.started_at && !is_retirement) {
        return 0;
    }
    rc = file_change(gathering, event, &change);
    if (rc != 0) {
        return rc;
    }
    if (is_presence) {
        change->began = change->began || event->was[0] == '\0' || strcmp(event->was, "FOLDED") == 0;
        snprintf(change->presence, sizeof(change->presence), "%s", event->became);
    } else {
        snprintf(change->sight, sizeof(change->sight), "%s", event->became);
    }
    return 0;
}

static enum report_change_kind kind_of(const struct report_change *change)
{
    static const struct {
        const char *presence;
        enum report_change_kind kind;
    } kinds[] = {{"FIXED", REPORT_CHANGE_FIXED},
                 {"ALLOWED", REPORT_CHANGE_ALLOWED},
                 {"REAPPEARED", REPORT_CHANGE_BACK},
                 {"VERIFYING", REPORT_CHANGE_VERIFYING}};

    /* What came and went is told by the finding that stands for it. */
    if (strcmp(change->presence, "FOLDED") == 0) {
        return REPORT_CHANGE_KINDS;
    }
    if (strcmp(change->sight, "RETIRED") == 0) {
        return REPORT_CHANGE_RETIRED;
    }
    if (strcmp(change->sight, "STALE") == 0) {
        return REPORT_CHANGE_STALE;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(change->presence, kinds[i].presence) == 0) {
            return kinds[i].kind;
        }
    }
    return change->began ? REPORT_CHANGE_NEW : REPORT_CHANGE_KINDS;
}

static int compare_change(const void *left, const void *right)
{
    const struct report_change *a = left;
    const struct report_change *b = right;

    if (a->kind != b->kind) {
        return (int)a->kind - (int)b->kind;
    }
    if (a->severity != b->severity) {
        return (int)b->severity - (int)a->severity;
    }
    return strcmp(a->place, b->place);
}

/* Counts them; a move that a reader need not know (NEW to OPEN, sight back) is left out at the end of the order. */
static void sort_changes(struct report_data *data)
{
    for (size_t i = 0; i < data->change_count; i++) {
        data->changes[i].kind = kind_of(&data->changes[i]);
    }
    qsort(data->changes, data->change_count, sizeof(*data->changes), compare_change);
    while (data->change_count > 0 && data->changes[data->change_count - 1].kind == REPORT_CHANGE_KINDS) {
        free_change(&data->changes[--data->change_count]);
    }
    for (size_t i = 0; i < data->change_count; i++) {
        data->change_counts[data->changes[i].kind]++;
    }
}

static int read_changes(struct store_reader *reader, struct report_data *data)
{
    static const char *const whats[] = {"presence", "sight"};
    const struct store_change_filter filter = {.whats = {whats, 2}, .since = data->before.started_at};
    struct gathering gathering = {.data = data};
    void *changes = NULL;
    int rc = store_read_changes(reader, &filter, take_change, &gathering);

    if (rc == 0) {
        rc = collect(&gathering, sizeof(*data->changes), &changes);
    }
    if (rc == 0) {
        data->changes = changes;
        data->change_count = gathering.count;
        sort_changes(data);
    } else {
        for (size_t i = 0; i < gathering.count; i++) {
            free_change(gathering.items[i]);
            free(gathering.items[i]);
        }
    }
    gathering_done(&gathering);
    return rc;
}

/* ---- all of it ---- */

/* An endpoint of the scanner's own host names what its listener is bound to; ends at the first that does not. */
static int look_for_elsewhere(void *context, const struct store_endpoint *endpoint)
{
    struct gathering *gathering = context;

    if (endpoint->bound[0] == '\0') {
        gathering->seen_from_elsewhere = true;
        return 1;
    }
    gathering->seen_from_itself = true;
    return 0;
}

static int read_all(struct store_reader *reader, struct report_data *data)
{
    const struct store_host_filter hosts = {0};
    const struct store_endpoint_filter endpoints = {0};
    struct gathering all = {.data = data};
    int rc = read_audits(reader, data);

    rc = rc == 0 ? store_read_hosts(reader, &hosts, count_host, data) : rc;
    rc = rc == 0 ? read_findings(reader, data, &all) : rc;
    if (rc == 0 && data->finding_count + data->waived_count == 0) {
        rc = store_read_endpoints(reader, &endpoints, look_for_elsewhere, &all);
        rc = rc > 0 ? 0 : rc;
    }
    if (rc == 0 && data->before.is_set) {
        rc = read_changes(reader, data);
        rc = rc == 0 ? report_answer_changes_read(reader, data->last.started_at, &data->answer_changes) : rc;
    }
    rc = rc == 0 ? report_answers_read(reader, &data->answers) : rc;
    data->only_self = all.seen_from_itself && !all.seen_from_elsewhere;
    return rc;
}

int report_data_read(struct store_reader *reader, int64_t now_ms, struct report_data *ret_data)
{
    struct report_data data = {.last.missed_high = NAN};
    int rc = store_reader_begin(reader);

    if (rc != 0) {
        return rc;
    }
    rc = read_all(reader, &data);
    rc = rc == 0 ? due_read(reader, now_ms, &data.due) : rc;
    rc = rc == 0 ? report_holds_read(reader, &data.holds) : rc;
    store_reader_end(reader);
    if (rc != 0) {
        report_data_done(&data);
        return rc;
    }
    *ret_data = data;
    return 0;
}

void report_data_done(struct report_data *data)
{
    due_done(&data->due);
    for (size_t i = 0; i < data->group_count; i++) {
        free_group(&data->groups[i]);
    }
    for (size_t i = 0; i < data->change_count; i++) {
        free_change(&data->changes[i]);
    }
    report_answers_done(&data->answers);
    report_answer_changes_done(&data->answer_changes);
    free(data->groups);
    free(data->changes);
    json_decref(data->caps);
    json_decref(data->terms);
    memset(data, 0, sizeof(*data));
}
