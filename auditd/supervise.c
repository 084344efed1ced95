#include "auditd/supervise.h"

#include "auditd/child.h"
#include "auditd/ingest/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUPERVISE_LINE_MAX_BYTES = 4096, SUPERVISE_ARGS_MAX = 32 };

struct supervise {
    struct supervise_options options;
    uv_loop_t *loop;
    uv_process_t process;
    uv_pipe_t out;
    uv_timer_t timer;
    struct lines *lines;
    struct backoff backoff;
    struct mono_time started;
    enum supervise_state state;
    uint32_t restarts;
    int open_handles; /* of this child's process and pipe */
    bool runs;
    bool was_ready;
    bool stopping;
    bool misused; /* by its own word: its arguments are wrong */
    char how[128];
    char buffer[SUPERVISE_LINE_MAX_BYTES];
};

static void supervise_on_timer(uv_timer_t *timer);

const char *supervise_state_name(enum supervise_state state)
{
    static const char *const names[] = {"starting", "listening", "waiting", "failed", "stopped"};

    return names[state];
}

struct supervise_options supervise_options_default(void)
{
    return (struct supervise_options){
        .backoff = backoff_options_default(), .unready_deaths_max = 4, .patience_ms = 5000};
}

enum supervise_state supervise_state(const struct supervise *supervise)
{
    return supervise->state;
}

pid_t supervise_pid(const struct supervise *supervise)
{
    return supervise->runs ? supervise->process.pid : 0;
}

uint32_t supervise_restarts(const struct supervise *supervise)
{
    return supervise->restarts;
}

bool supervise_was_misused(const struct supervise *supervise)
{
    return supervise->misused;
}

/* ---- its end ---- */

static void supervise_on_gone(uv_handle_t *handle)
{
    struct supervise *supervise = handle->data;

    supervise->state = SUPERVISE_STOPPED;
    if (supervise->options.on_stopped != NULL) {
        supervise->options.on_stopped(supervise->options.context);
    }
    lines_destroy(supervise->lines);
    free(supervise);
}

static void supervise_go(struct supervise *supervise)
{
    if (!uv_is_closing((uv_handle_t *)&supervise->timer)) {
        uv_close((uv_handle_t *)&supervise->timer, supervise_on_gone);
    }
}

static void supervise_after_death(struct supervise *supervise)
{
    uint64_t wait_ms = 0;
    bool again;

    if (supervise->stopping) {
        supervise_go(supervise);
        return;
    }
    again = !supervise->misused && backoff_died(&supervise->backoff, supervise->started, mono_now(), &wait_ms) &&
            (supervise->was_ready || supervise->restarts + 1 < supervise->options.unready_deaths_max);
    supervise->state = again ? SUPERVISE_WAITING : SUPERVISE_FAILED;
    if (again) {
        (void)uv_timer_start(&supervise->timer, supervise_on_timer, wait_ms, 0);
    }
    if (supervise->options.on_died != NULL) {
        supervise->options.on_died(supervise->options.context, supervise->how, supervise->state, wait_ms);
    }
}

static void supervise_on_closed(uv_handle_t *handle)
{
    struct supervise *supervise = handle->data;

    supervise->open_handles--;
    if (supervise->open_handles == 0) {
        supervise_after_death(supervise);
    }
}

static void supervise_on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct supervise *supervise = process->data;

    supervise->runs = false;
    uv_timer_stop(&supervise->timer);
    if (signal_number != 0) {
        snprintf(supervise->how, sizeof(supervise->how), "was ended by signal %d (%s)", signal_number,
                 strsignal(signal_number));
    } else {
        snprintf(supervise->how, sizeof(supervise->how), "ended with status %" PRId64, status);
        supervise->misused =
            !supervise->was_ready && status != 0 && status == (int64_t)supervise->options.misuse_status;
    }
    uv_close((uv_handle_t *)&supervise->process, supervise_on_closed);
    uv_close((uv_handle_t *)&supervise->out, supervise_on_closed);
}

/* ---- what it says ---- */

static int supervise_take_line(void *context, const char *line, size_t length)
{
    struct supervise *supervise = context;
    size_t prefix = strlen(supervise->options.ready_prefix);

    (void)length;
    if (supervise->state == SUPERVISE_STARTING && strncmp(line, supervise->options.ready_prefix, prefix) == 0) {
        supervise->state = SUPERVISE_READY;
        supervise->was_ready = true;
        if (supervise->options.on_ready != NULL) {
            supervise->options.on_ready(supervise->options.context, line + prefix);
        }
    }
    return 0;
}

