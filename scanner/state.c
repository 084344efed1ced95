#include "scanner/state.h"

#include "scanner/line.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file: magic, version, then records: type, length of the payload, payload, checksum. Numbers are little-endian.
 * The checksum is BLAKE2b-128 of the record's number, type, length and payload, so that no record can stand in
 * another's place. */
static const char state_magic[16] = "leastport state";

enum {
    STATE_VERSION = 1,
    STATE_PREFACE_BYTES = sizeof(state_magic) + 4,
    STATE_HEADER_BYTES = 8,
    STATE_CHECKSUM_BYTES = 16,
    STATE_PAYLOAD_MAX = 64 * 1024 * 1024,
    STATE_BUFFER_BYTES = 256 * 1024,
    STATE_MARK_BYTES = 17,
};

enum state_record { STATE_HEAD = 1, STATE_OBSERVATION = 2, STATE_MARK = 3 };

struct state {
    char *path;
    int fd;
    int rc; /* the first failure of writing; sticks */
    state_lost_fn *lost;
    void *lost_context;
    json_t *head_json;
    struct state_head head;
    struct state_mark mark;
    uint8_t *mark_bytes; /* what `mark` points to */
    uint64_t first;      /* where the first record after the head stands, and its number is 1 */
    uint64_t marked;     /* the end of the last mark */
    uint64_t end;        /* of what is written */
    uint64_t number;     /* of the next record */
    uint64_t cut_bytes;
    struct line line; /* the last that was appended */
    uint8_t *buffer;  /* records not yet written */
    size_t buffered;
    size_t room;
};

static void state_put(uint8_t *bytes, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t state_get(const uint8_t *bytes, size_t width)
{
    uint64_t value = 0;

    for (size_t i = width; i-- > 0;) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void state_checksum(uint64_t number, const uint8_t *header, const uint8_t *payload, size_t size,
                           uint8_t *checksum)
{
    crypto_generichash_state hash;
    uint8_t counter[8];

    state_put(counter, number, sizeof(counter));
    crypto_generichash_init(&hash, NULL, 0, STATE_CHECKSUM_BYTES);
    crypto_generichash_update(&hash, counter, sizeof(counter));
    crypto_generichash_update(&hash, header, STATE_HEADER_BYTES);
    crypto_generichash_update(&hash, payload, size);
    crypto_generichash_final(&hash, checksum, STATE_CHECKSUM_BYTES);
}

static int state_write(const struct state *state, const uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t count = pwrite(state->fd, bytes, size, (off_t)offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return count < 0 ? -errno : -ENOSPC;
        }
        bytes += count;
        size -= (size_t)count;
        offset += (uint64_t)count;
    }
    return 0;
}

/* As much as there is, at most `size`. */
static ssize_t state_read(int fd, uint8_t *bytes, size_t size, uint64_t offset)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = pread(fd, bytes + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return -errno;
        }
        if (count == 0) {
            break;
        }
        done += (size_t)count;
    }
    return (ssize_t)done;
}

static int state_flush(struct state *state)
{
    int rc = state_write(state, state->buffer, state->buffered, state->end);

    if (rc == 0) {
        state->end += state->buffered;
        state->buffered = 0;
    }
    return rc;
}

static int state_fail(struct state *state, int rc, struct problem *problem)
{
    struct problem why;
    bool is_news = state->rc == 0;

    if (is_news) {
        state->rc = rc;
    }
    problem_set(&why, state->rc, "writing the state file %s: %s", state->path, strerror(-state->rc));
    if (state->lost == NULL) {
        return problem_set(problem, state->rc, "%s", why.text);
    }
    if (is_news) {
        state->lost(state->lost_context, &why);
    }
    return 0;
}

void state_make_optional(struct state *state, state_lost_fn *lost, void *context)
{
    state->lost = lost;
    state->lost_context = context;
}

/* Buffers one record, its payload in two parts. */
static int state_append_record(struct state *state, enum state_record type, const void *payload, size_t size)
{
    size_t total = STATE_HEADER_BYTES + size + STATE_CHECKSUM_BYTES;
    uint8_t *bytes;
    int rc;

    assert(size <= STATE_PAYLOAD_MAX);
    if (state->buffered + total > STATE_BUFFER_BYTES) {
        rc = state_flush(state);
        if (rc < 0) {
            return rc;
        }
    }
    if (state->buffered + total > state->room) {
        size_t room = state->buffered + total > STATE_BUFFER_BYTES ? state->buffered + total : STATE_BUFFER_BYTES;
        bytes = realloc(state->buffer, room);
        if (bytes == NULL) {
            return -ENOMEM;
        }
        state->buffer = bytes;
        state->room = room;
    }
    bytes = state->buffer + state->buffered;
    state_put(bytes, type, 4);
    state_put(bytes + 4, size, 4);
    memcpy(bytes + STATE_HEADER_BYTES, payload, size);
    state_checksum(state->number, bytes, bytes + STATE_HEADER_BYTES, size, bytes + STATE_HEADER_BYTES + size);
    state->buffered += total;
    state->number++;
    return 0;
}

