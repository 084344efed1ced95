/* Receives from one interface by plain packet sockets, for a scan that has few answers to wait for: the kernel makes a
 * ring, and takes it away, only after all its readers have passed (RCU), some 10 ms and twice 10 ms, and a socket
 * without one costs a single wait, at its end. But a socket's own queue holds few frames (net.core.rmem_max), so there
 * are as many as it takes, of which each takes in what others have no room for; and as the rings at least one for each
 * share that is asked for, by the processor that a frame came in by (PACKET_FANOUT_CPU). */
#ifndef LEASTPORT_SCANNER_RAW_QUEUES_H
#define LEASTPORT_SCANNER_RAW_QUEUES_H

#include "scanner/raw/link.h"

struct queues;

/* Room for `answers` short frames of one ethertype (host byte order). The filter is of `options`, the frames begin with
 * what `layer` says. -ENOBUFS when no reasonable number of sockets has so much room; other -errno. Needs CAP_NET_RAW,
 * and gets along with one socket where CAP_NET_ADMIN lifts its bound. The caller owns the result. */
MUST_USE int queues_open(const struct link_options *options, enum link_layer layer, uint16_t ethertype,
                         uint32_t answers, struct queues **ret_queues);
void queues_close(struct queues *queues);

/* So that the event queue hears of each: 0 or -errno. */
MUST_USE int queues_watch(const struct queues *queues, int epoll_fd);
/* As link_ops has it; *given grows by the frames. */
MUST_USE int queues_receive(struct queues *queues, uint32_t most, link_take_fn *take, void *context, uint32_t *given);
/* Frames that had no room since the call before (PACKET_STATISTICS). */
uint64_t queues_drops(const struct queues *queues);

#endif
