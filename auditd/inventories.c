#include "auditd/inventories.h"

#include "auditd/aws_round.h"
#include "auditd/cloud/folder.h"
#include "auditd/cloud_entry.h"
#include "auditd/inventory/driver.h"
#include "auditd/judging.h"
#include "auditd/protocol.h"
#include "auditd/store/cloud.h"
#include "auditd/store/inventory.h"
#include "auditd/target_fold.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A file is looked at that often also where nobody tells of changes (a network's file system), and soon after somebody
 * did. */
enum { INVENTORIES_LOOK_MS = 10000, INVENTORIES_SOON_MS = 300 };

/* Programs that read an account, at a time. */
enum { INVENTORIES_READERS_MAX = 4 };

struct tracked {
    struct inventories *inventories;
    const struct config_inventory *config;
    uv_fs_event_t folder; /* of a file */
    bool is_watched;
    bool was_read;     /* well */
    bool hosts_unread; /* of a cloud: who is missing then says nothing */
    struct stat seen;
    uint64_t stamp;            /* of a cloud's folder */
    struct aws_round *round;   /* of accounts that are read live; NULL for others */
    struct mono_time round_at; /* when it began last */
    bool round_began;
    int64_t every_ms;
    bool round_waits;                  /* it ended, and could not be stored yet */
    char error[INVENTORY_REASON_SIZE]; /* that was said already */
    size_t withheld;
};

struct inventories {
    struct inventories_options options;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct aws_bound readers;
    char *place; /* of what readers write; NULL without live inventories */
    bool stopping;
    size_t count;
    struct tracked items[];
};

static void inventories_say_change(struct tracked *item, const struct store_inventory_change *change)
{
    const char *name = item->config->name;

    if (change->added > 0 || change->gone > 0) {
        log_notice("inventory %s: %zu hosts, %zu new, %zu gone", name, change->hosts, change->added, change->gone);
    }
    if (change->withheld > 0 && change->withheld != item->withheld) {
        log_warning(
            "inventory %s: it lacks %zu hosts that it had; that is more than a fifth, or nothing says where it ends "
            "(#end,N): they stay until `leastport inventory confirm %s`",
            name, change->withheld, name);
    }
    item->withheld = change->withheld;
}

static struct store_inventory_read inventories_read_of(const struct tracked *item, const char *actor)
{
    const struct config *config = &item->inventories->options.settings->config;

    return (struct store_inventory_read){
        .name = item->config->name,
        .realm = item->config->realm != NULL ? item->config->realm : config->realm,
        .tags = item->config->tags,
        .tag_count = item->config->tag_count,
        .actor = actor,
        .now_ms = wall_now_ms(),
    };
}

static int inventories_fail(struct tracked *item, const char *error)
{
    const struct store_inventory_read read = inventories_read_of(item, "auditd");

    if (strcmp(item->error, error) != 0) {
        snprintf(item->error, sizeof(item->error), "%s", error);
        log_error("inventory %s: %s; what it said last stays", item->config->name, error);
    }
    return store_inventory_failed(item->inventories->options.desk->store, &read, error);
}

static int inventories_judge(const struct inventories *inventories)
{
    const struct judging judging = {
        .store = inventories->options.desk->store,
        .config = &inventories->options.settings->config,
        .policy = inventories->options.settings->policy,
        .policy_id = inventories->options.desk->policy_id,
    };

    return judging_hosts(&judging);
}

/* ---- a cloud ---- */

/* Gaps are no failure: what they do not hide is stored. They stand where a failure does all the same, until a reading
 * has none. */
