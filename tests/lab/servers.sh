# shellcheck shell=bash
# The servers: how each is configured from the plan, started in its box, awaited and stopped. For each NAME of LAB_SOCKETS
# there are server_NAME_config BOX and server_NAME_command BOX; the latter sets LAB_COMMAND and LAB_USER.

# Paths of BOX's own folder: as the chroot sees it, and as we do.
server_folder() {
    printf '/lab/%s' "$1"
}

# Prints `address port family` for each socket of SERVER in BOX.
server_sockets() {
    plan_sockets "$1" | awk -v server="$2" '$1 == server { print $2, $3, $4 }'
}

in_tree() {
    chroot "$LAB_DIR/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"
}

# Sets LAB_ENTER: the command that puts another into the tree as USER. A user namespace made without root has one uid, its 0;
# a further one shows the same uid as USER's to a server that refuses to be 0.
server_enter_as() {
    local user=$1
    LAB_ENTER=(chroot "$LAB_DIR/root")
    if [[ $user == root ]]; then
        return 0
    fi
    case $LAB_MODE in
    root) LAB_ENTER=(chroot "--userspec=$user:$user" "$LAB_DIR/root") ;;
    user) LAB_ENTER=(unshare --user "--map-user=$(in_tree id -u "$user")" "--map-group=$(in_tree id -g "$user")" --keep-caps
        -- chroot "$LAB_DIR/root") ;;
    esac
}

bracketed() {
    if [[ $1 == *:* ]]; then
        printf '[%s]' "$1"
    else
        printf '%s' "$1"
    fi
}

server_sshd_config() {
    local box=$1 folder address port family
    folder=$(server_folder "$box")
    in_tree ssh-keygen -q -t ed25519 -N '' -C "$box" -f "$folder/ssh_host_key" || return 1
    {
        server_sockets "$box" sshd | while read -r address port family; do
            printf 'ListenAddress %s:%s\n' "$(bracketed "$address")" "$port"
        done
        printf 'HostKey %s/ssh_host_key\nPidFile none\nUsePAM no\nMaxStartups 100\n' "$folder"
    } >"$LAB_DIR/root$folder/sshd_config"
}

# sshd as root changes to other users, which a user namespace with one uid cannot; as another it serves that one.
server_sshd_command() {
    LAB_USER=$([[ $LAB_MODE == root ]] && printf root || printf sshd)
    LAB_COMMAND=(/usr/sbin/sshd -D -e -f "$(server_folder "$1")/sshd_config")
}

# Port 80 redirects where the box also serves 443, 443 is a proxy in front of 8080, anything else is a page.
server_nginx_site() {
    local box=$1 folder=$2 port=$3 ports=$4
    case $port in
    80)
        if [[ " $ports " == *' 443 '* ]]; then
            # shellcheck disable=SC2016 # nginx's variables, not the shell's
            printf 'location / { return 301 https://$host$request_uri; }\n'
        else
            printf 'location / { default_type text/plain; return 200 "%s\\n"; }\n' "$box"
        fi
        ;;
    443)
        printf 'ssl_certificate %s/tls.crt; ssl_certificate_key %s/tls.key;\n' "$folder" "$folder"
        printf 'location / { proxy_pass http://127.0.0.1:8080; }\n'
        ;;
    *)
        printf 'listen 127.0.0.1:%s;\n' "$port"
        printf 'location / { default_type text/plain; return 200 "back end of %s\\n"; }\n' "$box"
        ;;
    esac
}

server_nginx_config() {
    local box=$1 folder ports port address other family tls
    folder=$(server_folder "$box")
    ports=$(server_sockets "$box" nginx | cut -d' ' -f2 | sort -nu | tr '\n' ' ')
    if [[ " $ports " == *' 443 '* ]]; then
        in_tree openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$box.lab" \
            -keyout "$folder/tls.key" -out "$folder/tls.crt" 2>>"$LAB_DIR/log/$box.nginx.log" || return 1
    fi
    {
        printf 'daemon off; pid %s/nginx.pid; worker_processes 1; error_log stderr;\n' "$folder"
        printf 'user %s;\n' "$([[ $LAB_MODE == root ]] && printf 'www-data' || printf 'root root')"
        printf 'events { worker_connections 512; }\nhttp {\naccess_log off; server_tokens on;\n'
        for other in client_body proxy fastcgi uwsgi scgi; do
            printf '%s_temp_path %s/nginx-%s;\n' "$other" "$folder" "$other"
        done
        for port in $ports; do
            tls=$([[ $port == 443 ]] && printf ' ssl')
            printf 'server {\n'
            server_sockets "$box" nginx | while read -r address other family; do
                if [[ $other == "$port" ]]; then
                    printf 'listen %s:%s%s;\n' "$(bracketed "$address")" "$port" "$tls"
                fi
            done
            server_nginx_site "$box" "$folder" "$port" "$ports"
            printf '}\n'
        done
        printf '}\n'
    } >"$LAB_DIR/root$folder/nginx.conf"
}

