#include "auditd/sweep.h"

#include "auditd/child.h"
#include "auditd/ingest/lines.h"
#include "auditd/report/typeset.h"
#include "scanner/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SWEEP_READ_BYTES = 65536,
    SWEEP_SAID_MAX_BYTES = 4096,
    /* Of lines that are refused so many are named; the rest is counted. */
    SWEEP_REFUSALS_SHOWN = 5,
    /* Of what it says, on stderr and in notices, so many lines are passed on: a scanner gone wild must not fill logs.
     */
    SWEEP_SAID_SHOWN = 1000,
    /* Pipes of a scanner that is gone are left after so much silence when the audit is to end. */
    SWEEP_SILENCE_MS = 200,
    /* What came is on disk after so long, even while the scanner has nothing more to say. */
    SWEEP_FLUSH_MS = 1000,
};

enum sweep_handle { SWEEP_PROCESS, SWEEP_STDIN, SWEEP_STDOUT, SWEEP_STDERR, SWEEP_TIMER, SWEEP_FLUSH, SWEEP_HANDLES };

struct sweep {
    struct sweep_options options;
    struct ingest *ingest;
    struct lines *observed;
    struct lines *said;
    uv_process_t process;
    uv_pipe_t in;
    uv_pipe_t out;
    uv_pipe_t err;
    uv_timer_t timer;
    uv_timer_t flush;
    uv_write_t plan_write;
    char *plan;
    json_t *sent; /* the same */
    char *scanner;
    uint64_t refusals;
    uint64_t said_count;
    int64_t exit_status;
    int term_signal;
    int store_rc;
    int open_handles;
    int closed_handles;
    bool out_ended;
    bool err_ended;
    bool exited;
    bool interrupted;
    bool killed;
    bool overdue;
    bool sent_nothing; /* its last line says so */
    bool heard;        /* since the scanner's exit, or the last look for it */
    char scan_uuid[STORE_UUID_SIZE];
    /* The last error that the scanner said, and whether it is still to be passed on: when it is why the scan broke, the
     * outcome says it, and once is enough. */
    char last_said[SWEEP_TEXT_SIZE];
    bool last_said_waits;
    /* The last line on stderr that the scanner did not write: what starts it at its vantage (ssh) may have failed. */
    char last_foreign[SWEEP_TEXT_SIZE];
    char out_buffer[SWEEP_READ_BYTES];
    char err_buffer[SWEEP_SAID_MAX_BYTES];
};

struct sweep_options sweep_options_default(void)
{
    return (struct sweep_options){.patience_ms = 10000};
}

void sweep_destroy(struct sweep *sweep)
{
    if (sweep == NULL) {
        return;
    }
    ingest_destroy(sweep->ingest);
    lines_destroy(sweep->observed);
    lines_destroy(sweep->said);
    free(sweep->plan);
    json_decref(sweep->sent);
    free(sweep->scanner);
    free(sweep);
}

/* What is told may quote the scanner, whose bytes may be anything. */
static void sweep_notice(struct sweep *sweep, enum log_level level, const char *message)
{
    char shown[SWEEP_TEXT_SIZE];

    if (sweep->options.on_notice != NULL) {
        typeset_escape(message, shown, sizeof(shown));
        sweep->options.on_notice(sweep->options.context, level, shown);
    }
}

static void sweep_pass_error_on(struct sweep *sweep)
{
    if (sweep->last_said_waits) {
        sweep->last_said_waits = false;
        sweep_notice(sweep, LOG_LEVEL_ERROR, sweep->last_said);
    }
}

/* ---- how it ended ---- */

/* What does not fit is cut. */
static void sweep_say(char *message, const char *what, const char *why)
{
    if (snprintf(message, SWEEP_TEXT_SIZE, "%s%s%s", what, why[0] == '\0' ? "" : ": ", why) < 0) {
        message[0] = '\0';
    }
}

