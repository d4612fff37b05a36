#include "control/backup_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool backup_path_stays_inside(const char *allowed, const char *path)
{
    char real_allowed[PATH_MAX], real[PATH_MAX], parent[PATH_MAX];
    if (realpath(allowed, real_allowed) == NULL) {
        return errno == ENOENT;
    }
    if (realpath(path, real) == NULL) {
        if (errno != ENOENT || snprintf(parent, sizeof parent, "%s", path) >= (int)sizeof parent) {
            return false;
        }
        size_t len = strlen(parent);
        while (len > 1 && parent[len - 1] == '/') {
            parent[--len] = '\0';
        }
        *strrchr(parent, '/') = '\0';
        if (parent[0] == '\0' || realpath(parent, real) == NULL) {
            return parent[0] != '\0' && errno == ENOENT; /* it will not be made */
        }
    }
    size_t len = strlen(real_allowed);
    return strncmp(real, real_allowed, len) == 0 && (len == 1 || real[len] == '/' || real[len] == '\0');
}
