/* What was said in a conversation, turn by turn, as proof of what is reported. Bounded. Pure. */
#ifndef LEASTPORT_SCANNER_SERVICE_EVIDENCE_H
#define LEASTPORT_SCANNER_SERVICE_EVIDENCE_H

#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EVIDENCE_TURNS_MAX = 8, EVIDENCE_TURN_SIZE = 384 };

/* Cut at EVIDENCE_TURN_SIZE. */
struct evidence_turn {
    bool sent;
    uint16_t size;  /* of `bytes` */
    uint32_t whole; /* how many there were */
    uint8_t bytes[EVIDENCE_TURN_SIZE];
};

/* Zeroed before the first use. */
struct evidence {
    struct evidence_turn turns[EVIDENCE_TURNS_MAX];
    size_t count;
};

/* Bytes of one side that follow one another are one turn; past EVIDENCE_TURNS_MAX turns nothing is kept. */
void evidence_note(struct evidence *evidence, bool sent, struct span bytes);

#endif