static void sweep_judge_exit(struct sweep *sweep, struct sweep_outcome *outcome)
{
    char what[96];
    bool said_why = sweep->term_signal == 0 && sweep->exit_status == SCAN_EXIT_ERROR && sweep->last_said[0] != '\0';

    outcome->end = SWEEP_BROKEN;
    outcome->rc = -EPIPE;
    if (sweep->overdue) {
        snprintf(what, sizeof(what), "the scanner did not end when asked to and was killed");
    } else if (sweep->killed) {
        snprintf(what, sizeof(what), "the scanner was stopped");
    } else if (sweep->term_signal != 0) {
        snprintf(what, sizeof(what), "the scanner was ended by signal %d (%s)", sweep->term_signal,
                 strsignal(sweep->term_signal));
    } else if (said_why) {
        sweep_say(outcome->message, sweep->last_said, "");
        return;
    } else if (sweep->exit_status != SCAN_EXIT_DONE && sweep->exit_status != SCAN_EXIT_INTERRUPTED) {
        snprintf(what, sizeof(what), "the scanner failed with status %" PRId64, sweep->exit_status);
        sweep_say(outcome->message, what, sweep->last_said[0] != '\0' ? sweep->last_said : sweep->last_foreign);
        return;
    } else {
        snprintf(what, sizeof(what), "the scanner's output ended before its scan did");
    }
    sweep_say(outcome->message, what, sweep->last_said);
}

static void sweep_judge(struct sweep *sweep, struct sweep_outcome *outcome)
{
    bool status_done = sweep->exited && sweep->term_signal == 0 && sweep->exit_status == SCAN_EXIT_DONE;
    bool asked = sweep->interrupted || (sweep->term_signal == 0 && sweep->exit_status == SCAN_EXIT_INTERRUPTED);

    if (sweep->store_rc == -EPROTO) {
        outcome->end = SWEEP_BROKEN;
        outcome->rc = -EPROTO;
        sweep_say(outcome->message, "what the scanner wrote is no scan of this plan", sweep->last_said);
    } else if (sweep->store_rc < 0) {
        outcome->end = SWEEP_UNSTORED;
        outcome->rc = sweep->store_rc;
        sweep_say(outcome->message, "what the scanner found cannot be stored",
                  store_last_error(sweep->options.store)->text);
    } else if (status_done && ingest_complete(sweep->ingest)) {
        outcome->end = SWEEP_DONE;
    } else if (asked && !sweep->overdue) {
        outcome->end = SWEEP_INTERRUPTED;
        sweep_say(outcome->message, "the scan was interrupted", "");
    } else {
        sweep_judge_exit(sweep, outcome);
    }
}

static void sweep_report_lost(struct sweep *sweep, uint64_t count, const char *what)
{
    char message[160];

    if (count > 0) {
        snprintf(message, sizeof(message), "%" PRIu64 " %s", count, what);
        sweep_notice(sweep, LOG_LEVEL_WARNING, message);
    }
}

static void sweep_report_lost_lines(struct sweep *sweep)
{
    char message[160];

    sweep_report_lost(sweep, sweep->refusals > SWEEP_REFUSALS_SHOWN ? sweep->refusals - SWEEP_REFUSALS_SHOWN : 0,
                      "more lines of the scanner were left out for like reasons");
    sweep_report_lost(sweep, sweep->said_count > SWEEP_SAID_SHOWN ? sweep->said_count - SWEEP_SAID_SHOWN : 0,
                      "more messages of the scanner were left out");
    sweep_report_lost(sweep, lines_overlong(sweep->said), "messages of the scanner were too long and left out");
    if (lines_overlong(sweep->observed) > 0) {
        snprintf(message, sizeof(message), "%" PRIu64 " lines of the scanner were longer than %d bytes and left out",
                 lines_overlong(sweep->observed), SCAN_LINE_MAX_BYTES);
        sweep_notice(sweep, LOG_LEVEL_WARNING, message);
    }
    if (lines_pending(sweep->observed) > 0) {
        snprintf(message, sizeof(message), "the scanner's last line is cut off after %zu bytes and was left out",
                 lines_pending(sweep->observed));
        sweep_notice(sweep, LOG_LEVEL_WARNING, message);
    }
}

static const char *sweep_cause(const struct sweep *sweep)
{
    return sweep->interrupted || sweep->exit_status == SCAN_EXIT_INTERRUPTED ? "interrupted" : "error";
}

