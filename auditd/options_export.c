/* `leastport export`: a part of options.h. */
#include "auditd/options.h"

#include "auditd/protocol.h"
#include "lib/clock.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum export_key {
    KEY_CONFIG = 0x200,
    KEY_DB,
    KEY_ENDPOINTS,
    KEY_HOSTS,
    KEY_CERTIFICATES,
    KEY_HOST,
    KEY_MIN_SEVERITY,
    KEY_OWNER,
    KEY_PORT,
    KEY_PRESENCE,
    KEY_PROTO,
    KEY_REALM,
    KEY_RULE,
    KEY_SERVICE,
    KEY_STATE,
    KEY_VANTAGE,
};

static void export_out_of_memory(const struct argp_state *state)
{
    argp_failure(state, AUDIT_EXIT_ERROR, ENOMEM, "the command line is too long");
}

/* "a,b": any of these. Given again it adds nothing to the first: an error. */
static struct store_texts export_texts(const struct argp_state *state, struct export_command *command, const char *name,
                                       const char *text)
{
    struct options_values *list = &command->lists[command->list_count];
    size_t count = 1;
    char *next;

    if (command->list_count == EXPORT_FILTERS) {
        argp_error(state, "too many filters");
    }
    for (const char *at = text; *at != '\0'; at++) {
        count += *at == ',';
    }
    list->text = strdup(text);
    list->values = calloc(count, sizeof(*list->values));
    if (list->text == NULL || list->values == NULL) {
        export_out_of_memory(state);
        return (struct store_texts){0};
    }
    command->list_count++;
    next = list->text;
    for (size_t i = 0; i < count; i++) {
        list->values[i] = strsep(&next, ",");
        if (list->values[i][0] == '\0') {
            argp_error(state, "--%s \"%s\": something is missing beside a comma", name, text);
        }
    }
    return (struct store_texts){list->values, count};
}

/* Texts that only a few words can be. */
static struct store_texts export_words(const struct argp_state *state, struct export_command *command, const char *name,
                                       const char *text, const char *const *words)
{
    struct store_texts texts = export_texts(state, command, name, text);

    for (size_t i = 0; i < texts.count; i++) {
        size_t word = 0;
        while (words[word] != NULL && strcasecmp(words[word], texts.values[i]) != 0) {
            word++;
        }
        if (words[word] == NULL) {
            argp_error(state, "--%s \"%s\" is no such word: `leastport export --help` names them", name,
                       texts.values[i]);
        }
        command->lists[command->list_count - 1].values[i] = words[word];
    }
    return texts;
}

static void export_addresses(const struct argp_state *state, struct export_command *command, const char *text)
{
    struct store_texts texts = export_texts(state, command, "host", text);
    struct addr address;

    for (size_t i = 0; i < texts.count; i++) {
        if (addr_parse(texts.values[i], &address) < 0) {
            argp_error(state, "--host \"%s\" is no address such as 10.0.0.5", texts.values[i]);
        }
    }
    command->options.findings.addresses = command->options.endpoints.addresses = texts;
    command->options.hosts.addresses = texts;
}

static void export_ports(const struct argp_state *state, struct export_command *command, const char *text)
{
    struct store_texts texts = export_texts(state, command, "port", text);
    struct store_numbers numbers;
    char *end;

    free(command->ports);
    if (texts.count == 0) {
        return;
    }
    command->ports = calloc(texts.count, sizeof(*command->ports));
    if (command->ports == NULL) {
        export_out_of_memory(state);
        return;
    }
    for (size_t i = 0; i < texts.count; i++) {
        command->ports[i] = strtol(texts.values[i], &end, 10);
        if (*end != '\0' || texts.values[i][0] == '-' || command->ports[i] > UINT16_MAX) {
            argp_error(state, "--port \"%s\" is no number of a port", texts.values[i]);
        }
    }
    numbers = (struct store_numbers){command->ports, texts.count};
    command->options.findings.ports = command->options.endpoints.ports = numbers;
}

