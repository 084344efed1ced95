/* What auditd says to the other programs: the control socket's words and the exit statuses of an audit.
 * A request is one JSON object a line, {"op":"…",…}; the answer is one or more lines, the last with "ok":true or
 * "ok":false,"error":"…". The shapes are schema/control.schema.json. */
#ifndef LEASTPORT_AUDITD_PROTOCOL_H
#define LEASTPORT_AUDITD_PROTOCOL_H

#define AUDITD_PROGRAM "leastport-auditd"
#define WEB_PROGRAM "leastport-web"

#define CONTROL_OP_STATUS "status"
#define CONTROL_OP_ALERT "alert"
#define CONTROL_OP_AUDIT "audit"
#define CONTROL_OP_CANCEL "cancel"
#define CONTROL_OP_INVENTORY "inventory"
#define CONTROL_OP_SCANNERS "scanners"
#define CONTROL_OP_SCHEDULE "schedule"
#define CONTROL_OP_DISPOSITION "disposition"
#define CONTROL_OP_IMPORT "import"
#define CONTROL_OP_POLICY "policy"
#define CONTROL_OP_REACH "reach"
#define CONTROL_OP_TOKEN "token"
#define CONTROL_OP_ACCESS "access"

/* What "do" of a request "schedule" may be. */
#define CONTROL_SCHEDULE_LIST "list"
#define CONTROL_SCHEDULE_RUN "run"
#define CONTROL_SCHEDULE_PAUSE "pause"
#define CONTROL_SCHEDULE_RESUME "resume"

/* The same of "inventory". */
#define CONTROL_INVENTORY_LIST "list"
#define CONTROL_INVENTORY_CONFIRM "confirm"
#define CONTROL_INVENTORY_READ "read" /* now; of one that is read live */

/* The same of "disposition". */
#define CONTROL_DISPOSITION_ACKNOWLEDGE "acknowledge"
#define CONTROL_DISPOSITION_UNACKNOWLEDGE "unacknowledge"
#define CONTROL_DISPOSITION_WAIVE "waive"
#define CONTROL_DISPOSITION_UNWAIVE "unwaive"
#define CONTROL_DISPOSITION_IMPORT "import"
#define CONTROL_DISPOSITION_ADOPT "adopt"

/* The same of "import", in this order; the last two for each scan that the file becomes. A cloud's snapshot begins by
 * "cloud" instead and is stored once. */
#define CONTROL_IMPORT_BEGIN "begin"
#define CONTROL_IMPORT_LINES "lines"
#define CONTROL_IMPORT_STORE "store"
#define CONTROL_IMPORT_CLOUD "cloud"
/* A whole file at once, as another scanner wrote it: the daemon reads it. */
#define CONTROL_IMPORT_FILE "file"

/* The same of "policy"; without it, apply. */
#define CONTROL_POLICY_CHECK "check"
#define CONTROL_POLICY_DRY_RUN "dry-run"
#define CONTROL_POLICY_APPLY "apply"
#define CONTROL_POLICY_EXPLAIN "explain"
#define CONTROL_POLICY_TEST "test"
#define CONTROL_POLICY_SUGGEST "suggest"

/* The same of "reach". */
#define CONTROL_REACH_ASK "ask"
#define CONTROL_REACH_SURFACE "surface"
#define CONTROL_REACH_WHAT_IF "what-if"
#define CONTROL_REACH_FLAWS "flaws"

/* The same of "alert". */
#define CONTROL_ALERT_LIST "list"
#define CONTROL_ALERT_RETRY "retry"
#define CONTROL_ALERT_DROP "drop"
#define CONTROL_ALERT_LIFT "lift"
#define CONTROL_ALERT_AMISS "amiss"
#define CONTROL_ALERT_TEST "test"

/* The same of "token". */
#define CONTROL_TOKEN_CREATE "create"
#define CONTROL_TOKEN_REVOKE "revoke"
#define CONTROL_TOKEN_LINK "link"
#define CONTROL_TOKEN_TAKE "take"

/* What "fault" of a refusal may be: the request's, of something that is not there, of how things are, of an expectation
 * that is not met, of the moment, the daemon's own. */
#define CONTROL_FAULT_INVALID "invalid"
#define CONTROL_FAULT_MISSING "missing"
#define CONTROL_FAULT_CONFLICT "conflict"
#define CONTROL_FAULT_CHANGED "changed"
#define CONTROL_FAULT_BUSY "busy"
#define CONTROL_FAULT_FAILED "failed"

enum { CONTROL_LINE_MAX_BYTES = 1024 * 1024 };

/* Sessions of browsers: how long one lasts when it is not used, and at most; how far its beginning may lie ahead of a
 * clock that was set back; and how many are kept. */
enum {
    CONTROL_SESSION_IDLE_MS = 60 * 60 * 1000,
    CONTROL_SESSION_LIFE_MS = 12 * 60 * 60 * 1000,
    CONTROL_SESSION_SKEW_MS = 60 * 1000,
    CONTROL_SESSIONS_MAX = 4096,
};

/* Lines before the last one of an answer to "audit" with "follow":true have an "event". */
#define CONTROL_EVENT_ACCEPTED "accepted"
#define CONTROL_EVENT_PROGRESS "progress"
#define CONTROL_EVENT_NOTICE "notice"

/* Where the control socket is unless the configuration says otherwise: beside the database, with this behind its name.
 */
#define CONTROL_PATH_SUFFIX ".sock"

/* What web writes to its standard output once it listens, then its URL and a newline:
 * "listening http://127.0.0.1:8480/". auditd starts it as WEB_PROGRAM --db FILE --listen ADDR:PORT --control SOCKET,
 * with
 * --tls-certificate and --tls-key when they are configured. SIGHUP has it read the two again. */
#define WEB_LISTENING "listening "

/* Web's exit status when its arguments are wrong or it cannot listen as they say; it has said why on standard error. */
enum { WEB_EXIT_MISUSE = 2 };

/* PRAGMA application_id of a Leastport database: "lstp". */
enum { STORE_APPLICATION_ID = 0x6c737470 };

enum audit_exit {
    AUDIT_EXIT_CLEAN = 0,
    AUDIT_EXIT_FINDINGS = 1,
    AUDIT_EXIT_ERROR = 2,
    /* The scan ended early, or no host answered it; nothing at or above --fail-on was found. */
    AUDIT_EXIT_INCOMPLETE = 3,
};

#endif
