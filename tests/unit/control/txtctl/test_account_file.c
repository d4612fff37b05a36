/* The file with the accounts: whole or not at all, and for its owner alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/txtctl/account_file.h"

struct scene {
    char directory[64];
    char path[128];
};

static int begin(void **state)
{
    static struct scene scene;
    strcpy(scene.directory, "/tmp/txtctl-test.XXXXXX");
    if (mkdtemp(scene.directory) == NULL) {
        return -1;
    }
    (void)snprintf(scene.path, sizeof scene.path, "%s/accounts.json", scene.directory);
    *state = &scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    (void)unlink(scene->path);
    return rmdir(scene->directory); /* fails if anything else was left there */
}

static void add(const char *path, const char *domain, const char *fulldomain)
{
    struct account_file *file;
    struct error_detail detail = {""};
    assert_int_equal(account_file_open(path, &file, &detail), 0);
    assert_int_equal(json_object_set_new(account_file_accounts(file), domain,
                                         json_pack("{s:s, s:s, s:s, s:s}", "fulldomain", fulldomain, "subdomain", "s",
                                                   "username", "u", "password", "p")),
                     0);
    assert_int_equal(account_file_save(file, &detail), 0);
    account_file_close(file);
}

static void assert_account(const char *path, const char *domain, const char *fulldomain)
{
    json_t *account;
    struct error_detail detail = {""};
    assert_int_equal(account_file_read(path, domain, &account, &detail), 0);
    assert_string_equal(json_string_value(json_object_get(account, "fulldomain")), fulldomain);
    json_decref(account);
}

static void test_add_and_read(void **state)
{
    struct scene *scene = *state;
    struct stat status;
    add(scene->path, "example.com", "one");
    assert_account(scene->path, NULL, "one");
    assert_int_equal(stat(scene->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);

    assert_int_equal(chmod(scene->path, 0644), 0);
    add(scene->path, "example.org", "two");
    assert_int_equal(stat(scene->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_account(scene->path, "example.com", "one");
    assert_account(scene->path, "example.org", "two");
    assert_account(scene->path, "_acme-challenge.Example.ORG.", "two");
    assert_account(scene->path, "*.example.com", "one");

    json_t *account;
    struct error_detail detail = {""};
    assert_int_equal(account_file_read(scene->path, NULL, &account, &detail), TXTD_ENOTFOUND);
    assert_non_null(strstr(detail.text, "2 accounts"));
    assert_int_equal(account_file_read(scene->path, "example.net", &account, &detail), TXTD_ENOTFOUND);
    assert_non_null(strstr(detail.text, "example.net"));
}

static void test_not_saved_is_not_changed(void **state)
{
    struct scene *scene = *state;
    struct account_file *file;
    add(scene->path, "example.com", "one");
    assert_int_equal(account_file_open(scene->path, &file, NULL), 0);
    assert_int_equal(json_object_clear(account_file_accounts(file)), 0);
    account_file_close(file);
    assert_account(scene->path, "example.com", "one");
}

static void test_symbolic_link_stays(void **state)
{
    struct scene *scene = *state;
    char link[160];
    struct stat status;
    (void)snprintf(link, sizeof link, "%s/link", scene->directory);
    add(scene->path, "example.com", "one");
    assert_int_equal(symlink(scene->path, link), 0);
    add(link, "example.org", "two");
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_account(scene->path, "example.org", "two");
    assert_int_equal(unlink(link), 0);
}

static void test_damaged_is_left_alone(void **state)
{
    struct scene *scene = *state;
    static const char *const damaged[] = {"", "{", "[]", "{\"a\":1}}", "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct account_file *file;
        struct error_detail detail = {""};
        char text[64];
        FILE *stream = fopen(scene->path, "w");
        assert_non_null(stream);
        assert_true(fputs(damaged[i], stream) >= 0);
        assert_int_equal(fclose(stream), 0);
        assert_int_equal(account_file_open(scene->path, &file, &detail), TXTD_EINVAL);
        assert_non_null(strstr(detail.text, "accounts.json:"));
        stream = fopen(scene->path, "r");
        assert_non_null(stream);
        size_t len = fread(text, 1, sizeof text, stream);
        assert_int_equal(fclose(stream), 0);
        assert_int_equal(len, strlen(damaged[i]));
    }
}

/* What stands under a domain is no account: said of that domain, and no hindrance for the others. */
static void test_no_account(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{\"example.com\":5}", "under \"example.com\" is no account"},
        {"{\"example.com\":[]}", "under \"example.com\" is no account"},
        {"{\"username\":\"u\"}", "under \"username\" is no account"},
        {"{\"example.com\":{}}", "under \"example.com\" has no \"username\""},
        {"{\"example.com\":{\"username\":\"u\",\"password\":7}}", "has no \"password\""},
        {"{\"example.com\":{\"username\":\"u\",\"password\":\"\"}}", "has no \"password\""},
        {"{\"example.com\":{\"username\":\"u\",\"password\":\"p\",\"fulldomain\":\"f\"}}", "has no \"subdomain\""},
        {"{\"example.com\":{\"username\":\"u\",\"password\":\"p\",\"fulldomain\":\"f\",\"subdomain\":\"s\","
         "\"server_url\":1}}",
         "\"server_url\" under \"example.com\" is no text"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *account = NULL;
        struct error_detail detail = {""};
        FILE *stream = fopen(scene->path, "w");
        assert_non_null(stream);
        assert_true(fputs(rows[i].text, stream) >= 0);
        assert_int_equal(fclose(stream), 0);
        assert_int_equal(account_file_read(scene->path, NULL, &account, &detail), TXTD_EINVAL);
        if (strstr(detail.text, rows[i].error) == NULL || strstr(detail.text, scene->path) == NULL) {
            fail_msg("%s: \"%s\"", rows[i].text, detail.text);
        }
        assert_null(account);
        add(scene->path, "example.org", "one");
        assert_account(scene->path, "example.org", "one");
    }
}

static void test_no_such_place(void **state)
{
    struct scene *scene = *state;
    struct account_file *file;
    struct error_detail detail = {""};
    json_t *account;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/no/accounts.json", scene->directory);
    assert_int_equal(account_file_open(path, &file, &detail), TXTD_ESYS);
    assert_int_equal(account_file_read(path, NULL, &account, &detail), TXTD_ENOTFOUND);
    assert_non_null(strstr(detail.text, "txtctl register"));
}

static void test_domain(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        const char *name;
    } rows[] = {{"example.com", "example.com"},
                {"example.com.", "example.com"},
                {"*.example.com", "example.com"},
                {"_acme-challenge.example.com.", "example.com"},
                {"_ACME-challenge.example.com", "example.com"},
                {"a.*.com", "a.*.com"},
                {".", "."}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len;
        const char *name = account_file_domain(rows[i].given, &len);
        assert_int_equal(len, strlen(rows[i].name));
        assert_memory_equal(name, rows[i].name, len);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_add_and_read),
        TEST(test_not_saved_is_not_changed),
        TEST(test_symbolic_link_stays),
        TEST(test_damaged_is_left_alone),
        TEST(test_no_account),
        TEST(test_no_such_place),
        TEST(test_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
