/* The protocols' rows, one of each file of this folder. */
#ifndef LEASTPORT_SCANNER_SERVICE_PROTOCOL_ALL_H
#define LEASTPORT_SCANNER_SERVICE_PROTOCOL_ALL_H

#include "scanner/service/protocol.h"

/* Whose servers speak first, in lines of text. */
extern const struct protocol protocol_ssh;
extern const struct protocol protocol_rsync;
extern const struct protocol protocol_vnc;
extern const struct protocol protocol_imap;
extern const struct protocol protocol_pop3;
extern const struct protocol protocol_smtp;
extern const struct protocol protocol_ftp;
extern const struct protocol protocol_telnet;

/* Whose questions and answers are binary. */
extern const struct protocol protocol_rdp;
extern const struct protocol protocol_smb;
extern const struct protocol protocol_mysql;
extern const struct protocol protocol_x11;
extern const struct protocol protocol_cassandra;
extern const struct protocol protocol_oracle;
extern const struct protocol protocol_mssql;
extern const struct protocol protocol_mongodb;
extern const struct protocol protocol_amqp;
extern const struct protocol protocol_kafka;
extern const struct protocol protocol_portmap;
extern const struct protocol protocol_nfs;
extern const struct protocol protocol_dns;
extern const struct protocol protocol_ldap;
extern const struct protocol protocol_postgresql;
extern const struct protocol protocol_mqtt;

/* What stands on HTTP. */
extern const struct protocol protocol_http;

/* Others that speak in text. */
extern const struct protocol protocol_redis;
extern const struct protocol protocol_memcached;
extern const struct protocol protocol_zookeeper;

#endif
