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

enum { FOLDER_FILE_BYTES_MAX = 1 << 28 };

/* -ENODATA for an empty file. */
static int file_load(const char *path, json_t **ret_root)
{
    json_error_t error;
    struct stat status;
    /* Not to wait for somebody to write to a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    json_t *root;

    if (file == NULL) {
        log_error("cannot read %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -EIO;
    }
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > FOLDER_FILE_BYTES_MAX) {
        log_error("%s is no plain file of at most 256 MiB", path);
        fclose(file);
        return -EINVAL;
    }
    if (status.st_size == 0) {
        fclose(file);
        return -ENODATA;
    }
    root = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    fclose(file);
    if (root == NULL) {
        log_error("%s:%d: %s. It should hold what `aws ... --output json` prints.", path, error.line, error.text);
        return -EBADMSG;
    }
    *ret_root = root;
    return 0;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

int cloud_file_take(struct aws *aws, const char *path)
{
    json_t *root;
    int rc = file_load(path, &root);

    if (rc == 0) {
        rc = aws_take(aws, file_name(path), root);
        json_decref(root);
    }
    if (rc == -ENOENT || rc == -ENODATA) {
        log_error("%s holds nothing that `aws ... describe-* --output json` prints, such as \"SecurityGroups\"", path);
        rc = -EBADMSG;
    }
    return rc;
}

static int folder_file(struct aws *aws, const char *folder, const char *name)
{
    char path[4096];
    json_t *root;
    int rc;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path)) {
        log_error("%s/%s: the name is too long", folder, name);
        return -ENAMETOOLONG;
    }
    rc = file_load(path, &root);
    if (rc == 0) {
        rc = aws_take(aws, name, root);
        json_decref(root);
    }
    if (rc == -ENODATA) {
        log_warning("%s is empty, as a denied call leaves it: what it hides is UNKNOWN", path);
        return 0;
    }
    if (rc == -ENOENT) {
        log_warning("%s holds nothing that is known here, and was passed over", path);
        return 0;
    }
    return rc;
}

static int is_json(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > strlen(".json") &&
           strcmp(entry->d_name + length - strlen(".json"), ".json") == 0;
}

int cloud_folder_take(struct aws *aws, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_json, alphasort);
    int rc = 0;

    if (count < 0) {
        rc = -errno;
        log_error("cannot read the folder %s: %s", folder, strerror(-rc));
        return rc;
    }
    if (count == 0) {
        log_error("%s holds no file *.json. docs/reachability.md has the commands that fill such a folder.", folder);
        rc = -ENOENT;
    }
    for (int i = 0; i < count; i++) {
        rc = rc == 0 ? folder_file(aws, folder, entries[i]->d_name) : rc;
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* FNV-1a (RFC 9923): a difference is all that matters. */
static uint64_t stamp_more(uint64_t stamp, const void *bytes, size_t size)
{
    const uint8_t *each = bytes;

    for (size_t i = 0; i < size; i++) {
        stamp = (stamp ^ each[i]) * UINT64_C(0x100000001b3);
    }
    return stamp;
}

int cloud_folder_stamp(const char *folder, uint64_t *ret_stamp)
{
    uint64_t stamp = UINT64_C(0xcbf29ce484222325);
    struct dirent **entries;
    int count = scandir(folder, &entries, is_json, alphasort);

    if (count < 0) {
        return -errno;
    }
    for (int i = 0; i < count; i++) {
        struct stat status = {0};
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        stamp = stamp_more(stamp, entries[i]->d_name, strlen(entries[i]->d_name) + 1);
        if (stat(path, &status) == 0) {
            stamp = stamp_more(stamp, &status.st_ino, sizeof(status.st_ino));
            stamp = stamp_more(stamp, &status.st_size, sizeof(status.st_size));
            stamp = stamp_more(stamp, &status.st_mtim, sizeof(status.st_mtim));
            stamp = stamp_more(stamp, &status.st_ctim, sizeof(status.st_ctim));
        }
        free(entries[i]);
    }
    free(entries);
    *ret_stamp = stamp;
    return 0;
}
