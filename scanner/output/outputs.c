#include "scanner/output/outputs.h"

#include "scanner/output/sink.h"
#include "scanner/output/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUTS_MAX = 16 };

static const struct writer_driver *const outputs_drivers[] = {&writer_table, &writer_jsonl, &writer_xml, NULL};

struct output {
    const struct writer_driver *driver;
    void *writer; /* NULL once it has ended */
    struct sink *sink;
};

struct outputs {
    struct outputs_options options;
    struct output items[OUTPUTS_MAX];
    size_t count;
    int rc; /* the first failure */
};

const char *outputs_formats(void)
{
    return "table, jsonl, xml";
}

struct outputs *outputs_create(const struct outputs_options *options)
{
    struct outputs *outputs = calloc(1, sizeof(*outputs));

    if (outputs != NULL) {
        outputs->options = *options;
    }
    return outputs;
}

static void output_end(struct output *output)
{
    if (output->writer != NULL) {
        output->driver->destroy(output->writer);
    }
    output->writer = NULL;
    sink_destroy(output->sink);
    output->sink = NULL;
}

void outputs_destroy(struct outputs *outputs)
{
    if (outputs == NULL) {
        return;
    }
    for (size_t i = 0; i < outputs->count; i++) {
        output_end(&outputs->items[i]);
    }
    free(outputs);
}

static const struct writer_driver *outputs_find_driver(const char *spec, size_t length)
{
    for (size_t i = 0; outputs_drivers[i] != NULL; i++) {
        if (strlen(outputs_drivers[i]->name) == length && memcmp(outputs_drivers[i]->name, spec, length) == 0) {
            return outputs_drivers[i];
        }
    }
    return NULL;
}

static int outputs_check_same(const struct outputs *outputs, const struct output *new, struct problem *problem)
{
    for (size_t i = 0; i < outputs->count; i++) {
        const struct output *old = &outputs->items[i];
        if (old->sink == NULL || !sink_same(old->sink, new->sink)) {
            continue;
        }
        if (sink_is_stdout(new->sink)) {
            return problem_set(problem, -EINVAL,
                               "two outputs (%s and %s) on standard output would mix; give one of them a file",
                               old->driver->name, new->driver->name);
        }
        return problem_set(problem, -EINVAL, "two outputs (%s and %s) go to %s; give each a file of its own",
                           old->driver->name, new->driver->name, sink_name(new->sink));
    }
    return 0;
}

static int outputs_open(struct outputs *outputs, const char *path, struct output *output, struct problem *problem)
{
    struct writer_options options = {.scan_id = outputs->options.scan_id, .services = outputs->options.services};
    int rc = sink_create(path, output->driver->beside, &output->sink, problem);

    if (rc == 0) {
        rc = outputs_check_same(outputs, output, problem);
    }
    if (rc < 0) {
        return rc;
    }
    options.sink = output->sink;
    options.is_terminal = sink_is_stdout(output->sink) && outputs->options.stdout_is_terminal;
    output->writer = output->driver->create(&options);
    return output->writer == NULL ? problem_set(problem, -ENOMEM, "out of memory") : 0;
}

int outputs_add(struct outputs *outputs, const char *spec, struct problem *problem)
{
    const char *colon = strchr(spec, ':');
    struct output output = {0};
    int rc;

    if (colon == NULL || colon[1] == '\0') {
        return problem_set(problem, -EINVAL,
                           "-o %s: write FORMAT:FILE, as in jsonl:scan.jsonl or table:- (formats: %s)", spec,
                           outputs_formats());
    }
    output.driver = outputs_find_driver(spec, (size_t)(colon - spec));
    if (output.driver == NULL) {
        return problem_set(problem, -EINVAL, "-o %s: there is no format \"%.*s\"; there are %s", spec,
                           (int)(colon - spec), spec, outputs_formats());
    }
    if (outputs->count == OUTPUTS_MAX) {
        return problem_set(problem, -EINVAL, "-o %s: more than %d outputs", spec, OUTPUTS_MAX);
    }
    rc = outputs_open(outputs, colon + 1, &output, problem);
    if (rc < 0) {
        output_end(&output);
        return rc;
    }
    outputs->items[outputs->count++] = output;
    return 0;
}

size_t outputs_count(const struct outputs *outputs)
{
    return outputs->count;
}

/* Ends the output that failed; the others go on. */
static void outputs_fail(struct outputs *outputs, struct output *output, int rc)
{
    bool quiet = rc == -EPIPE && sink_is_stdout(output->sink);
    struct problem problem;

    problem_set(&problem, rc, "writing %s to %s: %s", output->driver->name, sink_name(output->sink), strerror(-rc));
    output_end(output);
    if (quiet) {
        return;
    }
    if (outputs->rc == 0) {
        outputs->rc = rc;
    }
    if (outputs->options.failed != NULL) {
        outputs->options.failed(outputs->options.context, problem.text);
    }
}

size_t outputs_write(struct outputs *outputs, const struct observation *observation)
{
    struct observation copy = *observation;
    size_t alive = 0;

    if (copy.type == OBSERVATION_PORT && copy.port.service == NULL) {
        copy.port.service = services_name(outputs->options.services, copy.port.port, copy.port.proto);
    }
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *output = &outputs->items[i];
        if (output->writer == NULL) {
            continue;
        }
        int rc = output->driver->write(output->writer, &copy);
        if (rc < 0) {
            outputs_fail(outputs, output, rc);
        } else {
            alive++;
        }
    }
    return alive;
}

size_t outputs_flush(struct outputs *outputs)
{
    size_t alive = 0;

    for (size_t i = 0; i < outputs->count; i++) {
        struct output *output = &outputs->items[i];
        int rc = output->writer == NULL ? 0 : sink_flush(output->sink);
        if (rc < 0) {
            outputs_fail(outputs, output, rc);
        }
        alive += output->writer != NULL;
    }
    return alive;
}

int outputs_close(struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *output = &outputs->items[i];
        int rc;
        if (output->writer == NULL) {
            continue;
        }
        rc = sink_commit(output->sink);
        if (rc < 0) {
            outputs_fail(outputs, output, rc);
        } else {
            output_end(output);
        }
    }
    return outputs->rc;
}
