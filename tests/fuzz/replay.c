/* A harness without libFuzzer: gives it the empty input and then every file of the folders that are named, and says
 * how many there were. Fails on an input that takes over a second of processor time; a crash ends it by itself, after
 * the input's name. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { REPLAY_INPUT_MAX = 16 * 1024 * 1024, REPLAY_PATH_SIZE = 4096 };

struct replay {
    unsigned inputs;
    unsigned slow;
    uint64_t slowest_ns;
};

static uint64_t processor_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void replay_bytes(struct replay *replay, const char *name, const uint8_t *bytes, size_t size)
{
    uint64_t began;
    uint64_t took;

    /* Written before the harness runs: the last line is the input that crashed. */
    fprintf(stderr, "%s\n", name);
    began = processor_ns();
    LLVMFuzzerTestOneInput(bytes, size);
    took = processor_ns() - began;
    replay->inputs++;
    if (took > replay->slowest_ns) {
        replay->slowest_ns = took;
    }
    if (took > 1000000000) {
        replay->slow++;
        printf("%s takes %" PRIu64 " ms\n", name, took / 1000000);
    }
}

static int replay_file(struct replay *replay, const char *path)
{
    FILE *file = fopen(path, "re");
    struct stat status;
    uint8_t *bytes;
    size_t size;

    if (file == NULL || fstat(fileno(file), &status) != 0 || status.st_size > REPLAY_INPUT_MAX) {
        printf("%s cannot be read: %s\n", path, errno == 0 ? "it is too large" : strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return -EIO;
    }
    size = (size_t)status.st_size;
    /* Of its exact size, so that reading past it is seen. */
    bytes = malloc(size);
    if (bytes == NULL && size > 0) {
        fclose(file);
        return -ENOMEM;
    }
    size = fread(bytes, 1, size, file);
    fclose(file);
    replay_bytes(replay, path, bytes, size);
    free(bytes);
    return 0;
}

static int replay_folder(struct replay *replay, const char *folder)
{
    struct dirent **entries;
    char path[REPLAY_PATH_SIZE];
    int count = scandir(folder, &entries, NULL, alphasort);
    int rc = 0;

    if (count < 0) {
        printf("%s cannot be read: %s\n", folder, strerror(errno));
        return -EIO;
    }
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && rc == 0) {
            snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
            rc = replay_file(replay, path);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int main(int argc, char **argv)
{
    struct replay replay = {0};
    struct rusage usage;
    int rc = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER...\n", argv[0]);
        return 2;
    }
    replay_bytes(&replay, "the empty input", (const uint8_t *)"", 0);
    for (int i = 1; i < argc && rc == 0; i++) {
        rc = replay_folder(&replay, argv[i]);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%u inputs, the slowest %" PRIu64 " us, %ld KiB at most\n", replay.inputs, replay.slowest_ns / 1000,
           usage.ru_maxrss);
    return rc == 0 && replay.slow == 0 ? 0 : 1;
}
