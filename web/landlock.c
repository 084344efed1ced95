#include "web/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel's versions added; the header of the build may be older than the kernel. */
enum {
    LANDLOCK_FS_FIRST = (1 << 13) - 1,  /* version 1: the thirteen from EXECUTE to MAKE_SYM */
    LANDLOCK_FS_REFER = 1 << 13,        /* 2 */
    LANDLOCK_FS_TRUNCATE = 1 << 14,     /* 3 */
    LANDLOCK_FS_IOCTL_DEVICE = 1 << 15, /* 5 */
    LANDLOCK_NET_TCP = 3,               /* 4: bind and connect */
    LANDLOCK_SCOPES = 3,                /* 6: abstract UNIX sockets, signals */
};

/* struct landlock_ruleset_attr as it has grown; the kernel is told how much of it it knows. */
struct landlock_handled {
    uint64_t files;
    uint64_t net;
    uint64_t scopes;
};

static size_t landlock_choose(unsigned abi, struct landlock_handled *handled)
{
    *handled = (struct landlock_handled){.files = LANDLOCK_FS_FIRST};
    handled->files |= abi >= 2 ? LANDLOCK_FS_REFER : 0;
    handled->files |= abi >= 3 ? LANDLOCK_FS_TRUNCATE : 0;
    handled->files |= abi >= 5 ? LANDLOCK_FS_IOCTL_DEVICE : 0;
    handled->net = abi >= 4 ? LANDLOCK_NET_TCP : 0;
    handled->scopes = abi >= 6 ? LANDLOCK_SCOPES : 0;
    return abi >= 6 ? sizeof(*handled) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int landlock_allow(int ruleset, const char *folder)
{
    struct landlock_path_beneath_attr beneath = {.allowed_access =
                                                     LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
    int rc = 0;

    beneath.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (beneath.parent_fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    }
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0) {
        rc = -errno;
    }
    close(beneath.parent_fd);
    return rc;
}

int landlock_enter(const char *const *folders, size_t count, unsigned *ret_abi)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_handled handled;
    size_t size;
    int ruleset;
    int rc = 0;

    if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
        *ret_abi = 0;
        return 0;
    }
    if (abi < 0) {
        return -errno;
    }
    size = landlock_choose((unsigned)abi, &handled);
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0);
    if (ruleset < 0) {
        return -errno;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = landlock_allow(ruleset, folders[i]);
    }
    if (rc == 0 &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)) {
        rc = -errno;
    }
    close(ruleset);
    if (rc == 0) {
        *ret_abi = (unsigned)abi;
    }
    return rc;
}
