/* `txtctl import acme-dns`: the accounts of an acme-dns into the store of a txtd that does not run. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "control/txtctl/acmedns_import.h"
#include "control/txtctl/acmedns_source.h"
#include "control/txtctl/command.h"
#include "control/txtctl/output.h"
#include "control/txtctl/progress.h"
#include "control/txtctl/stopped_store.h"

static void print_json(const struct acmedns_import *import, const struct acmedns_data *data)
{
    const struct acmedns_import_counts *counts = &import->counts;
    json_t *refused = json_array();
    for (size_t i = 0; i < data->refusals_count; i++) {
        (void)json_array_append_new(
            refused, json_pack("{s:s, s:s}", "account", data->refusals[i].subject, "reason", data->refusals[i].reason));
    }
    json_t *report = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "dry_run", import->dry_run, "accounts",
                               (json_int_t)data->accounts_seen, "imported", (json_int_t)counts->imported, "present",
                               (json_int_t)counts->present, "values", (json_int_t)counts->values, "values_expired",
                               (json_int_t)counts->values_expired, "values_rotated", (json_int_t)counts->values_rotated,
                               "refused", refused);
    output_json(report);
    json_decref(report);
}

static void print_text(const struct acmedns_import *import, const struct acmedns_data *data)
{
    const struct acmedns_import_counts *counts = &import->counts;
    for (size_t i = 0; i < data->refusals_count; i++) {
        (void)printf("refused %s: %s\n", data->refusals[i].subject, data->refusals[i].reason);
    }
    (void)printf("%s%zu of %zu accounts %s, %zu were there already, %zu refusals\n", import->dry_run ? "dry run: " : "",
                 counts->imported, data->accounts_seen, import->dry_run ? "would be imported" : "imported",
                 counts->present, data->refusals_count);
    (void)printf("%zu values, %zu left out because they are older than value_expiry, %zu because newer ones fill the "
                 "slots\n",
                 counts->values, counts->values_expired, counts->values_rotated);
}

static void show(void *context, size_t done, size_t of)
{
    progress_show(context, done, of);
}

/* A dry run makes nothing: where there is no store, or it cannot be opened because txtd runs, only the source is judged. */
static int open_for_dry_run(const struct config *config, const char *zone, struct acmedns_import *import,
                            struct error_detail *detail)
{
    struct stat status;
    if (stat(config->store.directory, &status) != 0) {
        return 0;
    }
    int rc = stopped_store_open(config, &import->store, detail);
    if (rc == TXTD_EEXISTS) {
        (void)fprintf(stderr, "txtctl: %s\ntxtctl: so this looks at the source only\n", detail->text);
        return 0;
    }
    if (rc == 0) {
        rc = store_zone_find(import->store, zone, &import->zone, detail);
    }
    return rc == TXTD_ENOTFOUND ? 0 : rc;
}

static int import_settled(const struct config *config, const struct config_zone *zone, struct acmedns_import *import,
                          struct acmedns_data *data, struct error_detail *detail)
{
    struct progress progress = progress_begin("importing", false);
    int rc = stopped_store_become_user(config, detail);
    if (rc == 0 && import->dry_run) {
        rc = open_for_dry_run(config, zone->name, import, detail);
    } else if (rc == 0) {
        rc = stopped_store_open(config, &import->store, detail);
        rc = rc != 0 ? rc : store_zone_number(import->store, zone->name, &import->zone, detail);
    }
    if (rc == 0) {
        import->progress = show;
        import->context = &progress;
        rc = acmedns_import_run(import, data, detail);
        progress_end(&progress, rc == 0);
    }
    store_close(import->store);
    return rc;
}

static enum txtctl_status run(const struct options *options)
{
    struct error_detail detail = {""};
    struct config *config = NULL;
    struct acmedns_data data = {.accounts = NULL};
    struct acmedns_import import = {.dry_run = options->text[OPTION_DRY_RUN] != NULL, .now_s = time(NULL)};
    const struct config_zone *zone = NULL;
    int rc = stopped_store_config(options, &config, &detail);
    if (rc == 0) {
        zone = stopped_store_zone(options, config, &detail);
        rc = zone == NULL ? TXTD_ENOTFOUND : acmedns_source_read(options->arguments[0], &data, &detail);
    }
    rc = rc != 0 ? rc : acmedns_data_settle(&data, &detail);
    if (rc == 0) {
        import.slots = zone->slots;
        import.value_expiry_s = zone->value_expiry_s;
        rc = import_settled(config, zone, &import, &data, &detail);
    }
    enum txtctl_status status = data.refusals_count == 0 ? TXTCTL_DONE : TXTCTL_REFUSED;
    if (rc != 0) {
        status = output_failed(&detail);
    } else if (options->text[OPTION_JSON] != NULL) {
        print_json(&import, &data);
    } else {
        print_text(&import, &data);
    }
    acmedns_data_free(&data);
    config_free(config);
    return status;
}

const struct command command_import = {
    .name = "import acme-dns",
    .arguments = "SOURCE",
    .summary = "take over an acme-dns: its SQLite file, or a plain dump of its PostgreSQL",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes = COMMAND_TAKES(OPTION_CONFIG) | COMMAND_TAKES(OPTION_ZONE) | COMMAND_TAKES(OPTION_DRY_RUN) |
             COMMAND_TAKES(OPTION_JSON),
    .run = run,
};
