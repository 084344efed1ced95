/* An import's way into the store: whether it may come in, where it goes on, and one part of it, whole or not at all. */
#ifndef LEASTPORT_AUDITD_IMPORT_ENTRY_H
#define LEASTPORT_AUDITD_IMPORT_ENTRY_H

#include "auditd/store/store.h"
#include "lib/prefix_list.h"

#include <stddef.h>

enum { IMPORT_REASON_SIZE = 768, IMPORT_PART_MAX_BYTES = 128 * 1024 * 1024 };

struct import_origin {
    const char *realm;
    const char *vantage;
    const char *vantage_class; /* NULL: as it is declared already */
    const char *digest;        /* of the file */
    int64_t begun_ms;          /* when its scan began */
};

/* The lines of one scan; both borrowed. */
struct import_lines {
    const char *text;
    size_t size;
};

/* How many of the file's hosts are stored already: 0, or those that an import brought in before it was cut off. -EEXIST
 * with the reason when the vantage has looked since: a file as old or older would undo what is known. -errno of the
 * store, with the reason. */
MUST_USE int import_entry_begin(struct store *store, const struct import_origin *origin, size_t *ret_stored,
                                char reason[IMPORT_REASON_SIZE]);

/* A scan of the file that is stored but was never judged, because that failed or the program ended before: the first.
 * -ENOENT: none. -errno of the store, with the reason. */
MUST_USE int import_entry_unjudged(struct store *store, const struct import_origin *origin,
                                   char ret_uuid[STORE_UUID_SIZE], char reason[IMPORT_REASON_SIZE]);

/* Where lines go, and what holds them back; all borrowed. */
struct import_entry {
    struct store *store;
    const struct import_origin *origin;
    const struct prefix_list *scope; /* a host outside of it is refused */
};

/* Declares the vantage, and stores the lines of one scan in one transaction; none may be refused. -EPROTO with the
 * reason for lines that are no whole scan of the origin's realm and vantage, -EPERM for a host outside the scope,
 * -EEXIST and others as above; nothing is stored then. It is not judged yet. */
MUST_USE int import_entry_store(const struct import_entry *into, const struct import_lines *lines,
                                char ret_uuid[STORE_UUID_SIZE], char reason[IMPORT_REASON_SIZE]);

#endif
