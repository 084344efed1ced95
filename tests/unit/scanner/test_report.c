#include "scanner/hostgroup.h"
#include "scanner/report.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char file_name[] = "/tmp/leastport-report-XXXXXX";

/* Two slabs of three hosts with two hundred ports, of which 10.0.0.1's port 7 is watched. */
static const char plan_text[] =
    "{\"schema\":\"leastport.plan/1\",\"realm\":\"r\",\"vantage\":\"v\",\"ports\":\"1-50,60-159,1000-1049\","
    "\"probes\":[\"connect\"],\"targets\":[\"10.0.0.0-10.0.0.5\"],\"slab\":{\"hosts\":3,\"probes\":65536},"
    "\"watch\":[{\"host\":\"10.0.0.1\",\"proto\":\"tcp\",\"port\":7}]}";

enum { HOSTS = 3, PORTS = 200 };

struct place {
    struct plan *plan;
    struct hostgroup *group;
    struct slab *slab;
    struct own *own;
    struct outputs *outputs;
    struct report *report;
    struct progress progress;
};

static int make_file(void **state)
{
    int fd = mkstemp(file_name);
    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(file_name);
}

static struct place make_place(void)
{
    static const uint32_t first_probes[HOSTS + 1] = {0, PORTS, 2 * PORTS, 3 * PORTS};
    struct plan_means means = plan_means_default();
    struct outputs_options options = {.scan_id = "id"};
    struct place place = {.outputs = outputs_create(&options)};
    struct report_options telling = {.outputs = place.outputs, .progress = &place.progress};
    struct problem problem;
    char spec[64];

    if (plan_from_json(plan_text, sizeof(plan_text) - 1, &means, &place.plan, &problem) < 0) {
        fail_msg("%s", problem.text);
    }
    assert_int_equal(hostgroup_create(plan_space(place.plan), 0, &place.group), 0);
    assert_int_equal(slab_create(first_probes, HOSTS, &place.slab), 0);
    assert_int_equal(own_create(&place.own), 0);
    snprintf(spec, sizeof(spec), "jsonl:%s", file_name);
    assert_int_equal(outputs_add(place.outputs, spec, &problem), 0);
    telling.plan = place.plan;
    telling.own = place.own;
    place.report = report_create(&telling);
    assert_non_null(place.report);
    return place;
}

static void leave_place(struct place *place)
{
    assert_int_equal(report_error(place->report, NULL), 0);
    report_destroy(place->report);
    assert_int_equal(outputs_close(place->outputs), 0);
    outputs_destroy(place->outputs);
    own_destroy(place->own);
    slab_destroy(place->slab);
    hostgroup_destroy(place->group);
    plan_destroy(place->plan);
}

static size_t lines_written(void)
{
    FILE *file = fopen(file_name, "re");
    size_t lines = 0;

    assert_non_null(file);
    for (int byte = getc(file); byte != EOF; byte = getc(file)) {
        lines += byte == '\n';
    }
    fclose(file);
    return lines;
}

static void find_open(struct place *place, uint32_t probe)
{
    struct sweep_found found = {.probe = probe, .tries = 1};

    assert_true(slab_upgrade(place->slab, probe, PROBE_SYN_ACK, REASON_SYN_ACK));
    report_open(place->report, place->group, &found);
}

/* A first find is there at once; what follows on its heels is when it is asked for. */
static void what_comes_thick_goes_out_together(void **state)
{
    struct place place = make_place();
    struct observation slab = {.type = OBSERVATION_SLAB};
    (void)state;
    find_open(&place, 3);
    assert_int_equal(lines_written(), 1);
    /* Fewer than fill the room; the clock alone could bring some of them out early. */
    for (uint32_t probe = 10; probe < 20; probe++) {
        find_open(&place, probe);
    }
    report_flush(place.report);
    assert_int_equal(lines_written(), 11);
    report_flush(place.report);
    assert_int_equal(lines_written(), 11);
    /* All before it is there when a slab is said to be done. */
    find_open(&place, 50);
    report_host(place.report, place.group, place.slab, 0, 0);
    report_tell(place.report, &slab);
    assert_int_equal(lines_written(), 14);
    leave_place(&place);
}