/* Reads records one after the other. */
struct state_reader {
    int fd;
    uint64_t offset; /* of the next record */
    uint64_t limit;
    uint64_t number;
    enum state_record type;
    uint8_t *payload; /* with a NUL byte after it */
    size_t size;
    uint8_t *window; /* what was read ahead */
    uint64_t window_offset;
    size_t window_size;
};

static void state_reader_done(struct state_reader *reader)
{
    free(reader->payload);
    free(reader->window);
}

/* Copies bytes from the file through the window. -ENODATA at the end. */
static int state_reader_copy(struct state_reader *reader, uint8_t *bytes, size_t size, uint64_t offset)
{
    ssize_t count;

    if (offset + size > reader->limit) {
        return -ENODATA;
    }
    if (size > STATE_BUFFER_BYTES) {
        count = state_read(reader->fd, bytes, size, offset);
        return count < 0 ? (int)count : count == (ssize_t)size ? 0 : -ENODATA;
    }
    if (offset < reader->window_offset || offset + size > reader->window_offset + reader->window_size) {
        count = state_read(reader->fd, reader->window, STATE_BUFFER_BYTES, offset);
        if (count < 0) {
            return (int)count;
        }
        reader->window_offset = offset;
        reader->window_size = (size_t)count;
    }
    if (size > reader->window_size) {
        return -ENODATA;
    }
    memcpy(bytes, reader->window + (offset - reader->window_offset), size);
    return 0;
}

/* -ENODATA: no whole, undamaged record stands at the offset. */
static int state_reader_next(struct state_reader *reader)
{
    uint8_t header[STATE_HEADER_BYTES];
    uint8_t wanted[STATE_CHECKSUM_BYTES];
    uint8_t *payload;
    size_t size;
    int rc;

    if (reader->window == NULL) {
        reader->window = malloc(STATE_BUFFER_BYTES);
        if (reader->window == NULL) {
            return -ENOMEM;
        }
    }
    rc = state_reader_copy(reader, header, sizeof(header), reader->offset);
    if (rc < 0) {
        return rc;
    }
    size = (size_t)state_get(header + 4, 4);
    if (size > STATE_PAYLOAD_MAX || reader->offset + STATE_HEADER_BYTES + size + STATE_CHECKSUM_BYTES > reader->limit) {
        return -ENODATA;
    }
    payload = realloc(reader->payload, size + STATE_CHECKSUM_BYTES + 1);
    if (payload == NULL) {
        return -ENOMEM;
    }
    reader->payload = payload;
    rc = state_reader_copy(reader, payload, size + STATE_CHECKSUM_BYTES, reader->offset + STATE_HEADER_BYTES);
    if (rc < 0) {
        return rc;
    }
    state_checksum(reader->number, header, payload, size, wanted);
    if (memcmp(wanted, payload + size, sizeof(wanted)) != 0) {
        return -ENODATA;
    }
    payload[size] = '\0';
    reader->type = (enum state_record)state_get(header, 4);
    reader->size = size;
    reader->offset += STATE_HEADER_BYTES + size + STATE_CHECKSUM_BYTES;
    reader->number++;
    return 0;
}

static int state_read_head(struct state *state, const struct state_reader *reader)
{
    const char *plan;
    const char *hash;
    const char *scan_id;
    json_int_t started_ms;
    json_error_t error;

    state->head_json = json_loadb((const char *)reader->payload, reader->size, 0, &error);
    if (reader->type != STATE_HEAD || json_unpack(state->head_json, "{s:s, s:s, s:s, s:I}", "plan", &plan, "plan_hash",
                                                  &hash, "scan_id", &scan_id, "started_ms", &started_ms) < 0) {
        return -EBADMSG;
    }
    state->head =
        (struct state_head){.plan_json = plan, .plan_hash = hash, .scan_id = scan_id, .started_ms = started_ms};
    return 0;
}

