#include "auditd/soundness.h"

#include "auditd/finding/life.h"
#include "auditd/policy/policy.h"
#include "auditd/store/finding.h"
#include "auditd/store/invariant.h"
#include "auditd/store/sql.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { SOUNDNESS_COLUMNS = 3, SOUNDNESS_WORD_SIZE = 24, SOUNDNESS_HASH_BYTES = 32 };

struct sounding {
    struct store *store;
    struct soundness_flaw flaw; /* of what is looked at just now */
};

static void sounding_note(struct sounding *sounding, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void sounding_note(struct sounding *sounding, const char *format, ...)
{
    va_list arguments;

    if (sounding->flaw.count++ == 0) {
        va_start(arguments, format);
        vsnprintf(sounding->flaw.where, sizeof(sounding->flaw.where), format, arguments);
        va_end(arguments);
    }
}

/* ---- the file ---- */

static int sound_pages(struct sounding *sounding)
{
    sqlite3_stmt *row;
    int rc = store_query(sounding->store, &row, "PRAGMA integrity_check(100)", "");

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(sounding->store, row)) == 1) {
        if (strcmp(store_text(row, 0), "ok") != 0) {
            sounding_note(sounding, "%.300s", store_text(row, 0));
        }
    }
    return rc;
}

static int sound_references(struct sounding *sounding)
{
    sqlite3_stmt *row;
    int rc = store_query(sounding->store, &row, "PRAGMA foreign_key_check", "");

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(sounding->store, row)) == 1) {
        sounding_note(sounding, "%.60s %" PRId64 " names a row of %.60s that is not there", store_text(row, 0),
                      (int64_t)sqlite3_column_int64(row, 1), store_text(row, 2));
    }
    return rc;
}

/* ---- lives ---- */

/* Where a finding's columns stand after the events so far; "" before the first of a column. */
struct sounding_life {
    int64_t finding_id;
    char at[SOUNDNESS_COLUMNS][SOUNDNESS_WORD_SIZE];
};

static const char *const sounding_columns[SOUNDNESS_COLUMNS] = {"presence", "disposition", "sight"};

static bool sound_move_is_legal(int column, const char *was, const char *became)
{
    struct life_move move;
    enum presence presence, presence_to;
    enum disposition disposition, disposition_to;
    enum sight sight, sight_to;

    switch (column) {
    case 0:
        return presence_parse(was, &presence) == 0 && presence_parse(became, &presence_to) == 0 &&
               presence_move(&presence, presence_to, &move) == 1;
    case 1:
        return disposition_parse(was, &disposition) == 0 && disposition_parse(became, &disposition_to) == 0 &&
               disposition_move(&disposition, disposition_to, &move) == 1;
    default:
        return sight_parse(was, &sight) == 0 && sight_parse(became, &sight_to) == 0 &&
               sight_move(&sight, sight_to, &move) == 1;
    }
}

/* The first event of all says what the finding came as: it was nothing before. */
static bool sound_is_birth(int column, const char *was, const char *became)
{
    return column == 0 && was[0] == '\0' && strcmp(became, "NEW") == 0;
}

/* All events of all findings in order; `each` gets a finding's columns behind each event. */
static int sound_walk_events(struct sounding *sounding, bool ask_legal)
{
    struct sounding_life life = {.finding_id = -1};
    sqlite3_stmt *row;
    int rc = store_query(sounding->store, &row,
                         "SELECT finding_id, what, was, became, id FROM finding_event"
                         " WHERE what IN ('presence', 'disposition', 'sight') ORDER BY finding_id, id",
                         "");

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(sounding->store, row)) == 1) {
        const char *was = store_text(row, 2);
        const char *became = store_text(row, 3);
        int column = 0;
        char *at;

        while (column < SOUNDNESS_COLUMNS - 1 && strcmp(store_text(row, 1), sounding_columns[column]) != 0) {
            column++;
        }
        if (sqlite3_column_int64(row, 0) != life.finding_id) {
            life = (struct sounding_life){.finding_id = sqlite3_column_int64(row, 0)};
        }
        at = life.at[column];
        if (ask_legal && !sound_is_birth(column, was, became) && !sound_move_is_legal(column, was, became)) {
            sounding_note(sounding, "event %" PRId64 ": %s from \"%.20s\" to \"%.20s\"",
                          (int64_t)sqlite3_column_int64(row, 4), sounding_columns[column], was, became);
        }
        if (!ask_legal && at[0] != '\0' && strcmp(at, was) != 0) {
            sounding_note(sounding, "event %" PRId64 ": %s was \"%.20s\" before, not \"%.20s\"",
                          (int64_t)sqlite3_column_int64(row, 4), sounding_columns[column], at, was);
        }
        snprintf(at, SOUNDNESS_WORD_SIZE, "%.20s", became);
    }
    return rc;
}

static int sound_moves(struct sounding *sounding)
{
    return sound_walk_events(sounding, true);
}

static int sound_chains(struct sounding *sounding)
{
    return sound_walk_events(sounding, false);
}

