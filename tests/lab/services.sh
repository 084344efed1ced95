# shellcheck shell=bash
# Servers of Debian's that the services' test asks: what each is, how it is configured, how it starts. Sourced inside a running lab. All stand
# in one network namespace beside the lab's switch, each at an address of its own; every port has a second number, under which the packet
# filter leads to the same server.

SERVICES_NET=10.78.0
LAB_LARGE=${LEASTPORT_LAB_LARGE:-0}
# name | last part of its address | port | the strange port | service | product | package that its version is of, "-" where the protocol gives
# none | encryption: "clear", "starttls" (offered), "tls" (from the first byte) | auth: "none", "required", "-" where the protocol says neither
SERVICES=(
    'sshd|10|22|2222|ssh|OpenSSH|openssh-server|clear|-'
    'dropbear|11|22|40022|ssh|Dropbear|dropbear-bin|clear|-'
    'nginx|12|80|3306|http|nginx|nginx-light|clear|-'
    'nginx|12|443|22|http|nginx|nginx-light|tls|-'
    'nginx|12|8443|2443|http|nginx|nginx-light|tls|-'
    'apache|13|80|21|http|Apache httpd|apache2-bin|clear|-'
    'lighttpd|14|80|5432|http|lighttpd|lighttpd|clear|-'
    'vsftpd|15|21|8021|ftp|vsftpd|vsftpd|starttls|none'
    'proftpd|16|21|25|ftp|ProFTPD|-|clear|required'
    'pureftpd|17|21|6379|ftp|Pure-FTPd|-|starttls|required'
    'telnetd|18|23|443|telnet|-|-|clear|required'
    'postfix|19|25|8025|smtp|Postfix|-|starttls|-'
    'exim|20|25|110|smtp|Exim|exim4-daemon-light|clear|-'
    'dovecot|21|143|10143|imap|Dovecot|-|starttls|required'
    'dovecot|21|110|10110|pop3|Dovecot|-|starttls|required'
    'dovecot|21|993|10993|imap|Dovecot|-|tls|required'
    'dovecot|21|995|10995|pop3|Dovecot|-|tls|required'
    'mariadb|22|3306|80|mysql|MariaDB|mariadb-server-core|clear|required'
    'postgres|23|5432|22|postgresql|-|-|starttls|required'
    'redis|24|6379|80|redis|Redis|redis-server|clear|none'
    'redis_password|25|6379|5900|redis|-|-|clear|required'
    'redis_tls|26|6379|8443|redis|Redis|redis-server|tls|none'
    'memcached|27|11211|443|memcached|Memcached|memcached|clear|none'
    'etcd|28|2379|12379|etcd|etcd|etcd-server|clear|none'
    'slapd|29|389|8389|ldap|OpenLDAP|-|starttls|-'
    'slapd|29|636|8636|ldap|OpenLDAP|-|tls|-'
    'xrdp|30|3389|8443|rdp|-|-|starttls|-'
    'vnc|31|5900|143|vnc|-|-|clear|none'
    'vnc_password|32|5900|80|vnc|-|-|clear|-'
    'rsync|33|873|30873|rsync|rsync|-|clear|none'
    'mosquitto|34|1883|9009|mqtt|-|-|clear|none'
    'mosquitto_password|35|1883|7|mqtt|-|-|clear|required'
    'mosquitto_password|35|8883|17|mqtt|-|-|tls|required'
    'bind|36|53|10053|dns|ISC BIND|bind9|clear|-'
    'unbound|37|53|3389|dns|Unbound|unbound|clear|-'
    'dnsmasq|38|53|8053|dns|dnsmasq|dnsmasq-base|clear|-'
    'squid|39|3128|23|http-proxy|Squid|squid|clear|-'
    'tinyproxy|40|8888|995|http-proxy|Tinyproxy|tinyproxy-bin|clear|-'
    'rpcbind|41|111|10111|portmap|-|-|clear|-'
    'front|42|443|10443|http|nginx|nginx-light|tls|-'
    'backend|43|8080|18080|http|lighttpd|lighttpd|clear|-'
)
# What is large to download, in a tree apart. Docker's daemon is not among them: it wants this machine's control groups.
SERVICES_LARGE=(
    'rabbitmq|50|5672|993|amqp|RabbitMQ|rabbitmq-server|clear|-'
    'zookeeper|51|2181|389|zookeeper|Apache ZooKeeper|zookeeper|clear|-'
    'samba|52|445|4450|smb|-|-|clear|-'
    'ganesha|54|2049|12049|nfs|-|-|clear|-'
    'xvfb|55|6000|46005|x11|X.Org server|xvfb|clear|none'
)

