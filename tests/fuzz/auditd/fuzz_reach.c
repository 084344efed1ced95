/* What the AWS CLI prints, as a model, and all that may be asked of it. An input is one document; to keep it short it
 * may have every list that is known at once. */
#include "auditd/cloud/aws.h"
#include "auditd/reach/proof.h"
#include "auditd/reach/surface.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So many that an input's time stays bounded. */
enum { REACH_FUZZ_ENIS = 8 };

static void check_rows(struct reach_engine *engine, const struct reach_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct reach_row *row = &rows->items[i];
        const struct span_set *sources = &row->cell.sources[row->cell.verdict];
        struct reach_question question = {
            .eni = row->eni, .address = row->address, .proto = row->proto, .ports = row->cell.ports};
        struct reach_proof proof;
        assert(row->cell.verdict != REACH_BLOCKED);
        assert(row->cell.ports.first <= row->cell.ports.last);
        if (sources->count > 0 && row->balancer == REACH_NONE) {
            assert(reach_prove(engine, &question, sources->items[0].first, row->cell.ports.first, &proof) == 0);
            assert(proof.verdict == row->cell.verdict);
            assert(proof.count > 0);
        }
    }
}

static void check_model(const struct reach_model *model)
{
    struct reach_engine *engine = reach_engine_create(model);
    struct reach_surface *surface;

    assert(engine != NULL);
    if (model->enis.count <= REACH_FUZZ_ENIS && model->balancers.count <= REACH_FUZZ_ENIS) {
        assert(reach_surface_create(engine, &surface) == 0);
        for (uint32_t i = 0; i < model->enis.count; i++) {
            check_rows(engine, reach_surface_direct(surface, i));
        }
        for (uint32_t i = 0; i < model->balancers.count; i++) {
            check_rows(engine, reach_surface_through(surface, i));
        }
        reach_surface_destroy(surface);
    }
    reach_engine_destroy(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct aws *aws = aws_create();
    struct aws_fault fault;
    struct reach_model model = {0};
    int rc;

    assert(aws != NULL);
    rc = root == NULL ? -ENOENT : aws_take(aws, "prefix-list-entries.pl-1.json", root);
    if (rc == 0) {
        rc = aws_model(aws, &model, &fault);
        assert(rc == 0 || (rc == -EBADMSG && fault.text[0] != '\0'));
    }
    if (rc == 0) {
        check_model(&model);
    }
    reach_model_done(&model);
    aws_destroy(aws);
    json_decref(root);
    return 0;
}
