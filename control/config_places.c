#include "control/config_places.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* systemd's RuntimeDirectory= is there while the service runs, and not while its configuration is checked before. */
static bool is_made_for_us(const char *directory)
{
    return strncmp(directory, "/run/", strlen("/run/")) == 0 ||
           strncmp(directory, "/var/run/", strlen("/var/run/")) == 0;
}

static bool is_state_directory(const struct config *config, const char *directory)
{
    const char *state = config->process.state_directory;
    size_t len = strlen(directory);
    return strncmp(state, directory, len) == 0 && state[len + strspn(state + len, "/")] == '\0';
}

/* The file at `path` can be made, or is there and no directory. Where we may not look nothing is said. */
static int check_file(const struct config *config, const char *key, const char *path, struct error_detail *detail)
{
    struct stat status;
    char directory[4096];
    if (path == NULL) {
        return 0;
    }
    if (stat(path, &status) == 0) {
        return S_ISDIR(status.st_mode)
                   ? config_blame(config, key, error_describe(detail, TXTD_EINVAL, "%s is a directory", path), detail)
                   : 0;
    }
    (void)snprintf(directory, sizeof directory, "%s", path);
    *(strrchr(directory, '/') + 1) = '\0'; /* config_load takes absolute paths only */
    for (size_t len = strlen(directory); len > 1 && directory[len - 1] == '/'; len--) {
        directory[len - 1] = '\0';
    }
    if (stat(directory, &status) == 0 ? S_ISDIR(status.st_mode) : errno != ENOENT && errno != ENOTDIR) {
        return 0;
    }
    if (is_made_for_us(directory) || is_state_directory(config, directory)) {
        return 0;
    }
    return config_blame(config, key,
                        error_describe(detail, TXTD_ENOTFOUND, "there is no directory %s; make it first", directory),
                        detail);
}

static int check_interfaces(const struct config *config, struct error_detail *detail)
{
    for (unsigned i = 0; i < config->xdp_count; i++) {
        char key[48];
        (void)snprintf(key, sizeof key, "dns.xdp[%u].interface", i);
        if (if_nametoindex(config->xdp[i].interface) == 0) {
            return config_blame(
                config, key,
                error_describe(detail, TXTD_ENOTFOUND, "there is no interface %s", config->xdp[i].interface), detail);
        }
    }
    return 0;
}

int config_check_places(const struct config *config, struct error_detail *detail)
{
    int rc = check_file(config, "log.audit_file", config->audit_file, detail);
    if (rc == 0) {
        rc = check_file(config, "process.control_socket", config->process.control_socket, detail);
    }
    return rc == 0 ? check_interfaces(config, detail) : rc;
}
