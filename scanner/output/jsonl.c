/* JSON Lines: an observation a line, a write one or more lines, so that the file is valid after each. */
#include "scanner/line.h"
#include "scanner/output/writer.h"

#include <errno.h>
#include <stdlib.h>

struct jsonl {
    struct sink *sink;
    const char *scan_id;
    struct line line;
};

static void *jsonl_create(const struct writer_options *options)
{
    struct jsonl *jsonl = calloc(1, sizeof(*jsonl));

    if (jsonl != NULL) {
        jsonl->sink = options->sink;
        jsonl->scan_id = options->scan_id;
    }
    return jsonl;
}

/* The others say how far the scan is, for which all before them has to be there, or are few. */
static bool may_wait(enum observation_type type)
{
    return type == OBSERVATION_PORT || type == OBSERVATION_SERVICE || type == OBSERVATION_CERTIFICATE ||
           type == OBSERVATION_HOST;
}

static int jsonl_write(void *writer, const struct observation *observation)
{
    struct jsonl *jsonl = writer;
    struct text *text = &jsonl->line.text;
    int rc = line_write(&jsonl->line, observation, jsonl->scan_id);

    if (rc < 0) {
        return rc;
    }
    text_add(text, "\n", 1);
    if (text->failed) {
        return -ENOMEM;
    }
    rc = sink_hold(jsonl->sink, text->bytes, text->size);
    return rc < 0 || may_wait(observation->type) ? rc : sink_flush(jsonl->sink);
}

static void jsonl_destroy(void *writer)
{
    struct jsonl *jsonl = writer;

    line_done(&jsonl->line);
    free(jsonl);
}

const struct writer_driver writer_jsonl = {
    .name = "jsonl",
    .create = jsonl_create,
    .write = jsonl_write,
    .destroy = jsonl_destroy,
};
