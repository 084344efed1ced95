/* ingest_lines generate HOSTS PORTS AT_MS: the observation lines of a scan that finds PORTS open ports on each of HOSTS
 * hosts, mixed as a scan mixes them. ingest_lines store DB <LINES: stores them as auditd does, and says what that took.
 */
#include "auditd/ingest/ingest.h"
#include "auditd/ingest/lines.h"
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
    unsigned long ports;
    unsigned long slabs;
    long long at_ms;
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
    snprintf(scan->head, sizeof(scan->head), "\"scan_id\":\"00000000-0000-4000-8000-%012llx\",\"ts\":\"%s.%03dZ\"",
             (unsigned long long)scan->at_ms & 0xffffffffffff, ts, (int)(scan->at_ms % 1000));
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
            1 + probe % scan->ports);
    }
    for (unsigned long host = first; host < first + hosts; host++) {
        say_type(scan, SCAN_LINE_HOST);
        say_host_address(host);
        printf(",\"state\":\"up\",\"reason\":\"syn-ack\",\"slab\":%lu,\"open\":%lu,\"rtt_us\":310,\"not_shown\":[]}\n",
               slab, scan->ports);
    }
    say_type(scan, SCAN_LINE_SLAB);
    printf(",\"slab\":%lu,\"slabs\":%lu,\"probes_done\":%lu,\"probes_sent\":%lu}\n", slab, scan->slabs,
           (first + hosts) * scan->ports, (first + hosts) * scan->ports);
}

static int generate(char **argv)
{
    struct scan scan = {strtoul(argv[0], NULL, 10), strtoul(argv[1], NULL, 10), 0, strtoll(argv[2], NULL, 10), ""};
    unsigned long probes = scan.hosts * scan.ports;

    if (probes == 0 || scan.hosts > 1UL << 24 || scan.ports > UINT16_MAX || scan.ports % STRIDE == 0) {
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
        scan.ports, (unsigned long long)scan.at_ms, scan.slabs, scan.hosts, probes);
    for (unsigned long slab = 0; slab < scan.slabs; slab++) {
        say_slab(&scan, slab);
    }
    say_type(&scan, SCAN_LINE_END);
    printf(
        ",\"complete\":true,\"cause\":\"done\",\"probes\":%lu,\"probes_done\":%lu,\"probes_sent\":%lu,\"hosts_up\":%lu,"
        "\"hosts_down\":0,\"open\":%lu}\n",
        probes, probes, probes, scan.hosts, probes);
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

static int store(const char *path)
{
    const struct store_options options = store_options_default();
    const struct ingest_options ingesting = ingest_options_default();
    struct mono_time begun = mono_now();
    struct store_error error = {0};
    struct ingest *ingest = NULL;
    struct store *db = NULL;
    struct rusage usage;
    int rc = store_open(path, &options, &db, &error);

    if (rc == 0) {
        rc = ingest_create(db, &ingesting, &ingest);
    }
    if (rc == 0) {
        rc = feed(ingest);
    }
    if (rc < 0 || ingest_counts(ingest).refused > 0 || !ingest_complete(ingest)) {
        fprintf(stderr, "ingest_lines: not all was stored: %s\n", db == NULL ? error.text : store_last_error(db)->text);
        rc = 1;
    } else {
        getrusage(RUSAGE_SELF, &usage);
        printf("%.2f %.2f %ld %" PRIu64 "\n", (double)mono_elapsed_ns(begun, mono_now()) / 1e9,
               (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
               usage.ru_maxrss / 1024, ingest_counts(ingest).open_ports);
    }
    ingest_destroy(ingest);
    store_close(db);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "generate") == 0) {
        return generate(argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "store") == 0) {
        return store(argv[2]);
    }
    fputs("ingest_lines generate HOSTS PORTS AT_MS, or ingest_lines store DB <LINES\n", stderr);
    return 2;
}
