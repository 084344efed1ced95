#include "lib/service.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names are IANA's registrations; where IANA has none, the name that the software goes by. */
static const struct service service_table[] = {
    {7, "udp", "echo", "answers whatever it is sent, for ever"},
    {17, "udp", "qotd", "an amplifier that nobody needs"},
    {19, "udp", "chargen", "an amplifier that nobody needs"},
    {20, "tcp", "ftp-data", "where active FTP transfers come from"},
    {21, "tcp", "ftp", "credentials and files in clear"},
    {22, "tcp", "ssh", "remote shell, guessed at all day"},
    {23, "tcp", "telnet", "remote shell in clear"},
    {25, "tcp", "smtp", "mail relay, open relays are abused"},
    {49, "tcp", "tacacs", "logins to network devices"},
    {53, "tcp", "domain", "zone transfers, cache contents"},
    {53, "udp", "domain", "open resolvers amplify attacks"},
    {67, "udp", "bootps", "hands out addresses and boot files"},
    {69, "udp", "tftp", "files without a login"},
    {79, "tcp", "finger", "tells who is logged in"},
    {80, "tcp", "http", "web pages in clear"},
    {88, "tcp", "kerberos", "a domain controller shows itself"},
    {88, "udp", "kerberos", "a domain controller shows itself"},
    {102, "tcp", "iso-tsap", "Siemens controllers take orders unasked"},
    {110, "tcp", "pop3", "mailboxes, passwords in clear"},
    {111, "tcp", "sunrpc", "lists every RPC service of the host"},
    {111, "udp", "sunrpc", "lists every RPC service, an amplifier"},
    {123, "udp", "ntp", "old servers amplify attacks"},
    {135, "tcp", "epmap", "Windows RPC's directory"},
    {137, "udp", "netbios-ns", "Windows names and an amplifier"},
    {138, "udp", "netbios-dgm", "Windows names and announcements"},
    {139, "tcp", "netbios-ssn", "file shares of old Windows"},
    {143, "tcp", "imap", "mailboxes, passwords in clear"},
    {161, "udp", "snmp", "devices read and written with a known word"},
    {177, "udp", "xdmcp", "remote desktops in clear"},
    {179, "tcp", "bgp", "routers' sessions"},
    {389, "tcp", "ldap", "the directory of people and machines"},
    {389, "udp", "ldap", "a domain controller's answer, an amplifier"},
    {427, "tcp", "svrloc", "the way into hypervisors left unpatched"},
    {427, "udp", "svrloc", "an amplifier without a limit"},
    {443, "tcp", "https", "web pages and APIs"},
    {443, "udp", "https", "web pages and APIs by QUIC"},
    {445, "tcp", "microsoft-ds", "file shares, worms travel by it"},
    {464, "tcp", "kpasswd", "password changes of a domain"},
    {464, "udp", "kpasswd", "password changes of a domain"},
    {465, "tcp", "submissions", "mail submission under TLS"},
    {500, "udp", "isakmp", "a VPN gateway shows itself"},
    {502, "tcp", "mbap", "Modbus: machines obey without a login"},
    {512, "tcp", "exec", "remote commands, no encryption"},
    {513, "tcp", "login", "remote login that trusts addresses"},
    {514, "tcp", "shell", "remote shell that trusts addresses"},
    {514, "udp", "syslog", "takes log lines from anybody"},
    {515, "tcp", "printer", "print queues"},
    {520, "udp", "router", "takes routes from anybody"},
    {548, "tcp", "afpovertcp", "Apple file shares"},
    {554, "tcp", "rtsp", "cameras"},
    {587, "tcp", "submission", "mail submission, logins guessed"},
    {593, "tcp", "http-rpc-epmap", "Windows RPC by way of HTTP"},
    {623, "tcp", "oob-ws-http", "management controllers of servers"},
    {623, "udp", "asf-rmcp", "IPMI gives its password hashes away"},
    {631, "tcp", "ipp", "printers and their queues"},
    {631, "udp", "ipp", "printers announce themselves"},
    {636, "tcp", "ldaps", "the directory under TLS"},
    {853, "tcp", "domain-s", "DNS under TLS"},
    {873, "tcp", "rsync", "whole trees of files without a login"},
    {902, "tcp", "ideafarm-door", "VMware's host agent"},
    {990, "tcp", "ftps", "FTP under TLS"},
    {992, "tcp", "telnets", "Telnet under TLS, still a shell"},
    {993, "tcp", "imaps", "mailboxes under TLS"},
    {995, "tcp", "pop3s", "mailboxes under TLS"},
    {1080, "tcp", "socks", "an open proxy into the network"},
    {1099, "tcp", "rmiregistry", "Java objects, code run from afar"},
    {1194, "tcp", "openvpn", "the VPN's door"},
    {1194, "udp", "openvpn", "a VPN gateway shows itself"},
    {1433, "tcp", "ms-sql-s", "SQL Server"},
    {1434, "udp", "ms-sql-m", "tells SQL Server's instances, an amplifier"},
    {1521, "tcp", "ncube-lm", "Oracle's listener lives here"},
    {1604, "udp", "icabrowser", "lists published desktops"},
    {1701, "udp", "l2f", "L2TP tunnels without IPsec"},
    {1723, "tcp", "pptp", "a VPN whose cryptography is broken"},
    {1812, "udp", "radius", "logins of a whole network"},
    {1883, "tcp", "mqtt", "devices' messages in clear"},
    {1900, "udp", "ssdp", "devices describe themselves, an amplifier"},
    {2000, "tcp", "cisco-sccp", "telephony, bandwidth tests of routers"},
    {2049, "tcp", "nfs", "file systems exported by address"},
    {2049, "udp", "nfs", "file systems shared by address"},
    {2082, "tcp", "infowave", "cPanel in clear"},
    {2083, "tcp", "radsec", "cPanel under TLS, RADIUS under TLS"},
    {2181, "tcp", "eforward", "ZooKeeper, no login by default"},
    {2222, "tcp", "ethernet-ip-1", "SSH moved aside"},
    {2375, "tcp", "docker", "Docker without TLS: root for whoever asks"},
    {2376, "tcp", "docker-s", "Docker's API under TLS"},
    {2377, "tcp", "swarm", "Docker Swarm's managers"},
    {2379, "tcp", "etcd-client", "a cluster's secrets"},
    {2380, "tcp", "etcd-server", "etcd members among themselves"},
    {2483, "tcp", "ttc", "Oracle in clear"},
    {2484, "tcp", "ttc-ssl", "Oracle under TLS"},
    {3000, "tcp", "hbci", "Grafana and development servers"},
    {3128, "tcp", "ndl-aas", "Squid: an open proxy"},
    {3260, "tcp", "iscsi-target", "raw disks over the network"},
    {3268, "tcp", "msft-gc", "the forest's global catalogue"},
    {3269, "tcp", "msft-gc-ssl", "the global catalogue under TLS"},
    {3283, "udp", "net-assistant", "remote management of Macs, an amplifier"},
    {3306, "tcp", "mysql", "MySQL, MariaDB, Aurora"},
    {3307, "tcp", "opsession-prxy", "a second MySQL"},
    {3389, "tcp", "ms-wbt-server", "remote desktop, ransomware's front door"},
    {3389, "udp", "ms-wbt-server", "remote desktops by UDP"},
    {3478, "udp", "stun", "relays traffic where TURN is open"},
    {3690, "tcp", "svn", "source code"},
    {3702, "udp", "ws-discovery", "devices describe themselves, an amplifier"},
    {4040, "tcp", "yo-main", "Spark jobs' page"},
    {4369, "tcp", "epmd", "Erlang's directory: RabbitMQ, CouchDB clusters"},
    {4443, "tcp", "pharos", "a second HTTPS, often administration"},
    {4444, "tcp", "krb524", "Selenium grids, and a favourite of intruders"},
    {4500, "udp", "ipsec-nat-t", "a VPN gateway shows itself"},
    {4505, "tcp", "salt-publish", "Salt's orders to its minions"},
    {4506, "tcp", "salt-request", "Salt's master takes requests"},
    {4646, "tcp", "dots-signal", "Nomad: jobs run for whoever asks"},
    {4789, "udp", "vxlan", "packets into an overlay network"},
    {4848, "tcp", "appserv-http", "GlassFish's administration"},
    {4899, "tcp", "radmin-port", "remote control of a desktop"},
    {5000, "tcp", "commplex-main", "container registries, development servers"},
    {5001, "tcp", "commplex-link", "the same under TLS, NAS administration"},
    {5005, "tcp", "avt-profile-2", "Java's debugger: code run from afar"},
    {5044, "tcp", "lxi-evntsvc", "Logstash takes logs"},
    {5060, "tcp", "sip", "telephony, toll fraud"},
    {5060, "udp", "sip", "telephony, calls at others' cost"},
    {5061, "tcp", "sips", "telephony under TLS"},
    {5222, "tcp", "xmpp-client", "chat"},
    {5351, "udp", "nat-pmp", "opens ports of a router"},
    {5353, "udp", "mdns", "a host lists its services"},
    {5355, "udp", "llmnr", "names that anybody may answer for"},
    {5432, "tcp", "postgresql", "PostgreSQL, Aurora"},
    {5433, "tcp", "pyrrho", "a second PostgreSQL, Vertica"},
    {5555, "tcp", "personal-agent", "Android's debug bridge: a shell"},
    {5601, "tcp", "esmagent", "Kibana, often without a login"},
    {5671, "tcp", "amqps", "RabbitMQ under TLS"},
    {5672, "tcp", "amqp", "RabbitMQ, credentials in clear"},
    {5683, "udp", "coap", "small devices without a login, an amplifier"},
    {5900, "tcp", "rfb", "VNC: a screen, weak passwords"},
    {5901, "tcp", "vnc-1", "VNC's second screen"},
    {5984, "tcp", "couchdb", "CouchDB, once open to all"},
    {5985, "tcp", "wsman", "WinRM: commands in clear"},
    {5986, "tcp", "wsmans", "WinRM under TLS"},
    {6000, "tcp", "x11", "a screen and its keyboard"},
    {6081, "udp", "geneve", "packets into an overlay network"},
    {6379, "tcp", "redis", "Redis, often without a password"},
    {6432, "tcp", "pgbouncer", "PostgreSQL behind a pool"},
    {6443, "tcp", "sun-sr-https", "the Kubernetes API"},
    {7000, "tcp", "afs3-fileserver", "Cassandra among its nodes"},
    {7001, "tcp", "afs3-callback", "WebLogic, Cassandra under TLS"},
    {7077, "tcp", "spark-master", "Spark runs what it is sent"},
    {7199, "tcp", "cassandra-jmx", "Cassandra's management"},
    {7474, "tcp", "neo4j", "a graph database's page"},
    {7687, "tcp", "bolt", "Neo4j queries"},
    {8000, "tcp", "irdmi", "development servers, back ends"},
    {8005, "tcp", "mxi", "Tomcat's shutdown port"},
    {8008, "tcp", "http-alt", "a second web server"},
    {8009, "tcp", "nvme-disc", "Tomcat's AJP, files read from afar"},
    {8020, "tcp", "intu-ec-svcdisc", "Hadoop's name node"},
    {8080, "tcp", "http-alt", "a back end behind a proxy, or not behind it"},
    {8081, "tcp", "sunproxyadmin", "a back end, an artefact store"},
    {8086, "tcp", "d-s-n", "InfluxDB"},
    {8088, "tcp", "radan-http", "Hadoop runs what it is sent"},
    {8089, "tcp", "splunkd", "Splunk's management"},
    {8090, "tcp", "opsmessaging", "a back end, Confluence"},
    {8123, "tcp", "clickhouse", "ClickHouse queries by HTTP"},
    {8140, "tcp", "puppet", "hands out configuration and secrets"},
    {8161, "tcp", "patrol-snmp", "ActiveMQ's console"},
    {8200, "tcp", "trivnet1", "Vault: the secrets themselves"},
    {8443, "tcp", "pcsync-https", "a second HTTPS, often administration"},
    {8443, "udp", "pcsync-https", "web pages and APIs by QUIC"},
    {8500, "tcp", "fmtp", "Consul: services and their keys"},
    {8888, "tcp", "ddi-tcp-1", "notebooks that run code"},
    {8983, "tcp", "solr", "Solr, no login by default"},
    {9000, "tcp", "cslistener", "PHP-FPM, object stores, Portainer"},
    {9042, "tcp", "cassandra", "Cassandra queries"},
    {9090, "tcp", "websm", "Prometheus, Cockpit"},
    {9092, "tcp", "xmlipcregsvc", "Kafka, usually plaintext"},
    {9093, "tcp", "copycat", "Kafka under TLS, Alertmanager"},
    {9094, "tcp", "kafka-tls", "Kafka under TLS as clouds run it"},
    {9096, "tcp", "kafka-sasl", "Kafka with a login as clouds run it"},
    {9098, "tcp", "kafka-iam", "Kafka with the cloud's own login"},
    {9100, "tcp", "hp-pdl-datastr", "raw printing, node exporters"},
    {9200, "tcp", "wap-wsp", "Elasticsearch by HTTP"},
    {9229, "tcp", "node-inspect", "Node's debugger: code run from afar"},
    {9300, "tcp", "vrace", "Elasticsearch among its nodes"},
    {9418, "tcp", "git", "source code without a login"},
    {9443, "tcp", "tungsten-https", "consoles under TLS"},
    {10000, "tcp", "ndmp", "Webmin, backups"},
    {10001, "udp", "scp-config", "devices describe themselves, an amplifier"},
    {10050, "tcp", "zabbix-agent", "a monitoring agent that can run commands"},
    {10250, "tcp", "kubelet", "commands in every pod of a node"},
    {10255, "tcp", "kubelet-ro", "every pod's description, no login"},
    {11211, "tcp", "memcache", "a cache without a login"},
    {11211, "udp", "memcache", "the strongest amplifier there is"},
    {15672, "tcp", "rabbitmq-mgmt", "RabbitMQ's console, guest/guest"},
    {27017, "tcp", "mongodb", "MongoDB, once open to all"},
    {27018, "tcp", "mongodb-shard", "MongoDB's shards"},
    {33060, "tcp", "mysqlx", "MySQL's newer protocol"},
    {47808, "udp", "bacnet", "building controls obey without a login"},
    {50000, "tcp", "db2c", "Db2, Jenkins agents"},
    {51820, "udp", "wireguard", "a VPN gateway, where it answers at all"},
    {61616, "tcp", "activemq", "ActiveMQ, code run from afar"},
};

