#include "auditd/aws_round.h"

#include "auditd/aws_reader.h"
#include "auditd/cloud/folder.h"
#include "lib/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUND_PATH_SIZE = 4096 };

enum part_state { PART_WAITING, PART_READING, PART_READ, PART_FAILED };

/* An account in the course of a round. */
struct part {
    struct aws_round *round;
    const struct config_aws_account *account;
    struct aws_reader *reader; /* while it is READING */
    enum part_state state;
    char folder[ROUND_PATH_SIZE];
    char error[AWS_ROUND_TEXT_SIZE]; /* of FAILED */
};

struct aws_round {
    struct aws_round_options options;
    uv_loop_t *loop;
    bool is_running;
    bool has_ended; /* one has */
    size_t count;
    struct part parts[];
};

struct aws_round *aws_round_create(uv_loop_t *loop, const struct aws_round_options *options)
{
    size_t count = options->config->account_count;
    struct aws_round *round = calloc(1, sizeof(*round) + count * sizeof(struct part));

    if (round == NULL) {
        return NULL;
    }
    round->options = *options;
    round->loop = loop;
    round->count = count;
    for (size_t i = 0; i < count; i++) {
        round->parts[i].round = round;
        round->parts[i].account = &options->config->accounts[i];
    }
    return round;
}

void aws_round_destroy(struct aws_round *round)
{
    if (round == NULL) {
        return;
    }
    for (size_t i = 0; i < round->count; i++) {
        if (round->parts[i].state == PART_READING) {
            aws_reader_drop(round->parts[i].reader);
        }
    }
    free(round);
}

bool aws_round_is_running(const struct aws_round *round)
{
    return round->is_running;
}

/* ---- folders ---- */

/* A folder of ours alone, below `at`: made when it is missing, never somewhere else by a link. A descriptor. */
static int folder_open(int at, const char *path, int flags)
{
    struct stat status;
    int fd;

    if (mkdirat(at, path, 0700) < 0 && errno != EEXIST) {
        return -errno;
    }
    fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) < 0 || status.st_uid != geteuid() || fchmod(fd, 0700) < 0) {
        close(fd);
        return -EPERM;
    }
    return fd;
}

/* Takes the descriptor. */
static int folder_clear(int fd)
{
    DIR *folder = fdopendir(fd);
    const struct dirent *entry;
    int rc = 0;

    if (folder == NULL) {
        rc = -errno;
        close(fd);
        return rc;
    }
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        bool is_entry = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        rc = is_entry && unlinkat(dirfd(folder), entry->d_name, 0) < 0 ? -errno : 0;
    }
    closedir(folder);
    return rc;
}

/* PLACE/INVENTORY/N, for the owner alone, and empty. */
static int part_make_folder(struct part *part)
{
    const struct aws_round *round = part->round;
    char number[24];
    int place = folder_open(AT_FDCWD, round->options.place, 0);
    int own = place < 0 ? place : folder_open(place, round->options.inventory, O_NOFOLLOW);
    int fd;

    snprintf(number, sizeof(number), "%zu", (size_t)(part - round->parts) + 1);
    fd = own < 0 ? own : folder_open(own, number, O_NOFOLLOW);
    if (place >= 0) {
        close(place);
    }
    if (own >= 0) {
        close(own);
    }
    if (fd < 0) {
        return fd;
    }
    if ((size_t)snprintf(part->folder, sizeof(part->folder), "%s/%s/%s", round->options.place, round->options.inventory,
                         number) >= sizeof(part->folder)) {
        close(fd);
        return -ENAMETOOLONG;
    }
    return folder_clear(fd);
}

/* ---- the course of a reading ---- */

static void part_fail(struct part *part, const char *error)
{
    part->state = PART_FAILED;
    snprintf(part->error, sizeof(part->error), "%s", error);
}

static void round_settle(struct aws_round *round)
{
    bool is_open = false;

    for (size_t i = 0; i < round->count; i++) {
        is_open = is_open || round->parts[i].state == PART_WAITING || round->parts[i].state == PART_READING;
    }
    if (round->is_running && !is_open) {
        round->is_running = false;
        round->has_ended = true;
        round->options.on_ended(round->options.context);
    }
}