services_names() {
    printf '%s\n' "${SERVICES[@]}" | cut -d '|' -f 1 | uniq
}

services_address() {
    printf '%s.%s' "$SERVICES_NET" "$(plan_of "$1" | head -n 1 | cut -d '|' -f 2)"
}

plan_of() {
    printf '%s\n' "${SERVICES[@]}" | grep "^$1|"
}

services_box() {
    nsenter --net="$LAB_DIR/ns/services" -- "$@"
}

services_tree() {
    chroot "$LAB_DIR/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/lab/services "$@"
}

# The place: a namespace behind a cable, with the strange ports and a host of which every port accepts.
services_place() {
    local row part port strange
    : >"$LAB_DIR/ns/services" && unshare --net="$LAB_DIR/ns/services" true || return 1
    ip link add services type veth peer name eth0 netns "$LAB_DIR/ns/services" || return 1
    ip -batch - <<END || return 1
addr add $SERVICES_NET.1/24 dev services
link set services up
END
    {
        printf 'link set lo up\nlink set eth0 up\naddr add %s.250/24 dev eth0\n' "$SERVICES_NET"
        printf '%s\n' "${SERVICES[@]}" | cut -d '|' -f 2 | sort -u | sed "s|.*|addr add $SERVICES_NET.&/24 dev eth0|"
    } | services_box ip -batch - || return 1
    {
        printf 'table ip services {\nchain before {\ntype nat hook prerouting priority dstnat;\n'
        for row in "${SERVICES[@]}"; do
            IFS='|' read -r _ part port strange _ <<<"$row"
            printf 'ip daddr %s.%s tcp dport %s dnat to :%s\n' "$SERVICES_NET" "$part" "$strange" "$port"
        done
        # A middlebox: it accepts whatever port is asked, and its one server sends nothing.
        printf 'ip daddr %s.250 tcp dport != 9 dnat to :9\n}\n}\n' "$SERVICES_NET"
    } | services_box nft -f -
}

# ---- what each reads before it starts: service_NAME_config; AT is its address, FOLDER its folder as it sees it itself, HERE as we do ----------

service_sshd_config() {
    services_tree ssh-keygen -q -t ed25519 -N '' -f "$FOLDER/key"
    printf 'ListenAddress %s:22\nHostKey %s/key\nPidFile none\nUsePAM no\n' "$AT" "$FOLDER" >"$HERE/conf"
}

service_dropbear_config() {
    services_tree dropbearkey -t ed25519 -f "$FOLDER/key" >/dev/null 2>&1
}

service_nginx_config() {
    local other
    {
        printf 'daemon off; pid %s/pid; worker_processes 1; error_log stderr; user www-data;\nevents {}\nhttp {\naccess_log off;\n' "$FOLDER"
        for other in client_body proxy fastcgi uwsgi scgi; do
            printf '%s_temp_path %s/%s;\n' "$other" "$FOLDER" "$other"
        done
        # shellcheck disable=SC2016 # nginx's variables
        printf 'server { listen %s:80; location / { return 301 https://$host$request_uri; } }\n' "$AT"
        printf 'server { listen %s:443 ssl; ssl_certificate %s; ssl_certificate_key %s;\n' "$AT" "$CRT" "$KEY"
        printf 'add_header Strict-Transport-Security max-age=31536000;\nlocation / { return 200 "shop\\n"; } }\n'
        # One that answers to its name only.
        printf 'server { listen %s:8443 ssl default_server; ssl_reject_handshake on; }\n' "$AT"
        printf 'server { listen %s:8443 ssl; server_name named.lab; ssl_certificate %s; ssl_certificate_key %s;\n' "$AT" "$CRT" "$KEY"
        printf 'location / { return 200 "by name\\n"; } }\n}\n'
    } >"$HERE/conf"
}

