#include "auditd/handover.h"

#include "auditd/ingest/lines.h"
#include "auditd/protocol.h"
#include "lib/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { HANDOVER_READ_BYTES = 65536 };

struct handover {
    uv_loop_t loop;
    uv_pipe_t pipe;
    uv_signal_t interrupt;
    uv_signal_t terminate;
    uv_connect_t connect;
    uv_write_t writes[2];
    struct lines *lines;
    struct meter *meter;
    char *request;
    char cancel[128];
    char job[64];
    int rc;
    bool cancelled;
    bool ended;
    struct handover_result result;
    char buffer[HANDOVER_READ_BYTES];
};

static void handover_close(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void handover_end(struct handover *handover, int rc)
{
    handover->rc = rc;
    handover->ended = true;
    meter_clear(handover->meter);
    uv_walk(&handover->loop, handover_close, NULL);
}

static void handover_fail(struct handover *handover, const char *message)
{
    snprintf(handover->result.message, sizeof(handover->result.message), "%s", message);
    handover_end(handover, -EPROTO);
}

/* ---- what the daemon says ---- */

static const char *handover_text(const json_t *line, const char *member)
{
    const char *text = json_string_value(json_object_get(line, member));

    return text == NULL ? "" : text;
}

static int64_t handover_count(const json_t *line, const char *member)
{
    const json_t *value = json_object_get(line, member);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void handover_on_event(struct handover *handover, const char *event, const json_t *line)
{
    if (strcmp(event, CONTROL_EVENT_ACCEPTED) == 0) {
        snprintf(handover->job, sizeof(handover->job), "%s", handover_text(line, "job"));
        if (strcmp(handover_text(line, "state"), "queued") == 0) {
            log_notice("the daemon is busy with other audits; this one waits for its turn");
        }
    } else if (strcmp(event, CONTROL_EVENT_PROGRESS) == 0) {
        const struct meter_reading reading = {
            .what = strcmp(handover_text(line, "phase"), "verify") == 0 ? "verify" : "scan",
            .probes_done = handover_count(line, "probes_done"),
            .probes = handover_count(line, "probes"),
            .rate_pps = handover_count(line, "rate_pps"),
            .open = handover_count(line, "open"),
            .eta_s = handover_count(line, "eta_s"),
        };
        meter_show(handover->meter, &reading);
    } else if (strcmp(event, CONTROL_EVENT_NOTICE) == 0) {
        const char *level = handover_text(line, "level");
        meter_clear(handover->meter);
        log_message(strcmp(level, "error") == 0     ? LOG_LEVEL_ERROR
                    : strcmp(level, "warning") == 0 ? LOG_LEVEL_WARNING
                                                    : LOG_LEVEL_NOTICE,
                    "%s", handover_text(line, "message"));
    }
}

static void handover_on_last(struct handover *handover, const json_t *line)
{
    /* The answer to our own "cancel" has no findings; the audit's is still to come. */
    if (strcmp(handover_text(line, "state"), "cancelling") == 0) {
        return;
    }
    if (!json_is_true(json_object_get(line, "ok"))) {
        const char *error = handover_text(line, "error");
        handover_fail(handover, error[0] != '\0' ? error : "the daemon refused the audit and did not say why");
        return;
    }
    handover->result.complete = strcmp(handover_text(line, "state"), "complete") == 0;
    handover->result.interrupted = handover->cancelled;
    handover->result.tally = tally_from_json(json_object_get(line, "findings"));
    snprintf(handover->result.message, sizeof(handover->result.message), "%s", handover_text(line, "message"));
    handover_end(handover, 0);
}

static int handover_take_line(void *context, const char *text, size_t length)
{
    struct handover *handover = context;
    json_t *line = json_loadb(text, length, 0, NULL);
    const char *event = json_string_value(json_object_get(line, "event"));

    if (event != NULL) {
        handover_on_event(handover, event, line);
    } else if (json_object_get(line, "ok") != NULL) {
        handover_on_last(handover, line);
    }
    json_decref(line);
    return handover->ended ? 1 : 0;
}

static void handover_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct handover *handover = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(handover->buffer, sizeof(handover->buffer));
}

static void handover_on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct handover *handover = stream->data;

    if (count < 0) {
        handover_fail(handover, "the daemon went away before the audit had ended; what it saw until then is kept, and "
                                "the next daemon goes on with it");
    } else if (lines_feed(handover->lines, buffer->base, (size_t)count, handover_take_line, handover) < 0) {
        handover_fail(handover, "out of memory");
    }
}

