/* A format of output as a table of functions; each format is a file of its own and a row in outputs.c. */
#ifndef LEASTPORT_SCANNER_OUTPUT_WRITER_H
#define LEASTPORT_SCANNER_OUTPUT_WRITER_H

#include "lib/addr.h"
#include "lib/service.h"
#include "scanner/observation.h"
#include "scanner/output/sink.h"

#include <stdbool.h>

struct writer_options {
    struct sink *sink; /* borrowed for the writer's life */
    const char *scan_id;
    const struct services *services; /* may be NULL */
    bool is_terminal;
};

struct writer_driver {
    const char *name;
    bool beside; /* only complete files are worth anything: write beside, rename at the end */
    /* NULL when out of memory. */
    void *(*create)(const struct writer_options *options);
    /* 0 or the -errno of sink_write(), or -ENOMEM. Services are filled in. */
    int (*write)(void *writer, const struct observation *observation);
    void (*destroy)(void *writer);
};

extern const struct writer_driver writer_jsonl;
extern const struct writer_driver writer_table;
extern const struct writer_driver writer_xml;

#endif
