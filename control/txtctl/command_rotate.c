/* `txtctl rotate`: a new key in place of the old one, which is revoked only when the new one is kept. */
#include <stdio.h>

#include "control/txtctl/account_change.h"
#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

#define TAIL_MAX 64

/* Which key has added key `added`, from the history: the account file does not tell its key's id. 0: it is not there. */
static json_int_t find_old_key(const struct options *options, const json_t *account, json_int_t added)
{
    json_t *json;
    size_t index;
    const json_t *event;
    json_int_t found = 0;
    (void)delegate_call(options, account, "GET", "/history", NULL, &json);
    json_array_foreach(json_object_get(json, "events"), index, event)
    {
        const json_t *subject = json_object_get(event, "subject_key_id");
        if (found == 0 && json_is_integer(subject) && json_integer_value(subject) == added) {
            found = json_integer_value(json_object_get(event, "key_id"));
        }
    }
    json_decref(json);
    return found == added ? 0 : found;
}

/* With the new key. */
static enum txtctl_status revoke_old(const struct options *options, const json_t *account, json_int_t added)
{
    char tail[TAIL_MAX];
    json_t *json;
    json_int_t old = find_old_key(options, account, added);
    (void)snprintf(tail, sizeof tail, "/keys/%lld", (long long)old);
    enum txtctl_status status =
        old == 0 ? TXTCTL_REFUSED : delegate_call(options, account, "DELETE", tail, NULL, &json);
    if (status != TXTCTL_DONE) {
        (void)fputs("txtctl: the new key is kept and works, the old one is still let in: revoke it, show has its id\n",
                    stderr);
    } else {
        json_decref(json);
    }
    return status;
}

/* Keeps the key in the file. If that fails it is printed: nobody could ever get at it again. */
static enum txtctl_status keep(struct account_file *file, json_t *account, const json_t *made)
{
    struct error_detail detail = {""};
    if (json_object_set(account, "password", json_object_get(made, "key")) == 0 &&
        account_file_save(file, &detail) == 0) {
        return TXTCTL_DONE;
    }
    output_json(made);
    (void)fprintf(stderr, "txtctl: keep the key above, it could not be saved; the old one still works: %s\n",
                  detail.text);
    return TXTCTL_FAILED;
}

static enum txtctl_status rotate(const struct options *options, struct account_file *file, json_t *account)
{
    json_t *made;
    enum txtctl_status status = delegate_call(options, account, "POST", "/keys", NULL, &made);
    json_int_t added = json_integer_value(json_object_get(made, "key_id"));
    if (status == TXTCTL_DONE && *output_member(made, "key") == '\0') {
        (void)fputs("txtctl: the server has answered without a key\n", stderr);
        status = TXTCTL_FAILED;
    }
    if (status == TXTCTL_DONE) {
        status = keep(file, account, made);
    }
    if (status == TXTCTL_DONE && options->text[OPTION_KEEP] == NULL) {
        status = revoke_old(options, account, added);
    }
    if (status == TXTCTL_DONE && options->text[OPTION_JSON] != NULL) {
        (void)printf("{\"key_id\": %lld}\n", (long long)added);
    }
    json_decref(made);
    return status;
}

static enum txtctl_status run(const struct options *options)
{
    struct account_file *file;
    const char *name;
    json_t *account;
    enum txtctl_status status = account_change_open(options, &file, &name, &account);
    if (status == TXTCTL_DONE) {
        status = rotate(options, file, account);
        account_file_close(file);
    }
    return status;
}

const struct command command_rotate = {
    .name = "rotate",
    .arguments = "",
    .summary = "get a new key, keep it in the file and revoke the old one",
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT | COMMAND_TAKES(OPTION_KEEP),
    .run = run,
};
