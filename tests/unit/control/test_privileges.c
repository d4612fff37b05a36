/* Dropping privileges, each case in a process of its own. Needs root, as the whole suite does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cap-ng.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/privileges.h"

#define NOBODY 65534

static int run_child(int (*check)(void))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(check());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0 when nothing is left that txtd should not have. */
static int left_over(void)
{
    if (capng_get_caps_process() != 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
        return 10;
    }
    if (capng_have_capabilities(CAPNG_SELECT_BOUNDS) != CAPNG_NONE) {
        return 11;
    }
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 12;
}

static int drop_to_nobody(void)
{
    struct privileges_identity identity;
    struct error_detail detail;
    gid_t groups[] = {0, 1, 2};
    if (setgroups(3, groups) != 0 || privileges_identity_find("nobody", NULL, &identity, &detail) != 0 ||
        !identity.change || privileges_drop(&identity, &detail) != 0) {
        return 1;
    }
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) != 0 || real != NOBODY || effective != NOBODY || saved != NOBODY) {
        return 2;
    }
    return getgid() != NOBODY || getgroups(3, groups) != 0 || setresuid(0, 0, 0) == 0 ? 3 : left_over();
}

static int stay_root(void)
{
    struct privileges_identity identity;
    struct error_detail detail;
    if (privileges_identity_find(NULL, NULL, &identity, &detail) != 0 || identity.change ||
        privileges_drop(&identity, &detail) != 0) {
        return 1;
    }
    return getuid() != 0 || chroot("/") == 0 ? 2 : left_over();
}

static int drop_without_being_root(void)
{
    struct privileges_identity identity;
    struct error_detail detail = {""};
    if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        return 1;
    }
    if (privileges_identity_find("root", NULL, &identity, &detail) != TXTD_EFORBIDDEN || detail.text[0] == '\0') {
        return 2;
    }
    if (privileges_identity_find("nobody", NULL, &identity, &detail) != 0 || identity.change) {
        return 3;
    }
    return privileges_drop(&identity, &detail);
}

static void test_children(void **state)
{
    (void)state;
    assert_int_equal(run_child(drop_to_nobody), 0);
    assert_int_equal(run_child(stay_root), 0);
    assert_int_equal(run_child(drop_without_being_root), 0);
}

static void test_find(void **state)
{
    struct privileges_identity identity;
    struct error_detail detail = {""};
    (void)state;
    assert_int_equal(privileges_identity_find("12345", "nogroup", &identity, &detail), 0);
    assert_true(identity.change && identity.uid == 12345 && identity.gid == NOBODY);
    assert_int_equal(privileges_identity_find("no-such-user", NULL, &identity, &detail), TXTD_ENOTFOUND);
    assert_non_null(strstr(detail.text, "no-such-user"));
    assert_int_equal(privileges_identity_find("nobody", "no-such-group", &identity, &detail), TXTD_ENOTFOUND);
    assert_int_equal(privileges_identity_find("4294967295", NULL, &identity, &detail), TXTD_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_children)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