static int inventories_say_gaps(struct tracked *item, const struct aws *aws)
{
    const struct store_inventory_read read = inventories_read_of(item, "auditd");
    char gaps[INVENTORY_REASON_SIZE - 32];
    char text[INVENTORY_REASON_SIZE];
    size_t count = aws_round_say_gaps(aws, gaps, sizeof(gaps));

    if (count == 0) {
        if (item->error[0] != '\0') {
            log_notice("inventory %s: nothing is missing any more", item->config->name);
        }
        item->error[0] = '\0';
        return store_cloud_is_well(item->inventories->options.desk->store, item->config->name);
    }
    snprintf(text, sizeof(text), "%zu %s: %s", count, count == 1 ? "gap" : "gaps", gaps);
    if (strcmp(item->error, text) != 0) {
        snprintf(item->error, sizeof(item->error), "%s", text);
        log_warning("inventory %s: %s; what it hides is UNKNOWN", item->config->name, text);
    }
    return store_inventory_failed(item->inventories->options.desk->store, &read, text);
}

static int inventories_store_cloud(struct tracked *item, struct aws *aws, const char *actor)
{
    const struct cloud_entry entry = {
        .store = item->inventories->options.desk->store,
        .name = item->config->name,
        .tags = item->config->tags,
        .tag_count = item->config->tag_count,
        .actor = actor != NULL ? actor : "auditd",
        .is_confirmed = actor != NULL,
        .now_ms = wall_now_ms(),
    };
    struct cloud_entered entered = {.hosts_unread = false};
    char reason[CLOUD_REASON_SIZE] = "";
    int rc = cloud_entry_run(&entry, aws, &entered, reason);

    if (rc < 0) {
        return inventories_fail(item, reason) < 0 ? -EIO : rc;
    }
    item->hosts_unread = entered.hosts_unread;
    rc = inventories_say_gaps(item, aws);
    rc = rc == 0 && cloud_entered_matters(&entered) ? inventories_judge(item->inventories) : rc;
    if (rc == 0) {
        cloud_entry_say(item->config->name, &entered);
    }
    return rc;
}

static int inventories_open_cloud(struct tracked *item, struct aws **ret_aws)
{
    struct aws *aws = NULL;
    int rc;

    if (item->round != NULL) {
        return aws_round_take(item->round, ret_aws);
    }
    aws = aws_create();
    rc = aws == NULL ? -ENOMEM : cloud_folder_take(aws, item->config->cloud);
    if (rc < 0) {
        aws_destroy(aws);
        return inventories_fail(item, "its folder cannot be read: the daemon's log says why") < 0 ? -EIO : rc;
    }
    *ret_aws = aws;
    return 0;
}

/* As inventories_read_one(). */
static int inventories_read_cloud(struct tracked *item, const char *actor)
{
    struct aws *aws = NULL;
    int rc = inventories_open_cloud(item, &aws);

    rc = rc == 0 ? inventories_store_cloud(item, aws, actor) : rc;
    aws_destroy(aws);
    /* What is wrong with the folder stays so until it changes; what is wrong with the store may pass. */
    item->was_read = rc == 0 || item->error[0] != '\0';
    if (rc < 0 && item->error[0] == '\0') {
        log_error("inventory %s cannot be stored: %s", item->config->name,
                  store_last_error(item->inventories->options.desk->store)->text);
    }
    return rc;
}

/* ---- accounts that are read live ---- */

static bool inventories_round_is_due(const struct tracked *item)
{
    return !item->round_began || mono_elapsed_ns(item->round_at, mono_now()) / 1000000 >= (uint64_t)item->every_ms;
}

static void inventories_round_start(struct tracked *item)
{
    item->round_began = true;
    item->round_waits = false;
    item->round_at = mono_now();
    aws_round_start(item->round);
}

/* One that takes longer than its interval is not begun a second time. */
static void inventories_look_live(struct tracked *item)
{
    if (aws_round_is_running(item->round)) {
        return;
    }
    if (item->round_waits) {
        item->round_waits = inventories_read_cloud(item, NULL) < 0 && !item->was_read;
    }
    if (inventories_round_is_due(item)) {
        inventories_round_start(item);
    }
}

