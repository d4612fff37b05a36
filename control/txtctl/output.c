#include "control/txtctl/output.h"

#include <stdbool.h>
#include <stdio.h>

enum txtctl_status output_failed(const struct error_detail *detail)
{
    (void)fprintf(stderr, "txtctl: %s\n", detail->text);
    return TXTCTL_FAILED;
}

const char *output_member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

void output_json(const json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2));
    (void)putchar('\n');
}

void output_foreign(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char octet = (unsigned char)*text;
        /* U+0080 to U+009F, the other control characters, are 0xc2 and one of 0x80 to 0x9f in UTF-8. */
        bool control = octet < 0x20 || octet == 0x7f;
        if (octet == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0) {
            control = true;
            text++;
        }
        (void)putchar(control ? '?' : octet);
    }
}
