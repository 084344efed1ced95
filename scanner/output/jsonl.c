/* JSON Lines: an observation a line, a line a write, so that the file is valid after each. */
#include "scanner/output/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct jsonl {
    struct sink *sink;
    const char *scan_id;
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

static int jsonl_write(void *writer, const struct observation *observation)
{
    struct jsonl *jsonl = writer;
    json_t *line = observation_encode(observation, jsonl->scan_id);
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(15));
    size_t length;
    int rc;

    json_decref(line);
    if (text == NULL) {
        return -ENOMEM;
    }
    length = strlen(text);
    text[length] = '\n'; /* where the NUL was: the line is written by its length */
    rc = sink_write(jsonl->sink, text, length + 1);
    free(text);
    return rc;
}

static void jsonl_destroy(void *writer)
{
    free(writer);
}

const struct writer_driver writer_jsonl = {
    .name = "jsonl",
    .create = jsonl_create,
    .write = jsonl_write,
    .destroy = jsonl_destroy,
};
