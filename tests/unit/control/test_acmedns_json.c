/* Bodies as real clients send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "control/acmedns_json.h"

#define VALUE "___validation_token_received_from_the_ca___"
#define UUID  "8e5700ea-a4bf-41c7-8a77-e990661dcc6a"

/* What /register does with each body: how many CIDRs it takes, or the error's word. */
static void test_register(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        unsigned allowfrom_count;
        const char *error;
    } rows[] = {
        {"", 0, NULL},
        {" \r\n\t ", 0, NULL},
        {"null", 0, NULL},
        {"null\n", 0, NULL},
        {"{}", 0, NULL},
        {"{\"allowfrom\":null}", 0, NULL},
        {"{\"allowfrom\":[]}", 0, NULL},
        {"{\"other\":[1,{\"a\":2}],\"allowfrom\":[\"192.0.2.0/24\"]}", 1, NULL},
        {"{\"AllowFrom\":[\"192.0.2.0/24\",\"[::1]/64\"]}", 2, NULL},
        {"{\"ALLOWFROM\":[\"192.0.2.0/24\"],\"allowfrom\":[]}", 0, NULL}, /* the last wins */
        {"{", 0, ACMEDNS_ERROR_JSON},
        {"{}}", 0, ACMEDNS_ERROR_JSON},
        {"nul", 0, ACMEDNS_ERROR_JSON},
        {"[]", 0, ACMEDNS_ERROR_JSON},
        {"\"\"", 0, ACMEDNS_ERROR_JSON},
        {"5", 0, ACMEDNS_ERROR_JSON},
        {"true", 0, ACMEDNS_ERROR_JSON},
        {"allowfrom=1.2.3.4", 0, ACMEDNS_ERROR_JSON},
        {"{\"allowfrom\":\"192.0.2.0/24\"}", 0, ACMEDNS_ERROR_JSON},
        {"{\"allowfrom\":{}}", 0, ACMEDNS_ERROR_JSON},
        {"{\"allowfrom\":[1]}", 0, ACMEDNS_ERROR_JSON},
        {"{\"allowfrom\":[\"192.0.2.0/24\",null]}", 0, ACMEDNS_ERROR_JSON},
        {"{\"allowfrom\":[\"\xff\"]}", 0, ACMEDNS_ERROR_JSON},
        {"{\"allowfrom\":[\"192.0.2.0/24\\u0000\"]}", 0, ACMEDNS_ERROR_JSON},
        {"{\"allowfrom\":[\"192.0.2.1\"]}", 0, ACMEDNS_ERROR_CIDR},
        {"{\"allowfrom\":[\"192.0.2.0/24\",\"x\"]}", 0, ACMEDNS_ERROR_CIDR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct service_registration registration;
        const char *error = "none";
        int result = acmedns_json_register(rows[i].body, strlen(rows[i].body), &registration, &error);
        if (rows[i].error == NULL) {
            assert_int_equal(result, 0);
            assert_int_equal(registration.allowfrom_count, rows[i].allowfrom_count);
        } else {
            assert_int_equal(result, TXTD_EINVAL);
            assert_string_equal(error, rows[i].error);
        }
    }
}

static void test_register_bounds(void **state)
{
    (void)state;
    char body[4096] = "{\"allowfrom\":[";
    struct service_registration registration;
    const char *error;
    for (unsigned i = 0; i < STORE_ALLOWFROM_MAX; i++) {
        strcat(body, i == 0 ? "\"10.0.0.0/8\"" : ",\"10.0.0.0/8\"");
    }
    size_t len = strlen(body);
    strcpy(body + len, "]}");
    assert_int_equal(acmedns_json_register(body, strlen(body), &registration, &error), 0);
    assert_int_equal(registration.allowfrom_count, STORE_ALLOWFROM_MAX);
    strcpy(body + len, ",\"10.0.0.0/8\"]}");
    assert_int_equal(acmedns_json_register(body, strlen(body), &registration, &error), TXTD_EINVAL);
    assert_string_equal(error, ACMEDNS_ERROR_CIDR);

    char deep[16384];
    memset(deep, '[', sizeof deep);
    assert_int_equal(acmedns_json_register(deep, sizeof deep, &registration, &error), TXTD_EINVAL);
    assert_int_equal(acmedns_json_register(NULL, 0, &registration, &error), 0);
}

