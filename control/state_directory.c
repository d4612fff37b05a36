#include "control/state_directory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/tls.h"

#define NAMES_MAX        (HTTP_LISTENERS_MAX + 4)
#define CERTIFICATE_DAYS 3650 /* nobody renews it; clients pin it or do not check it */

/* The names of a self-signed certificate: all that a client may have in its URL. */
struct names {
    char text[NAMES_MAX][256];
    const char *pointers[NAMES_MAX];
    unsigned count;
};

static void add_name(struct names *names, const char *name, size_t len)
{
    if (names->count == NAMES_MAX || len == 0 || len >= sizeof names->text[0]) {
        return;
    }
    char *text = names->text[names->count];
    memcpy(text, name, len);
    text[len] = '\0';
    for (unsigned i = 0; i < names->count; i++) {
        if (strcmp(names->text[i], text) == 0) {
            return;
        }
    }
    names->pointers[names->count++] = text;
}

static void add_listener(struct names *names, const struct http_listener *listener)
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&listener->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&listener->address;
    bool is_v4 = listener->address.ss_family == AF_INET;
    bool wildcard = is_v4 ? v4->sin_addr.s_addr == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
    if (listener->tls && !wildcard &&
        inet_ntop(listener->address.ss_family, is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr, host,
                  sizeof host) != NULL) {
        add_name(names, host, strlen(host));
    }
}

static void collect_names(const struct config *config, struct names *names)
{
    const char *host = config->api.public_url + strlen("https://");
    names->count = 0;
    if (host[0] == '[') {
        add_name(names, host + 1, strcspn(host + 1, "]"));
    } else {
        add_name(names, host, strcspn(host, ":/"));
    }
    for (unsigned i = 0; i < config->http.listeners_count; i++) {
        add_listener(names, &config->http.listeners[i]);
    }
    add_name(names, "localhost", strlen("localhost"));
    add_name(names, "127.0.0.1", strlen("127.0.0.1"));
    add_name(names, "::1", strlen("::1"));
}

static int give_to(const char *path, const struct privileges_identity *identity, struct error_detail *detail)
{
    if (identity->change && lchown(path, identity->uid, identity->gid) != 0) {
        return error_describe(detail, TXTD_ESYS, "%s: cannot be given to user %u: %s", path, (unsigned)identity->uid,
                              strerror(errno));
    }
    return 0;
}

/* The pair is this start's. */
static int give_pair(const struct config *config, const struct privileges_identity *identity, struct state_made *made,
                     struct error_detail *detail)
{
    made->certificate = config->api.certificate;
    made->key = config->api.key;
    int rc = give_to(made->certificate, identity, detail);
    return rc == 0 ? give_to(made->key, identity, detail) : rc;
}

static int make_certificate(const struct config *config, const struct privileges_identity *identity,
                            struct state_made *made, struct error_detail *detail)
{
    struct names names;
    if (tls_self_made_finish(config->api.certificate, config->api.key)) {
        return give_pair(config, identity, made, detail);
    }
    bool has_certificate = access(config->api.certificate, F_OK) == 0;
    bool has_key = access(config->api.key, F_OK) == 0;
    if (has_certificate || has_key) { /* loading them will say what is wrong if only one is there */
        return 0;
    }
    collect_names(config, &names);
    int rc =
        tls_self_made(config->api.certificate, config->api.key, names.pointers, names.count, CERTIFICATE_DAYS, detail);
    return rc == 0 ? give_pair(config, identity, made, detail) : rc;
}

/* One process at a time: of two first starts, one waits for the other's certificate. */
static int make_certificate_alone(const struct config *config, const struct privileges_identity *identity,
                                  struct state_made *made, struct error_detail *detail)
{
    int lock = open(config->process.state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0) {
        (void)flock(lock, LOCK_EX);
    }
    int rc = make_certificate(config, identity, made, detail);
    if (lock >= 0) {
        (void)close(lock);
    }
    return rc;
}

static bool is_inside(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* A configuration that puts store and certificate elsewhere leaves nothing for the directory to hold. */
static bool is_needed(const struct config *config)
{
    const char *directory = config->process.state_directory;
    return is_inside(config->store.directory, directory) ||
           (config->api.self_signed && is_inside(config->api.certificate, directory));
}

int state_directory_check(const struct config *config, struct error_detail *detail)
{
    struct stat stat_of;
    const char *directory = config->process.state_directory;
    if (is_needed(config) && stat(directory, &stat_of) == 0 && !S_ISDIR(stat_of.st_mode)) {
        return error_describe(detail, TXTD_EINVAL, "process.state_directory %s: is not a directory", directory);
    }
    return 0;
}

int state_directory_prepare(const struct config *config, const struct privileges_identity *identity,
                            struct state_made *made, struct error_detail *detail)
{
    const char *directory = config->process.state_directory;
    *made = (struct state_made){.directory = NULL};
    if (!is_needed(config)) {
        return config->api.self_signed ? make_certificate_alone(config, identity, made, detail) : 0;
    }
    if (mkdir(directory, 0700) == 0) {
        made->directory = directory;
        int rc = give_to(directory, identity, detail);
        if (rc != 0) {
            return rc;
        }
    } else if (errno != EEXIST) {
        return error_describe(detail, TXTD_ESYS, "process.state_directory %s: cannot be made: %s", directory,
                              strerror(errno));
    }
    return config->api.self_signed ? make_certificate_alone(config, identity, made, detail) : 0;
}

void state_directory_undo(const struct state_made *made)
{
    if (made->certificate != NULL) {
        (void)unlink(made->certificate);
        (void)unlink(made->key);
    }
    if (made->directory != NULL) {
        (void)rmdir(made->directory);
    }
}