static void export_severity(const struct argp_state *state, struct export_command *command, const char *text)
{
    enum severity severity;

    if (severity_parse(text, &severity) < 0) {
        argp_error(state, "--min-severity \"%s\" is none of low, medium, high, critical", text);
        return;
    }
    command->options.findings.severity_min = (int)severity;
}

static void export_output(const struct argp_state *state, struct export_command *command, const char *format,
                          const char *path)
{
    const struct export_driver *driver = export_find(format);

    if (command->output_count == OPTIONS_OUTPUTS_MAX) {
        argp_error(state, "a format can be given %d times at most", OPTIONS_OUTPUTS_MAX);
    }
    if (driver == NULL) {
        argp_error(state, "\"%s\" is none of csv, jsonl, sarif, ocsf, defectdojo, xml, html", format);
        return;
    }
    command->outputs[command->output_count++] =
        (struct options_output){.path = path, .driver = driver, .export = &command->options};
}

/* "FORMAT:FILE"; an argument alone is FORMAT, to standard output. */
static void export_output_option(const struct argp_state *state, struct export_command *command, char *text)
{
    char *colon = strchr(text, ':');

    if (colon == NULL || colon[1] == '\0') {
        argp_error(state, "-o \"%s\" is not FORMAT:FILE; - is standard output", text);
        return;
    }
    *colon = '\0';
    export_output(state, command, text, colon + 1);
}

static void export_subject(const struct argp_state *state, struct export_command *command, enum export_subject subject)
{
    if (command->options.subject != EXPORT_FINDINGS && command->options.subject != subject) {
        argp_error(state, "--endpoints, --hosts and --certificates cannot stand together");
    }
    command->options.subject = subject;
}

static void export_end(const struct argp_state *state, const struct export_command *command)
{
    static const char *const subjects[] = {"", "--endpoints", "--hosts", "--certificates"};

    if (command->output_count == 0) {
        argp_error(state, "which format? csv, jsonl, sarif, ocsf, defectdojo, xml or html");
    }
    for (size_t i = 0; command->options.subject != EXPORT_FINDINGS && i < command->output_count; i++) {
        if (!command->outputs[i].driver->has_subjects) {
            argp_error(state, "%s is for csv and jsonl; %s has what it has", subjects[command->options.subject],
                       command->outputs[i].driver->name);
        }
    }
}

