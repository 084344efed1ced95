/* tell [HOSTS]: processor microseconds that a line costs from the slab's bookkeeping to the journal and a JSON Lines
 * file: of a host whose ports are not shown singly, and of an open port. Works in the folder it is started in. */
#include "scanner/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5 };

/* What has to be there before anything can be told. */
struct place {
    struct plan *plan;
    struct hostgroup *group;
    struct slab *slab;
    struct own *own;
    struct state *state;
    struct outputs *outputs;
    struct report *report;
    struct progress progress;
    struct problem problem;
};

static double processor_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int make_plan(struct place *place, uint32_t hosts, const char *ports)
{
    struct plan_means means = plan_means_default();
    char json[512];
    int length = snprintf(json, sizeof(json),
                          "{\"schema\":\"leastport.plan/1\",\"realm\":\"r\",\"vantage\":\"v\",\"ports\":\"%s\","
                          "\"probes\":[\"connect\"],\"targets\":[\"10.0.0.0-10.%" PRIu32 ".%" PRIu32 ".%" PRIu32 "\"],"
                          "\"slab\":{\"hosts\":65536,\"probes\":1048576}}",
                          ports, (hosts - 1) >> 16, (hosts - 1) >> 8 & 255, (hosts - 1) & 255);

    return plan_from_json(json, (size_t)length, &means, &place->plan, &place->problem);
}

/* Every probe tried once; a quarter refused, as where some hosts answer. */
static int make_slab(struct place *place)
{
    uint32_t hosts = hostgroup_hosts(place->group);
    uint32_t *first = calloc((size_t)hosts + 1, sizeof(*first));
    int rc = first == NULL ? -1 : 0;

    for (uint32_t host = 0; rc == 0 && host <= hosts; host++) {
        first[host] = hostgroup_first_probe(place->group, host);
    }
    rc = rc == 0 ? slab_create(first, hosts, &place->slab) : rc;
    for (uint32_t probe = 0; rc == 0 && probe < slab_probes(place->slab); probe++) {
        slab_set_tried(place->slab, probe, true);
        if (probe % 4 == 0) {
            slab_upgrade(place->slab, probe, PROBE_RST, REASON_RESET);
        }
    }
    free(first);
    return rc;
}

static int make_report(struct place *place)
{
    struct state_head head = {
        .plan_json = plan_json(place->plan), .plan_hash = plan_hash(place->plan), .scan_id = "tell"};
    struct outputs_options options = {.scan_id = "11111111-2222-3333-4444-555555555555"};
    struct report_options telling;
    int rc = state_create("tell.state", &head, true, &place->state, &place->problem);

    place->outputs = outputs_create(&options);
    if (rc == 0) {
        rc = outputs_add(place->outputs, "jsonl:tell.jsonl", &place->problem);
    }
    telling = (struct report_options){.plan = place->plan,
                                      .outputs = place->outputs,
                                      .state = place->state,
                                      .own = place->own,
                                      .progress = &place->progress};
    place->report = report_create(&telling);
    return rc;
}

static void make_place(struct place *place, uint32_t hosts, const char *ports)
{
    int rc;

    progress_init(&place->progress, stderr);
    rc = make_plan(place, hosts, ports);
    if (rc == 0) {
        rc = hostgroup_create(plan_space(place->plan), 0, &place->group);
    }
    if (rc == 0) {
        rc = make_slab(place);
    }
    if (rc == 0) {
        rc = own_create(&place->own);
    }
    if (rc == 0) {
        rc = make_report(place);
    }
    if (rc < 0) {
        fprintf(stderr, "tell: %s\n", place->problem.text);
        exit(2);
    }
}

static void leave_place(struct place *place)
{
    if (outputs_close(place->outputs) < 0 || report_error(place->report, NULL) < 0 ||
        state_remove(place->state, &place->problem) < 0) {
        fprintf(stderr, "tell: could not write: %s\n", place->problem.text);
        exit(2);
    }
    report_destroy(place->report);
    outputs_destroy(place->outputs);
    own_destroy(place->own);
    slab_destroy(place->slab);
    hostgroup_destroy(place->group);
    plan_destroy(place->plan);
    unlink("tell.jsonl");
}

static double time_hosts(struct place *place)
{
    uint32_t hosts = hostgroup_hosts(place->group);
    double begun = processor_us();

    for (uint32_t host = 0; host < hosts; host++) {
        report_host(place->report, place->group, place->slab, 0, host);
    }
    return (processor_us() - begun) / hosts;
}

static double time_ports(struct place *place)
{
    uint32_t probes = hostgroup_probes(place->group);
    double begun = processor_us();

    for (uint32_t probe = 0; probe < probes; probe++) {
        struct sweep_found found = {.probe = probe, .tries = 1, .has_rtt = true, .rtt_us = 1000 + probe};
        report_open(place->report, place->group, &found);
    }
    return (processor_us() - begun) / probes;
}

static void time_place(uint32_t hosts, const char *ports)
{
    double best_host = 0;
    double best_port = 0;

    for (int round = 0; round < ROUNDS; round++) {
        struct place place = {0};
        double host;
        double port;
        make_place(&place, hosts, ports);
        host = time_hosts(&place);
        port = time_ports(&place);
        leave_place(&place);
        best_host = round == 0 || host < best_host ? host : best_host;
        best_port = round == 0 || port < best_port ? port : best_port;
    }
    printf("ports %-8s %6" PRIu32 " hosts: %8.2f us a host line, %6.2f us an open port's line\n", ports, hosts,
           best_host, best_port);
}

int main(int argc, char **argv)
{
    unsigned long hosts = argc > 1 ? strtoul(argv[1], NULL, 10) : 16384;

    if (hosts < 1 || hosts > 65536) {
        fputs("usage: tell [HOSTS], 1 to 65536\n", stderr);
        return 2;
    }
    time_place((uint32_t)hosts, "80-81");
    time_place((uint32_t)(hosts / 16 + 1), "1-100");
    return 0;
}
