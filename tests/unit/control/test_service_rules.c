/* The settings as a snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "control/service_rules.h"

static const struct service_zone zones[] = {{"auth.example.org", 7, 2, 0}, {"other.example", 9, 16, 60}};
static const char *const tokens[] = {"token-one-0123456789", "token-two-0123456789", "a-token-0123456789ab"};
static const char *const origins[] = {"https://a.example"};

static struct service_settings settings(void)
{
    return (struct service_settings){.zones = zones,
                                     .zones_count = 2,
                                     .registration = CONFIG_REGISTRATION_TOKEN,
                                     .registration_tokens = tokens,
                                     .registration_tokens_count = 3,
                                     .server_url = "https://auth.example.org",
                                     .cors_origins = origins,
                                     .cors_origins_count = 1,
                                     .edits_max = 4,
                                     .calls_max = 16};
}

static void test_copy(void **state)
{
    (void)state;
    struct service_settings from = settings();
    struct service_rules *rules;
    assert_int_equal(service_rules_new(&from, &rules, NULL), 0);
    assert_int_equal(rules->zones_count, 2);
    assert_string_equal(service_rules_zone(rules, 9)->name, "other.example");
    assert_int_equal(service_rules_zone(rules, 9)->slots, 16);
    assert_null(service_rules_zone(rules, 8));
    assert_string_equal(rules->server_url, "https://auth.example.org");
    assert_ptr_not_equal(rules->zones[0].name, zones[0].name);
    assert_string_equal(rules->cors_origins[0], "https://a.example");
    service_rules_retain(rules);
    service_rules_release(rules);
    assert_string_equal(rules->server_url, "https://auth.example.org"); /* still held */
    service_rules_release(rules);
    service_rules_release(NULL);
}

static void test_tokens(void **state)
{
    (void)state;
    struct service_settings from = settings();
    struct service_rules *rules;
    assert_int_equal(service_rules_new(&from, &rules, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(service_rules_token_valid(rules, tokens[i], strlen(tokens[i]), NULL));
        assert_false(service_rules_token_valid(rules, tokens[i], strlen(tokens[i]) - 1, NULL));
    }
    assert_false(service_rules_token_valid(rules, "token-six-0123456789", 20, NULL));
    assert_false(service_rules_token_valid(rules, "", 0, NULL));
    assert_false(service_rules_token_valid(rules, NULL, 0, NULL));
    service_rules_release(rules);

    from.registration_tokens_count = 0;
    assert_int_equal(service_rules_new(&from, &rules, NULL), 0);
    assert_false(service_rules_token_valid(rules, "", 0, NULL));
    service_rules_release(rules);
}

static void test_refused(void **state)
{
    (void)state;
    struct service_settings from = settings();
    struct service_rules *rules;
    struct error_detail detail = {""};
    from.zones_count = 0;
    assert_int_equal(service_rules_new(&from, &rules, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "zone"));

    struct service_zone bad = zones[0];
    bad.slots = DELEGATE_VALUES_MAX + 1;
    from.zones = &bad;
    from.zones_count = 1;
    assert_int_equal(service_rules_new(&from, &rules, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "auth.example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy), cmocka_unit_test(test_tokens),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
