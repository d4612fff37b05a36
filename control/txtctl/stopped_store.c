#include "control/txtctl/stopped_store.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "control/privileges.h"

int stopped_store_config(const struct options *options, struct config **config, struct error_detail *detail)
{
    return config_load(options->text[OPTION_CONFIG], config, detail);
}

const struct config_zone *stopped_store_zone(const struct options *options, const struct config *config,
                                             struct error_detail *detail)
{
    const char *name = options->text[OPTION_ZONE];
    size_t len = name == NULL ? 0 : strlen(name);
    if (name == NULL) {
        return &config->zones[0];
    }
    len -= len > 0 && name[len - 1] == '.';
    for (unsigned i = 0; i < config->zones_count; i++) {
        if (strlen(config->zones[i].name) == len && strncasecmp(config->zones[i].name, name, len) == 0) {
            return &config->zones[i];
        }
    }
    (void)error_describe(detail, TXTD_ENOTFOUND, "%s: has no zone %s", config->file, name);
    return NULL;
}

int stopped_store_become_user(const struct config *config, struct error_detail *detail)
{
    struct privileges_identity identity;
    if (geteuid() != 0) {
        return 0; /* whoever we are: the directory's mode decides */
    }
    int rc = privileges_identity_find(config->process.user, config->process.group, &identity, detail);
    return rc != 0 || !identity.change ? rc : privileges_drop(&identity, detail);
}

int stopped_store_open(const struct config *config, struct store **store, struct error_detail *detail)
{
    return store_open(&config->store, store, detail);
}
