#include "auditd/alert/driver.h"

#include "auditd/report/typeset.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LETTER_HEARD_MAX = 256 * 1024, LETTER_TITLE_MAX = 300, LETTER_SUBJECT_MAX = 512 };

static const struct driver *const drivers[] = {&driver_webhook, &driver_slack, &driver_email, &driver_syslog};

const struct driver *driver_find(enum receiver_kind kind)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
        if (drivers[i]->kind == kind) {
            return drivers[i];
        }
    }
    return NULL;
}

void letter_done(struct letter *letter)
{
    curl_easy_cleanup(letter->easy);
    curl_slist_free_all(letter->headers);
    curl_slist_free_all(letter->recipients);
    free(letter->body);
    json_decref(letter->alert);
    *letter = (struct letter){0};
}

int letter_secret(struct letter *letter, const char *what, const char *path, char ret_secret[DRIVER_SECRET_SIZE])
{
    /* A FIFO would be waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t size = fd < 0 ? -1 : read(fd, ret_secret, DRIVER_SECRET_SIZE - 1);
    int error = errno;
    char *start;

    if (fd >= 0) {
        close(fd);
    }
    if (size < 0) {
        snprintf(letter->error, sizeof(letter->error), "cannot read its %s: %s", what, strerror(error));
        return -error;
    }
    ret_secret[size] = '\0';
    ret_secret[strcspn(ret_secret, "\r\n")] = '\0';
    start = ret_secret + strspn(ret_secret, " \t");
    memmove(ret_secret, start, strlen(start) + 1);
    for (size_t end = strlen(ret_secret); end > 0 && isspace((unsigned char)ret_secret[end - 1]); end--) {
        ret_secret[end - 1] = '\0';
    }
    if (ret_secret[0] == '\0') {
        snprintf(letter->error, sizeof(letter->error), "its %s is empty", what);
        return -EINVAL;
    }
    return 0;
}

int letter_url(struct letter *letter, char ret_url[DRIVER_SECRET_SIZE])
{
    if (letter->receiver->url_file != NULL) {
        return letter_secret(letter, "url_file", letter->receiver->url_file, ret_url);
    }
    snprintf(ret_url, DRIVER_SECRET_SIZE, "%s", letter->receiver->url);
    return 0;
}

/* Nobody reads what is answered: it is let go by up to a size, and then cut off. The status has come before. */
static size_t letter_drop(char *data, size_t size, size_t count, void *context)
{
    struct letter *letter = context;

    (void)data;
    letter->heard += size * count;
    letter->is_cut = letter->heard > LETTER_HEARD_MAX;
    return letter->is_cut ? 0 : size * count;
}

int letter_prepare(struct letter *letter, const char *url, const char *protocols)
{
    CURL *easy = curl_easy_init();
    long verify = letter->receiver->verify ? 1L : 0L;

    letter->easy = easy;
    if (easy == NULL) {
        return -ENOMEM;
    }
    if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols) != CURLE_OK ||
        (letter->receiver->ca_file != NULL &&
         curl_easy_setopt(easy, CURLOPT_CAINFO, letter->receiver->ca_file) != CURLE_OK)) {
        return -ENOMEM;
    }
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L * verify);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)letter->receiver->timeout_ms);
    /* A name that is looked up when the time is over is looked up in vain: nobody waits for it. */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, letter_drop);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, letter);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, letter_drop);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, letter);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, letter->curl_error);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "leastport/" LEASTPORT_VERSION);
    return 0;
}

bool letter_accept_http(struct letter *letter)
{
    long status = 0;

    (void)curl_easy_getinfo(letter->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
        return true;
    }
    snprintf(letter->error, sizeof(letter->error), "it answered with the HTTP status %ld%s", status,
             status >= 300 && status < 400 ? ", a redirect, which is not followed" : "");
    return false;
}

const char *letter_text(const struct letter *letter, const char *member)
{
    const char *text = json_string_value(json_object_get(letter->alert, member));

    return text == NULL ? "" : text;
}

static const char *line_text(const json_t *line, const char *member)
{
    const char *text = json_string_value(json_object_get(line, member));

    return text == NULL ? "" : text;
}

void letter_subject(const struct letter *letter, char *text, size_t size)
{
    const json_t *lines = json_object_get(letter->alert, "lines");
    const json_t *first = json_array_get(lines, 0);
    json_int_t findings = json_integer_value(json_object_get(first, "findings"));
    size_t more = json_array_size(lines) > 1 ? json_array_size(lines) - 1 : 0;
    char count[48] = "";
    char rest[48] = "";
    char whole[LETTER_SUBJECT_MAX];

    if (findings > 1) {
        snprintf(count, sizeof(count), " (%" JSON_INTEGER_FORMAT " findings)", findings);
    }
    if (more > 0) {
        snprintf(rest, sizeof(rest), " and %zu more", more);
    }
    snprintf(whole, sizeof(whole), "[%s] %s: %.*s%s%s", letter_text(letter, "severity"), line_text(first, "change"),
             LETTER_TITLE_MAX, line_text(first, "title"), count, rest);
    /* A character that was cut in two would be none. */
    (void)typeset_escape(whole, text, size);
}

static void line_write(const json_t *line, FILE *out)
{
    static const char *const members[] = {"owner", "group", "fix"};
    const json_t *hosts = json_object_get(line, "hosts");
    json_int_t findings = json_integer_value(json_object_get(line, "findings"));
    size_t index;
    json_t *host;

    fprintf(out, "%s %s: %s\n", line_text(line, "severity"), line_text(line, "change"), line_text(line, "title"));
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        if (line_text(line, members[i])[0] != '\0') {
            fprintf(out, "  %s: %s\n", members[i], line_text(line, members[i]));
        }
    }
    if (json_array_size(hosts) > 0) {
        fprintf(out, "  hosts:");
        json_array_foreach(hosts, index, host)
        {
            fprintf(out, " %s", json_string_value(host));
        }
        fprintf(out,
                (size_t)findings > json_array_size(hosts) ? " and more (%" JSON_INTEGER_FORMAT " findings)\n" : "\n",
                findings);
    }
}

char *letter_paragraphs(const struct letter *letter)
{
    char *text = NULL;
    size_t size = 0;
    size_t index;
    json_t *line;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return NULL;
    }
    json_array_foreach(json_object_get(letter->alert, "lines"), index, line)
    {
        line_write(line, out);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