/* ---- what we say ---- */

static void handover_on_written(uv_write_t *write, int status)
{
    struct handover *handover = write->data;

    if (status < 0 && status != UV_ECANCELED && !handover->ended) {
        handover_fail(handover, "the daemon does not listen any more");
    }
}

static void handover_write(struct handover *handover, uv_write_t *write, char *text)
{
    uv_buf_t buffer = uv_buf_init(text, (unsigned)strlen(text));

    write->data = handover;
    if (uv_write(write, (uv_stream_t *)&handover->pipe, &buffer, 1, handover_on_written) != 0) {
        handover_fail(handover, "the daemon does not listen any more");
    }
}

static void handover_on_signal(uv_signal_t *handle, int number)
{
    struct handover *handover = handle->data;

    (void)number;
    if (handover->cancelled || handover->job[0] == '\0') {
        handover_end(handover, -EINTR);
        return;
    }
    handover->cancelled = true;
    snprintf(handover->cancel, sizeof(handover->cancel), "{\"op\":\"%s\",\"job\":\"%s\"}\n", CONTROL_OP_CANCEL,
             handover->job);
    meter_clear(handover->meter);
    log_notice("asked the daemon to end the audit; once more to leave at once");
    handover_write(handover, &handover->writes[1], handover->cancel);
}

static void handover_on_connect(uv_connect_t *connect, int status)
{
    struct handover *handover = connect->data;

    if (status < 0) {
        if (!handover->ended) {
            handover_end(handover, status);
        }
        return;
    }
    handover_write(handover, &handover->writes[0], handover->request);
    if (!handover->ended && uv_read_start((uv_stream_t *)&handover->pipe, handover_on_alloc, handover_on_read) != 0) {
        handover_fail(handover, "cannot read from the daemon");
    }
}

/* ---- the whole ---- */

static char *handover_request(const json_t *request)
{
    json_t *copy = json_deep_copy(request);
    char *text = NULL;
    char *line = NULL;

    if (copy != NULL && json_object_set_new(copy, "op", json_string(CONTROL_OP_AUDIT)) == 0 &&
        json_object_set_new(copy, "follow", json_true()) == 0) {
        text = json_dumps(copy, JSON_COMPACT);
    }
    if (text != NULL && asprintf(&line, "%s\n", text) < 0) {
        line = NULL;
    }
    free(text);
    json_decref(copy);
    return line;
}

static void handover_begin(struct handover *handover, const char *control_path)
{
    uv_loop_init(&handover->loop);
    uv_pipe_init(&handover->loop, &handover->pipe, 0);
    uv_signal_init(&handover->loop, &handover->interrupt);
    uv_signal_init(&handover->loop, &handover->terminate);
    handover->pipe.data = handover->interrupt.data = handover->terminate.data = handover->connect.data = handover;
    (void)uv_signal_start(&handover->interrupt, handover_on_signal, SIGINT);
    (void)uv_signal_start(&handover->terminate, handover_on_signal, SIGTERM);
    uv_pipe_connect(&handover->connect, &handover->pipe, control_path, handover_on_connect);
}

int handover_run(const char *control_path, const json_t *request, struct meter *meter,
                 struct handover_result *ret_result)
{
    struct handover *handover = calloc(1, sizeof(*handover));
    int rc = -ENOMEM;

    if (handover == NULL) {
        return -ENOMEM;
    }
    handover->meter = meter;
    handover->lines = lines_create(CONTROL_LINE_MAX_BYTES);
    handover->request = handover_request(request);
    if (handover->lines != NULL && handover->request != NULL) {
        handover_begin(handover, control_path);
        uv_run(&handover->loop, UV_RUN_DEFAULT);
        uv_loop_close(&handover->loop);
        rc = handover->rc;
        *ret_result = handover->result;
    }
    lines_destroy(handover->lines);
    free(handover->request);
    free(handover);
    return rc;
}
