#include "scanner/limits.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Decimal numbers with white space between, on the first line. */
static bool read_numbers(const char *path, uint64_t *values, size_t count)
{
    char line[128];
    char *at = line;
    FILE *file = fopen(path, "re");
    bool found;

    if (file == NULL) {
        return false;
    }
    found = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    for (size_t i = 0; found && i < count; i++) {
        char *end;
        values[i] = strtoull(at, &end, 10);
        found = end != at;
        at = end;
    }
    return found;
}

static bool read_number(const char *path, uint64_t *ret_value)
{
    uint64_t values[1];
    bool found = read_numbers(path, values, 1);

    if (found) {
        *ret_value = values[0];
    }
    return found;
}

struct limits_table limits_conntrack(void)
{
    struct limits_table table = {0};

    table.known = read_number("/proc/sys/net/netfilter/nf_conntrack_count", &table.used) &&
                  read_number("/proc/sys/net/netfilter/nf_conntrack_max", &table.max) && table.max > 0;
    return table;
}

enum { STAT_LINE_SIZE = 1024, STAT_COLUMNS = 32 };

/* Which columns of a line of names are counts of losses. */
static uint32_t find_columns(char *line)
{
    uint32_t columns = 0;
    char *rest = NULL;
    uint32_t column = 0;

    for (const char *name = strtok_r(line, " \n", &rest); name != NULL && column < STAT_COLUMNS; column++) {
        if (strcmp(name, "drop") == 0 || strcmp(name, "early_drop") == 0) {
            columns |= 1U << column;
        }
        name = strtok_r(NULL, " \n", &rest);
    }
    return columns;
}

static uint64_t sum_columns(const char *line, uint32_t columns)
{
    uint64_t sum = 0;

    for (uint32_t column = 0; column < STAT_COLUMNS; column++) {
        char *end;
        uint64_t value = strtoull(line, &end, 16);
        if (end == line) {
            break;
        }
        sum += (columns >> column & 1) != 0 ? value : 0;
        line = end;
    }
    return sum;
}

bool limits_parse_conntrack_lost(FILE *stream, uint64_t *ret_lost)
{
    char line[STAT_LINE_SIZE];
    uint32_t columns = fgets(line, sizeof(line), stream) != NULL ? find_columns(line) : 0;
    uint64_t lost = 0;

    if (columns == 0) {
        return false;
    }
    while (fgets(line, sizeof(line), stream) != NULL) {
        lost += sum_columns(line, columns);
    }
    *ret_lost = lost;
    return true;
}

bool limits_conntrack_lost(uint64_t *ret_lost)
{
    FILE *file = fopen("/proc/net/stat/nf_conntrack", "re");
    bool known = file != NULL && limits_parse_conntrack_lost(file, ret_lost);

    if (file != NULL) {
        fclose(file);
    }
    return known;
}

uint64_t limits_conntrack_syn_sent_s(void)
{
    uint64_t seconds;

    return read_number("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_syn_sent", &seconds) ? seconds : 120;
}

/* "TCP: inuse 5 orphan 0 tw 12 alloc 7 mem 3" */
static struct limits_table read_time_wait(void)
{
    struct limits_table table = {0};
    char line[256];
    FILE *file = fopen("/proc/net/sockstat", "re");

    if (file == NULL) {
        return table;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *at = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " tw ") : NULL;
        if (at != NULL) {
            table.used = strtoull(at + 4, NULL, 10);
            table.known = true;
        }
    }
    fclose(file);
    table.known = table.known && read_number("/proc/sys/net/ipv4/tcp_max_tw_buckets", &table.max);
    return table;
}

static bool read_ports(uint32_t *ret_first, uint32_t *ret_last)
{
    uint64_t range[2];

    if (!read_numbers("/proc/sys/net/ipv4/ip_local_port_range", range, 2) || range[0] > range[1] ||
        range[1] > UINT16_MAX) {
        return false;
    }
    *ret_first = (uint32_t)range[0];
    *ret_last = (uint32_t)range[1];
    return true;
}

static bool read_raw_sockets(void)
{
    char line[256];
    uint64_t effective = 0;
    FILE *file = fopen("/proc/self/status", "re");

    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "CapEff:", 7) == 0) {
            effective = strtoull(line + 7, NULL, 16);
        }
    }
    fclose(file);
    return (effective >> CAP_NET_RAW & 1) != 0;
}

static uint64_t count_descriptors(void)
{
    uint64_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (dir == NULL) {
        return 8;
    }
    while ((entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    closedir(dir);
    /* The directory's own has gone. */
    return count > 0 ? count - 1 : 0;
}

int limits_read(struct limits *ret_limits)
{
    struct limits limits = {0};
    struct rlimit descriptors;

    if (getrlimit(RLIMIT_NOFILE, &descriptors) < 0) {
        return -errno;
    }
    limits.descriptors_soft = descriptors.rlim_cur;
    limits.descriptors_hard = descriptors.rlim_max;
    limits.descriptors_open = count_descriptors();
    limits.ports_known = read_ports(&limits.port_first, &limits.port_last);
    limits.conntrack = limits_conntrack();
    limits.time_wait = read_time_wait();
    limits.raw_sockets = read_raw_sockets();
    *ret_limits = limits;
    return 0;
}

int limits_raise_descriptors(void)
{
    struct rlimit descriptors;

    if (getrlimit(RLIMIT_NOFILE, &descriptors) < 0) {
        return -errno;
    }
    descriptors.rlim_cur = descriptors.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &descriptors) < 0 ? -errno : 0;
}
