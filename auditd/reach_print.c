#include "auditd/reach_print.h"

#include "auditd/report/typeset.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

enum { PRINT_PREFIXES = 8, PRINT_TEXT_SIZE = 400 };

static const char *const PASSES[] = {[REACH_NO] = "no", [REACH_PERHAPS] = "unknown", [REACH_YES] = "yes"};

static const struct reach_address *row_address(const struct reach_model *model, const struct reach_row *row)
{
    const struct reach_eni *eni = &model->enis.items[row->eni];

    return row->address < eni->addresses.count ? &eni->addresses.items[row->address] : NULL;
}

/* The sources that the verdict is about. */
static const struct span_set *row_sources(const struct reach_row *row)
{
    const struct reach_cell *cell = &row->cell;

    if (cell->sources[REACH_REACHABLE].count > 0) {
        return &cell->sources[REACH_REACHABLE];
    }
    return &cell->sources[cell->verdict];
}

static double row_share(const struct reach_row *row)
{
    double size = span_set_size(&row->cell.sources[REACH_REACHABLE]);

    if (row->cell.verdict == REACH_CONDITIONAL) {
        size += span_set_size(&row->cell.sources[REACH_CONDITIONAL]);
    } else if (row->cell.verdict != REACH_REACHABLE) {
        size = span_set_size(&row->cell.sources[row->cell.verdict]);
    }
    return row->asked > 0 ? size / row->asked : 0;
}

/* The prefixes that the set is made of, one at a time: *span shrinks from its begin. False at the end. */
static bool next_prefix(const struct span_set *set, bool is_ipv6, size_t *at, struct span *span, struct prefix *prefix)
{
    struct span covered;

    if (*at >= set->count) {
        return false;
    }
    *prefix = span_head(span, is_ipv6);
    covered = span_of_prefix(prefix);
    if (covered.last >= span->last) {
        (*at)++;
        *span = *at < set->count ? set->items[*at] : *span;
    } else {
        span->first = covered.last + 1;
    }
    return true;
}

/* "all", or the first prefixes. */
static void sources_text(const struct reach_row *row, char *text, size_t size)
{
    const struct span_set *set = row_sources(row);
    struct span span = set->count > 0 ? set->items[0] : (struct span){0, 0};
    struct prefix prefix;
    char name[PREFIX_TEXT_SIZE];
    size_t at = 0;
    size_t length = 0;

    if (row->cell.verdict == REACH_REACHABLE && row_share(row) >= 1) {
        snprintf(text, size, "all");
        return;
    }
    text[0] = '\0';
    for (int i = 0; next_prefix(set, row->is_ipv6, &at, &span, &prefix); i++) {
        if (i == PRINT_PREFIXES / 2) {
            snprintf(text + length, size - length, ", ...");
            return;
        }
        length +=
            (size_t)snprintf(text + length, size - length, "%s%s", i == 0 ? "" : ", ", prefix_format(&prefix, name));
    }
}

/* ---- JSON ---- */

static json_t *json_of(const char *text)
{
    json_t *string = text == NULL ? json_null() : json_string(text);

    return string == NULL ? json_null() : string;
}

static json_t *json_sources(const struct reach_row *row, size_t most)
{
    const struct span_set *set = row_sources(row);
    struct span span = set->count > 0 ? set->items[0] : (struct span){0, 0};
    json_t *list = json_array();
    struct prefix prefix;
    char name[PREFIX_TEXT_SIZE];
    size_t at = 0;

    while (json_array_size(list) < most && next_prefix(set, row->is_ipv6, &at, &span, &prefix)) {
        if (json_array_append_new(list, json_string(prefix_format(&prefix, name))) < 0) {
            break;
        }
    }
    return list;
}

