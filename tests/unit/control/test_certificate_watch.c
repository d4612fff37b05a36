/* What replaces a certificate: writing in place, renaming, and the exchange of a directory behind a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/certificate_watch.h"

static char directory[] = "/tmp/test_certificate_watch.XXXXXX";

static int enter(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : chdir(directory);
}

static int leave(void **state)
{
    static const char *const files[] = {"one/c", "one/k", "two/c", "two/k", "c", "k", "n", "..data", "..new"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlink(files[i]);
    }
    (void)rmdir("one");
    (void)rmdir("two");
    return chdir("/") != 0 ? -1 : rmdir(directory);
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

/* Seen once, and only once it has lasted for two looks. */
static void expect_one_change(struct certificate_watch *watch)
{
    assert_false(certificate_watch_look(watch));
    assert_true(certificate_watch_look(watch));
    assert_false(certificate_watch_look(watch));
    assert_false(certificate_watch_look(watch));
}

static void test_files(void **state)
{
    (void)state;
    struct certificate_watch watch;
    write_file("c", "certificate");
    write_file("k", "key");
    certificate_watch_begin(&watch, "c", "k");
    assert_false(certificate_watch_look(&watch));
    assert_false(certificate_watch_look(&watch));

    write_file("c", "a longer certificate");
    expect_one_change(&watch);
    write_file("n", "a longer certificate");
    assert_int_equal(rename("n", "c"), 0);
    expect_one_change(&watch);

    /* The two do not change in one moment: what lies between them is passed over. */
    write_file("k", "another key");
    assert_false(certificate_watch_look(&watch));
    write_file("c", "another certificate");
    expect_one_change(&watch);

    /* A file that is gone for a while. */
    assert_int_equal(rename("k", "n"), 0);
    for (int i = 0; i < 4; i++) {
        assert_false(certificate_watch_look(&watch));
    }
    write_file("k", "the key is back");
    expect_one_change(&watch);

    /* Back to what is in use before it has lasted: nothing to do. */
    assert_int_equal(rename("c", "n"), 0);
    assert_false(certificate_watch_look(&watch));
    certificate_watch_begin(&watch, "k", "k");
    assert_false(certificate_watch_look(&watch));
}

/* A mounted Secret: the files are links to ..data/NAME, and ..data is a link that is exchanged. */
static void test_kubernetes(void **state)
{
    (void)state;
    struct certificate_watch watch;
    (void)unlink("c");
    (void)unlink("k");
    assert_int_equal(mkdir("one", 0700), 0);
    assert_int_equal(mkdir("two", 0700), 0);
    write_file("one/c", "certificate");
    write_file("one/k", "key");
    write_file("two/c", "certificate");
    write_file("two/k", "key");
    assert_int_equal(symlink("one", "..data"), 0);
    assert_int_equal(symlink("..data/c", "c"), 0);
    assert_int_equal(symlink("..data/k", "k"), 0);
    certificate_watch_begin(&watch, "c", "k");
    assert_int_equal(symlink("two", "..new"), 0);
    assert_int_equal(rename("..new", "..data"), 0);
    expect_one_change(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_kubernetes)};
    return cmocka_run_group_tests(tests, enter, leave);
}
