/* `txtctl export`: every account with its delegate as a line of JSON, of a store that txtd may be using. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/txtctl/command.h"
#include "control/txtctl/export_json.h"
#include "control/txtctl/output.h"
#include "control/txtctl/progress.h"
#include "control/txtctl/stopped_store.h"

#define PAGE_MAX 256

/* One page; too large for a stack. */
struct page {
    struct store_account accounts[PAGE_MAX];
    struct delegate_state delegates[PAGE_MAX];
    struct store_lookup lookups[PAGE_MAX];
    unsigned count;
};

struct zones {
    const struct config *config;
    uint16_t numbers[CONFIG_ZONES_MAX]; /* 0: the store does not know it */
};

static int find_zones(struct store *store, struct zones *zones, struct error_detail *detail)
{
    int code = 0;
    for (unsigned i = 0; i < zones->config->zones_count && code == 0; i++) {
        code = store_zone_find(store, zones->config->zones[i].name, &zones->numbers[i], detail);
        code = code == TXTD_ENOTFOUND ? 0 : code;
    }
    return code;
}

static const char *zone_name(const struct zones *zones, uint16_t number)
{
    for (unsigned i = 0; i < zones->config->zones_count; i++) {
        if (zones->numbers[i] == number) {
            return zones->config->zones[i].name;
        }
    }
    return NULL;
}

static int read_page(struct store *store, const struct delegate_id *after, struct page *page)
{
    int code = store_read_accounts(store, after, PAGE_MAX, page->accounts, &page->count);
    for (unsigned i = 0; i < page->count; i++) {
        page->delegates[i].id = page->accounts[i].delegate;
        page->delegates[i].zone = page->accounts[i].zone;
        page->lookups[i] = (struct store_lookup){.delegate = &page->delegates[i]};
    }
    if (code == 0) {
        store_read_many(store, page->lookups, page->count);
    }
    return code;
}

/* Prints those of the wanted zone. */
static int print_page(const struct page *page, const struct zones *zones, const struct config_zone *only)
{
    for (unsigned i = 0; i < page->count; i++) {
        int found = page->lookups[i].delegate_result;
        const char *zone = zone_name(zones, page->accounts[i].zone);
        if (found != 0 && found != TXTD_ENOTFOUND) {
            return found;
        }
        if (only != NULL && zone != only->name) {
            continue;
        }
        json_t *json = export_json(&page->accounts[i], found == 0 ? &page->delegates[i] : NULL, zone);
        if (json == NULL || json_dumpf(json, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF) {
            json_decref(json);
            return TXTD_ESYS;
        }
        json_decref(json);
    }
    return 0;
}

static int export_all(struct store *store, const struct zones *zones, const struct config_zone *only,
                      struct error_detail *detail)
{
    struct page *page = calloc(1, sizeof *page);
    struct progress progress = progress_begin("exported", true);
    struct delegate_id after;
    size_t done = 0;
    int code = 0;
    if (page == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "no memory");
    }
    do {
        code = read_page(store, done == 0 ? NULL : &after, page);
        code = code != 0 ? code : print_page(page, zones, only);
        if (page->count > 0) {
            after = page->accounts[page->count - 1].username;
        }
        done += page->count;
        progress_show(&progress, done, 0);
    } while (code == 0 && page->count == PAGE_MAX);
    if (code == 0 && fflush(stdout) != 0) {
        code = TXTD_ESYS;
    }
    progress_end(&progress, code == 0);
    free(page);
    return code == 0 ? 0
                     : error_describe(detail, code, "the export is not whole: %s",
                                      code == TXTD_ESYS ? "it cannot be written" : txtd_error_text(code));
}

static enum txtctl_status run(const struct options *options)
{
    struct error_detail detail = {""};
    struct config *config = NULL;
    struct store *store = NULL;
    const struct config_zone *only = NULL;
    int code = stopped_store_config(options, &config, &detail);
    if (code == 0 && options->text[OPTION_ZONE] != NULL) {
        only = stopped_store_zone(options, config, &detail);
        code = only == NULL ? TXTD_ENOTFOUND : 0;
    }
    code = code != 0 ? code : stopped_store_become_user(config, &detail);
    code = code != 0 ? code : store_open_whole_reader(&config->store, &store, &detail);
    if (code == 0) {
        struct zones zones = {.config = config};
        code = find_zones(store, &zones, &detail);
        code = code != 0 ? code : export_all(store, &zones, only, &detail);
        store_close(store);
    }
    config_free(config);
    return code == 0 ? TXTCTL_DONE : output_failed(&detail);
}

const struct command command_export = {
    .name = "export",
    .arguments = "",
    .summary = "every account with its delegate, a line of JSON each, while txtd runs or not",
    .takes =
        COMMAND_TAKES(OPTION_CONFIG) | COMMAND_TAKES(OPTION_ZONE) | COMMAND_TAKES(OPTION_JSON), /* it always does */
    .run = run,
};
