/* ingest_lines generate HOSTS PORTS FIRST AT_MS: the observation lines of a scan that finds PORTS open ports, from
 * FIRST (1 or 2) on, on each of HOSTS hosts, and one closed, mixed as a scan mixes them. ingest_lines store DB <LINES:
 * stores them as auditd does, and says what that took. ingest_lines settle DB AT_MS: judges that scan's ports by the
 * built-in policy, then scores. What each step took is a line of wall and processor seconds, the process's peak memory
 * in MiB, and a count. */
#include "auditd/finding/scoring.h"
#include "auditd/finding/settle.h"
#include "auditd/ingest/ingest.h"
#include "auditd/ingest/lines.h"
#include "auditd/policy/policy.h"
#include "auditd/store/scan.h"
#include "auditd/store/store.h"
#include "lib/clock.h"
#include "scanner/protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SLAB_HOSTS = 1024, READ_BYTES = 65536, STRIDE = 7919 /* a prime: visits every probe of a slab once */ };

struct scan {
    unsigned long hosts;
    unsigned long ports; /* that are open, of one more */
    unsigned long first;
    unsigned long slabs;
    long long at_ms;
    char uuid[STORE_UUID_SIZE];
    char head[160]; /* what each line begins with after its type */
};

/* The scan's id and time stand in every line; RFC 3339. */
static void scan_make_head(struct scan *scan)
{
    time_t seconds = (time_t)(scan->at_ms / 1000);
    struct tm utc;
    char ts[32];

    gmtime_r(&seconds, &utc);
    strftime(ts, sizeof(ts), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(scan->uuid, sizeof(scan->uuid), "00000000-0000-4000-8000-%012llx",
             (unsigned long long)scan->at_ms & 0xffffffffffff);
    snprintf(scan->head, sizeof(scan->head), "\"scan_id\":\"%s\",\"ts\":\"%s.%03dZ\"", scan->uuid, ts,
             (int)(scan->at_ms % 1000));
}

static void say_type(const struct scan *scan, const char *type)
{
    printf("{\"schema\":\"" SCAN_OBSERVATION_SCHEMA "\",\"type\":\"%s\",%s", type, scan->head);
}

static void say_host_address(unsigned long host)
{
    printf(",\"host\":\"10.%lu.%lu.%lu\"", host >> 16, host >> 8 & 255, host & 255);
}

static void say_slab(const struct scan *scan, unsigned long slab)
{
    unsigned long first = slab * SLAB_HOSTS;
    unsigned long hosts = scan->hosts - first < SLAB_HOSTS ? scan->hosts - first : SLAB_HOSTS;
    unsigned long probes = hosts * scan->ports;

    for (unsigned long i = 0; i < probes; i++) {
        unsigned long probe = i * STRIDE % probes;
        say_type(scan, SCAN_LINE_PORT);
        say_host_address(first + probe / scan->ports);
        printf(
            ",\"proto\":\"tcp\",\"port\":%lu,\"state\":\"open\",\"reason\":\"syn-ack\",\"rtt_us\":310,\"tries\":1}\n",
            scan->first + probe % scan->ports);
    }
    for (unsigned long host = first; host < first + hosts; host++) {
        say_type(scan, SCAN_LINE_HOST);
        say_host_address(host);
        printf(",\"state\":\"up\",\"reason\":\"syn-ack\",\"slab\":%lu,\"open\":%lu,\"rtt_us\":310,\"not_shown\":[{"
               "\"proto\":\"tcp\",\"state\":\"closed\",\"reason\":\"conn-refused\",\"count\":1,\"ports\":\"%lu\"}]}\n",
               slab, scan->ports, scan->first == 1 ? scan->ports + 1 : 1);
    }
    say_type(scan, SCAN_LINE_SLAB);
    printf(",\"slab\":%lu,\"slabs\":%lu,\"probes_done\":%lu,\"probes_sent\":%lu}\n", slab, scan->slabs,
           (first + hosts) * (scan->ports + 1), (first + hosts) * (scan->ports + 1));
}

static int generate(char **argv)
{
    struct scan scan = {
        .hosts = strtoul(argv[0], NULL, 10),
        .ports = strtoul(argv[1], NULL, 10),
        .first = strtoul(argv[2], NULL, 10),
        .at_ms = strtoll(argv[3], NULL, 10),
    };
    unsigned long open = scan.hosts * scan.ports;
    unsigned long probes = open + scan.hosts;

    if (open == 0 || scan.hosts > 1UL << 24 || scan.ports >= UINT16_MAX || scan.ports % STRIDE == 0 || scan.first < 1 ||
        scan.first > 2) {
        fputs("ingest_lines: no such number of hosts or ports\n", stderr);
        return 2;
    }
    scan.slabs = (scan.hosts + SLAB_HOSTS - 1) / SLAB_HOSTS;
    scan_make_head(&scan);
    say_type(&scan, SCAN_LINE_START);
    printf(
        ",\"plan\":{\"schema\":\"" SCAN_PLAN_SCHEMA "\",\"realm\":\"bench\",\"vantage\":\"bench\",\"targets\":"
        "[\"10.0.0.0/8\"],\"ports\":\"1-%lu\"},\"plan_hash\":\"%064llx\",\"slabs\":%lu,\"from_slab\":0,\"hosts\":%lu,"
        "\"probes\":%lu}\n",
        scan.ports + 1, (unsigned long long)scan.at_ms, scan.slabs, scan.hosts, probes);
    for (unsigned long slab = 0; slab < scan.slabs; slab++) {
        say_slab(&scan, slab);
    }
    say_type(&scan, SCAN_LINE_END);
    printf(
        ",\"complete\":true,\"cause\":\"done\",\"probes\":%lu,\"probes_done\":%lu,\"probes_sent\":%lu,\"hosts_up\":%lu,"
        "\"hosts_down\":0,\"open\":%lu}\n",
        probes, probes, probes, scan.hosts, open);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int take(void *context, const char *line, size_t length)
{
    return ingest_line(context, line, length);
}

static int feed(struct ingest *ingest)
{
    static char bytes[READ_BYTES];
    struct lines *lines = lines_create(SCAN_LINE_MAX_BYTES);
    ssize_t count;
    int rc = lines == NULL ? -1 : 0;

    while (rc == 0 && (count = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
        rc = lines_feed(lines, bytes, (size_t)count, take, ingest);
    }
    lines_destroy(lines);
    return rc == 0 ? ingest_finish(ingest, "error") : rc;
}

/* What a step took, from its beginning. */
struct step {
    struct mono_time begun;
    double cpu_s;
};

static double cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct step step_begin(void)
{
    return (struct step){mono_now(), cpu_s()};
}

static void step_end(const struct step *step, uint64_t count)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("%.2f %.2f %ld %" PRIu64 "\n", (double)mono_elapsed_ns(step->begun, mono_now()) / 1e9, cpu_s() - step->cpu_s,
           usage.ru_maxrss / 1024, count);
}

static struct store *open_store(const char *path)
{
    const struct store_options options = store_options_default();
    struct store_error error;
    struct store *store = NULL;

    if (store_open(path, &options, &store, &error) < 0) {
        fprintf(stderr, "ingest_lines: %s\n", error.text);
        exit(1);
    }
    return store;
}

static int store(const char *path)
{
    const struct ingest_options ingesting = ingest_options_default();
    struct step step = step_begin();
    struct store *db = open_store(path);
    struct ingest *ingest = NULL;
    int rc = ingest_create(db, &ingesting, &ingest);

    if (rc == 0) {
        rc = feed(ingest);
    }
    if (rc < 0 || ingest_counts(ingest).refused > 0 || !ingest_complete(ingest)) {
        fprintf(stderr, "ingest_lines: not all was stored: %s\n", store_last_error(db)->text);
        rc = 1;
    } else {
        step_end(&step, ingest_counts(ingest).open_ports);
    }
    ingest_destroy(ingest);
    store_close(db);
    return rc;
}

static int settle(const char *path, int64_t at_ms)
{
    struct scan scan = {.at_ms = at_ms};
    struct settle_options settling = settle_options_default();
    struct scoring_options scoring = {.max_age_ms = 86400000, .since_ms = at_ms, .now_ms = at_ms};
    struct policy *policy = policy_create_builtin();
    const struct store_policy row = {policy_hash(policy), "built-in", "", policy_baseline(policy)};
    struct store *db = open_store(path);
    struct settle_result result = {0};
    struct step step;
    int rc = store_policy_put(db, &row, at_ms, &settling.policy_id);

    scan_make_head(&scan);
    settling.policy = policy;
    settling.now_ms = at_ms;
    scoring.policy_id = settling.policy_id;
    step = step_begin();
    if (rc == 0) {
        rc = settle_scan(db, scan.uuid, &settling, &result);
    }
    if (rc == 0) {
        step_end(&step, result.judged);
        step = step_begin();
        rc = scoring_update(db, &scoring);
    }
    if (rc == 0) {
        step_end(&step, result.created);
    } else {
        fprintf(stderr, "ingest_lines: not settled: %s\n", store_last_error(db)->text);
    }
    store_close(db);
    policy_destroy(policy);
    return rc < 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "generate") == 0) {
        return generate(argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "store") == 0) {
        return store(argv[2]);
    }
    if (argc == 4 && strcmp(argv[1], "settle") == 0) {
        return settle(argv[2], strtoll(argv[3], NULL, 10));
    }
    fputs("ingest_lines generate HOSTS PORTS FIRST AT_MS, ingest_lines store DB <LINES, or ingest_lines settle DB "
          "AT_MS\n",
          stderr);
    return 2;
}
