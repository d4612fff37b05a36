/* The shared part of TLS: the certificate with its key as files had them, and the session tickets. */
#include "control/tls_internal.h"
#include "control/tls_p256.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#define PEM_FILE_MAX      (1024 * 1024)
#define TICKET_LIFETIME_S 86400

/* --- Reading the files --- */

static int read_pem(const char *path, uint8_t **pem, size_t *len, struct error_detail *detail)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_describe(detail, TXTD_ESYS, "cannot open %s: %s", path, strerror(errno));
    }
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > PEM_FILE_MAX) {
        (void)close(fd);
        return error_describe(detail, TXTD_EINVAL, "%s is no PEM file: empty, too large or not a file", path);
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = calloc(1, size + 1);
    ssize_t got = data == NULL ? -1 : read(fd, data, size);
    (void)close(fd);
    if (got != (ssize_t)size) {
        free(data);
        return error_describe(detail, TXTD_ESYS, "cannot read %s", path);
    }
    *pem = data;
    *len = size + 1; /* mbedtls wants the NUL counted */
    return 0;
}

static int fail(struct error_detail *detail, const char *path, const char *what, int error)
{
    char reason[160];
    mbedtls_strerror(error, reason, sizeof reason);
    return error_describe(detail, TXTD_EINVAL, "%s: %s (%s)", path, what, reason);
}

int tls_parse_material(const struct tls_material *material, mbedtls_x509_crt *chain, mbedtls_pk_context *key,
                       struct tls_random *random, struct error_detail *detail)
{
    int error = mbedtls_x509_crt_parse(chain, material->certificate, material->certificate_len);
    if (error != 0) {
        return fail(detail, material->certificate_file, "this is no chain of PEM certificates", error);
    }
#if MBEDTLS_VERSION_MAJOR >= 3
    error =
        mbedtls_pk_parse_key(key, material->key, material->key_len, NULL, 0, mbedtls_ctr_drbg_random, &random->drbg);
#else
    (void)random;
    error = mbedtls_pk_parse_key(key, material->key, material->key_len, NULL, 0);
#endif
    if (error != 0) {
        return fail(detail, material->key_file, "this is no PEM private key, or it is encrypted", error);
    }
    return 0;
}

/* --- Certificate and key --- */

static void material_free(struct tls_material *material)
{
    if (material != NULL) {
        free(material->certificate);
        if (material->key != NULL) {
            mbedtls_platform_zeroize(material->key, material->key_len);
        }
        free(material->key);
        free(material);
    }
}

void tls_material_release(struct tls_material *material)
{
    if (material != NULL && __atomic_sub_fetch(&material->references, 1, __ATOMIC_ACQ_REL) == 0) {
        material_free(material);
    }
}

static int64_t time_of(const mbedtls_x509_time *when)
{
    struct tm parts = {.tm_year = when->year - 1900,
                       .tm_mon = when->mon - 1,
                       .tm_mday = when->day,
                       .tm_hour = when->hour,
                       .tm_min = when->min,
                       .tm_sec = when->sec};
    return timegm(&parts);
}

/* Parses once, to find out whether a thread will be able to. */
static int material_check(struct tls_material *material, struct tls_random *random, struct error_detail *detail)
{
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    int rc = tls_parse_material(material, &chain, &key, random, detail);
    if (rc == 0) {
#if MBEDTLS_VERSION_MAJOR >= 3
        int error = mbedtls_pk_check_pair(&chain.pk, &key, mbedtls_ctr_drbg_random, &random->drbg);
#else
        int error = mbedtls_pk_check_pair(&chain.pk, &key);
#endif
        if (error != 0) {
            rc = error_describe(detail, TXTD_EINVAL, "the key in %s does not belong to the certificate in %s",
                                material->key_file, material->certificate_file);
        }
        material->not_after_s = time_of(&chain.valid_to);
    }
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&chain);
    return rc;
}

static int material_load(const struct tls_context *tls, struct tls_random *random, struct tls_material **made,
                         struct error_detail *detail)
{
    struct tls_material *material = calloc(1, sizeof *material);
    if (material == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "out of memory");
    }
    material->references = 1;
    material->certificate_file = tls->certificate_file;
    material->key_file = tls->key_file;
    int rc = read_pem(tls->certificate_file, &material->certificate, &material->certificate_len, detail);
    if (rc == 0) {
        rc = read_pem(tls->key_file, &material->key, &material->key_len, detail);
    }
    if (rc == 0) {
        rc = material_check(material, random, detail);
    }
    if (rc != 0) {
        material_free(material);
        return rc;
    }
    *made = material;
    return 0;
}

struct tls_material *tls_context_material(struct tls_context *tls)
{
    pthread_mutex_lock(&tls->lock);
    struct tls_material *material = tls->material;
    (void)__atomic_add_fetch(&material->references, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&tls->lock);
    return material;
}

