#include "auditd/finding/finding_name.h"

#include "auditd/store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A shorter beginning is likelier a slip than a name. */
enum { FINGERPRINT_LEAST = 8 };

static bool is_hexadecimal(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == '\0';
}

/* "10.0.0.5:22", "[fe80::1]:53/udp", "db-1.example:22" */
static int parse_port(const char *text, char *host, size_t size, bool *ret_is_udp, int64_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    const char *begin = text[0] == '[' ? text + 1 : text;
    const char *end = colon;
    struct addr address;
    char *rest;
    long port;

    if (colon == NULL || colon[1] < '0' || colon[1] > '9') {
        return -EINVAL;
    }
    port = strtol(colon + 1, &rest, 10);
    if (port > UINT16_MAX || (rest[0] != '\0' && strcmp(rest, "/tcp") != 0 && strcmp(rest, "/udp") != 0)) {
        return -EINVAL;
    }
    if (begin != text) {
        end = colon - 1;
        if (end < begin || *end != ']') {
            return -EINVAL;
        }
    }
    if (end == begin || (size_t)(end - begin) >= size) {
        return -EINVAL;
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    if (begin == text && strchr(host, ':') != NULL) {
        return -EINVAL;
    }
    if (addr_parse(host, &address) == 0 && size >= ADDR_TEXT_SIZE) {
        addr_format(&address, host);
    }
    *ret_is_udp = strcmp(rest, "/udp") == 0;
    *ret_port = port;
    return 0;
}

static int collect(struct store *store, sqlite3_stmt *row, int rc, int64_t *ids, size_t *ret_count)
{
    size_t count = 0;

    while (rc == 0 && (rc = store_step(store, row)) == 1) {
        ids[count++] = sqlite3_column_int64(row, 0);
        rc = 0;
        if (count == FINDING_NAME_MAX) {
            store_walked(row);
            break;
        }
    }
    *ret_count = count;
    return rc;
}

static int find_port(struct store *store, const struct finding_name *name, int64_t *ids, size_t *ret_count,
                     char *ret_reason)
{
    static const char of_host[] = "SELECT count(DISTINCT i.asset_id) FROM asset_identity i JOIN realm r"
                                  " ON r.id = i.realm_id WHERE i.kind IN ('address', 'name') AND i.value = ?1"
                                  " AND i.valid_to IS NULL AND (?2 IS NULL OR r.name = ?2)";
    char host[256];
    int64_t assets = 0;
    int64_t port = 0;
    bool is_udp = false;
    sqlite3_stmt *row = NULL;
    int rc = parse_port(name->text, host, sizeof(host), &is_udp, &port);

    if (rc < 0) {
        snprintf(ret_reason, FINDING_NAME_REASON_SIZE,
                 "\"%.120s\" is neither ADDRESS:PORT[/udp] nor a finding's uuid or fingerprint", name->text);
        return rc;
    }
    rc = store_query_int(store, &assets, of_host, "tt", host, name->realm);
    if (rc == 0 && assets > 1) {
        snprintf(ret_reason, FINDING_NAME_REASON_SIZE,
                 "%.120s is several hosts: say which realm it is in, or name the finding by its fingerprint", host);
        return -ENOTUNIQ;
    }
    if (rc == 0) {
        rc = store_query(store, &row,
                         "SELECT DISTINCT f.id FROM finding f JOIN asset_identity i ON i.asset_id = f.asset_id JOIN"
                         " realm r ON r.id = i.realm_id WHERE i.kind IN ('address', 'name') AND i.value = ?1 AND"
                         " i.valid_to IS NULL AND (?2 IS NULL OR r.name = ?2) AND f.port = ?3 AND f.proto = ?4"
                         " ORDER BY f.id LIMIT 64",
                         "ttit", host, name->realm, port, is_udp ? "udp" : "tcp");
    }
    rc = rc < 0 ? rc : collect(store, row, rc, ids, ret_count);
    if (rc == 0 && *ret_count == 0) {
        snprintf(ret_reason, FINDING_NAME_REASON_SIZE, "there is no finding at %.120s%s%.80s", name->text,
                 name->realm == NULL ? "" : " in the realm ", name->realm == NULL ? "" : name->realm);
        return -ENOENT;
    }
    return rc;
}

int finding_name_find(struct store *store, const struct finding_name *name, int64_t ids[FINDING_NAME_MAX],
                      size_t *ret_count, char ret_reason[FINDING_NAME_REASON_SIZE])
{
    size_t length = strlen(name->text);
    bool is_fingerprint = length >= FINGERPRINT_LEAST && length < STORE_FINGERPRINT_SIZE && is_hexadecimal(name->text);
    bool is_uuid = length == STORE_UUID_SIZE - 1 && strspn(name->text, "0123456789abcdef-") == length;
    sqlite3_stmt *row = NULL;
    int rc;

    if (!is_fingerprint && !is_uuid) {
        return find_port(store, name, ids, ret_count, ret_reason);
    }
    rc = is_uuid ? store_query(store, &row, "SELECT id FROM finding WHERE uuid = ?", "t", name->text)
                 : store_query(store, &row,
                               "SELECT id FROM finding WHERE fingerprint >= ?1 AND fingerprint < ?1 || 'g' LIMIT 2",
                               "t", name->text);
    rc = rc < 0 ? rc : collect(store, row, rc, ids, ret_count);
    if (rc == 0 && *ret_count == 0) {
        snprintf(ret_reason, FINDING_NAME_REASON_SIZE, "there is no finding %.80s", name->text);
        return -ENOENT;
    }
    if (rc == 0 && *ret_count > 1) {
        snprintf(ret_reason, FINDING_NAME_REASON_SIZE, "several fingerprints begin with %.80s: give more of it",
                 name->text);
        return -ENOTUNIQ;
    }
    return rc;
}