static json_t *json_proof(const struct reach_proof *proof)
{
    json_t *list = proof == NULL ? json_null() : json_array();

    for (size_t i = 0; proof != NULL && i < proof->count; i++) {
        const struct reach_step *step = &proof->steps[i];
        json_t *item = json_pack("{s:s, s:o, s:o, s:s, s:b}", "stage", step->stage, "id", json_of(step->id), "text",
                                 json_of(step->text), "passes", PASSES[step->passes], "answer", step->is_answer);
        if (json_array_append_new(list, item) < 0) {
            break;
        }
    }
    return list;
}

static json_t *json_balancer(const struct reach_model *model, const struct reach_row *row)
{
    const struct reach_balancer *balancer;

    if (row->balancer == REACH_NONE) {
        return json_null();
    }
    balancer = &model->balancers.items[row->balancer];
    return json_pack("{s:o, s:o, s:i}", "id", json_of(balancer->id), "name", json_of(balancer->name), "port",
                     balancer->listeners.items[row->listener].port);
}

json_t *reach_row_json(const struct reach_model *model, const struct reach_row *row, const char *from,
                       const struct reach_proof *proof, size_t sources_most)
{
    const struct reach_eni *eni = &model->enis.items[row->eni];
    const struct reach_address *own = row_address(model, row);
    char address[PREFIX_TEXT_SIZE] = "";
    char public_address[ADDR_TEXT_SIZE] = "";
    char proto[24];
    char ports[24];

    if (own != NULL) {
        prefix_format(&own->prefix, address);
    }
    if (own != NULL && own->is_public && !own->prefix.addr.is_ipv6) {
        addr_format(&own->public_address, public_address);
    }
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:o, s:o, s:b, s:o}", "interface",
                     json_of(eni->id), "owner", json_of(eni->owner), "address", address, "public_address",
                     public_address, "proto", reach_proto_name(row->proto, proto), "ports",
                     reach_ports_name(row->proto, row->cell.ports, ports), "from", from, "verdict",
                     reach_verdict_name(row->cell.verdict), "share", row_share(row), "return_share",
                     row->cell.return_share, "sources", json_sources(row, sources_most), "balancer",
                     json_balancer(model, row), "bypass", row->is_bypass, "proof", json_proof(proof));
}

static int print_json(const struct reach_printer *printer, const char *type, const char *from,
                      const struct reach_row *row, const struct reach_proof *proof)
{
    json_t *line = json_pack("{s:s}", "type", type);
    json_t *more = reach_row_json(printer->model, row, from, proof, SIZE_MAX);
    int rc = line == NULL || more == NULL || json_object_update(line, more) < 0 ? -ENOMEM : 0;

    if (rc == 0 && (json_dumpf(line, printer->out, JSON_COMPACT | JSON_REAL_PRECISION(6)) < 0 ||
                    fputc('\n', printer->out) == EOF)) {
        rc = -EIO;
    }
    json_decref(line);
    json_decref(more);
    return rc;
}

/* ---- text ---- */

void reach_print_heading(const struct reach_printer *printer)
{
    if (!printer->json) {
        fprintf(printer->out, "%-14s %-15s %-12s %-18s %-22s %s\n", "VERDICT", "PROTOCOL", "PORTS", "ADDRESS",
                "INTERFACE", "SOURCES");
    }
}

/* Names come from the account's files: what a terminal would obey is escaped. */
static void print_name(FILE *out, const char *text)
{
    char cut[PRINT_TEXT_SIZE];
    char escaped[4 * PRINT_TEXT_SIZE];

    snprintf(cut, sizeof(cut), "%s", text == NULL ? "" : text);
    typeset_escape(cut, escaped, sizeof(escaped));
    fputs(escaped, out);
}

static void print_proof(FILE *out, const struct reach_proof *proof)
{
    bool was_answer = false;

    for (size_t i = 0; i < proof->count; i++) {
        const struct reach_step *step = &proof->steps[i];
        const char *mark = step->passes == REACH_YES ? "" : step->passes == REACH_NO ? "   <- blocks" : "   <- unknown";
        if (step->is_answer && !was_answer) {
            fprintf(out, "    the answer, to port %u:\n", proof->answer_port);
        }
        was_answer = step->is_answer;
        fprintf(out, "    %-10s ", step->stage);
        print_name(out, step->id);
        fputs(step->id == NULL ? "" : "  ", out);
        print_name(out, step->text);
        fprintf(out, "%s\n", mark);
    }
}