enum { SERVICE_TABLE_COUNT = sizeof(service_table) / sizeof(*service_table) };

struct services_entry {
    char *name; /* the first of a port is its name, the others are aliases */
    uint16_t port;
    uint8_t is_udp;
    uint32_t order;
};

struct services {
    struct services_entry *entries; /* by protocol, port, order */
    size_t count;
    size_t room;
};

const struct service *service_common(size_t *ret_count)
{
    *ret_count = SERVICE_TABLE_COUNT;
    return service_table;
}

void service_common_ports(const char *proto, struct portset *set)
{
    for (size_t i = 0; i < SERVICE_TABLE_COUNT; i++) {
        if (strcmp(service_table[i].proto, proto) == 0) {
            portset_add(set, service_table[i].port);
        }
    }
}

static int services_add(struct services *services, const char *name, uint16_t port, uint8_t is_udp)
{
    struct services_entry *entry;

    if (services->count == services->room) {
        size_t room = services->room == 0 ? 512 : services->room * 2;
        struct services_entry *entries = realloc(services->entries, room * sizeof(*entries));
        if (entries == NULL) {
            return -ENOMEM;
        }
        services->entries = entries;
        services->room = room;
    }
    entry = &services->entries[services->count];
    entry->name = strdup(name);
    if (entry->name == NULL) {
        return -ENOMEM;
    }
    entry->port = port;
    entry->is_udp = is_udp;
    entry->order = (uint32_t)services->count;
    services->count++;
    return 0;
}

