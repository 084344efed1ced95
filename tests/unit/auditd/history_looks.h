/* What a vantage saw of a port, look by look, kept for ever, and what follows from that: the part of the histories'
 * models that judges looks. O open, R refused, S silent and it counts, B blind. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_LOOKS_H
#define LEASTPORT_TESTS_UNIT_AUDITD_HISTORY_LOOKS_H

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { LOOKS_MOST = 100 };

struct looks {
    char log[LOOKS_MOST + 1];
    int intervals;
    char last_state; /* the first letter of what the scanner called it; 0: nothing is known */
};

/* Where nothing has to outlive the machine, so that very many commits take little time. */
static inline const char *looks_folder(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static inline void looks_add(struct looks *looks, char look)
{
    size_t length = strlen(looks->log);

    looks->log[length] = look;
    looks->log[length + 1] = '\0';
}

/* The looks since it was last open, without the blind ones. */
static inline void looks_since_open(const struct looks *looks, char *buffer)
{
    const char *from = strrchr(looks->log, 'O');

    for (const char *look = from == NULL ? looks->log : from; *look != '\0'; look++) {
        if (*look == 'R' || *look == 'S') {
            *buffer++ = *look;
        }
    }
    *buffer = '\0';
}

static inline bool looks_was_open(const struct looks *looks)
{
    return strchr(looks->log, 'O') != NULL;
}

static inline bool looks_is_cleared(const struct looks *looks)
{
    char since[LOOKS_MOST + 1];

    looks_since_open(looks, since);
    return strstr(since, "RR") != NULL || strstr(since, "SS") != NULL;
}

static inline bool looks_says_open(const struct looks *looks)
{
    char since[LOOKS_MOST + 1];

    looks_since_open(looks, since);
    return since[0] == '\0';
}

#endif
