/* `leastport aws`: what an account must permit, and reading it into a folder. */
#ifndef LEASTPORT_AUDITD_AWS_VERB_H
#define LEASTPORT_AUDITD_AWS_VERB_H

/* The exit status. */
int aws_verb_main(int argc, char **argv);

#endif
