/* The system call filter, each case in a process of its own: what must go on working, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/seccomp_filter.h"

#ifdef NDEBUG
#define STRICT false /* a call that is not on the list fails with EPERM */
#else
#define STRICT true /* it kills */
#endif

static void *thread_run(void *argument)
{
    return argument;
}

static int everyday_calls(void)
{
    pthread_t thread;
    void *result = NULL;
    int pair[2];
    char octets[8];
    if (pthread_create(&thread, NULL, thread_run, pair) != 0 || pthread_join(thread, &result) != 0 || result != pair) {
        return 1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || epoll_create1(0) < 0 || socket(AF_INET6, SOCK_DGRAM, 0) < 0) {
        return 2;
    }
    if (write(pair[0], "x", 1) != 1 || read(pair[1], octets, 1) != 1 || getrandom(octets, 8, 0) != 8) {
        return 3;
    }
    char file[] = "/tmp/test_seccomp.XXXXXX";
    int fd = mkstemp(file);
    if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 || unlink(file) != 0) {
        return 4;
    }
    return prctl(PR_SET_NAME, "txtd-test") == 0 && usleep(1) == 0 ? 0 : 5;
}

static int packet_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM ? 0 : 1;
}

static int another_port(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (const struct sockaddr *)&any, sizeof any) == 0 || errno != EPERM) {
        return 1;
    }
    return listen(fd, 1) < 0 && errno == EPERM ? 0 : 2; /* unbound it would get a port */
}

static int dumpable(void)
{
    return prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 && errno == EPERM ? 0 : 1;
}

static int other_program(void)
{
    (void)execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int other_process(void)
{
    return fork() == 0 ? 0 : 1;
}

static int mounting(void)
{
    return mount("none", "/nonexistent", "tmpfs", 0, NULL) == 0;
}

static int become_root(void)
{
    return setresuid(0, 0, 0);
}

/* What the case ends with under the filter: its exit status, or 128 + the signal. */
static int outcome(int (*call)(void))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error_detail detail;
        if (seccomp_filter_install(&detail) != 0) {
            _exit(99);
        }
        _exit(call());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_everyday_calls_work(void **state)
{
    (void)state;
    assert_int_equal(outcome(everyday_calls), 0);
}

static void test_deadly_calls_kill(void **state)
{
    (void)state;
    assert_int_equal(outcome(other_program), 128 + SIGSYS);
    assert_int_equal(outcome(mounting), 128 + SIGSYS);
    assert_int_equal(outcome(become_root), 128 + SIGSYS);
}

static void test_others_are_refused(void **state)
{
    int refused = STRICT ? 128 + SIGSYS : 0;
    (void)state;
    assert_int_equal(outcome(packet_socket), refused);
    assert_int_equal(outcome(another_port), refused);
#ifndef SECCOMP_FILTER_SANITIZER
    assert_int_equal(outcome(dumpable), refused);
    assert_int_equal(outcome(other_process), STRICT ? 128 + SIGSYS : 1);
#else
    (void)dumpable;
    (void)other_process;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everyday_calls_work),
        cmocka_unit_test(test_deadly_calls_kill),
        cmocka_unit_test(test_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