static void test_update(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int result;
        const char *subdomain, *value; /* NULL: not valid */
    } rows[] = {
        {"{\"subdomain\":\"" UUID "\",\"txt\":\"" VALUE "\"}", 0, UUID, VALUE},
        {"{\"SubDomain\":\"" UUID "\",\"Txt\":\"" VALUE "\"}", 0, UUID, VALUE},
        {" {\"a\":1, \"txt\":\"" VALUE "\", \"b\":{}, \"subdomain\":\"" UUID "\"} \n", 0, UUID, VALUE},
        {"{\"subdomain\":\"x\",\"txt\":\"" VALUE "\"}", 0, "x", VALUE},
        {"{\"subdomain\":\"" UUID "\"}", 0, UUID, NULL},
        {"{\"subdomain\":5,\"txt\":\"" VALUE "\"}", 0, "", VALUE},
        {"{\"subdomain\":\"" UUID "\",\"txt\":5}", 0, UUID, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":1234567890123456789012345678901234567890123}", 0, UUID, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":null}", 0, UUID, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":\"\"}", 0, UUID, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":\"" VALUE "x\"}", 0, UUID, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":\"__validation_token_received_from_the_ca___\"}", 0, UUID, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":\"__!validation_token_received_from_the_ca___\"}", 0, UUID, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":\"\xc3\xa4_validation_token_received_from_the_ca___\"}", 0, UUID, NULL},
        {"null", 0, "", NULL},
        {"{}", 0, "", NULL},
        {"", TXTD_EINVAL, NULL, NULL},
        {" ", TXTD_EINVAL, NULL, NULL},
        {"[]", TXTD_EINVAL, NULL, NULL},
        {"{\"subdomain\":\"" UUID "\",\"txt\":\"" VALUE "\"", TXTD_EINVAL, NULL, NULL},
        {"subdomain=" UUID "&txt=" VALUE, TXTD_EINVAL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct acmedns_update update;
        assert_int_equal(acmedns_json_update(rows[i].body, strlen(rows[i].body), &update), rows[i].result);
        if (rows[i].result != 0) {
            continue;
        }
        assert_string_equal(update.subdomain, rows[i].subdomain);
        assert_int_equal(update.subdomain_len, strlen(rows[i].subdomain));
        assert_int_equal(update.value_valid, rows[i].value != NULL);
        assert_string_equal(update.value, rows[i].value == NULL ? "" : rows[i].value);
    }
}

static void test_long_subdomain(void **state)
{
    (void)state;
    char body[512];
    struct acmedns_update update;
    (void)snprintf(body, sizeof body, "{\"subdomain\":\"%0*d\",\"txt\":\"" VALUE "\"}", ACMEDNS_SUBDOMAIN_MAX, 0);
    assert_int_equal(acmedns_json_update(body, strlen(body), &update), 0);
    assert_int_equal(update.subdomain_len, ACMEDNS_SUBDOMAIN_MAX);
    (void)snprintf(body, sizeof body, "{\"subdomain\":\"%0*d\",\"txt\":\"" VALUE "\"}", ACMEDNS_SUBDOMAIN_MAX + 1, 0);
    assert_int_equal(acmedns_json_update(body, strlen(body), &update), 0);
    assert_int_equal(update.subdomain_len, 0);
}

static void test_subdomain_names(void **state)
{
    (void)state;
    static const struct {
        const char *subdomain;
        bool names;
    } rows[] = {
        {UUID, true},
        {"8E5700EA-A4BF-41C7-8A77-E990661DCC6A", true},
        {UUID ".auth.example.org", true},
        {UUID ".auth.example.org.", true},
        {UUID ".AUTH.example.ORG", true},
        {UUID ".", false},
        {UUID ".auth.example.org..", false},
        {UUID ".auth.example.com", false},
        {UUID ".x.auth.example.org", false},
        {UUID "auth.example.org", false},
        {UUID "x", false},
        {"8e5700ea-a4bf-41c7-8a77-e990661dcc6b", false},
        {"8e5700eaa4bf41c78a77e990661dcc6a", false},
        {"", false},
    };
    struct delegate_id id;
    assert_int_equal(delegate_id_parse(UUID, strlen(UUID), &id), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (acmedns_subdomain_names(rows[i].subdomain, strlen(rows[i].subdomain), &id, "auth.example.org") !=
            rows[i].names) {
            fail_msg("%s", rows[i].subdomain);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register),       cmocka_unit_test(test_register_bounds), cmocka_unit_test(test_update),
        cmocka_unit_test(test_long_subdomain), cmocka_unit_test(test_subdomain_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
