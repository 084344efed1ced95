/* One file of HTML that needs nothing else: no script, no resource from elsewhere, a policy (CSP) that forbids both. */
#include "auditd/export/export.h"
#include "auditd/export/html_style.h"
#include "auditd/export/text.h"
#include "lib/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

struct html {
    struct export_run *run;
    uint64_t rows; /* of the table that is being written */
};

/* The style is named by its digest (CSP level 3, section 2.3.1), so that no other is taken. */
static void html_print_head(FILE *out, int64_t now_ms)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char base64[sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    char moment[WALL_TEXT_SIZE];

    crypto_hash_sha256(digest, (const uint8_t *)html_style, strlen(html_style));
    sodium_bin2base64(base64, sizeof(base64), digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL);
    wall_format(now_ms, moment);
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
            "base-uri 'none'; form-action 'none'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
            "<title>Leastport: exposure report of %.10s</title>\n<style>%s</style>\n</head>\n<body>\n"
            "<h1>Exposure report</h1>\n<p>Written by Leastport " LEASTPORT_VERSION
            " at <time datetime=\"%s\">%.10s %.5s UTC</time>.</p>\n",
            base64, moment, html_style, moment, moment, moment + 11);
}

static int html_score(void *context, const struct store_score *score)
{
    FILE *out = context;

    fprintf(out, "<p class=\"score\">Score <strong>%.1f</strong>, grade <strong>", score->score);
    text_print_markup(out, score->grade);
    fprintf(out, "</strong>; exposure %.1f; coverage %.0f&nbsp;%%</p>\n", score->exposure, score->coverage * 100);
    return 0;
}

/* Ends a table; one without rows says so. */
static void html_end_table(struct html *html, unsigned columns)
{
    if (html->rows == 0) {
        fprintf(html->run->out, "<tr><td colspan=\"%u\">None.</td></tr>\n", columns);
    }
    fputs("</tbody></table>\n", html->run->out);
    html->rows = 0;
}

static int html_count(void *context, const struct store_group *group)
{
    struct html *html = context;
    FILE *out = html->run->out;

    html->rows++;
    fputs("<tr><th scope=\"row\">", out);
    text_print_markup(out, group->values[0]);
    fprintf(out, "</th><td class=\"n\">%" PRId64 "</td><td class=\"n\">%.1f</td></tr>\n", group->count, group->penalty);
    return 0;
}

static void html_cell(FILE *out, const char *text)
{
    fputs("<td>", out);
    text_print_markup(out, text);
    fputs("</td>", out);
}

static void html_place(FILE *out, const char *address, const char *name, const char *realm)
{
    fputs("<td><code>", out);
    text_print_markup(out, address[0] != '\0' ? address : name);
    fputs("</code>", out);
    if (address[0] != '\0' && name[0] != '\0') {
        fputs(" (", out);
        text_print_markup(out, name);
        putc(')', out);
    }
    if (strcmp(realm, "default") != 0) {
        fputs(" in ", out);
        text_print_markup(out, realm);
    }
    fputs("</td>", out);
}

/* The columns of a finding in one phrase. */
static void html_state(FILE *out, const struct store_finding *finding)
{
    fputs("<td>", out);
    text_print_markup(out, finding->presence);
    if (strcmp(finding->disposition, "NONE") != 0) {
        fputs(", ", out);
        text_print_markup(out, finding->disposition);
    }
    if (strcmp(finding->sight, "FRESH") != 0) {
        fputs(", ", out);
        text_print_markup(out, finding->sight);
    }
    fputs("</td>", out);
}

static int html_finding(void *context, const struct store_finding *finding)
{
    struct html *html = context;
    FILE *out = html->run->out;
    char first[WALL_TEXT_SIZE];

    html->rows++;
    wall_format(finding->first_seen, first);
    fputs("<tr class=\"", out);
    text_print_markup(out, finding->severity);
    fputs("\"><th scope=\"row\">", out);
    text_print_markup(out, finding->severity);
    fputs("</th>", out);
    html_place(out, finding->address, finding->name, finding->realm);
    fprintf(out, "<td class=\"n\">%" PRId64 "/", finding->port);
    text_print_markup(out, finding->proto);
    fputs("</td>", out);
    html_cell(out, finding->service);
    fputs("<td><strong>", out);
    text_print_markup(out, finding->title);
    fputs("</strong><p>", out);
    text_print_markup(out, finding->why);
    fputs("</p><p>Fix: ", out);
    text_print_markup(out, finding->fix);
    fputs("</p><p class=\"small\">", out);
    text_print_markup(out, finding->rule_id);
    fprintf(out, ", penalty %.1f, since %.10s", finding->penalty, first);
    if (finding->owner[0] != '\0') {
        fputs(", owner ", out);
        text_print_markup(out, finding->owner);
    }
    fputs("</p></td>", out);
    html_state(out, finding);
    fputs("</tr>\n", out);
    return ferror(out) != 0 ? -EIO : 0;
}

