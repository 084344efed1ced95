/* What stands at the control socket's other end and answers web's question for the daemon's state. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"
#include "web/control.h"

#include <assert.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One object with "ok":true and a newline behind it. */
static bool is_good(const uint8_t *data, size_t size)
{
    json_t *answer = NULL;
    bool good;

    if (size > 0 && data[size - 1] == '\n') {
        answer = json_loadb((const char *)data, size, 0, NULL);
    }
    good = json_is_true(json_object_get(answer, "ok"));
    json_decref(answer);
    return good;
}

/* The fuzzer's timer would end its wait for the answer. */
static enum control_state ask_undisturbed(const char *path)
{
    char said[CONTROL_HINDRANCE_SIZE];
    enum control_state state;
    sigset_t alarm;
    sigset_t before;

    assert(sigemptyset(&alarm) == 0 && sigaddset(&alarm, SIGALRM) == 0);
    assert(pthread_sigmask(SIG_BLOCK, &alarm, &before) == 0);
    state = control_ask(path, said);
    assert(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = peer_path();
    int64_t began = now_ms();
    enum control_state state;
    bool good = is_good(data, size);

    peer_say(data, size);
    state = ask_undisturbed(path);
    peer_wait();
    assert(state == CONTROL_RUNNING || state == CONTROL_SILENT);
    assert(state == CONTROL_SILENT || good);
    /* Where no time-out can have struck, the answer follows from the bytes alone. */
    assert(state == CONTROL_RUNNING || !good || now_ms() - began >= CONTROL_TIMEOUT_MS);
    return 0;
}