static int services_compare(const void *left, const void *right)
{
    const struct services_entry *a = left;
    const struct services_entry *b = right;

    if (a->is_udp != b->is_udp) {
        return a->is_udp - b->is_udp;
    }
    if (a->port != b->port) {
        return a->port < b->port ? -1 : 1;
    }
    return (a->order > b->order) - (a->order < b->order);
}

/* One row of the system's database with its aliases. */
static int services_add_entry(struct services *services, const struct servent *row)
{
    bool is_udp = strcmp(row->s_proto, "udp") == 0;
    uint16_t port = ntohs((uint16_t)row->s_port);
    int rc;

    if (!is_udp && strcmp(row->s_proto, "tcp") != 0) {
        return 0;
    }
    rc = services_add(services, row->s_name, port, is_udp);
    for (char **alias = row->s_aliases; rc == 0 && *alias != NULL; alias++) {
        rc = services_add(services, *alias, port, is_udp);
    }
    return rc;
}

struct services *services_create(void)
{
    struct services *services = calloc(1, sizeof(*services));
    struct servent row;
    struct servent *found;
    char buffer[4096];
    int rc = 0;

    if (services == NULL) {
        return NULL;
    }
    setservent(0);
    while (rc == 0 && getservent_r(&row, buffer, sizeof(buffer), &found) == 0 && found != NULL) {
        rc = services_add_entry(services, &row);
    }
    endservent();
    if (rc < 0) {
        services_destroy(services);
        return NULL;
    }
    if (services->count > 0) {
        qsort(services->entries, services->count, sizeof(*services->entries), services_compare);
    }
    return services;
}

