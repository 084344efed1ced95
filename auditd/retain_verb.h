/* `leastport retain`: deletes the history of what is over when it is old enough, or counts it. */
#ifndef LEASTPORT_AUDITD_RETAIN_VERB_H
#define LEASTPORT_AUDITD_RETAIN_VERB_H

/* Parses argv of the verb, as options.h has it for others. An exit status; what went wrong was said. */
int retain_verb_main(int argc, char **argv);

#endif
