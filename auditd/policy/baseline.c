#include "auditd/policy/baseline.h"

#include <string.h>

enum {
    FROM_SELF = 1 << VANTAGE_SELF,
    FROM_OWN_VPC = 1 << VANTAGE_OWN_VPC,
    FROM_VPN = 1 << VANTAGE_VPN,
    FROM_PEER = 1 << VANTAGE_PEER,
    FROM_PUBLIC_RANGE = 1 << VANTAGE_PUBLIC_RANGE,
    FROM_WORLD = 1 << VANTAGE_WORLD,
    TO_WORLD = FROM_WORLD,
    PUBLICLY = FROM_PUBLIC_RANGE | FROM_WORLD,
    BUT_BY_VPN = FROM_OWN_VPC | FROM_PEER | PUBLICLY,
    /* Only one group of hosts needs it. Which group a vantage belongs to is not known, so a rule has to say it. */
    BUT_SELF = FROM_OWN_VPC | FROM_VPN | FROM_PEER | PUBLICLY,
    ANYONE = FROM_SELF | BUT_SELF,
};

#define APPLICATION_ONLY "only the application's own group may reach it"
#define DATABASE_WHY                                                                                                   \
    "A database is reached by its application and by nobody else; whoever else gets through can guess passwords, "     \
    "use known flaws and read the data."
#define DATABASE_FIX                                                                                                   \
    "Let the inbound rule name the application's group as its only source: never 0.0.0.0/0, and no other inbound "     \
    "rule. On the host itself, bind it to a private address."
#define CACHE_WHY                                                                                                      \
    "A cache trusts whoever reaches it: often without a password, always with the sessions and data it holds."

