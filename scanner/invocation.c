#include "scanner/invocation_inner.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "scanner/protocol.h"
#include "scanner/scan.h"
#include "scanner/shell_word.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* RFC 9562: version 4, 122 random bits. */
static void make_scan_id(char id[OBSERVATION_ID_SIZE])
{
    uint8_t bytes[16];

    randombytes_buf(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    snprintf(id, OBSERVATION_ID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", bytes[0],
             bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10],
             bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

static int make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST) {
            int rc = -errno;
            *slash = '/';
            return rc;
        }
        *slash = '/';
    }
    return 0;
}

/* $XDG_STATE_HOME/leastport/scan-ID.state (XDG Base Directory Specification). */
static int default_state_path(const struct invocation *run, char path[PATH_SIZE])
{
    const char *base = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length;

    if (base != NULL && base[0] == '/') {
        length = snprintf(path, PATH_SIZE, "%s/leastport/scan-%.8s.state", base, run->scan_id);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, PATH_SIZE, "%s/.local/state/leastport/scan-%.8s.state", home, run->scan_id);
    } else {
        return -ENOENT;
    }
    if (length < 0 || length >= PATH_SIZE) {
        return -ENAMETOOLONG;
    }
    return make_folders(path);
}

static int create_state(struct invocation *run, const char *path, struct problem *problem)
{
    struct state_head head = {.plan_json = plan_json(run->plan),
                              .plan_hash = plan_hash(run->plan),
                              .scan_id = run->scan_id,
                              .started_ms = wall_now_ms()};

    return state_create(path, &head, false, &run->state, problem);
}

/* Nobody asked for this state, so the scan goes on without it. */
static void state_lost(void *context, const struct problem *problem)
{
    struct invocation *run = context;

    progress_clear(&run->progress);
    log_warning("%s; the scan goes on, but what it does from here on cannot be resumed", problem->text);
}

static int make_state(struct invocation *run, struct problem *problem)
{
    char path[PATH_SIZE];
    int rc;

    if (run->state != NULL) {
        return 0;
    }
    if (run->options->state != NULL) {
        return create_state(run, run->options->state, problem);
    }
    if (run->options->plan != NULL) {
        return 0; /* who hands over a plan keeps its own checkpoint */
    }
    rc = default_state_path(run, path);
    if (rc < 0) {
        problem_set(problem, rc, "%s", strerror(-rc));
    } else {
        rc = create_state(run, path, problem);
    }
    if (rc < 0) {
        log_warning("no state is kept, so this scan cannot be resumed: %s", problem->text);
    } else {
        state_make_optional(run->state, state_lost, run);
        log_notice("state: %s", path);
    }
    return 0;
}

static void output_failed(void *context, const char *message)
{
    struct invocation *run = context;

    progress_clear(&run->progress);
    log_error("%s", message);
}

static int make_outputs(struct invocation *run, struct problem *problem)
{
    const struct options_list *specs = &run->options->outputs;
    struct outputs_options options = {.scan_id = run->scan_id,
                                      .services = run->services,
                                      .stdout_is_terminal = isatty(STDOUT_FILENO) == 1,
                                      .failed = output_failed,
                                      .context = run};
    int rc = 0;

    run->outputs = outputs_create(&options);
    if (run->outputs == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; rc == 0 && i < specs->count; i++) {
        rc = outputs_add(run->outputs, specs->items[i], problem);
    }
    return rc == 0 && specs->count == 0 ? outputs_add(run->outputs, "table:-", problem) : rc;
}

/* What ends a scan so that it can be resumed: a terminal that is gone too, unless it is not to matter (nohup). */
static sigset_t stop_signals(void)
{
    struct sigaction hangup;
    sigset_t stop;

    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
        sigaddset(&stop, SIGHUP);
    }
    return stop;
}

/* From now on the first signal that stops is read from a descriptor. A reader that goes away and a file that may not
 * grow are errors of write(). */
static int catch_signals(struct invocation *run, struct problem *problem)
{
    sigset_t stop = stop_signals();

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &stop, NULL) < 0) {
        return problem_set(problem, -errno, "blocking signals: %s", strerror(errno));
    }
    run->stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    return run->stop_fd < 0 ? problem_set(problem, -errno, "opening a signalfd: %s", strerror(errno)) : 0;
}

/* The verb is two words: quoted, a shell would look for one program of that name. */
static void quote_program(FILE *out, const char *program)
{
    if (strcmp(program, SCAN_VERB) == 0) {
        fputs(program, out);
    } else {
        shell_word_write(out, program);
    }
}

static int keep_command(struct invocation *run, int argc, char **argv, struct problem *problem)
{
    size_t size;
    FILE *out = open_memstream(&run->command, &size);

    if (out == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    quote_program(out, argv[0]);
    for (int i = 1; i < argc; i++) {
        fputc(' ', out);
        shell_word_write(out, argv[i]);
    }
    return fclose(out) == 0 ? 0 : problem_set(problem, -ENOMEM, "out of memory");
}

static void quote_list(FILE *out, const char *option, const struct options_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        fprintf(out, " %s ", option);
        shell_word_write(out, list->items[i]);
    }
}

