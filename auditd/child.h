/* The last step before a child program runs, in the child: ties its life to ours and closes what it must not have.
 * auditd starts itself with CHILD_VERB, which becomes the program; libuv has no place for this between fork and exec.
 */
#ifndef LEASTPORT_AUDITD_CHILD_H
#define LEASTPORT_AUDITD_CHILD_H

#define CHILD_VERB "run-child"

/* args: "run-child", the number of the signal that the child gets when auditd dies, the pid of auditd, the path of the
 * program, its argv. Returns only when it failed: an exit status, after saying why. */
int child_run(int argc, char **argv);

/* Fills in the front of an argv: CHILD_ARGS entries, of which those after the second are in `child`. The program's own
 * argv follows. What is borrowed stays as long as `child`. */
enum { CHILD_ARGS = 5 };
struct child {
    char self[32];
    char verb[16];
    char signal[16];
    char parent[16];
};
void child_args(struct child *child, int death_signal, char *program, char **args);

#endif
