#include "auditd/cloud/snapshot.h"

#include "auditd/cloud/reading.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_LISTS_MAX = 64 };

/* Where a list that was cut short ends: what the CLI prints there, it only has to be something. */
static const char MORE[] = "more";

/* "target-health.web.json" is of "target-health.web"; "" of a name that says nothing. */
static void document_of(const char *name, char document[READING_NAME_SIZE])
{
    static const char *const kinds[] = {"prefix-list-entries", "target-health", "target-group-attributes",
                                        "load-balancer-attributes"};
    char of[READING_NAME_SIZE];

    document[0] = '\0';
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (reading_name_of(name, kinds[i], of)) {
            snprintf(document, READING_NAME_SIZE, "%s.%.*s", kinds[i], (int)(READING_NAME_SIZE - 2 - strlen(kinds[i])),
                     of);
            return;
        }
    }
}

/* The member of that name, made when it is missing. NULL when out of memory. */
static json_t *member_of(json_t *object, const char *name)
{
    json_t *member = json_object_get(object, name);

    if (member == NULL && json_object_set_new(object, name, json_object()) == 0) {
        member = json_object_get(object, name);
    }
    return member;
}

static bool all_have_ids(const json_t *list, const char *id)
{
    size_t index;
    json_t *item;

    if (id == NULL || !json_is_array(list)) {
        return false;
    }
    json_array_foreach(list, index, item)
    {
        const char *text = json_string_value(json_object_get(item, id));
        if (text == NULL || text[0] == '\0') {
            return false;
        }
    }
    return true;
}

/* A record without what changes by itself. NULL when out of memory. */
static json_t *record_of(json_t *item)
{
    static const char *const moments[] = {"LatestRestorableTime", "LastPingDateTime", "LastAssociationExecutionDate",
                                          "LastSuccessfulAssociationExecutionDate"};
    json_t *record = json_incref(item);

    for (size_t i = 0; record != NULL && i < sizeof(moments) / sizeof(*moments); i++) {
        if (json_object_get(record, moments[i]) == NULL) {
            continue;
        }
        if (record == item) {
            record = json_copy(item);
            json_decref(item);
        }
        if (record != NULL) {
            json_object_del(record, moments[i]);
        }
    }
    return record;
}

/* Lists without ids of several documents are one after the other. */
static int take_whole(json_t *records, const json_t *value)
{
    json_t *before = json_object_get(records, "");
    int rc = 0;

    if (before == NULL) {
        rc = json_object_set_new(records, "", json_copy((json_t *)(uintptr_t)value));
    } else if (json_is_array(before) && json_is_array(value)) {
        rc = json_array_extend(before, (json_t *)(uintptr_t)value);
    }
    return rc == 0 ? 0 : -ENOMEM;
}

/* Another one with the id (a reservation that two answers have a part of each) sorts behind the first. */
static int take_record(json_t *records, const char *key, json_t *item)
{
    json_t *record = record_of(item);
    json_t *before = json_object_get(records, key);
    char *other = NULL;
    int rc;

    if (record == NULL) {
        return -ENOMEM;
    }
    if (before != NULL && json_equal(before, record)) {
        json_decref(record);
        return 0;
    }
    if (before != NULL && asprintf(&other, "%s#%zu", key, json_object_size(records)) < 0) {
        json_decref(record);
        return -ENOMEM;
    }
    rc = json_object_set_new(records, before == NULL ? key : other, record);
    free(other);
    return rc == 0 ? 0 : -ENOMEM;
}

