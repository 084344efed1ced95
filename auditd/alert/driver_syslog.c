#include "auditd/alert/driver.h"

#include "lib/addr.h"
#include "lib/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SYSLOG_BYTES_MAX = 2048 };

/* RFC 5424, section 6. There is no receipt: what the kernel took counts as delivered. */
static int syslog_compose(const struct letter *letter, char message[SYSLOG_BYTES_MAX])
{
    /* critical, error, warning, notice */
    static const int severities[] = {5, 5, 4, 3, 2};
    const json_t *first = json_array_get(json_object_get(letter->alert, "lines"), 0);
    enum severity severity = SEVERITY_LOW;
    char host[256] = "-";
    char time[WALL_TEXT_SIZE];
    char subject[512];
    int length;

    if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0') {
        snprintf(host, sizeof(host), "-");
    }
    if (severity_parse(letter_text(letter, "severity"), &severity) < 0) {
        severity = SEVERITY_LOW;
    }
    letter_subject(letter, subject, sizeof(subject));
    length = snprintf(
        message, SYSLOG_BYTES_MAX, "<%d>1 %s %s leastport %d %s - id=%s rule=%s findings=%" JSON_INTEGER_FORMAT " %s",
        letter->receiver->facility * 8 + severities[severity], wall_format(letter->now_ms, time), host, (int)getpid(),
        json_string_value(json_object_get(first, "change")), letter_text(letter, "id"), letter_text(letter, "rule"),
        json_integer_value(json_object_get(letter->alert, "findings")), subject);
    return length < SYSLOG_BYTES_MAX ? length : SYSLOG_BYTES_MAX - 1;
}

static int syslog_send(struct letter *letter, const struct sockaddr *address, socklen_t size, int type)
{
    char message[SYSLOG_BYTES_MAX + 1];
    size_t length = (size_t)syslog_compose(letter, message);
    int fd = socket(address->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = 0;

    if (fd < 0 || connect(fd, address, size) < 0) {
        rc = -errno;
    } else {
        if (type == SOCK_STREAM) {
            message[length++] = '\n';
        }
        if (send(fd, message, length, MSG_NOSIGNAL) != (ssize_t)length) {
            rc = errno == 0 ? -EAGAIN : -errno;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc < 0) {
        snprintf(letter->error, sizeof(letter->error), "it cannot be sent: %s", strerror(-rc));
    }
    return rc;
}

/* A socket of datagrams, as /dev/log is, else of a stream. */
static int syslog_unix(struct letter *letter, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int rc;

    if (strlen(path) >= sizeof(address.sun_path)) {
        snprintf(letter->error, sizeof(letter->error), "the path of its socket is too long");
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    rc = syslog_send(letter, (const struct sockaddr *)&address, sizeof(address), SOCK_DGRAM);
    return rc == -EPROTOTYPE ? syslog_send(letter, (const struct sockaddr *)&address, sizeof(address), SOCK_STREAM)
                             : rc;
}

static int syslog_udp(struct letter *letter, const char *place)
{
    const char *colon = strrchr(place, ':');
    bool brackets = place[0] == '[';
    struct sockaddr_storage storage = {0};
    char host[ADDR_TEXT_SIZE];
    struct addr address;
    size_t length = colon == NULL ? 0 : (size_t)(colon - place) - (brackets ? 2 : 0);
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, NULL, 10);

    if (length == 0 || length >= sizeof(host) || port == 0 || port > UINT16_MAX) {
        length = 0;
    }
    memcpy(host, place + (brackets ? 1 : 0), length);
    host[length] = '\0';
    if (addr_parse(host, &address) < 0) {
        snprintf(letter->error, sizeof(letter->error),
                 "its url is not like udp://192.0.2.1:514 or udp://[2001:db8::1]:514");
        return -EINVAL;
    }
    return syslog_send(letter, (const struct sockaddr *)&storage, addr_to_sockaddr(&address, (uint16_t)port, &storage),
                       SOCK_DGRAM);
}

static int syslog_prepare(struct letter *letter)
{
    const char *url = letter->receiver->url;
    const char *place = strstr(url, "://") + strlen("://");
    char connect_url[DRIVER_SECRET_SIZE];
    bool is_tls;
    int rc;

    if (strncmp(url, "unix://", strlen("unix://")) == 0) {
        return syslog_unix(letter, place);
    }
    if (strncmp(url, "udp://", strlen("udp://")) == 0) {
        return syslog_udp(letter, place);
    }
    is_tls = strncmp(url, "tls://", strlen("tls://")) == 0;
    /* libcurl only connects: names, certificates, time limits and the loop are the same as for the others. */
    snprintf(connect_url, sizeof(connect_url), "%s://%s", is_tls ? "https" : "http", place);
    rc = letter_prepare(letter, connect_url, is_tls ? "https" : "http");
    if (rc == 0) {
        (void)curl_easy_setopt(letter->easy, CURLOPT_CONNECT_ONLY, 1L);
        (void)curl_easy_setopt(letter->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
        (void)curl_easy_setopt(letter->easy, CURLOPT_PROXY, "");
    }
    return rc;
}

/* Connected. A frame with its length before it (RFC 6587, 3.4.1; by TLS RFC 5425, 4.3). */
static bool syslog_accept(struct letter *letter)
{
    char frame[SYSLOG_BYTES_MAX + 16];
    char message[SYSLOG_BYTES_MAX];
    int length = syslog_compose(letter, message);
    int size = snprintf(frame, sizeof(frame), "%d %s", length, message);
    size_t sent = 0;

    if (curl_easy_send(letter->easy, frame, (size_t)size, &sent) == CURLE_OK && sent == (size_t)size) {
        return true;
    }
    snprintf(letter->error, sizeof(letter->error), "it took %zu of %d bytes", sent, size);
    return false;
}

const struct driver driver_syslog = {RECEIVER_SYSLOG, syslog_prepare, syslog_accept};
