/* A place in the stream of events as the text of a Last-Event-ID, and back. */
#ifndef LEASTPORT_WEB_STREAM_PLACE_H
#define LEASTPORT_WEB_STREAM_PLACE_H

#include "auditd/store/read.h"

enum { STREAM_PLACE_TEXT_SIZE = 112 };

/* With a key (STORE_STREAM_KEY_BYTES; else NULL) nothing can be read from the text, nor two of them be told to name the
 * same place: for readers who may not know how many rows there are that they do not see. */
void stream_place_format(const struct store_stream_place *place, const unsigned char *key,
                         char text[STREAM_PLACE_TEXT_SIZE]);
/* -EINVAL when it is none, or none of that key. */
MUST_USE int stream_place_parse(const char *text, const unsigned char *key, struct store_stream_place *ret_place);
bool stream_place_is_same(const struct store_stream_place *one, const struct store_stream_place *other);

#endif
