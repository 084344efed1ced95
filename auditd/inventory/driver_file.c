/* A file, CSV or JSON as its first character tells. */
#include "auditd/inventory/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

static bool driver_file_has(const struct config_inventory *config)
{
    return config->path != NULL;
}

static int driver_file_fill(int fd, char *text, size_t size)
{
    size_t filled = 0;

    while (filled < size) {
        ssize_t count = read(fd, text + filled, size - filled);
        if (count > 0) {
            filled += (size_t)count;
        } else if (count == 0) {
            return -EAGAIN;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

static bool driver_file_same(const struct stat *one, const struct stat *other)
{
    return one->st_size == other->st_size && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* The whole file as it was for as long as it was read; the caller frees it. -EAGAIN: it changed meanwhile. */
static int driver_file_load(int fd, char **ret_text, size_t *ret_size)
{
    struct stat before;
    struct stat after;
    char *text;
    int rc;

    if (fstat(fd, &before) < 0) {
        return -errno;
    }
    if (!S_ISREG(before.st_mode)) {
        return -EINVAL;
    }
    if (before.st_size > FILE_MAX_BYTES) {
        return -EFBIG;
    }
    text = malloc((size_t)before.st_size + 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    rc = driver_file_fill(fd, text, (size_t)before.st_size);
    if (rc == 0 && fstat(fd, &after) < 0) {
        rc = -errno;
    }
    if (rc == 0 && !driver_file_same(&before, &after)) {
        rc = -EAGAIN;
    }
    if (rc < 0) {
        free(text);
        return rc;
    }
    text[before.st_size] = '\0';
    *ret_text = text;
    *ret_size = (size_t)before.st_size;
    return 0;
}

static const char *driver_file_explain(int rc)
{
    switch (rc) {
    case -EAGAIN:
        return "somebody is writing it";
    case -EINVAL:
        return "it is no regular file";
    case -EFBIG:
        return "it is larger than 64 MiB";
    default:
        return strerror(-rc);
    }
}

static int driver_file_parse(const char *path, const char *text, size_t size, struct inventory *inventory, char *reason)
{
    char what[INVENTORY_REASON_SIZE] = "out of memory";
    char first = text[strspn(text, " \t\r\n")];
    int rc = first == '[' || first == '{' ? inventory_parse_json(text, size, inventory, what)
                                          : inventory_parse_csv(text, size, inventory, what);

    if (rc < 0) {
        snprintf(reason, INVENTORY_REASON_SIZE, "%.120s: %.190s", path, what);
    }
    return rc;
}

static int driver_file_read(const struct config_inventory *config, struct inventory *room,
                            const struct inventory **ret_inventory, char reason[INVENTORY_REASON_SIZE])
{
    int fd = open(config->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    size_t size = 0;
    int rc = fd < 0 ? -errno : driver_file_load(fd, &text, &size);

    if (fd >= 0) {
        close(fd);
    }
    if (rc < 0 || text == NULL) {
        snprintf(reason, INVENTORY_REASON_SIZE, "%.200s: %.100s", config->path, driver_file_explain(rc));
        return rc;
    }
    rc = driver_file_parse(config->path, text, size, room, reason);
    free(text);
    *ret_inventory = room;
    return rc;
}

const struct inventory_driver inventory_driver_file = {"file", driver_file_has, driver_file_read};
