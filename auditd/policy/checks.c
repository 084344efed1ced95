#include "auditd/policy/checks.h"

#include "auditd/policy/compliance.h"
#include "auditd/policy/condition.h"
#include "auditd/policy/front.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DETAIL_SIZE = 288, DAYS_SOON = 30 };

/* What was found: how it ends the title's sentence, and whether it is bad enough to be more than a reminder. */
struct fault {
    char detail[DETAIL_SIZE];
    bool reminder;
};

struct check {
    const char *kind;
    double weight; /* of the service, as a cleartext page has 10 */
    bool (*fails)(const struct exposure *exposure, const struct verdict *verdict, struct fault *fault);
    const char *why;
    const char *fix;
};

static const double WEIGHT_REMINDER = 2;

static const char *fact(const struct exposure *exposure, const char *name, char *buffer)
{
    const char *value = exposure_fact(exposure, name, buffer);

    return value == NULL ? "" : value;
}

/* RFC 8996: TLS 1.0 and 1.1 must not be used. */
static bool is_old_tls(const struct exposure *exposure, const struct verdict *verdict, struct fault *fault)
{
    char buffer[EXPOSURE_FACT_SIZE];
    const char *lowest = fact(exposure, "tls.version", buffer);

    (void)verdict;
    if (lowest[0] == '\0' || fact_compare_versions(lowest, "1.2") >= 0) {
        return false;
    }
    snprintf(fault->detail, sizeof(fault->detail), "accepts TLS %.8s", lowest);
    return true;
}

static bool is_bad_verdict(const char *verdict)
{
    return strcmp(verdict, "expired") == 0 || strcmp(verdict, "not-yet-valid") == 0 || strcmp(verdict, "bad") == 0;
}

/* Inside a network of one's own an authority of one's own is right; a stranger's browser knows nothing of it. */
static bool is_untrusted(const struct exposure *exposure, const char *verdict)
{
    return exposure->vantage_class >= VANTAGE_PUBLIC_RANGE &&
           (strcmp(verdict, "self-signed") == 0 || strcmp(verdict, "unknown-issuer") == 0);
}

static bool is_bad_certificate(const struct exposure *exposure, const struct verdict *verdict, struct fault *fault)
{
    char buffer[EXPOSURE_FACT_SIZE];
    char unused[EXPOSURE_FACT_SIZE];
    const char *found = fact(exposure, "cert.verdict", unused);
    const char *days_left = fact(exposure, "cert.days_left", buffer);
    long long days = days_left[0] == '\0' ? DAYS_SOON : strtoll(days_left, NULL, 10);

    (void)verdict;
    if (days < 0) {
        snprintf(fault->detail, sizeof(fault->detail), "shows a certificate that ended %lld day%s ago", -days,
                 days == -1 ? "" : "s");
    } else if (is_bad_verdict(found) || is_untrusted(exposure, found)) {
        snprintf(fault->detail, sizeof(fault->detail), "shows a certificate that is %.32s", found);
    } else if (strcmp(fact(exposure, "cert.name_mismatch", unused), "true") == 0) {
        snprintf(fault->detail, sizeof(fault->detail), "shows a certificate for another name");
    } else if (strcmp(fact(exposure, "cert.weak", unused), "true") == 0) {
        snprintf(fault->detail, sizeof(fault->detail), "shows a certificate with a weak key or signature");
    } else if (days < DAYS_SOON) {
        snprintf(fault->detail, sizeof(fault->detail), "shows a certificate that ends in %lld day%s", days,
                 days == 1 ? "" : "s");
        fault->reminder = true;
    } else {
        return false;
    }
    return true;
}

