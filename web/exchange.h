/* One request and the answer that a handler makes of it. Knows no sockets: tests make exchanges by hand. */
#ifndef LEASTPORT_WEB_EXCHANGE_H
#define LEASTPORT_WEB_EXCHANGE_H

#include "auditd/store/read.h"
#include "web/buffer.h"
#include "web/cursor.h"
#include "web/principal.h"
#include "web/problem.h"
#include "web/sandbox.h"
#include "web/uri.h"

#include <stdbool.h>

enum { EXCHANGE_ETAG_SIZE = 40, EXCHANGE_COOKIE_SIZE = 192, EXCHANGE_LOCATION_SIZE = 1024, EXCHANGE_ALLOW_SIZE = 64 };
enum { EXCHANGE_FILE_SIZE = 80 };

struct answer;
struct asset;
struct daemon_view;
struct download;
struct download_crew;
struct gate;
struct metrics;
struct recall;
struct request_head;
struct repeat_table;
struct store_pool;
struct stream;
struct stream_ticket;

/* What every exchange of a server shares; borrowed for the server's life. */
struct exchange_site {
    struct store_pool *pool;
    struct metrics *metrics;
    struct gate *gate;
    struct sandbox sandbox;
    struct repeat_table *repeats;    /* NULL: nothing is remembered */
    struct recall *recall;           /* NULL: nothing is kept */
    struct stream *stream;           /* NULL: none */
    struct download_crew *downloads; /* NULL: none */
    struct daemon_view *daemon;      /* how it is */
    const char *control_path;        /* NULL: none */
};

struct exchange {
    const struct exchange_site *site;
    const struct request_head *head;       /* borrowed for the call of a handler */
    struct principal principal;            /* who asks, where the route wants to know */
    struct uri *uri;                       /* parameters are split in place */
    const char *uuid;                      /* the {uuid} of the route; NULL when it has none */
    unsigned char seal[CURSOR_SEAL_BYTES]; /* of its cursors, when who asks is limited */
    struct store_reader *reader;           /* NULL when the store could not be opened: store_rc, store_error */
    int store_rc;
    const char *store_error;

    unsigned status;
    const char *content_type;
    struct buffer body;
    struct answer *answer;                 /* instead of the body, with its entity tag; NULL: none; owned */
    const struct asset *asset;             /* instead of the body; NULL: none */
    bool may_pack;                         /* nothing secret stands in it: it goes out as gzip where that is wanted */
    bool is_packed;                        /* it is gzip */
    char etag[EXCHANGE_ETAG_SIZE];         /* "" when there is none */
    char allow[EXCHANGE_ALLOW_SIZE];       /* which methods there are; "" when it is not said */
    char cookie[EXCHANGE_COOKIE_SIZE];     /* to be set; "" for none */
    char location[EXCHANGE_LOCATION_SIZE]; /* where else it is; "" for none */
    uint32_t retry_after_s;                /* 0: not said */
    bool challenges;                       /* says how to sign in */
    struct stream_ticket *ticket;          /* the answer goes on by it, without an end; NULL for all others */
    struct download *download;             /* instead of the body of a file; NULL: HEAD, or no file. Owned */
    char file_name[EXCHANGE_FILE_SIZE];    /* it is a file to be kept, of letters, digits, dots and dashes; "" else */
    bool is_page;                          /* HTML, which may load scripts and styles from here */
    struct problem problem;                /* when its status is not 0 it is the answer */
};

void exchange_init(struct exchange *exchange, const struct exchange_site *site);
void exchange_done(struct exchange *exchange);
/* The problem that a reading function's error is for a client. */
void exchange_fail(struct exchange *exchange, int rc);
/* The problem when there is no reader. */
void exchange_fail_store(struct exchange *exchange);

#endif