static void sweep_finish(struct sweep *sweep)
{
    struct sweep_outcome outcome = {0};

    if (sweep->store_rc == 0) {
        sweep->store_rc = ingest_finish(sweep->ingest, sweep_cause(sweep));
    }
    sweep_report_lost_lines(sweep);
    outcome.counts = ingest_counts(sweep->ingest);
    outcome.sent_nothing = sweep->sent_nothing;
    snprintf(outcome.scan_uuid, sizeof(outcome.scan_uuid), "%s", ingest_scan_uuid(sweep->ingest));
    sweep_judge(sweep, &outcome);
    if (strstr(outcome.message, sweep->last_said) == NULL) {
        sweep_pass_error_on(sweep);
    }
    sweep->options.on_ended(sweep->options.context, &outcome);
}

static void sweep_on_closed(uv_handle_t *handle)
{
    struct sweep *sweep = handle->data;

    sweep->closed_handles++;
    if (sweep->closed_handles == sweep->open_handles) {
        sweep_finish(sweep);
    }
}

static void sweep_close_handle(struct sweep *sweep, uv_handle_t *handle)
{
    (void)sweep;
    if (!uv_is_closing(handle)) {
        uv_close(handle, sweep_on_closed);
    }
}

static void sweep_settle_handles(struct sweep *sweep)
{
    if (!sweep->exited || !sweep->out_ended || !sweep->err_ended) {
        return;
    }
    sweep_close_handle(sweep, (uv_handle_t *)&sweep->process);
    sweep_close_handle(sweep, (uv_handle_t *)&sweep->in);
    sweep_close_handle(sweep, (uv_handle_t *)&sweep->out);
    sweep_close_handle(sweep, (uv_handle_t *)&sweep->err);
    sweep_close_handle(sweep, (uv_handle_t *)&sweep->timer);
    sweep_close_handle(sweep, (uv_handle_t *)&sweep->flush);
}

static void sweep_kill(struct sweep *sweep)
{
    if (!sweep->exited && !sweep->killed) {
        sweep->killed = true;
        /* It can have died already; its exit is on the way then. */
        (void)uv_process_kill(&sweep->process, SIGKILL);
    }
}

/* ---- what it says ---- */

static int sweep_take_observation(void *context, const char *line, size_t length)
{
    struct sweep *sweep = context;

    return ingest_line(sweep->ingest, line, length);
}

static void sweep_on_refused(void *context, uint64_t line_number, const char *reason)
{
    struct sweep *sweep = context;
    char message[SWEEP_TEXT_SIZE];

    sweep->refusals++;
    if (sweep->refusals <= SWEEP_REFUSALS_SHOWN) {
        snprintf(message, sizeof(message), "line %" PRIu64 " of the scanner was left out: %s", line_number, reason);
        sweep_notice(sweep, LOG_LEVEL_WARNING, message);
    }
}

static bool sweep_may_say(struct sweep *sweep)
{
    sweep->said_count++;
    return sweep->said_count <= SWEEP_SAID_SHOWN;
}

static void sweep_on_taken(void *context, const struct observation *observation)
{
    struct sweep *sweep = context;

    if (observation->type == OBSERVATION_NOTICE && !sweep_may_say(sweep)) {
        return;
    }
    if (observation->type == OBSERVATION_SCAN_END) {
        sweep->sent_nothing =
            strcmp(observation->scan_end.cause, "error") == 0 && observation->scan_end.probes_sent == 0;
    }
    if (sweep->options.on_observation != NULL) {
        sweep->options.on_observation(sweep->options.context, observation);
    }
}