/* Takes the reader's payload over as the state's mark. */
static int state_read_mark(struct state *state, struct state_reader *reader)
{
    size_t totals_size;
    uint64_t partial_size;

    if (reader->size < STATE_MARK_BYTES) {
        return -EBADMSG;
    }
    totals_size = (size_t)state_get(reader->payload + 8, 4);
    partial_size = state_get(reader->payload + 12, 4);
    if (STATE_MARK_BYTES + totals_size + partial_size != reader->size) {
        return -EBADMSG;
    }
    free(state->mark_bytes);
    state->mark_bytes = reader->payload;
    reader->payload = NULL;
    state->mark = (struct state_mark){.slab = state_get(state->mark_bytes, 8),
                                      .totals = state->mark_bytes + STATE_MARK_BYTES,
                                      .totals_size = totals_size,
                                      .partial = state->mark_bytes + STATE_MARK_BYTES + totals_size,
                                      .partial_size = (size_t)partial_size,
                                      .finished = state->mark_bytes[16] != 0};
    return 0;
}

/* Reads head and marks; leaves `marked` and `number` after the last mark. */
static int state_scan(struct state *state, struct state_reader *reader)
{
    int rc = state_reader_next(reader);

    if (rc < 0) {
        return rc == -ENODATA ? -EBADMSG : rc;
    }
    rc = state_read_head(state, reader);
    state->first = reader->offset;
    state->marked = reader->offset;
    state->number = reader->number;
    while (rc == 0) {
        rc = state_reader_next(reader);
        if (rc == 0 && reader->type == STATE_MARK) {
            rc = state_read_mark(state, reader);
            state->marked = reader->offset;
            state->number = reader->number;
        }
    }
    return rc == -ENODATA ? 0 : rc;
}

static int state_check_preface(const struct state *state, struct problem *problem)
{
    uint8_t preface[STATE_PREFACE_BYTES];
    ssize_t count = state_read(state->fd, preface, sizeof(preface), 0);
    uint64_t version;

    if (count < 0) {
        return problem_set(problem, (int)count, "cannot read %s: %s", state->path, strerror((int)-count));
    }
    if (count < (ssize_t)sizeof(preface) || memcmp(preface, state_magic, sizeof(state_magic)) != 0) {
        return problem_set(problem, -EBADMSG, "%s is not a state file of leastport", state->path);
    }
    version = state_get(preface + sizeof(state_magic), 4);
    if (version != STATE_VERSION) {
        return problem_set(
            problem, -EPROTO,
            "%s was written by another version (format %llu; this one reads %d); resume it with that version",
            state->path, (unsigned long long)version, STATE_VERSION);
    }
    return 0;
}

/* Reads an open file. */
static int state_load(struct state *state, struct problem *problem)
{
    struct state_reader reader = {.fd = state->fd, .offset = STATE_PREFACE_BYTES};
    struct stat stat;
    int rc = state_check_preface(state, problem);

    if (rc < 0) {
        return rc;
    }
    if (fstat(state->fd, &stat) < 0) {
        return problem_set(problem, -errno, "cannot read %s: %s", state->path, strerror(errno));
    }
    reader.limit = (uint64_t)stat.st_size;
    rc = state_scan(state, &reader);
    state_reader_done(&reader);
    if (rc == -EBADMSG) {
        return problem_set(problem, rc, "the state file %s is damaged or cut off at its head; start the scan anew",
                           state->path);
    }
    if (rc < 0) {
        return problem_set(problem, rc, "cannot read the state file %s: %s", state->path, strerror(-rc));
    }
    state->cut_bytes = reader.limit - state->marked;
    state->end = state->marked;
    return 0;
}

static int state_lock(const struct state *state, struct problem *problem)
{
    if (flock(state->fd, LOCK_EX | LOCK_NB) == 0) {
        return 0;
    }
    if (errno == EWOULDBLOCK) {
        return problem_set(problem, -EBUSY, "the state file %s is in use by another scan that runs now", state->path);
    }
    return problem_set(problem, -errno, "cannot lock %s: %s", state->path, strerror(errno));
}

static struct state *state_new(const char *path)
{
    struct state *state = calloc(1, sizeof(*state));

    if (state == NULL) {
        return NULL;
    }
    state->fd = -1;
    state->path = strdup(path);
    if (state->path == NULL) {
        state_close(state);
        return NULL;
    }
    return state;
}