service_apache_config() {
    printf '<title>apache</title>\n' >"$HERE/index.html"
    {
        printf 'LoadModule %s\n' 'mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so' \
            'authz_core_module /usr/lib/apache2/modules/mod_authz_core.so' 'dir_module /usr/lib/apache2/modules/mod_dir.so'
        printf 'Listen %s:80\nServerName apache.lab\nPidFile %s/pid\nDefaultRuntimeDir %s\nErrorLog /dev/stderr\n' "$AT" "$FOLDER" "$FOLDER"
        printf 'User www-data\nGroup www-data\nStartServers 1\nDocumentRoot %s\n' "$FOLDER"
    } >"$HERE/conf"
}

service_lighttpd_config() {
    printf 'server.document-root = "%s"\nserver.port = 80\nserver.bind = "%s"\n' "$FOLDER" "$AT" >"$HERE/conf"
}

# nginx with TLS before lighttpd, which listens for everybody as well.
service_front_config() {
    local other
    {
        printf 'daemon off; pid %s/pid; worker_processes 1; error_log stderr; user www-data;\nevents {}\nhttp {\naccess_log off;\n' "$FOLDER"
        for other in client_body proxy fastcgi uwsgi scgi; do
            printf '%s_temp_path %s/%s;\n' "$other" "$FOLDER" "$other"
        done
        printf 'server { listen %s:443 ssl; ssl_certificate %s; ssl_certificate_key %s;\n' "$AT" "$CRT" "$KEY"
        printf 'location / { proxy_pass http://%s:8080; } }\n}\n' "$(services_address backend)"
    } >"$HERE/conf"
}

service_backend_config() {
    printf '<title>orders</title>\n<p>A page of an application, which is meant to be asked for by way of its proxy alone: %s</p>\n' \
        'there is TLS, and whoever comes has to say who he is.' >"$HERE/index.html"
    printf 'server.document-root = "%s"\nserver.port = 8080\nserver.bind = "%s"\nindex-file.names = ("index.html")\n' "$FOLDER" "$AT" >"$HERE/conf"
}

service_vsftpd_config() {
    mkdir -p "$LAB_DIR/root/run/vsftpd/empty" "$LAB_DIR/root/srv/ftp"
    printf '%s\n' background=NO listen=YES "listen_address=$AT" anonymous_enable=YES \
        seccomp_sandbox=NO isolate=NO isolate_network=NO secure_chroot_dir=/run/vsftpd/empty \
        ssl_enable=YES allow_anon_ssl=YES "rsa_cert_file=$CRT" "rsa_private_key_file=$KEY" >"$HERE/conf"
}

service_proftpd_config() {
    printf '%s\n' 'ServerType standalone' "DefaultAddress $AT" 'SocketBindTight on' 'Port 21' 'User nobody' 'Group nogroup' \
        "PidFile $FOLDER/pid" "ScoreboardFile $FOLDER/scores" 'UseReverseDNS off' 'WtmpLog none' 'AuthOrder mod_auth_unix.c' \
        'ServerName files' 'UseIPv6 off' >"$HERE/conf"
}

service_pureftpd_config() {
    cat "$LAB_DIR/root$KEY" "$LAB_DIR/root$CRT" >"$LAB_DIR/root/etc/ssl/private/pure-ftpd.pem"
}

service_telnetd_config() {
    printf '%s:23 stream tcp nowait.1000000 root /usr/sbin/telnetd telnetd\n' "$AT" >"$HERE/conf"
}

service_postfix_config() {
    cp -r "$LAB_DIR/root/etc/postfix" "$HERE/conf"
    [[ -e $HERE/conf/master.cf ]] || cp "$LAB_DIR/root/usr/share/postfix/master.cf.dist" "$HERE/conf/master.cf"
    # shellcheck disable=SC2016 # postfix's variables, not the shell's
    printf '%s\n' compatibility_level=3.6 myhostname=post.lab mynetworks=127.0.0.0/8 "inet_interfaces=$AT" inet_protocols=ipv4 \
        maillog_file=/dev/stdout 'smtpd_banner=$myhostname ESMTP $mail_name (Debian/GNU)' smtpd_tls_security_level=may \
        "smtpd_tls_cert_file=$CRT" "smtpd_tls_key_file=$KEY" alias_maps= biff=no >"$HERE/conf/main.cf"
}