/* --- Randomness --- */

int tls_random_init(struct tls_random *random)
{
    static const unsigned char name[] = "txtd";
    mbedtls_entropy_init(&random->entropy);
    mbedtls_ctr_drbg_init(&random->drbg);
    return mbedtls_ctr_drbg_seed(&random->drbg, mbedtls_entropy_func, &random->entropy, name, sizeof name) == 0
               ? 0
               : TXTD_ESYS;
}

void tls_random_free(struct tls_random *random)
{
    mbedtls_ctr_drbg_free(&random->drbg);
    mbedtls_entropy_free(&random->entropy);
}

/* --- Tickets: one context for all threads, under a lock, so that a session resumes wherever it comes back --- */

int tls_ticket_write(void *context, const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end,
                     size_t *len, uint32_t *lifetime)
{
    struct tls_context *tls = context;
    pthread_mutex_lock(&tls->ticket_lock);
    int error = mbedtls_ssl_ticket_write(&tls->tickets, session, start, end, len, lifetime);
    pthread_mutex_unlock(&tls->ticket_lock);
    return error;
}

int tls_ticket_parse(void *context, mbedtls_ssl_session *session, unsigned char *ticket, size_t len)
{
    struct tls_context *tls = context;
    pthread_mutex_lock(&tls->ticket_lock);
    int error = mbedtls_ssl_ticket_parse(&tls->tickets, session, ticket, len);
    pthread_mutex_unlock(&tls->ticket_lock);
    if (error == 0) {
        (void)__atomic_add_fetch(&tls->resumed, 1, __ATOMIC_RELAXED);
    }
    return error;
}

/* --- The context --- */

int tls_context_new(const char *certificate_file, const char *key_file, struct tls_context **made,
                    struct error_detail *detail)
{
    struct tls_context *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "out of memory");
    }
#if MBEDTLS_VERSION_MAJOR >= 3
    if (psa_crypto_init() != PSA_SUCCESS) {
        free(tls);
        return error_describe(detail, TXTD_ESYS, "cannot start the cryptographic library");
    }
#endif
    (void)pthread_mutex_init(&tls->lock, NULL);
    (void)pthread_mutex_init(&tls->ticket_lock, NULL);
    mbedtls_ssl_ticket_init(&tls->tickets);
    tls->certificate_file = strdup(certificate_file);
    tls->key_file = strdup(key_file);
    int rc = tls_p256_init();
    if (rc == 0) {
        rc = tls_random_init(&tls->random);
    }
    if (tls->certificate_file == NULL || tls->key_file == NULL) {
        rc = TXTD_ENOMEM;
    }
    if (rc == 0 && mbedtls_ssl_ticket_setup(&tls->tickets, mbedtls_ctr_drbg_random, &tls->random.drbg,
                                            MBEDTLS_CIPHER_AES_256_GCM, TICKET_LIFETIME_S) != 0) {
        rc = TXTD_ESYS;
    }
    if (rc != 0) {
        (void)error_describe(detail, rc, "cannot set TLS up: %s", txtd_error_text(rc));
    } else {
        rc = material_load(tls, &tls->random, &tls->material, detail);
    }
    if (rc != 0) {
        tls_context_free(tls);
        return rc;
    }
    tls->generation = 1;
    *made = tls;
    return 0;
}

void tls_context_free(struct tls_context *tls)
{
    if (tls == NULL) {
        return;
    }
    mbedtls_ssl_ticket_free(&tls->tickets);
    tls_random_free(&tls->random);
    tls_material_release(tls->material);
    (void)pthread_mutex_destroy(&tls->lock);
    (void)pthread_mutex_destroy(&tls->ticket_lock);
    free(tls->certificate_file);
    free(tls->key_file);
    free(tls);
}

int tls_context_reload(struct tls_context *tls, struct error_detail *detail)
{
    struct tls_random random;
    struct tls_material *material = NULL;
    int rc = tls_random_init(&random);
    if (rc == 0) {
        rc = material_load(tls, &random, &material, detail);
    }
    tls_random_free(&random);
    if (rc != 0) {
        return rc;
    }
    pthread_mutex_lock(&tls->lock);
    struct tls_material *old = tls->material;
    tls->material = material;
    pthread_mutex_unlock(&tls->lock);
    (void)__atomic_add_fetch(&tls->generation, 1, __ATOMIC_RELEASE);
    tls_material_release(old);
    return 0;
}

int64_t tls_context_not_after_s(const struct tls_context *tls)
{
    struct tls_material *material = tls_context_material((struct tls_context *)(uintptr_t)tls);
    int64_t not_after_s = material->not_after_s;
    tls_material_release(material);
    return not_after_s;
}