int state_open(const char *path, struct state **ret_state, struct problem *problem)
{
    struct state *state = state_new(path);
    int rc = 0;

    if (state == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    state->fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (state->fd < 0) {
        rc = problem_set(problem, -errno, "cannot open the state file %s: %s", path, strerror(errno));
    }
    if (rc == 0) {
        rc = state_lock(state, problem);
    }
    if (rc == 0) {
        rc = state_load(state, problem);
    }
    if (rc == 0 && state->cut_bytes > 0 && ftruncate(state->fd, (off_t)state->end) < 0) {
        rc = problem_set(problem, -errno, "cannot write the state file %s: %s", path, strerror(errno));
    }
    if (rc < 0) {
        state_close(state);
        return rc;
    }
    *ret_state = state;
    return 0;
}

/* May the file that stands at the path be replaced? On success *ret_old, when not NULL, holds its lock. */
static int state_check_old(const char *path, bool replace, struct state **ret_old, struct problem *problem)
{
    struct state *old = state_new(path);
    int preface;
    int rc = 0;

    *ret_old = NULL;
    if (old == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    old->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (old->fd < 0 && errno == ENOENT) {
        state_close(old);
        return 0;
    }
    if (old->fd < 0) {
        rc = problem_set(problem, -errno, "cannot open %s: %s", path, strerror(errno));
    }
    if (rc == 0) {
        rc = state_lock(old, problem);
    }
    preface = rc == 0 ? state_check_preface(old, NULL) : 0;
    if (preface < 0 && preface != -EPROTO) {
        rc = problem_set(problem, -EEXIST, "%s is there already and is no state file; name another with --state", path);
    }
    if (rc == 0 && !replace && (state_load(old, NULL) < 0 || !old->mark.finished)) {
        rc = problem_set(problem, -EEXIST,
                         "%s holds a scan that is not finished; continue it with --resume %s, or delete the file", path,
                         path);
    }
    if (rc < 0) {
        state_close(old);
        return rc;
    }
    *ret_old = old;
    return 0;
}

static int state_write_head(struct state *state, const struct state_head *head)
{
    uint8_t preface[STATE_PREFACE_BYTES];
    json_t *json = json_pack("{s:s, s:s, s:s, s:I}", "plan", head->plan_json, "plan_hash", head->plan_hash, "scan_id",
                             head->scan_id, "started_ms", (json_int_t)head->started_ms);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    int rc;

    json_decref(json);
    if (text == NULL) {
        return -ENOMEM;
    }
    memcpy(preface, state_magic, sizeof(state_magic));
    state_put(preface + sizeof(state_magic), STATE_VERSION, 4);
    rc = state_write(state, preface, sizeof(preface), 0);
    state->end = sizeof(preface);
    if (rc == 0) {
        rc = state_append_record(state, STATE_HEAD, text, strlen(text));
    }
    if (rc == 0) {
        rc = state_flush(state);
    }
    if (rc == 0 && fsync(state->fd) < 0) {
        rc = -errno;
    }
    free(text);
    return rc;
}

/* The folder, so that the name itself outlives a power cut. */
static int state_sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd;
    int rc = 0;

    if (copy == NULL) {
        return -ENOMEM;
    }
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0) {
        return -errno;
    }
    /* Some file systems cannot sync a folder; the file is safe without. */
    if (fsync(fd) < 0 && errno != EINVAL) {
        rc = -errno;
    }
    close(fd);
    return rc;
}

