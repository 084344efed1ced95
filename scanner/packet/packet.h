/* What the packet codecs share. Builders write network byte order, parsers give host byte order; addresses stay bytes.
 *
 * Every parser of this folder is total: it takes any bytes of any length, reads nothing beyond them, allocates nothing,
 * and writes its result only when it returns PACKET_FINE. What it returns borrows the bytes. */
#ifndef LEASTPORT_SCANNER_PACKET_PACKET_H
#define LEASTPORT_SCANNER_PACKET_PACKET_H

#include "lib/addr.h"

/* Why a packet was refused. Their own type instead of an errno, because each of them is counted by itself. */
enum packet_fault {
    PACKET_FINE,
    PACKET_TRUNCATED, /* it ends before what its headers promise */
    PACKET_MALFORMED, /* its headers contradict themselves, or are of a version or kind that is not spoken */
    PACKET_CHECKSUM,
    PACKET_FRAGMENT, /* recognised and refused: no answer to a probe needs to be fragmented */
};

/* What a probe asks with. */
enum packet_probe { PACKET_TCP_SYN, PACKET_TCP_ACK, PACKET_UDP, PACKET_ECHO };

#endif
