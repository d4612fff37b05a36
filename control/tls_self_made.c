/* A key and a certificate that need nobody else, for the first start. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "control/tls.h"

/* libcrypto makes it: mbedtls 2.28 cannot write subject alternative names, without which no client accepts a certificate. */

static int add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    int added = extension != NULL && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static int add_names(X509 *certificate, const char *const names[], unsigned names_count)
{
    char text[2048];
    size_t at = 0;
    for (unsigned i = 0; i < names_count; i++) {
        struct in6_addr address;
        bool is_address = inet_pton(AF_INET, names[i], &address) == 1 || inet_pton(AF_INET6, names[i], &address) == 1;
        int len =
            snprintf(text + at, sizeof text - at, "%s%s:%s", i > 0 ? "," : "", is_address ? "IP" : "DNS", names[i]);
        if (len < 0 || (size_t)len >= sizeof text - at || strpbrk(names[i], ",\n") != NULL) {
            return 0;
        }
        at += (size_t)len;
    }
    return names_count > 0 && add_extension(certificate, NID_subject_alt_name, text);
}

static X509 *make_certificate(EVP_PKEY *key, const char *const names[], unsigned names_count, unsigned days)
{
    X509 *certificate = X509_new();
    if (certificate == NULL) {
        return NULL;
    }
    X509_NAME *subject = X509_get_subject_name(certificate);
    int ok =
        X509_set_version(certificate, 2) &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), (uint64_t)time(NULL)) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * 86400) != NULL &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"txtd self-made", -1, -1, 0) &&
        X509_set_issuer_name(certificate, subject) && X509_set_pubkey(certificate, key) &&
        add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(certificate, NID_ext_key_usage, "serverAuth") && add_names(certificate, names, names_count) &&
        X509_sign(certificate, key, EVP_sha256()) > 0;
    if (!ok) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* Creates a file that must not exist. */
static FILE *create(const char *path, mode_t mode, struct error_detail *detail)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        (void)error_describe(detail, TXTD_ESYS, "cannot create %s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return file;
}

static int write_files(const char *certificate_file, const char *key_file, X509 *certificate, EVP_PKEY *key,
                       struct error_detail *detail)
{
    FILE *key_out = create(key_file, 0600, detail);
    if (key_out == NULL) {
        return TXTD_ESYS;
    }
    int ok = PEM_write_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL);
    ok &= fclose(key_out) == 0;
    FILE *certificate_out = ok ? create(certificate_file, 0644, detail) : NULL;
    if (certificate_out != NULL) {
        ok &= PEM_write_X509(certificate_out, certificate);
        ok &= fclose(certificate_out) == 0;
        if (ok) {
            return 0;
        }
        (void)unlink(certificate_file);
        (void)error_describe(detail, TXTD_ESYS, "cannot write %s", certificate_file);
    } else if (!ok) {
        (void)error_describe(detail, TXTD_ESYS, "cannot write %s", key_file);
    }
    (void)unlink(key_file);
    return TXTD_ESYS;
}

int tls_self_made(const char *certificate_file, const char *key_file, const char *const names[], unsigned names_count,
                  unsigned days, struct error_detail *detail)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key == NULL ? NULL : make_certificate(key, names, names_count, days);
    int rc = certificate == NULL ? error_describe(detail, TXTD_EINVAL, "cannot make a certificate for these names")
                                 : write_files(certificate_file, key_file, certificate, key, detail);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return rc;
}