/* The scanner writes "leastport-scan: error: …": the name is ours to give. */
static int sweep_take_said(void *context, const char *line, size_t length)
{
    static const char prefix[] = SCAN_PROGRAM ": ";
    struct sweep *sweep = context;
    enum log_level level = LOG_LEVEL_NOTICE;

    if (strncmp(line, prefix, sizeof(prefix) - 1) == 0) {
        line += sizeof(prefix) - 1;
    } else {
        /* ssh ends its lines as a terminal wants them. */
        int shown = (int)(length > 0 && line[length - 1] == '\r' ? length - 1 : length);
        snprintf(sweep->last_foreign, sizeof(sweep->last_foreign), "%.*s", shown, line);
        line = sweep->last_foreign;
    }
    if (strncmp(line, "error: ", 7) == 0) {
        line += 7;
        sweep_pass_error_on(sweep);
        snprintf(sweep->last_said, sizeof(sweep->last_said), "%s", line);
        sweep->last_said_waits = sweep_may_say(sweep);
        return 0;
    }
    if (strncmp(line, "warning: ", 9) == 0) {
        level = LOG_LEVEL_WARNING;
        line += 9;
    }
    if (sweep_may_say(sweep)) {
        sweep_notice(sweep, level, line);
    }
    return 0;
}

static void sweep_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct sweep *sweep = handle->data;

    (void)suggested;
    if (handle == (uv_handle_t *)&sweep->out) {
        *buffer = uv_buf_init(sweep->out_buffer, sizeof(sweep->out_buffer));
    } else {
        *buffer = uv_buf_init(sweep->err_buffer, sizeof(sweep->err_buffer));
    }
}

static void sweep_on_out(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct sweep *sweep = stream->data;

    sweep->heard = true;
    if (count < 0) {
        uv_read_stop(stream);
        sweep->out_ended = true;
        sweep_settle_handles(sweep);
        return;
    }
    if (sweep->store_rc < 0) {
        return;
    }
    sweep->store_rc = lines_feed(sweep->observed, buffer->base, (size_t)count, sweep_take_observation, sweep);
    if (sweep->store_rc < 0) {
        sweep_kill(sweep);
    }
}

bool sweep_flush(struct sweep *sweep)
{
    if (sweep->store_rc == 0) {
        sweep->store_rc = ingest_flush(sweep->ingest);
        if (sweep->store_rc < 0) {
            sweep_kill(sweep);
        }
    }
    return sweep->store_rc == 0;
}

static void sweep_on_flush(uv_timer_t *timer)
{
    if (!sweep_flush(timer->data)) {
        uv_timer_stop(timer);
    }
}

static void sweep_hear(struct sweep *sweep, const char *bytes, size_t count)
{
    if (lines_feed(sweep->said, bytes, count, sweep_take_said, sweep) < 0) {
        sweep_notice(sweep, LOG_LEVEL_WARNING, "out of memory: a line that the scanner said is lost");
    }
}

static void sweep_on_err(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct sweep *sweep = stream->data;

    sweep->heard = true;
    if (count >= 0) {
        sweep_hear(sweep, buffer->base, (size_t)count);
        return;
    }
    /* The last words of a program that dies may lack their newline. */
    if (lines_pending(sweep->said) > 0) {
        sweep_hear(sweep, "\n", 1);
    }
    uv_read_stop(stream);
    sweep->err_ended = true;
    sweep_settle_handles(sweep);
}

/* Nothing more is read: the scanner is gone, and whoever else holds its pipes is not it. */
static void sweep_leave_pipes(struct sweep *sweep)
{
    uv_timer_stop(&sweep->timer);
    if (!sweep->out_ended || !sweep->err_ended) {
        sweep_notice(sweep, LOG_LEVEL_WARNING,
                     "the scanner is gone, but something that it left behind holds its output");
    }
    uv_read_stop((uv_stream_t *)&sweep->out);
    uv_read_stop((uv_stream_t *)&sweep->err);
    sweep->out_ended = true;
    sweep->err_ended = true;
    sweep_settle_handles(sweep);
}

/* What a scanner wrote before its end is read before this comes; as long as something comes, it is waited for. */
static void sweep_on_survived(uv_timer_t *timer)
{
    struct sweep *sweep = timer->data;

    if (sweep->heard) {
        sweep->heard = false;
        return;
    }
    sweep_leave_pipes(sweep);
}

