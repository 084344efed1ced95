#include "web/sandbox.h"

#include "web/landlock.h"
#include "web/syscalls.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

enum { SANDBOX_FILES_MAX = 8, SANDBOX_FOLDERS_MAX = 2 * SANDBOX_FILES_MAX + 1 };

const char *sandbox_step_name(enum sandbox_step step)
{
    static const char *const names[] = {"giving up capabilities", "entering Landlock", "entering seccomp",
                                        "trying the sandbox"};

    return names[step];
}

static int sandbox_drop_capabilities(void)
{
    capng_select_t what = CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT;
    bool reads;

    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_get_caps_process() != 0) {
        return -EIO;
    }
    reads = capng_have_capability(CAPNG_EFFECTIVE, CAP_DAC_READ_SEARCH) != 0;
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0) {
        what |= CAPNG_SELECT_BOUNDS;
    }
    capng_clear(what);
    if (reads && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_READ_SEARCH) != 0) {
        return -EIO;
    }
    return capng_apply(what) == 0 ? 0 : -EPERM;
}

/* ---- folders ---- */

struct sandbox_folders {
    char *paths[SANDBOX_FOLDERS_MAX];
    size_t count;
};

/* Takes `path`. */
static int sandbox_add_folder(struct sandbox_folders *folders, char *path)
{
    if (path == NULL) {
        return -ENOMEM;
    }
    folders->paths[folders->count++] = path;
    return 0;
}

/* The folder of a path; the nearest one above when it is not there yet. */
static char *sandbox_folder(const char *path)
{
    char *copy = strdup(path);
    char *folder = copy == NULL ? NULL : dirname(copy);
    char *result;

    while (folder != NULL && access(folder, F_OK) != 0 && strcmp(folder, ".") != 0 && strcmp(folder, "/") != 0) {
        folder = dirname(folder);
    }
    result = folder == NULL ? NULL : strdup(folder);
    free(copy);
    return result;
}

static int sandbox_add_file(struct sandbox_folders *folders, const char *file)
{
    char *real = realpath(file, NULL);
    int rc = sandbox_add_folder(folders, sandbox_folder(file));

    if (rc == 0 && real != NULL) {
        rc = sandbox_add_folder(folders, sandbox_folder(real));
    }
    free(real);
    return rc;
}

static int sandbox_enter_landlock(const char *const *files, size_t count, unsigned *ret_abi)
{
    struct sandbox_folders folders = {.count = 0};
    int rc = count > SANDBOX_FILES_MAX ? -E2BIG : 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = files[i] == NULL ? 0 : sandbox_add_file(&folders, files[i]);
    }
#ifdef SANITIZED
    /* Where the leak check looks for threads and mappings. */
    rc = rc == 0 ? sandbox_add_folder(&folders, strdup("/proc")) : rc;
#endif
    if (rc == 0) {
        rc = landlock_enter((const char *const *)folders.paths, folders.count, ret_abi);
    }
    for (size_t i = 0; i < folders.count; i++) {
        free(folders.paths[i]);
    }
    return rc;
}

/* ---- entering ---- */

/* A sandbox that is none would be worse than one that is missing. */
static int sandbox_check(const char *file)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);

    if (fd < 0) {
        fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
    }
    if (fd >= 0) {
        close(fd);
        return -EIO;
    }
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EIO;
}

int sandbox_enter(const char *const *files, size_t count, enum sandbox_step *ret_step, struct sandbox *ret_sandbox)
{
    struct sandbox sandbox = {.is_entered = true};
    int rc;

    *ret_step = SANDBOX_CAPABILITIES;
    rc = sandbox_drop_capabilities();
    if (rc == 0) {
        *ret_step = SANDBOX_LANDLOCK;
        rc = sandbox_enter_landlock(files, count, &sandbox.landlock_abi);
    }
    if (rc == 0) {
        *ret_step = SANDBOX_SECCOMP;
        rc = syscalls_confine();
    }
    if (rc == 0) {
        *ret_step = SANDBOX_CHECK;
        rc = sandbox_check(files[0]);
    }
    if (rc == 0) {
        *ret_sandbox = sandbox;
    }
    return rc;
}