service_exim_config() {
    services_tree sh -c 'id Debian-exim || useradd --system --no-create-home Debian-exim' >/dev/null 2>&1
    mkdir -p "$HERE/spool" "$HERE/log"
    services_tree chown Debian-exim:Debian-exim "$FOLDER/spool" "$FOLDER/log"
    printf '%s\n' 'primary_hostname = exim.lab' "local_interfaces = $AT" 'daemon_smtp_ports = 25' "spool_directory = $FOLDER/spool" \
        "log_file_path = $FOLDER/log/%slog" 'tls_advertise_hosts =' 'acl_smtp_rcpt = deny' >"$HERE/conf"
}

service_dovecot_config() {
    printf '%s\n' "listen = $AT" 'protocols = imap pop3' "base_dir = $FOLDER/run" 'log_path = /dev/stderr' 'ssl = yes' "ssl_cert = <$CRT" \
        "ssl_key = <$KEY" 'mail_location = maildir:/tmp/mail' 'passdb {' 'driver = passwd-file' "args = $FOLDER/users" '}' \
        'userdb {' 'driver = static' 'args = uid=nobody gid=nogroup home=/tmp' '}' >"$HERE/conf"
    : >"$HERE/users"
}

service_mariadb_config() {
    cp -r "$LAB_DIR/root/var/lib/lab-mysql" "$HERE/data"
    printf "CREATE USER IF NOT EXISTS shop@'%%' IDENTIFIED BY 'leastport';\n" >"$HERE/sql"
    services_tree chown -R mysql:mysql "$FOLDER/data"
}

service_postgres_config() {
    printf 'leastport\n' >"$HERE/password"
    services_tree chown postgres:postgres "$FOLDER" "$FOLDER/password"
    chroot --userspec=postgres:postgres "$LAB_DIR/root" /usr/bin/env -i LANG=C.UTF-8 PATH=/usr/bin:/bin \
        /usr/lib/postgresql/15/bin/initdb --no-sync -A scram-sha-256 --pwfile="$FOLDER/password" -D "$FOLDER/data" ||
        return 1
    cp "$LAB_DIR/root$CRT" "$HERE/data/server.crt"
    cp "$LAB_DIR/root$KEY" "$HERE/data/server.key"
    chmod 600 "$HERE/data/server.key"
    services_tree chown postgres:postgres "$FOLDER/data/server.key"
    printf 'host all all all scram-sha-256\n' >"$HERE/data/pg_hba.conf"
}

service_redis_config() {
    printf 'daemonize no\nprotected-mode no\nsave ""\ndir /tmp\nbind %s\nport 6379\n' "$AT" >"$HERE/conf"
}

service_redis_password_config() {
    service_redis_config
    printf 'requirepass leastport\n' >>"$HERE/conf"
}

service_redis_tls_config() {
    printf 'daemonize no\nprotected-mode no\nsave ""\ndir /tmp\nbind %s\nport 0\ntls-port 6379\n' "$AT" >"$HERE/conf"
    printf 'tls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients no\n' "$CRT" "$KEY" "$CRT" >>"$HERE/conf"
}

service_memcached_config() {
    :
}

service_etcd_config() {
    :
}

service_slapd_config() {
    printf '%s\n' 'include /etc/ldap/schema/core.schema' "pidfile $FOLDER/pid" "TLSCertificateFile $CRT" "TLSCertificateKeyFile $KEY" \
        'modulepath /usr/lib/ldap' 'moduleload back_mdb' 'database mdb' 'suffix "dc=lab"' "directory $FOLDER" >"$HERE/conf"
}

service_xrdp_config() {
    mkdir -p "$LAB_DIR/root/run/xrdp/sockdir"
    sed -e "s|^port=3389|port=tcp://$AT:3389|" -e "s|^certificate=.*|certificate=$CRT|" -e "s|^key_file=.*|key_file=$KEY|" \
        -e "s|^LogFile=.*|LogFile=$FOLDER/log|" -e 's|^EnableSyslog=.*|EnableSyslog=false|' "$LAB_DIR/root/etc/xrdp/xrdp.ini" >"$HERE/conf"
}

service_vnc_config() {
    mkdir -p "$LAB_DIR/root/tmp/.X11-unix"
}

