/* Drivers: how an alert is put for each kind of receiver. A row and a file each. What goes by libcurl is prepared here
 * and run by courier.c; syslog is sent at once, by sockets that do not block. */
#ifndef LEASTPORT_AUDITD_ALERT_DRIVER_H
#define LEASTPORT_AUDITD_ALERT_DRIVER_H

#include "auditd/config/alerts.h"
#include "auditd/store/alert.h"

#include <curl/curl.h>

enum { DRIVER_SECRET_SIZE = 4096 };

/* One attempt. Owns its strings: letter_done(). */
struct letter {
    const struct config_receiver *receiver;
    json_t *alert; /* store_alert_json() */
    int64_t now_ms;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *recipients;
    char *body;
    size_t body_size;
    size_t body_sent;
    size_t heard;
    bool is_cut;                        /* its answer was longer than anybody reads */
    char error[STORE_ALERT_ERROR_SIZE]; /* without the receiver's address, which may be secret */
    char curl_error[CURL_ERROR_SIZE];
};

struct driver {
    enum receiver_kind kind;
    /* Sets `easy` and what it needs, or `error`. -errno. */
    int (*prepare)(struct letter *letter);
    /* Whether what libcurl was answered means that it arrived; else `error` is set. */
    bool (*accept)(struct letter *letter);
};

extern const struct driver driver_webhook;
extern const struct driver driver_slack;
extern const struct driver driver_email;
extern const struct driver driver_syslog;

const struct driver *driver_find(enum receiver_kind kind);

void letter_done(struct letter *letter);

/* ---- what drivers share ---- */

/* The first line of a file, without white space round it. `letter->error` says what is wrong. */
MUST_USE int letter_secret(struct letter *letter, const char *what, const char *path,
                           char ret_secret[DRIVER_SECRET_SIZE]);
/* The receiver's address, from its file when it is secret; `ret_url` is DRIVER_SECRET_SIZE long. */
MUST_USE int letter_url(struct letter *letter, char ret_url[DRIVER_SECRET_SIZE]);
/* Certificates, time limits and protocols, alike for all. */
MUST_USE int letter_prepare(struct letter *letter, const char *url, const char *protocols);
bool letter_accept_http(struct letter *letter);
const char *letter_text(const struct letter *letter, const char *member);
/* "[high] new: TITLE (500 findings)". Without control characters, as all text of an alert (derive.c). */
void letter_subject(const struct letter *letter, char *text, size_t size);
/* A paragraph for each line of the alert; the caller frees it. NULL when out of memory. */
char *letter_paragraphs(const struct letter *letter);

#endif
