#include "auditd/cloud_open.h"

#include "auditd/cloud/folder.h"
#include "lib/log.h"

#include <errno.h>

void cloud_close(struct cloud *cloud)
{
    reach_engine_destroy(cloud->engine);
    reach_model_done(&cloud->model);
    aws_destroy(cloud->aws);
    *cloud = (struct cloud){0};
}

int cloud_open(const struct cloud_source *source, struct cloud *cloud)
{
    struct aws_fault fault = {""};
    int rc;

    *cloud = (struct cloud){.aws = aws_create()};
    rc = cloud->aws == NULL ? -ENOMEM : 0;
    rc = rc == 0 && source->what_if != NULL ? cloud_file_take(cloud->aws, source->what_if) : rc;
    if (rc == 0) {
        rc = source->folder != NULL ? cloud_folder_take(cloud->aws, source->folder)
                                    : cloud_stored_load(&source->stored, cloud->aws);
    }
    if (rc < 0) {
        return rc;
    }
    rc = aws_model(cloud->aws, &cloud->model, &fault);
    cloud->engine = rc == 0 ? reach_engine_create(&cloud->model) : NULL;
    if (fault.text[0] != '\0') {
        log_error("%s", fault.text);
    } else if (cloud->engine == NULL) {
        rc = -ENOMEM;
        log_error("out of memory");
    }
    return rc;
}

/* What balancers bring has no row where their parts are missing: that must not pass for BLOCKED. */
static void say_missing_parts(const struct reach_model *model)
{
    for (size_t i = 0; i < model->balancers.count; i++) {
        const struct reach_balancer *balancer = &model->balancers.items[i];
        if (balancer->listeners.count == 0) {
            log_warning("no listener of the balancer %s was read: what it brings to whom is UNKNOWN", balancer->id);
        } else if (balancer->nodes.count == 0) {
            log_warning("no interface of the balancer %s was read: who reaches it is UNKNOWN", balancer->id);
        }
    }
    for (size_t i = 0; i < model->targets.count; i++) {
        if (!model->targets.items[i].is_read) {
            log_warning("the targets of %s were not read (target-health.NAME.json): what is brought to them is UNKNOWN",
                        model->targets.items[i].id);
        }
    }
}

void cloud_say_missing(const struct cloud *cloud)
{
    const char *command;
    struct aws_gap gap;

    for (size_t i = 0; (command = aws_missing(cloud->aws, i)) != NULL; i++) {
        log_warning("the answer of `aws %s` is missing or cut short: what it hides is UNKNOWN", command);
    }
    for (size_t i = 0; aws_gap(cloud->aws, i, &gap); i++) {
        log_warning("account %s, region %s: %s was not read%s%s (%s)", gap.account, gap.region, gap.action,
                    gap.of[0] == '\0' ? "" : " of ", gap.of, gap.reason);
    }
    say_missing_parts(&cloud->model);
}
