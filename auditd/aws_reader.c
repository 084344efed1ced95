#include "auditd/aws_reader.h"

#include "auditd/child.h"
#include "auditd/ingest/lines.h"
#include "auditd/protocol.h"
#include "auditd/report/typeset.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { READER_LINE_BYTES = 4096, READER_REQUEST_MS = 60000, READER_GRACE_MS = 5000, READER_HANDLES = 3 };

/* The words before the account's: "leastport-auditd aws read --output FOLDER --timeout N". */
enum { READER_WORDS = 7, READER_WORDS_MAX = READER_WORDS + 2 + 4 * CONFIG_AWS_ROLES_MAX + 2 * CONFIG_AWS_REGIONS_MAX };

struct aws_reader {
    struct aws_reader_options options;
    uv_process_t process;
    uv_pipe_t said;
    uv_timer_t limit;
    struct lines *lines;
    int closed;
    bool is_dropped;
    bool is_late;
    bool has_ended;
    int64_t status;
    int signal_number;
    char last_error[AWS_READER_TEXT_SIZE];
    char buffer[READER_LINE_BYTES];
};

/* ---- its end ---- */

static void reader_destroy(struct aws_reader *reader)
{
    lines_destroy(reader->lines);
    free(reader);
}

/* NULL: it read what there was to read. */
static const char *reader_judge(const struct aws_reader *reader, char text[AWS_READER_TEXT_SIZE])
{
    if (reader->is_late) {
        snprintf(text, AWS_READER_TEXT_SIZE, "it did not end in its time, and was killed");
    } else if (reader->signal_number != 0) {
        snprintf(text, AWS_READER_TEXT_SIZE, "its reader was ended by signal %d (%s)", reader->signal_number,
                 strsignal(reader->signal_number));
    } else if (reader->status != 0 && reader->last_error[0] != '\0') {
        snprintf(text, AWS_READER_TEXT_SIZE, "%s", reader->last_error);
    } else if (reader->status != 0) {
        snprintf(text, AWS_READER_TEXT_SIZE, "its reader ended with status %" PRId64, reader->status);
    } else {
        return NULL;
    }
    return text;
}

static void reader_on_closed(uv_handle_t *handle)
{
    struct aws_reader *reader = handle->data;
    char text[AWS_READER_TEXT_SIZE];

    if (++reader->closed < READER_HANDLES) {
        return;
    }
    if (!reader->is_dropped) {
        reader->options.on_ended(reader->options.context, reader_judge(reader, text));
    }
    reader_destroy(reader);
}

static void reader_close(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, reader_on_closed);
    }
}

/* When it is gone and its last words are heard. */
static void reader_settle(struct aws_reader *reader)
{
    if (reader->has_ended && uv_is_closing((uv_handle_t *)&reader->said)) {
        reader_close((uv_handle_t *)&reader->process);
        reader_close((uv_handle_t *)&reader->limit);
    }
}

static void reader_on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct aws_reader *reader = process->data;

    reader->has_ended = true;
    reader->status = status;
    reader->signal_number = signal_number;
    reader_settle(reader);
}

static void reader_on_limit(uv_timer_t *timer)
{
    struct aws_reader *reader = timer->data;

    if (!reader->has_ended) {
        reader->is_late = true;
        (void)uv_process_kill(&reader->process, SIGKILL);
    }
}

/* ---- what it says ---- */

/* "leastport: error: message", as lib/log.h writes it; what it says of a reading that went well the folder says, too.
 * What others say on its stderr (a loader, a sanitizer) counts where it says nothing itself. */
static int reader_take_line(void *context, const char *line, size_t length)
{
    static const char name[] = "leastport: ";
    static const char error[] = "leastport: error: ";
    struct aws_reader *reader = context;
    bool is_error = strncmp(line, error, strlen(error)) == 0;

    (void)length;
    if (is_error || (reader->last_error[0] == '\0' && strncmp(line, name, strlen(name)) != 0)) {
        typeset_escape(is_error ? line + strlen(error) : line, reader->last_error, sizeof(reader->last_error));
    }
    return 0;
}

static void reader_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct aws_reader *reader = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(reader->buffer, sizeof(reader->buffer));
}

static void reader_on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct aws_reader *reader = stream->data;

    if (count < 0 || reader->is_dropped ||
        lines_feed(reader->lines, buffer->base, (size_t)count, reader_take_line, reader) < 0) {
        reader_close((uv_handle_t *)&reader->said);
        reader_settle(reader);
    }
}

/* ---- its start ---- */

struct reader_command {
    struct child child;
    char program[32], title[32], timeout[32];
    char *words[CHILD_ARGS + READER_WORDS_MAX + 1];
    size_t count;
};

static void reader_words(struct reader_command *command, const char *option, const char *value)
{
    if (value != NULL) {
        command->words[command->count++] = (char *)(uintptr_t)option;
        command->words[command->count++] = (char *)(uintptr_t)value;
    }
}

