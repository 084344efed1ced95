#include "auditd/keyring.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "NAME=value\0NAME=value\0", each `offsets[i]` from the start. */
struct keyring {
    char *text;
    size_t count;
    size_t offsets[];
};

static const char KEYRING_PREFIX[] = "AWS_";

/* Of the rest of the environment a child that reads an account has these alone. */
static const char *const keyring_passed[] = {
    "PATH",      "HOME",       "LANG",     "LC_ALL",   "TZ",        "TMPDIR",        "HTTPS_PROXY",  "https_proxy",
    "ALL_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
};

static bool keyring_is_ours(const char *entry)
{
    return strncmp(entry, KEYRING_PREFIX, strlen(KEYRING_PREFIX)) == 0 && strchr(entry, '=') != NULL;
}

/* Room for `count` entries of together `size` bytes. */
static struct keyring *keyring_create(size_t count, size_t size)
{
    struct keyring *keyring = sodium_init() < 0 ? NULL : calloc(1, sizeof(*keyring) + count * sizeof(size_t));

    if (keyring != NULL) {
        keyring->text = sodium_malloc(size + 1);
    }
    if (keyring != NULL && keyring->text == NULL) {
        free(keyring);
        keyring = NULL;
    }
    return keyring;
}

/* Keeps a copy where there is a keyring, and wipes what was taken. */
static void keyring_move(struct keyring *keyring)
{
    char **kept = environ;
    size_t at = 0;

    for (char **entry = environ; *entry != NULL; entry++) {
        size_t length = strlen(*entry);
        if (!keyring_is_ours(*entry)) {
            *kept++ = *entry;
            continue;
        }
        if (keyring != NULL) {
            memcpy(keyring->text + at, *entry, length + 1);
            keyring->offsets[keyring->count++] = at;
            at += length + 1;
        }
        sodium_memzero(*entry, length);
    }
    *kept = NULL;
}

int keyring_take(struct keyring **ret_keyring)
{
    struct keyring *keyring;
    size_t count = 0;
    size_t size = 0;

    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (keyring_is_ours(*entry)) {
            count++;
            size += strlen(*entry) + 1;
        }
    }
    keyring = keyring_create(count, size);
    if (count > 0) {
        keyring_move(keyring);
    }
    if (keyring == NULL) {
        return -ENOMEM;
    }
    *ret_keyring = keyring;
    return 0;
}

void keyring_destroy(struct keyring *keyring)
{
    if (keyring != NULL) {
        sodium_free(keyring->text);
        free(keyring);
    }
}

static bool keyring_has(char *const *entries, const char *entry)
{
    size_t length = strcspn(entry, "=") + 1;

    for (; *entries != NULL; entries++) {
        if (strncmp(*entries, entry, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool keyring_is_endpoint(const char *entry)
{
    static const char ignore[] = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=";

    return strncmp(entry, "AWS_ENDPOINT_URL", strlen("AWS_ENDPOINT_URL")) == 0 ||
           strncmp(entry, ignore, strlen(ignore)) == 0;
}

/* The entry of that name in the environment; NULL. */
static char *keyring_find(const char *name)
{
    size_t length = strlen(name);

    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') {
            return *entry;
        }
    }
    return NULL;
}

char **keyring_environment(const struct keyring *keyring, char *const *more)
{
    const size_t passed_count = sizeof(keyring_passed) / sizeof(*keyring_passed);
    bool has_endpoint = keyring_has(more, "AWS_ENDPOINT_URL=");
    size_t more_count = 0;
    size_t count = 0;
    char **entries;

    while (more[more_count] != NULL) {
        more_count++;
    }
    entries = calloc(passed_count + keyring->count + more_count + 1, sizeof(*entries));
    if (entries == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < passed_count; i++) {
        char *entry = keyring_find(keyring_passed[i]);
        if (entry != NULL) {
            entries[count++] = entry;
        }
    }
    for (size_t i = 0; i < more_count; i++) {
        entries[count++] = more[i];
    }
    for (size_t i = 0; i < keyring->count; i++) {
        char *entry = keyring->text + keyring->offsets[i];
        if (!keyring_has(more, entry) && !(has_endpoint && keyring_is_endpoint(entry))) {
            entries[count++] = entry;
        }
    }
    return entries;
}
