#include "web/sandbox.h"

#include "auditd/protocol.h"
#include "auditd/store/read.h"
#include "web/landlock.h"
#include "web/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/leastport-sandbox-XXXXXX";
static char db_path[64];
static char wal_path[80];
static char shm_path[80];
static char socket_path[80];
static sqlite3 *writer; /* as auditd has it, all the time */

static int make_database(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(db_path, sizeof(db_path), "%s/audit.db", folder);
    snprintf(wal_path, sizeof(wal_path), "%s-wal", db_path);
    snprintf(shm_path, sizeof(shm_path), "%s-shm", db_path);
    snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
    if (sqlite3_open(db_path, &writer) != SQLITE_OK) {
        return -1;
    }
    return sqlite3_exec(writer,
                        "PRAGMA journal_mode = WAL; PRAGMA application_id = 1819505776; CREATE TABLE t (a INTEGER) "
                        "STRICT; INSERT INTO t VALUES (1)",
                        NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : -1;
}

static int remove_database(void **state)
{
    const char *const paths[] = {db_path, wal_path, shm_path, socket_path};
    (void)state;
    sqlite3_close(writer);
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        unlink(paths[i]);
    }
    return rmdir(folder);
}

/* What a child found: written down as text, so that a failure says what it was. */
struct tried {
    char text[4096];
};

static void try(struct tried *tried, const char *what, bool is_as_meant)
{
    size_t length = strlen(tried->text);
    if (!is_as_meant) {
        snprintf(tried->text + length, sizeof(tried->text) - length, "%s (%s)\n", what, strerror(errno));
    }
}

/* Runs it in a process of its own, which it confines, and `meanwhile` beside it; what it wrote down must be nothing. */
static void in_a_child_beside(void (*run)(struct tried *tried), void (*meanwhile)(void))
{
    struct tried *tried = mmap(NULL, sizeof(*tried), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    pid_t child;
    assert_ptr_not_equal(tried, MAP_FAILED);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run(tried);
        _exit(0);
    }
    if (meanwhile != NULL) {
        meanwhile();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_equal(tried->text, "");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    munmap(tried, sizeof(*tried));
}

static void in_a_child(void (*run)(struct tried *tried))
{
    in_a_child_beside(run, NULL);
}

static bool is_refused(int fd, int error)
{
    int met = errno;
    if (fd >= 0) {
        close(fd);
        errno = 0;
        return false;
    }
    errno = met;
    return met == error;
}

static void try_writing(struct tried *tried)
{
    const char *const paths[] = {db_path, wal_path, shm_path};
    char moved[80];
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        snprintf(moved, sizeof(moved), "%s.moved", paths[i]);
        try(tried, "open for writing", is_refused(open(paths[i], O_WRONLY), EACCES));
        try(tried, "open for both", is_refused(open(paths[i], O_RDWR), EACCES));
        try(tried, "open for appending", is_refused(open(paths[i], O_WRONLY | O_APPEND), EACCES));
        try(tried, "open to truncate", is_refused(open(paths[i], O_RDONLY | O_TRUNC), EACCES));
        try(tried, "remove", unlink(paths[i]) == -1 && (errno == EPERM || errno == EACCES));
        try(tried, "move", rename(paths[i], moved) == -1 && (errno == EPERM || errno == EACCES));
        try(tried, "truncate", truncate(paths[i], 0) == -1 && (errno == EPERM || errno == EACCES));
    }
    snprintf(moved, sizeof(moved), "%s/new", folder);
    try(tried, "make a file", is_refused(open(moved, O_WRONLY | O_CREAT, 0600), EACCES));
    try(tried, "make a nameless file", is_refused(open(folder, O_TMPFILE | O_RDWR, 0600), EACCES));
    try(tried, "make a folder", mkdir(moved, 0700) == -1 && (errno == EPERM || errno == EACCES));
}

