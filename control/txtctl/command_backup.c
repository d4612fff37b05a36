/* `txtctl backup`: by the txtd that runs, through its control socket; of a store that nobody uses, directly. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/backup_job.h"
#include "control/txtctl/command.h"
#include "control/txtctl/control_client.h"
#include "control/txtctl/directory_watch.h"
#include "control/txtctl/output.h"
#include "control/txtctl/stopped_store.h"

#define ONLINE_TIMEOUT_S 86400 /* a backup takes as long as it takes */

/* The whole path: a running txtd is somewhere else than we are. */
static int whole_path(const char *directory, char path[PATH_MAX], struct error_detail *detail)
{
    char here[PATH_MAX];
    if (directory[0] == '/') {
        return snprintf(path, PATH_MAX, "%s", directory) < PATH_MAX
                   ? 0
                   : error_describe(detail, TXTD_EINVAL, "%s: is too long", directory);
    }
    if (getcwd(here, sizeof here) == NULL || snprintf(path, PATH_MAX, "%s/%s", here, directory) >= PATH_MAX) {
        return error_describe(detail, TXTD_EINVAL, "%s: cannot be made a whole path", directory);
    }
    return 0;
}

static int read_keep(const struct options *options, unsigned *keep, struct error_detail *detail)
{
    const char *text = options->text[OPTION_RETAIN];
    unsigned long number = 0; /* all */
    if (text != NULL && options_number(text, 1, BACKUP_KEEP_MAX, &number) != 0) {
        return error_describe(detail, TXTD_EINVAL, "--retain takes 1 to %d, not %s", BACKUP_KEEP_MAX, text);
    }
    *keep = (unsigned)number;
    return 0;
}

static enum txtctl_status ask_running(const struct options *options, const struct config *config, const char *path,
                                      unsigned keep, json_t **report)
{
    struct options asked = *options;
    if (config->process.control_socket == NULL) {
        (void)fprintf(stderr,
                      "txtctl: txtd runs, and %s gives it no process.control_socket: set that and "
                      "store.backup_directory, or stop txtd for the backup\n",
                      config->file);
        return TXTCTL_FAILED;
    }
    asked.text[OPTION_SOCKET] = config->process.control_socket;
    asked.timeout_s = ONLINE_TIMEOUT_S;
    json_t *request = json_pack("{s:s, s:s, s:i}", "command", "backup", "directory", path, "keep", (int)keep);
    return control_client_call(&asked, request, report);
}

static void print(const struct options *options, const json_t *report, const char *path)
{
    if (options->text[OPTION_JSON] != NULL) {
        output_json(report);
        return;
    }
    (void)printf("backup %lld in %s: %lld files, %.1f MiB, compared with their checksums; %lld kept\n",
                 (long long)json_integer_value(json_object_get(report, "number")), path,
                 (long long)json_integer_value(json_object_get(report, "files")),
                 (double)json_integer_value(json_object_get(report, "octets")) / 1048576,
                 (long long)json_integer_value(json_object_get(report, "kept")));
}

static enum txtctl_status make(const struct options *options, const struct config *config, const char *path,
                               unsigned keep)
{
    struct error_detail detail = {""};
    struct store *store = NULL;
    json_t *report = NULL;
    enum txtctl_status status = TXTCTL_DONE;
    int code = access(config->store.directory, F_OK) == 0 || errno != ENOENT
                   ? stopped_store_open(config, &store, &detail)
                   : error_describe(&detail, TXTD_ENOTFOUND, "%s: there is no store", config->store.directory);
    struct directory_watch *watch =
        directory_watch_begin("backup", path, directory_watch_octets(config->store.directory));
    if (code == 0) {
        struct backup_report made;
        code = store_backup(store, path, keep, NULL, &made, &detail);
        report = code == 0 ? backup_job_report(&made) : NULL;
        store_close(store);
    } else if (code == TXTD_EEXISTS) {
        code = 0;
        status = ask_running(options, config, path, keep, &report);
    }
    directory_watch_end(watch, code == 0 && status == TXTCTL_DONE);
    if (code != 0) {
        return output_failed(&detail);
    }
    if (status == TXTCTL_DONE) {
        print(options, report, path);
    }
    json_decref(report);
    return status;
}

static enum txtctl_status run(const struct options *options)
{
    struct error_detail detail = {""};
    struct config *config = NULL;
    char path[PATH_MAX];
    unsigned keep = 0;
    int code = stopped_store_config(options, &config, &detail);
    if (code == 0) {
        const char *directory = options->arguments_count > 0 ? options->arguments[0] : config->backup_directory;
        code = directory == NULL
                   ? error_describe(&detail, TXTD_EINVAL, "backup needs DIRECTORY, or store.backup_directory in %s",
                                    config->file)
                   : whole_path(directory, path, &detail);
    }
    code = code != 0 ? code : read_keep(options, &keep, &detail);
    code = code != 0 ? code : stopped_store_become_user(config, &detail);
    enum txtctl_status status = code != 0 ? output_failed(&detail) : make(options, config, path, keep);
    config_free(config);
    return status;
}

const struct command command_backup = {
    .name = "backup",
    .arguments = "[DIRECTORY]",
    .summary = "back the store up, while txtd runs or not",
    .arguments_max = 1,
    .takes = COMMAND_TAKES(OPTION_CONFIG) | COMMAND_TAKES(OPTION_RETAIN) | COMMAND_TAKES(OPTION_JSON),
    .run = run,
};