service_vnc_password_config() {
    service_vnc_config
    printf 'secret\n' | services_tree vncpasswd -f >"$HERE/password"
}

service_rsync_config() {
    mkdir "$HERE/files"
    printf 'use chroot = no\nuid = root\n[files]\npath = %s/files\n' "$FOLDER" >"$HERE/conf"
}

service_mosquitto_config() {
    printf 'user root\nallow_anonymous true\nlistener 1883 %s\n' "$AT" >"$HERE/conf"
}

service_mosquitto_password_config() {
    services_tree mosquitto_passwd -b -c "$FOLDER/users" shop leastport
    printf 'user root\nallow_anonymous false\npassword_file %s/users\nlistener 1883 %s\nlistener 8883 %s\ncertfile %s\nkeyfile %s\n' \
        "$FOLDER" "$AT" "$AT" "$CRT" "$KEY" >"$HERE/conf"
}

service_bind_config() {
    printf 'options { directory "%s"; pid-file none; session-keyfile none; listen-on { %s; }; listen-on-v6 { none; }; %s\ncontrols { };\n' \
        "$FOLDER" "$AT" 'dnssec-validation no; recursion yes; allow-recursion { any; }; };' >"$HERE/conf"
    services_tree chown bind "$FOLDER"
}

service_unbound_config() {
    printf '%s\n' 'server:' 'do-daemonize: no' 'chroot: ""' 'username: ""' 'use-syslog: no' "directory: $FOLDER" "interface: $AT" \
        'access-control: 0.0.0.0/0 allow' "pidfile: $FOLDER/pid" 'remote-control:' 'control-enable: no' >"$HERE/conf"
}

service_dnsmasq_config() {
    :
}

service_squid_config() {
    printf '%s\n' "http_port $AT:3128" 'acl all_of_it src all' 'http_access allow all_of_it' "pid_filename $FOLDER/pid" 'access_log none' \
        'cache_log /dev/stderr' 'visible_hostname proxy.lab' 'pinger_enable off' 'cache deny all' 'netdb_filename none' \
        "coredump_dir $FOLDER" 'workers 1' 'max_filedescriptors 1024' 'shutdown_lifetime 1 seconds' >"$HERE/conf"
}

service_tinyproxy_config() {
    printf 'User root\nGroup root\nPort 8888\nListen %s\nTimeout 60\nMaxClients 20\n' "$AT" >"$HERE/conf"
}

service_rpcbind_config() {
    :
}

service_rabbitmq_config() {
    mkdir "$HERE/data"
    printf 'listeners.tcp.1 = %s:5672\n' "$AT" >"$HERE/conf.conf"
    printf 'false' >"$HERE/plugins"
    services_tree chown -R rabbitmq:rabbitmq "$FOLDER"
}

service_zookeeper_config() {
    mkdir "$HERE/data"
    printf 'tickTime=2000\ndataDir=%s/data\nclientPort=2181\nclientPortAddress=%s\nadmin.enableServer=false\n4lw.commands.whitelist=*\n' \
        "$FOLDER" "$AT" >"$HERE/conf"
}

service_samba_config() {
    local folder
    mkdir -p "$LAB_DIR/root/run/samba"
    {
        printf '[global]\nworkgroup = LAB\nnetbios name = FILES\ninterfaces = %s/24\nbind interfaces only = yes\n' "$AT"
        for folder in 'lock directory' 'state directory' 'cache directory' 'pid directory' 'private dir' 'ncalrpc dir'; do
            printf '%s = %s\n' "$folder" "$FOLDER"
        done
    } >"$HERE/conf"
}

service_ganesha_config() {
    printf 'NFS_CORE_PARAM { Bind_addr = %s; Enable_NLM = false; Enable_RQUOTA = false; Protocols = 3, 4; }\nNFSv4 { RecoveryBackend = fs; }\n' \
        "$AT" >"$HERE/conf"
    printf 'EXPORT { Export_Id = 1; Path = /; Pseudo = /files; Access_Type = RO; FSAL { Name = MEM; } }\n' >>"$HERE/conf"
}

service_xvfb_config() {
    mkdir -p "$LAB_DIR/root/tmp/.X11-unix"
}

