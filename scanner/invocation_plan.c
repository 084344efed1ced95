/* The plan that an invocation carries out, from its options, a file or a state, and the guard of it. */
#include "scanner/invocation_inner.h"

#include "lib/log.h"
#include "lib/prefix_list.h"
#include "scanner/ports.h"
#include "scanner/protocol.h"
#include "scanner/raw/privilege.h"
#include "scanner/targets.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_MAX_BYTES = 64 * 1024 * 1024 };

#define NO_PREFIX "%s: \"%s\" is neither an address nor a prefix, such as 10.0.0.0/8"

int invocation_take_scan_id(struct invocation *run, const char *text, struct problem *problem)
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
        rc = invocation_take_scan_id(run, head->scan_id, problem);
    }
    if (rc < 0) {
        return problem_prefix(problem, rc, "%s", run->options->resume);
    }
    return 0;
}

int invocation_make_plan(struct invocation *run, struct problem *problem)
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

int invocation_make_scope(struct invocation *run, struct problem *problem)
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
