#include "auditd/protocol.h"
#include "auditd/store/read.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/stdfds.h"
#include "web/authority.h"
#include "web/sandbox.h"
#include "web/server.h"
#include "web/tls.h"

#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_MISUSE = WEB_EXIT_MISUSE,
    OPTION_DB = 'd',
    OPTION_LISTEN = 'l',
    OPTION_CONTROL = 'c',
    OPTION_TOKEN_REQUESTS = 0x100,
    OPTION_FAILURES,
    OPTION_CERTIFICATE,
    OPTION_KEY,
    OPTION_CLEARTEXT,
    OPTION_NAME,
    OPTION_PROXY,
    OPTION_PROXY_FIELDS,
    OPTION_USER_HEADER,
    OPTION_USER_DEFAULT,
    OPTION_CONNECTIONS,
    OPTION_ADDRESS_CONNECTIONS,
    OPTION_STREAMS,
    OPTION_TOKEN_STREAMS,
    OPTION_HEAD_MS,
    OPTION_REQUEST_MS,
};

enum { NAMES_MAX = 100 };

const char *argp_program_version = WEB_PROGRAM " " LEASTPORT_VERSION;

static const char help[] =
    "Serves Leastport's pages and its REST API from a database that it only reads.\v"
    "Without a certificate it listens on loopback only; to look from elsewhere give it one, or forward the port: "
    "ssh -L 8480:127.0.0.1:8480 HOST\n"
    "It starts while the database is not there yet, says so on every page, and shows it once an audit has made it.\n\n"
    "  leastport token create --db audit.db --name NAME   who asks needs a token\n"
    "  leastport-web --db audit.db                  pages at http://127.0.0.1:8480/\n\n"
    "SIGHUP reads certificate and key again; SIGTERM and SIGINT end it cleanly.\n"
    "Reverse proxies, users whom they name, and limits: docs/access.md\n"
    "Once it listens it writes \"listening URL\" to its standard output.\n"
    "Exit status: 0 ended by a signal, 2 misuse or it could not start.";

static const struct argp_option options[] = {
    {"db", OPTION_DB, "FILE", 0, "The database that leastport-auditd writes", 0},
    {"listen", OPTION_LISTEN, "ADDR:PORT", 0, "Where to listen (127.0.0.1:8480); 0: a free port", 0},
    {"control", OPTION_CONTROL, "SOCKET", 0, "auditd's control socket", 0},
    {"tls-certificate", OPTION_CERTIFICATE, "FILE", 0, "Serve TLS with this certificate and chain (PEM)", 0},
    {"tls-key", OPTION_KEY, "FILE", 0, "Its private key (PEM, without a password)", 0},
    {"cleartext-exposes-tokens", OPTION_CLEARTEXT, NULL, 0, "Listen beyond loopback without TLS", 0},
    {"name", OPTION_NAME, "NAME", 0, "A name of its own; repeats", 0},
    /* docs/access.md has these, as what they are called in the configuration. */
    {"trusted-proxy", OPTION_PROXY, "CIDR", OPTION_HIDDEN,
     "Believe what proxies at these addresses say of who asks; repeats. Whoever sends from there is believed", 0},
    {"proxy-fields", OPTION_PROXY_FIELDS, "x-forwarded|forwarded", OPTION_HIDDEN,
     "Which header fields they write: X-Forwarded-For, -Proto and -Host, or Forwarded (x-forwarded)", 0},
    {"user-header", OPTION_USER_HEADER, "NAME", OPTION_HIDDEN,
     "A field in which they name the user: who has a token of that name may what it may", 0},
    {"user-default", OPTION_USER_DEFAULT, "TOKEN", OPTION_HIDDEN,
     "The token's name for users without one of theirs (none)", 0},
    {"connections", OPTION_CONNECTIONS, "N", OPTION_HIDDEN, "At once, beside streams of events (1000)", 0},
    {"address-connections", OPTION_ADDRESS_CONNECTIONS, "N", OPTION_HIDDEN,
     "At once from one address, streams among them (512); loopback and proxies have no such limit", 0},
    {"streams", OPTION_STREAMS, "N", OPTION_HIDDEN, "Of events at once (10240)", 0},
    {"token-streams", OPTION_TOKEN_STREAMS, "N", OPTION_HIDDEN, "Of one token (1024)", 0},
    {"head-ms", OPTION_HEAD_MS, "MS", OPTION_HIDDEN, "A request's head must be there in this time (10000)", 0},
    {"request-ms", OPTION_REQUEST_MS, "MS", OPTION_HIDDEN, "And its answer be taken in this (60000)", 0},
    {"failures", OPTION_FAILURES, "N", OPTION_HIDDEN, "Failed attempts to sign in, from an address in a minute (10)",
     0},
    {"token-requests", OPTION_TOKEN_REQUESTS, "N", OPTION_HIDDEN, "Requests of a token in a minute (12000)", 0},
    {0},
};