static void nothing_held_is_lost_at_the_end(void **state)
{
    struct place place = make_place();
    (void)state;
    for (uint32_t probe = 0; probe < 2 * PORTS; probe++) {
        find_open(&place, probe);
    }
    leave_place(&place);
    assert_int_equal(lines_written(), 2 * PORTS);
}

struct fate {
    enum probe_answer answer;
    enum reason reason;
    const char *state;
};

static const struct fate fates[] = {{PROBE_NONE, REASON_NO_RESPONSE, "filtered"},
                                    {PROBE_ICMP, REASON_ADMIN_PROHIBITED, "filtered"},
                                    {PROBE_ICMP, REASON_HOST_UNREACH, "filtered"},
                                    {PROBE_RST, REASON_CONN_REFUSED, "closed"},
                                    {PROBE_SYN_ACK, REASON_SYN_ACK, "open"}};
enum { FATES = sizeof(fates) / sizeof(*fates) };

/* The line of a host against sets of what was put into its slab. */
static void assert_host_line(const char *text, const struct portset *sets, size_t open)
{
    json_error_t error;
    json_t *line = json_loads(text, 0, &error);
    const json_t *groups = json_object_get(line, "not_shown");
    size_t wanted = 0;

    assert_non_null(line);
    assert_int_equal(json_integer_value(json_object_get(line, "open")), open);
    for (size_t fate = 0; fate < FATES; fate++) {
        char *ports = portset_format(&sets[fate]);
        bool is_there = false;
        for (size_t i = 0; i < json_array_size(groups); i++) {
            const json_t *group = json_array_get(groups, i);
            if (strcmp(json_string_value(json_object_get(group, "reason")), reason_name(fates[fate].reason)) == 0) {
                is_there = true;
                assert_string_equal(json_string_value(json_object_get(group, "ports")), ports);
                assert_string_equal(json_string_value(json_object_get(group, "state")), fates[fate].state);
                assert_int_equal(json_integer_value(json_object_get(group, "count")), portset_count(&sets[fate]));
            }
        }
        assert_int_equal(is_there, portset_count(&sets[fate]) > 0);
        wanted += is_there;
        free(ports);
    }
    assert_int_equal(json_array_size(groups), wanted);
    json_decref(line);
}

/* Some ports of each host have not been asked: they are another shard's. */
static void groups_ports_by_what_became_of_them(void **state)
{
    static struct portset sets[HOSTS][FATES];
    struct place place = make_place();
    size_t open[HOSTS] = {0};
    char text[8192];
    size_t watched = 0;
    FILE *file;
    (void)state;
    for (uint32_t probe = 0; probe < HOSTS * PORTS; probe++) {
        size_t at = (probe * 5 + probe * probe / 7) % (FATES + 1);
        uint32_t host;
        uint16_t port;
        if (at == FATES) {
            continue;
        }
        hostgroup_probe(place.group, probe, &host, &port);
        slab_set_tried(place.slab, probe, true);
        if (fates[at].answer != PROBE_NONE) {
            slab_upgrade(place.slab, probe, fates[at].answer, fates[at].reason);
        }
        if (fates[at].answer == PROBE_SYN_ACK) {
            open[host]++;
        } else if (host == 1 && port == 7) {
            watched++;
        } else {
            portset_add(&sets[host][at], port);
        }
    }
    assert_int_equal(watched, 1);
    for (uint32_t host = 0; host < HOSTS; host++) {
        report_host(place.report, place.group, place.slab, 0, host);
    }
    leave_place(&place);
    file = fopen(file_name, "re");
    assert_non_null(file);
    for (uint32_t line = 0, host = 0; line < HOSTS + 1; line++) {
        assert_non_null(fgets(text, sizeof(text), file));
        if (line == 1) {
            assert_non_null(strstr(text, "\"type\":\"port\""));
            assert_non_null(strstr(text, "\"port\":7,"));
            assert_non_null(strstr(text, "\"watch\":true"));
        } else {
            assert_host_line(text, sets[host], open[host]);
            host++;
        }
    }
    assert_null(fgets(text, sizeof(text), file));
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_thick_goes_out_together),
        cmocka_unit_test(nothing_held_is_lost_at_the_end),
        cmocka_unit_test(groups_ports_by_what_became_of_them),
    };
    return cmocka_run_group_tests_name("report", tests, make_file, drop_file);
}
