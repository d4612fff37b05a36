#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "control/txtctl/delegate_call.h"
#include "control/txtctl/output.h"

#define PAGE       256 /* the most that the server gives */
#define PATH_SIZE  1024
#define CURSOR_MAX 64

/* Where a page begins, and what is filtered. Returns 0 or TXTD_EFULL. */
static int make_path(const struct options *options, const char *cursor, char path[PATH_SIZE])
{
    const char *zone = options->text[OPTION_ZONE];
    int len = snprintf(path, PATH_SIZE, "/delegates?limit=%d%s", PAGE,
                       options->text[OPTION_DISABLED] == NULL ? "" : "&disabled=true");
    int result = zone == NULL ? 0 : delegate_call_encode("&zone=", zone, path + len, PATH_SIZE - (size_t)len);
    size_t used = strlen(path);
    return result != 0 || *cursor == '\0' ? result
                                          : delegate_call_encode("&cursor=", cursor, path + used, PATH_SIZE - used);
}

static void print_item(const struct options *options, const json_t *item)
{
    const char *note = output_member(item, "note");
    if (options->text[OPTION_JSON] != NULL) {
        (void)json_dumpf(item, stdout, JSON_COMPACT);
        (void)putchar('\n');
        return;
    }
    const char *fulldomain = output_member(item, "fulldomain");
    bool is_served = *fulldomain != '\0';
    (void)printf("%s  created %s%s", is_served ? fulldomain : output_member(item, "id"),
                 output_member(item, "created_at"), is_served ? "" : "  of a zone that is not served");
    if (json_is_true(json_object_get(item, "disabled"))) {
        (void)fputs("  disabled", stdout);
    }
    if (*note != '\0') {
        (void)fputs("  ", stdout);
        output_foreign(note);
    }
    (void)putchar('\n');
}

/* Takes the cursor of the page behind this one; false: this was the last. */
static bool take_cursor(const json_t *json, char cursor[CURSOR_MAX])
{
    const char *next = output_member(json, "next_cursor");
    bool further = *next != '\0' && strlen(next) < CURSOR_MAX && strcmp(next, cursor) != 0;
    (void)snprintf(cursor, CURSOR_MAX, "%s", further ? next : "");
    return further;
}

/* Page after page, each printed before the next is asked for: there may be millions. */
static enum txtctl_status run(const struct options *options)
{
    char path[PATH_SIZE], cursor[CURSOR_MAX] = "";
    bool further = true;
    enum txtctl_status status = TXTCTL_DONE;
    while (further && status == TXTCTL_DONE && ferror(stdout) == 0) {
        json_t *json;
        size_t index;
        const json_t *item;
        if (make_path(options, cursor, path) != 0) {
            (void)fputs("txtctl: the zone's name is too long\n", stderr);
            return TXTCTL_FAILED;
        }
        status = delegate_call_operator(options, "GET", path, NULL, &json);
        json_array_foreach(json_object_get(json, "delegates"), index, item)
        {
            print_item(options, item);
        }
        further = take_cursor(json, cursor);
        json_decref(json);
    }
    return status;
}

const struct command command_list = {
    .name = "list",
    .arguments = "",
    .summary = "operator: list all delegates; with --json an object a line",
    .takes = COMMAND_TAKES_API | COMMAND_TAKES_OPERATOR | COMMAND_TAKES(OPTION_ZONE) | COMMAND_TAKES(OPTION_DISABLED),
    .run = run,
};