/* Where the port itself is a finding, that says more. */
static bool is_cleartext(const struct exposure *exposure, const struct verdict *verdict, struct fault *fault)
{
    char unused[EXPOSURE_FACT_SIZE];

    snprintf(fault->detail, sizeof(fault->detail), "serves without encryption");
    return verdict->verdict == VERDICT_ALLOWED && strcmp(fact(exposure, "cleartext", unused), "true") == 0 &&
           strcmp(fact(exposure, "redirects_to_https", unused), "true") != 0;
}

/* What the proxy adds (TLS, a login, filters, a log) is not there for who asks the back end itself. */
static bool is_bypass(const struct exposure *exposure, const struct verdict *verdict, struct fault *fault)
{
    const struct front *front = exposure->front;

    if (front == NULL || verdict->verdict != VERDICT_FINDING) {
        return false;
    }
    snprintf(fault->detail, sizeof(fault->detail), "answers around its proxy: %s of %s serves the same page",
             front->subject, front->address);
    return true;
}

static const struct check CHECKS[CHECKS_OWN] = {
    {"old-tls", 10, is_old_tls,
     "TLS before 1.2 has known flaws and is deprecated (RFC 8996); who stands in between can try to bring clients down "
     "to it.",
     "Switch TLS 1.0 and 1.1 off; keep 1.2 and 1.3."},
    {"certificate", 10, is_bad_certificate,
     "Clients that check it turn away, and those that were told not to check can be led to anybody.",
     "Renew or replace the certificate, and let a program renew it in time."},
    {"cleartext", 10, is_cleartext, "What is sent here, passwords among it, can be read and changed on the way.",
     "Require TLS on this service, or let only the host itself reach it."},
    {"proxy-bypass", 20, is_bypass,
     "Whoever asks the back end itself passes by all that stands before it: the proxy's TLS, its login, its filters, "
     "its "
     "log.",
     "Let only the proxy reach this port: name the proxy's group as the only source, or bind the back end to loopback "
     "where the proxy runs on the same host. Add an allow rule where it is meant to be reached by itself."},
};

static void judge_check(const struct check *check, const struct exposure *exposure, const struct verdict *verdict,
                        const struct fault *fault, struct verdict *ret_verdict)
{
    *ret_verdict = *verdict;
    ret_verdict->verdict = VERDICT_FINDING;
    snprintf(ret_verdict->kind, sizeof(ret_verdict->kind), "%s", check->kind);
    snprintf(ret_verdict->rule_id, sizeof(ret_verdict->rule_id), "baseline/%s", check->kind);
    snprintf(ret_verdict->evidence_kind, sizeof(ret_verdict->evidence_kind), "seen");
    snprintf(ret_verdict->need_kind, sizeof(ret_verdict->need_kind), "forbidden");
    snprintf(ret_verdict->title, sizeof(ret_verdict->title), "%s %s", verdict->subject, fault->detail);
    snprintf(ret_verdict->why, sizeof(ret_verdict->why), "%s", check->why);
    snprintf(ret_verdict->fix, sizeof(ret_verdict->fix), "%s", check->fix);
    ret_verdict->service_weight = fault->reminder ? WEIGHT_REMINDER : check->weight;
    ret_verdict->evidence = 1;
    ret_verdict->need = 1;
    ret_verdict->penalty = ret_verdict->service_weight * ret_verdict->breadth;
    ret_verdict->severity = judge_severity(ret_verdict->penalty);
    compliance_note(ret_verdict, "", exposure->address_count > 0 ? &exposure->addresses[0] : NULL);
}

size_t checks_judge(const struct exposure *exposure, const struct verdict *exposure_verdict,
                    struct verdict ret_verdicts[CHECKS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < CHECKS_OWN; i++) {
        struct fault fault = {0};
        if (CHECKS[i].fails(exposure, exposure_verdict, &fault)) {
            judge_check(&CHECKS[i], exposure, exposure_verdict, &fault, &ret_verdicts[count++]);
        }
    }
    return exposure->cloud == NULL ? count
                                   : count + cloud_declared_judge(exposure, exposure_verdict, &ret_verdicts[count]);
}
