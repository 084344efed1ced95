#include "web/tls.h"

#include "lib/clock.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TLS_CHAIN_MAX = 16, TLS_KEY_ID_SIZE = 64, TLS_FILE_MAX_BYTES = 1024 * 1024 };

/* A handshake uses what it was given until it ends, which the server's deadline for a head bounds; ten times that. */
static const uint64_t TLS_RETIRED_NS = UINT64_C(600) * 1000000000;

/* One certificate with its key, from when it is read until no handshake can know it any more. */
struct tls_pair {
    struct tls_pair *next;
    struct mono_time retired;
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned count;
    gnutls_privkey_t key;
    int64_t ends_ms;
};

struct tls {
    struct tls_files files;
    pthread_mutex_t mutex;
    struct tls_pair *current;
    struct tls_pair *retired;
};

static _Atomic(struct tls *) tls_served;

static void tls_pair_destroy(struct tls_pair *pair)
{
    if (pair == NULL) {
        return;
    }
    for (unsigned i = 0; i < pair->count; i++) {
        gnutls_pcert_deinit(&pair->chain[i]);
    }
    if (pair->key != NULL) {
        gnutls_privkey_deinit(pair->key);
    }
    free(pair);
}

/* ---- reading ---- */

/* The whole file; `file` is given back by gnutls_free(). */
static int tls_read(const char *path, gnutls_datum_t *ret_file, char error[TLS_ERROR_SIZE])
{
    FILE *file = fopen(path, "re");
    int rc = file == NULL ? -errno : 0;
    gnutls_datum_t datum = {0};

    if (rc == 0) {
        datum.data = gnutls_malloc(TLS_FILE_MAX_BYTES);
        rc = datum.data == NULL ? -ENOMEM : 0;
    }
    if (rc == 0) {
        errno = 0;
        datum.size = (unsigned)fread(datum.data, 1, TLS_FILE_MAX_BYTES, file);
        rc = ferror(file) != 0 ? (errno == 0 ? -EIO : -errno) : datum.size == TLS_FILE_MAX_BYTES ? -EFBIG : 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (rc != 0) {
        snprintf(error, TLS_ERROR_SIZE, "%s: %s", path, strerror(-rc));
        gnutls_free(datum.data);
        return rc;
    }
    *ret_file = datum;
    return 0;
}

static int tls_check_dates(const char *path, gnutls_x509_crt_t certificate, struct tls_pair *pair,
                           char error[TLS_ERROR_SIZE])
{
    time_t begins = gnutls_x509_crt_get_activation_time(certificate);
    time_t ends = gnutls_x509_crt_get_expiration_time(certificate);
    char text[WALL_TEXT_SIZE];

    pair->ends_ms = (int64_t)ends * 1000;
    if (pair->ends_ms <= wall_now_ms()) {
        snprintf(error, TLS_ERROR_SIZE, "%s: the certificate ended at %s; renew it", path,
                 wall_format(pair->ends_ms, text));
        return -EBADMSG;
    }
    if ((int64_t)begins * 1000 > wall_now_ms()) {
        snprintf(error, TLS_ERROR_SIZE, "%s: the certificate begins at %s only; is this machine's clock right?", path,
                 wall_format((int64_t)begins * 1000, text));
        return -EBADMSG;
    }
    return 0;
}

static int tls_take_chain(const char *path, const gnutls_datum_t *file, struct tls_pair *pair,
                          char error[TLS_ERROR_SIZE])
{
    gnutls_x509_crt_t list[TLS_CHAIN_MAX];
    unsigned count = TLS_CHAIN_MAX;
    int code = gnutls_x509_crt_list_import(list, &count, file, GNUTLS_X509_FMT_PEM,
                                           GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    int rc;

    if (code <= 0) {
        snprintf(error, TLS_ERROR_SIZE, "%s: holds no certificates in PEM that can be read: %s", path,
                 code == 0 ? "there is none" : gnutls_strerror(code));
        return -EBADMSG;
    }
    count = (unsigned)code;
    rc = tls_check_dates(path, list[0], pair, error);
    for (unsigned i = 0; i < count; i++) {
        if (rc == 0 && gnutls_pcert_import_x509(&pair->chain[i], list[i], 0) != 0) {
            snprintf(error, TLS_ERROR_SIZE, "%s: certificate %u cannot be read", path, i + 1);
            rc = -EBADMSG;
        }
        pair->count += rc == 0 ? 1 : 0;
        gnutls_x509_crt_deinit(list[i]);
    }
    return rc;
}

static int tls_take_key(const char *path, const gnutls_datum_t *file, struct tls_pair *pair, char error[TLS_ERROR_SIZE])
{
    int code = gnutls_privkey_init(&pair->key);

    if (code == 0) {
        code = gnutls_privkey_import_x509_raw(pair->key, file, GNUTLS_X509_FMT_PEM, NULL, 0);
    }
    if (code != 0) {
        snprintf(error, TLS_ERROR_SIZE, "%s: holds no private key in PEM without a password: %s", path,
                 gnutls_strerror(code));
        return -EBADMSG;
    }
    return 0;
}

static int tls_check_match(const struct tls_files *files, const struct tls_pair *pair, char error[TLS_ERROR_SIZE])
{
    unsigned char own[TLS_KEY_ID_SIZE];
    unsigned char other[TLS_KEY_ID_SIZE];
    size_t own_size = sizeof(own);
    size_t other_size = sizeof(other);
    gnutls_pubkey_t key = NULL;
    int code = gnutls_pubkey_init(&key);

    code = code == 0 ? gnutls_pubkey_import_privkey(key, pair->key, 0, 0) : code;
    code = code == 0 ? gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, own, &own_size) : code;
    code =
        code == 0 ? gnutls_pubkey_get_key_id(pair->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, other, &other_size) : code;
    if (key != NULL) {
        gnutls_pubkey_deinit(key);
    }
    if (code == 0 && own_size == other_size && memcmp(own, other, own_size) == 0) {
        return 0;
    }
    snprintf(error, TLS_ERROR_SIZE,
             "%s is not the key of the first certificate of %s; name the two that were made together", files->key,
             files->certificate);
    return -EXDEV;
}

static int tls_load(const struct tls_files *files, char error[TLS_ERROR_SIZE], struct tls_pair **ret_pair)
{
    struct tls_pair *pair = calloc(1, sizeof(*pair));
    gnutls_datum_t certificate = {0};
    gnutls_datum_t key = {0};
    int rc;

    if (pair == NULL) {
        snprintf(error, TLS_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    rc = tls_read(files->certificate, &certificate, error);
    rc = rc == 0 ? tls_read(files->key, &key, error) : rc;
    rc = rc == 0 ? tls_take_chain(files->certificate, &certificate, pair, error) : rc;
    rc = rc == 0 ? tls_take_key(files->key, &key, pair, error) : rc;
    rc = rc == 0 ? tls_check_match(files, pair, error) : rc;
    if (key.data != NULL) {
        explicit_bzero(key.data, key.size);
    }
    gnutls_free(key.data);
    gnutls_free(certificate.data);
    if (rc != 0) {
        tls_pair_destroy(pair);
        return rc;
    }
    *ret_pair = pair;
    return 0;
}

/* ---- life ---- */

int tls_create(const struct tls_files *files, char error[TLS_ERROR_SIZE], struct tls **ret_tls)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    int rc;

    if (tls == NULL) {
        snprintf(error, TLS_ERROR_SIZE, "out of memory");
        return -ENOMEM;
    }
    tls->files = *files;
    pthread_mutex_init(&tls->mutex, NULL);
    rc = tls_load(files, error, &tls->current);
    if (rc != 0) {
        tls_destroy(tls);
        return rc;
    }
    *ret_tls = tls;
    return 0;
}

static void tls_end_retired(struct tls *tls, struct mono_time now, uint64_t age_ns)
{
    struct tls_pair **link = &tls->retired;

    while (*link != NULL) {
        struct tls_pair *pair = *link;
        if (now.ns - pair->retired.ns < age_ns) {
            link = &pair->next;
            continue;
        }
        *link = pair->next;
        tls_pair_destroy(pair);
    }
}

void tls_destroy(struct tls *tls)
{
    struct tls *own = tls;

    if (tls == NULL) {
        return;
    }
    atomic_compare_exchange_strong(&tls_served, &own, NULL);
    tls_end_retired(tls, mono_now(), 0);
    tls_pair_destroy(tls->current);
    pthread_mutex_destroy(&tls->mutex);
    free(tls);
}

int tls_reload(struct tls *tls, char error[TLS_ERROR_SIZE])
{
    struct tls_pair *pair = NULL;
    struct mono_time now = mono_now();
    int rc = tls_load(&tls->files, error, &pair);

    if (rc != 0) {
        return rc;
    }
    pthread_mutex_lock(&tls->mutex);
    tls->current->retired = now;
    tls->current->next = tls->retired;
    tls->retired = tls->current;
    tls->current = pair;
    tls_end_retired(tls, now, TLS_RETIRED_NS);
    pthread_mutex_unlock(&tls->mutex);
    return 0;
}

int64_t tls_ends_ms(struct tls *tls)
{
    int64_t ends_ms;

    pthread_mutex_lock(&tls->mutex);
    ends_ms = tls->current->ends_ms;
    pthread_mutex_unlock(&tls->mutex);
    return ends_ms;
}

/* ---- serving ---- */

/* NOLINTNEXTLINE(readability-function-size): the signature is GnuTLS's. */
static int tls_choose(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **ret_chain,
                      unsigned *ret_count, gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_count,
                      gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
    struct tls *tls = atomic_load(&tls_served);

    (void)session;
    (void)info;
    if (tls == NULL) {
        return -1;
    }
    pthread_mutex_lock(&tls->mutex);
    *ret_chain = tls->current->chain;
    *ret_count = tls->current->count;
    *ret_key = tls->current->key;
    pthread_mutex_unlock(&tls->mutex);
    *ret_ocsp = NULL;
    *ret_ocsp_count = 0;
    *ret_flags = 0; /* ours to free */
    return 0;
}

const struct MHD_OptionItem *tls_serve(struct tls *tls)
{
    static char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";
    static struct MHD_OptionItem options[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    /* A function's address as the library takes it, in a pointer to what is none. */
    _Static_assert(sizeof(gnutls_certificate_retrieve_function3 *) == sizeof(void *),
                   "functions have addresses like data");
    {
        gnutls_certificate_retrieve_function3 *choose = tls_choose;
        memcpy(&options[1].ptr_value, &choose, sizeof(choose));
    }
    atomic_store(&tls_served, tls);
    return options;
}
