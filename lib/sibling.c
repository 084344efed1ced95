#include "lib/sibling.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool sibling_is_program(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static int sibling_try(const char *folder, size_t length, const char *program, char *path, size_t size)
{
    int written;

    /* An empty entry of PATH means the current folder: a scan started there must not pick up a stranger's program. */
    if (length == 0 || length > PATH_MAX) {
        return -ENOENT;
    }
    written = snprintf(path, size, "%.*s/%s", (int)length, folder, program);
    if (written < 0 || (size_t)written >= size) {
        return -ENAMETOOLONG;
    }
    return sibling_is_program(path) ? 0 : -ENOENT;
}

int sibling_find_in(const char *program, const char *self, const char *search, char *path, size_t size)
{
    const char *slash = self == NULL ? NULL : strrchr(self, '/');
    int rc = -ENOENT;

    if (slash != NULL) {
        rc = sibling_try(self, (size_t)(slash - self), program, path, size);
    }
    while (rc == -ENOENT && search != NULL && *search != '\0') {
        size_t length = strcspn(search, ":");
        rc = sibling_try(search, length, program, path, size);
        search += length;
        search += *search == ':';
    }
    return rc;
}

int sibling_find(const char *program, char *path, size_t size)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (length < 0) {
        length = 0;
    }
    self[length] = '\0';
    return sibling_find_in(program, self, getenv("PATH"), path, size);
}
