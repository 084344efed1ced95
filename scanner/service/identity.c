#include "scanner/service/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void identity_done(struct identity *identity)
{
    free(identity->certificate);
    identity->certificate = NULL;
    identity->certificate_size = 0;
}

int identity_set_certificate(struct identity *identity, struct span der)
{
    uint8_t *copy;

    if (der.size == 0) {
        identity_done(identity);
        return 0;
    }
    copy = malloc(der.size);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, der.bytes, der.size);
    identity_done(identity);
    identity->certificate = copy;
    identity->certificate_size = der.size;
    return 0;
}
