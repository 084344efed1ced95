#include "scanner/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <string.h>
#include <unistd.h>

enum { DESCRIPTORS_WELL = 16384, PORTS_WELL = 20000, PATH_SIZE = 4096 };

static void set(struct doctor_check *check, const char *id, enum doctor_verdict verdict)
{
    *check = (struct doctor_check){.id = id, .verdict = verdict};
}

static void examine_raw_sockets(const struct limits *limits, const char *program, struct doctor_check *check)
{
    set(check, "raw-sockets", limits->raw_sockets ? DOCTOR_WELL : DOCTOR_LOW);
    snprintf(check->found, sizeof(check->found), "CAP_NET_RAW: %s", limits->raw_sockets ? "yes" : "no");
    snprintf(check->meaning, sizeof(check->meaning), "%s",
             limits->raw_sockets ? "" : "scans by plain connects work; raw packets, which are faster, need it");
    if (!limits->raw_sockets) {
        snprintf(check->mend, sizeof(check->mend), "sudo setcap cap_net_raw=ep %.200s", program);
    }
}

static void examine_soft(const struct limits *limits, struct doctor_check *check)
{
    bool raisable = limits->descriptors_soft < limits->descriptors_hard;

    set(check, "open-files-soft", DOCTOR_WELL);
    snprintf(check->found, sizeof(check->found), "%" PRIu64 ", %" PRIu64 " in use", limits->descriptors_soft,
             limits->descriptors_open);
    if (raisable) {
        snprintf(check->meaning, sizeof(check->meaning), "the scan raises it to the hard limit by itself");
    }
}

static void examine_hard(const struct limits *limits, struct doctor_check *check)
{
    bool low = limits->descriptors_hard < DESCRIPTORS_WELL;

    set(check, "open-files-hard", low ? DOCTOR_LOW : DOCTOR_WELL);
    snprintf(check->found, sizeof(check->found), "%" PRIu64, limits->descriptors_hard);
    if (low) {
        snprintf(check->meaning, sizeof(check->meaning),
                 "so many connections at once at most: silent hosts take longer");
        snprintf(check->mend, sizeof(check->mend), "sudo prlimit --pid $$ --nofile=65536:65536");
    }
}

static void examine_ports(const struct limits *limits, struct doctor_check *check)
{
    uint32_t count = limits->port_last - limits->port_first + 1;
    bool low = limits->ports_known && count < PORTS_WELL;

    set(check, "ephemeral-ports", !limits->ports_known ? DOCTOR_UNKNOWN : low ? DOCTOR_LOW : DOCTOR_WELL);
    if (!limits->ports_known) {
        snprintf(check->found, sizeof(check->found), "cannot be read");
        return;
    }
    snprintf(check->found, sizeof(check->found), "%" PRIu32 "-%" PRIu32 " (%" PRIu32 ")", limits->port_first,
             limits->port_last, count);
    if (low) {
        snprintf(check->meaning, sizeof(check->meaning), "so many connections to one port of one host at once at most");
        snprintf(check->mend, sizeof(check->mend), "sudo sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\"");
    }
}

/* A table of the kernel's that a scan fills. */
struct doctor_table {
    const char *id;
    const char *meaning;
    const char *key; /* of sysctl */
    uint64_t room;   /* what should be free at least, beside a half */
    uint64_t least;  /* a size to set at least */
};

static const struct doctor_table time_wait_table = {"time-wait", "closed connections of others hold local ports",
                                                    "net.ipv4.tcp_max_tw_buckets", 0, 0};
static const struct doctor_table conntrack_table = {
    "conntrack", "flows vanish without an error when it is full; the scan slows down before",
    "net.netfilter.nf_conntrack_max", 16384, 262144};

