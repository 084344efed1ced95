#include "auditd/alert/driver.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int webhook_header(struct letter *letter, const char *name, const char *value)
{
    char line[256];
    struct curl_slist *more;

    snprintf(line, sizeof(line), "%s: %s", name, value);
    more = curl_slist_append(letter->headers, line);
    if (more == NULL) {
        return -ENOMEM;
    }
    letter->headers = more;
    return 0;
}

/* HMAC-SHA256 (RFC 2104) of "TIME.BODY" under the secret, hexadecimal. */
static int webhook_sign(struct letter *letter, const char *time)
{
    char secret[DRIVER_SECRET_SIZE];
    char hex[(size_t)2 * crypto_auth_hmacsha256_BYTES + 1];
    char value[sizeof(hex) + sizeof("sha256=")];
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    int rc = letter_secret(letter, "secret_file", letter->receiver->secret_file, secret);

    if (rc < 0) {
        return rc;
    }
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    sodium_memzero(secret, sizeof(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)time, strlen(time));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)letter->body, letter->body_size);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    snprintf(value, sizeof(value), "sha256=%s", hex);
    return webhook_header(letter, "Leastport-Signature", value);
}

/* What both kinds of webhook have. */
static int webhook_post(struct letter *letter)
{
    char url[DRIVER_SECRET_SIZE];
    int rc = letter->body == NULL ? -ENOMEM : letter_url(letter, url);

    rc = rc == 0 ? letter_prepare(letter, url, "http,https") : rc;
    sodium_memzero(url, sizeof(url));
    rc = rc == 0 ? webhook_header(letter, "Content-Type", "application/json") : rc;
    /* Without asking first whether a body is welcome. */
    rc = rc == 0 ? webhook_header(letter, "Expect", "") : rc;
    if (rc < 0) {
        return rc;
    }
    (void)curl_easy_setopt(letter->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)letter->body_size);
    (void)curl_easy_setopt(letter->easy, CURLOPT_POSTFIELDS, letter->body);
    (void)curl_easy_setopt(letter->easy, CURLOPT_HTTPHEADER, letter->headers);
    return 0;
}

static int webhook_prepare(struct letter *letter)
{
    char time[24];
    int rc;

    snprintf(time, sizeof(time), "%" PRId64, letter->now_ms / 1000);
    letter->body = json_dumps(letter->alert, JSON_COMPACT);
    letter->body_size = letter->body == NULL ? 0 : strlen(letter->body);
    rc = letter->body == NULL ? -ENOMEM : webhook_header(letter, "Leastport-Timestamp", time);
    rc = rc == 0 ? webhook_header(letter, "Leastport-Alert-Id", letter_text(letter, "id")) : rc;
    if (rc == 0 && letter->receiver->secret_file != NULL) {
        rc = webhook_sign(letter, time);
    }
    return rc == 0 ? webhook_post(letter) : rc;
}

/* Slack's formatting language has &, < and > as control characters, to be sent as entities. Receivers that are like it
 * take @channel for a call to everybody, and `…` for code: a character without width behind them ends that. */
static void slack_write(FILE *out, const char *text)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'@', "@\xe2\x80\x8b"}, {'`', "`\xe2\x80\x8b"}};

    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (i < sizeof(entities) / sizeof(*entities) && entities[i].character != *text) {
            i++;
        }
        if (i < sizeof(entities) / sizeof(*entities)) {
            fputs(entities[i].entity, out);
        } else {
            fputc(*text, out);
        }
    }
}

/* NULL when out of memory; the caller frees it. */
static char *slack_text(const struct letter *letter)
{
    char subject[512];
    char *paragraphs = letter_paragraphs(letter);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    letter_subject(letter, subject, sizeof(subject));
    if (paragraphs != NULL && out != NULL) {
        slack_write(out, subject);
        fputc('\n', out);
        slack_write(out, paragraphs);
        fprintf(out, "(alert %s)", letter_text(letter, "id"));
    }
    if (out != NULL && (fclose(out) != 0 || paragraphs == NULL)) {
        free(text);
        text = NULL;
    }
    free(paragraphs);
    return text;
}

static int slack_prepare(struct letter *letter)
{
    char *text = slack_text(letter);
    json_t *json;

    if (text == NULL) {
        return -ENOMEM;
    }
    json = json_pack("{s:s}", "text", text);
    letter->body = json_dumps(json, JSON_COMPACT);
    letter->body_size = letter->body == NULL ? 0 : strlen(letter->body);
    json_decref(json);
    free(text);
    return webhook_post(letter);
}

const struct driver driver_webhook = {RECEIVER_WEBHOOK, webhook_prepare, letter_accept_http};
const struct driver driver_slack = {RECEIVER_SLACK, slack_prepare, letter_accept_http};
