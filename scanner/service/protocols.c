#include "scanner/service/protocol.h"
#include "scanner/service/protocol/all.h"

#include <stdlib.h>
#include <string.h>

static const struct protocol *const table[] = {
    /* Whose servers speak first, in lines of text. */
    &protocol_ssh,
    &protocol_rsync,
    &protocol_vnc,
    &protocol_imap,
    &protocol_pop3,
    &protocol_smtp,
    &protocol_ftp,
    /* Whose questions and answers are binary. */
    &protocol_rdp,
    &protocol_smb,
    &protocol_mysql,
    &protocol_x11,
    &protocol_cassandra,
    &protocol_oracle,
    &protocol_mssql,
    &protocol_mongodb,
    &protocol_amqp,
    &protocol_kafka,
    &protocol_portmap,
    &protocol_nfs,
    &protocol_dns,
    &protocol_ldap,
    &protocol_postgresql,
    &protocol_mqtt,
    /* What stands on HTTP. */
    &protocol_http,
    /* Others that speak in text. */
    &protocol_redis,
    &protocol_memcached,
    &protocol_zookeeper,
    /* A prompt in plain text is anybody's who is not one of those before. */
    &protocol_telnet,
};

const struct protocol *const *protocols(size_t *ret_count)
{
    *ret_count = sizeof(table) / sizeof(*table);
    return table;
}

const struct protocol *protocol_find(const char *name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (strcmp(table[i]->name, name) == 0) {
            return table[i];
        }
    }
    return NULL;
}

bool protocol_is_likely(const struct protocol *protocol, uint16_t port, bool secured)
{
    const char *ports = secured ? protocol->tls_ports : protocol->ports;

    while (*ports != '\0') {
        char *end;
        if (strtoul(ports, &end, 10) == port) {
            return true;
        }
        ports = *end == ',' ? end + 1 : end;
    }
    return false;
}

const struct protocol *protocol_recognise(struct span bytes, bool *ret_maybe)
{
    *ret_maybe = false;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        enum protocol_match match = table[i]->recognise(bytes);
        if (match == PROTOCOL_YES) {
            return table[i];
        }
        *ret_maybe |= match == PROTOCOL_MAYBE;
    }
    return NULL;
}
