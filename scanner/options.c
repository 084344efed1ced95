#include "scanner/options.h"

#include "scanner/connect_pool.h"
#include "scanner/output/outputs.h"
#include "scanner/plan.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *argp_program_version = "leastport-scan " LEASTPORT_VERSION;

enum key {
    KEY_PORTS = 'p',
    KEY_OUTPUT = 'o',
    KEY_CONNECT = 256,
    KEY_SYN,
    KEY_UDP,
    KEY_EXCLUDE,
    KEY_EXCLUDE_FILE,
    KEY_TARGETS_FILE,
    KEY_SCOPE,
    KEY_NEVER_SCAN,
    KEY_RATE,
    KEY_HOST_RATE,
    KEY_RETRIES,
    KEY_STATE,
    KEY_RESUME,
    KEY_SHARD,
    KEY_THREADS,
    KEY_LINK,
    KEY_NO_DISCOVERY,
    KEY_SERVICES,
    KEY_NO_DOOR_CHECKS,
    KEY_ASK_PRINTERS,
    KEY_REALM,
    KEY_VANTAGE,
    KEY_PLAN,
    KEY_SCAN_ID,
    KEY_FROM_SLAB,
    KEY_PROGRESS_LINES,
    KEY_DOCTOR,
    KEY_JSON,
    KEY_HELP_ALL,
};

/* Hidden ones are what --help-all adds: --help fits a screen. */
static const struct argp_option rows[] = {
    {"ports", KEY_PORTS, "PORTS", 0, "22,80-90,https,all (default: common)", 1},
    {"exclude", KEY_EXCLUDE, "TARGET", 0, "leave these out", 1},
    {"targets-file", KEY_TARGETS_FILE, "FILE", 0, "more targets; - is standard input", 1},
    {"exclude-file", KEY_EXCLUDE_FILE, "FILE", OPTION_HIDDEN, "leave out what the file lists", 1},
    {"scope", KEY_SCOPE, "CIDR", 0, "what may be probed (default: private ranges)", 2},
    {"never-scan", KEY_NEVER_SCAN, "FILE", 0, "addresses that are never probed", 2},
    {"rate", KEY_RATE, "PPS", 0, "probes a second, at most; max: no brake", 3},
    {"host-rate", KEY_HOST_RATE, "PPS", 0, "probes a second to one host, at most", 3},
    {"retries", KEY_RETRIES, "N", 0, "more tries of what is silent (default: 2)", 3},
    {"threads", KEY_THREADS, "N", OPTION_HIDDEN, "threads that probe, at most (default: by the processors, up to 8)",
     3},
    {"shard", KEY_SHARD, "I/N", OPTION_HIDDEN, "only the I-th of N parts of the same plan", 3},
    {"syn", KEY_SYN, NULL, 0, "probe by raw SYNs (default with CAP_NET_RAW)", 3},
    {"connect", KEY_CONNECT, NULL, 0, "probe by plain connects (default without)", 3},
    {"udp", KEY_UDP, NULL, 0, "probe UDP ports (needs CAP_NET_RAW)", 3},
    {"link", KEY_LINK, "DRIVER", OPTION_HIDDEN,
     "how raw packets leave: packet, packet-bypass, ip, pcap:RECORD[,REPLAY]", 3},
    {"no-discovery", KEY_NO_DISCOVERY, NULL, 0, "probe silent hosts too; else raw probes of over 16 ports ask first",
     3},
    {"services", KEY_SERVICES, NULL, 0, "ask what answers at open TCP ports", 3},
    {"no-door-checks", KEY_NO_DOOR_CHECKS, NULL, 0, "do not ask whether it lets strangers in", 3},
    {"ask-printers", KEY_ASK_PRINTERS, NULL, OPTION_HIDDEN,
     "ask ports 9100-9107 too, where printers print what they are sent", 3},
    {"output", KEY_OUTPUT, "FORMAT:FILE", 0, "table, jsonl or xml; FILE - is stdout; repeats", 4},
    {"state", KEY_STATE, "FILE", 0, "where plan and progress are kept", 5},
    {"resume", KEY_RESUME, "FILE", 0, "go on with the scan of that state file", 5},
    {"progress-lines", KEY_PROGRESS_LINES, NULL, OPTION_HIDDEN, "a progress line in jsonl once a second", 6},
    {"realm", KEY_REALM, "NAME", OPTION_HIDDEN, "the address space that the targets belong to", 6},
    {"vantage", KEY_VANTAGE, "NAME", OPTION_HIDDEN, "where this machine stands", 6},
    {"plan", KEY_PLAN, "FILE", OPTION_HIDDEN, "run this plan (JSON); - is standard input", 6},
    {"scan-id", KEY_SCAN_ID, "UUID", OPTION_HIDDEN, "the scan's identifier", 6},
    {"from-slab", KEY_FROM_SLAB, "N", OPTION_HIDDEN, "with --plan: begin at this slab", 6},
    {"doctor", KEY_DOCTOR, NULL, 0, "what this machine lacks for a good scan", 7},
    {"json", KEY_JSON, NULL, OPTION_HIDDEN, "with --doctor: as JSON", 7},
    {"help-all", KEY_HELP_ALL, NULL, 0, "help with every option", -1},
    {0},
};

