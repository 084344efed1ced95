/* Draws small clouds and questions, and makes the module's model of them. */
#ifndef LEASTPORT_TESTS_UNIT_AUDITD_REACH_DRAW_H
#define LEASTPORT_TESTS_UNIT_AUDITD_REACH_DRAW_H

#include "auditd/reach/engine.h"
#include "tests/unit/auditd/reach/brute.h"

/* A number below `below`. */
int draw_below(uint64_t *source, int below);

void draw_world(uint64_t *source, struct b_world *world);
void draw_question(uint64_t *source, struct b_question *question);
/* An address that rules may tell apart from its neighbours. */
struct b_addr draw_addr(uint64_t *source, bool six);
/* A port likewise. */
int draw_port(uint64_t *source);

/* The same cloud for the module: finished. */
void draw_model(const struct b_world *world, struct reach_model *model);
struct addr draw_to_addr(struct b_addr addr);

#endif
