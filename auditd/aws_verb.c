#include "auditd/aws_verb.h"

#include "auditd/aws/inventory.h"
#include "auditd/aws/wiped.h"
#include "auditd/config/aws.h"
#include "auditd/protocol.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_PROFILE = 0x100, KEY_REGION, KEY_ROLE, KEY_EXTERNAL, KEY_OUTPUT, KEY_TIMEOUT };
enum { AWS_TIMEOUT_MAX_S = 86400 };

struct aws_command {
    const char *what; /* "policy" or "read" */
    struct session_options session;
    struct session_taken roles[CONFIG_AWS_ROLES_MAX];
    const char *regions[CONFIG_AWS_REGIONS_MAX];
    size_t region_count;
    const char *output;
    long timeout_s;
};

/* Whatever happens from here on, no key is left in a file. */
static int keep_out_of_dumps(void)
{
    const struct rlimit none = {0, 0};

    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 ? 0 : -errno;
}

static int policy_run(void)
{
    json_t *policy = call_policy();
    int rc = policy == NULL                                                                                   ? -ENOMEM
             : json_dumpf(policy, stdout, JSON_INDENT(4)) == 0 && putchar('\n') != EOF && fflush(stdout) == 0 ? 0
                                                                                                              : -EIO;

    json_decref(policy);
    if (rc < 0) {
        log_error("%s", rc == -ENOMEM ? "out of memory" : "cannot write to standard output");
    }
    return rc;
}

/* ---- read ---- */

/* Each file is written beside its place, whole, for the owner alone. */
static int on_document(void *context, const char *name, json_t *document)
{
    const int *folder = context;
    char clean[520];
    char beside[540];
    FILE *file;
    int fd;
    bool whole;

    snprintf(clean, sizeof(clean), "%.500s", name);
    for (char *at = clean; *at != '\0'; at++) {
        *at = *at == '/' ? '_' : *at;
    }
    snprintf(beside, sizeof(beside), ".%s.new", clean);
    fd = openat(*folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        log_error("cannot write %s: %s", clean, strerror(errno));
        return -EIO;
    }
    whole = json_dumpf(document, file, JSON_INDENT(1)) == 0;
    whole = fclose(file) == 0 && whole;
    if (!whole || renameat(*folder, beside, *folder, clean) < 0) {
        log_error("cannot write %s: %s", clean, strerror(errno));
        return -EIO;
    }
    return 0;
}

static int open_folder(const char *path)
{
    int fd;

    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        log_error("cannot make the folder %s: %s", path, strerror(errno));
        return -EIO;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        log_error("cannot open the folder %s: %s", path, strerror(errno));
        return -EIO;
    }
    return fd;
}

static int read_account(const struct aws_command *command, struct session *session, struct wire *wire, int folder)
{
    struct inventory_options options = inventory_options_default();
    struct inventory_sum sum;
    struct session_fault fault = {""};
    int rc = session_log_in(session, &fault);

    options.regions = command->regions;
    options.region_count = command->region_count;
    options.take = on_document;
    options.context = &folder;
    if (command->timeout_s > 0) {
        options.deadline_ms = command->timeout_s * 1000;
        options.request_ms = options.deadline_ms < options.request_ms ? options.deadline_ms : options.request_ms;
    }
    rc = rc == 0 ? inventory_read(session, wire, &options, &sum, &fault) : rc;
    if (rc < 0 && rc != -EIO) {
        log_error("%s", fault.text[0] != '\0' ? fault.text : strerror(-rc));
    }
    if (rc == 0) {
        log_notice("%zu regions, %zu documents, %zu records, %zu gaps", sum.regions, sum.documents, sum.records,
                   sum.gaps);
        if (sum.gaps > 0) {
            log_warning("not all was read: %s/gaps.*.json has what and why, and it stays UNKNOWN", command->output);
        }
    }
    return rc;
}

static int read_run(const struct aws_command *command)
{
    struct session_fault fault = {""};
    struct session *session = NULL;
    struct wire *wire = NULL;
    int folder;
    int rc = keep_out_of_dumps();

    if (rc < 0) {
        log_error("cannot keep keys out of core dumps: %s", strerror(-rc));
        return rc;
    }
    rc = wiped_libraries();
    if (rc < 0) {
        log_error("%s", rc == -ENOMEM ? "out of memory" : "libcurl cannot be started");
        return rc;
    }
    folder = open_folder(command->output);
    if (folder < 0) {
        return folder;
    }
    wire = wire_create(session_ca_bundle());
    rc = wire == NULL ? -ENOMEM : session_create(&command->session, wire, &session, &fault);
    if (rc < 0) {
        log_error("%s", fault.text[0] != '\0' ? fault.text : strerror(-rc));
    } else {
        rc = read_account(command, session, wire, folder);
    }
    session_destroy(session);
    wire_destroy(wire);
    close(folder);
    return rc;
}

