/* `leastport reach`: who reaches what, as the cloud's configuration declares it. */
#ifndef LEASTPORT_AUDITD_REACH_VERB_H
#define LEASTPORT_AUDITD_REACH_VERB_H

/* Takes the verb's argv (argv[0] is what the help calls the program) and returns the exit status: 0, or 2 for an error
 * or misuse, after saying which on the log. */
int reach_verb_main(int argc, char **argv);

#endif