server_nginx_command() {
    LAB_USER=root
    LAB_COMMAND=(/usr/sbin/nginx -e stderr -c "$(server_folder "$1")/nginx.conf")
}

server_redis_config() {
    local box=$1 folder address port family
    folder=$(server_folder "$box")
    {
        printf 'daemonize no\nprotected-mode no\nsave ""\nappendonly no\ndir /tmp\nbind'
        server_sockets "$box" redis | while read -r address port family; do
            printf ' %s' "$address"
        done
        printf '\nport %s\n' "$(server_sockets "$box" redis | awk '{ print $2; exit }')"
    } >"$LAB_DIR/root$folder/redis.conf"
}

server_redis_command() {
    LAB_USER=redis
    LAB_COMMAND=(/usr/bin/redis-server "$(server_folder "$1")/redis.conf")
}

# As root the cluster that the package made is used: copying it on write is faster than initdb. Others cannot read it.
server_postgres_config() {
    local box=$1 folder LAB_ENTER
    folder=$(server_folder "$box")
    printf 'local all all peer\nhost all all all scram-sha-256\n' >"$LAB_DIR/root$folder/pg_hba.conf"
    mkdir -p "$LAB_DIR/root/run/postgresql"
    if [[ $LAB_MODE == root ]]; then
        in_tree chown postgres:postgres /run/postgresql
        return
    fi
    printf 'leastport\n' >"$LAB_DIR/root$folder/password"
    server_enter_as postgres
    "${LAB_ENTER[@]}" /usr/bin/env -i LANG=C.UTF-8 PATH=/usr/bin:/bin /usr/lib/postgresql/15/bin/initdb \
        --no-sync -A scram-sha-256 --pwfile="$folder/password" -D "$folder/postgres" >"$LAB_DIR/log/$box.postgres.log" 2>&1
}

server_postgres_command() {
    local box=$1 folder listen port data=/var/lib/postgresql/15/main config=/etc/postgresql/15/main
    folder=$(server_folder "$box")
    if [[ $LAB_MODE != root ]]; then
        data=$folder/postgres
        config=$data
    fi
    listen=$(server_sockets "$box" postgres | cut -d' ' -f1 | paste -sd,)
    port=$(server_sockets "$box" postgres | awk '{ print $2; exit }')
    LAB_USER=postgres
    LAB_COMMAND=(/usr/lib/postgresql/15/bin/postgres -D "$data" -c "config_file=$config/postgresql.conf"
        -c "hba_file=$folder/pg_hba.conf" -c "listen_addresses=$listen" -c "port=$port"
        -c unix_socket_directories=/run/postgresql -c external_pid_file=/run/postgresql/lab.pid
        -c fsync=off -c shared_buffers=8MB)
}

# vsftpd listens on one socket: on :: for both families, else on the one address.
server_vsftpd_config() {
    local box=$1 folder families address
    folder=$(server_folder "$box")
    families=$(server_sockets "$box" vsftpd | cut -d' ' -f3 | paste -sd '')
    address=$(server_sockets "$box" vsftpd | awk '{ print $1; exit }')
    mkdir -p "$LAB_DIR/root/run/vsftpd/empty"
    {
        printf 'background=NO\nanonymous_enable=NO\nlocal_enable=YES\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n'
        printf 'secure_chroot_dir=/run/vsftpd/empty\nlisten_port=%s\n' \
            "$(server_sockets "$box" vsftpd | awk '{ print $2; exit }')"
        case $families in
        4) printf 'listen=YES\nlisten_ipv6=NO\nlisten_address=%s\n' "$address" ;;
        6) printf 'listen=NO\nlisten_ipv6=YES\nlisten_address6=%s\n' "$address" ;;
        *) printf 'listen=NO\nlisten_ipv6=YES\n' ;;
        esac
        if [[ $LAB_MODE != root ]]; then
            printf 'run_as_launching_user=YES\n'
        fi
    } >"$LAB_DIR/root$folder/vsftpd.conf"
}

server_vsftpd_command() {
    LAB_USER=root
    LAB_COMMAND=(/usr/sbin/vsftpd "$(server_folder "$1")/vsftpd.conf")
}

