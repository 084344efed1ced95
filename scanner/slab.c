#include "scanner/slab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t MAGIC[7] = {'L', 'P', 'S', 'L', 'A', 'B', 0};
/* Its last byte. What is older than discovery and services is read too. */
enum { FORMAT_FORMER = 2, FORMAT = 4 };

struct slab {
    uint32_t hosts;
    uint32_t probes;
    uint64_t share; /* hosts for each probe, in 2^-32; rounded down */
    bool limited;   /* slab_expect_limits() */
    struct slab_totals totals;
    struct slab_host *host;
    uint32_t *first;   /* each host's first probe, close together and never written again */
    uint64_t *answers; /* two bits a probe */
    uint64_t *tried;   /* one bit a probe */
    uint64_t *asked;   /* the same */
    uint8_t *reasons;  /* only where it is not PROBE_NONE */
    uint8_t *passes;   /* that the answer came in; where there is none, slab_set_away() */
};

static size_t answer_words(uint32_t probes)
{
    return (size_t)probes / 32 + 1;
}

static size_t tried_words(uint32_t probes)
{
    return (size_t)probes / 64 + 1;
}

int slab_create(const uint32_t *first_probes, uint32_t hosts, struct slab **ret_slab)
{
    struct slab *slab = calloc(1, sizeof(*slab));

    if (slab == NULL) {
        return -ENOMEM;
    }
    slab->hosts = hosts;
    slab->probes = first_probes[hosts];
    slab->share = hosts <= slab->probes && hosts > 0 ? ((uint64_t)hosts << 32) / slab->probes : 0;
    slab->host = calloc((size_t)hosts + 1, sizeof(*slab->host));
    slab->first = calloc((size_t)hosts + 1, sizeof(*slab->first));
    slab->answers = calloc(answer_words(slab->probes), sizeof(*slab->answers));
    slab->tried = calloc(tried_words(slab->probes), sizeof(*slab->tried));
    slab->asked = calloc(tried_words(slab->probes), sizeof(*slab->asked));
    slab->reasons = calloc((size_t)slab->probes + 1, 1);
    slab->passes = calloc((size_t)slab->probes + 1, 1);
    if (slab->host == NULL || slab->first == NULL || slab->answers == NULL || slab->tried == NULL ||
        slab->asked == NULL || slab->reasons == NULL || slab->passes == NULL) {
        slab_destroy(slab);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i <= hosts; i++) {
        slab->host[i].first_probe = first_probes[i];
        slab->first[i] = first_probes[i];
        rtt_init(&slab->host[i].rtt, NULL);
        slab->host[i].discovered_by = REASON_NO_RESPONSE;
        if (i < hosts) {
            assert(first_probes[i + 1] >= first_probes[i]);
            slab->host[i].counts[PROBE_NONE] = first_probes[i + 1] - first_probes[i];
        }
    }
    *ret_slab = slab;
    return 0;
}

void slab_destroy(struct slab *slab)
{
    if (slab == NULL) {
        return;
    }
    free(slab->host);
    free(slab->first);
    free(slab->answers);
    free(slab->tried);
    free(slab->asked);
    free(slab->reasons);
    free(slab->passes);
    free(slab);
}

uint32_t slab_hosts(const struct slab *slab)
{
    return slab->hosts;
}

uint32_t slab_probes(const struct slab *slab)
{
    return slab->probes;
}

struct slab_host *slab_host(struct slab *slab, uint32_t host)
{
    assert(host <= slab->hosts);
    return &slab->host[host];
}

struct slab_totals *slab_totals(struct slab *slab)
{
    return &slab->totals;
}