/* What `leastport doctor` takes: it is handed over as --doctor, before anything else. */
static const struct argp_option doctor_rows[] = {
    {"json", KEY_JSON, NULL, 0, "as JSON", 1},
    {"doctor", KEY_DOCTOR, NULL, OPTION_HIDDEN, NULL, 1},
    {0},
};

static const char DOCTOR_DESCRIPTION[] =
    "Says what this machine lacks for a good scan, and the command that mends each.\v"
    "Exit status: 0 nothing lacks, 1 something does, 2 error or misuse.";

static const char DESCRIPTION[] =
    "Sweep hosts for open ports.\v"
    "TARGET: 10.0.0.5, 10.0.0.0/24, 10.0.0.1-50, db.example, each also with :PORTS; [fd00::1]:443.\n"
    "Exit status: 0 whatever it finds, 2 error or misuse, 130 interrupted (resumable).";

int options_number(const char *name, const char *text, struct options_range range, uint64_t *ret_number,
                   struct problem *problem)
{
    char *end;
    unsigned long long value;

    if (*text < '0' || *text > '9') {
        return problem_set(problem, -EINVAL, "--%s: \"%s\" is not a number", name, text);
    }
    errno = 0;
    value = strtoull(text, &end, 10);
    if (*end != '\0') {
        return problem_set(problem, -EINVAL, "--%s: \"%s\" is not a number", name, text);
    }
    if (errno == ERANGE || value < range.least || value > range.most) {
        return problem_set(problem, -ERANGE, "--%s: %s is out of range: %llu to %llu", name, text,
                           (unsigned long long)range.least, (unsigned long long)range.most);
    }
    *ret_number = value;
    return 0;
}

int options_shard(const char *text, uint32_t *ret_index, uint32_t *ret_count, struct problem *problem)
{
    const char *slash = strchr(text, '/');
    char index_text[16];
    uint64_t index;
    uint64_t count;
    int rc;

    if (slash == NULL || slash == text || (size_t)(slash - text) >= sizeof(index_text)) {
        return problem_set(problem, -EINVAL, "--shard: \"%s\" is not of the form I/N, such as 2/5", text);
    }
    memcpy(index_text, text, (size_t)(slash - text));
    index_text[slash - text] = '\0';
    rc = options_number("shard", slash + 1, (struct options_range){1, PLAN_SHARDS_MAX}, &count, problem);
    if (rc == 0) {
        rc = options_number("shard", index_text, (struct options_range){1, count}, &index, problem);
    }
    if (rc < 0) {
        return rc;
    }
    *ret_index = (uint32_t)index;
    *ret_count = (uint32_t)count;
    return 0;
}

static void add(struct options_list *list, const char *text, const struct argp_state *state)
{
    const char **grown = realloc(list->items, (list->count + 1) * sizeof(*grown));

    if (grown == NULL) {
        argp_failure(state, 2, ENOMEM, "reading the command line");
        return;
    }
    list->items = grown;
    list->items[list->count++] = text;
}

/* Where an argument's text goes: one of the two; `settles` when a plan has its own. */
struct place {
    int key;
    size_t text;
    size_t list;
    bool settles;
};

#define NO_PLACE SIZE_MAX
#define TEXT(field) offsetof(struct options, field), NO_PLACE
#define LIST(field) NO_PLACE, offsetof(struct options, field)

