/* Where a path leads once links are followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/backup_path.h"

static const char *below(const char *root, const char *name)
{
    static char paths[2][128];
    static unsigned turn;
    char *path = paths[turn++ % 2];
    (void)snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static void links_are_followed(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool stays;
    } rows[] = {
        {"allowed", true},
        {"allowed/", true},
        {"allowed/there", true},
        {"allowed/new", true},
        {"allowed/new/", true},
        {"allowed/new/newer", true}, /* it will not be made: its parent must exist */
        {"allowed/inside", true},
        {"allowed/inside/new", true},
        {"allowed/outside", false},
        {"allowed/outside/", false},
        {"allowed/outside/new", false},
        {"allowed/sibling", false}, /* its letters begin with the allowed ones */
        {"allowed/sibling/new", false},
        {"allowed/loop", false},
    };
    char root[] = "/tmp/txtd-test-XXXXXX";
    assert_non_null(mkdtemp(root));
    static const char *const directories[] = {"allowed", "allowed/there", "allowed-too", "other"};
    static const char *const links[][2] = {{"there", "allowed/inside"},
                                           {"../other", "allowed/outside"},
                                           {"../allowed-too", "allowed/sibling"},
                                           {"loop", "allowed/loop"}};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        assert_int_equal(mkdir(below(root, directories[i]), 0700), 0);
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        assert_int_equal(symlink(links[i][0], below(root, links[i][1])), 0);
    }
    const char *missing = below(root, "missing");
    assert_true(backup_path_stays_inside(missing, below(root, "missing/new")));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (backup_path_stays_inside(below(root, "allowed"), below(root, rows[i].path)) != rows[i].stays) {
            fail_msg("%s", rows[i].path);
        }
    }
    assert_true(backup_path_stays_inside("/", below(root, "other")));
    for (size_t i = sizeof links / sizeof links[0]; i-- > 0;) {
        assert_int_equal(unlink(below(root, links[i][1])), 0);
    }
    for (size_t i = sizeof directories / sizeof directories[0]; i-- > 0;) {
        assert_int_equal(rmdir(below(root, directories[i])), 0);
    }
    assert_int_equal(rmdir(root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
