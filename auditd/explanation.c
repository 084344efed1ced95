#include "auditd/explanation.h"

#include "auditd/store/sql.h"

#include <string.h>

enum { EXPLANATION_HOSTS_MAX = 64 };

struct explanation_filter {
    const struct explanation *asked;
    struct explanation_walk *walk;
};

static int explanation_on_port(void *context, const struct survey_port *port)
{
    const struct explanation_filter *filter = context;
    bool is_udp = strcmp(filter->asked->proto, "udp") == 0;

    if (port->port.port != filter->asked->port || port->port.is_udp != is_udp) {
        return 0;
    }
    return filter->walk->fn(filter->walk->context, port);
}

static int explanation_hosts(struct store *store, const struct explanation *asked, int64_t *ret_hosts,
                             size_t *ret_count)
{
    char text[ADDR_TEXT_SIZE];
    const char *value = asked->is_address ? addr_format(&asked->address, text) : asked->name;
    sqlite3_stmt *row;
    int rc = store_query(store, &row,
                         "SELECT DISTINCT i.asset_id FROM asset_identity i JOIN realm r ON r.id = i.realm_id"
                         " WHERE i.kind = ?1 AND i.value = ?2 COLLATE NOCASE AND i.valid_to IS NULL"
                         " AND (?3 IS NULL OR r.name = ?3) ORDER BY i.asset_id",
                         "ttt", asked->is_address ? "address" : "name", value, asked->realm);

    *ret_count = 0;
    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        rc = 0;
        if (*ret_count < EXPLANATION_HOSTS_MAX) {
            ret_hosts[(*ret_count)++] = sqlite3_column_int64(row, 0);
        }
    }
    return rc;
}

int explanation_walk(struct store *store, const struct policy *policy, const struct explanation *asked,
                     struct explanation_walk *walk)
{
    struct explanation_filter filter = {asked, walk};
    struct survey_options options = survey_options_default();
    int64_t hosts[EXPLANATION_HOSTS_MAX];
    size_t count = 0;
    int rc = explanation_hosts(store, asked, hosts, &count);

    options.policy = policy;
    for (size_t i = 0; i < count && rc == 0; i++) {
        options.first_asset = hosts[i];
        options.last_asset = hosts[i];
        rc = survey_walk(store, &options, explanation_on_port, &filter);
    }
    walk->hosts = count;
    walk->asset = count > 0 ? hosts[0] : 0;
    if (rc == 0 && count > 0) {
        struct store_asset_label label;
        rc = store_asset_label(store, hosts[0], &label);
        memcpy(walk->realm, label.realm, sizeof(walk->realm));
    }
    return rc;
}

void explanation_suppose(const struct explanation *asked, const struct store_known *known,
                         enum vantage_class vantage_class, int64_t now_ms, struct exposure *ret_exposure)
{
    *ret_exposure = (struct exposure){
        .realm = asked->realm == NULL ? "default" : asked->realm,
        .names = &asked->name,
        .name_count = asked->name == NULL ? 0 : 1,
        .addresses = &asked->address,
        .address_count = asked->is_address ? 1 : 0,
        .proto = asked->proto,
        .port = asked->port,
        .vantage_class = vantage_class,
        .vantage = vantage_class_name(vantage_class),
        .now_ms = now_ms,
    };
    if (known != NULL) {
        ret_exposure->names = (const char *const *)known->names;
        ret_exposure->name_count = known->name_count;
        ret_exposure->addresses = known->addresses;
        ret_exposure->address_count = known->address_count;
        ret_exposure->tags = known->tags;
        ret_exposure->tag_count = known->tag_count;
    }
}