/* What the command line says. */
struct arguments {
    struct server_options server;
    struct tls_files tls;
    const char *listen;
    const char *names[NAMES_MAX];
    bool exposes;
};

static void parse_listen(struct argp_state *state, const char *text, struct server_options *server)
{
    if (authority_parse_listen(text, &server->address, &server->port) != 0) {
        argp_error(state, "--listen %s: must be ADDR:PORT, like 127.0.0.1:8480 or [::1]:8480", text);
    }
}

static void check_arguments(struct argp_state *state, const struct arguments *arguments)
{
    const struct server_options *server = &arguments->server;

    if (server->db_path == NULL || server->db_path[0] == '\0') {
        argp_error(state, "--db FILE is missing: name the database, as in --db audit.db");
    }
    if ((arguments->tls.certificate == NULL) != (arguments->tls.key == NULL)) {
        argp_error(state, "--tls-certificate and --tls-key go together; %s is missing",
                   arguments->tls.key == NULL ? "--tls-key" : "--tls-certificate");
    }
    if (server->proxy.user_header != NULL && server->proxy.trusted_count == 0) {
        argp_error(state, "--user-header %s: nobody is trusted to name users; --trusted-proxy says who is",
                   server->proxy.user_header);
    }
    if (server->user_default != NULL && server->proxy.user_header == NULL) {
        argp_error(state, "--user-default %s: goes with --user-header", server->user_default);
    }
    if (!addr_is_loopback(&server->address) && arguments->tls.certificate == NULL && !arguments->exposes) {
        argp_error(
            state,
            "--listen %s: without TLS only loopback addresses (127.0.0.0/8, [::1]), because tokens would go over "
            "the network in cleartext; give it --tls-certificate and --tls-key, or use 127.0.0.1:PORT and forward "
            "it by ssh -L (--cleartext-exposes-tokens takes the risk)",
            arguments->listen);
    }
}

static uint32_t parse_count(struct argp_state *state, const char *name, const char *text)
{
    unsigned long count = 0;
    char *end = NULL;

    errno = 0;
    count = strtoul(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || count > 1000000000) {
        argp_error(state, "--%s %s: must be a whole number from 0 to 1000000000", name, text);
    }
    return (uint32_t)count;
}

/* Where none would mean that nothing is served. */
static uint32_t parse_some(struct argp_state *state, const char *name, const char *text)
{
    uint32_t count = parse_count(state, name, text);

    if (count == 0) {
        argp_error(state, "--%s 0: nothing would be served; 1 is the least", name);
    }
    return count;
}

static void parse_name(struct argp_state *state, struct arguments *arguments, const char *text)
{
    struct authority_names *names = &arguments->server.names;

    if (text[0] == '\0' || strpbrk(text, ":/[] ") != NULL) {
        argp_error(state, "--name %s: must be a host's name alone, like leastport.example.com", text);
    }
    if (names->count == NAMES_MAX) {
        argp_error(state, "--name %s: there are %d already", text, NAMES_MAX);
    }
    arguments->names[names->count++] = text;
    names->names = arguments->names;
}

static void parse_proxy(struct argp_state *state, struct proxy_options *proxy, const char *text)
{
    if (proxy->trusted_count == PROXY_TRUSTED_MAX) {
        argp_error(state, "--trusted-proxy %s: there are %d already", text, PROXY_TRUSTED_MAX);
    }
    if (prefix_parse(text, &proxy->trusted[proxy->trusted_count++]) != 0) {
        argp_error(state, "--trusted-proxy %s: must be an address or a CIDR, like 10.0.0.5 or 10.0.0.0/24", text);
    }
}

