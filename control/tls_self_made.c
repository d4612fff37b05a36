/* A key and a certificate that need nobody else, for the first start. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* The name a file has until it is whole. */
static bool name_new(char name[PATH_MAX], const char *path)
{
    int len = snprintf(name, PATH_MAX, "%s.new", path);
    return len > 0 && len < PATH_MAX;
}

/* Writes the certificate, or else the key, to the disk under its ".new" name. */
static int write_new(const char *path, mode_t mode, X509 *certificate, EVP_PKEY *key, struct error_detail *detail)
{
    char name[PATH_MAX];
    if (!name_new(name, path)) {
        return error_describe(detail, TXTD_EINVAL, "%s: the path is too long", path);
    }
    (void)unlink(name); /* of one that was killed */
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        (void)error_describe(detail, TXTD_ESYS, "cannot create %s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return TXTD_ESYS;
    }
    int ok = certificate != NULL ? PEM_write_X509(file, certificate)
                                 : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    ok = ok != 0 && fflush(file) == 0 && fsync(fd) == 0;
    ok = fclose(file) == 0 && ok;
    return ok ? 0 : error_describe(detail, TXTD_ESYS, "cannot write %s", path);
}

/* Gives the file its name, which nothing may have. */
static int name_file(const char *path, struct error_detail *detail)
{
    char name[PATH_MAX];
    if (!name_new(name, path) || link(name, path) != 0) {
        return error_describe(detail, TXTD_ESYS, "cannot create %s: %s", path, strerror(errno));
    }
    return 0;
}

static void remove_new(const char *path)
{
    char name[PATH_MAX];
    if (name_new(name, path)) {
        (void)unlink(name);
    }
}

static int write_files(const char *certificate_file, const char *key_file, X509 *certificate, EVP_PKEY *key,
                       struct error_detail *detail)
{
    int rc = write_new(key_file, 0600, NULL, key, detail);
    rc = rc == 0 ? write_new(certificate_file, 0644, certificate, NULL, detail) : rc;
    rc = rc == 0 ? name_file(key_file, detail) : rc;
    if (rc == 0) { /* a kill here is what tls_self_made_finish is for */
        rc = name_file(certificate_file, detail);
        if (rc != 0) {
            (void)unlink(key_file);
        }
    }
    remove_new(key_file);
    remove_new(certificate_file);
    return rc;
}

bool tls_self_made_finish(const char *certificate_file, const char *key_file)
{
    struct error_detail unused = {""};
    bool finished =
        access(key_file, F_OK) == 0 && access(certificate_file, F_OK) != 0 && name_file(certificate_file, &unused) == 0;
    remove_new(key_file);
    remove_new(certificate_file);
    return finished;
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
