#include "auditd/asked_log.h"

#include "auditd/access.h"
#include "auditd/protocol.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <string.h>

void asked_log(struct store *store, struct control_client *client, const char *asked, const char *error)
{
    static const char *const looks[] = {CONTROL_OP_STATUS,
                                        CONTROL_OP_SCHEDULE " " CONTROL_SCHEDULE_LIST,
                                        CONTROL_OP_INVENTORY " " CONTROL_INVENTORY_LIST,
                                        CONTROL_OP_ALERT " " CONTROL_ALERT_LIST,
                                        CONTROL_OP_ALERT " " CONTROL_ALERT_AMISS,
                                        CONTROL_OP_SCANNERS,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_CHECK,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_EXPLAIN,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_TEST,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_SUGGEST,
                                        CONTROL_OP_POLICY " " CONTROL_POLICY_DRY_RUN,
                                        CONTROL_OP_ACCESS,
                                        CONTROL_OP_IMPORT " " CONTROL_IMPORT_LINES};
    bool is_token = strncmp(asked, CONTROL_OP_TOKEN " ", sizeof(CONTROL_OP_TOKEN)) == 0;
    const struct access_options options = {
        .actor = control_client_actor(client), .address = control_client_address(client), .now_ms = wall_now_ms()};

    for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
        if (strcmp(looks[i], asked) == 0) {
            return;
        }
    }
    if (is_token && error == NULL) {
        return;
    }
    if (access_log(store, &options, asked, error != NULL, error == NULL ? "" : error) < 0) {
        log_error("the audit log cannot be written: %s asked for \"%s\": %s", options.actor, asked,
                  store_last_error(store)->text);
    }
}
