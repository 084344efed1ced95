/* Preloaded before a program: its wall clock goes wrong by as many milliseconds as the file that LEASTPORT_CLOCK names
 * says at that moment: a decimal number, 24 bytes with blanks behind it. Other clocks are left alone. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CLOCK_FILE_SIZE = 24, MS_PER_S = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

typedef int clock_gettime_fn(clockid_t id, struct timespec *now);

static const char *clock_file;
static clock_gettime_fn *clock_real;

__attribute__((constructor)) static void clock_begin(void)
{
    const char *path = getenv("LEASTPORT_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *map;

    if (fd < 0) {
        return;
    }
    map = mmap(NULL, CLOCK_FILE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    clock_file = map == MAP_FAILED ? NULL : map;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the library's own names are reserved. */
int clock_gettime(clockid_t id, struct timespec *now)
{
    char text[CLOCK_FILE_SIZE + 1] = "";
    int64_t ms;
    int64_t ns;
    int rc;

    /* Other libraries ask for the time before our constructor has run. */
    if (clock_real == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
        memcpy(&clock_real, &symbol, sizeof(symbol));
    }
    rc = clock_real(id, now);

    if (rc != 0 || id != CLOCK_REALTIME || clock_file == NULL) {
        return rc;
    }
    memcpy(text, clock_file, CLOCK_FILE_SIZE);
    ms = strtoll(text, NULL, 10);
    ns = (int64_t)now->tv_nsec + ms % MS_PER_S * NS_PER_MS;
    now->tv_sec += (time_t)(ms / MS_PER_S) + (ns < 0 ? -1 : ns >= NS_PER_S ? 1 : 0);
    now->tv_nsec = (long)(ns < 0 ? ns + NS_PER_S : ns >= NS_PER_S ? ns - NS_PER_S : ns);
    return 0;
}