static void say_how_to_resume(const struct invocation *run, const char *program, const char *why)
{
    char *command = NULL;
    size_t size;
    FILE *out;

    if (run->state == NULL) {
        log_notice("%s", why);
        return;
    }
    out = open_memstream(&command, &size);
    if (out == NULL) {
        return;
    }
    quote_program(out, program);
    fputs(" --resume ", out);
    shell_word_write(out, state_path(run->state));
    if (run->options->resume != NULL) { /* else the plan has them */
        quote_list(out, "--scope", &run->options->scope);
        quote_list(out, "--never-scan", &run->options->never_scan_files);
    }
    if (run->options->link != NULL) {
        fputs(" --link ", out);
        shell_word_write(out, run->options->link);
    }
    quote_list(out, "-o", &run->options->outputs);
    if (fclose(out) == 0) {
        log_notice("%s; to go on: %s", why, command);
    }
    free(command);
}

static int finish(struct invocation *run, enum scan_result result, const char *program, struct problem *problem)
{
    int rc = outputs_close(run->outputs);

    if (rc < 0) {
        if (run->state != NULL) {
            say_how_to_resume(run, program, "what was found is kept");
        }
        return problem_set(problem, rc, "writing the results: %s", strerror(-rc));
    }
    if (result == SCAN_STOPPED) {
        say_how_to_resume(run, program, "interrupted");
        return SCAN_EXIT_INTERRUPTED;
    }
    /* As `| head` wants it: no word, and nothing left behind but a state that was asked for by name. */
    if (result == SCAN_UNHEARD && (run->options->state != NULL || run->options->resume != NULL)) {
        return SCAN_EXIT_DONE;
    }
    if (run->state != NULL) {
        rc = state_remove(run->state, problem);
        run->state = NULL;
    }
    if (rc < 0 && run->options->state == NULL && run->options->resume == NULL) {
        log_warning("%s", problem->text);
        return SCAN_EXIT_DONE;
    }
    return rc < 0 ? rc : SCAN_EXIT_DONE;
}

/* The first signal has been heard: the next one ends the process at once. */
static void let_signals_through(void *context)
{
    const struct invocation *run = context;
    struct signalfd_siginfo heard;
    sigset_t stop = stop_signals();

    while (read(run->stop_fd, &heard, sizeof(heard)) == (ssize_t)sizeof(heard)) {
    }
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
}

static int run_scan(struct invocation *run, const char *program, struct problem *problem)
{
    enum scan_result result = SCAN_STOPPED;
    struct resolver resolver = resolver_system();
    struct scan_options options = {.plan = run->plan,
                                   .scope = run->scope,
                                   .own = run->own,
                                   .outputs = run->outputs,
                                   .progress = &run->progress,
                                   .state = run->state,
                                   .resolver = &resolver,
                                   .resume = run->options->resume != NULL,
                                   .from_slab = run->options->from_slab,
                                   .threads = run->options->threads,
                                   .link = run->options->link,
                                   .progress_lines = run->options->progress_lines,
                                   .arguments = run->command,
                                   .stop_fd = run->stop_fd,
                                   .stopping = let_signals_through,
                                   .context = run};
    int rc = scan_run(&options, &result, problem);

    if (rc < 0) {
        /* The outputs end with the reason; their own failure would only hide it. */
        int closed = outputs_close(run->outputs);
        if (closed < 0) {
            log_error("writing the results: %s", strerror(-closed));
        }
        if (run->state != NULL) {
            say_how_to_resume(run, program, "what was found is kept");
        }
        return rc;
    }
    return finish(run, result, program, problem);
}

static int prepare(struct invocation *run, int argc, char **argv, struct problem *problem)
{
    int rc;

    run->services = services_create();
    if (run->services == NULL || sodium_init() < 0) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    make_scan_id(run->scan_id);
    rc = run->options->scan_id != NULL ? invocation_take_scan_id(run, run->options->scan_id, problem) : 0;
    if (rc == 0) {
        rc = keep_command(run, argc, argv, problem);
    }
    if (rc == 0) {
        rc = invocation_make_plan(run, problem);
    }
    if (rc == 0) {
        rc = invocation_make_scope(run, problem);
    }
    if (rc == 0 && run->options->from_slab > space_slabs(plan_space(run->plan))) {
        rc = problem_set(problem, -ERANGE, "--from-slab: the plan has only %llu slabs",
                         (unsigned long long)space_slabs(plan_space(run->plan)));
    }
    if (rc == 0) {
        rc = make_outputs(run, problem);
    }
    if (rc == 0) {
        rc = catch_signals(run, problem);
    }
    /* Whoever sees the state may stop the scan. */
    return rc == 0 ? make_state(run, problem) : rc;
}

int invocation_run(const struct options *options, int argc, char **argv, struct problem *problem)
{
    struct invocation run = {.options = options, .stop_fd = -1};
    int rc;

    progress_init(&run.progress, stderr);
    rc = prepare(&run, argc, argv, problem);
    if (rc == 0) {
        rc = run_scan(&run, argv[0], problem);
    }
    outputs_destroy(run.outputs);
    state_close(run.state);
    scope_destroy(run.scope);
    own_destroy(run.own);
    plan_destroy(run.plan);
    services_destroy(run.services);
    free(run.command);
    if (run.stop_fd >= 0) {
        close(run.stop_fd);
    }
    return rc;
}