static void print_shares(FILE *out, const struct reach_row *row)
{
    if (row->cell.verdict == REACH_CONDITIONAL && row_share(row) < 1) {
        fprintf(out, " (%.3g %% of the sources)", row_share(row) * 100);
    }
    if (row->cell.verdict == REACH_CONDITIONAL && row->cell.return_share < 1) {
        fprintf(out, " (%.3g %% of the client ports get an answer)", row->cell.return_share * 100);
    }
}

static int print_text(const struct reach_printer *printer, const char *type, const struct reach_row *row,
                      const struct reach_proof *proof)
{
    const struct reach_eni *eni = &printer->model->enis.items[row->eni];
    const struct reach_address *own = row_address(printer->model, row);
    char address[PREFIX_TEXT_SIZE] = "";
    char proto[24];
    char ports[24];
    char sources[PRINT_TEXT_SIZE];

    if (own != NULL) {
        addr_format(own->is_public && !own->prefix.addr.is_ipv6 ? &own->public_address : &own->prefix.addr, address);
    }
    sources_text(row, sources, sizeof(sources));
    fprintf(printer->out, "%-14s %-15s %-12s %-18s ",
            strcmp(type, "reach") == 0 ? reach_verdict_name(row->cell.verdict) : type,
            reach_proto_name(row->proto, proto), reach_ports_name(row->proto, row->cell.ports, ports), address);
    print_name(printer->out, eni->id);
    fputs("  ", printer->out);
    fputs(sources, printer->out);
    print_shares(printer->out, row);
    if (row->balancer != REACH_NONE) {
        const struct reach_balancer *balancer = &printer->model->balancers.items[row->balancer];
        fputs(", by way of ", printer->out);
        print_name(printer->out, balancer->name == NULL ? balancer->id : balancer->name);
        fprintf(printer->out, ":%u", balancer->listeners.items[row->listener].port);
    }
    fputs(row->is_bypass ? ", around its balancer\n" : "\n", printer->out);
    if (proof != NULL) {
        print_proof(printer->out, proof);
    }
    return ferror(printer->out) ? -EIO : 0;
}

int reach_print_row(const struct reach_printer *printer, const char *type, const char *from,
                    const struct reach_row *row, const struct reach_proof *proof)
{
    return printer->json ? print_json(printer, type, from, row, proof) : print_text(printer, type, row, proof);
}

json_t *reach_flaw_json(const struct reach_model *model, const struct reach_flaw *flaw)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "network", model->vpcs.items[flaw->vpc].id, "kind",
                     reach_flaw_name(flaw->kind), "record", flaw->record, "text", flaw->text);
}

static int print_flaw_json(const struct reach_printer *printer, const struct reach_flaw *flaw)
{
    json_t *line = reach_flaw_json(printer->model, flaw);
    int rc = line == NULL || json_object_set_new(line, "type", json_string("flaw")) != 0 ? -ENOMEM : 0;

    rc = rc == 0 && json_dumpf(line, printer->out, JSON_COMPACT) != 0 ? -EIO : rc;
    fputc('\n', printer->out);
    json_decref(line);
    return rc;
}

static int print_flaw_text(const struct reach_printer *printer, const struct reach_flaw *flaw)
{
    print_name(printer->out, printer->model->vpcs.items[flaw->vpc].id);
    fprintf(printer->out, "  %-15s ", reach_flaw_name(flaw->kind));
    print_name(printer->out, flaw->record);
    fputs("  ", printer->out);
    print_name(printer->out, flaw->text);
    fputc('\n', printer->out);
    return ferror(printer->out) ? -EIO : 0;
}

int reach_print_flaw(const struct reach_printer *printer, const struct reach_flaw *flaw)
{
    return printer->json ? print_flaw_json(printer, flaw) : print_flaw_text(printer, flaw);
}
