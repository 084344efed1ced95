/* Where observations go: any number of outputs at once, each a format and a file. One that fails ends alone. */
#ifndef LEASTPORT_SCANNER_OUTPUT_OUTPUTS_H
#define LEASTPORT_SCANNER_OUTPUT_OUTPUTS_H

#include "lib/addr.h"
#include "lib/service.h"
#include "scanner/observation.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>

struct outputs;

struct outputs_options {
    const char *scan_id;
    const struct services *services; /* names ports in port observations that have no service; may be NULL */
    bool stdout_is_terminal;         /* the table may be as wide as the terminal; else it is not folded or cut */
    /* Hears of an output that failed, once for each: "writing scan.xml: No space left on device". Not called for a
     * closed pipe on stdout, which ends that output quietly. May be NULL. */
    void (*failed)(void *context, const char *message);
    void *context;
};

/* "table, jsonl, xml": the formats there are, for messages and help. Lives for ever. */
const char *outputs_formats(void);

/* NULL when out of memory. Borrows what the options point to. The caller owns the result: outputs_destroy(). */
struct outputs *outputs_create(const struct outputs_options *options);

/* `spec` is FORMAT:FILE, FILE "-" is stdout. -EINVAL for an unknown format, no file, a second one on stdout or the same
 * file twice; -errno when the file cannot be created; always with *problem. Nothing is written yet. */
MUST_USE int outputs_add(struct outputs *outputs, const char *spec, struct problem *problem);
size_t outputs_count(const struct outputs *outputs);

/* Hands the observation to every output that still works. Order: one OBSERVATION_START first, one OBSERVATION_END last;
 * a host's ports before its host line. Returns how many still work: at 0 there is nobody left to tell. */
size_t outputs_write(struct outputs *outputs, const struct observation *observation);

/* An output may hold port and host lines for a while, because there may be thousands of them at once: writes those.
 * Nothing is held past any other observation. Returns how many still work, as outputs_write() does. */
size_t outputs_flush(struct outputs *outputs);

/* Ends every output: writes what is left, renames what was written beside its target. 0, or the -errno of the first
 * output that failed at any time (a closed pipe on stdout is no failure). */
MUST_USE int outputs_close(struct outputs *outputs);
/* Without outputs_close() before: files that were to be renamed are removed. Takes NULL. */
void outputs_destroy(struct outputs *outputs);

#endif
