/* The services whose servers count handshakes that break off, or bear few connections, and shut out who makes too many:
 * they are asked seldom and one at a time. Knows neither protocols nor when anybody is asked. */
#ifndef LEASTPORT_LIB_LOCKOUT_H
#define LEASTPORT_LIB_LOCKOUT_H

#include <stdbool.h>
#include <stddef.h>

/* Names as the fact "service" has them, ascending; they live for ever. */
const char *const *lockout_services(size_t *ret_count);
bool lockout_has(const char *service);

#endif