static error_t export_filter(int key, char *arg, struct argp_state *state)
{
    static const char *const presences[] = {"NEW",        "OPEN",    "VERIFYING", "FIXED",
                                            "REAPPEARED", "ALLOWED", "FOLDED",    NULL};
    static const char *const protos[] = {"tcp", "udp", NULL};
    static const char *const states[] = {"open", "closed", "filtered", "open|filtered", NULL};
    struct export_command *command = state->input;
    struct store_finding_filter *findings = &command->options.findings;
    struct store_endpoint_filter *endpoints = &command->options.endpoints;

    switch (key) {
    case KEY_REALM:
        findings->realms = endpoints->realms = export_texts(state, command, "realm", arg);
        command->options.hosts.realms = command->options.certificates.realms = findings->realms;
        return 0;
    case KEY_VANTAGE:
        findings->vantages = endpoints->vantages = export_texts(state, command, "vantage", arg);
        return 0;
    case KEY_SERVICE:
        findings->services = endpoints->services = export_texts(state, command, "service", arg);
        return 0;
    case KEY_PROTO:
        findings->protos = endpoints->protos = export_words(state, command, "proto", arg, protos);
        return 0;
    case KEY_RULE:
        findings->rules = export_texts(state, command, "rule", arg);
        return 0;
    case KEY_OWNER:
        findings->owners = export_texts(state, command, "owner", arg);
        return 0;
    case KEY_PRESENCE:
        findings->presences = export_words(state, command, "presence", arg, presences);
        return 0;
    case KEY_STATE:
        endpoints->states = export_words(state, command, "state", arg, states);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t export_one(int key, char *arg, struct argp_state *state)
{
    struct export_command *command = state->input;

    switch (key) {
    case 'o':
        export_output_option(state, command, arg);
        return 0;
    case KEY_CONFIG:
        command->config = arg;
        return 0;
    case KEY_DB:
        command->db = arg;
        return 0;
    case KEY_ENDPOINTS:
        export_subject(state, command, EXPORT_ENDPOINTS);
        return 0;
    case KEY_HOSTS:
        export_subject(state, command, EXPORT_HOSTS);
        return 0;
    case KEY_CERTIFICATES:
        export_subject(state, command, EXPORT_CERTIFICATES);
        return 0;
    case KEY_HOST:
        export_addresses(state, command, arg);
        return 0;
    case KEY_PORT:
        export_ports(state, command, arg);
        return 0;
    case KEY_MIN_SEVERITY:
        export_severity(state, command, arg);
        return 0;
    case ARGP_KEY_ARG:
        export_output(state, command, arg, "-");
        return 0;
    case ARGP_KEY_END:
        export_end(state, command);
        return 0;
    default:
        return export_filter(key, arg, state);
    }
}

void options_parse_export(int argc, char **argv, struct export_command *ret_command)
{
    const struct argp_option table[] = {
        {"output", 'o', "FORMAT:FILE", 0, "Write FORMAT to FILE, - for stdout; repeats", 0},
        {"endpoints", KEY_ENDPOINTS, NULL, 0, "csv, jsonl: ports and what answers instead of findings", 0},
        {"hosts", KEY_HOSTS, NULL, 0, "csv, jsonl: hosts, their scores and counts", 0},
        {"certificates", KEY_CERTIFICATES, NULL, 0, "csv, jsonl: certificates that open ports show", 0},
        {"min-severity", KEY_MIN_SEVERITY, "SEVERITY", 0, "Findings from low, medium, high or critical on", 0},
        {"realm", KEY_REALM, "LIST", 0, "Of these realms; a comma means or, here and below", 0},
        {"host", KEY_HOST, "LIST", 0, "Of these addresses", 0},
        {"port", KEY_PORT, "LIST", 0, "Of these ports", 0},
        {"proto", KEY_PROTO, "LIST", 0, "tcp, udp", 0},
        {"service", KEY_SERVICE, "LIST", 0, "Where this answers", 0},
        {"vantage", KEY_VANTAGE, "LIST", 0, "Seen from there", 0},
        {"rule", KEY_RULE, "LIST", 0, "Findings of these rules", 0},
        {"owner", KEY_OWNER, "LIST", 0, "Findings of these owners", 0},
        {"presence", KEY_PRESENCE, "LIST", 0,
         "Findings that are new, open, verifying, reappeared, fixed, allowed; else those that count", 0},
        {"state", KEY_STATE, "LIST", 0, "Endpoints that are open, closed, filtered, open|filtered", 0},
        {"config", KEY_CONFIG, "FILE", 0, "Read this configuration (YAML)", 0},
        {"db", KEY_DB, "FILE", 0, "The database, as of audit", 0},
        {0},
    };
    const struct argp argp = {
        .options = table,
        .parser = export_one,
        .args_doc = "FORMAT\n-o FORMAT:FILE...",
        .doc =
            "Writes the newest state for other tools. FORMAT: csv, jsonl, sarif (2.1.0), ocsf (1.8), defectdojo, xml "
            "(nmap's), html (one file).\v"
            "Exit status: 0, or 2 for error or misuse.",
    };

    *ret_command = (struct export_command){.options = {.now_ms = wall_now_ms()}};
    argp_parse(&argp, argc, argv, 0, NULL, ret_command);
}

void options_export_done(struct export_command *command)
{
    for (size_t i = 0; i < command->list_count; i++) {
        free(command->lists[i].text);
        free(command->lists[i].values);
    }
    free(command->ports);
}