static void inventories_on_round(void *context)
{
    struct tracked *item = context;

    item->round_waits =
        !queue_flush(item->inventories->options.queue) || (inventories_read_cloud(item, NULL) < 0 && !item->was_read);
}

static void inventories_on_reader(void *context)
{
    const struct tracked *item = context;
    struct inventories *inventories = item->inventories;

    for (size_t i = 0; i < inventories->count; i++) {
        if (inventories->items[i].round != NULL) {
            aws_round_go_on(inventories->items[i].round);
        }
    }
}

static int inventories_make_round(struct tracked *item)
{
    struct inventories *inventories = item->inventories;

    if (inventories->place == NULL && asprintf(&inventories->place, "%s.aws", inventories->options.settings->db) < 0) {
        inventories->place = NULL;
        return -ENOMEM;
    }
    item->every_ms = item->config->live->every_ms;
    item->round =
        aws_round_create(inventories->loop, &(struct aws_round_options){.inventory = item->config->name,
                                                                        .config = item->config->live,
                                                                        .place = inventories->place,
                                                                        .keyring = inventories->options.keyring,
                                                                        .bound = &inventories->readers,
                                                                        .on_free = inventories_on_reader,
                                                                        .on_ended = inventories_on_round,
                                                                        .context = item});
    return item->round == NULL ? -ENOMEM : 0;
}

/* `actor` NULL: an ordinary read; else a person's, who confirms it. */
static int inventories_read_one(struct tracked *item, const char *actor)
{
    const struct inventory_driver *driver = inventory_driver_of(item->config);
    struct store_inventory_read read = inventories_read_of(item, actor != NULL ? actor : "auditd");
    struct store_inventory_change change = {0};
    char reason[INVENTORY_REASON_SIZE] = "";
    struct inventory room = {0};
    int rc = driver->read(item->config, &room, &read.inventory, reason);

    if (rc < 0) {
        inventory_done(&room);
        item->was_read = false;
        return inventories_fail(item, reason) < 0 ? -EIO : rc;
    }
    read.is_confirmed = actor != NULL;
    rc = store_inventory_apply(item->inventories->options.desk->store, &read, &change);
    inventory_done(&room);
    if (rc == 0) {
        item->was_read = true;
        item->error[0] = '\0';
        inventories_say_change(item, &change);
        rc = change.changed > 0 || change.gone > 0 ? inventories_judge(item->inventories) : 0;
    }
    if (rc < 0) {
        item->was_read = false;
        log_error("inventory %s cannot be stored: %s", item->config->name,
                  store_last_error(item->inventories->options.desk->store)->text);
    }
    return rc;
}

static int inventories_take(struct tracked *item, const char *actor)
{
    bool is_cloud = item->config->cloud != NULL || item->round != NULL;

    return is_cloud ? inventories_read_cloud(item, actor) : inventories_read_one(item, actor);
}

/* ---- changes ---- */

static bool inventories_cloud_changed(struct tracked *item)
{
    uint64_t stamp = 0;
    int rc = cloud_folder_stamp(item->config->cloud, &stamp);
    bool same = stamp == item->stamp && rc == 0;

    item->stamp = stamp;
    return !same || !item->was_read;
}

static bool inventories_changed(struct tracked *item)
{
    struct stat now = {0};
    bool same;

    if (item->config->cloud != NULL) {
        return inventories_cloud_changed(item);
    }
    if (item->config->path == NULL) {
        return !item->was_read;
    }
    if (stat(item->config->path, &now) < 0) {
        memset(&now, 0, sizeof(now));
    }
    same = now.st_ino == item->seen.st_ino && now.st_size == item->seen.st_size &&
           memcmp(&now.st_mtim, &item->seen.st_mtim, sizeof(now.st_mtim)) == 0 &&
           memcmp(&now.st_ctim, &item->seen.st_ctim, sizeof(now.st_ctim)) == 0;
    item->seen = now;
    return !same || !item->was_read;
}

