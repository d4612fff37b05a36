/* xdp_skip.h: what a test of AF_XDP says on a machine that cannot run it. */
#ifndef TXTD_TESTS_XDP_SKIP_H
#define TXTD_TESTS_XDP_SKIP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XDP_TEST_SKIPPED 77 /* what CMakeLists.txt tells ctest */

/* The exit status: a failure, unless TXTD_SKIP_XDP=1 says that this machine is known not to have it. errno says why. */
static inline int xdp_test_cannot_run(const char *what)
{
    const char *reason = strerror(errno);
    const char *skip = getenv("TXTD_SKIP_XDP");
    if (skip != NULL && strcmp(skip, "1") == 0) {
        (void)printf("skipped, for TXTD_SKIP_XDP is set: %s (%s)\n", what, reason);
        return XDP_TEST_SKIPPED;
    }
    (void)fprintf(stderr, "%s (%s); as root, or with TXTD_SKIP_XDP=1 to skip\n", what, reason);
    return 1;
}

#endif