/* Baseline 1: the team's table of what must never be open, and the cloud defaults under it. */
static const struct baseline_row BASELINE_1[] = {
    {"ssh",
     "ssh",
     "SSH",
     "tcp",
     {22},
     TO_WORLD,
     false,
     false,
     BASELINE_SEEN,
     30,
     "an office range at most, never the world",
     "SSH that the world can reach is tried with passwords and stolen keys around the clock.",
     "Use Session Manager: it needs no inbound port, the agent calls out on 443, and access is logged and enforces "
     "MFA. "
     "Failing that, allow one office range. A moved port only quiets automated scans."},
    {"telnet",
     "telnet",
     "Telnet",
     "tcp",
     {23},
     ANYONE,
     true,
     false,
     BASELINE_SEEN,
     40,
     "nobody may reach it",
     "Telnet sends passwords and everything typed in plaintext; who can listen on the way owns the host.",
     "Switch the Telnet server off. Use SSH or Session Manager."},
    {"ftp",
     "ftp",
     "FTP",
     "tcp",
     {21},
     PUBLICLY,
     false,
     false,
     BASELINE_SEEN,
     30,
     "never public",
     "FTP sends its credentials in plaintext.",
     "Use SFTP, which runs over SSH on 22, and close 21 and its passive range."},
    {"rdp",
     "rdp",
     "RDP",
     "tcp",
     {3389},
     BUT_BY_VPN,
     false,
     false,
     BASELINE_SEEN,
     40,
     "only through a VPN",
     "Remote Desktop is ransomware's front door.",
     "Close 3389 and reach the host through a VPN, or through Session Manager's port forwarding."},
    {"mysql",
     "mysql",
     "MySQL",
     "tcp",
     {3306},
     BUT_SELF,
     false,
     true,
     BASELINE_SEEN,
     40,
     APPLICATION_ONLY,
     DATABASE_WHY,
     DATABASE_FIX},
    {"postgresql",
     "postgresql",
     "PostgreSQL",
     "tcp",
     {5432},
     BUT_SELF,
     false,
     true,
     BASELINE_SEEN,
     40,
     APPLICATION_ONLY,
     DATABASE_WHY,
     DATABASE_FIX},
    {"oracle",
     "oracle",
     "Oracle Database",
     "tcp",
     {1521},
     BUT_SELF,
     false,
     true,
     BASELINE_SEEN,
     40,
     APPLICATION_ONLY,
     DATABASE_WHY,
     DATABASE_FIX},
    {"mssql",
     "mssql",
     "SQL Server",
     "tcp",
     {1433},
     BUT_SELF,
     false,
     true,
     BASELINE_SEEN,
     40,
     APPLICATION_ONLY,
     DATABASE_WHY,
     DATABASE_FIX},
    {"redis",
     "redis",
     "Redis",
     "tcp",
     {6379},
     BUT_SELF,
     false,
     true,
     BASELINE_PORT_ONLY,
     40,
     APPLICATION_ONLY,
     CACHE_WHY " One that answers without a password hands over its host, too.",
     "Allow only the application's group, set a password (requirepass or ACL users) and bind it to a private address."},
    {"memcached",
     "memcached",
     "Memcached",
     "tcp",
     {11211},
     BUT_SELF,
     false,
     true,
     BASELINE_PORT_ONLY,
     40,
     APPLICATION_ONLY,
     CACHE_WHY,
     "Allow only the application's group and bind it to a private address."},
    {"memcached-udp",
     "memcached",
     "Memcached over UDP",
     "udp",
     {11211},
     BUT_SELF,
     false,
     true,
     BASELINE_PORT_ONLY,
     40,
     APPLICATION_ONLY,
     CACHE_WHY " Over UDP it also amplifies attacks on others many thousandfold.",
     "Switch UDP off (-U 0); allow only the application's group."},
    {"kafka",
     "kafka",
     "Kafka",
     "tcp",
     {9092, 9094, 9096, 9098},
     BUT_SELF,
     false,
     false,
     BASELINE_PORT_ONLY,
     30,
     "only its producers and consumers may reach it",
     "Who reaches a broker can read and write the topics; 9092 is usually plaintext and asks nobody's name.",
     "Allow only the producers' and consumers' groups, on every broker of the cluster, and let listeners speak TLS or "
     "SASL."},
    {"http",
     "http",
     "HTTP in clear",
     "tcp",
     {80},
     BUT_SELF,
     false,
     false,
     BASELINE_PORT_ONLY,
     10,
     "only to redirect to 443",
     "What is served over plain HTTP can be read and changed on the way.",
     "Redirect to 443 with 301 or 308 and serve nothing else here, or close the port."},
    {"backend",
     "http-alt",
     "an application back end",
     "tcp",
     {8080, 8090},
     BUT_SELF,
     false,
     false,
     BASELINE_PORT_ONLY,
     10,
     "only its proxy may reach it",
     "Reached around its proxy, a back end is without the proxy's TLS, login and filters.",
     "Allow only the proxy's group as a source, or bind it to loopback when the proxy runs on the same host."},
    {"docker",
     "docker",
     "the Docker API",
     "tcp",
     {2375, 2376},
     BUT_SELF,
     false,
     false,
     BASELINE_PORT_ONLY,
     40,
     "only the host itself may reach it",
     "The Docker API is root on its host; 2375 asks for no credentials at all.",
     "Use the UNIX socket, or SSH (DOCKER_HOST=ssh://HOST); where it has to be TCP, 2376 with client certificates and "
     "one "
     "source."},
    {"kubernetes",
     "kubernetes",
     "the Kubernetes API",
     "tcp",
     {6443},
     PUBLICLY,
     false,
     false,
     BASELINE_PORT_ONLY,
     40,
     "never public",
     "The API server commands the whole cluster; one leaked token or flaw is enough.",
     "Use a private endpoint, or list the ranges that administer the cluster."},
    {"kubelet",
     "kubelet",
     "the kubelet API",
     "tcp",
     {10250},
     BUT_SELF,
     false,
     false,
     BASELINE_PORT_ONLY,
     40,
     "only the control plane may reach it",
     "The kubelet runs commands in every pod of its node.",
     "Allow only the control plane's group; switch anonymous authentication off and use webhook authorisation."},
    {"etcd",
     "etcd",
     "etcd",
     "tcp",
     {2379, 2380},
     BUT_SELF,
     false,
     true,
     BASELINE_PORT_ONLY,
     40,
     "only its members and the API server may reach it",
     "etcd holds every secret of its cluster.",
     "Allow only members and the API server, with client certificates."},
    {"elasticsearch",
     "elasticsearch",
     "Elasticsearch",
     "tcp",
     {9200, 9300},
     BUT_SELF,
     false,
     true,
     BASELINE_PORT_ONLY,
     40,
     APPLICATION_ONLY,
     DATABASE_WHY,
     "Allow only the application's group on 9200 and only the cluster's members on 9300; switch security on."},
    {"mongodb",
     "mongodb",
     "MongoDB",
     "tcp",
     {27017},
     BUT_SELF,
     false,
     true,
     BASELINE_PORT_ONLY,
     40,
     APPLICATION_ONLY,
     DATABASE_WHY,
     DATABASE_FIX},
    {"rabbitmq",
     "rabbitmq",
     "RabbitMQ",
     "tcp",
     {5672},
     BUT_SELF,
     false,
     false,
     BASELINE_SEEN,
     5,
     "only its producers and consumers may reach it",
     "Who reaches the broker can read and write its queues.",
     "Allow only the producers' and consumers' groups; use 5671 with TLS and remove the guest account."},
    {"rabbitmq-management",
     "rabbitmq-management",
     "RabbitMQ's management page",
     "tcp",
     {15672},
     BUT_SELF,
     false,
     false,
     BASELINE_PORT_ONLY,
     10,
     "only its administrators may reach it",
     "The management page administers the broker, over plain HTTP.",
     "Reach it through a VPN or a proxy with TLS; remove the guest account."},
    {"smb",
     "smb",
     "SMB",
     "tcp",
     {445},
     PUBLICLY,
     false,
     false,
     BASELINE_SEEN,
     30,
     "never public",
     "File sharing on the internet is how worms travel.",
     "Allow only the network that shares the files; from elsewhere use a VPN."},
    {"vnc",
     "vnc",
     "VNC",
     "tcp",
     {5900},
     BUT_BY_VPN,
     false,
     false,
     BASELINE_SEEN,
     40,
     "only through a VPN",
     "VNC shows and controls the screen behind a short password or none, mostly unencrypted.",
     "Close 5900 and reach the host through a VPN or an SSH tunnel."},
    {"ldap",
     "ldap",
     "LDAP",
     "tcp",
     {389},
     PUBLICLY,
     false,
     false,
     BASELINE_SEEN,
     5,
     "never public",
     "LDAP sends binds in plaintext and tells strangers who works here.",
     "Allow only the hosts that ask it; use 636 or StartTLS."},
    {"snmp",
     "snmp",
     "SNMP",
     "udp",
     {161},
     PUBLICLY,
     false,
     false,
     BASELINE_SEEN,
     5,
     "never public",
     "SNMP up to version 2c has a password in plaintext, often \"public\", and amplifies attacks on others.",
     "Allow only the monitoring hosts; use SNMPv3 with authentication and privacy."},
    {"ntp",
     "ntp",
     "NTP",
     "udp",
     {123},
     PUBLICLY,
     false,
     false,
     BASELINE_SEEN,
     5,
     "never public",
     "A time server open to the internet can be made to amplify attacks on others.",
     "Allow only the own network, or restrict queries (noquery, no monlist)."},
    {"dns",
     "dns",
     "DNS",
     "tcp",
     {53},
     PUBLICLY,
     false,
     false,
     BASELINE_PORT_ONLY,
     5,
     "never public",
     "A resolver that answers everyone amplifies attacks and can be fed false answers.",
     "Answer recursive queries for the own network only. An authoritative server is worth an allow rule."},
    {"dns-udp",
     "dns",
     "DNS",
     "udp",
     {53},
     PUBLICLY,
     false,
     false,
     BASELINE_PORT_ONLY,
     5,
     "never public",
     "A resolver that answers everyone amplifies attacks and can be fed false answers.",
     "Answer recursive queries for the own network only. An authoritative server is worth an allow rule."},
    {"rsync",
     "rsync",
     "rsync",
     "tcp",
     {873},
     PUBLICLY,
     false,
     false,
     BASELINE_SEEN,
     5,
     "never public",
     "The rsync daemon speaks plaintext and often lists its modules to anyone.",
     "Run rsync over SSH and switch the daemon off, or allow the one host that needs it."},
    {"nfs",
     "nfs",
     "NFS",
     "tcp",
     {2049},
     PUBLICLY,
     false,
     false,
     BASELINE_SEEN,
     5,
     "never public",
     "NFS mostly trusts the user number that the client states.",
     "Allow only the hosts that mount it; use Kerberos (sec=krb5p) where others share the network."},
    {"winrm",
     "winrm",
     "WinRM",
     "tcp",
     {5985},
     BUT_BY_VPN,
     false,
     false,
     BASELINE_SEEN,
     40,
     "only through a VPN",
     "WinRM runs commands on the host, on 5985 without TLS.",
     "Close 5985; reach the host through a VPN or Session Manager, over 5986 with TLS."},
};

