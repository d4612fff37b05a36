/* backup_path.h: whether a directory for backups is where it says it is, links and all. */
#ifndef TXTD_CONTROL_BACKUP_PATH_H
#define TXTD_CONTROL_BACKUP_PATH_H

#include <stdbool.h>

/* Whether `path`, or its parent while it does not exist, is `allowed` or lies below it once links are followed; also when `allowed` does
 * not exist itself, for then nothing below it does. Both are absolute, and `path` is below `allowed` by its letters. Any thread; touches the
 * disk. */
bool backup_path_stays_inside(const char *allowed, const char *path);

#endif
