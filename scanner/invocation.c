#include "scanner/invocation.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/prefix_list.h"
#include "lib/service.h"
#include "scanner/output/outputs.h"
#include "scanner/own.h"
#include "scanner/plan.h"
#include "scanner/ports.h"
#include "scanner/progress.h"
#include "scanner/protocol.h"
#include "scanner/raw/privilege.h"
#include "scanner/scan.h"
#include "scanner/scope.h"
#include "scanner/state.h"
#include "scanner/targets.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLAN_MAX_BYTES = 64 * 1024 * 1024, PATH_SIZE = 4096 };

#define NO_PREFIX "%s: \"%s\" is neither an address nor a prefix, such as 10.0.0.0/8"

struct invocation {
    const struct options *options;
    enum plan_probe probe; /* where the command line makes the plan */
    struct services *services;
    struct own *own;
    struct plan *plan;
    struct scope *scope;
    struct state *state;
    struct outputs *outputs;
    struct progress progress;
    char scan_id[OBSERVATION_ID_SIZE];
    char *command; /* the command line as a shell takes it */
    int stop_fd;
};

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

static int take_scan_id(struct invocation *run, const char *text, struct problem *problem)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (strlen(text) != sizeof(form) - 1) {
        return problem_set(problem, -EINVAL, "\"%s\" is not a UUID", text);
    }
    for (size_t i = 0; form[i] != '\0'; i++) {
        bool right = form[i] == '-' ? text[i] == '-' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
        if (!right) {
            return problem_set(problem, -EINVAL, "\"%s\" is not a UUID", text);
        }
    }
    memcpy(run->scan_id, text, sizeof(run->scan_id));
    return 0;
}

/* A file, or standard input for "-". NULL with *problem. */
static FILE *open_input(const char *path, struct problem *problem)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

    if (file == NULL) {
        problem_write(problem, "%s: %s", path, strerror(errno));
    }
    return file;
}

static void close_input(FILE *file)
{
    if (file != stdin) {
        fclose(file);
    }
}