const struct baseline_row *baseline_rows(uint32_t number, size_t *ret_count)
{
    if (number != 1) {
        return NULL;
    }
    *ret_count = sizeof(BASELINE_1) / sizeof(*BASELINE_1);
    return BASELINE_1;
}

static bool has_port(const struct baseline_row *row, uint16_t port)
{
    for (size_t i = 0; i < BASELINE_PORTS_MAX && row->ports[i] != 0; i++) {
        if (row->ports[i] == port) {
            return true;
        }
    }
    return false;
}

const struct baseline_row *baseline_find(uint32_t number, const char *proto, uint16_t port)
{
    size_t count = 0;
    const struct baseline_row *rows = baseline_rows(number, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].proto, proto) == 0 && has_port(&rows[i], port)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* What is recognised on the wire of rows whose service is known by another name, or only closer than that. */
static const struct {
    const char *id;
    const char *carrier;
} CARRIERS[] = {
    {"backend", "http"},  {"docker", "http"}, {"kubernetes", "http"},
    {"kubelet", "http"},  {"etcd", "http"},   {"elasticsearch", "http"},
    {"rabbitmq", "amqp"}, {"winrm", "http"},  {"rabbitmq-management", "http"},
    {"nfs", "portmap"},
};

static bool is_spoken(const struct baseline_row *row, const char *service)
{
    for (size_t i = 0; i < sizeof(CARRIERS) / sizeof(*CARRIERS); i++) {
        if (strcmp(CARRIERS[i].id, row->id) == 0 && strcmp(CARRIERS[i].carrier, service) == 0) {
            return true;
        }
    }
    return strcmp(row->service, service) == 0;
}

const struct baseline_row *baseline_find_answer(uint32_t number, const char *proto, uint16_t port, const char *service,
                                                bool tls)
{
    size_t count = 0;
    const struct baseline_row *rows = baseline_rows(number, &count);
    const struct baseline_row *found = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct baseline_row *row = &rows[i];
        bool in_clear_only = strcmp(row->id, "http") == 0;
        if (strcmp(row->proto, proto) != 0 || (in_clear_only && tls)) {
            continue;
        }
        if (has_port(row, port) && is_spoken(row, service)) {
            return row;
        }
        if (found == NULL && strcmp(row->service, service) == 0) {
            found = row;
        }
    }
    /* RabbitMQ's own name is its broker's, wherever that listens. */
    return found == NULL && strcmp(service, "amqp") == 0 ? baseline_find(number, "tcp", 5672) : found;
}

bool baseline_is_database(const char *service)
{
    for (size_t i = 0; i < sizeof(BASELINE_1) / sizeof(*BASELINE_1); i++) {
        if (strcmp(BASELINE_1[i].service, service) == 0) {
            return BASELINE_1[i].database;
        }
    }
    return false;
}