# inetd stops a service for ten minutes when it is called more often than its limit: the limit is out of a scan's reach.
server_telnetd_config() {
    local box=$1 folder address port family
    folder=$(server_folder "$box")
    server_sockets "$box" telnetd | while read -r address port family; do
        printf '%s:%s stream tcp%s nowait.1000000 root /usr/sbin/telnetd telnetd\n' \
            "$(bracketed "$address")" "$port" "$([[ $family == 6 ]] && printf 6)"
    done >"$LAB_DIR/root$folder/inetd.conf"
}

server_telnetd_command() {
    LAB_USER=root
    LAB_COMMAND=(/usr/sbin/inetd -i -R 1000000 "$(server_folder "$1")/inetd.conf")
}

# Besides nginx on the same host: a page of its own. As root it changes to www-data for its children.
server_apache_config() {
    local box=$1 folder module address port family
    folder=$(server_folder "$box")
    mkdir -p "$LAB_DIR/root$folder/apache-page"
    printf 'apache of %s\n' "$box" >"$LAB_DIR/root$folder/apache-page/index.html"
    {
        for module in mpm_event authz_core dir; do
            printf 'LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n' "$module" "$module"
        done
        server_sockets "$box" apache | while read -r address port family; do
            printf 'Listen %s:%s\n' "$(bracketed "$address")" "$port"
        done
        printf 'ServerName %s.lab\nPidFile %s/apache.pid\nDefaultRuntimeDir %s\nErrorLog /dev/stderr\n' \
            "$box" "$folder" "$folder"
        printf 'User %s\nGroup %s\n' www-data www-data
        printf 'StartServers 1\nServerLimit 1\nThreadsPerChild 8\nMaxRequestWorkers 8\nMinSpareThreads 1\nMaxSpareThreads 8\n'
        printf 'DocumentRoot %s/apache-page\n<Directory %s/apache-page>\nRequire all granted\n</Directory>\n' \
            "$folder" "$folder"
    } >"$LAB_DIR/root$folder/apache.conf"
}

# Apache as uid 0 insists on another uid for its children, which a user namespace with one uid does not have.
server_apache_command() {
    LAB_USER=$([[ $LAB_MODE == root ]] && printf root || printf www-data)
    LAB_COMMAND=(/usr/sbin/apache2 -DFOREGROUND -f "$(server_folder "$1")/apache.conf")
}

# Its data directory is a copy of the tree's. One user may come from elsewhere, with a password. It looks up who connects, as it
# does by default: only then it counts broken handshakes.
server_mariadb_config() {
    local box=$1 folder
    folder=$(server_folder "$box")
    cp -r "$LAB_DIR/root/var/lib/lab-mysql" "$LAB_DIR/root$folder/mysql" || return 1
    printf "CREATE USER IF NOT EXISTS shop@'%%' IDENTIFIED BY 'leastport';\n" >"$LAB_DIR/root$folder/mariadb.sql"
    if [[ $LAB_MODE == root ]]; then
        in_tree chown -R mysql:mysql "$folder/mysql"
    fi
}

server_mariadb_command() {
    local box=$1 folder
    folder=$(server_folder "$box")
    LAB_USER=$([[ $LAB_MODE == root ]] && printf mysql || printf root)
    LAB_COMMAND=(/usr/sbin/mariadbd --no-defaults "--datadir=$folder/mysql" "--user=$LAB_USER"
        "--bind-address=$(server_sockets "$box" mariadb | cut -d' ' -f1 | paste -sd,)"
        "--port=$(server_sockets "$box" mariadb | awk '{ print $2; exit }')" "--socket=$folder/mysql/socket"
        "--pid-file=$folder/mysql/pid" "--init-file=$folder/mariadb.sql" --skip-innodb
        --default-storage-engine=Aria --key-buffer-size=1M --aria-pagecache-buffer-size=1M)
}

server_memcached_config() {
    :
}

server_memcached_command() {
    LAB_USER=$([[ $LAB_MODE == root ]] && printf memcache || printf root)
    LAB_COMMAND=(/usr/bin/memcached -u "$LAB_USER" -m 8 -t 1 -U 0
        -l "$(server_sockets "$1" memcached | cut -d' ' -f1 | paste -sd,)"
        -p "$(server_sockets "$1" memcached | awk '{ print $2; exit }')")
}

