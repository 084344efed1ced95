/* The numbered migrations, compiled in from schema/migrations by embed_migrations.cmake. */
#ifndef LEASTPORT_AUDITD_STORE_MIGRATION_H
#define LEASTPORT_AUDITD_STORE_MIGRATION_H

#include <stddef.h>

struct store_migration {
    int number;
    const char *sql;
};

/* In ascending order, without gaps, from 1. */
extern const struct store_migration store_migrations[];
extern const size_t store_migration_count;

#endif
