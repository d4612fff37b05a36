#include "control/txtctl/account_change.h"

#include "control/txtctl/output.h"

enum txtctl_status account_change_open(const struct options *options, struct account_file **file, const char **name,
                                       json_t **account)
{
    struct error_detail detail = {""};
    const char *path = options->text[OPTION_CREDENTIALS];
    *file = NULL;
    if (account_file_open(path, file, &detail) != 0) {
        *file = NULL;
        return output_failed(&detail);
    }
    if (account_file_find(path, account_file_accounts(*file), options->text[OPTION_DOMAIN], name, account, &detail) !=
        0) {
        account_file_close(*file);
        *file = NULL;
        return output_failed(&detail);
    }
    return TXTCTL_DONE;
}
