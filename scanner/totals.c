#include "scanner/totals.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static json_t *encode_counts(const uint64_t *counts)
{
    json_t *array = json_array();

    for (int pass = 0; pass < LOSS_PASSES_MAX; pass++) {
        json_array_append_new(array, json_integer((json_int_t)counts[pass]));
    }
    return array;
}

char *totals_format(const struct totals *totals)
{
    json_t *root = json_pack("{s:I, s:I, s:o, s:o}", "sent", (json_int_t)totals->sent, "elapsed_ms",
                             (json_int_t)totals->elapsed_ms, "answers", encode_counts(totals->loss.answers), "limits",
                             encode_counts(totals->loss.limits));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return text;
}

static bool decode_counts(const json_t *array, uint64_t *ret_counts)
{
    if (json_array_size(array) != LOSS_PASSES_MAX) {
        return false;
    }
    for (size_t pass = 0; pass < LOSS_PASSES_MAX; pass++) {
        const json_t *value = json_array_get(array, pass);
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            return false;
        }
        ret_counts[pass] = (uint64_t)json_integer_value(value);
    }
    return true;
}

int totals_parse(const void *text, size_t size, struct totals *ret_totals)
{
    struct totals totals = {0};
    json_t *root;
    json_t *answers;
    json_t *limits;
    json_int_t sent;
    json_int_t elapsed_ms;
    bool right;

    if (size == 0) {
        *ret_totals = totals;
        return 0;
    }
    root = json_loadb(text, size, 0, NULL);
    right = root != NULL &&
            json_unpack(root, "{s:I, s:I, s:o, s:o}", "sent", &sent, "elapsed_ms", &elapsed_ms, "answers", &answers,
                        "limits", &limits) == 0 &&
            sent >= 0 && elapsed_ms >= 0 && decode_counts(answers, totals.loss.answers) &&
            decode_counts(limits, totals.loss.limits);
    if (right) {
        totals.sent = (uint64_t)sent;
        totals.elapsed_ms = (uint64_t)elapsed_ms;
        *ret_totals = totals;
    }
    json_decref(root);
    return right ? 0 : -EBADMSG;
}