static const struct place places[] = {
    {KEY_PORTS, TEXT(ports), true},
    {KEY_LINK, TEXT(link), false},
    {KEY_EXCLUDE, LIST(exclude), true},
    {KEY_TARGETS_FILE, LIST(target_files), true},
    {KEY_EXCLUDE_FILE, LIST(exclude_files), true},
    {KEY_SCOPE, LIST(scope), false},
    {KEY_NEVER_SCAN, LIST(never_scan_files), false},
    {KEY_OUTPUT, LIST(outputs), false},
    {KEY_STATE, TEXT(state), false},
    {KEY_RESUME, TEXT(resume), false},
    {KEY_REALM, TEXT(realm), true},
    {KEY_VANTAGE, TEXT(vantage), true},
    {KEY_PLAN, TEXT(plan), false},
    {KEY_SCAN_ID, TEXT(scan_id), false},
    {ARGP_KEY_ARG, LIST(targets), true},
};

static const char *name_of(int key)
{
    for (const struct argp_option *row = rows; row->name != NULL; row++) {
        if (row->key == key) {
            return row->name;
        }
    }
    return "TARGET";
}

static bool take_text(int key, const char *text, struct argp_state *state)
{
    struct options *options = state->input;

    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const struct place *place = &places[i];
        union {
            struct options *options;
            unsigned char *bytes;
        } base = {.options = options};
        if (place->key != key) {
            continue;
        }
        if (place->list != NO_PLACE) {
            union {
                unsigned char *bytes;
                struct options_list *list;
            } target = {.bytes = base.bytes + place->list};
            add(target.list, text, state);
        } else {
            memcpy(base.bytes + place->text, &text, sizeof(text));
        }
        if (place->settles) {
            options->settles_plan = name_of(key);
        }
        return true;
    }
    return false;
}

static int take_number(int key, const char *text, struct options *options, struct problem *problem)
{
    static const struct options_range rates = {1, UINT64_C(1000000000)};
    uint64_t number = 0;
    int rc;

    switch (key) {
    case KEY_RATE:
        options->unbraked = strcmp(text, "max") == 0;
        rc = options->unbraked ? 0 : options_number("rate", text, rates, &options->rate_pps, problem);
        break;
    case KEY_HOST_RATE:
        rc = options_number("host-rate", text, rates, &options->host_rate_pps, problem);
        break;
    case KEY_RETRIES:
        rc = options_number("retries", text, (struct options_range){0, PLAN_RETRIES_MAX}, &number, problem);
        options->retries = rc == 0 ? (int64_t)number : -1;
        break;
    case KEY_SHARD:
        rc = options_shard(text, &options->shard_index, &options->shard_count, problem);
        break;
    case KEY_THREADS:
        rc = options_number("threads", text, (struct options_range){1, CONNECT_POOL_THREADS_MAX}, &number, problem);
        options->threads = (uint32_t)number;
        return rc;
    case KEY_FROM_SLAB:
        rc = options_number("from-slab", text, (struct options_range){0, INT64_MAX}, &options->from_slab, problem);
        options->from_slab_given = true;
        return rc;
    default:
        return 1;
    }
    options->settles_plan = name_of(key);
    return rc;
}

static void print_all_help(const struct argp_state *state)
{
    struct argp_option shown[sizeof(rows) / sizeof(*rows)];
    struct argp all = {.options = shown, .args_doc = "TARGET...", .doc = DESCRIPTION};

    memcpy(shown, rows, sizeof(rows));
    for (struct argp_option *row = shown; row->name != NULL; row++) {
        row->flags &= ~OPTION_HIDDEN;
    }
    argp_help(&all, stdout, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK, state->name);
    exit(0);
}