static const char *html_fact(const struct store_endpoint *endpoint, const char *name)
{
    const char *value = store_endpoint_fact(endpoint, name);

    return value == NULL ? "" : value;
}

static int html_endpoint(void *context, const struct store_endpoint *endpoint)
{
    struct html *html = context;
    FILE *out = html->run->out;
    char seen[WALL_TEXT_SIZE];

    html->rows++;
    wall_format(endpoint->last_seen, seen);
    fputs("<tr>", out);
    html_place(out, endpoint->address, "", endpoint->realm);
    fprintf(out, "<td class=\"n\">%" PRId64 "/", endpoint->port);
    text_print_markup(out, endpoint->proto);
    fputs("</td>", out);
    html_cell(out, endpoint->service);
    fputs("<td>", out);
    text_print_markup(out, html_fact(endpoint, "product"));
    putc(' ', out);
    text_print_markup(out, html_fact(endpoint, "version"));
    fputs("</td>", out);
    html_cell(out, html_fact(endpoint, "banner"));
    html_cell(out, endpoint->vantage);
    fprintf(out, "<td>%.10s</td></tr>\n", seen);
    return ferror(out) != 0 ? -EIO : 0;
}

static int html_findings(struct export_run *run)
{
    static const enum store_finding_group by_severity[] = {STORE_GROUP_SEVERITY};
    struct html html = {.run = run};
    struct store_finding_filter filter = run->options->findings;
    int rc;

    fputs("<h2>Findings</h2>\n<table class=\"counts\"><caption>By severity</caption>\n<thead><tr><th "
          "scope=\"col\">Severity"
          "</th><th scope=\"col\">Count</th><th scope=\"col\">Penalty</th></tr></thead>\n<tbody>\n",
          run->out);
    rc = store_read_finding_groups(run->reader, &filter, (struct store_group_keys){by_severity, 1}, html_count, &html);
    html_end_table(&html, 3);
    fputs("<table><caption>The worst first</caption>\n<thead><tr><th scope=\"col\">Severity</th>"
          "<th scope=\"col\">Host</th><th scope=\"col\">Port</th><th scope=\"col\">Service</th><th scope=\"col\">What, "
          "why, and how to fix it</th><th scope=\"col\">State</th></tr></thead>\n<tbody>\n",
          run->out);
    filter.page = (struct store_page){.sort = STORE_FINDING_BY_PENALTY, .is_descending = true};
    rc = rc == 0 ? store_read_findings(run->reader, &filter, html_finding, &html) : rc;
    html_end_table(&html, 6);
    return rc;
}

static int html_open(struct export_run *run)
{
    static const char *const open[] = {"open"};
    struct html html = {.run = run};
    struct store_endpoint_filter filter = run->options->endpoints;
    int rc;

    filter.states = (struct store_texts){open, 1};
    filter.with_facts = true;
    fputs(
        "<h2>What is open</h2>\n<table><caption>Open ports, and what answers there</caption>\n<thead><tr>"
        "<th scope=\"col\">Host</th><th scope=\"col\">Port</th><th scope=\"col\">Service</th><th scope=\"col\">Product"
        "</th><th scope=\"col\">Banner</th><th scope=\"col\">Seen from</th><th scope=\"col\">Last</th></tr></thead>\n"
        "<tbody>\n",
        run->out);
    rc = store_read_endpoints(run->reader, &filter, html_endpoint, &html);
    html_end_table(&html, 7);
    return rc;
}

static int html_write(struct export_run *run)
{
    static const char *const scopes[] = {"fleet"};
    const struct store_score_filter score = {.scopes = {scopes, 1}};
    int rc;

    html_print_head(run->out, run->options->now_ms);
    rc = store_read_scores(run->reader, &score, html_score, run->out);
    rc = rc == 0 ? html_findings(run) : rc;
    rc = rc == 0 ? html_open(run) : rc;
    fputs("</body>\n</html>\n", run->out);
    return rc;
}

const struct export_driver export_html = {
    .name = "html",
    .write = html_write,
};