static void supervise_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct supervise *supervise = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(supervise->buffer, sizeof(supervise->buffer));
}

static void supervise_on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct supervise *supervise = stream->data;

    /* Without memory for its lines it is never ready, which shows. */
    if (count < 0 || lines_feed(supervise->lines, buffer->base, (size_t)count, supervise_take_line, supervise) < 0) {
        uv_read_stop(stream);
    }
}

/* ---- its start ---- */

static int supervise_spawn(struct supervise *supervise)
{
    char self[PATH_MAX] = "/proc/self/exe";
    char program[PATH_MAX];
    char *args[CHILD_ARGS + SUPERVISE_ARGS_MAX + 1];
    struct child child;
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&supervise->out},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    /* A session of its own: a terminal's Ctrl-C reaches us alone, and we end it in order. */
    uv_process_options_t options = {
        .exit_cb = supervise_on_exit,
        .file = self,
        .args = args,
        .stdio_count = 3,
        .stdio = stdio,
        .flags = UV_PROCESS_DETACHED,
    };
    size_t count = 0;

    snprintf(program, sizeof(program), "%s", supervise->options.program);
    child_args(&child, SIGTERM, program, args);
    while (count < SUPERVISE_ARGS_MAX && supervise->options.args[count] != NULL) {
        args[CHILD_ARGS + count] = supervise->options.args[count];
        count++;
    }
    args[CHILD_ARGS + count] = NULL;
    return uv_spawn(supervise->loop, &supervise->process, &options);
}

static int supervise_start(struct supervise *supervise)
{
    int rc;

    uv_pipe_init(supervise->loop, &supervise->out, 0);
    supervise->out.data = supervise->process.data = supervise;
    supervise->open_handles = 2;
    supervise->started = mono_now();
    supervise->state = SUPERVISE_STARTING;
    rc = supervise_spawn(supervise);
    if (rc < 0) {
        snprintf(supervise->how, sizeof(supervise->how), "cannot be started: %s", strerror(-rc));
        uv_close((uv_handle_t *)&supervise->process, supervise_on_closed);
        uv_close((uv_handle_t *)&supervise->out, supervise_on_closed);
        return rc;
    }
    supervise->runs = true;
    if (uv_read_start((uv_stream_t *)&supervise->out, supervise_on_alloc, supervise_on_read) != 0) {
        (void)uv_process_kill(&supervise->process, SIGTERM);
    }
    return 0;
}

static void supervise_on_timer(uv_timer_t *timer)
{
    struct supervise *supervise = timer->data;

    if (supervise->stopping) {
        (void)uv_process_kill(&supervise->process, SIGKILL);
        return;
    }
    supervise->restarts++;
    /* One that cannot be started counts as one that died. */
    (void)!supervise_start(supervise);
}

void supervise_stop(struct supervise *supervise)
{
    if (supervise->stopping) {
        return;
    }
    supervise->stopping = true;
    if (supervise->runs) {
        (void)uv_process_kill(&supervise->process, SIGTERM);
        (void)uv_timer_start(&supervise->timer, supervise_on_timer, supervise->options.patience_ms, 0);
    } else if (supervise->open_handles == 0) {
        supervise_go(supervise);
    }
}

int supervise_create(uv_loop_t *loop, const struct supervise_options *options, struct supervise **ret_supervise)
{
    struct supervise *supervise = calloc(1, sizeof(*supervise));
    int rc;

    if (supervise == NULL) {
        return -ENOMEM;
    }
    supervise->lines = lines_create(SUPERVISE_LINE_MAX_BYTES);
    if (supervise->lines == NULL) {
        free(supervise);
        return -ENOMEM;
    }
    supervise->options = *options;
    supervise->loop = loop;
    backoff_init(&supervise->backoff, &options->backoff);
    uv_timer_init(loop, &supervise->timer);
    supervise->timer.data = supervise;
    rc = supervise_start(supervise);
    if (rc < 0) {
        supervise->options.on_stopped = NULL;
        supervise->stopping = true;
        return rc;
    }
    *ret_supervise = supervise;
    return 0;
}
