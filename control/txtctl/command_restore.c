/* `txtctl restore`: a store out of a backup, in the place of the one that is there, or beside it. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/native_json.h"
#include "control/txtctl/command.h"
#include "control/txtctl/directory_watch.h"
#include "control/txtctl/output.h"
#include "control/txtctl/stopped_store.h"
#include "storage/backup.h"
#include "storage/store_directory.h"
#include "storage/store_tombstones.h"

#define NAMES_MAX 100 /* tried for the old store */
#define NAME_ROOM 64  /* for what is added to its name */

struct restore {
    const struct config *config;
    const char *directory; /* of the backups */
    uint32_t number;
    char place[PATH_MAX];             /* of the store that is there, links followed */
    char aside[PATH_MAX + NAME_ROOM]; /* where the store is now that was there; "": there was none */
    struct backup_report report;
    struct store_tombstones carried; /* incomplete: the old store could not be read, or not all of it */
};

static int copy(struct restore *restore, const char *to, struct error_detail *detail)
{
    struct store_options options = restore->config->store;
    char growing[PATH_MAX];
    options.directory = to;
    (void)snprintf(growing, sizeof growing, "%s.restoring", to);
    struct directory_watch *watch =
        directory_watch_begin("restore", growing, directory_watch_octets(restore->directory));
    int code = backup_restore(restore->directory, restore->number, &options, &restore->report, detail);
    directory_watch_end(watch, code == 0);
    return code;
}

/* Opens the old store as it lies there, which changes nothing. One that is not whole may look like an older one without an error, so it is
 * read too, but not relied on. */
static void open_old(const struct store_options *options, struct store **old, bool *incomplete)
{
    struct error_detail why = {""};
    int code = store_open_whole_reader(options, old, &why);
    if (code != 0) {
        (void)fprintf(stderr, "txtctl: %s\n", why.text);
        *incomplete = true;
        code = store_open_reader(options, old, &why);
    }
    if (code != 0) {
        *old = NULL;
    }
}

/* Carries over from the old store what was deleted in it after the backup. */
static int carry(struct restore *restore, const char *to, struct error_detail *detail)
{
    struct store_options options = restore->config->store;
    struct store *old = NULL, *store = NULL;
    bool incomplete = false;
    options.directory = restore->place;
    open_old(&options, &old, &incomplete);
    restore->carried.incomplete = incomplete;
    if (old == NULL) {
        return 0;
    }
    options.directory = to;
    options.reserve = 0; /* as backup_restore has it: what little is written here fits, or the copy would not have */
    int code = store_open(&options, &store, detail);
    if (code == 0) {
        code = store_tombstones_carry(old, store, &restore->carried, detail);
        restore->carried.incomplete = restore->carried.incomplete || incomplete;
        store_close(store);
    }
    store_close(old);
    return code;
}

/* The new store gets the name under which the old one will be kept, and then they change places: whenever this ends, a whole store is
 * where txtd looks for it. */
static int swap(struct restore *restore, const char *made, struct error_detail *detail)
{
    char when[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) != NULL) {
        (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc);
    }
    (void)snprintf(restore->aside, sizeof restore->aside, "%s.before-%s", restore->place, when);
    for (unsigned i = 2; i < NAMES_MAX && access(restore->aside, F_OK) == 0; i++) { /* twice within a second */
        (void)snprintf(restore->aside, sizeof restore->aside, "%s.before-%s-%u", restore->place, when, i);
    }
    if (rename(made, restore->aside) != 0) {
        return error_describe(detail, TXTD_ESYS, "%s: cannot be named %s: %s; it is the restored store", made,
                              restore->aside, strerror(errno));
    }
    struct stat before = {0}, after = {0};
    (void)stat(restore->aside, &before);
    int code = store_directory_exchange(restore->aside, restore->place, detail);
    bool is_aside = code != 0 && stat(restore->aside, &after) == 0 && after.st_ino == before.st_ino;
    if (is_aside &&
        rename(restore->aside, made) == 0) { /* a name that is not an old store's; the next restore removes it */
        struct error_detail why = *detail;
        (void)error_describe(detail, code, "%s; %s is whole: move %s away and it into its place", why.text, made,
                             restore->place);
    }
    return code;
}

