/* The rows of route.h: all that can be asked for, and by whom. */
#include "web/api.h"
#include "web/route.h"

static const char media_json[] = "application/json";
static const char media_html[] = "text/html";
static const char media_yaml[] = "application/yaml";
static const char media_text[] = "text/plain";
static const char media_events[] = "text/event-stream";

#define ANYBODY                                                                                                        \
    {                                                                                                                  \
        .kind = GATE_OPEN                                                                                              \
    }
#define SOMEBODY                                                                                                       \
    {                                                                                                                  \
        .kind = GATE_KNOWN                                                                                             \
    }
#define NEEDS(least, what)                                                                                             \
    {                                                                                                                  \
        .kind = GATE_ROLE, .role = (least), .scope = (what)                                                            \
    }
#define NEEDS_ALL(least, what)                                                                                         \
    {                                                                                                                  \
        .kind = GATE_ROLE, .role = (least), .scope = (what), .unlimited = true                                         \
    }
#define READS NEEDS(ROLE_VIEWER, SCOPE_READ)
#define READS_ALL NEEDS_ALL(ROLE_VIEWER, SCOPE_READ)
#define WRITES NEEDS(ROLE_OPERATOR, SCOPE_WRITE)
#define WRITES_ALL NEEDS_ALL(ROLE_OPERATOR, SCOPE_WRITE)

/* A page is for everybody who is signed in: what it shows it reads from the API. */
#define PAGE(path, file)                                                                                               \
    {                                                                                                                  \
        (path), media_html, SOMEBODY, NULL, "/assets/" file, false, NULL, false, false                                 \
    }

