/* What the scanner says to those who start it: the words of plan and observations, and its exit statuses.
 * The shapes are schema/plan.schema.json and schema/observation.schema.json. */
#ifndef LEASTPORT_SCANNER_PROTOCOL_H
#define LEASTPORT_SCANNER_PROTOCOL_H

#define SCAN_PROGRAM "leastport-scan"
/* What the program is called, as its argv[0], when it is handed the verb. */
#define SCAN_VERB "leastport scan"
#define SCAN_PLAN_SCHEMA "leastport.plan/1"
#define SCAN_OBSERVATION_SCHEMA "leastport.observation/1"

/* Types of observation lines. A slab line says that every line of that slab stands before it: a checkpoint. */
#define SCAN_LINE_START "scan_start"
#define SCAN_LINE_PORT "port"
#define SCAN_LINE_SERVICE "service"
#define SCAN_LINE_CERTIFICATE "certificate"
#define SCAN_LINE_HOST "host"
#define SCAN_LINE_CANARY "canary"
#define SCAN_LINE_SLAB "slab"
#define SCAN_LINE_PROGRESS "progress"
#define SCAN_LINE_NOTICE "notice"
#define SCAN_LINE_END "scan_end"

/* An observation line is at most this long, its newline included; a longer one is not the scanner's. */
enum { SCAN_LINE_MAX_BYTES = 1024 * 1024 };

enum scan_exit {
    SCAN_EXIT_DONE = 0,
    /* Misuse, or an error before or during the scan; stderr says which. */
    SCAN_EXIT_ERROR = 2,
    /* Ended by SIGINT or SIGTERM with a state that can be resumed. */
    SCAN_EXIT_INTERRUPTED = 130,
};

#endif