/* ---- the verb ---- */

static void aws_check(struct argp_state *state, const struct aws_command *command)
{
    bool reads = command->what != NULL && strcmp(command->what, "read") == 0;

    if (command->what == NULL || (!reads && strcmp(command->what, "policy") != 0)) {
        argp_error(state, "either `policy` or `read`");
    }
    if (reads && command->output == NULL) {
        argp_error(state, "--output FOLDER is missing: where the documents go");
    }
}

static void add_role(struct argp_state *state, struct aws_command *command, const char *role)
{
    if (command->session.role_count == CONFIG_AWS_ROLES_MAX) {
        argp_error(state, "there are at most %d --role", CONFIG_AWS_ROLES_MAX);
        return;
    }
    command->session.roles = command->roles;
    command->roles[command->session.role_count++].role = role;
}

static void add_external(struct argp_state *state, struct aws_command *command, const char *id)
{
    size_t count = command->session.role_count;

    if (count == 0 || command->roles[count - 1].external_id != NULL) {
        argp_error(state, "--external-id goes behind the --role that asks for it");
        return;
    }
    command->roles[count - 1].external_id = id;
}

static long parse_seconds(struct argp_state *state, const char *text)
{
    char *end;
    long seconds = strtol(text, &end, 10);

    if (end == text || *end != '\0' || seconds < 1 || seconds > AWS_TIMEOUT_MAX_S) {
        argp_error(state, "--timeout \"%s\" is no number of seconds from 1 to %d", text, AWS_TIMEOUT_MAX_S);
    }
    return seconds;
}

static void add_region(struct argp_state *state, struct aws_command *command, const char *region)
{
    if (command->region_count == CONFIG_AWS_REGIONS_MAX) {
        argp_error(state, "there are at most %d --region", CONFIG_AWS_REGIONS_MAX);
    }
    if (!config_aws_is_region(region)) {
        argp_error(state, "\"%s\" is no region, as eu-central-1 is one", region);
    }
    command->regions[command->region_count++] = region;
}

static error_t aws_one(int key, char *arg, struct argp_state *state)
{
    struct aws_command *command = state->input;

    switch (key) {
    case KEY_PROFILE:
        command->session.profile = arg;
        return 0;
    case KEY_REGION:
        add_region(state, command, arg);
        return 0;
    case KEY_ROLE:
        add_role(state, command, arg);
        return 0;
    case KEY_EXTERNAL:
        add_external(state, command, arg);
        return 0;
    case KEY_OUTPUT:
        command->output = arg;
        return 0;
    case KEY_TIMEOUT:
        command->timeout_s = parse_seconds(state, arg);
        return 0;
    case ARGP_KEY_ARG:
        if (command->what != NULL) {
            argp_error(state, "what is \"%s\"?", arg);
        }
        command->what = arg;
        return 0;
    case ARGP_KEY_END:
        aws_check(state, command);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int aws_verb_main(int argc, char **argv)
{
    const struct argp_option table[] = {
        {"profile", KEY_PROFILE, "NAME", 0, "Of the AWS CLI's files, instead of AWS_PROFILE and the environment's keys",
         0},
        {"region", KEY_REGION, "REGION", 0, "One to read; again for more. Without it all that are on for the account",
         0},
        {"role", KEY_ROLE, "ARN", 0,
         "Taken on before reading: another account's; again for one that is taken on with it", 0},
        {"external-id", KEY_EXTERNAL, "ID", 0, "That the role before it asks for", 0},
        {"output", KEY_OUTPUT, "FOLDER", 0, "Where the documents go, as `leastport reach --aws` reads them", 0},
        {"timeout", KEY_TIMEOUT, "SECONDS", 0, "For all of the reading (900); what is left then is a gap", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = aws_one,
        .args_doc = "policy|read",
        .doc =
            "`policy` prints the smallest IAM policy that reading needs. `read` asks AWS what an account declares "
            "about "
            "its network, changing nothing, and writes it as the AWS CLI would.\v"
            "Keys are looked for as the AWS CLI does. What could not be read stands in gaps.*.json, and stays UNKNOWN. "
            "Exit status: 0, or 2 for error or misuse.",
    };
    struct aws_command command = {0};
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, &command);
    rc = strcmp(command.what, "policy") == 0 ? policy_run() : read_run(&command);
    return rc < 0 ? AUDIT_EXIT_ERROR : EXIT_SUCCESS;
}
