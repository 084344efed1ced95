/* Fetches the first page of each of many servers by libcurl's multi interface, all at once, as the other way to do what
 * service/protocol/http.c does: pages_curl COUNT PORT asks 127.0.0.1, 127.0.0.2, …. Says how many answered. */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODY_MOST = 16384 };

struct page {
    CURL *handle;
    size_t size;
    char body[BODY_MOST];
};

static size_t keep(char *bytes, size_t one, size_t count, void *context)
{
    struct page *page = context;

    for (size_t i = 0; i < count && page->size < BODY_MOST; i++) {
        page->body[page->size++] = bytes[i];
    }
    return one * count;
}

static int prepare(struct page *page, CURLM *multi, unsigned number, const char *port)
{
    char url[64];

    page->handle = curl_easy_init();
    if (page->handle == NULL) {
        return -1;
    }
    snprintf(url, sizeof(url), "http://127.0.%u.%u:%s/", number / 250, number % 250 + 1, port);
    curl_easy_setopt(page->handle, CURLOPT_URL, url);
    curl_easy_setopt(page->handle, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(page->handle, CURLOPT_WRITEDATA, page);
    curl_easy_setopt(page->handle, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(page->handle, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(page->handle, CURLOPT_NOSIGNAL, 1L);
    return curl_multi_add_handle(multi, page->handle) == CURLM_OK ? 0 : -1;
}

static unsigned count_answers(CURLM *multi)
{
    unsigned answered = 0;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        answered += message->msg == CURLMSG_DONE && message->data.result == CURLE_OK;
    }
    return answered;
}

/* How many answered, or -1. */
static long ask(CURLM *multi, struct page *pages, unsigned count, const char *port)
{
    long answered = 0;
    int running = 1;

    for (unsigned i = 0; i < count; i++) {
        if (prepare(&pages[i], multi, i, port) < 0) {
            return -1;
        }
    }
    while (running > 0) {
        if (curl_multi_perform(multi, &running) != CURLM_OK ||
            curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK) {
            return -1;
        }
        answered += count_answers(multi);
    }
    return answered + count_answers(multi);
}

int main(int argc, char **argv)
{
    unsigned count = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    struct page *pages;
    CURLM *multi;
    long answered = -1;

    if (count == 0 || curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        fprintf(stderr, "Usage: pages_curl COUNT PORT\n");
        return 2;
    }
    pages = calloc(count, sizeof(*pages));
    multi = curl_multi_init();
    if (pages != NULL && multi != NULL) {
        answered = ask(multi, pages, count, argv[2]);
        printf("%ld of %u answered\n", answered, count);
    }
    for (unsigned i = 0; pages != NULL && i < count; i++) {
        curl_multi_remove_handle(multi, pages[i].handle);
        curl_easy_cleanup(pages[i].handle);
    }
    curl_multi_cleanup(multi);
    free(pages);
    return answered < 0 ? 1 : 0;
}
