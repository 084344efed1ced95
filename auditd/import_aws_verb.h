/* `leastport import aws`: a folder of what the AWS CLI prints comes into the database, or to the daemon that has it. */
#ifndef LEASTPORT_AUDITD_IMPORT_AWS_VERB_H
#define LEASTPORT_AUDITD_IMPORT_AWS_VERB_H

/* argv[0] is the verb's title, argv[1] "aws". The exit status. */
int import_aws_verb_main(int argc, char **argv);

#endif