# ---- how each starts: service_command NAME sets the array COMMAND -----------------------------------------------------------------------------

service_command() {
    case $1 in
    sshd) COMMAND=(/usr/sbin/sshd -D -e -f "$FOLDER/conf") ;;
    dropbear) COMMAND=(dropbear -F -E -r "$FOLDER/key" -P "$FOLDER/pid" -p "$AT:22") ;;
    nginx | front) COMMAND=(nginx -e stderr -c "$FOLDER/conf") ;;
    apache) COMMAND=(apache2 -DFOREGROUND -f "$FOLDER/conf") ;;
    lighttpd | backend) COMMAND=(lighttpd -D -f "$FOLDER/conf") ;;
    vsftpd) COMMAND=(vsftpd "$FOLDER/conf") ;;
    proftpd) COMMAND=(proftpd --nodaemon --config "$FOLDER/conf") ;;
    pureftpd) COMMAND=(pure-ftpd -E -Y 1 -S "$AT,21" -g "$FOLDER/pid") ;;
    telnetd) COMMAND=(inetd -i -R 1000000 "$FOLDER/conf") ;;
    postfix) COMMAND=(postfix -c "$FOLDER/conf" start-fg) ;;
    exim) COMMAND=(exim4 -C "$FOLDER/conf" -bdf -oP "$FOLDER/pid") ;;
    dovecot) COMMAND=(dovecot -F -c "$FOLDER/conf") ;;
    mariadb) COMMAND=(mariadbd --no-defaults "--datadir=$FOLDER/data" --user=mysql "--bind-address=$AT" --port=3306
        "--socket=$FOLDER/data/socket" "--pid-file=$FOLDER/data/pid" "--init-file=$FOLDER/sql" --skip-innodb --performance-schema=ON
        --default-storage-engine=Aria --key-buffer-size=1M --aria-pagecache-buffer-size=1M) ;;
    postgres) COMMAND=(chroot --userspec=postgres:postgres / /usr/lib/postgresql/15/bin/postgres -D "$FOLDER/data"
        -c "listen_addresses=$AT" -c ssl=on -c "unix_socket_directories=$FOLDER" -c fsync=off -c shared_buffers=8MB) ;;
    redis | redis_password | redis_tls) COMMAND=(redis-server "$FOLDER/conf") ;;
    memcached) COMMAND=(memcached -u memcache -m 8 -t 1 -U 0 -l "$AT") ;;
    etcd) COMMAND=(etcd --data-dir "$FOLDER/data" --listen-client-urls "http://$AT:2379" --advertise-client-urls "http://$AT:2379"
        --listen-peer-urls "http://$AT:2380" --log-level error) ;;
    slapd) COMMAND=(slapd -d 0 -h "ldap://$AT/ ldaps://$AT/" -f "$FOLDER/conf") ;;
    xrdp) COMMAND=(xrdp -n -c "$FOLDER/conf") ;;
    vnc) COMMAND=(Xtightvnc :31 -rfbport 5900 -interface "$AT" -geometry 64x64 -depth 8 -nolisten tcp) ;;
    vnc_password) COMMAND=(Xtightvnc :32 -rfbport 5900 -interface "$AT" -geometry 64x64 -depth 8 -nolisten tcp -rfbauth "$FOLDER/password") ;;
    rsync) COMMAND=(rsync --daemon --no-detach --config "$FOLDER/conf" --address "$AT") ;;
    mosquitto | mosquitto_password) COMMAND=(mosquitto -c "$FOLDER/conf") ;;
    bind) COMMAND=(named -g -u bind -c "$FOLDER/conf") ;;
    unbound) COMMAND=(unbound -d -c "$FOLDER/conf") ;;
    dnsmasq) COMMAND=(dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --bind-interfaces "--listen-address=$AT" --no-resolv --no-hosts) ;;
    squid) COMMAND=(squid -N -f "$FOLDER/conf") ;;
    tinyproxy) COMMAND=(tinyproxy -d -c "$FOLDER/conf") ;;
    rpcbind) COMMAND=(rpcbind -f -w -h "$AT") ;;
    rabbitmq) COMMAND=(RABBITMQ_NODENAME=lab@localhost "RABBITMQ_MNESIA_BASE=$FOLDER/data" "RABBITMQ_LOGS=-" "RABBITMQ_CONFIG_FILE=$FOLDER/conf"
        "RABBITMQ_ENABLED_PLUGINS_FILE=$FOLDER/none" ERL_EPMD_ADDRESS=127.0.0.1 rabbitmq-server) ;;
    zookeeper) COMMAND=(java -Xmx128m -cp '/etc/zookeeper/conf:/usr/share/java/zookeeper.jar:/usr/share/java/*'
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$FOLDER/conf") ;;
    samba) COMMAND=(smbd --foreground --debug-stdout --no-process-group -s "$FOLDER/conf") ;;
    ganesha) COMMAND=(ganesha.nfsd -F -L STDOUT -f "$FOLDER/conf" -p "$FOLDER/pid") ;;
    xvfb) COMMAND=(Xvfb :0 -listen tcp -noreset -ac -screen 0 64x64x8) ;;
    *) return 1 ;;
    esac
}