/* Once the scanner is gone: its pipes are left when they say nothing for so long. */
static void sweep_watch_pipes(struct sweep *sweep, uint64_t silence_ms)
{
    if (!uv_is_closing((uv_handle_t *)&sweep->timer)) {
        sweep->heard = true;
        (void)uv_timer_start(&sweep->timer, sweep_on_survived, silence_ms, silence_ms);
    }
}

static void sweep_on_exit(uv_process_t *process, int64_t exit_status, int term_signal)
{
    struct sweep *sweep = process->data;

    sweep->exited = true;
    sweep->exit_status = exit_status;
    sweep->term_signal = term_signal;
    sweep_watch_pipes(sweep, sweep->options.patience_ms);
    sweep_settle_handles(sweep);
}

static void sweep_on_overdue(uv_timer_t *timer)
{
    struct sweep *sweep = timer->data;

    if (!sweep->exited && !sweep->killed) {
        sweep->overdue = true;
        sweep_kill(sweep);
    }
}

void sweep_interrupt(struct sweep *sweep)
{
    if (sweep->exited) {
        sweep->interrupted = true;
        sweep_watch_pipes(sweep, SWEEP_SILENCE_MS);
        return;
    }
    if (sweep->interrupted) {
        sweep_kill(sweep);
        return;
    }
    sweep->interrupted = true;
    (void)uv_process_kill(&sweep->process, SIGINT);
    (void)uv_timer_start(&sweep->timer, sweep_on_overdue, sweep->options.patience_ms, 0);
}

/* ---- start ---- */

static void sweep_on_plan_written(uv_write_t *request, int status)
{
    struct sweep *sweep = request->data;

    /* A scanner that does not read its plan says why and exits; nothing to do here. */
    (void)status;
    sweep_close_handle(sweep, (uv_handle_t *)&sweep->in);
}

/* The program and what it is told; its words are borrowed. The caller frees the array. */
static char **sweep_command(struct sweep *sweep, struct child *child, char *from_slab)
{
    static char words[][24] = {SCAN_PROGRAM, "--plan",           "-",          "--scan-id", "-o",
                               "jsonl:-",    "--progress-lines", "--from-slab"};
    char *told[] = {words[1], words[2], words[3], sweep->scan_uuid, words[4], words[5], words[6]};
    const size_t told_count = sizeof(told) / sizeof(*told);
    char **args = calloc(CHILD_ARGS + sweep->options.run_count + told_count + 4, sizeof(*args));
    size_t count = CHILD_ARGS;

    if (args == NULL) {
        return NULL;
    }
    child_args(child, SIGINT, sweep->options.run_count > 0 ? sweep->options.run[0] : sweep->scanner, args);
    args[count++] = words[0];
    if (sweep->options.run_count > 0) {
        count--;
        memcpy(&args[count], sweep->options.run, sweep->options.run_count * sizeof(*args));
        count += sweep->options.run_count;
    }
    memcpy(&args[count], told, sizeof(told));
    count += told_count;
    if (sweep->options.from_slab > 0) {
        args[count++] = words[7];
        args[count] = from_slab;
    }
    return args;
}

static int sweep_spawn(uv_loop_t *loop, struct sweep *sweep)
{
    char self[] = "/proc/self/exe";
    char from_slab[32];
    struct child child;
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&sweep->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&sweep->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&sweep->err},
    };
    uv_process_options_t options = {
        .exit_cb = sweep_on_exit,
        .file = self,
        .stdio_count = 3,
        .stdio = stdio,
        /* A session of its own: a terminal's Ctrl-C reaches us alone, and we pass it on once. */
        .flags = UV_PROCESS_DETACHED,
    };
    int rc;

    snprintf(from_slab, sizeof(from_slab), "%" PRId64, sweep->options.from_slab);
    options.args = sweep_command(sweep, &child, from_slab);
    rc = options.args == NULL ? -ENOMEM : uv_spawn(loop, &sweep->process, &options);
    free(options.args);
    return rc;
}

