/* A store of a harness's own in fuzz_folder(): fed with a scanner's lines as a sweep would, judged as an audit would.
 */
#ifndef LEASTPORT_TESTS_FUZZ_AUDITD_SEEDED_STORE_H
#define LEASTPORT_TESTS_FUZZ_AUDITD_SEEDED_STORE_H

#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens the one store, empty; its file's path is *ret_path, for ever. It is closed when the process exits. */
struct store *seeded_store_open(const char **ret_path);

/* A scanner's whole output: cut into lines, ingested, judged, scored. Asserts what must hold whatever it says: every
 * line is taken or refused with a reason, the store never fails, and its references hold. Returns how many lines were
 * refused. */
uint64_t seeded_store_feed(struct store *store, const char *bytes, size_t size);

/* Three hosts in two realms over two scans: something open, something closed since, and hostile names. */
void seeded_store_fill(struct store *store);

/* `text` with the UUID of a host, a finding and a scan of the store in place of "{host}", "{finding}" and "{scan}":
 * they are new in each run. The caller frees it. */
char *seeded_store_fill_in(struct store *store, const char *text);

/* The text of an administrator's token, for ever. */
const char *seeded_store_token(struct store *store);

/* Takes all rows out again. */
void seeded_store_clear(struct store *store);

#endif