const struct route routes[] = {
    {"/healthz", media_json, ANYBODY, api_healthz, NULL, false, NULL, false, false},
    {"/readyz", media_json, ANYBODY, api_readyz, NULL, false, NULL, false, false},
    {"/metrics", media_text, NEEDS(ROLE_VIEWER, SCOPE_METRICS), api_metrics, NULL, true, NULL, false, false},
    {"/api/v1/openapi.yaml", media_yaml, ANYBODY, api_openapi, NULL, false, NULL, false, false},
    {"/api/v1/session", media_json, SOMEBODY, api_session, NULL, false, NULL, false, false},
    {"/api/v1/session", media_json, ANYBODY, api_session_begin, NULL, true, "POST", true, false},
    {"/api/v1/session", media_json, SOMEBODY, api_session_end, NULL, false, "DELETE", false, false},
    {"/api/v1/tokens", media_json, NEEDS_ALL(ROLE_ADMIN, SCOPE_TOKENS), api_tokens, NULL, true, NULL, false, false},
    {"/api/v1/tokens", media_json, NEEDS_ALL(ROLE_ADMIN, SCOPE_TOKENS), api_token_create, NULL, false, "POST", true,
     true},
    {"/api/v1/tokens/revoke", media_json, NEEDS_ALL(ROLE_ADMIN, SCOPE_TOKENS), api_token_revoke, NULL, false, "POST",
     true, true},
    {"/api/v1/audit-log", media_json, NEEDS_ALL(ROLE_ADMIN, SCOPE_AUDIT_LOG), api_audit_log, NULL, true, NULL, false,
     false},
    {"/api/v1/policy", media_json, READS_ALL, api_policy, NULL, true, NULL, false, false},
    {"/api/v1/policy", media_json, NEEDS_ALL(ROLE_ADMIN, SCOPE_WRITE), api_policy_apply, NULL, true, "PUT", true, true},
    {"/api/v1/policy/check", media_json, READS_ALL, api_policy_check, NULL, false, "POST", true, true},
    {"/api/v1/policy/dry-run", media_json, READS_ALL, api_policy_dry_run, NULL, false, "POST", true, true},
    {"/api/v1/policy/explain", media_json, READS_ALL, api_policy_explain, NULL, false, "POST", true, true},
    {"/api/v1/policy/test", media_json, READS_ALL, api_policy_test, NULL, false, "POST", true, true},
    {"/api/v1/policy/suggest", media_json, READS_ALL, api_policy_suggest, NULL, false, "POST", true, true},
    {"/api/v1/policies", media_json, READS_ALL, api_policies, NULL, true, NULL, false, false},
    {"/api/v1/reach", media_json, READS_ALL, api_reach, NULL, false, NULL, false, true},
    {"/api/v1/reach/flaws", media_json, READS_ALL, api_reach_flaws, NULL, false, NULL, false, true},
    {"/api/v1/reach/what-if", media_json, READS_ALL, api_reach_what_if, NULL, false, "POST", true, true},
    {"/api/v1/schedules", media_json, READS, api_schedules, NULL, false, NULL, false, true},
    {"/api/v1/schedules/run", media_json, WRITES_ALL, api_schedule_do, NULL, false, "POST", true, true},
    {"/api/v1/schedules/pause", media_json, WRITES_ALL, api_schedule_do, NULL, false, "POST", true, true},
    {"/api/v1/schedules/resume", media_json, WRITES_ALL, api_schedule_do, NULL, false, "POST", true, true},
    {"/api/v1/inventories", media_json, READS, api_inventories, NULL, false, NULL, false, true},
    {"/api/v1/inventories/confirm", media_json, WRITES_ALL, api_inventory_do, NULL, false, "POST", true, true},
    {"/api/v1/alerts", media_json, READS_ALL, api_alerts, NULL, false, NULL, false, true},
    {"/api/v1/alerts/test", media_json, WRITES_ALL, api_alert_test, NULL, false, "POST", true, true},
    {"/api/v1/alerts/retry", media_json, WRITES_ALL, api_alert_do, NULL, false, "POST", true, true},
    {"/api/v1/alerts/drop", media_json, WRITES_ALL, api_alert_do, NULL, false, "POST", true, true},
    {"/api/v1/alerts/amiss", media_json, READS_ALL, api_alerts_amiss, NULL, false, NULL, false, true},
    {"/api/v1/alerts/lift", media_json, WRITES_ALL, api_alert_lift, NULL, false, "POST", true, true},
    {"/api/v1/scanners", media_json, READS, api_scanners, NULL, false, NULL, false, true},
    {"/api/v1/health", media_json, READS, api_health, NULL, true, NULL, false, false},
    {"/api/v1/scans", media_json, READS, api_scans, NULL, true, NULL, false, false},
    {"/api/v1/scans", media_json, WRITES, api_scan_start, NULL, false, "POST", true, true},
    {"/api/v1/scans/compare", media_json, READS, api_scans_compare, NULL, true, NULL, false, false},
    {"/api/v1/imports", media_json, WRITES_ALL, api_import, NULL, false, "POST", true, true},
    {"/api/v1/jobs", media_json, READS, api_jobs, NULL, false, NULL, false, true},
    {"/api/v1/jobs/{uuid}", media_json, READS, api_job, NULL, false, NULL, false, true},
    {"/api/v1/jobs/{uuid}/cancel", media_json, WRITES, api_job_cancel, NULL, false, "POST", false, true},
    {"/api/v1/scans/{uuid}", media_json, READS, api_scan, NULL, true, NULL, false, false},
    {"/api/v1/hosts", media_json, READS, api_hosts, NULL, true, NULL, false, false},
    {"/api/v1/hosts/export", NULL, READS, api_hosts_export, NULL, true, NULL, false, false},
    {"/api/v1/hosts/{uuid}", media_json, READS, api_host, NULL, true, NULL, false, false},
    {"/api/v1/endpoints", media_json, READS, api_endpoints, NULL, true, NULL, false, false},
    {"/api/v1/endpoints/export", NULL, READS, api_endpoints_export, NULL, true, NULL, false, false},
    {"/api/v1/coverage", media_json, READS, api_coverage, NULL, true, NULL, false, false},
    {"/api/v1/certificates", media_json, READS, api_certificates, NULL, true, NULL, false, false},
    {"/api/v1/certificates/export", NULL, READS, api_certificates_export, NULL, true, NULL, false, false},
    {"/api/v1/findings", media_json, READS, api_findings, NULL, true, NULL, false, false},
    {"/api/v1/findings/export", NULL, READS, api_findings_export, NULL, true, NULL, false, false},
    {"/api/v1/findings/{uuid}", media_json, READS, api_finding, NULL, true, NULL, false, false},
    {"/api/v1/findings/{uuid}/events", media_json, READS, api_finding_events, NULL, true, NULL, false, false},
    {"/api/v1/findings/{uuid}/acknowledge", media_json, WRITES, api_finding_decide, NULL, true, "POST", true, true},
    {"/api/v1/findings/{uuid}/unacknowledge", media_json, WRITES, api_finding_decide, NULL, true, "POST", true, true},
    {"/api/v1/findings/{uuid}/waive", media_json, WRITES, api_finding_decide, NULL, true, "POST", true, true},
    {"/api/v1/findings/{uuid}/unwaive", media_json, WRITES, api_finding_decide, NULL, true, "POST", true, true},
    {"/api/v1/findings/bulk", media_json, WRITES, api_findings_decide, NULL, true, "POST", true, true},
    {"/api/v1/findings/adopt", media_json, WRITES, api_findings_adopt, NULL, true, "POST", true, true},
    {"/api/v1/waivers", media_json, READS, api_waivers, NULL, true, NULL, false, false},
    {"/api/v1/waivers", media_json, WRITES_ALL, api_waiver_give, NULL, true, "POST", true, true},
    {"/api/v1/waivers/{uuid}/end", media_json, WRITES_ALL, api_waiver_end, NULL, true, "POST", true, true},
    {"/api/v1/changes", media_json, READS, api_changes, NULL, true, NULL, false, false},
    {"/api/v1/changes/services", media_json, READS, api_service_changes, NULL, true, NULL, false, false},
    {"/api/v1/events", media_events, READS, api_events, NULL, true, NULL, false, false},
    {"/api/v1/score", media_json, READS, api_score, NULL, true, NULL, false, false},
    {"/login", media_html, ANYBODY, NULL, "/assets/login.html", false, NULL, false, false},
    PAGE("/", "overview.html"),
    PAGE("/findings", "findings.html"),
    PAGE("/findings/{uuid}", "finding.html"),
    PAGE("/hosts", "hosts.html"),
    PAGE("/hosts/{uuid}", "host.html"),
    PAGE("/map", "map.html"),
    PAGE("/certificates", "certificates.html"),
    PAGE("/changes", "changes.html"),
    PAGE("/scans", "scans.html"),
    PAGE("/scans/{uuid}", "scan.html"),
    PAGE("/policy", "policy.html"),
    PAGE("/schedules", "schedules.html"),
    PAGE("/alerts", "alerts.html"),
    PAGE("/access", "access.html"),
    {NULL, NULL, ANYBODY, NULL, NULL, false, NULL, false, false},
};