uint32_t slab_host_of(const struct slab *slab, uint32_t probe)
{
    /* Hosts mostly have the same ports: then this is the one, without a search or a division. */
    uint32_t guess = (uint32_t)(probe * slab->share >> 32);
    uint32_t low = 0;
    uint32_t high = slab->hosts;

    assert(probe < slab->probes);
    if (slab->first[guess] <= probe && probe < slab->first[guess + 1]) {
        return guess;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (slab->first[middle] <= probe) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void slab_prefetch(const struct slab *slab, uint32_t probe)
{
    __builtin_prefetch(&slab->answers[probe / 32], 1);
    __builtin_prefetch(&slab->reasons[probe], 1);
    __builtin_prefetch(&slab->passes[probe], 1);
}

enum probe_answer slab_answer(const struct slab *slab, uint32_t probe)
{
    return (enum probe_answer)(slab->answers[probe / 32] >> (probe % 32 * 2) & 3);
}

enum reason slab_reason(const struct slab *slab, uint32_t probe)
{
    return slab_answer(slab, probe) == PROBE_NONE ? REASON_NO_RESPONSE : (enum reason)slab->reasons[probe];
}

/* One that waits for its next try has had the one before. */
static uint32_t tries_so_far(const struct slab *slab, const struct slab_host *host, uint32_t probe)
{
    return (uint32_t)host->pass + (slab_tried(slab, probe) ? 1 : 0);
}

uint32_t slab_tries(const struct slab *slab, uint32_t probe)
{
    if (slab_answer(slab, probe) == PROBE_NONE) {
        return tries_so_far(slab, &slab->host[slab_host_of(slab, probe)], probe);
    }
    return (uint32_t)slab->passes[probe] + 1;
}

/* `away`: tries that went to a host that was silent altogether. */
static void count_answer(struct slab *slab, struct slab_host *host, uint32_t pass, uint32_t away)
{
    if (away > 0 && host->away_answers < SLAB_AWAY_ANSWERS) {
        host->away_answers++;
    }
    if (away > 0 && host->away_answers == SLAB_AWAY_ANSWERS) {
        host->away = away > host->away ? (uint8_t)away : host->away;
        pass -= away < pass ? away : pass;
    }
    slab->totals.loss.answers[pass]++;
}

void slab_set_away(struct slab *slab, uint32_t probe, uint32_t tries)
{
    assert(slab_answer(slab, probe) == PROBE_NONE && tries <= LOSS_PASSES_MAX);
    slab->passes[probe] = (uint8_t)(tries < LOSS_PASSES_MAX ? tries : LOSS_PASSES_MAX - 1);
}

void slab_expect_limits(struct slab *slab)
{
    slab->limited = true;
}

bool slab_tells_loss(const struct slab *slab, enum probe_answer answer)
{
    return answer == PROBE_SYN_ACK || (answer == PROBE_RST && !slab->limited);
}

bool slab_upgrade_try(struct slab *slab, uint32_t probe, enum probe_answer answer, enum reason reason, uint32_t tries)
{
    enum probe_answer before = slab_answer(slab, probe);
    struct slab_host *host = &slab->host[slab_host_of(slab, probe)];
    uint32_t away = before == PROBE_NONE ? slab->passes[probe] : 0;

    if (answer <= before) {
        return false;
    }
    tries = before == PROBE_NONE ? tries : (uint32_t)slab->passes[probe] + 1;
    slab->answers[probe / 32] &= ~(UINT64_C(3) << (probe % 32 * 2));
    slab->answers[probe / 32] |= (uint64_t)answer << (probe % 32 * 2);
    slab->reasons[probe] = (uint8_t)reason;
    slab->passes[probe] = (uint8_t)(tries > 0 ? tries - 1 : 0);
    host->counts[before]--;
    host->counts[answer]++;
    if (!slab_tells_loss(slab, before) && slab_tells_loss(slab, answer)) {
        count_answer(slab, host, slab->passes[probe], away);
    }
    return true;
}

bool slab_upgrade(struct slab *slab, uint32_t probe, enum probe_answer answer, enum reason reason)
{
    const struct slab_host *host = &slab->host[slab_host_of(slab, probe)];

    return slab_upgrade_try(slab, probe, answer, reason, tries_so_far(slab, host, probe));
}

bool slab_tried(const struct slab *slab, uint32_t probe)
{
    return (slab->tried[probe / 64] >> (probe % 64) & 1) != 0;
}

void slab_set_tried(struct slab *slab, uint32_t probe, bool tried)
{
    uint64_t bit = UINT64_C(1) << (probe % 64);

    if (tried) {
        slab->tried[probe / 64] |= bit;
    } else {
        slab->tried[probe / 64] &= ~bit;
    }
}

void slab_forget_silence(struct slab *slab, uint32_t host)
{
    struct slab_host *facts = &slab->host[host];

    for (uint32_t probe = slab->first[host]; probe < slab->first[host + 1]; probe++) {
        if (slab_answer(slab, probe) == PROBE_NONE) {
            slab_set_tried(slab, probe, false);
            slab->passes[probe] = 0;
        }
    }
    facts->pass = 0;
    facts->away = 0;
    facts->away_answers = 0;
}

bool slab_asked(const struct slab *slab, uint32_t probe)
{
    return (slab->asked[probe / 64] >> (probe % 64) & 1) != 0;
}

void slab_set_asked(struct slab *slab, uint32_t probe)
{
    slab->asked[probe / 64] |= UINT64_C(1) << (probe % 64);
}

/* One walk serves both directions: `move` copies between the field and the bytes at the cursor. */
struct cursor {
    uint8_t *bytes;
    size_t size;
    size_t at;
    uint64_t format;
    bool reading;
    bool failed;
};

static void move_u64(struct cursor *cursor, uint64_t *value, size_t width)
{
    if (cursor->failed || cursor->size - cursor->at < width) {
        cursor->failed = true;
        return;
    }
    if (cursor->reading) {
        *value = 0;
    }
    for (size_t i = 0; i < width; i++) {
        uint8_t *byte = &cursor->bytes[cursor->at++];
        if (cursor->reading) {
            *value |= (uint64_t)*byte << (8 * i);
        } else {
            *byte = (uint8_t)(*value >> (8 * i));
        }
    }
}

static void move_u32(struct cursor *cursor, uint32_t *value)
{
    uint64_t wide = *value;

    move_u64(cursor, &wide, 4);
    *value = (uint32_t)wide;
}

static void move_bool(struct cursor *cursor, bool *value)
{
    uint64_t wide = *value;

    move_u64(cursor, &wide, 1);
    cursor->failed |= wide > 1;
    *value = wide == 1;
}

static void move_counts(struct cursor *cursor, uint64_t *counts)
{
    for (int pass = 0; pass < LOSS_PASSES_MAX; pass++) {
        move_u64(cursor, &counts[pass], 8);
    }
}

enum { HOST_BYTES = 16 + 10, TOTALS_BYTES = 8 + 2 * 8 * LOSS_PASSES_MAX };

static void move_host(struct cursor *cursor, struct slab_host *host)
{
    uint64_t pass = host->pass;
    uint64_t away = host->away;
    uint64_t away_answers = host->away_answers;
    uint64_t discovered_by = host->discovered_by;

    move_u32(cursor, &host->rtt.srtt_us);
    move_u32(cursor, &host->rtt.rttvar_us);
    move_u32(cursor, &host->rtt.rto_us);
    move_u32(cursor, &host->ceiling);
    move_bool(cursor, &host->rtt.measured);
    move_bool(cursor, &host->heard);
    move_bool(cursor, &host->done);
    if (cursor->format == FORMAT) {
        move_bool(cursor, &host->told);
        move_bool(cursor, &host->every_port);
    } else {
        host->told = host->done; /* it had no services to wait for */
    }
    move_u64(cursor, &pass, 1);
    host->pass = (uint8_t)pass;
    move_u64(cursor, &away, 1);
    host->away = (uint8_t)away;
    move_u64(cursor, &away_answers, 1);
    host->away_answers = (uint8_t)away_answers;
    if (cursor->format == FORMAT) {
        move_bool(cursor, &host->undiscovered);
        move_u64(cursor, &discovered_by, 1);
    }
    host->discovered_by = (uint8_t)discovered_by;
    cursor->failed |= pass >= LOSS_PASSES_MAX || away > pass + 1 || discovered_by > REASON_ABORTED ||
                      away_answers > SLAB_AWAY_ANSWERS || host->rtt.rto_us < RTT_RTO_MIN_US ||
                      host->rtt.rto_us > RTT_RTO_MAX_US;
}

static void move_probes(struct cursor *cursor, struct slab *slab)
{
    for (size_t i = 0; i < answer_words(slab->probes); i++) {
        move_u64(cursor, &slab->answers[i], 8);
    }
    for (size_t i = 0; i < tried_words(slab->probes); i++) {
        move_u64(cursor, &slab->tried[i], 8);
    }
    for (size_t i = 0; cursor->format == FORMAT && i < tried_words(slab->probes); i++) {
        move_u64(cursor, &slab->asked[i], 8);
    }
    for (uint32_t probe = 0; probe < slab->probes; probe++) {
        uint64_t reason = slab->reasons[probe];
        uint64_t pass = slab->passes[probe];
        move_u64(cursor, &reason, 1);
        slab->reasons[probe] = (uint8_t)reason;
        move_u64(cursor, &pass, 1);
        slab->passes[probe] = (uint8_t)pass;
        cursor->failed |= reason > REASON_ABORTED || pass >= LOSS_PASSES_MAX;
    }
}

static void move_slab(struct cursor *cursor, struct slab *slab)
{
    for (size_t i = 0; i < sizeof(MAGIC); i++) {
        uint64_t byte = MAGIC[i];
        move_u64(cursor, &byte, 1);
        cursor->failed |= byte != MAGIC[i];
    }
    move_u64(cursor, &cursor->format, 1);
    cursor->failed |= cursor->format != FORMAT && cursor->format != FORMAT_FORMER;
    for (int i = 0; i < 2; i++) {
        uint32_t expected = i == 0 ? slab->hosts : slab->probes;
        uint32_t value = expected;
        move_u32(cursor, &value);
        cursor->failed |= value != expected;
    }
    move_u64(cursor, &slab->totals.sent, 8);
    move_counts(cursor, slab->totals.loss.answers);
    move_counts(cursor, slab->totals.loss.limits);
    for (uint32_t i = 0; i < slab->hosts && !cursor->failed; i++) {
        move_host(cursor, &slab->host[i]);
    }
    if (!cursor->failed) {
        move_probes(cursor, slab);
    }
}

int slab_serialise(const struct slab *slab, uint8_t **ret_bytes, size_t *ret_size)
{
    size_t size = sizeof(MAGIC) + 1 + 8 + TOTALS_BYTES + (size_t)slab->hosts * HOST_BYTES +
                  8 * (answer_words(slab->probes) + 2 * tried_words(slab->probes)) + 2 * (size_t)slab->probes;
    struct cursor cursor = {.bytes = malloc(size), .size = size, .format = FORMAT};
    struct slab copy = *slab;

    if (cursor.bytes == NULL) {
        return -ENOMEM;
    }
    move_slab(&cursor, &copy);
    assert(!cursor.failed && cursor.at == size);
    *ret_bytes = cursor.bytes;
    *ret_size = size;
    return 0;
}

static void recount(struct slab *slab)
{
    for (uint32_t i = 0; i < slab->hosts; i++) {
        struct slab_host *host = &slab->host[i];
        memset(host->counts, 0, sizeof(host->counts));
        for (uint32_t probe = host->first_probe; probe < slab->host[i + 1].first_probe; probe++) {
            host->counts[slab_answer(slab, probe)]++;
        }
    }
}

int slab_restore(struct slab *slab, const uint8_t *bytes, size_t size)
{
    struct cursor cursor = {.size = size, .reading = true};

    cursor.bytes = malloc(size + 1);
    if (cursor.bytes == NULL) {
        return -ENOMEM;
    }
    memcpy(cursor.bytes, bytes, size);
    move_slab(&cursor, slab);
    free(cursor.bytes);
    if (cursor.failed || cursor.at != size) {
        return -EBADMSG;
    }
    recount(slab);
    return 0;
}
