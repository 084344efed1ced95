/* What listens on a UNIX socket and says the same to whoever connects, for harnesses of clients. */
#ifndef LEASTPORT_TESTS_FUZZ_PEER_H
#define LEASTPORT_TESTS_FUZZ_PEER_H

#include <stddef.h>
#include <stdint.h>

/* The socket's path; with the first call a thread listens on it. */
const char *peer_path(void);

/* The next connection is told `data`, borrowed until peer_wait(), once its first bytes have come, and then that nothing
 * follows. */
void peer_say(const uint8_t *data, size_t size);
/* Waits until that connection is over: the client has closed it. */
void peer_wait(void);

#endif
