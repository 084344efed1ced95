/* A scanner that does not keep to its protocol, in the place of leastport-scan: what it does wrong is the value of
 * LEASTPORT_ROGUE. Sends nothing to any network. Before it ends it says on stderr how much memory its parent has used
 * at most. */
#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 65536, GARBAGE_BYTES = 16 * 1024 * 1024, OUTSIDERS = 1000 };

static const uint64_t endless_bytes = UINT64_C(1) << 30;

struct rogue {
    json_t *plan;
    const char *scan_id;
    const char *host; /* the plan's first target */
};

static void say(const struct rogue *rogue, const char *type, json_t *members)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:s}", "schema", "leastport.observation/1", "type", type, "scan_id",
                             rogue->scan_id, "ts", "2026-11-22T11:00:00.000Z");

    if (line == NULL || members == NULL || json_object_update(line, members) != 0) {
        exit(3);
    }
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
    json_decref(members);
}

static json_t *port_open(const char *host, int port)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:i, s:i}", "host", host, "proto", "tcp", "port", port, "state", "open",
                     "reason", "syn-ack", "tries", 1, "answers", 1);
}

static void begin(const struct rogue *rogue)
{
    say(rogue, "scan_start",
        json_pack("{s:O, s:s, s:i, s:i, s:i, s:i}", "plan", rogue->plan, "plan_hash", "00ff", "slabs", 1, "from_slab",
                  0, "hosts", 1, "probes", 1));
    say(rogue, "port", port_open(rogue->host, 22));
}

static void end(const struct rogue *rogue)
{
    say(rogue, "host",
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:[]}", "host", rogue->host, "state", "up", "reason", "syn-ack", "slab", 0,
                  "open", 1, "not_shown"));
    say(rogue, "slab", json_pack("{s:i, s:i, s:i, s:i}", "slab", 0, "slabs", 1, "probes_done", 1, "probes_sent", 1));
    say(rogue, "scan_end", json_pack("{s:b, s:s}", "complete", 1, "cause", "done"));
}

/* Every byte there is, the same ones each time (SplitMix64; Steele, Lea, Flood 2014). */
static void write_garbage(FILE *stream, size_t bytes)
{
    uint64_t generator = 1;

    for (size_t i = 0; i < bytes; i += sizeof(generator)) {
        uint64_t value = generator += UINT64_C(0x9e3779b97f4a7c15);
        value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
        value ^= value >> 31;
        fwrite(&value, sizeof(value), 1, stream);
    }
}

static void write_endless(FILE *stream)
{
    static char block[BLOCK_BYTES];

    memset(block, 'x', sizeof(block));
    for (uint64_t written = 0; written < endless_bytes; written += sizeof(block)) {
        if (fwrite(block, 1, sizeof(block), stream) != sizeof(block)) {
            exit(3);
        }
    }
    fprintf(stderr, "\nwrote %llu bytes\n", (unsigned long long)endless_bytes);
}

/* ---- what it does wrong ---- */

static void be_honest(const struct rogue *rogue)
{
    begin(rogue);
    end(rogue);
}

static void be_garbage(const struct rogue *rogue)
{
    begin(rogue);
    write_garbage(stdout, GARBAGE_BYTES);
    putchar('\n');
    end(rogue);
}

static void be_garbage_alone(const struct rogue *rogue)
{
    (void)rogue;
    write_garbage(stdout, GARBAGE_BYTES);
}

static void be_garbage_aside(const struct rogue *rogue)
{
    begin(rogue);
    write_garbage(stderr, GARBAGE_BYTES / 64);
    putc('\n', stderr);
    end(rogue);
}

static void be_half(const struct rogue *rogue)
{
    begin(rogue);
    fputs("{\"schema\":\"leastport.obs", stdout);
}

static void be_endless(const struct rogue *rogue)
{
    begin(rogue);
    write_endless(stdout);
    putchar('\n');
    end(rogue);
}

static void be_endless_aside(const struct rogue *rogue)
{
    begin(rogue);
    write_endless(stderr);
    putc('\n', stderr);
    end(rogue);
}

/* Hosts, ports and canaries that nobody asked for, and lines of another scan. */
static void be_outside(const struct rogue *rogue)
{
    const struct rogue other = {rogue->plan, "20000000-0000-4000-8000-000000000002", rogue->host};
    char host[32];

    begin(rogue);
    for (int i = 0; i < OUTSIDERS; i++) {
        snprintf(host, sizeof(host), "192.0.2.%d", i % 256);
        switch (i % 4) {
        case 0:
            say(rogue, "port", port_open(host, 6379));
            break;
        case 1:
            say(rogue, "port", port_open(rogue->host, 50000 + i));
            break;
        case 2:
            say(rogue, "canary",
                json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "host", host, "proto", "tcp", "port", 22, "phase", "start",
                          "state", "answered", "reason", "syn-ack"));
            break;
        default:
            say(&other, "port", port_open(rogue->host, 23));
            break;
        }
    }
    end(rogue);
}

/* Another plan than the one that came, with whatever it allows. */
static void be_another_plan(const struct rogue *rogue)
{
    json_t *plan = json_deep_copy(rogue->plan);
    const struct rogue other = {plan, rogue->scan_id, rogue->host};

    json_object_set_new(plan, "targets", json_pack("[s]", "0.0.0.0/0"));
    begin(&other);
    say(rogue, "port", port_open("192.0.2.7", 22));
    end(rogue);
    json_decref(plan);
}

static void be_another_scan(const struct rogue *rogue)
{
    const struct rogue other = {rogue->plan, "20000000-0000-4000-8000-000000000002", rogue->host};

    begin(&other);
    end(&other);
}