static int sweep_prepare(struct sweep *sweep, const struct sweep_options *options)
{
    struct ingest_options ingest = ingest_options_default();

    sweep->options = *options;
    sweep->plan = strdup(options->plan);
    sweep->sent = json_loads(options->plan, 0, NULL);
    sweep->scanner = strdup(options->scanner);
    sweep->observed = lines_create(SCAN_LINE_MAX_BYTES);
    sweep->said = lines_create(SWEEP_SAID_MAX_BYTES);
    if (sweep->plan == NULL || sweep->sent == NULL || sweep->scanner == NULL || sweep->observed == NULL ||
        sweep->said == NULL) {
        return -ENOMEM;
    }
    sweep->options.plan = sweep->plan;
    snprintf(sweep->scan_uuid, sizeof(sweep->scan_uuid), "%s", options->scan_uuid);
    ingest.scan_uuid = sweep->scan_uuid;
    ingest.plan = sweep->sent;
    ingest.refused = sweep_on_refused;
    ingest.taken = sweep_on_taken;
    ingest.context = sweep;
    return ingest_create(options->store, &ingest, &sweep->ingest);
}

static void sweep_init_handles(uv_loop_t *loop, struct sweep *sweep)
{
    /* None of these can fail: pipes without IPC and timers only link themselves into the loop. */
    uv_pipe_init(loop, &sweep->in, 0);
    uv_pipe_init(loop, &sweep->out, 0);
    uv_pipe_init(loop, &sweep->err, 0);
    uv_timer_init(loop, &sweep->timer);
    uv_timer_init(loop, &sweep->flush);
    sweep->process.data = sweep->in.data = sweep->out.data = sweep->err.data = sweep->timer.data = sweep;
    sweep->flush.data = sweep;
    sweep->open_handles = SWEEP_HANDLES;
}

static void sweep_on_abandoned(uv_handle_t *handle)
{
    struct sweep *sweep = handle->data;

    sweep->closed_handles++;
    if (sweep->closed_handles == sweep->open_handles) {
        sweep_destroy(sweep);
    }
}

/* The scanner could not be started: nobody hears of this sweep but by sweep_start()'s error. */
static void sweep_abandon(struct sweep *sweep)
{
    uv_close((uv_handle_t *)&sweep->process, sweep_on_abandoned);
    uv_close((uv_handle_t *)&sweep->in, sweep_on_abandoned);
    uv_close((uv_handle_t *)&sweep->out, sweep_on_abandoned);
    uv_close((uv_handle_t *)&sweep->err, sweep_on_abandoned);
    uv_close((uv_handle_t *)&sweep->timer, sweep_on_abandoned);
    uv_close((uv_handle_t *)&sweep->flush, sweep_on_abandoned);
}

static void sweep_begin_io(struct sweep *sweep)
{
    uv_buf_t plan = uv_buf_init(sweep->plan, (unsigned)strlen(sweep->plan));

    /* With a handler, a timer that is not closing can always be started. */
    (void)uv_timer_start(&sweep->flush, sweep_on_flush, SWEEP_FLUSH_MS, SWEEP_FLUSH_MS);
    sweep->plan_write.data = sweep;
    if (uv_write(&sweep->plan_write, (uv_stream_t *)&sweep->in, &plan, 1, sweep_on_plan_written) != 0) {
        sweep_close_handle(sweep, (uv_handle_t *)&sweep->in);
    }
    if (uv_read_start((uv_stream_t *)&sweep->out, sweep_on_alloc, sweep_on_out) != 0) {
        sweep->out_ended = true;
        sweep_kill(sweep);
    }
    if (uv_read_start((uv_stream_t *)&sweep->err, sweep_on_alloc, sweep_on_err) != 0) {
        sweep->err_ended = true;
    }
}

int sweep_start(uv_loop_t *loop, const struct sweep_options *options, struct sweep **ret_sweep)
{
    struct sweep *sweep = calloc(1, sizeof(*sweep));
    int rc;

    if (sweep == NULL) {
        return -ENOMEM;
    }
    rc = sweep_prepare(sweep, options);
    if (rc < 0) {
        sweep_destroy(sweep);
        return rc;
    }
    sweep_init_handles(loop, sweep);
    rc = sweep_spawn(loop, sweep);
    if (rc < 0) {
        sweep_abandon(sweep);
        return rc;
    }
    sweep_begin_io(sweep);
    *ret_sweep = sweep;
    return 0;
}
