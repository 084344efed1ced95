/* `leastport score`: scores of the fleet, of realms, groups and hosts, now and over time, with every term. Reads the
 * database, beside a running daemon too. */
#ifndef LEASTPORT_AUDITD_SCORE_VERB_H
#define LEASTPORT_AUDITD_SCORE_VERB_H

/* Parses argv of the verb, as options.h has it for others. An exit status; what went wrong was said. */
int score_verb_main(int argc, char **argv);

#endif