static void reader_command(const struct aws_reader_options *options, struct reader_command *ret_command)
{
    struct reader_command *command = ret_command;
    const struct config_aws_account *account = options->account;

    *command = (struct reader_command){.count = CHILD_ARGS};
    snprintf(command->program, sizeof(command->program), "/proc/self/exe");
    snprintf(command->title, sizeof(command->title), "%s", AUDITD_PROGRAM);
    snprintf(command->timeout, sizeof(command->timeout), "%" PRId64, options->config->timeout_ms / 1000);
    child_args(&command->child, SIGKILL, command->program, command->words);
    command->words[command->count++] = command->title;
    reader_words(command, "aws", "read");
    reader_words(command, "--output", options->folder);
    reader_words(command, "--timeout", command->timeout);
    reader_words(command, "--profile", account->profile);
    for (size_t i = 0; i < account->role_count; i++) {
        reader_words(command, "--role", account->roles[i].arn);
        reader_words(command, "--external-id", account->roles[i].external_id);
    }
    for (size_t i = 0; i < options->config->regions.count; i++) {
        reader_words(command, "--region", options->config->regions.items[i]);
    }
}

/* The child has no dump from its first moment on: it forbids them itself, but only once it runs. 1 forbids also what a
 * pipe in kernel.core_pattern would get (core(5)); our own limit comes back. */
static int reader_spawn_quietly(uv_loop_t *loop, struct aws_reader *reader, const uv_process_options_t *options)
{
    struct rlimit before;
    bool is_known = getrlimit(RLIMIT_CORE, &before) == 0;
    const struct rlimit none = {before.rlim_max < 1 ? 0 : 1, before.rlim_max};
    int rc;

    if (!is_known || setrlimit(RLIMIT_CORE, &none) != 0) {
        return -errno;
    }
    rc = uv_spawn(loop, &reader->process, options);
    (void)setrlimit(RLIMIT_CORE, &before);
    return rc;
}

static int reader_spawn(uv_loop_t *loop, struct aws_reader *reader)
{
    const struct config_aws *config = reader->options.config;
    char endpoint[512];
    char ca[4200];
    char *more[3] = {NULL, NULL, NULL};
    struct reader_command command;
    char self[] = "/proc/self/exe";
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&reader->said},
    };
    uv_process_options_t options = {
        .exit_cb = reader_on_exit,
        .file = self,
        .stdio_count = 3,
        .stdio = stdio,
        /* As with the scanner: a terminal's Ctrl-C reaches us alone. */
        .flags = UV_PROCESS_DETACHED,
    };
    size_t count = 0;
    int rc;

    if (config->endpoint != NULL) {
        snprintf(endpoint, sizeof(endpoint), "AWS_ENDPOINT_URL=%s", config->endpoint);
        more[count++] = endpoint;
    }
    if (config->ca_file != NULL) {
        snprintf(ca, sizeof(ca), "AWS_CA_BUNDLE=%s", config->ca_file);
        more[count++] = ca;
    }
    reader_command(&reader->options, &command);
    options.args = command.words;
    options.env = keyring_environment(reader->options.keyring, more);
    rc = options.env == NULL ? -ENOMEM : reader_spawn_quietly(loop, reader, &options);
    free(options.env);
    return rc;
}

int aws_reader_start(uv_loop_t *loop, const struct aws_reader_options *options, struct aws_reader **ret_reader)
{
    struct aws_reader *reader = calloc(1, sizeof(*reader));
    int64_t request_ms =
        options->config->timeout_ms < READER_REQUEST_MS ? options->config->timeout_ms : READER_REQUEST_MS;
    int rc;

    if (reader == NULL) {
        return -ENOMEM;
    }
    reader->options = *options;
    reader->lines = lines_create(READER_LINE_BYTES);
    if (reader->lines == NULL) {
        reader_destroy(reader);
        return -ENOMEM;
    }
    uv_pipe_init(loop, &reader->said, 0);
    uv_timer_init(loop, &reader->limit);
    reader->said.data = reader->limit.data = reader->process.data = reader;
    rc = reader_spawn(loop, reader);
    if (rc < 0) {
        reader->is_dropped = true;
        reader_close((uv_handle_t *)&reader->said);
        reader_close((uv_handle_t *)&reader->process);
        reader_close((uv_handle_t *)&reader->limit);
        return rc;
    }
    /* What is under way when its own time is up may still be waited for. */
    (void)uv_timer_start(&reader->limit, reader_on_limit,
                         (uint64_t)(options->config->timeout_ms + request_ms + READER_GRACE_MS), 0);
    if (uv_read_start((uv_stream_t *)&reader->said, reader_on_alloc, reader_on_read) != 0) {
        reader_close((uv_handle_t *)&reader->said);
    }
    *ret_reader = reader;
    return 0;
}

void aws_reader_drop(struct aws_reader *reader)
{
    reader->is_dropped = true;
    if (!reader->has_ended) {
        (void)uv_process_kill(&reader->process, SIGKILL);
    }
    reader_close((uv_handle_t *)&reader->said);
    reader_settle(reader);
}
