#include "auditd/schedule/due.h"

#include <sodium.h>
#include <string.h>

static int64_t due_newest(const struct cron *cron, const struct zone *zone, int64_t after_s, int64_t now_s)
{
    /* From how far back to look: each time further, until there is one. Then it is near, or rare. */
    static const int64_t spans_s[] = {3600, 86400, INT64_C(32) * 86400, INT64_C(400) * 86400};
    int64_t from_s = after_s;
    int64_t newest_s;

    for (size_t i = 0; i < sizeof(spans_s) / sizeof(*spans_s); i++) {
        if (now_s - spans_s[i] > after_s && cron_next(cron, zone, now_s - spans_s[i]) <= now_s) {
            from_s = now_s - spans_s[i];
            break;
        }
    }
    newest_s = cron_next(cron, zone, from_s);
    for (;;) {
        int64_t next_s = cron_next(cron, zone, newest_s);
        if (next_s > now_s) {
            return newest_s;
        }
        newest_s = next_s;
    }
}

struct due due_between(const struct cron *cron, const struct zone *zone, int64_t after_s, int64_t now_s)
{
    struct due due = {0};
    int64_t at_s = after_s < now_s ? cron_next(cron, zone, after_s) : INT64_MAX;

    while (at_s <= now_s && due.count < DUE_COUNTED_MAX) {
        due.count++;
        due.newest_s = at_s;
        at_s = cron_next(cron, zone, at_s);
    }
    if (at_s <= now_s) {
        due.newest_s = due_newest(cron, zone, due.newest_s, now_s);
    }
    return due;
}

int64_t due_jitter_ms(uint64_t seed, int64_t due_s, int64_t most_ms)
{
    unsigned char key[crypto_shorthash_KEYBYTES] = "jitter of runs.";
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;

    if (most_ms <= 0) {
        return 0;
    }
    memcpy(key, &seed, sizeof(seed));
    (void)crypto_shorthash(hash, (const unsigned char *)&due_s, sizeof(due_s), key);
    memcpy(&number, hash, sizeof(number));
    return (int64_t)(number % (uint64_t)most_ms);
}
