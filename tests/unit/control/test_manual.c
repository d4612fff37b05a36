/* txtd.yaml(5) has every key of the configuration's schema, by its path, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "control/config.h"
#include "control/config_raw.h"

#define PAGE TXTD_SOURCE_DIR "/deploy/man/txtd.yaml.5"
#define HEAD "\n.It Cm "

static const char *page_text(void)
{
    static char text[128 * 1024];
    FILE *in = fopen(PAGE, "r");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof text - 1, in);
    text[len] = '\0';
    (void)fclose(in);
    assert_true(len < sizeof text - 1);
    return text;
}

static const cyaml_schema_field_t *fields_below(const cyaml_schema_value_t *value)
{
    if (value->type == CYAML_SEQUENCE) {
        value = value->sequence.entry;
    }
    return value->type == CYAML_MAPPING ? value->mapping.fields : NULL;
}

/* Looks for the keys below a path; the top's own are the titles of the sections. Returns how many there are. */
static size_t expect_keys(const char *text, const char *path, const cyaml_schema_field_t *fields)
{
    size_t count = 0;
    for (; fields->key != NULL; fields++) {
        char key[100], head[120];
        (void)snprintf(key, sizeof key, "%s%s%s", path, *path == '\0' ? "" : ".", fields->key);
        if (*path != '\0') {
            (void)snprintf(head, sizeof head, HEAD "%s", key);
            const char *at = strstr(text, head);
            while (at != NULL && strchr(" \n", at[strlen(head)]) == NULL) { /* a longer key that begins with this one */
                at = strstr(at + 1, head);
            }
            if (at == NULL) {
                fail_msg("txtd.yaml(5) lacks %s", key);
            }
            count++;
        }
        const cyaml_schema_field_t *below = fields_below(&fields->value);
        count += below == NULL ? 0 : expect_keys(text, key, below);
    }
    return count;
}

static void test_page_has_the_keys(void **state)
{
    (void)state;
    const char *text = page_text();
    size_t heads = 0;
    for (const char *at = text; (at = strstr(at, HEAD)) != NULL; at++) {
        heads++;
    }
    size_t keys = expect_keys(text, "", config_schema_fields);
    assert_true(keys > 50);
    assert_int_equal(heads, keys); /* else the page has one that does not exist, or one twice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page_has_the_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