/* Ends as one that is done, and has not said so. */
static void be_unended(const struct rogue *rogue)
{
    begin(rogue);
}

static void be_ended_twice(const struct rogue *rogue)
{
    begin(rogue);
    end(rogue);
    say(rogue, "scan_end", json_pack("{s:b, s:s}", "complete", 0, "cause", "error"));
    say(rogue, "port", port_open(rogue->host, 80));
}

static void be_begun_twice(const struct rogue *rogue)
{
    begin(rogue);
    begin(rogue);
    end(rogue);
}

/* Says of its host more than it was asked, so that what stands in the store would be closed. */
static void be_sweeping(const struct rogue *rogue)
{
    begin(rogue);
    say(rogue, "host",
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:[{s:s, s:s, s:s, s:i, s:s}]}", "host", rogue->host, "state", "up",
                  "reason", "syn-ack", "slab", 0, "open", 0, "not_shown", "proto", "tcp", "state", "closed", "reason",
                  "reset", "count", 65536, "ports", "0-65535"));
    end(rogue);
}

static void write_nested(size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        putchar('[');
    }
    putchar('\n');
}

/* Lines with a good begin and one thing in them that JSON, UTF-8 or the protocol does not have. */
static void be_crooked(const struct rogue *rogue)
{
    static const char *const members[] = {
        "\"port\":80,\"name\":\"\xc3\x28\"",
        "\"port\":80,\"name\":\"a\\u0000b\"",
        "\"port\":80,\"name\":\"\\ud800\"",
        "\"port\":1e999",
        "\"port\":8.0e1",
        "\"port\":80,\"port\":22",
        "\"port\":99999999999999999999999999999",
        "\"port\":-1",
        "\"port\":80,\"tries\":1e999",
        "\"port\":80} {\"x\":1",
        "\"port\":80,\"name\":{\"a\":[]}",
    };
    static const char cut[] = "{\"type\":\"port\0\"}\n";

    begin(rogue);
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        printf(
            "{\"schema\":\"leastport.observation/1\",\"type\":\"port\",\"scan_id\":\"%s\",\"ts\":"
            "\"2026-11-22T11:00:00.000Z\",\"host\":\"%s\",\"proto\":\"tcp\",\"state\":\"open\",\"reason\":\"syn-ack\","
            "%s}\n",
            rogue->scan_id, rogue->host, members[i]);
    }
    fwrite(cut, 1, sizeof(cut) - 1, stdout);
    write_nested(1000000);
    write_nested(100);
    end(rogue);
}

/* Goes on for ever, and does not hear of SIGINT. */
static void be_deaf(const struct rogue *rogue)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    begin(rogue);
    fflush(stdout);
    for (;;) {
        say(rogue, "progress",
            json_pack("{s:I, s:I, s:I, s:I, s:I}", "probes_done", (json_int_t)9000000000000000000, "probes",
                      (json_int_t)1, "probes_sent", (json_int_t)1, "rate_pps", (json_int_t)1, "open", (json_int_t)1));
        fflush(stdout);
        usleep(20000);
    }
}

/* Is gone, but has left its output to somebody who says nothing. */
static void be_survived(const struct rogue *rogue)
{
    begin(rogue);
    end(rogue);
    fflush(stdout);
    if (fork() == 0) {
        sleep(30);
        _exit(0);
    }
}

/* No line that is any good, and no end of words. */
static void be_anything(const struct rogue *rogue)
{
    write_garbage(stdout, GARBAGE_BYTES);
    write_garbage(stderr, GARBAGE_BYTES / 16);
    be_half(rogue);
}

static const struct {
    const char *name;
    void (*be)(const struct rogue *rogue);
} ways[] = {
    {"another-plan", be_another_plan},
    {"another-scan", be_another_scan},
    {"unended", be_unended},
    {"ended-twice", be_ended_twice},
    {"begun-twice", be_begun_twice},
    {"sweeping", be_sweeping},
    {"crooked", be_crooked},
    {"deaf", be_deaf},
    {"survived", be_survived},
    {"honest", be_honest},
    {"garbage", be_garbage},
    {"garbage-alone", be_garbage_alone},
    {"half", be_half},
    {"endless", be_endless},
    {"endless-aside", be_endless_aside},
    {"outside", be_outside},
    {"any", be_anything},
    {"garbage-aside", be_garbage_aside},
};

static void report_parent(void)
{
    char line[256];
    FILE *status;

    snprintf(line, sizeof(line), "/proc/%ld/status", (long)getppid());
    status = fopen(line, "re");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            fprintf(stderr, "parent %s", line);
        }
    }
    if (status != NULL) {
        fclose(status);
    }
}

int main(int argc, char **argv)
{
    const char *way = getenv("LEASTPORT_ROGUE");
    struct rogue rogue = {.plan = json_loadf(stdin, 0, NULL)};

    /* As a scanner that has chosen. */
    (void)json_object_set_new(rogue.plan, "probes", json_pack("[s]", "connect"));

    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--scan-id") == 0) {
            rogue.scan_id = argv[i + 1];
        }
    }
    rogue.host = json_string_value(json_array_get(json_object_get(rogue.plan, "targets"), 0));
    if (way == NULL || rogue.scan_id == NULL || rogue.host == NULL) {
        fputs("rogue: needs LEASTPORT_ROGUE, --scan-id and a plan\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        if (strcmp(ways[i].name, way) == 0) {
            ways[i].be(&rogue);
        }
    }
    fflush(stdout);
    report_parent();
    json_decref(rogue.plan);
    return 0;
}
