#include "scanner/service/evidence.h"

#include <string.h>

void evidence_note(struct evidence *evidence, bool sent, struct span bytes)
{
    struct evidence_turn *turn = evidence->count > 0 ? &evidence->turns[evidence->count - 1] : NULL;
    size_t fits;

    if (bytes.size == 0) {
        return;
    }
    if (turn == NULL || turn->sent != sent) {
        if (evidence->count == EVIDENCE_TURNS_MAX) {
            return;
        }
        turn = &evidence->turns[evidence->count++];
        *turn = (struct evidence_turn){.sent = sent};
    }
    fits = sizeof(turn->bytes) - turn->size;
    fits = bytes.size < fits ? bytes.size : fits;
    memcpy(turn->bytes + turn->size, bytes.bytes, fits);
    turn->size = (uint16_t)(turn->size + fits);
    turn->whole += bytes.size < UINT32_MAX - turn->whole ? (uint32_t)bytes.size : UINT32_MAX - turn->whole;
}
