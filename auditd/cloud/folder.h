/* A folder of files as `aws … describe-* --output json >FILE.json` leaves it. */
#ifndef LEASTPORT_AUDITD_CLOUD_FOLDER_H
#define LEASTPORT_AUDITD_CLOUD_FOLDER_H

#include "auditd/cloud/aws.h"

/* Takes every *.json of the folder, in the order of their names; says on the log what a file lacks. An empty file, or
 * one that holds no list that is known, is passed over with a warning: a command that was denied leaves such a file.
 * -errno, or -EBADMSG for what is no JSON, after saying on the log where and why. */
MUST_USE int cloud_folder_take(struct aws *aws, const char *folder);

/* A number that another one follows when a *.json of the folder is added, removed, or written to. -errno. */
MUST_USE int cloud_folder_stamp(const char *folder, uint64_t *ret_stamp);

/* One file likewise, but it must hold something that is known. */
MUST_USE int cloud_file_take(struct aws *aws, const char *path);

#endif
