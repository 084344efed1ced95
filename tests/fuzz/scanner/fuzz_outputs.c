/* What the outputs make of observations, as a resume reads them back from its state (fuzz_expand()). */
#include "scanner/output/outputs.h"
#include "scanner/protocol.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char scan_id[] = "10000000-0000-4000-8000-000000000001";

/* ---- XML 1.0, as far as this program writes it ---- */

struct xml_walk {
    const char *at;
    const char *end;
    char open[8][32]; /* the elements that have begun */
    size_t depth;
};

static void walk_over(struct xml_walk *walk, const char *text)
{
    size_t length = strlen(text);

    assert((size_t)(walk->end - walk->at) >= length && memcmp(walk->at, text, length) == 0);
    walk->at += length;
}

static void walk_name(struct xml_walk *walk, char name[32])
{
    size_t length = 0;

    while (walk->at < walk->end && (*walk->at == '_' || (*walk->at >= 'a' && *walk->at <= 'z'))) {
        assert(length < 31);
        name[length++] = *walk->at++;
    }
    assert(length > 0);
    name[length] = '\0';
}

static void walk_value(struct xml_walk *walk)
{
    walk_over(walk, "=\"");
    for (; walk->at < walk->end && *walk->at != '"'; walk->at++) {
        assert(*walk->at != '<' && *walk->at != '>' && *walk->at != '\'');
        assert(*walk->at != '&' || (walk->end - walk->at > 3 && walk->at[1] == '#'));
    }
    walk_over(walk, "\"");
}

static void walk_text(struct xml_walk *walk)
{
    assert(*walk->at != '>' && (*walk->at != '&' || (walk->end - walk->at > 3 && walk->at[1] == '#')));
    walk->at++;
}

static void walk_begin(struct xml_walk *walk)
{
    char attribute[32];

    assert(walk->depth < sizeof(walk->open) / sizeof(*walk->open));
    walk_name(walk, walk->open[walk->depth++]);
    while (walk->at < walk->end && *walk->at == ' ') {
        walk->at++;
        walk_name(walk, attribute);
        walk_value(walk);
    }
    if (walk->at < walk->end && *walk->at == '/') {
        walk->at++;
        walk->depth--;
    }
    walk_over(walk, ">");
}

static void walk_end(struct xml_walk *walk)
{
    char name[32];

    walk_over(walk, "/");
    walk_name(walk, name);
    walk_over(walk, ">");
    assert(walk->depth > 0 && strcmp(walk->open[--walk->depth], name) == 0);
}

static void check_xml(const char *text, size_t size)
{
    struct xml_walk walk = {.at = text, .end = text + size};

    fuzz_check_text(text, size);
    walk_over(&walk, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n");
    while (walk.at < walk.end) {
        if (*walk.at == '\n' || (*walk.at != '<' && walk.depth > 0 && strcmp(walk.open[walk.depth - 1], "cpe") == 0)) {
            walk_text(&walk);
            continue;
        }
        walk_over(&walk, "<");
        if (walk.at < walk.end && *walk.at == '/') {
            walk_end(&walk);
        } else {
            walk_begin(&walk);
        }
    }
    assert(walk.depth == 0);
}

/* ---- the outputs ---- */

static const struct {
    const char *format;
    void (*check)(const char *text, size_t size);
} kinds[] = {{"table", fuzz_check_text}, {"jsonl", fuzz_check_json_lines}, {"xml", check_xml}};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static void check_file(int fd, void (*check)(const char *text, size_t size))
{
    struct stat status;
    char *text;

    assert(fstat(fd, &status) == 0);
    text = malloc((size_t)status.st_size + 1);
    assert(text != NULL && pread(fd, text, (size_t)status.st_size, 0) == status.st_size);
    check(text, (size_t)status.st_size);
    free(text);
    close(fd);
}

static const struct services *services(void)
{
    static struct services *table;

    if (table == NULL) {
        table = services_create();
        assert(table != NULL);
    }
    return table;
}

static struct outputs *open_outputs(int fds[KINDS])
{
    struct outputs_options options = {.scan_id = scan_id, .services = services()};
    struct outputs *outputs = outputs_create(&options);
    struct problem problem = {{0}};
    char spec[64];

    assert(outputs != NULL);
    for (size_t i = 0; i < KINDS; i++) {
        fds[i] = memfd_create(kinds[i].format, MFD_CLOEXEC);
        assert(fds[i] >= 0);
        snprintf(spec, sizeof(spec), "%s:/proc/self/fd/%d", kinds[i].format, fds[i]);
        assert(outputs_add(outputs, spec, &problem) == 0);
    }
    return outputs;
}

static void write_line(struct outputs *outputs, struct observation_arena *arena, const char *line, size_t length)
{
    struct observation observation;
    json_t *json = json_loadb(line, length, 0, NULL);

    if (json != NULL && observation_decode(json, arena, &observation) == 0) {
        assert(outputs_write(outputs, &observation) == KINDS);
    }
    json_decref(json);
}

static void write_lines(struct outputs *outputs, const char *lines, size_t size)
{
    struct observation_arena arena = {0};

    while (size > 0) {
        const char *newline = memchr(lines, '\n', size);
        size_t length = newline == NULL ? size : (size_t)(newline - lines);
        write_line(outputs, &arena, lines, length);
        length += newline != NULL;
        lines += length;
        size -= length;
    }
    observation_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct observation start = {.type = OBSERVATION_START,
                                             .ts_ms = INT64_C(1763800000000),
                                             .start = {.plan_json = "{}",
                                                       .plan_hash = "00ff",
                                                       .realm = "r<x>",
                                                       .vantage = "h&m",
                                                       .ports = "1-10",
                                                       .port_count = 10,
                                                       .args = "scan \"x\"",
                                                       .slabs = 1,
                                                       .hosts = 1,
                                                       .probes = 10}};
    static const struct observation end = {
        .type = OBSERVATION_END, .ts_ms = INT64_C(1763800001000), .end = {.complete = true, .probes = 10}};
    size_t expanded = 0;
    char *lines = fuzz_expand(SCAN_OBSERVATION_SCHEMA, data, size, &expanded);
    int fds[KINDS];
    struct outputs *outputs = open_outputs(fds);

    assert(outputs_write(outputs, &start) == KINDS);
    write_lines(outputs, lines, expanded);
    assert(outputs_write(outputs, &end) == KINDS);
    assert(outputs_close(outputs) == 0);
    outputs_destroy(outputs);
    for (size_t i = 0; i < KINDS; i++) {
        check_file(fds[i], kinds[i].check);
    }
    free(lines);
    return 0;
}
