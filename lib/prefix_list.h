/* Addresses and prefixes from a text that a person wrote: white space between them, "#" begins a comment up to the end
 * of its line. Knows nothing of what they are for. */
#ifndef LEASTPORT_LIB_PREFIX_LIST_H
#define LEASTPORT_LIB_PREFIX_LIST_H

#include "lib/addr.h"

#include <stdio.h>

/* {0} is the empty list. */
struct prefix_list {
    struct prefix *items;
    size_t count;
};

/* Where reading stopped. */
struct prefix_list_fault {
    unsigned long line; /* from 1 */
    /* As it stands there, cut where it is too long for a prefix; a NUL byte shows as "\0". */
    char word[PREFIX_TEXT_SIZE + 4];
};

/* -EINVAL and -ENODEV as prefix_parse(), -ENOMEM; the list then stays as it was. */
MUST_USE int prefix_list_add(struct prefix_list *list, const char *text);

/* Adds all that `stream` holds up to its end; a byte order mark at its begin is no part of it. Nothing is passed over:
 * -EBADMSG with *ret_fault for the first word that is neither address nor prefix, a NUL byte included; -ENOMEM; -errno
 * of the stream. The list then holds what stood before. Memory does not grow with the length of a line. */
MUST_USE int prefix_list_read(struct prefix_list *list, FILE *stream, struct prefix_list_fault *ret_fault);

/* Frees the items. */
void prefix_list_done(struct prefix_list *list);

#endif
