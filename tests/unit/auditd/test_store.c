#include "tests/unit/auditd/fixture.h"

#include "auditd/store/migration.h"

#include "auditd/protocol.h"
#include "auditd/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static struct store_error try_open(const char *path, const struct store_options *options, int expected)
{
    struct store_error error = {0};
    struct store *store = NULL;
    int rc = store_open(path, options, &store, &error);

    store_close(store);
    if (rc != expected) {
        fail_msg("store_open(%s): %d, not %d: %s", path, rc, expected, error.text);
    }
    return error;
}

static void close_store(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

/* Runs SQL on the closed database, as another program would. */
static void run_foreign(const char *path, const char *sql)
{
    sqlite3 *database = NULL;

    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void remove_made(const struct fixture *fixture)
{
    static const char *const made[] = {"a/b/x.db", "a/b/x.db-wal", "a/b/x.db-shm", "a/b/x.db.lock", "a/b", "a"};
    char path[160];

    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        snprintf(path, sizeof(path), "%s/%s", fixture->folder, made[i]);
        assert_int_equal(remove(path), 0);
    }
}

static void makes_file_and_folders(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = store_options_default();
    struct store_error error;
    char path[160];
    struct stat status;

    snprintf(path, sizeof(path), "%s/a/b/x.db", fixture->folder);
    umask(0);
    /* The folder that it is in is made, but not a tree that was likely never meant. */
    error = try_open(path, &options, -ENOENT);
    assert_int_equal(error.fault, STORE_FAULT_MISSING);
    assert_non_null(strstr(error.text, "/a/b cannot be made: No such file or directory"));
    options.create_folders = true;
    try_open(path, &options, 0);
    remove_made(fixture);
    options.create_folders = false;
    snprintf(path, sizeof(path), "%s/a", fixture->folder);
    assert_int_equal(mkdir(path, 0750), 0);
    snprintf(path, sizeof(path), "%s/a/b/x.db", fixture->folder);
    try_open(path, &options, 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    snprintf(path, sizeof(path), "%s/a", fixture->folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0750);
    remove_made(fixture);
}

static void sets_what_a_reader_needs(void **state)
{
    struct fixture *fixture = *state;
    char path[128];

    assert_int_equal(fixture_int(fixture, "PRAGMA application_id"), STORE_APPLICATION_ID);
    assert_int_equal(fixture_int(fixture, "PRAGMA user_version"), store_schema_version());
    assert_string_equal(fixture_text(fixture, "PRAGMA journal_mode"), "wal");
    assert_int_equal(fixture_int(fixture, "PRAGMA synchronous"), 2);
    assert_int_equal(fixture_int(fixture, "PRAGMA foreign_keys"), 1);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM sqlite_schema WHERE name = 'finding'"), 1);
    close_store(fixture);
    /* They outlive the writer: a read-only reader needs them. */
    snprintf(path, sizeof(path), "%s-wal", fixture->path);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%s-shm", fixture->path);
    assert_int_equal(access(path, F_OK), 0);
    fixture_open(fixture);
    assert_int_equal(fixture_int(fixture, "PRAGMA user_version"), store_schema_version());
}

/* A database of the first version, with a scan in it, goes on as if it had been made today. */
static void migrates_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    char sql[128];
    char tables[512];

    snprintf(tables, sizeof(tables), "%s", fixture_text(fixture, "SELECT group_concat(name) FROM sqlite_schema"));
    close_store(fixture);
    snprintf(sql, sizeof(sql), "%s", fixture->path);
    unlink(sql);
    snprintf(sql, sizeof(sql), "%s-wal", fixture->path);
    unlink(sql);
    run_foreign(fixture->path, store_migrations[0].sql);
    snprintf(sql, sizeof(sql),
             "PRAGMA application_id = %d; PRAGMA user_version = 1; INSERT INTO realm VALUES (7, 'r', 1)",
             STORE_APPLICATION_ID);
    run_foreign(fixture->path, sql);
    fixture_open(fixture);
    assert_int_equal(fixture_int(fixture, "PRAGMA user_version"), store_schema_version());
    assert_int_equal(fixture_int(fixture, "SELECT id FROM realm WHERE name = 'r'"), 7);
    assert_string_equal(fixture_text(fixture, "SELECT group_concat(name) FROM sqlite_schema"), tables);
}

static void refuses_a_newer_version(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = store_options_default();
    struct store_error error;

    close_store(fixture);
    run_foreign(fixture->path, "PRAGMA user_version = 999");
    error = try_open(fixture->path, &options, -EPROTO);
    assert_int_equal(error.fault, STORE_FAULT_NEWER);
    assert_non_null(strstr(error.text, "schema 999"));
}

static void refuses_another_applications(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = store_options_default();
    static const char *const made[] = {"CREATE TABLE t (x)", "PRAGMA application_id = 7; CREATE TABLE t (x)",
                                       "PRAGMA user_version = 3"};
    char path[160];

    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        struct store_error error;
        snprintf(path, sizeof(path), "%s/other.db", fixture->folder);
        run_foreign(path, made[i]);
        error = try_open(path, &options, -EBADMSG);
        assert_int_equal(error.fault, STORE_FAULT_FOREIGN);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/other.db.lock", fixture->folder);
    unlink(path);
}

static void write_text(const char *path, const char *text, long offset)
{
    FILE *file = fopen(path, offset == 0 ? "w" : "r+");

    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    fputs(text, file);
    fclose(file);
}

static void refuses_what_is_no_database(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = store_options_default();
    struct store_error error;

    close_store(fixture);
    fixture_remove(fixture);
    mkdir(fixture->folder, 0700);
    write_text(fixture->path, "Dear diary, this is a text that is much longer than nothing at all, and no database\n",
               0);
    error = try_open(fixture->path, &options, -EBADMSG);
    assert_int_equal(error.fault, STORE_FAULT_NOT_DATABASE);
    assert_non_null(strstr(error.text, fixture->path));
    error = try_open(fixture->folder, &options, -EISDIR);
    assert_int_equal(error.fault, STORE_FAULT_NOT_DATABASE);
    /* What is there is never overwritten. */
    FILE *file = fopen(fixture->path, "r");
    assert_int_equal(fgetc(file), 'D');
    fclose(file);
}

static void refuses_a_corrupt_one(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = store_options_default();
    char garbage[4097];
    struct store_error error;

    assert_int_equal(sqlite3_exec(store_database(fixture->store), "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    close_store(fixture);
    memset(garbage, 'x', sizeof(garbage) - 1);
    garbage[4096] = '\0';
    /* The second page: the header and the schema's root stay as they are. */
    write_text(fixture->path, garbage, 4096L * 3);
    error = try_open(fixture->path, &options, -EUCLEAN);
    assert_int_equal(error.fault, STORE_FAULT_CORRUPT);
    assert_non_null(strstr(error.text, "restore a backup"));
}

static void names_the_process_that_holds_the_lock(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = store_options_default();
    struct store_error error;
    char pid[32];
    pid_t holder;

    assert_int_equal(store_lock_holder(fixture->path, &holder), 0);
    assert_int_equal(holder, getpid());
    error = try_open(fixture->path, &options, -EBUSY);
    assert_int_equal(error.fault, STORE_FAULT_LOCKED);
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_non_null(strstr(error.text, pid));
    /* The whole name, where the kernel's own has 15 bytes. */
    assert_non_null(strstr(error.text, "unit_auditd_test_store"));
    close_store(fixture);
    assert_int_equal(store_lock_holder(fixture->path, &holder), -ENOENT);
    try_open(fixture->path, &options, 0);
}

/* A process that died leaves its number in the file, and no lock. */
static void a_dead_holder_holds_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = store_options_default();
    pid_t holder;
    pid_t pid;

    close_store(fixture);
    pid = fork();
    if (pid == 0) {
        fixture_open(fixture);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(store_lock_holder(fixture->path, &holder), -ENOENT);
    try_open(fixture->path, &options, 0);
}

/* It was killed while it started another program, which has its lock for a little longer. */
static void a_dead_holder_is_waited_out(void **state)
{
    struct fixture *fixture = *state;
    const struct store_options options = store_options_default();
    const struct timespec while_it_begins = {.tv_nsec = 300000000};
    pid_t pid;

    close_store(fixture);
    pid = fork();
    if (pid == 0) {
        fixture_open(fixture);
        if (fork() == 0) {
            nanosleep(&while_it_begins, NULL);
            _exit(0);
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    try_open(fixture->path, &options, 0);
}

/* A shell or a backup that is no Leastport takes SQLite's lock, not ours. */
static void says_that_a_stranger_has_it_locked(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = store_options_default();
    sqlite3 *stranger = NULL;

    close_store(fixture);
    options.busy_ms = 1;
    assert_int_equal(sqlite3_open(fixture->path, &stranger), SQLITE_OK);
    assert_int_equal(sqlite3_exec(stranger, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_open(fixture->path, &options, &fixture->store, &(struct store_error){0}), 0);
    assert_int_equal(store_begin(fixture->store), -EBUSY);
    assert_int_equal(store_last_error(fixture->store)->fault, STORE_FAULT_LOCKED);
    assert_non_null(strstr(store_last_error(fixture->store)->text, "another process"));
    sqlite3_close(stranger);
    assert_int_equal(store_begin(fixture->store), 0);
    store_rollback(fixture->store);
}

static void does_not_make_what_it_must_not(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = store_options_default();
    struct store_error error;
    char path[160];

    options.create = false;
    snprintf(path, sizeof(path), "%s/none/x.db", fixture->folder);
    error = try_open(path, &options, -ENOENT);
    assert_int_equal(error.fault, STORE_FAULT_MISSING);
    snprintf(path, sizeof(path), "%s/x.db", fixture->folder);
    error = try_open(path, &options, -ENOENT);
    assert_int_equal(error.fault, STORE_FAULT_MISSING);
    assert_int_equal(access(path, F_OK), -1);
    options.create = true;
    snprintf(path, sizeof(path), "%s/x.db", fixture->path);
    error = try_open(path, &options, -ENOTDIR);
    assert_int_equal(error.fault, STORE_FAULT_MISSING);
}

/* Root may write anywhere: the attempt is made by nobody, in a process of its own. Its exit status is the fault. */
static int fault_as_nobody(const char *path)
{
    const struct store_options options = store_options_default();
    struct store_error error = {0};
    struct store *store = NULL;
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) {
            _exit(99);
        }
        _exit(store_open(path, &options, &store, &error) == 0 ? 0 : (int)error.fault);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void says_what_is_read_only(void **state)
{
    struct fixture *fixture = *state;
    char path[160];

    close_store(fixture);
    assert_int_equal(chmod(fixture->path, 0444), 0);
    assert_int_equal(chmod(fixture->folder, 0755), 0);
    assert_int_equal(fault_as_nobody(fixture->path), STORE_FAULT_READ_ONLY);
    snprintf(path, sizeof(path), "%s/new.db", fixture->folder);
    assert_int_equal(chmod(fixture->folder, 0555), 0);
    assert_int_equal(fault_as_nobody(path), STORE_FAULT_READ_ONLY);
    snprintf(path, sizeof(path), "%s/new/x.db", fixture->folder);
    assert_int_equal(fault_as_nobody(path), STORE_FAULT_READ_ONLY);
    assert_int_equal(chmod(fixture->folder, 0755), 0);
}

/* No room even for the schema: nothing half-made stays, and the next open with room begins anew. */
static void a_full_disk_leaves_no_half_schema(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = store_options_default();
    struct store_error error;

    close_store(fixture);
    fixture_remove(fixture);
    mkdir(fixture->folder, 0700);
    options.max_pages = 5;
    error = try_open(fixture->path, &options, -ENOSPC);
    assert_int_equal(error.fault, STORE_FAULT_FULL);
    options.max_pages = 0;
    try_open(fixture->path, &options, 0);
}

static void gives_random_version_4_uuids(void **state)
{
    char uuid[STORE_UUID_SIZE];
    char other[STORE_UUID_SIZE];

    (void)state;
    store_uuid(uuid);
    store_uuid(other);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
    assert_string_not_equal(uuid, other);
}

static void rolls_back_what_was_not_committed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(store_begin(fixture->store), 0);
    assert_int_equal(
        store_run(fixture->store, "INSERT INTO realm (name, created_at) VALUES (?, ?)", "ti", "r", INT64_C(1)), 0);
    assert_true(store_in_transaction(fixture->store));
    close_store(fixture);
    fixture_open(fixture);
    assert_int_equal(fixture_int(fixture, "SELECT count(*) FROM realm"), 0);
    /* A broken rule of the schema is an error with words, not a crash. */
    assert_int_equal(store_run(fixture->store, "INSERT INTO asset (uuid, realm_id, created_at) VALUES (?, ?, ?)", "tii",
                               "u", INT64_C(77), INT64_C(1)),
                     -EINVAL);
    assert_non_null(strstr(store_last_error(fixture->store)->text, "FOREIGN KEY"));
    store_close(NULL);
    store_lock_release(NULL);
}

struct words {
    const char *proto, *presence, *disposition, *sight, *severity;
};

static int insert_finding(sqlite3 *database, struct words words)
{
    char sql[1024];

    snprintf(
        sql, sizeof(sql),
        "INSERT INTO finding (uuid, fingerprint, asset_id, proto, port, kind, presence, disposition, sight, severity,"
        " severity_rank, service, rule_id, policy_id, service_weight, breadth, breadth_class, evidence, evidence_kind,"
        " need, need_kind, penalty, title, why, fix, first_seen, last_seen, changed_at, first_scan_id, last_scan_id)"
        " VALUES (hex(randomblob(8)), hex(randomblob(8)), 1, '%s', 1, 'k', '%s', '%s', '%s', '%s', 1, '', '', 1, 1,"
        " 1, '', 1, '', 1, '', 1, '', '', '', 1, 1, 1, 1, 1)",
        words.proto, words.presence, words.disposition, words.sight, words.severity);
    return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

/* The schema's own text was changed once, by its words: what it says is still what SQLite asks for. */
static void takes_no_word_that_is_none(void **state)
{
    static const char *const presences[] = {"NEW", "OPEN", "VERIFYING", "FIXED", "REAPPEARED", "ALLOWED", "FOLDED"};
    static const char *const dispositions[] = {"NONE", "ACKNOWLEDGED", "WAIVED"};
    static const char *const sights[] = {"FRESH", "STALE", "RETIRED"};
    static const char *const severities[] = {"low", "medium", "high", "critical"};
    struct fixture *fixture = *state;
    sqlite3 *database = NULL;

    close_store(fixture);
    assert_int_equal(sqlite3_open(fixture->path, &database), SQLITE_OK);
    for (size_t i = 0; i < 7 * 3 * 3 * 4; i++) {
        assert_int_equal(insert_finding(database, (struct words){i % 2 == 0 ? "tcp" : "udp", presences[i % 7],
                                                                 dispositions[i / 7 % 3], sights[i / 21 % 3],
                                                                 severities[i / 63 % 4]}),
                         SQLITE_OK);
    }
    assert_int_equal(insert_finding(database, (struct words){"sctp", "NEW", "NONE", "FRESH", "low"}),
                     SQLITE_CONSTRAINT);
    assert_int_equal(insert_finding(database, (struct words){"tcp", "new", "NONE", "FRESH", "low"}), SQLITE_CONSTRAINT);
    assert_int_equal(insert_finding(database, (struct words){"tcp", "NEW", "", "FRESH", "low"}), SQLITE_CONSTRAINT);
    assert_int_equal(insert_finding(database, (struct words){"tcp", "NEW", "NONE", "GONE", "low"}), SQLITE_CONSTRAINT);
    assert_int_equal(insert_finding(database, (struct words){"tcp", "NEW", "NONE", "FRESH", "none"}),
                     SQLITE_CONSTRAINT);
    /* A list of more than two costs each statement a table of its own. */
    assert_int_equal(
        sqlite3_exec(database,
                     "CREATE TEMP TABLE refused (n INTEGER CHECK (n = 0)); INSERT INTO refused SELECT"
                     " count(*) FROM sqlite_schema WHERE name = 'finding' AND (sql LIKE '%presence IN %' OR sql LIKE"
                     " '%disposition IN %' OR sql LIKE '%sight IN %' OR sql LIKE '%severity IN %')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(database);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(makes_file_and_folders),
        WITH_STORE(sets_what_a_reader_needs),
        WITH_STORE(migrates_what_is_there),
        WITH_STORE(refuses_a_newer_version),
        WITH_STORE(refuses_another_applications),
        WITH_STORE(refuses_what_is_no_database),
        WITH_STORE(refuses_a_corrupt_one),
        WITH_STORE(names_the_process_that_holds_the_lock),
        WITH_STORE(a_dead_holder_holds_nothing),
        WITH_STORE(a_dead_holder_is_waited_out),
        WITH_STORE(says_that_a_stranger_has_it_locked),
        WITH_STORE(does_not_make_what_it_must_not),
        WITH_STORE(says_what_is_read_only),
        WITH_STORE(a_full_disk_leaves_no_half_schema),
        WITH_STORE(gives_random_version_4_uuids),
        WITH_STORE(takes_no_word_that_is_none),
        WITH_STORE(rolls_back_what_was_not_committed),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