static void parse_proxy_fields(struct argp_state *state, struct proxy_options *proxy, const char *text)
{
    if (strcasecmp(text, "x-forwarded") == 0) {
        proxy->kind = PROXY_X_FORWARDED;
    } else if (strcasecmp(text, "forwarded") == 0) {
        proxy->kind = PROXY_FORWARDED;
    } else {
        argp_error(state, "--proxy-fields %s: must be x-forwarded or forwarded", text);
    }
}

/* True: it was one of those. */
static bool parse_proxy_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct server_options *server = &arguments->server;

    switch (key) {
    case OPTION_NAME:
        parse_name(state, arguments, argument);
        return true;
    case OPTION_PROXY:
        parse_proxy(state, &server->proxy, argument);
        return true;
    case OPTION_PROXY_FIELDS:
        parse_proxy_fields(state, &server->proxy, argument);
        return true;
    case OPTION_USER_HEADER:
        server->proxy.user_header = argument;
        return true;
    case OPTION_USER_DEFAULT:
        server->user_default = argument;
        return true;
    default:
        return false;
    }
}

static bool parse_limit(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct server_options *server = &arguments->server;

    switch (key) {
    case OPTION_FAILURES:
        server->failures = parse_count(state, "failures", argument);
        return true;
    case OPTION_TOKEN_REQUESTS:
        server->token_requests = parse_count(state, "token-requests", argument);
        return true;
    case OPTION_CONNECTIONS:
        server->connections = parse_some(state, "connections", argument);
        return true;
    case OPTION_ADDRESS_CONNECTIONS:
        server->address_connections = parse_count(state, "address-connections", argument);
        return true;
    case OPTION_STREAMS:
        server->streams = parse_count(state, "streams", argument);
        return true;
    case OPTION_TOKEN_STREAMS:
        server->token_streams = parse_count(state, "token-streams", argument);
        return true;
    case OPTION_HEAD_MS:
        server->head_ms = parse_some(state, "head-ms", argument);
        return true;
    case OPTION_REQUEST_MS:
        server->request_ms = parse_some(state, "request-ms", argument);
        return true;
    default:
        return false;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct server_options *server = &arguments->server;

    switch (key) {
    case OPTION_DB:
        server->db_path = argument;
        return 0;
    case OPTION_LISTEN:
        arguments->listen = argument;
        parse_listen(state, argument, server);
        return 0;
    case OPTION_CONTROL:
        server->control_path = argument;
        return 0;
    case OPTION_CERTIFICATE:
        arguments->tls.certificate = argument;
        return 0;
    case OPTION_KEY:
        arguments->tls.key = argument;
        return 0;
    case OPTION_CLEARTEXT:
        arguments->exposes = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument: %s", argument);
        return EINVAL;
    case ARGP_KEY_END:
        check_arguments(state, arguments);
        return 0;
    default:
        return parse_proxy_option(key, argument, state) || parse_limit(key, argument, state) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

static void explain_start(int rc, const struct server_options *server)
{
    char address[ADDR_TEXT_SIZE];

    addr_format(&server->address, address);
    if (rc == -EADDRINUSE) {
        log_error("port %u on %s is in use by another program; end it or choose another with --listen %s:PORT",
                  server->port, address, address);
    } else if (rc == -EACCES) {
        log_error("port %u on %s needs more rights; choose one of 1024 or above with --listen", server->port, address);
    } else if (rc == -EADDRNOTAVAIL) {
        log_error("this machine has no address %s; listen on 127.0.0.1", address);
    } else {
        log_error("cannot listen on %s port %u: %s", address, server->port, strerror(-rc));
    }
}

/* The database's -wal and -shm are made by whoever opens it first, which in the sandbox nobody can. */
static void open_once(const char *db_path)
{
    char error[STORE_READ_ERROR_SIZE];
    struct store_reader *reader = NULL;

    /* What is wrong with it every page says. */
    if (store_reader_open(db_path, error, &reader) == 0) {
        store_reader_close(reader);
    }
}

static int start_confined(const struct arguments *arguments, struct server *server)
{
    const char *const files[] = {arguments->server.db_path, arguments->tls.certificate, arguments->tls.key};
    enum sandbox_step step = SANDBOX_CHECK;
    struct sandbox sandbox;
    int rc;

    open_once(arguments->server.db_path);
    rc = sandbox_enter(files, sizeof(files) / sizeof(*files), &step, &sandbox);
    if (rc != 0) {
        log_error("%s failed, and without that nothing is served: %s", sandbox_step_name(step), strerror(-rc));
        return rc;
    }
    if (sandbox.landlock_abi == 0) {
        log_warning("this kernel has no Landlock (or it is not among those of its lsm= parameter): seccomp alone keeps "
                    "this process from writing and running files, and it may read what its user may");
    }
    rc = server_start(server, &sandbox);
    if (rc != 0) {
        log_error("cannot serve: %s", strerror(-rc));
    }
    return rc;
}

static int announce(const struct server *server, const struct server_options *server_options)
{
    char address[ADDR_TEXT_SIZE];
    bool is_ipv6 = server_options->address.is_ipv6 != 0;

    addr_format(&server_options->address, address);
    printf("%shttp%s://%s%s%s:%u/\n", WEB_LISTENING, server_options->tls == NULL ? "" : "s", is_ipv6 ? "[" : "",
           address, is_ipv6 ? "]" : "", server_port(server));
    return fflush(stdout) == 0 ? 0 : -errno;
}

static void reload(const struct arguments *arguments)
{
    char error[TLS_ERROR_SIZE] = "";
    char ends[WALL_TEXT_SIZE];
    struct tls *tls = arguments->server.tls;

    if (tls == NULL) {
        log_notice("there is no certificate to read again: TLS is not served");
    } else if (tls_reload(tls, error) != 0) {
        log_error("the certificate was not changed, the one before it goes on: %s", error);
    } else {
        log_notice("new connections meet the certificate that was read again; it ends at %s",
                   wall_format(tls_ends_ms(tls), ends));
    }
}

/* Until a signal ends it. Blocked before any thread starts, so that only sigwait() takes them. */
static void wait_for_end(const struct arguments *arguments, const sigset_t *signals)
{
    int number = 0;

    while (sigwait(signals, &number) == 0 && number == SIGHUP) {
        reload(arguments);
    }
}

/* A terminal's end is ours, a service's SIGHUP asks for another certificate. */
static void block_signals(sigset_t *ret_signals)
{
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    if (isatty(STDERR_FILENO) != 1) {
        sigaddset(ret_signals, SIGHUP);
    }
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int serve(struct arguments *arguments, const sigset_t *signals)
{
    char error[TLS_ERROR_SIZE] = "";
    struct server *server = NULL;
    int rc = 0;

    if (arguments->tls.certificate != NULL) {
        rc = tls_create(&arguments->tls, error, &arguments->server.tls);
    }
    if (rc != 0) {
        log_error("TLS cannot be served: %s", error);
        return rc;
    }
    rc = server_open(&arguments->server, &server);
    if (rc != 0) {
        explain_start(rc, &arguments->server);
    } else {
        rc = start_confined(arguments, server);
        if (rc == 0) {
            rc = announce(server, &arguments->server);
            if (rc == 0) {
                wait_for_end(arguments, signals);
            } else {
                log_error("cannot write to standard output: %s", strerror(-rc));
            }
        }
        server_stop(server);
    }
    tls_destroy(arguments->server.tls);
    return rc;
}

/* Each connection is one: as many as this user may have. With fewer the library accepts fewer. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse_option, NULL, help, NULL, NULL, NULL};
    struct arguments arguments = {.server = server_options_default()};
    sigset_t signals;

    setlocale(LC_ALL, "");
    log_init(WEB_PROGRAM, LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
    if (stdfds_fill() < 0) {
        log_error("/dev/null cannot be opened in place of a standard descriptor that is closed");
        return EXIT_MISUSE;
    }
    argp_err_exit_status = EXIT_MISUSE;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (sodium_init() < 0) {
        log_error("libsodium cannot start");
        return EXIT_MISUSE;
    }
    raise_descriptors();
    block_signals(&signals);
    return serve(&arguments, &signals) == 0 ? EXIT_SUCCESS : EXIT_MISUSE;
}
