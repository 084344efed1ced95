/* The resources of /api/v1, one file each. A handler reads exchange->uri and exchange->reader (never NULL for those
 * whose route needs the store) and fills the answer or the problem. */
#ifndef LEASTPORT_WEB_API_H
#define LEASTPORT_WEB_API_H

struct exchange;

void api_scans(struct exchange *exchange);
void api_scan_start(struct exchange *exchange);
void api_scans_compare(struct exchange *exchange);
void api_jobs(struct exchange *exchange);
void api_job(struct exchange *exchange);
void api_job_cancel(struct exchange *exchange);
void api_scan(struct exchange *exchange);
void api_hosts(struct exchange *exchange);
void api_hosts_export(struct exchange *exchange);
void api_host(struct exchange *exchange);
void api_endpoints(struct exchange *exchange);
void api_certificates(struct exchange *exchange);
void api_coverage(struct exchange *exchange);
void api_certificates_export(struct exchange *exchange);
void api_findings(struct exchange *exchange);
void api_findings_export(struct exchange *exchange);
void api_endpoints_export(struct exchange *exchange);
void api_finding(struct exchange *exchange);
void api_finding_events(struct exchange *exchange);
void api_finding_decide(struct exchange *exchange);
void api_findings_decide(struct exchange *exchange);
void api_findings_adopt(struct exchange *exchange);
void api_import(struct exchange *exchange);
void api_waivers(struct exchange *exchange);
void api_waiver_give(struct exchange *exchange);
void api_waiver_end(struct exchange *exchange);
void api_changes(struct exchange *exchange);
void api_service_changes(struct exchange *exchange);
void api_events(struct exchange *exchange);
void api_score(struct exchange *exchange);
void api_session(struct exchange *exchange);
void api_session_begin(struct exchange *exchange);
void api_session_end(struct exchange *exchange);
void api_tokens(struct exchange *exchange);
void api_token_create(struct exchange *exchange);
void api_token_revoke(struct exchange *exchange);
void api_policy(struct exchange *exchange);
void api_reach(struct exchange *exchange);
void api_reach_flaws(struct exchange *exchange);
void api_reach_what_if(struct exchange *exchange);
void api_policy_apply(struct exchange *exchange);
void api_policy_check(struct exchange *exchange);
void api_policy_dry_run(struct exchange *exchange);
void api_policy_explain(struct exchange *exchange);
void api_policy_test(struct exchange *exchange);
void api_policy_suggest(struct exchange *exchange);
void api_policies(struct exchange *exchange);
void api_schedules(struct exchange *exchange);
void api_schedule_do(struct exchange *exchange);
void api_inventories(struct exchange *exchange);
void api_inventory_do(struct exchange *exchange);
void api_alerts(struct exchange *exchange);
void api_alerts_amiss(struct exchange *exchange);
void api_alert_lift(struct exchange *exchange);
void api_scanners(struct exchange *exchange);
void api_alert_test(struct exchange *exchange);
void api_alert_do(struct exchange *exchange);
void api_audit_log(struct exchange *exchange);
void api_openapi(struct exchange *exchange);
void api_health(struct exchange *exchange);
void api_healthz(struct exchange *exchange);
void api_readyz(struct exchange *exchange);
void api_metrics(struct exchange *exchange);

#endif