void services_destroy(struct services *services)
{
    if (services == NULL) {
        return;
    }
    for (size_t i = 0; i < services->count; i++) {
        free(services->entries[i].name);
    }
    free(services->entries);
    free(services);
}

const char *services_name(const struct services *services, uint16_t port, const char *proto)
{
    bool is_udp = strcmp(proto, "udp") == 0;
    size_t low = 0;
    size_t high;

    for (size_t i = 0; i < SERVICE_TABLE_COUNT && service_table[i].port <= port; i++) {
        if (service_table[i].port == port && strcmp(service_table[i].proto, proto) == 0) {
            return service_table[i].name;
        }
    }
    if (services == NULL) {
        return NULL;
    }
    high = services->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct services_entry *entry = &services->entries[middle];
        if (entry->is_udp < is_udp || (entry->is_udp == is_udp && entry->port < port)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < services->count && services->entries[low].port == port && services->entries[low].is_udp == is_udp) {
        return services->entries[low].name;
    }
    return NULL;
}

int services_port(const struct services *services, const char *name, const char *proto, uint16_t *ret_port)
{
    bool is_udp = strcmp(proto, "udp") == 0;

    /* The system first: 8008 and 8080 are both http-alt, and the one that users mean is in its database. */
    for (size_t i = 0; services != NULL && i < services->count; i++) {
        const struct services_entry *entry = &services->entries[i];
        if (entry->is_udp == is_udp && strcasecmp(entry->name, name) == 0) {
            *ret_port = entry->port;
            return 0;
        }
    }
    for (size_t i = SERVICE_TABLE_COUNT; i-- > 0;) {
        if (strcasecmp(service_table[i].name, name) == 0 && strcmp(service_table[i].proto, proto) == 0) {
            *ret_port = service_table[i].port;
            return 0;
        }
    }
    return -ENOENT;
}