static int read_targets(struct invocation *run, const struct options_list *words, const struct options_list *files,
                        struct targets *targets, struct problem *problem)
{
    for (size_t i = 0; i < words->count; i++) {
        int rc = targets_add(targets, words->items[i], run->services, problem);
        if (rc < 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < files->count; i++) {
        const char *path = files->items[i];
        FILE *file = open_input(path, problem);
        int rc;
        if (file == NULL) {
            return -ENOENT;
        }
        rc = targets_read(targets, file, strcmp(path, "-") == 0 ? "standard input" : path, run->services, problem);
        close_input(file);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int add_prefix(struct prefix_list *prefixes, const char *text, const char *where, struct problem *problem)
{
    int rc = prefix_list_add(prefixes, text);

    if (rc == -ENOMEM) {
        return problem_set(problem, rc, "out of memory");
    }
    return rc < 0 ? problem_set(problem, rc, NO_PREFIX, where, text) : 0;
}

static int read_prefixes(struct prefix_list *prefixes, const char *path, struct problem *problem)
{
    struct prefix_list_fault fault;
    char where[PATH_SIZE];
    FILE *file = open_input(path, problem);
    int rc;

    if (file == NULL) {
        return -ENOENT;
    }
    rc = prefix_list_read(prefixes, file, &fault);
    close_input(file);
    if (rc == -EBADMSG) {
        snprintf(where, sizeof(where), "%s:%lu", path, fault.line);
        return problem_set(problem, rc, NO_PREFIX, where, fault.word);
    }
    return rc < 0 ? problem_set(problem, rc, "%s: %s", path, strerror(-rc)) : 0;
}

/* Of names that do not resolve when the plan is made. */
static void hear_of_skipped(void *context, const char *code, const char *host, const char *message)
{
    (void)context;
    (void)code;
    (void)host;
    log_warning("%s", message);
}

static struct plan_means means_of(const struct invocation *run)
{
    struct plan_means means = plan_means_default();

    means.services = run->services;
    means.resolver = resolver_system();
    randombytes_buf(means.seed, sizeof(means.seed));
    means.notice = hear_of_skipped;
    means.raw = privilege_has_raw();
    return means;
}

/* What --scope and --never-scan say. Whatever it returns, the caller owns the items. */
static int gather_limits(const struct options *options, struct prefix_list *scope, struct prefix_list *never_scan,
                         struct problem *problem)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < options->scope.count; i++) {
        rc = add_prefix(scope, options->scope.items[i], "--scope", problem);
    }
    for (size_t i = 0; rc == 0 && i < options->never_scan_files.count; i++) {
        rc = read_prefixes(never_scan, options->never_scan_files.items[i], problem);
    }
    return rc;
}

struct plan_parts {
    struct targets *targets;
    struct targets *exclude;
    struct prefix_list scope;
    struct prefix_list never_scan;
};

static int gather_parts(struct invocation *run, struct plan_parts *parts, struct problem *problem)
{
    const struct options *options = run->options;
    int rc;

    parts->targets = targets_create();
    parts->exclude = targets_create();
    if (parts->targets == NULL || parts->exclude == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    targets_use_proto(parts->targets, plan_probe_proto(run->probe));
    targets_use_proto(parts->exclude, plan_probe_proto(run->probe));
    rc = read_targets(run, &options->targets, &options->target_files, parts->targets, problem);
    if (rc == 0) {
        rc = read_targets(run, &options->exclude, &options->exclude_files, parts->exclude, problem);
    }
    if (rc == 0) {
        rc = gather_limits(options, &parts->scope, &parts->never_scan, problem);
    }
    if (rc == 0 && targets_count(parts->targets) == 0) {
        rc = problem_set(problem, -EINVAL, "no target: the files that were given name none");
    }
    return rc;
}

/* Shards of one plan run as processes of their own, so their common seed follows from what they have in common. */
static void seed_of_parts(const struct options *options, const struct plan_parts *parts,
                          uint8_t seed[PERMUTATION_SEED_BYTES])
{
    const struct targets *lists[] = {parts->targets, parts->exclude};
    const char *ports = options->ports != NULL ? options->ports : "";
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, PERMUTATION_SEED_BYTES);
    for (size_t list = 0; list < 2; list++) {
        for (size_t i = 0; i < targets_count(lists[list]); i++) {
            const char *text = targets_at(lists[list], i)->text;
            crypto_generichash_update(&hash, (const unsigned char *)text, strlen(text) + 1);
        }
        crypto_generichash_update(&hash, (const unsigned char *)"", 1);
    }
    crypto_generichash_update(&hash, (const unsigned char *)ports, strlen(ports));
    crypto_generichash_final(&hash, seed, PERMUTATION_SEED_BYTES);
}

static void say_connects(void)
{
    log_notice(
        "scanning by plain connects: raw SYNs, which are faster, need CAP_NET_RAW (\"leastport doctor\" says how "
        "to get it)");
}

/* Raw SYNs where this process may send them, and plain connects where not, which is said. */
static enum plan_probe choose_probe(const struct options *options)
{
    if (options->probe_given) {
        return options->probe;
    }
    if (privilege_has_raw()) {
        return PLAN_PROBE_SYN;
    }
    say_connects();
    return PLAN_PROBE_CONNECT;
}

static int plan_from_parts(struct invocation *run, const struct plan_parts *parts, struct problem *problem)
{
    const struct options *options = run->options;
    struct plan_options wanted = plan_options_default();
    struct plan_means means = means_of(run);

    if (options->ports != NULL) {
        /* Judged again in the plan, whose errors speak of the plan. */
        int rc =
            ports_parse(options->ports, run->services, plan_probe_proto(run->probe), &(struct portset){0}, problem);
        if (rc < 0) {
            return rc;
        }
    }
    wanted.targets = parts->targets;
    wanted.exclude = parts->exclude;
    wanted.scope = parts->scope.items;
    wanted.scope_count = parts->scope.count;
    wanted.never_scan = parts->never_scan.items;
    wanted.never_scan_count = parts->never_scan.count;
    wanted.ports = options->ports != NULL ? options->ports : wanted.ports;
    wanted.realm = options->realm != NULL ? options->realm : wanted.realm;
    wanted.vantage = options->vantage != NULL ? options->vantage : wanted.vantage;
    wanted.retries = options->retries >= 0 ? (uint32_t)options->retries : wanted.retries;
    wanted.probe = run->probe;
    wanted.rate_pps = options->rate_pps;
    wanted.unbraked = options->unbraked;
    wanted.services = options->services;
    wanted.doors = options->services && !options->closed_doors;
    wanted.printers = options->services && options->ask_printers;
    wanted.undiscovered = options->undiscovered && run->probe != PLAN_PROBE_CONNECT;
    wanted.host_rate_pps = options->host_rate_pps;
    wanted.shard_index = options->shard_index;
    wanted.shard_count = options->shard_count;
    memcpy(wanted.seed, means.seed, sizeof(wanted.seed));
    if (options->shard_count > 1) {
        seed_of_parts(options, parts, wanted.seed);
    }
    return plan_create(&wanted, &means, &run->plan, problem);
}

static int plan_from_options(struct invocation *run, struct problem *problem)
{
    struct plan_parts parts = {0};
    int rc;

    run->probe = choose_probe(run->options);
    rc = gather_parts(run, &parts, problem);

    if (rc == 0) {
        rc = plan_from_parts(run, &parts, problem);
    }
    targets_destroy(parts.targets);
    targets_destroy(parts.exclude);
    prefix_list_done(&parts.scope);
    prefix_list_done(&parts.never_scan);
    return rc;
}

static int read_whole(FILE *file, const char *path, char **ret_text, size_t *ret_size, struct problem *problem)
{
    char *text = NULL;
    size_t size = 0;
    size_t room = 0;
    size_t got;

    do {
        if (size == room) {
            char *grown;
            room = room * 2 + 65536;
            grown = room <= PLAN_MAX_BYTES ? realloc(text, room) : NULL;
            if (grown == NULL) {
                free(text);
                return problem_set(problem, -EFBIG, "%s: too large for a plan", path);
            }
            text = grown;
        }
        got = fread(text + size, 1, room - size, file);
        size += got;
    } while (got > 0);
    if (ferror(file) != 0) {
        problem_write(problem, "%s: %s", path, strerror(errno));
        free(text);
        return -EIO;
    }
    *ret_text = text;
    *ret_size = size;
    return 0;
}

/* Whoever wrote the plan may be far from here, and is told. */
static void say_choice(const struct plan *plan)
{
    if (plan_probe(plan) == PLAN_PROBE_CONNECT) {
        say_connects();
    } else {
        log_notice("scanning by raw SYNs, as CAP_NET_RAW is there");
    }
}

static int plan_from_file(struct invocation *run, const char *path, struct problem *problem)
{
    struct plan_means means = means_of(run);
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    char *text;
    size_t size;
    FILE *file = open_input(path, problem);
    int rc;

    if (file == NULL) {
        return -ENOENT;
    }
    rc = read_whole(file, name, &text, &size, problem);
    close_input(file);
    if (rc < 0) {
        return rc;
    }
    rc = plan_from_json(text, size, &means, &run->plan, problem);
    free(text);
    if (rc == 0 && plan_probe_was_open(run->plan)) {
        say_choice(run->plan);
    }
    /* A plan that is piped in has no name that its writer would know. */
    return rc < 0 && file != stdin ? problem_prefix(problem, rc, "%s", name) : rc;
}

static int plan_from_state(struct invocation *run, struct problem *problem)
{
    struct plan_means means = means_of(run);
    const struct state_head *head;
    int rc = state_open(run->options->resume, &run->state, problem);

    if (rc < 0) {
        return rc;
    }
    head = state_head(run->state);
    means.is_kept = true;
    rc = plan_from_json(head->plan_json, strlen(head->plan_json), &means, &run->plan, problem);
    if (rc == 0) {
        rc = state_check_plan(run->state, plan_hash(run->plan), problem);
    }
    if (rc == 0) {
        rc = take_scan_id(run, head->scan_id, problem);
    }
    if (rc < 0) {
        return problem_prefix(problem, rc, "%s", run->options->resume);
    }
    return 0;
}

static int make_plan(struct invocation *run, struct problem *problem)
{
    if (run->options->resume != NULL) {
        return plan_from_state(run, problem);
    }
    if (run->options->plan != NULL) {
        return plan_from_file(run, run->options->plan, problem);
    }
    return plan_from_options(run, problem);
}

/* A plan from a state has its own scope and never-scan list; what stands on the command line comes on top. */
static int narrow_scope(struct invocation *run, struct problem *problem)
{
    struct prefix_list scope = {0};
    struct prefix_list never_scan = {0};
    int rc = gather_limits(run->options, &scope, &never_scan, problem);

    if (rc == 0) {
        struct scope_options narrower = {.allowed = scope.items,
                                         .allowed_count = scope.count,
                                         .never = never_scan.items,
                                         .never_count = never_scan.count};
        rc = scope_narrow(run->scope, &narrower);
        rc = rc < 0 ? problem_set(problem, rc, "out of memory") : 0;
    }
    prefix_list_done(&scope);
    prefix_list_done(&never_scan);
    return rc;
}

static int make_scope(struct invocation *run, struct problem *problem)
{
    const struct addr *own;
    size_t own_count;
    int rc = own_create(&run->own);

    if (rc < 0) {
        return problem_set(problem, rc, "reading this machine's addresses: %s", strerror(-rc));
    }
    own = own_addrs(run->own, &own_count);
    rc = plan_scope(run->plan, own, own_count, &run->scope);
    if (rc < 0) {
        return problem_set(problem, rc, "out of memory");
    }
    rc = plan_check_scope(run->plan, run->scope, problem);
    return rc == 0 && run->options->resume != NULL ? narrow_scope(run, problem) : rc;
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

/* One word as a POSIX shell takes it. */
static void quote(FILE *out, const char *word)
{
    if (*word != '\0' &&
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=%+-@[]") == strlen(word) &&
        strpbrk(word, "[]") == NULL) {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            fputs("'\\''", out);
        } else {
            fputc(*word, out);
        }
    }
    fputc('\'', out);
}

/* The verb is two words: quoted, a shell would look for one program of that name. */
static void quote_program(FILE *out, const char *program)
{
    if (strcmp(program, SCAN_VERB) == 0) {
        fputs(program, out);
    } else {
        quote(out, program);
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
        quote(out, argv[i]);
    }
    return fclose(out) == 0 ? 0 : problem_set(problem, -ENOMEM, "out of memory");
}

static void quote_list(FILE *out, const char *option, const struct options_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        fprintf(out, " %s ", option);
        quote(out, list->items[i]);
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
    quote(out, state_path(run->state));
    if (run->options->resume != NULL) { /* else the plan has them */
        quote_list(out, "--scope", &run->options->scope);
        quote_list(out, "--never-scan", &run->options->never_scan_files);
    }
    if (run->options->link != NULL) {
        fputs(" --link ", out);
        quote(out, run->options->link);
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
    rc = run->options->scan_id != NULL ? take_scan_id(run, run->options->scan_id, problem) : 0;
    if (rc == 0) {
        rc = keep_command(run, argc, argv, problem);
    }
    if (rc == 0) {
        rc = make_plan(run, problem);
    }
    if (rc == 0) {
        rc = make_scope(run, problem);
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
