#include "control/txtctl/account_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct account_file {
    char path[PATH_MAX];     /* of the file itself, symbolic links followed */
    char new_path[PATH_MAX]; /* of its successor; empty once that is in place */
    int directory;           /* locked: flock(2) on it needs no file of its own */
    int new_fd;
    json_t *accounts;
};

static int system_error(struct error_detail *detail, const char *path)
{
    return error_describe(detail, TXTD_ESYS, "%s: %s", path, strerror(errno));
}

/* Reads the object. A file that does not exist gives *accounts NULL and 0. */
static int load(const char *path, json_t **accounts, struct error_detail *detail)
{
    json_error_t error;
    FILE *stream = fopen(path, "re");
    *accounts = NULL;
    if (stream == NULL) {
        return errno == ENOENT ? 0 : system_error(detail, path);
    }
    json_t *loaded = json_loadf(stream, JSON_REJECT_DUPLICATES, &error);
    (void)fclose(stream);
    if (!json_is_object(loaded)) {
        int line = loaded == NULL ? error.line : 1;
        json_decref(loaded);
        return error_describe(detail, TXTD_EINVAL, "%s:%d: this is no file of accounts; repair it or move it away",
                              path, line);
    }
    *accounts = loaded;
    return 0;
}

/* --- Changing --- */

static int lock_directory(struct account_file *file, struct error_detail *detail)
{
    char copy[PATH_MAX];
    memcpy(copy, file->path, sizeof copy);
    const char *name = dirname(copy);
    file->directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->directory < 0 || flock(file->directory, LOCK_EX) != 0) {
        return system_error(detail, name);
    }
    return 0;
}

static int make_successor(struct account_file *file, struct error_detail *detail)
{
    if (snprintf(file->new_path, sizeof file->new_path, "%s.XXXXXX", file->path) >= (int)sizeof file->new_path) {
        file->new_path[0] = '\0';
        errno = ENAMETOOLONG;
        return system_error(detail, file->path);
    }
    file->new_fd = mkostemp(file->new_path, O_CLOEXEC); /* mode 0600 */
    if (file->new_fd < 0) {
        int result = system_error(detail, file->path);
        file->new_path[0] = '\0';
        return result;
    }
    return 0;
}

int account_file_open(const char *path, struct account_file **file, struct error_detail *detail)
{
    struct account_file *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    made->directory = made->new_fd = -1;
    int result = 0;
    if (realpath(path, made->path) == NULL &&
        (errno != ENOENT || snprintf(made->path, sizeof made->path, "%s", path) >= (int)sizeof made->path)) {
        result = system_error(detail, path);
    }
    if (result == 0) {
        result = lock_directory(made, detail);
    }
    if (result == 0) {
        result = load(made->path, &made->accounts, detail);
    }
    if (result == 0 && made->accounts == NULL) {
        made->accounts = json_object();
    }
    if (result == 0) {
        result = make_successor(made, detail);
    }
    if (result != 0) {
        account_file_close(made);
        return result;
    }
    *file = made;
    return 0;
}

json_t *account_file_accounts(struct account_file *file)
{
    return file->accounts;
}

int account_file_save(struct account_file *file, struct error_detail *detail)
{
    if (json_dumpfd(file->accounts, file->new_fd, JSON_INDENT(2)) != 0 || write(file->new_fd, "\n", 1) != 1 ||
        fsync(file->new_fd) != 0 || rename(file->new_path, file->path) != 0) {
        return system_error(detail, file->path);
    }
    file->new_path[0] = '\0';
    return fsync(file->directory) == 0 ? 0 : system_error(detail, file->path);
}

void account_file_close(struct account_file *file)
{
    if (file->new_path[0] != '\0') {
        (void)unlink(file->new_path);
    }
    if (file->new_fd >= 0) {
        (void)close(file->new_fd);
    }
    if (file->directory >= 0) {
        (void)close(file->directory); /* and unlock */
    }
    json_decref(file->accounts);
    free(file);
}

/* --- Reading --- */

const char *account_file_domain(const char *domain, size_t *len)
{
    static const char label[] = "_acme-challenge.";
    if (strncasecmp(domain, label, sizeof label - 1) == 0) {
        domain += sizeof label - 1;
    }
    if (strncmp(domain, "*.", 2) == 0) {
        domain += 2;
    }
    *len = strlen(domain);
    if (*len > 1 && domain[*len - 1] == '.') {
        --*len;
    }
    return domain;
}

/* Whether what stands under a domain is an account. */
static int check_account(const char *path, const char *name, const json_t *account, struct error_detail *detail)
{
    static const char *const members[] = {"username", "password", "fulldomain", "subdomain"};
    if (!json_is_object(account)) {
        return error_describe(detail, TXTD_EINVAL,
                              "%s: what stands under \"%s\" is no account; the form is "
                              "{\"example.com\":{\"username\":\"...\",\"password\":\"...\",...}}",
                              path, name);
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = json_string_value(json_object_get(account, members[i]));
        if (text == NULL || *text == '\0') {
            return error_describe(detail, TXTD_EINVAL, "%s: the account under \"%s\" has no \"%s\"", path, name,
                                  members[i]);
        }
    }
    const json_t *url = json_object_get(account, "server_url"); /* --url will do */
    return url == NULL || json_is_string(url)
               ? 0
               : error_describe(detail, TXTD_EINVAL, "%s: the \"server_url\" under \"%s\" is no text", path, name);
}

int account_file_find(const char *path, json_t *accounts, const char *domain, const char **name, json_t **account,
                      struct error_detail *detail)
{
    size_t len = 0;
    const char *key;
    json_t *value;
    const char *wanted = domain == NULL ? NULL : account_file_domain(domain, &len);
    bool only = domain == NULL && json_object_size(accounts) == 1;
    json_object_foreach(accounts, key, value)
    {
        if (only || (wanted != NULL && strlen(key) == len && strncasecmp(key, wanted, len) == 0)) {
            *name = key;
            *account = value;
            return check_account(path, key, value, detail);
        }
    }
    if (domain == NULL) {
        return error_describe(detail, TXTD_ENOTFOUND, "%s has %zu accounts: choose one with --domain", path,
                              json_object_size(accounts));
    }
    return error_describe(detail, TXTD_ENOTFOUND, "%s has no account for %s: make one with txtctl register", path,
                          domain);
}

int account_file_read(const char *path, const char *domain, json_t **account, struct error_detail *detail)
{
    json_t *accounts, *found = NULL;
    const char *name;
    int result = load(path, &accounts, detail);
    if (result != 0) {
        return result;
    }
    if (accounts == NULL) {
        return error_describe(detail, TXTD_ENOTFOUND, "%s is not there: make an account with txtctl register", path);
    }
    result = account_file_find(path, accounts, domain, &name, &found, detail);
    if (result == 0) {
        *account = json_incref(found);
    }
    json_decref(accounts);
    return result;
}