static int state_create_beside(struct state *state, const struct state_head *head)
{
    char *beside;
    int rc;

    if (asprintf(&beside, "%s.XXXXXX", state->path) < 0) {
        return -ENOMEM;
    }
    state->fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    if (state->fd < 0) {
        rc = -errno;
        free(beside);
        return rc;
    }
    rc = flock(state->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : state_write_head(state, head);
    if (rc == 0 && rename(beside, state->path) < 0) {
        rc = -errno;
    }
    if (rc < 0) {
        unlink(beside);
    }
    free(beside);
    if (rc < 0) {
        return rc;
    }
    /* Whose creation failed leaves nothing that would stand in the way of the next try. */
    rc = state_sync_folder(state->path);
    if (rc < 0) {
        unlink(state->path);
    }
    return rc;
}

int state_create(const char *path, const struct state_head *head, bool replace, struct state **ret_state,
                 struct problem *problem)
{
    struct state *state;
    struct state *old;
    int rc = state_check_old(path, replace, &old, problem);

    if (rc < 0) {
        return rc;
    }
    state = state_new(path);
    rc = state == NULL ? -ENOMEM : state_create_beside(state, head);
    state_close(old);
    if (rc == 0) {
        /* Read back: from here on a new file and an old one are the same. */
        rc = state_load(state, problem);
    } else {
        problem_set(problem, rc, "cannot create the state file %s: %s", path, strerror(-rc));
    }
    if (rc < 0) {
        state_close(state);
        return rc;
    }
    *ret_state = state;
    return 0;
}

void state_close(struct state *state)
{
    if (state == NULL) {
        return;
    }
    if (state->fd >= 0) {
        close(state->fd);
    }
    json_decref(state->head_json);
    free(state->mark_bytes);
    line_done(&state->line);
    free(state->buffer);
    free(state->path);
    free(state);
}

int state_remove(struct state *state, struct problem *problem)
{
    int rc = 0;

    if (unlink(state->path) < 0 && errno != ENOENT) {
        rc = problem_set(problem, -errno, "cannot remove the state file %s: %s", state->path, strerror(errno));
    }
    state_close(state);
    return rc;
}

const struct state_head *state_head(const struct state *state)
{
    return &state->head;
}

const struct state_mark *state_mark(const struct state *state)
{
    return &state->mark;
}

const char *state_path(const struct state *state)
{
    return state->path;
}

uint64_t state_cut_bytes(const struct state *state)
{
    return state->cut_bytes;
}

int state_check_plan(const struct state *state, const char *plan_hash, struct problem *problem)
{
    if (strcmp(state->head.plan_hash, plan_hash) == 0) {
        return 0;
    }
    return problem_set(
        problem, -ESTALE,
        "the state file %s belongs to another plan (%.12s…, not %.12s…); resume without targets and options "
        "of your own, or name another file",
        state->path, state->head.plan_hash, plan_hash);
}

static int state_replay_record(const struct state_reader *reader, struct observation_arena *arena,
                               state_replay_fn *replay, void *context)
{
    struct observation observation;
    json_error_t error;
    json_t *line;
    int rc;

    if (reader->type != STATE_OBSERVATION) {
        return 0;
    }
    line = json_loadb((const char *)reader->payload, reader->size, 0, &error);
    rc = line == NULL ? -EBADMSG : observation_decode(line, arena, &observation);
    if (rc == 0) {
        rc = replay(context, &observation);
    }
    json_decref(line);
    return rc;
}

int state_replay(struct state *state, state_replay_fn *replay, void *context, struct problem *problem)
{
    struct state_reader reader = {.fd = state->fd, .offset = state->first, .limit = state->marked, .number = 1};
    struct observation_arena arena = {0};
    int rc = 0;

    while (rc == 0 && reader.offset < reader.limit) {
        rc = state_reader_next(&reader);
        if (rc == 0) {
            rc = state_replay_record(&reader, &arena, replay, context);
        }
    }
    if (rc == -EBADMSG || rc == -ENODATA) {
        problem_set(problem, rc, "the state file %s is damaged at byte %llu; start the scan anew", state->path,
                    (unsigned long long)reader.offset);
    }
    observation_arena_done(&arena);
    state_reader_done(&reader);
    return rc;
}

int state_append(struct state *state, const struct observation *observation, struct problem *problem)
{
    int rc;

    if (state->rc < 0) {
        return state_fail(state, state->rc, problem);
    }
    rc = line_write(&state->line, observation, NULL);
    if (rc == 0) {
        rc = state_append_record(state, STATE_OBSERVATION, state->line.text.bytes, state->line.text.size);
    }
    return rc < 0 ? state_fail(state, rc, problem) : 0;
}

int state_checkpoint(struct state *state, const struct state_mark *mark, struct problem *problem)
{
    size_t size = STATE_MARK_BYTES + mark->totals_size + mark->partial_size;
    uint8_t *bytes;
    int rc;

    if (state->rc < 0) {
        return state_fail(state, state->rc, problem);
    }
    if (size > STATE_PAYLOAD_MAX) {
        return state_fail(state, -EFBIG, problem);
    }
    bytes = calloc(1, size);
    if (bytes == NULL) {
        return state_fail(state, -ENOMEM, problem);
    }
    state_put(bytes, mark->slab, 8);
    state_put(bytes + 8, mark->totals_size, 4);
    state_put(bytes + 12, mark->partial_size, 4);
    bytes[16] = mark->finished;
    if (mark->totals_size > 0) {
        memcpy(bytes + STATE_MARK_BYTES, mark->totals, mark->totals_size);
    }
    if (mark->partial_size > 0) {
        memcpy(bytes + STATE_MARK_BYTES + mark->totals_size, mark->partial, mark->partial_size);
    }
    rc = state_append_record(state, STATE_MARK, bytes, size);
    free(bytes);
    if (rc == 0) {
        rc = state_flush(state);
    }
    if (rc == 0 && fdatasync(state->fd) < 0) {
        rc = -errno;
    }
    return rc < 0 ? state_fail(state, rc, problem) : 0;
}
