/* The protocols' rows, one of each file of this folder. */
#ifndef LEASTPORT_SCANNER_SERVICE_PROTOCOL_ALL_H
#define LEASTPORT_SCANNER_SERVICE_PROTOCOL_ALL_H

#include "scanner/service/protocol.h"

/* Whose servers speak first, in lines of text. */
extern const struct protocol protocol_ssh;

/* Whose questions and answers are binary. */

/* What stands on HTTP. */
extern const struct protocol protocol_http;

/* Others that speak in text. */

#endif