/* There is a store: the new one is finished first, beside it. Nobody else may begin to use the old one meanwhile. */
static int replace(struct restore *restore, struct error_detail *detail)
{
    char made[PATH_MAX];
    int lock_fd = -1;
    if (snprintf(made, sizeof made, "%s.restored", restore->place) >= (int)sizeof made) {
        return error_describe(detail, TXTD_EINVAL, "%s: is too long", restore->place);
    }
    int code = store_directory_lock(restore->place, &lock_fd, detail);
    bool was_store = code == 0;
    code = code == TXTD_ENOTFOUND ? 0 : code; /* an empty directory */
    code = code != 0 ? code : store_directory_can_exchange(restore->place, detail);
    code = code != 0 ? code : backup_restore_discard(made, detail); /* of a restore that was interrupted */
    code = code != 0 ? code : copy(restore, made, detail);
    if (code == 0 && was_store) {
        code = carry(restore, made, detail);
    }
    code = code != 0 ? code : swap(restore, made, detail);
    if (was_store) {
        (void)close(lock_fd);
    }
    return code;
}

static int run_restore(struct restore *restore, const char *into, struct error_detail *detail)
{
    const char *place = restore->config->store.directory;
    if (into != NULL) {
        return copy(restore, into, detail);
    }
    if (realpath(place, restore->place) == NULL) { /* a link stays one */
        return errno == ENOENT ? copy(restore, place, detail)
                               : error_describe(detail, TXTD_ESYS, "store directory %s: %s", place, strerror(errno));
    }
    return replace(restore, detail);
}

static void print(const struct options *options, const struct restore *restore, const char *into)
{
    const struct backup_report *report = &restore->report;
    const char *place = into == NULL ? restore->config->store.directory : into;
    if (options->text[OPTION_JSON] != NULL) {
        json_t *json =
            json_pack("{s:s, s:I, s:o, s:I, s:I, s:I, s:b, s:s?}", "store", place, "number", (json_int_t)report->number,
                      "made_at", native_json_time(report->made_at_s), "delegates", (json_int_t)report->delegates,
                      "deleted_since", (json_int_t)restore->carried.deleted, "revoked_since",
                      (json_int_t)restore->carried.revoked, "deletions_unknown", restore->carried.incomplete,
                      "old_store", restore->aside[0] == '\0' ? NULL : restore->aside);
        output_json(json);
        json_decref(json);
        return;
    }
    (void)printf("%s is backup %u, with %llu delegates\n", place, (unsigned)report->number,
                 (unsigned long long)report->delegates);
    if (restore->aside[0] != '\0') {
        (void)printf("the store that was there is %s\n", restore->aside);
    }
    if (restore->carried.incomplete) {
        (void)printf("that store cannot be read whole: what was deleted since the backup may be there again\n");
    }
    if (restore->carried.deleted + restore->carried.revoked > 0) {
        (void)printf("%zu delegates and %zu keys stay deleted that were deleted since the backup\n",
                     restore->carried.deleted, restore->carried.revoked);
    }
}

static int read_number(const struct options *options, uint32_t *number, struct error_detail *detail)
{
    const char *text = options->text[OPTION_NUMBER];
    unsigned long value = 0; /* the newest */
    if (text != NULL && options_number(text, 1, UINT32_MAX, &value) != 0) {
        return error_describe(detail, TXTD_EINVAL, "--number takes the number of a backup, not %s", text);
    }
    *number = (uint32_t)value;
    return 0;
}

static enum txtctl_status run(const struct options *options)
{
    struct error_detail detail = {""};
    struct config *config = NULL;
    struct restore restore = {.directory = options->arguments[0]};
    const char *into = options->text[OPTION_INTO];
    int code = read_number(options, &restore.number, &detail);
    code = code != 0 ? code : stopped_store_config(options, &config, &detail);
    code = code != 0 ? code : stopped_store_become_user(config, &detail);
    if (code == 0) {
        restore.config = config;
        code = run_restore(&restore, into, &detail);
    }
    if (code == 0) {
        print(options, &restore, into);
    }
    config_free(config);
    return code == 0 ? TXTCTL_DONE : output_failed(&detail);
}

const struct command command_restore = {
    .name = "restore",
    .arguments = "DIRECTORY",
    .summary = "make the store of a stopped txtd, or another directory, what a backup holds",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES(OPTION_CONFIG) | COMMAND_TAKES(OPTION_NUMBER) | COMMAND_TAKES(OPTION_INTO) |
             COMMAND_TAKES(OPTION_JSON),
    .run = run,
};
