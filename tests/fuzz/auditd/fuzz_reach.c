/* What the AWS CLI prints, as a model, and all that may be asked of it. An input is one document; to keep it short it
 * may have every list that is known at once. */
#include "auditd/cloud/aws.h"
#include "auditd/cloud/hosts.h"
#include "auditd/cloud/snapshot.h"
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
            assert(reach_prove(engine, &question, sources->items[0].first, row->cell.ports, &proof) == 0);
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

/* Taken apart for the store and put together again it is the same cloud, with the same hosts. */
static void check_snapshot(const struct aws *aws, const struct reach_model *model)
{
    json_t *snapshot = cloud_snapshot_of(aws);
    struct aws *again = aws_create();
    json_t *same;
    struct reach_model other;
    struct aws_fault fault;
    struct cloud_hosts hosts;
    char reason[INVENTORY_REASON_SIZE] = "";
    int rc;

    assert(snapshot != NULL && again != NULL);
    assert(cloud_snapshot_unpack(again, snapshot) == 0);
    same = cloud_snapshot_of(again);
    assert(json_equal(snapshot, same));
    assert(aws_model(again, &other, &fault) == 0);
    assert(other.enis.count == model->enis.count && other.groups.count == model->groups.count);
    assert(other.acls.count == model->acls.count && other.lists.count == model->lists.count);
    assert(memcmp(other.unread, model->unread, sizeof(other.unread)) == 0);
    rc = cloud_hosts_of(again, &hosts, reason);
    assert(rc == 0 || rc == -ENODATA || (rc == -EBADMSG && reason[0] != '\0'));
    cloud_hosts_done(&hosts);
    reach_model_done(&other);
    json_decref(same);
    json_decref(snapshot);
    aws_destroy(again);
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
        check_snapshot(aws, &model);
    }
    reach_model_done(&model);
    aws_destroy(aws);
    json_decref(root);
    return 0;
}