static void check(struct argp_state *state)
{
    const struct options *options = state->input;
    bool given = options->plan != NULL || options->resume != NULL;

    if (options->doctor) {
        if (options->targets.count > 0) {
            argp_error(state, "\"%s\": the doctor looks at this machine and takes no target",
                       options->targets.items[0]);
        }
        return;
    }
    if (options->json) {
        argp_error(state, "--json goes with --doctor; for a scan in JSON say -o jsonl:-");
    }
    if (options->plan != NULL && options->resume != NULL) {
        argp_error(state, "--plan and --resume do not go together: the state file holds its plan");
    }
    if (given && options->settles_plan != NULL) {
        argp_error(state, "%s does not go with --%s: the plan settles it", options->settles_plan,
                   options->plan != NULL ? "plan" : "resume");
    }
    /* A resume may be narrowed: a host can turn out to be fragile while the scan rests. */
    if (options->plan != NULL && (options->scope.count > 0 || options->never_scan_files.count > 0)) {
        argp_error(state, "%s does not go with --plan: the plan settles it",
                   options->scope.count > 0 ? "scope" : "never-scan");
    }
    if (options->resume != NULL && (options->scan_id != NULL || options->state != NULL)) {
        argp_error(state, "--scan-id and --state do not go with --resume: the state file goes on as it is");
    }
    if (options->services && options->probe_given && options->probe == PLAN_PROBE_UDP) {
        argp_error(state, "--services and --udp do not go together: only TCP ports can be asked what answers");
    }
    if (options->closed_doors && !options->services && !given) {
        argp_error(state, "--no-door-checks goes with --services");
    }
    if (options->ask_printers && !options->services && !given) {
        argp_error(state, "--ask-printers goes with --services");
    }
    if (options->from_slab_given && (options->plan == NULL || options->state != NULL)) {
        argp_error(state, "--from-slab goes with --plan, and without --state");
    }
    if (!given && options->targets.count == 0 && options->target_files.count == 0) {
        argp_error(state, "no target: give an address, a range, a name, or --targets-file");
    }
}

static void take_probe(struct argp_state *state, int key, enum plan_probe probe)
{
    struct options *options = state->input;

    if (options->probe_given && options->probe != probe) {
        argp_error(state, "--%s and --%s do not go together: a scan asks in one way", plan_probe_name(options->probe),
                   plan_probe_name(probe));
    }
    options->probe_given = true;
    options->probe = probe;
    options->settles_plan = name_of(key);
}

static error_t take(int key, char *text, struct argp_state *state)
{
    struct options *options = state->input;
    struct problem problem;
    int rc;

    switch (key) {
    case KEY_SYN:
        take_probe(state, key, PLAN_PROBE_SYN);
        return 0;
    case KEY_UDP:
        take_probe(state, key, PLAN_PROBE_UDP);
        return 0;
    case KEY_CONNECT:
        take_probe(state, key, PLAN_PROBE_CONNECT);
        return 0;
    case KEY_NO_DISCOVERY:
        options->undiscovered = true;
        options->settles_plan = name_of(key);
        return 0;
    case KEY_SERVICES:
        options->services = true;
        options->settles_plan = name_of(key);
        return 0;
    case KEY_NO_DOOR_CHECKS:
        options->closed_doors = true;
        options->settles_plan = name_of(key);
        return 0;
    case KEY_ASK_PRINTERS:
        options->ask_printers = true;
        options->settles_plan = name_of(key);
        return 0;
    case KEY_PROGRESS_LINES:
        options->progress_lines = true;
        return 0;
    case KEY_DOCTOR:
        options->doctor = true;
        return 0;
    case KEY_JSON:
        options->json = true;
        return 0;
    case KEY_HELP_ALL:
        print_all_help(state);
        return 0;
    case ARGP_KEY_END:
        check(state);
        return 0;
    default:
        break;
    }
    if (text != NULL && take_text(key, text, state)) {
        return 0;
    }
    rc = text != NULL ? take_number(key, text, options, &problem) : 1;
    if (rc < 0) {
        argp_error(state, "%s", problem.text);
    }
    return rc > 0 ? ARGP_ERR_UNKNOWN : 0;
}

void options_parse(int argc, char **argv, struct options *ret_options)
{
    static const struct argp scan = {.options = rows, .parser = take, .args_doc = "TARGET...", .doc = DESCRIPTION};
    static const struct argp doctor = {.options = doctor_rows, .parser = take, .doc = DOCTOR_DESCRIPTION};
    const struct argp *argp = argc > 1 && strcmp(argv[1], "--doctor") == 0 ? &doctor : &scan;

    *ret_options = (struct options){.retries = -1, .shard_index = 1, .shard_count = 1};
    argp_err_exit_status = 2;
    /* Without the note on short options the help fits a screen. */
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    if (argp_parse(argp, argc, argv, 0, NULL, ret_options) != 0) {
        exit(2);
    }
}

void options_done(struct options *options)
{
    free(options->targets.items);
    free(options->target_files.items);
    free(options->exclude.items);
    free(options->exclude_files.items);
    free(options->scope.items);
    free(options->never_scan_files.items);
    free(options->outputs.items);
}