# Makes what SERVER reads and starts it; it ends with the lab.
services_start() {
    local name=$1 AT FOLDER=/lab/services/$1 HERE=$LAB_DIR/root/lab/services/$1 log=$LAB_DIR/log/services.$1.log
    local CRT=/lab/services/crt KEY=/lab/services/key
    local -a COMMAND
    AT=$(services_address "$name")
    mkdir -p "$HERE"
    "service_${name}_config" >>"$log" 2>&1 || return 1
    service_command "$name" || return 1
    services_box setsid chroot "$LAB_DIR/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "HOME=$FOLDER" \
        "${COMMAND[@]}" </dev/null >>"$log" 2>&1 &
}

services_start_all() {
    local name
    mkdir -p "$LAB_DIR/root/lab/services"
    chmod 755 "$LAB_DIR/root/lab/services"
    services_tree openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=services.lab \
        -keyout /lab/services/key -out /lab/services/crt 2>/dev/null || return 1
    chmod 644 "$LAB_DIR/root/lab/services/key"
    for name in $(services_names); do
        services_start "$name" || printf 'services: %s cannot be configured\n' "$name" >&2
    done
    # The host of which every port accepts.
    # shellcheck disable=SC2016 # perl's variables, not the shell's
    services_box setsid perl -MIO::Socket::INET -e '$SIG{CHLD} = "IGNORE";
        $listener = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 9, Listen => 4096, ReuseAddr => 1) or die $!;
        push @kept, $_ while $_ = $listener->accept' "$SERVICES_NET.250" </dev/null >>"$LAB_DIR/log/services.middlebox.log" 2>&1 &
}

# Prints "name address port" of those that do not listen yet, by the kernel's table.
services_deaf() {
    printf '%s\n' "${SERVICES[@]}" | awk -F '|' -v net="$SERVICES_NET" '!table { heard[$1] = 1; next }
        !((net "." $2 ":" $3) in heard) && !(("0.0.0.0:" $3) in heard) && !(("*:" $3) in heard) { print $1, net "." $2, $3 }' \
        <(services_box ss -Hltn | awk '{ gsub(/\[::ffff:|\]/, "", $4); print $4 }') table=1 -
}

# Waits until all listen, at most LIMIT seconds.
services_await() {
    local deadline=$((SECONDS + $1))
    until [[ -z $(services_deaf) ]]; do
        if ((SECONDS >= deadline)); then
            return 1
        fi
        sleep 0.1
    done
}

