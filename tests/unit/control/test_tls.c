/* Certificates: made, loaded, refused, reloaded. Handshakes are tested end to end with other people's clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/tls.h"

struct files {
    char directory[32];
    char certificate[64], key[64], other_certificate[64], other_key[64];
};

static int setup(void **state)
{
    static struct files files;
    strcpy(files.directory, "/tmp/txtd-test-tls-XXXXXX");
    assert_non_null(mkdtemp(files.directory));
    (void)snprintf(files.certificate, sizeof files.certificate, "%s/a.pem", files.directory);
    (void)snprintf(files.key, sizeof files.key, "%s/a.key", files.directory);
    (void)snprintf(files.other_certificate, sizeof files.other_certificate, "%s/b.pem", files.directory);
    (void)snprintf(files.other_key, sizeof files.other_key, "%s/b.key", files.directory);
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    struct error_detail detail = {""};
    assert_int_equal(tls_self_made(files.certificate, files.key, names, 3, 30, &detail), 0);
    assert_int_equal(tls_self_made(files.other_certificate, files.other_key, names, 3, 60, &detail), 0);
    *state = &files;
    return 0;
}

static int teardown(void **state)
{
    struct files *files = *state;
    (void)unlink(files->certificate);
    (void)unlink(files->key);
    (void)unlink(files->other_certificate);
    (void)unlink(files->other_key);
    return rmdir(files->directory);
}

static void self_made_is_good_and_private(void **state)
{
    struct files *files = *state;
    struct tls_context *tls = NULL;
    struct error_detail detail = {""};
    assert_int_equal(tls_context_new(files->certificate, files->key, &tls, &detail), 0);
    int64_t days_left = (tls_context_not_after_s(tls) - time(NULL) + 43200) / 86400;
    assert_int_equal(days_left, 30);
    tls_context_free(tls);
    struct stat status;
    assert_int_equal(stat(files->key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    static const char *const names[] = {"localhost"};
    assert_int_equal(tls_self_made(files->certificate, files->key, names, 1, 30, &detail),
                     TXTD_ESYS); /* never overwrites */
    static const char *const bad[] = {"a,DNS:b"};
    assert_int_equal(tls_self_made("/nonexistent/a", "/nonexistent/b", bad, 1, 30, &detail), TXTD_EINVAL);
}

/* A kill when the key has its name and the certificate has not, and one before either has. */
static void what_a_kill_left_is_finished(void **state)
{
    struct files *files = *state;
    static const char *const names[] = {"localhost"};
    char new_certificate[80], new_key[80];
    struct tls_context *tls = NULL;
    struct error_detail detail = {""};
    (void)snprintf(new_certificate, sizeof new_certificate, "%s.new", files->certificate);
    (void)snprintf(new_key, sizeof new_key, "%s.new", files->key);
    assert_int_not_equal(access(new_certificate, F_OK), 0);
    assert_int_not_equal(access(new_key, F_OK), 0);
    assert_false(tls_self_made_finish(files->certificate, files->key)); /* nothing is missing */

    assert_int_equal(rename(files->certificate, new_certificate), 0);
    assert_int_equal(link(files->key, new_key), 0);
    assert_true(tls_self_made_finish(files->certificate, files->key));
    assert_int_equal(tls_context_new(files->certificate, files->key, &tls, &detail), 0);
    tls_context_free(tls);
    assert_int_not_equal(access(new_certificate, F_OK), 0);
    assert_int_not_equal(access(new_key, F_OK), 0);

    assert_int_equal(unlink(files->certificate), 0); /* somebody took it away: none is made up for it */
    assert_false(tls_self_made_finish(files->certificate, files->key));
    assert_int_not_equal(access(files->certificate, F_OK), 0);

    assert_int_equal(rename(files->key, new_key), 0);
    assert_false(tls_self_made_finish(files->certificate, files->key));
    assert_int_not_equal(access(new_key, F_OK), 0);
    assert_int_equal(tls_self_made(files->certificate, files->key, names, 1, 30, &detail), 0);
}

static void refuse(const char *certificate, const char *key, int code, const char *part)
{
    struct tls_context *tls = NULL;
    struct error_detail detail = {""};
    assert_int_equal(tls_context_new(certificate, key, &tls, &detail), code);
    if (strstr(detail.text, part) == NULL) {
        fail_msg("'%s' is not in: %s", part, detail.text);
    }
}

static void names_what_is_wrong(void **state)
{
    struct files *files = *state;
    refuse("/nonexistent.pem", files->key, TXTD_ESYS, "/nonexistent.pem: No such file");
    refuse(files->key, files->key, TXTD_EINVAL, "no chain of PEM certificates");
    refuse(files->certificate, files->certificate, TXTD_EINVAL, "no PEM private key");
    refuse(files->certificate, files->other_key, TXTD_EINVAL, "does not belong to");
    refuse("/dev/null", files->key, TXTD_EINVAL, "/dev/null");
}

static void reload_keeps_the_old_when_the_new_is_bad(void **state)
{
    struct files *files = *state;
    struct tls_context *tls = NULL;
    struct error_detail detail = {""};
    assert_int_equal(tls_context_new(files->certificate, files->key, &tls, &detail), 0);
    int64_t before = tls_context_not_after_s(tls);
    assert_int_equal(rename(files->other_certificate, files->certificate), 0);
    assert_int_equal(tls_context_reload(tls, &detail), TXTD_EINVAL);
    assert_int_equal(tls_context_not_after_s(tls), before);
    assert_int_equal(rename(files->other_key, files->key), 0);
    assert_int_equal(tls_context_reload(tls, &detail), 0);
    assert_true(tls_context_not_after_s(tls) > before);
    tls_context_free(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(self_made_is_good_and_private, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_kill_left_is_finished, setup, teardown),
        cmocka_unit_test_setup_teardown(names_what_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(reload_keeps_the_old_when_the_new_is_bad, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
