/* The command line of leastport-scan as values. Parses and checks; opens nothing. */
#ifndef LEASTPORT_SCANNER_OPTIONS_H
#define LEASTPORT_SCANNER_OPTIONS_H

#include "lib/addr.h"
#include "scanner/plan_doc.h"
#include "scanner/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arguments that may be given more than once, in their order; the text is argv's. */
struct options_list {
    const char **items;
    size_t count;
};

/* What was not given is NULL, 0 or false, but for `retries`, -1. */
struct options {
    struct options_list targets;
    struct options_list target_files;
    struct options_list exclude;
    struct options_list exclude_files;
    struct options_list scope;
    struct options_list never_scan_files;
    struct options_list outputs;
    const char *ports;
    const char *link; /* a driver's name, or pcap:RECORD[,REPLAY] */
    const char *state;
    const char *resume;
    const char *plan;
    const char *scan_id;
    const char *realm;
    const char *vantage;
    bool probe_given;
    enum plan_probe probe;
    uint64_t rate_pps;
    bool unbraked;     /* --rate max */
    bool undiscovered; /* --no-discovery */
    bool services;     /* --services */
    bool closed_doors; /* --no-door-checks */
    bool ask_printers; /* --ask-printers */
    uint64_t host_rate_pps;
    int64_t retries;
    uint32_t shard_index;
    uint32_t shard_count;
    uint64_t from_slab;
    bool from_slab_given;
    uint32_t threads; /* 0: not given */
    bool progress_lines;
    bool doctor;
    bool json;
    /* Something was given that a plan, read from a file or a state, already settles; its name, for the error. */
    const char *settles_plan;
};

/* Prints help or version and exits 0 when these are asked for; exits 2 with a message when the command line is wrong
 * (argp's way). What it returns is consistent. options_done() frees it; the text stays argv's. */
void options_parse(int argc, char **argv, struct options *ret_options);
void options_done(struct options *options);

struct options_range {
    uint64_t least;
    uint64_t most;
};

/* One decimal number within the range; -EINVAL or -ERANGE with *problem that names the option. */
MUST_USE int options_number(const char *name, const char *text, struct options_range range, uint64_t *ret_number,
                            struct problem *problem);
/* "2/5". */
MUST_USE int options_shard(const char *text, uint32_t *ret_index, uint32_t *ret_count, struct problem *problem);

#endif
