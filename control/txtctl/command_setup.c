#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "control/txtctl/account_call.h"
#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

#define TAIL_MAX 1536

/* The query, piece by piece. Returns 0 or TXTD_EFULL. */
static int make_tail(const struct options *options, char tail[TAIL_MAX])
{
    static const struct {
        const char *before;
        enum option_id id;
    } parts[] = {{"&account_url=", OPTION_ACCOUNT_URL}, {"&issuer=", OPTION_ISSUER}};
    int result = delegate_call_encode("/setup?domain=", options->arguments[0], tail, TAIL_MAX);
    for (size_t i = 0; result == 0 && i < sizeof parts / sizeof parts[0]; i++) {
        size_t len = strlen(tail);
        const char *text = options->text[parts[i].id];
        result = text == NULL ? 0 : delegate_call_encode(parts[i].before, text, tail + len, TAIL_MAX - len);
    }
    return result;
}

/* Whether CAA records are among them that keep the authority from dns-persist-01. */
static bool forbid_persistent(const json_t *records)
{
    size_t index;
    const json_t *record;
    json_array_foreach(records, index, record)
    {
        if (strcmp(output_member(record, "purpose"), "caa") == 0 &&
            strstr(output_member(record, "value"), "dns-persist-01") == NULL) {
            return true;
        }
    }
    return false;
}

static void print_records(const json_t *json)
{
    size_t index;
    const json_t *record, *records = json_object_get(json, "records");
    bool forbidden = forbid_persistent(records);
    json_array_foreach(records, index, record)
    {
        const char *purpose = output_member(record, "purpose");
        const char *but = forbidden && strcmp(purpose, "dns-persist-01") == 0
                              ? ": the CAA below allows it once there are persistent values; ask again then"
                              : "";
        (void)printf("; %s%s\n%s\n", purpose, but, output_member(record, "line"));
    }
}

static enum txtctl_status run(const struct options *options)
{
    char tail[TAIL_MAX];
    json_t *account, *json = NULL;
    if (make_tail(options, tail) != 0) {
        (void)fputs("txtctl: the domain or the URL is too long\n", stderr);
        return TXTCTL_FAILED;
    }
    enum txtctl_status status = account_call_account(options, &account);
    if (status != TXTCTL_DONE) {
        return status;
    }
    status = delegate_call(options, account, "GET", tail, NULL, &json);
    json_decref(account);
    if (json != NULL && options->text[OPTION_JSON] != NULL) {
        output_json(json);
    } else if (json != NULL) {
        print_records(json);
    }
    json_decref(json);
    return status;
}

const struct command command_setup = {
    .name = "setup",
    .arguments = "NAME",
    .summary = "print the records to add to the zone of a domain",
    .arguments_min = 1,
    .arguments_max = 1,
    .takes =
        COMMAND_TAKES_API | COMMAND_TAKES_ACCOUNT | COMMAND_TAKES(OPTION_ACCOUNT_URL) | COMMAND_TAKES(OPTION_ISSUER),
    .run = run,
};
