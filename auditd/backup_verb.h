/* `leastport backup` and `leastport restore`: a copy of the database while it is written, and the way back. */
#ifndef LEASTPORT_AUDITD_BACKUP_VERB_H
#define LEASTPORT_AUDITD_BACKUP_VERB_H

/* Each parses argv of its verb, as options.h has it for others. An exit status; what went wrong was said. */
int backup_verb_main(int argc, char **argv);
int restore_verb_main(int argc, char **argv);

#endif
