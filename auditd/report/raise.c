#include "auditd/report/raise.h"

#include "auditd/report/typeset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RAISE_LINE_SIZE = 320 };

struct raise {
    const json_t *term; /* borrowed */
    double score;
    double exposure;
};

static double raise_number(const json_t *term, const char *name)
{
    return json_number_value(json_object_get(term, name));
}

static int raise_compare(const void *left, const void *right)
{
    const struct raise *a = left;
    const struct raise *b = right;

    if (a->score < b->score || a->score > b->score) {
        return a->score < b->score ? 1 : -1;
    }
    return a->exposure < b->exposure ? 1 : a->exposure > b->exposure ? -1 : 0;
}

/* Without a term each one behind it moves up and counts twice as much: gained is its cost less all theirs. A score that
 * stands at 0 rises only by what comes out above. */
static int raise_work_out(const json_t *terms, struct raise **ret_raises)
{
    size_t count = json_array_size(terms);
    struct raise *raises = calloc(count + 1, sizeof(*raises));
    double behind = 0;
    double raw = 100;

    if (raises == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        raw -= raise_number(json_array_get(terms, i), "cost");
    }
    for (size_t i = count; i > 0; i--) {
        const json_t *term = json_array_get(terms, i - 1);
        double cost = raise_number(term, "cost");
        raises[i - 1] = (struct raise){
            .term = term,
            .score = fmax(raw + cost - behind, 0) - fmax(raw, 0),
            .exposure = raise_number(term, "penalty") * raise_number(term, "count"),
        };
        behind += cost;
    }
    qsort(raises, count, sizeof(*raises), raise_compare);
    *ret_raises = raises;
    return 0;
}

json_t *raise_json(const json_t *terms)
{
    struct raise *raises;
    json_t *array;

    if (raise_work_out(terms, &raises) < 0) {
        return NULL;
    }
    array = json_array();
    for (size_t i = 0; array != NULL && i < json_array_size(terms); i++) {
        const json_t *term = raises[i].term;
        json_t *row =
            json_pack("{s:O?, s:O?, s:O?, s:f, s:f}", "service", json_object_get(term, "service"), "breadth_class",
                      json_object_get(term, "breadth_class"), "count", json_object_get(term, "count"), "score",
                      raises[i].score, "exposure", raises[i].exposure);
        if (row == NULL || json_array_append_new(array, row) < 0) {
            json_decref(array);
            array = NULL;
        }
    }
    free(raises);
    return array;
}

int raise_print(const json_t *terms, size_t most, unsigned width, FILE *out)
{
    size_t count = json_array_size(terms);
    struct raise *raises;
    int rc = raise_work_out(terms, &raises);

    if (rc < 0) {
        return rc;
    }
    if (count > 0) {
        fputs("\nWhat would raise it most\n", out);
    }
    for (size_t i = 0; i < count && i < most; i++) {
        char text[RAISE_LINE_SIZE];
        const char *service = json_string_value(json_object_get(raises[i].term, "service"));
        const char *breadth = json_string_value(json_object_get(raises[i].term, "breadth_class"));
        double number = raise_number(raises[i].term, "count");
        if (service != NULL && strcmp(service, "rules") == 0) {
            snprintf(text, sizeof(text), "mending what is wrong with the rules of networks: exposure %.1f less",
                     raises[i].exposure);
        } else {
            snprintf(text, sizeof(text), "closing %s%.0f %s open to %s: exposure %.1f less", number > 1 ? "all " : "",
                     number, service == NULL ? "" : service, breadth == NULL ? "" : breadth, raises[i].exposure);
        }
        fprintf(out, "  + %5.2f  ", raises[i].score);
        typeset_wrap(out, text, 11, 11, width);
        fputc('\n', out);
    }
    free(raises);
    return 0;
}
