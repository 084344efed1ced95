#include "scanner/raw/allowance.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than any driver has; a count beyond it is not believed. */
enum { COUNTERS_MAX = 65536, WATCHED_MAX = 16 };

static const char ENDING[] = "_allowance_exceeded";

struct watched {
    char name[ALLOWANCE_NAME];
    uint32_t index;
    uint64_t first;
    uint64_t now;
};

struct allowance {
    struct allowance_options options;
    struct ifreq request;
    int fd;
    uint32_t count; /* of all counters */
    struct ethtool_stats *stats;
    struct watched watched[WATCHED_MAX];
    size_t watched_count;
};

static int call(struct allowance *allowance, void *data)
{
    allowance->request.ifr_data = data;
    if (allowance->options.call != NULL) {
        return allowance->options.call(allowance->options.context, &allowance->request);
    }
    return ioctl(allowance->fd, SIOCETHTOOL, &allowance->request) < 0 ? -errno : 0;
}

static int count_counters(struct allowance *allowance)
{
    union {
        struct ethtool_sset_info info;
        char bytes[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
    } answer = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_STATS}};
    int rc = call(allowance, &answer);

    if (rc < 0) {
        return rc;
    }
    memcpy(&allowance->count, answer.bytes + sizeof(answer.info), sizeof(allowance->count));
    if (answer.info.sset_mask == 0 || allowance->count == 0 || allowance->count > COUNTERS_MAX) {
        return -EOPNOTSUPP;
    }
    return 0;
}

static bool is_allowance(const char *name)
{
    size_t length = strlen(name);

    return length >= sizeof(ENDING) - 1 && strcmp(name + length - (sizeof(ENDING) - 1), ENDING) == 0;
}

static void watch(struct allowance *allowance, uint32_t index, const uint8_t *text)
{
    struct watched *watched = &allowance->watched[allowance->watched_count];

    memcpy(watched->name, text, ALLOWANCE_NAME);
    watched->name[ALLOWANCE_NAME - 1] = '\0';
    watched->index = index;
    allowance->watched_count += is_allowance(watched->name) ? 1 : 0;
}

static int find_counters(struct allowance *allowance)
{
    struct ethtool_gstrings *names = calloc(1, sizeof(*names) + (size_t)allowance->count * ETH_GSTRING_LEN);
    int rc;

    if (names == NULL) {
        return -ENOMEM;
    }
    names->cmd = ETHTOOL_GSTRINGS;
    names->string_set = ETH_SS_STATS;
    names->len = allowance->count;
    rc = call(allowance, names);
    for (uint32_t i = 0; rc == 0 && i < allowance->count && allowance->watched_count < WATCHED_MAX; i++) {
        watch(allowance, i, names->data + (size_t)i * ETH_GSTRING_LEN);
    }
    free(names);
    return rc == 0 && allowance->watched_count == 0 ? -EOPNOTSUPP : rc;
}

static int read_counters(struct allowance *allowance)
{
    int rc;

    allowance->stats->cmd = ETHTOOL_GSTATS;
    allowance->stats->n_stats = allowance->count;
    rc = call(allowance, allowance->stats);
    for (size_t i = 0; rc == 0 && i < allowance->watched_count; i++) {
        allowance->watched[i].now = allowance->stats->data[allowance->watched[i].index];
    }
    return rc;
}

static int set_up(struct allowance *allowance)
{
    int rc;

    if (allowance->options.call == NULL) {
        allowance->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (allowance->fd < 0) {
            return -errno;
        }
    }
    rc = count_counters(allowance);
    if (rc == 0) {
        rc = find_counters(allowance);
    }
    if (rc < 0) {
        return rc;
    }
    allowance->stats = calloc(1, sizeof(*allowance->stats) + allowance->count * sizeof(uint64_t));
    return allowance->stats == NULL ? -ENOMEM : read_counters(allowance);
}

int allowance_open(const struct allowance_options *options, struct allowance **ret_allowance)
{
    struct allowance *allowance = calloc(1, sizeof(*allowance));
    int rc;

    if (allowance == NULL) {
        return -ENOMEM;
    }
    allowance->options = *options;
    allowance->fd = -1;
    snprintf(allowance->request.ifr_name, sizeof(allowance->request.ifr_name), "%s", options->interface);
    rc = set_up(allowance);
    if (rc < 0) {
        allowance_close(allowance);
        return rc;
    }
    for (size_t i = 0; i < allowance->watched_count; i++) {
        allowance->watched[i].first = allowance->watched[i].now;
    }
    *ret_allowance = allowance;
    return 0;
}

void allowance_close(struct allowance *allowance)
{
    if (allowance == NULL) {
        return;
    }
    if (allowance->fd >= 0) {
        close(allowance->fd);
    }
    free(allowance->stats);
    free(allowance);
}

uint64_t allowance_exceeded(struct allowance *allowance, const char **ret_name)
{
    uint64_t sum = 0;
    uint64_t most = 0;
    int rc = read_counters(allowance);

    (void)rc; /* the readings before stand */
    *ret_name = NULL;
    for (size_t i = 0; i < allowance->watched_count; i++) {
        const struct watched *watched = &allowance->watched[i];
        uint64_t risen = watched->now > watched->first ? watched->now - watched->first : 0;
        sum += risen;
        if (risen > most) {
            most = risen;
            *ret_name = watched->name;
        }
    }
    return sum;
}
