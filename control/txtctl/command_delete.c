/* `txtctl delete`: the delegate at the server, then its account in the file. */
#include <stdbool.h>
#include <stdio.h>

#include "control/txtctl/account_change.h"
#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

static enum txtctl_status remove_both(const struct options *options, struct account_file *file, const char *name,
                                      const json_t *account)
{
    json_t *json;
    struct error_detail detail = {""};
    enum txtctl_status status = delegate_call(options, account, "DELETE", "", NULL, &json);
    json_decref(json);
    if (status != TXTCTL_DONE) {
        return status;
    }
    if (json_object_del(account_file_accounts(file), name) != 0 || account_file_save(file, &detail) != 0) {
        (void)fputs("txtctl: the delegate is deleted, but its account is still in the file\n", stderr);
        return output_failed(&detail);
    }
    return TXTCTL_DONE;
}

static enum txtctl_status run(const struct options *options)
{
    struct account_file *file;
    const char *name;
    json_t *account;
    enum txtctl_status status = account_change_open(options, &file, &name, &account);
    if (status != TXTCTL_DONE) {
        return status;
    }
    if (options->text[OPTION_YES] == NULL) {
        (void)fprintf(stderr, "txtctl: this would delete %s for ever, for %s; give --yes to do it\n",
                      output_member(account, "fulldomain"), name);
        status = TXTCTL_FAILED;
    } else {
        json_t *deleted = json_pack("{s:s, s:s, s:b}", "domain", name, "fulldomain",
                                    output_member(account, "fulldomain"), "deleted", true);
        status = remove_both(options, file, name, account); /* which frees both */
        if (status == TXTCTL_DONE && options->text[OPTION_JSON] != NULL) {
            output_json(deleted);
        }
        json_decref(deleted);
    }
    account_file_close(file);
    return status;
}

const struct command command_delete = {
    .name = "delete",
    .arguments = "",
    .summary = "delete the delegate and its account; its name never comes back",
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT | COMMAND_TAKES(OPTION_YES),
    .run = run,
};