/* What never moved has no event, and stands where it began. */
static int sound_states(struct sounding *sounding)
{
    sqlite3_stmt *row;
    int rc = store_query(
        sounding->store, &row,
        "WITH last (finding_id, what, id) AS (SELECT finding_id, what, max(id) FROM finding_event"
        " WHERE what IN ('presence', 'disposition', 'sight') GROUP BY finding_id, what),"
        " word (finding_id, what, became) AS (SELECT l.finding_id, l.what, e.became FROM last l"
        " JOIN finding_event e ON e.id = l.id)"
        " SELECT f.uuid, 'presence', f.presence FROM finding f LEFT JOIN word w ON w.finding_id = f.id"
        " AND w.what = 'presence' WHERE coalesce(w.became, '') <> f.presence"
        " UNION ALL SELECT f.uuid, 'disposition', f.disposition FROM finding f LEFT JOIN word w"
        " ON w.finding_id = f.id AND w.what = 'disposition' WHERE coalesce(w.became, 'NONE') <> f.disposition"
        " UNION ALL SELECT f.uuid, 'sight', f.sight FROM finding f LEFT JOIN word w ON w.finding_id = f.id"
        " AND w.what = 'sight' WHERE coalesce(w.became, 'FRESH') <> f.sight",
        "");

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(sounding->store, row)) == 1) {
        sounding_note(sounding, "finding %.40s: no event made its %s %.20s", store_text(row, 0), store_text(row, 1),
                      store_text(row, 2));
    }
    return rc;
}

/* ---- what is worked out from something else ---- */

static int sound_fingerprints(struct sounding *sounding)
{
    char right[STORE_FINGERPRINT_SIZE];
    sqlite3_stmt *row;
    int rc = store_query(sounding->store, &row,
                         "SELECT f.uuid, f.fingerprint, a.uuid, f.proto = 'udp', f.port, f.kind FROM finding f"
                         " JOIN asset a ON a.id = f.asset_id",
                         "");

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(sounding->store, row)) == 1) {
        store_fingerprint(store_text(row, 2), sqlite3_column_int(row, 3) != 0, (uint16_t)sqlite3_column_int(row, 4),
                          store_text(row, 5), right);
        if (strcmp(right, store_text(row, 1)) != 0) {
            sounding_note(sounding, "finding %.40s has that of something else", store_text(row, 0));
        }
    }
    return rc;
}

static void sound_hash(const char *source, char ret_hash[SOUNDNESS_HASH_BYTES * 2 + 1])
{
    uint8_t bytes[SOUNDNESS_HASH_BYTES];

    crypto_generichash(bytes, sizeof(bytes), (const uint8_t *)source, strlen(source), NULL, 0);
    sodium_bin2hex(ret_hash, SOUNDNESS_HASH_BYTES * 2 + 1, bytes, sizeof(bytes));
}

/* The built-in baseline has no source here: its hash is the program's that wrote it. */
static int sound_policies(struct sounding *sounding)
{
    char right[SOUNDNESS_HASH_BYTES * 2 + 1];
    sqlite3_stmt *row;
    int rc = store_query(sounding->store, &row, "SELECT id, hash, source FROM policy WHERE source <> ''", "");

    if (rc < 0) {
        return rc;
    }
    while ((rc = store_step(sounding->store, row)) == 1) {
        sound_hash(store_text(row, 2), right);
        if (strcmp(right, store_text(row, 1)) != 0) {
            sounding_note(sounding, "policy %" PRId64 " is not the text that judged",
                          (int64_t)sqlite3_column_int64(row, 0));
        }
    }
    return rc;
}

/* ---- all of it ---- */

static const struct {
    const char *name;
    const char *holds;
    int (*look)(struct sounding *sounding);
} soundings[] = {
    {"integrity", "the file's pages and indices are whole", sound_pages},
    {"references", "each row that another one names is there", sound_references},
    {"legal-moves", "a finding moves only as its life allows", sound_moves},
    {"event-chain", "each move begins where the one before it ended", sound_chains},
    {"state-has-event", "where a finding stands, an event took it there", sound_states},
    {"fingerprint", "a finding's fingerprint is that of its host, port and kind", sound_fingerprints},
    {"policy-hash", "a policy's hash is that of its text", sound_policies},
};

enum { SOUNDINGS = sizeof(soundings) / sizeof(*soundings) };

const char *soundness_name(size_t index)
{
    return index < SOUNDINGS ? soundings[index].name : store_invariant_table()[index - SOUNDINGS].name;
}

const char *soundness_holds(size_t index)
{
    return index < SOUNDINGS ? soundings[index].holds : store_invariant_table()[index - SOUNDINGS].holds;
}

static int sounding_look(struct sounding *sounding, size_t index)
{
    const struct store_invariant *invariant = store_invariant_table();

    sounding->flaw = (struct soundness_flaw){.name = soundness_name(index), .holds = soundness_holds(index)};
    return index < SOUNDINGS ? soundings[index].look(sounding)
                             : store_invariant_ask(sounding->store, &invariant[index - SOUNDINGS],
                                                   &sounding->flaw.count, sounding->flaw.where);
}

int soundness_look(struct store *store, soundness_fn *each, void *context)
{
    struct sounding sounding = {.store = store};
    bool damaged = false;
    int rc = store_run(store, "BEGIN", "");

    for (size_t i = 0; rc == 0 && !damaged && soundness_name(i) != NULL; i++) {
        rc = sounding_look(&sounding, i);
        if (sounding.flaw.count > 0) {
            each(context, &sounding.flaw);
            damaged = i == 0;
        }
    }
    store_rollback(store);
    return rc;
}
