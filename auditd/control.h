/* The control socket: a UNIX stream socket on which each line is a JSON object (schema/control.schema.json). Knows
 * clients, lines and who may ask; what a request means is the caller's. */
#ifndef LEASTPORT_AUDITD_CONTROL_H
#define LEASTPORT_AUDITD_CONTROL_H

#include "lib/addr.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct control;
/* One connection. Lives until on_gone was called for it. */
struct control_client;

/* Who is at the other end, as the kernel says (SO_PEERCRED). */
struct control_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/* Longest "NAME (token ID)", with room. */
enum { CONTROL_ACTOR_SIZE = 160, CONTROL_ADDRESS_SIZE = 64, CONTROL_ASKED_SIZE = 96 };

struct control_options {
    const char *path;
    uint32_t clients_max;
    /* A client that asks nothing, follows nothing and reads nothing for so long is closed. */
    uint64_t idle_ms;
    /* What may wait for a client that does not read; one that lets more pile up is closed. */
    size_t unread_max_bytes;
    /* A JSON object with a string "op"; borrowed for the call. Answers by control_send(), now or later. */
    void (*on_request)(void *context, struct control_client *client, const json_t *request);
    /* A request was answered for good: `asked` is its "op" and, behind a blank, its "do"; `error` is NULL unless it was
     * refused. May be NULL. */
    void (*on_settled)(void *context, struct control_client *client, const char *asked, const char *error);
    /* The client is no more: forget it. May be NULL. */
    void (*on_gone)(void *context, struct control_client *client);
    void *context;
};

/* 64 clients, 60 s, 4 MiB; the rest unset. */
struct control_options control_options_default(void);

/* Binds `options->path` (copied) with mode 0660 and listens; a socket there that nobody answers on is replaced.
 * -ENAMETOOLONG when the path is over what sockaddr_un holds, -EADDRINUSE when a process answers on it, -EEXIST when
 * it is something other than a socket, else what the kernel said. The caller owns the result: control_close(). */
MUST_USE int control_create(uv_loop_t *loop, const struct control_options *options, struct control **ret_control);

/* Closes all clients (on_gone is called for each) and the socket, and removes its file. Takes `control`, which may be
 * NULL: it is freed when the loop has run its closing callbacks. */
void control_close(struct control *control);

const struct control_peer *control_client_peer(const struct control_client *client);

/* In whose name the client asked last: "alice (process 123)" as the kernel says, or, where the daemon's own user said
 * "as" in its request, whom it named. Borrowed until the next request. */
const char *control_client_actor(const struct control_client *client);
/* Whence that one asked; "" for the socket itself. */
const char *control_client_address(const struct control_client *client);
/* What it asked last, as on_settled is told. */
const char *control_client_asked(const struct control_client *client);

/* "alice (process 123)" into `text`. */
void control_name_user(uid_t uid, pid_t pid, char *text, size_t size);

/* A client that follows something is not closed for being idle. */
void control_client_follow(struct control_client *client, bool follows);

/* Sends one line. Out of memory, or too much unread, closes the client: on_gone comes later, never from here. Takes the
 * reference to `line`; NULL counts as out of memory. */
void control_send(struct control_client *client, json_t *line);

/* {"ok":false,"error":…} */
void control_refuse(struct control_client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the "fault" that -errno is to who asked: -EINVAL, -ENOENT, -EPERM, -EEXIST, -ENOTUNIQ, -ESTALE, -EBUSY,
 * -ENOSPC; of others nobody who asks is to blame. */
void control_refuse_for(struct control_client *client, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Longest path that a socket can have, without its NUL. */
size_t control_path_max(void);

#endif
