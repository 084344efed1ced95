#include "auditd/alert/driver.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EMAIL_LINE_BYTES = 57, EMAIL_WORD_BYTES = 42 };

/* RFC 2045, 6.8: lines of 76 characters. */
static void email_write_base64(FILE *out, const char *text)
{
    char line[sodium_base64_ENCODED_LEN(EMAIL_LINE_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    size_t left = strlen(text);

    while (left > 0) {
        size_t part = left < EMAIL_LINE_BYTES ? left : EMAIL_LINE_BYTES;
        sodium_bin2base64(line, sizeof(line), (const unsigned char *)text, part, sodium_base64_VARIANT_ORIGINAL);
        fprintf(out, "%s\r\n", line);
        text += part;
        left -= part;
    }
}

/* RFC 2047: encoded words, none of which cuts a character. */
static void email_write_subject(FILE *out, const char *text)
{
    char word[sodium_base64_ENCODED_LEN(EMAIL_WORD_BYTES, sodium_base64_VARIANT_ORIGINAL)];

    fputs("Subject:", out);
    while (*text != '\0') {
        size_t part = strlen(text) < EMAIL_WORD_BYTES ? strlen(text) : EMAIL_WORD_BYTES;
        while (part > 1 && ((unsigned char)text[part] & 0xc0) == 0x80) {
            part--;
        }
        sodium_bin2base64(word, sizeof(word), (const unsigned char *)text, part, sodium_base64_VARIANT_ORIGINAL);
        text += part;
        fprintf(out, " =?utf-8?B?%s?=%s", word, *text == '\0' ? "" : "\r\n");
    }
    fputs("\r\n", out);
}

/* RFC 5322. The id stays the same when it is sent again, so that a mail program can fold the two. */
static void email_write(const struct letter *letter, const char *paragraphs, FILE *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const struct config_receiver *receiver = letter->receiver;
    time_t seconds = (time_t)(letter->now_ms / 1000);
    char subject[512];
    struct tm utc = {0};

    gmtime_r(&seconds, &utc);
    fprintf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\nFrom: <%s>\r\nTo: ", days[utc.tm_wday], utc.tm_mday,
            months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec, receiver->from);
    for (size_t i = 0; i < receiver->to.count; i++) {
        fprintf(out, "%s<%s>", i == 0 ? "" : ",\r\n ", receiver->to.items[i]);
    }
    fputs("\r\n", out);
    letter_subject(letter, subject, sizeof(subject));
    email_write_subject(out, subject);
    fprintf(out,
            "Message-ID: <%s@leastport>\r\nLeastport-Alert-Id: %s\r\nAuto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            letter_text(letter, "id"), letter_text(letter, "id"));
    email_write_base64(out, paragraphs);
}

static int email_compose(struct letter *letter)
{
    char *paragraphs = letter_paragraphs(letter);
    FILE *out = open_memstream(&letter->body, &letter->body_size);

    if (paragraphs == NULL || out == NULL) {
        free(paragraphs);
        if (out != NULL) {
            fclose(out);
        }
        return -ENOMEM;
    }
    email_write(letter, paragraphs, out);
    free(paragraphs);
    return fclose(out) == 0 ? 0 : -ENOMEM;
}

static size_t email_read(char *data, size_t size, size_t count, void *context)
{
    struct letter *letter = context;
    size_t room = size * count;
    size_t left = letter->body_size - letter->body_sent;

    room = left < room ? left : room;
    memcpy(data, letter->body + letter->body_sent, room);
    letter->body_sent += room;
    return room;
}

static int email_log_in(struct letter *letter)
{
    char password[DRIVER_SECRET_SIZE];
    int rc;

    if (letter->receiver->user == NULL) {
        return 0;
    }
    rc = letter_secret(letter, "password_file", letter->receiver->password_file, password);
    if (rc == 0 && (curl_easy_setopt(letter->easy, CURLOPT_USERNAME, letter->receiver->user) != CURLE_OK ||
                    curl_easy_setopt(letter->easy, CURLOPT_PASSWORD, password) != CURLE_OK)) {
        rc = -ENOMEM;
    }
    sodium_memzero(password, sizeof(password));
    return rc;
}

static int email_prepare(struct letter *letter)
{
    const struct config_receiver *receiver = letter->receiver;
    char url[DRIVER_SECRET_SIZE];
    int rc = email_compose(letter);

    rc = rc == 0 ? letter_url(letter, url) : rc;
    rc = rc == 0 ? letter_prepare(letter, url, "smtp,smtps") : rc;
    rc = rc == 0 ? email_log_in(letter) : rc;
    for (size_t i = 0; rc == 0 && i < receiver->to.count; i++) {
        struct curl_slist *more = curl_slist_append(letter->recipients, receiver->to.items[i]);
        rc = more == NULL ? -ENOMEM : 0;
        letter->recipients = more == NULL ? letter->recipients : more;
    }
    if (rc < 0) {
        return rc;
    }
    (void)curl_easy_setopt(letter->easy, CURLOPT_USE_SSL, (long)(receiver->tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (curl_easy_setopt(letter->easy, CURLOPT_MAIL_FROM, receiver->from) != CURLE_OK) {
        return -ENOMEM;
    }
    (void)curl_easy_setopt(letter->easy, CURLOPT_MAIL_RCPT, letter->recipients);
    (void)curl_easy_setopt(letter->easy, CURLOPT_READFUNCTION, email_read);
    (void)curl_easy_setopt(letter->easy, CURLOPT_READDATA, letter);
    (void)curl_easy_setopt(letter->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)letter->body_size);
    (void)curl_easy_setopt(letter->easy, CURLOPT_UPLOAD, 1L);
    return 0;
}

/* libcurl says itself when a server refuses any step. */
static bool email_accept(struct letter *letter)
{
    (void)letter;
    return true;
}

const struct driver driver_email = {RECEIVER_EMAIL, email_prepare, email_accept};
