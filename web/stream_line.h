/* A connection of libmicrohttpd as a stream's line: suspended, so that the library leaves its socket alone, and resumed
 * when the stream has ended, so that the library closes it. */
#ifndef LEASTPORT_WEB_STREAM_LINE_H
#define LEASTPORT_WEB_STREAM_LINE_H

#include "web/stream.h"

struct MHD_Connection;

/* From the handler of a request that is not answered otherwise, which then returns MHD_YES; it is called once more when
 * the stream has ended, and then has to return MHD_NO. Takes the ticket; -ESHUTDOWN as stream_admit(). */
MUST_USE int stream_line_admit(struct stream_ticket *ticket, struct MHD_Connection *connection);

#endif
