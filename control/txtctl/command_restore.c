/* `txtctl restore`: a store out of a backup, in the place of the one that is there, or beside it. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

struct restore {
    const struct config *config;
    const char *directory; /* of the backups */
    uint32_t number;
    char aside[PATH_MAX]; /* where the store is now that was there; "": there was none */
    struct backup_report report;
    struct store_tombstones carried;
    bool unknown; /* what was deleted since: the old store could not be read */
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

/* Carries over from the old store, which is open, what was deleted in it after the backup. */
static int carry(struct restore *restore, struct store *old, const char *to, struct error_detail *detail)
{
    struct store_options options = restore->config->store;
    struct store *store = NULL;
    options.directory = to;
    int code = store_open(&options, &store, detail);
    if (code == 0) {
        code = store_tombstones_carry(old, store, &restore->carried, detail);
        store_close(store);
    }
    return code;
}

static int swap(struct restore *restore, const char *made, struct error_detail *detail)
{
    const char *place = restore->config->store.directory;
    char when[32] = "";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) != NULL) {
        (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc);
    }
    (void)snprintf(restore->aside, sizeof restore->aside, "%s.before-%s", place, when);
    for (unsigned i = 2; i < NAMES_MAX && access(restore->aside, F_OK) == 0; i++) { /* twice within a second */
        (void)snprintf(restore->aside, sizeof restore->aside, "%s.before-%s-%u", place, when, i);
    }
    if (rename(place, restore->aside) != 0) {
        return error_describe(detail, TXTD_ESYS, "%s: cannot be put aside: %s; the restored store is %s", place,
                              strerror(errno), made);
    }
    if (rename(made, place) != 0 || store_directory_sync_parent(place) != 0) {
        return error_describe(detail, TXTD_ESYS, "%s: cannot be put in place: %s; the old store is %s", made,
                              strerror(errno), restore->aside);
    }
    return 0;
}

/* There is a store: the new one is finished first, beside it. */
static int replace(struct restore *restore, struct error_detail *detail)
{
    char made[PATH_MAX];
    struct store *old = NULL;
    if (snprintf(made, sizeof made, "%s.restored", restore->config->store.directory) >= (int)sizeof made) {
        return error_describe(detail, TXTD_EINVAL, "%s: is too long", restore->config->store.directory);
    }
    int code = stopped_store_open(restore->config, &old, detail);
    if (code == TXTD_EEXISTS) {
        return code;
    }
    restore->unknown = code != 0;
    code = copy(restore, made, detail);
    if (code == 0 && old != NULL) {
        code = carry(restore, old, made, detail);
    }
    store_close(old);
    return code == 0 ? swap(restore, made, detail) : code;
}

static int run_restore(struct restore *restore, const char *into, struct error_detail *detail)
{
    if (into != NULL) {
        return copy(restore, into, detail);
    }
    return access(restore->config->store.directory, F_OK) == 0
               ? replace(restore, detail)
               : copy(restore, restore->config->store.directory, detail);
}

static void print(const struct options *options, const struct restore *restore, const char *into)
{
    const struct backup_report *report = &restore->report;
    const char *place = into == NULL ? restore->config->store.directory : into;
    if (options->text[OPTION_JSON] != NULL) {
        json_t *json = json_pack(
            "{s:s, s:I, s:o, s:I, s:I, s:I, s:b, s:s?}", "store", place, "number", (json_int_t)report->number,
            "made_at", native_json_time(report->made_at_s), "delegates", (json_int_t)report->delegates, "deleted_since",
            (json_int_t)restore->carried.deleted, "revoked_since", (json_int_t)restore->carried.revoked,
            "deletions_unknown", restore->unknown, "old_store", restore->aside[0] == '\0' ? NULL : restore->aside);
        output_json(json);
        json_decref(json);
        return;
    }
    (void)printf("%s is backup %u, with %llu delegates\n", place, (unsigned)report->number,
                 (unsigned long long)report->delegates);
    if (restore->aside[0] != '\0') {
        (void)printf("the store that was there is %s\n", restore->aside);
    }
    if (restore->unknown) {
        (void)printf("that store cannot be read: what was deleted since the backup is there again\n");
    } else if (restore->carried.deleted + restore->carried.revoked > 0) {
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
