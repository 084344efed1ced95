#include "scanner/service/page.h"

#include <sodium.h>
#include <string.h>

/* How the titles of pages begin that servers show until somebody puts one of their own in their place. */
static const char *const SHIPPED[] = {
    "Apache2 ",                /* Debian and Ubuntu: "Apache2 Debian Default Page: It works" */
    "Apache HTTP Server Test", /* Fedora, RHEL and their kin */
    "Apache Tomcat",
    "Caddy works",
    "Default Web Site Page",
    "HTTP Server Test Page",
    "IIS Windows",
    "IIS7",
    "It works",
    "Jetty",
    "Test Page for",
    "Welcome page", /* lighttpd on Debian */
    "Welcome to CentOS",
    "Welcome to OpenResty",
    "Welcome to nginx",
};

static bool is_shipped(const char *title)
{
    for (size_t i = 0; i < sizeof(SHIPPED) / sizeof(*SHIPPED); i++) {
        if (strncmp(title, SHIPPED[i], strlen(SHIPPED[i])) == 0) {
            return true;
        }
    }
    return false;
}

struct page {
    uint8_t bytes[PAGE_MOST];
    size_t size;
};

static bool ends_with(const struct page *page, const char *text)
{
    size_t length = strlen(text);

    return page->size >= length && memcmp(page->bytes + page->size - length, text, length) == 0;
}

/* The scheme before an address that is left out goes with it. */
static void drop_scheme(struct page *page)
{
    static const char *const schemes[] = {"https://", "http://", "//"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        if (ends_with(page, schemes[i])) {
            page->size -= strlen(schemes[i]);
            return;
        }
    }
}

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '.' || byte == '-' || byte == ':' || byte == '_';
}

/* Not as a part of a longer name or number: 10.0.0.1 is not in 10.0.0.10. */
static bool stands_alone(const struct page *page, struct span behind)
{
    return (page->size == 0 || !is_name_byte(page->bytes[page->size - 1])) &&
           (behind.size == 0 || !is_name_byte(behind.bytes[0]));
}

static void normalise(struct span body, struct span authority, struct page *page)
{
    page->size = 0;
    while (body.size > 0 && page->size < sizeof(page->bytes)) {
        if (authority.size > 0 && span_starts_as(body, authority) &&
            stands_alone(page, span_from(body, authority.size))) {
            drop_scheme(page);
            body = span_from(body, authority.size);
        } else if (span_starts(body, SPAN_OF("\r\n"))) {
            body = span_from(body, 1);
        } else {
            page->bytes[page->size++] = body.bytes[0];
            body = span_from(body, 1);
        }
    }
    while (page->size > 0 && page->size < sizeof(page->bytes) && page->bytes[page->size - 1] <= ' ') {
        page->size--;
    }
}

bool page_digest(struct span body, const char *authority, const char *title, char ret_digest[PAGE_DIGEST_SIZE])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    struct page page;

    normalise(body, (struct span){(const uint8_t *)authority, strlen(authority)}, &page);
    if (page.size < PAGE_LEAST || is_shipped(title)) {
        return false;
    }
    crypto_hash_sha256(hash, page.bytes, page.size);
    sodium_bin2hex(ret_digest, PAGE_DIGEST_SIZE, hash, sizeof(hash));
    return true;
}