static void part_on_ended(void *context, const char *error)
{
    struct part *part = context;
    struct aws_round *round = part->round;

    part->reader = NULL;
    if (error == NULL) {
        part->state = PART_READ;
    } else {
        part_fail(part, error);
    }
    round->options.bound->running--;
    round_settle(round);
    round->options.on_free(round->options.context);
}

static void part_start(struct part *part)
{
    struct aws_round *round = part->round;
    const struct aws_reader_options options = {
        .config = round->options.config,
        .account = part->account,
        .folder = part->folder,
        .keyring = round->options.keyring,
        .on_ended = part_on_ended,
        .context = part,
    };
    char text[AWS_ROUND_TEXT_SIZE];
    int rc = part_make_folder(part);

    if (rc < 0) {
        snprintf(text, sizeof(text), "the folder for what is read cannot be made: %s", strerror(-rc));
        part_fail(part, text);
        return;
    }
    rc = aws_reader_start(round->loop, &options, &part->reader);
    if (rc < 0) {
        snprintf(text, sizeof(text), "its reader cannot be started: %s", strerror(-rc));
        part_fail(part, text);
        return;
    }
    part->state = PART_READING;
    round->options.bound->running++;
}

void aws_round_go_on(struct aws_round *round)
{
    if (!round->is_running) {
        return;
    }
    for (size_t i = 0; i < round->count && round->options.bound->running < round->options.bound->most; i++) {
        if (round->parts[i].state == PART_WAITING) {
            part_start(&round->parts[i]);
        }
    }
    round_settle(round);
}

void aws_round_start(struct aws_round *round)
{
    round->is_running = true;
    for (size_t i = 0; i < round->count; i++) {
        round->parts[i].state = PART_WAITING;
    }
    aws_round_go_on(round);
}

/* ---- what it brought ---- */

/* Of an account that was not read every list is missing. */
static int part_take_gap(const struct part *part, struct aws *aws)
{
    json_t *document =
        json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}]}", "LeastportGaps", "Account", config_aws_account_name(part->account),
                  "Region", "all", "Action", "the account", "List", AWS_EVERY_LIST, "Reason", part->error);
    int rc = document == NULL ? -ENOMEM : aws_take(aws, "gaps.json", document);

    json_decref(document);
    return rc;
}

/* -EIO when a folder cannot be read; its account is failed then. */
static int round_take_parts(struct aws_round *round, struct aws *aws)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < round->count; i++) {
        struct part *part = &round->parts[i];
        rc = part->state == PART_READ ? cloud_folder_take(aws, part->folder) : part_take_gap(part, aws);
        if (rc < 0 && rc != -ENOMEM) {
            part_fail(part, "what was read cannot be read back: the daemon's log says why");
            rc = -EIO;
        }
    }
    return rc;
}

int aws_round_take(struct aws_round *round, struct aws **ret_aws)
{
    int rc = round->has_ended && !round->is_running ? -EIO : -ENODATA;

    /* Each failure is another account's. */
    for (size_t i = 0; rc == -EIO && i <= round->count; i++) {
        struct aws *aws = aws_create();
        rc = aws == NULL ? -ENOMEM : round_take_parts(round, aws);
        if (rc == 0) {
            *ret_aws = aws;
        } else {
            aws_destroy(aws);
        }
    }
    return rc;
}

size_t aws_round_say_gaps(const struct aws *aws, char *text, size_t size)
{
    struct aws_gap gap;
    size_t count = 0;
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; aws_gap(aws, i, &gap); i++) {
        /* A region that is off for the account hides nothing that is in a list. */
        if (gap.list[0] == '\0') {
            continue;
        }
        count++;
        if (length < size - 1) {
            int more = snprintf(text + length, size - length, "%saccount %s, region %s: %s was not read%s%s (%s)",
                                length > 0 ? "; " : "", gap.account, gap.region, gap.action,
                                gap.of[0] == '\0' ? "" : " of ", gap.of, gap.reason);
            length = more < 0 || (size_t)more >= size - length ? size - 1 : length + (size_t)more;
        }
    }
    return count;
}