static void inventories_look(uv_timer_t *timer)
{
    struct inventories *inventories = timer->data;

    for (size_t i = 0; i < inventories->count; i++) {
        struct tracked *item = &inventories->items[i];
        if (item->round != NULL) {
            inventories_look_live(item);
        } else if (queue_flush(inventories->options.queue) && inventories_changed(item)) {
            (void)!inventories_take(item, NULL);
        }
    }
}

/* Of other files in the folder (the database may be one) it is no news. */
static void inventories_on_change(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct tracked *item = event->data;
    const char *slash = strrchr(item->config->path, '/');

    (void)events;
    if (status == 0 && name != NULL && strcmp(name, slash == NULL ? item->config->path : slash + 1) == 0) {
        uv_timer_start(&item->inventories->timer, inventories_look, INVENTORIES_SOON_MS, INVENTORIES_LOOK_MS);
    }
}

/* The folder: editors and scripts put a new file in the old one's place. Without it there is still the timer. */
static void inventories_watch(struct tracked *item)
{
    char *path = strdup(item->config->path);

    if (path != NULL && uv_fs_event_init(item->inventories->loop, &item->folder) == 0) {
        item->is_watched = true;
        item->folder.data = item;
        if (uv_fs_event_start(&item->folder, inventories_on_change, dirname(path), 0) != 0) {
            log_notice("inventory %s: nobody tells when it changes here; it is looked at every %d s",
                       item->config->name, INVENTORIES_LOOK_MS / 1000);
        }
    }
    free(path);
}

/* ---- targets ---- */

static struct tracked *inventories_item(struct inventories *inventories, const char *name)
{
    for (size_t i = 0; name != NULL && i < inventories->count; i++) {
        if (strcmp(inventories->items[i].config->name, name) == 0) {
            return &inventories->items[i];
        }
    }
    return NULL;
}

int inventories_targets(struct inventories *inventories, const char *name, json_t **ret_targets)
{
    struct tracked *item = inventories_item(inventories, name);
    json_t *all = NULL;
    int rc;

    if (item != NULL && item->round == NULL && inventories_changed(item)) {
        (void)!inventories_take(item, NULL);
    }
    rc = store_inventory_targets(inventories->options.desk->store, name, &all);
    if (rc == 0 && json_array_size(all) == 0) {
        rc = -ENOENT;
    }
    rc = rc == 0 ? target_fold(all, ret_targets) : rc;
    json_decref(all);
    return rc;
}

/* ---- requests ---- */

static void inventories_list(struct inventories *inventories, struct control_client *client)
{
    json_t *list;

    if (store_inventory_list(inventories->options.desk->store, &list) < 0) {
        control_refuse(client, "%s", store_last_error(inventories->options.desk->store)->text);
        return;
    }
    control_send(client, json_pack("{s:b, s:o}", "ok", 1, "inventories", list));
}

static void inventories_confirm(struct inventories *inventories, struct control_client *client, const char *name)
{
    struct tracked *item = inventories_item(inventories, name);
    int rc;

    if (item == NULL) {
        control_refuse_for(client, -ENOENT, "there is no inventory \"%.64s\"", name == NULL ? "" : name);
        return;
    }
    if (inventories->stopping || !queue_flush(inventories->options.queue)) {
        control_refuse_for(client, -EBUSY, "the daemon is ending, or cannot write to its database");
        return;
    }
    if (item->round != NULL && aws_round_is_running(item->round)) {
        control_refuse_for(client, -EBUSY, "inventory %s is being read; ask again when that is done", name);
        return;
    }
    rc = inventories_take(item, control_client_actor(client));
    if (rc < 0) {
        control_refuse_for(client, rc, "inventory %s: %s", name,
                           item->error[0] != '\0' ? item->error
                                                  : store_last_error(inventories->options.desk->store)->text);
        return;
    }
    if (item->hosts_unread) {
        control_refuse_for(
            client, -EBUSY,
            "inventory %s: interfaces or instances were not read to the end, so that nothing says who is "
            "gone; `leastport inventory` tells why",
            name);
        return;
    }
    control_send(client, json_pack("{s:b, s:s}", "ok", 1, "inventory", name));
}

