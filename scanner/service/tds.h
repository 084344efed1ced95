/* TLS inside of packets of TDS, as SQL Server has it while the handshake lasts (MS-TDS, sections 2.2.3.1 and 2.2.6.5):
 * a header of eight bytes before each piece. Pure; knows neither sockets nor TLS. */
#ifndef LEASTPORT_SCANNER_SERVICE_TDS_H
#define LEASTPORT_SCANNER_SERVICE_TDS_H

#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TDS_HEADER_SIZE = 8, TDS_PACKET_MAX = 4096 };

/* One direction of a connection; all 0 at first. */
struct tds_frame {
    uint8_t header[TDS_HEADER_SIZE];
    size_t header_left; /* of the header: still to be sent */
    size_t header_size; /* of the header: received so far */
    size_t left;        /* of the packet, behind its header */
    bool failed;        /* what came is no packet of the handshake */
};

/* What is to be sent next of `bytes`, the header of a packet or what is in it; *ret_is_header says which. Borrowed
 * until the next call. */
struct span tds_outgoing(struct tds_frame *frame, struct span bytes, bool *ret_is_header);
/* So many bytes of that were sent. */
void tds_sent(struct tds_frame *frame, bool is_header, size_t size);

/* Takes headers off the beginning of *bytes, and then the next piece, which it returns; empty when there is none, or
 * the frame has failed. */
struct span tds_arrived(struct tds_frame *frame, struct span *bytes);

#endif
