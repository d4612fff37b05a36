#include "control/certificate_watch.h"

#include <string.h>
#include <sys/stat.h>

static void look_at(const struct certificate_watch *watch, struct certificate_file_state states[2])
{
    memset(states, 0, 2 * sizeof states[0]);
    for (unsigned i = 0; i < 2; i++) {
        struct stat status;
        if (stat(watch->files[i], &status) == 0) {
            states[i].device = status.st_dev;
            states[i].inode = status.st_ino;
            states[i].size = (uint64_t)status.st_size;
            states[i].modified = status.st_mtim;
            states[i].changed = status.st_ctim;
        }
    }
}

/* The struct has no padding: seven numbers of 8 octets. */
static bool same(const struct certificate_file_state one[2], const struct certificate_file_state other[2])
{
    return memcmp(one, other, 2 * sizeof one[0]) == 0;
}

void certificate_watch_begin(struct certificate_watch *watch, const char *certificate, const char *key)
{
    *watch = (struct certificate_watch){.files = {certificate, key}};
    look_at(watch, watch->loaded);
    memcpy(watch->seen, watch->loaded, sizeof watch->seen);
}

bool certificate_watch_look(struct certificate_watch *watch)
{
    struct certificate_file_state now[2];
    look_at(watch, now);
    bool lasted = same(now, watch->seen);
    memcpy(watch->seen, now, sizeof watch->seen);
    if (!lasted || same(now, watch->loaded) || now[0].inode == 0 || now[1].inode == 0) {
        return false;
    }
    memcpy(watch->loaded, now, sizeof watch->loaded);
    return true;
}