# No broker: kafka.pl says what it answers.
server_kafka_config() {
    local box=$1 folder address port family
    folder=$(server_folder "$box")
    server_sockets "$box" kafka | while read -r address port family; do
        printf '%s:%s stream tcp%s nowait.1000000 root /usr/local/bin/kafka kafka\n' \
            "$(bracketed "$address")" "$port" "$([[ $family == 6 ]] && printf 6)"
    done >"$LAB_DIR/root$folder/kafka.conf"
}

server_kafka_command() {
    LAB_USER=root
    LAB_COMMAND=(/usr/sbin/inetd -i -R 1000000 "$(server_folder "$1")/kafka.conf")
}

server_pid() {
    cat "$LAB_DIR/pid/$1.$2" 2>/dev/null
}

server_is_alive() {
    local pid
    pid=$(server_pid "$1" "$2") && kill -0 "$pid" 2>/dev/null
}

# Makes BOX's folder and the configuration of all its servers.
server_configure() {
    local box=$1 server
    mkdir -p "$LAB_DIR/root$(server_folder "$box")"
    for server in $(plan_servers "$box"); do
        if [[ -z ${STATE_SKIPPED[$server]:-} ]]; then
            "server_${server}_config" "$box" || server_fail "$box" "$server" 'cannot be configured'
        fi
    done
}

# Becomes SERVER in BOX, by exec all the way, so that the process id is the server's own. The state's lock must not live on
# in the server.
server_exec() {
    local box=$1 server=$2 LAB_USER LAB_COMMAND LAB_ENTER
    if [[ -n ${LAB_STATE_LOCK_FD:-} ]]; then
        exec {LAB_STATE_LOCK_FD}>&-
    fi
    "server_${server}_command" "$box"
    server_enter_as "$LAB_USER"
    exec nsenter --net="$LAB_DIR/ns/$box" -- setsid "${LAB_ENTER[@]}" /usr/bin/env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "${LAB_COMMAND[@]}"
}

server_start() {
    server_exec "$1" "$2" </dev/null >>"$LAB_DIR/log/$1.$2.log" 2>&1 &
    printf '%s\n' "$!" >"$LAB_DIR/pid/$1.$2"
}

# Prints those of SERVER's sockets that do not listen yet. Looks at the kernel's table inside the box: no packet is sent, so
# the SYN counters stay at what the scanner sent.
server_deaf_sockets() {
    local box=$1 server=$2
    server_sockets "$box" "$server" | awk '!wanted { listens[$4] = 1; next }
        {
            name = ($3 == 6 ? "[" $1 "]" : $1) ":" $2
            if (!(name in listens) && !(("*:" $2) in listens) && !(("[::]:" $2) in listens)) { print name }
        }' <(in_box "$box" ss -Hltn) wanted=1 -
}

server_fail() {
    say "$1: $2 $3; the end of its log:"
    tail -n 15 "$LAB_DIR/log/$1.$2.log" >&2 2>/dev/null
    exit 1
}

server_wait() {
    local box=$1 server=$2 deadline=$((SECONDS + LAB_WAIT_S)) deaf
    while true; do
        deaf=$(server_deaf_sockets "$box" "$server" | paste -sd' ')
        if [[ -z $deaf ]]; then
            return 0
        fi
        if ! server_is_alive "$box" "$server"; then
            server_fail "$box" "$server" "ended instead of listening on $deaf"
        fi
        if ((SECONDS >= deadline)); then
            server_fail "$box" "$server" "did not listen on $deaf within $LAB_WAIT_S s"
        fi
        sleep 0.05
    done
}

# Ends SERVER and every process of its session's group; returns when none is left.
server_stop() {
    local box=$1 server=$2 pid deadline=$((SECONDS + 5))
    pid=$(server_pid "$box" "$server") || return 0
    kill -TERM "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do
        sleep 0.02
    done
    kill -KILL -- "-$pid" 2>/dev/null
    while kill -0 -- "-$pid" 2>/dev/null; do
        if ((SECONDS >= deadline + 5)); then
            die "$box: $server (process $pid) did not end"
        fi
        sleep 0.02
    done
    rm -f "$LAB_DIR/pid/$box.$server"
}

# Starts what is to run in BOX and waits for it.
server_start_all() {
    local box=$1 server started=()
    for server in $(plan_servers "$box"); do
        if [[ -z ${STATE_SKIPPED[$server]:-} ]]; then
            server_start "$box" "$server"
            started+=("$server")
        fi
    done
    for server in "${started[@]}"; do
        server_wait "$box" "$server"
    done
}

server_stop_all() {
    local server
    for server in $(plan_servers "$1"); do
        server_stop "$1" "$server"
    done
}