static void examine_table(const struct limits_table *table, const struct doctor_table *kind, struct doctor_check *check)
{
    bool low = table->known && (table->used > table->max / 2 || table->max - table->used < kind->room);
    uint64_t size = table->max * 4 > kind->least ? table->max * 4 : kind->least;

    set(check, kind->id, !table->known ? DOCTOR_UNKNOWN : low ? DOCTOR_LOW : DOCTOR_WELL);
    if (!table->known) {
        snprintf(check->found, sizeof(check->found), "no such table here");
        return;
    }
    snprintf(check->found, sizeof(check->found), "%" PRIu64 " of %" PRIu64 " in use", table->used, table->max);
    if (low) {
        snprintf(check->meaning, sizeof(check->meaning), "%s", kind->meaning);
        snprintf(check->mend, sizeof(check->mend), "sudo sysctl -w %s=%" PRIu64, kind->key, size);
    }
}

void doctor_examine(const struct limits *limits, const char *program, struct doctor_check checks[DOCTOR_CHECKS])
{
    examine_raw_sockets(limits, program, &checks[0]);
    examine_soft(limits, &checks[1]);
    examine_hard(limits, &checks[2]);
    examine_ports(limits, &checks[3]);
    examine_table(&limits->time_wait, &time_wait_table, &checks[4]);
    examine_table(&limits->conntrack, &conntrack_table, &checks[5]);
}

static const char *verdict_name(enum doctor_verdict verdict)
{
    switch (verdict) {
    case DOCTOR_WELL:
        return "well";
    case DOCTOR_LOW:
        return "low";
    case DOCTOR_UNKNOWN:
        break;
    }
    return "unknown";
}

static int print_json(FILE *stream, const struct doctor_check *checks)
{
    json_t *array = json_array();
    int rc;

    for (int i = 0; i < DOCTOR_CHECKS; i++) {
        json_t *mend = checks[i].mend[0] != '\0' ? json_string(checks[i].mend) : json_null();
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s, s:o}", "check", checks[i].id, "verdict",
                                               verdict_name(checks[i].verdict), "found", checks[i].found, "meaning",
                                               checks[i].meaning, "mend", mend));
    }
    rc = json_dumpf(array, stream, JSON_INDENT(2));
    json_decref(array);
    return rc < 0 || fputc('\n', stream) == EOF ? -EIO : 0;
}

static int fill_table(struct libscols_table *table, const struct doctor_check *checks)
{
    static const char *const heads[] = {"CHECK", "VERDICT", "FOUND"};

    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        if (scols_table_new_column(table, heads[i], 0, 0) == NULL) {
            return -ENOMEM;
        }
    }
    for (int i = 0; i < DOCTOR_CHECKS; i++) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        if (line == NULL || scols_line_set_data(line, 0, checks[i].id) != 0 ||
            scols_line_set_data(line, 1, verdict_name(checks[i].verdict)) != 0 ||
            scols_line_set_data(line, 2, checks[i].found) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int print_table(FILE *stream, const struct doctor_check *checks)
{
    struct libscols_table *table = scols_new_table();
    int rc = table != NULL ? fill_table(table, checks) : -ENOMEM;

    if (rc == 0) {
        scols_table_set_stream(table, stream);
        rc = scols_print_table(table);
    }
    scols_unref_table(table);
    for (int i = 0; rc == 0 && i < DOCTOR_CHECKS; i++) {
        if (checks[i].meaning[0] != '\0') {
            fprintf(stream, "\n%s: %s\n", checks[i].id, checks[i].meaning);
        }
        if (checks[i].mend[0] != '\0') {
            fprintf(stream, "    %s\n", checks[i].mend);
        }
    }
    return rc;
}

int doctor_run(FILE *stream, bool json, struct problem *problem)
{
    struct doctor_check checks[DOCTOR_CHECKS];
    char program[PATH_SIZE];
    struct limits limits;
    bool low = false;
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    int rc = limits_read(&limits);

    if (rc < 0) {
        return problem_set(problem, rc, "reading this machine's limits: %s", strerror(-rc));
    }
    program[length > 0 ? length : 0] = '\0';
    doctor_examine(&limits, length > 0 ? program : "leastport-scan", checks);
    rc = json ? print_json(stream, checks) : print_table(stream, checks);
    if (rc < 0 || fflush(stream) != 0) {
        return problem_set(problem, -EIO, "writing the result: %s", strerror(errno));
    }
    for (int i = 0; i < DOCTOR_CHECKS; i++) {
        low |= checks[i].verdict == DOCTOR_LOW;
    }
    return low ? 1 : 0;
}
