/* `leastport check`: whether a database is whole, and what to do when it is not. */
#ifndef LEASTPORT_AUDITD_CHECK_VERB_H
#define LEASTPORT_AUDITD_CHECK_VERB_H

/* Parses argv of the verb, as options.h has it for others. An exit status; what was found was said. */
int check_verb_main(int argc, char **argv);

#endif