# The version that upstream gave what PACKAGE holds, by Debian's: without epoch, revision and what Debian adds to it.
services_version() {
    local version
    version=$(awk -v name="$1" '$1 == name { print $2 }' "$LAB_DIR/root/var/lib/lab-unpacked/versions")
    if [[ -z $version ]]; then
        # shellcheck disable=SC2016 # dpkg's placeholders
        version=$(services_tree dpkg-query -W -f '${Version}' "$1")
    fi
    version=${version#*:}
    version=${version%-*}
    printf '%s' "${version%%[+~]*}"
}

# The truth: one JSON object for each (address, port).
services_truth() {
    local name part port strange service product package encryption auth version number
    while IFS='|' read -r name part port strange service product package encryption auth; do
        version=-
        if [[ $package != - ]]; then
            version=$(services_version "$package")
        fi
        for number in "$port" "$strange"; do
            jq -cn --arg server "$name" --arg host "$SERVICES_NET.$part" --argjson port "$number" --arg service "$service" \
                --arg product "$product" --arg version "$version" --arg encryption "$encryption" --arg auth "$auth" \
                '$ARGS.named | with_entries(select(.value != "-"))'
        done
    done < <(printf '%s\n' "${SERVICES[@]}") | jq -s 'sort_by(.host, .port)'
}

# ---- asking them -----------------------------------------------------------------------------------------------------------------------------

# Makes the place, starts all and writes the truth; sets WORK, a folder. Fails with what is amiss.
services_begin() {
    if ((LAB_LARGE)); then
        SERVICES+=("${SERVICES_LARGE[@]}")
    fi
    WORK=$LAB_DIR/services
    mkdir "$WORK"
    local began=$SECONDS
    if ! services_place || ! services_start_all || ! services_await $((LAB_LARGE ? 120 : 60)); then
        printf 'these do not listen:\n'
        services_deaf | while read -r name address port; do
            printf '%s (%s:%s)\n' "$name" "$address" "$port"
            tail -n 5 "$LAB_DIR/log/services.$name.log"
        done
        return 1
    fi
    services_truth >"$WORK/truth.json"
    printf 'the servers listen after %s s\n' "$((SECONDS - began))"
}

services_ports() {
    jq -r '[.[].port] | unique | map(tostring) | join(",")' "$WORK/truth.json"
}

# scan PROBE PORTS NAME ADDRESS...: what it tells is in WORK/NAME, what it says in WORK/NAME.err.
services_scan() {
    local probe=$1 ports=$2 name=$3
    shift 3
    jq -n --arg probe "$probe" --arg ports "$ports" '{schema: "leastport.plan/1", realm: "default", vantage: "local",
        targets: $ARGS.positional, ports: $ports, probes: [$probe], services: {doors: true}}' --args "$@" >"$WORK/$name.plan"
    timeout 300 "$BIN/leastport-scan" --plan "$WORK/$name.plan" -o "jsonl:$WORK/$name" 2>"$WORK/$name.err"
}

# What is said of each endpoint of the truth, as the truth has it: facts that the truth does not name are left out.
services_answers() {
    jq -s --slurpfile truth "$WORK/truth.json" '
        (map(select(.type == "service")) | INDEX("\(.host) \(.port)")) as $said | $truth[0] | map(. as $true |
            ($said["\(.host) \(.port)"].facts // {}) as $facts | {host, port, server,
            service: $facts.service, product: $facts.product, version: $facts.version, auth: $facts.auth,
            encryption: (if $facts.tls then "tls" elif $facts.starttls then "starttls" else "clear" end)} |
            with_entries(.key as $key | select($true | has($key))))' "$1"
}

# Differences of ANSWERS to the truth, one a line.
services_differences() {
    jq -r --slurpfile truth "$WORK/truth.json" '. as $said | $truth[0] | to_entries[] | .key as $at | .value as $true |
        ($true | keys[]) as $key | select($true[$key] != $said[$at][$key]) |
        "\($true.server) \($true.host):\($true.port): \($key) is \($true[$key]), said \($said[$at][$key])"' "$1"
}

# What MariaDB says to SQL.
services_mariadb() {
    services_tree mariadb --no-defaults --socket=/lab/services/mariadb/data/socket --batch --skip-column-names --execute "$1"
}

services_addresses() {
    jq -r '[.[].host] | unique[]' "$WORK/truth.json"
}

# services_outside SCRIPT: starts a lab and in it the same script, as `inside`. LAB, LONG and HERE are the script's.
services_outside() {
    if [[ $(id -u) != 0 ]]; then
        printf '1..0 # SKIP these servers want root\n'
        return
    fi
    if ! unshare --net --mount --pid --fork --mount-proc true; then
        printf '1..0 # SKIP this place lets nobody make namespaces\n'
        return
    fi
    if ((LONG)); then
        export LEASTPORT_LAB_LARGE=1
    fi
    if ! "$LAB" build >/dev/null; then
        printf '1..1\nnot ok 1 - the Debian tree is there or can be built\n'
        return 1
    fi
    "$LAB" run -- bash "$HERE/$1" inside
}