static int take_records(json_t *records, const json_t *value, const char *id)
{
    size_t index;
    json_t *item;

    if (!all_have_ids(value, id)) {
        return take_whole(records, value);
    }
    json_array_foreach(value, index, item)
    {
        if (take_record(records, json_string_value(json_object_get(item, id)), item) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

struct wanted {
    const char *list;
    const char *id; /* what tells its records apart; NULL: nothing does */
    bool has_gap;   /* in some account or region it was not read */
};

static int take_list(json_t *lists, const struct wanted *wanted, const json_t *document)
{
    const char *list = wanted->list;
    const json_t *value = json_object_get(document, list);
    json_t *entry = value == NULL ? NULL : member_of(lists, list);
    json_t *records = entry == NULL ? NULL : member_of(entry, "records");
    const json_t *before = json_object_get(entry, "whole");
    bool whole = !wanted->has_gap && !aws_is_cut_short(document) && (before == NULL || json_is_true(before));

    if (value == NULL) {
        return 0;
    }
    if (records == NULL || json_object_set_new(entry, "whole", json_boolean(whole)) != 0) {
        return -ENOMEM;
    }
    return take_records(records, value, wanted->id);
}

json_t *cloud_snapshot_of(const struct aws *aws)
{
    json_t *snapshot = json_object();
    struct wanted wanted[SNAPSHOT_LISTS_MAX];
    size_t count = 0;
    const char *name;
    json_t *document;
    int rc = snapshot == NULL ? -ENOMEM : 0;

    while (count < SNAPSHOT_LISTS_MAX && (wanted[count].list = aws_list(count, &wanted[count].id)) != NULL) {
        wanted[count].has_gap = aws_has_gap(aws, wanted[count].list);
        count++;
    }
    assert(count < SNAPSHOT_LISTS_MAX);

    for (size_t i = 0; rc == 0 && (document = aws_document(aws, i, &name)) != NULL; i++) {
        char of[READING_NAME_SIZE];
        json_t *lists;
        document_of(name, of);
        lists = member_of(snapshot, of);
        rc = lists == NULL ? -ENOMEM : 0;
        for (size_t j = 0; rc == 0 && j < count; j++) {
            rc = take_list(lists, &wanted[j], document);
        }
    }
    if (rc < 0) {
        json_decref(snapshot);
        return NULL;
    }
    return snapshot;
}

/* What stood under the list's name. NULL when out of memory. */
static json_t *value_of(const json_t *records)
{
    json_t *whole = json_object_get(records, "");
    json_t *value = whole != NULL && json_object_size(records) == 1 ? json_incref(whole) : json_array();
    const char *key;
    json_t *record;

    if (value == whole) {
        return value;
    }
    json_object_foreach((json_t *)(uintptr_t)records, key, record)
    {
        int rc = key[0] == '\0' && json_is_array(record) ? json_array_extend(value, record)
                                                         : json_array_append(value, record);
        if (rc != 0) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

int cloud_snapshot_take(struct aws *aws, const char *document, const char *list, bool whole, const json_t *records)
{
    json_t *value = value_of(records);
    json_t *root = value == NULL ? NULL : json_pack("{s:o}", list, value);
    int rc = root == NULL ? -ENOMEM : 0;

    if (rc == 0 && !whole) {
        rc = json_object_set_new(root, "NextToken", json_string(MORE)) == 0 ? 0 : -ENOMEM;
    }
    /* A list that nobody knows any more says nothing. */
    rc = rc == 0 ? aws_take(aws, document[0] == '\0' ? list : document, root) : rc;
    json_decref(root);
    return rc == -ENOENT ? 0 : rc;
}

int cloud_snapshot_unpack(struct aws *aws, const json_t *snapshot)
{
    const char *document;
    json_t *lists;
    int rc = json_is_object(snapshot) ? 0 : -EINVAL;

    json_object_foreach((json_t *)(uintptr_t)snapshot, document, lists)
    {
        const char *list;
        json_t *entry;
        rc = rc == 0 && !json_is_object(lists) ? -EINVAL : rc;
        json_object_foreach(lists, list, entry)
        {
            json_t *records = json_object_get(entry, "records");
            json_t *whole = json_object_get(entry, "whole");
            rc = rc == 0 && (!json_is_object(records) || !json_is_boolean(whole)) ? -EINVAL : rc;
            rc = rc == 0 ? cloud_snapshot_take(aws, document, list, json_is_true(whole), records) : rc;
        }
    }
    return rc;
}