/* Begins now instead of when its time has come; what comes of it the list tells. */
static void inventories_reread(struct inventories *inventories, struct control_client *client, const char *name)
{
    struct tracked *item = inventories_item(inventories, name);

    if (item == NULL) {
        control_refuse_for(client, -ENOENT, "there is no inventory \"%.64s\"", name == NULL ? "" : name);
    } else if (item->round == NULL) {
        control_refuse_for(client, -EINVAL, "inventory %s is no live one: it is looked at every %d s anyway", name,
                           INVENTORIES_LOOK_MS / 1000);
    } else if (inventories->stopping || aws_round_is_running(item->round)) {
        control_refuse_for(client, -EBUSY, "inventory %s is being read already", name);
    } else {
        inventories_round_start(item);
        control_send(client, json_pack("{s:b, s:s}", "ok", 1, "inventory", name));
    }
}

void inventories_request(struct inventories *inventories, struct control_client *client, const json_t *request)
{
    const char *what = json_string_value(json_object_get(request, "do"));

    if (what != NULL && strcmp(what, CONTROL_INVENTORY_LIST) == 0) {
        inventories_list(inventories, client);
    } else if (what != NULL && strcmp(what, CONTROL_INVENTORY_CONFIRM) == 0) {
        inventories_confirm(inventories, client, json_string_value(json_object_get(request, "inventory")));
    } else if (what != NULL && strcmp(what, CONTROL_INVENTORY_READ) == 0) {
        inventories_reread(inventories, client, json_string_value(json_object_get(request, "inventory")));
    } else {
        control_refuse_for(client, -EINVAL, "\"do\" must be list, confirm or read");
    }
}

/* ---- life ---- */

struct inventories *inventories_create(uv_loop_t *loop, const struct inventories_options *options)
{
    const struct config *config = &options->settings->config;
    struct inventories *inventories =
        calloc(1, sizeof(*inventories) + config->inventory_count * sizeof(struct tracked));

    if (inventories == NULL) {
        return NULL;
    }
    inventories->options = *options;
    inventories->loop = loop;
    inventories->count = config->inventory_count;
    inventories->readers.most = INVENTORIES_READERS_MAX;
    uv_timer_init(loop, &inventories->timer);
    inventories->timer.data = inventories;
    for (size_t i = 0; i < inventories->count; i++) {
        inventories->items[i].inventories = inventories;
        inventories->items[i].config = &config->inventories[i];
        if (config->inventories[i].path != NULL) {
            inventories_watch(&inventories->items[i]);
        }
        if (config->inventories[i].live != NULL && inventories_make_round(&inventories->items[i]) < 0) {
            inventories_stop(inventories);
            return NULL;
        }
    }
    if (inventories->count > 0) {
        inventories_look(&inventories->timer);
        uv_timer_start(&inventories->timer, inventories_look, INVENTORIES_LOOK_MS, INVENTORIES_LOOK_MS);
    }
    return inventories;
}

void inventories_stop(struct inventories *inventories)
{
    if (inventories == NULL || inventories->stopping) {
        return;
    }
    inventories->stopping = true;
    uv_close((uv_handle_t *)&inventories->timer, NULL);
    for (size_t i = 0; i < inventories->count; i++) {
        if (inventories->items[i].is_watched) {
            uv_close((uv_handle_t *)&inventories->items[i].folder, NULL);
        }
        aws_round_destroy(inventories->items[i].round);
        inventories->items[i].round = NULL;
    }
}

void inventories_destroy(struct inventories *inventories)
{
    if (inventories != NULL) {
        free(inventories->place);
    }
    free(inventories);
}