/* By SQLite's own means, told that it may write. */
static void try_sqlite(struct tried *tried)
{
    sqlite3 *db = NULL;
    int code;
    try(tried, "SQLite opens", sqlite3_open(db_path, &db) == SQLITE_OK);
    code = sqlite3_exec(db, "INSERT INTO t VALUES (2)", NULL, NULL, NULL);
    try(tried, "SQLite refuses to insert", (code & 0xff) == SQLITE_READONLY || (code & 0xff) == SQLITE_CANTOPEN);
    try(tried, "SQLite reads", sqlite3_exec(db, "SELECT a FROM t", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void try_sockets(struct tried *tried)
{
    static const struct {
        const char *name;
        int domain;
        int type;
        int protocol;
    } kinds[] = {
        {"raw IPv4", AF_INET, SOCK_RAW, IPPROTO_TCP},
        {"raw IPv6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
        {"packet", AF_PACKET, SOCK_RAW, 0},
        {"TCP", AF_INET, SOCK_STREAM, 0},
        {"UDP", AF_INET, SOCK_DGRAM, 0},
        {"netlink", AF_NETLINK, SOCK_RAW, 0},
        {"UNIX datagrams", AF_UNIX, SOCK_DGRAM, 0},
        {"raw, with flags", AF_INET, SOCK_RAW | SOCK_CLOEXEC, 255},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        try(tried, kinds[i].name, is_refused(socket(kinds[i].domain, kinds[i].type, kinds[i].protocol), EPERM));
    }
}

static void try_running(struct tried *tried, int error)
{
    char *const args[] = {(char *)(uintptr_t) "true", NULL};
    int fd = open("/proc/self/exe", O_RDONLY);
    execv("/bin/true", args);
    try(tried, "run a program", errno == error);
    if (fd >= 0) {
        char *const none[] = {NULL};
        fexecve(fd, args, none);
        try(tried, "run an open file", errno == error);
        close(fd);
    }
}

static void *run_thread(void *context)
{
    *(bool *)context = true;
    return NULL;
}

static void try_what_is_needed(struct tried *tried)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char error[STORE_READ_ERROR_SIZE] = "";
    struct store_reader *reader = NULL;
    bool ran = false;
    pthread_t thread;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    try(tried, "reach the control socket", connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    close(fd);
    try(tried, "make a thread", pthread_create(&thread, NULL, run_thread, &ran) == 0);
    pthread_join(thread, NULL);
    try(tried, "which ran", ran);
    /* It is open and read: of no version that is known. */
    rc = store_reader_open(db_path, error, &reader);
    try(tried, error, rc == -EAGAIN);
}

static void listen_on_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
}

static void run_confined(struct tried *tried)
{
    const char *const files[] = {db_path};
    enum sandbox_step step = SANDBOX_CHECK;
    struct sandbox sandbox = {0};
    int rc = sandbox_enter(files, 1, &step, &sandbox);
    try(tried, sandbox_step_name(step), rc == 0 && sandbox.is_entered);
    try_writing(tried);
    try_sqlite(tried);
    try_sockets(tried);
    try_running(tried, EPERM);
    try(tried, "make a process", fork() == -1);
    try(tried, "memory of code",
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    try_what_is_needed(tried);
    if (sandbox.landlock_abi > 0) {
        try(tried, "read what is none of its files", is_refused(open("/etc/passwd", O_RDONLY), EACCES));
    }
}

static void confined_it_reads_and_does_nothing_else(void **state)
{
    (void)state;
    listen_on_socket();
    in_a_child(run_confined);
}

static void run_in_seccomp_alone(struct tried *tried)
{
    int rc = syscalls_confine();
    try(tried, "confine", rc == 0);
    try_writing(tried);
    try_sqlite(tried);
    try_sockets(tried);
    try_running(tried, EPERM);
}

static void seccomp_alone_keeps_it_from_writing(void **state)
{
    (void)state;
    in_a_child(run_in_seccomp_alone);
}

static void run_in_landlock_alone(struct tried *tried)
{
    const char *const folders[] = {folder, "/nowhere/at/all"};
    unsigned abi = 0;
    int rc = landlock_enter(folders, 2, &abi);
    try(tried, "enter", rc == 0);
    if (abi == 0) {
        return; /* a kernel without: sandbox.h says so, and so does the server */
    }
    try_writing(tried);
    try_sqlite(tried);
    try_running(tried, EACCES);
    try(tried, "read what is none of its files", is_refused(open("/etc/passwd", O_RDONLY), EACCES));
    if (abi >= 6) {
        try(tried, "signal another process", kill(getppid(), 0) == -1 && errno == EPERM);
    }
}

static void landlock_alone_keeps_it_from_writing(void **state)
{
    (void)state;
    in_a_child(run_in_landlock_alone);
}

/* While a writer commits, cuts its log and starts it anew, readers that cannot write the log's index see it all. */
static void run_reader(struct tried *tried)
{
    const char *const files[] = {db_path};
    enum sandbox_step step = SANDBOX_CHECK;
    struct sandbox sandbox;
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t last = 0;
    bool is_sound = sandbox_enter(files, 1, &step, &sandbox) == 0;
    try(tried, "open", sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    sqlite3_busy_timeout(db, 1000);
    try(tried, "prepare", sqlite3_prepare_v2(db, "SELECT max(a) FROM t", -1, &statement, NULL) == SQLITE_OK);
    while (is_sound && last < 1000) {
        int code = sqlite3_step(statement);
        int64_t now = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
        is_sound = code == SQLITE_ROW && now >= last;
        try(tried, sqlite3_errmsg(db), is_sound);
        last = now;
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void write_on(void)
{
    char sql[96];
    sqlite3_busy_timeout(writer, 60000);
    sqlite3_exec(writer, "PRAGMA wal_autocheckpoint = 8; PRAGMA synchronous = OFF", NULL, NULL, NULL);
    for (int i = 2; i <= 1000; i++) {
        snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%d)%s", i,
                 i % 50 == 0 ? "; PRAGMA wal_checkpoint(TRUNCATE)" : "");
        assert_int_equal(sqlite3_exec(writer, sql, NULL, NULL, NULL), SQLITE_OK);
    }
}

static void readers_follow_a_writer(void **state)
{
    (void)state;
    in_a_child_beside(run_reader, write_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confined_it_reads_and_does_nothing_else),
        cmocka_unit_test(seccomp_alone_keeps_it_from_writing),
        cmocka_unit_test(landlock_alone_keeps_it_from_writing),
        cmocka_unit_test(readers_follow_a_writer),
    };
    return cmocka_run_group_tests(tests, make_database, remove_database);
}
