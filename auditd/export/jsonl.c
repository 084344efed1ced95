/* One object of JSON a line. */
#include "auditd/report/jsonl.h"

#include "auditd/export/export.h"
#include "auditd/export/text.h"
#include "lib/clock.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- values ---- */

static json_t *jsonl_time(int64_t time_ms)
{
    char text[WALL_TEXT_SIZE];

    return time_ms == 0 ? json_null() : json_string(wall_format(time_ms, text));
}

static json_t *jsonl_text(const char *text)
{
    return text[0] == '\0' ? json_null() : text_json(text);
}

static json_t *jsonl_real(double real)
{
    return isfinite(real) ? json_real(real) : json_null();
}

/* Below 0: not known. */
static json_t *jsonl_count(int64_t count)
{
    return count < 0 ? json_null() : json_integer(count);
}

/* Words with blanks between. */
static json_t *jsonl_words(const char *words)
{
    json_t *list = json_array();

    while (list != NULL && *words != '\0') {
        size_t length = strcspn(words, " ");
        char *word = length == 0 ? NULL : strndup(words, length);
        if (length > 0) {
            json_array_append_new(list, word == NULL ? NULL : text_json(word));
        }
        free(word);
        words += length + (words[length] == ' ');
    }
    return list;
}

static int jsonl_print(FILE *out, json_t *value)
{
    int rc = text_print_json(out, value);

    return rc != 0 ? rc : putc('\n', out) == EOF ? -EIO : 0;
}

/* ---- rows ---- */

static int jsonl_host(void *context, const struct store_host *host)
{
    const struct export_run *run = context;
    json_t *findings = json_pack("{s:o, s:o, s:o, s:o}", "critical", jsonl_count(host->findings[3]), "high",
                                 jsonl_count(host->findings[2]), "medium", jsonl_count(host->findings[1]), "low",
                                 jsonl_count(host->findings[0]));

    return jsonl_print(
        run->out,
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:b, s:o, s:o, s:o}",
                  "schema", "leastport.host/1", "type", "host", "uuid", host->uuid, "realm", text_json(host->realm),
                  "host", jsonl_text(host->address), "name", jsonl_text(host->name), "state", jsonl_text(host->state),
                  "last_up", jsonl_time(host->last_up), "grade", jsonl_text(host->grade), "score",
                  jsonl_real(host->score), "exposure", jsonl_real(host->exposure), "coverage",
                  jsonl_real(host->coverage), "ports_open", (json_int_t)host->ports_open, "findings", findings,
                  "ephemeral", (int)host->is_ephemeral, "created_at", jsonl_time(host->created_at), "ended_at",
                  jsonl_time(host->ended_at), "end_reason", jsonl_text(host->end_reason)));
}

static int jsonl_certificate(void *context, const struct store_shown_certificate *certificate)
{
    const struct export_run *run = context;
    int64_t bits = certificate->key_bits;

    return jsonl_print(
        run->out,
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "schema",
                  "leastport.certificate/1", "type", "certificate", "sha256", certificate->sha256, "subject",
                  text_json(certificate->subject), "issuer", text_json(certificate->issuer), "names",
                  jsonl_words(certificate->names), "not_before", jsonl_time(certificate->not_before), "not_after",
                  jsonl_time(certificate->not_after), "key", jsonl_text(certificate->key), "key_bits",
                  jsonl_count(bits == 0 ? -1 : bits), "signature", jsonl_text(certificate->signature), "first_seen",
                  jsonl_time(certificate->first_seen), "endpoint_count", (json_int_t)certificate->endpoint_count));
}

static int jsonl_write(struct export_run *run)
{
    const struct export_options *options = run->options;
    struct store_endpoint_filter endpoints = options->endpoints;

    endpoints.with_facts = true;
    switch (options->subject) {
    case EXPORT_ENDPOINTS:
        return report_jsonl_endpoints(run->reader, &endpoints, run->out);
    case EXPORT_HOSTS:
        return store_read_hosts(run->reader, &options->hosts, jsonl_host, run);
    case EXPORT_CERTIFICATES:
        return store_read_certificates(run->reader, &options->certificates, jsonl_certificate, run);
    case EXPORT_FINDINGS:
        break;
    }
    return report_jsonl_findings(run->reader, &options->findings, run->out);
}

const struct export_driver export_jsonl = {
    .name = "jsonl",
    .has_subjects = true,
    .write = jsonl_write,
};
