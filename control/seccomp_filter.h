/* seccomp_filter.h: lets the process make only the system calls that it needs.
 *
 * A call that is not on the list fails with EPERM and is reported to the audit log; in debug builds, and in the program that the
 * end-to-end tests run (SECCOMP_FILTER_STRICT), it kills the process, so that a call that is missing from the list is found
 * there and not by an operator. What only an intruder would call (execve, a new process, ptrace, mount, bpf, modules ...) kills in every build.
 */
#ifndef TXTD_CONTROL_SECCOMP_FILTER_H
#define TXTD_CONTROL_SECCOMP_FILTER_H

#include "dataplane/error.h"

/* Sanitizers look at the process in ways that the filter would not let through: for them it is wider. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SECCOMP_FILTER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SECCOMP_FILTER_SANITIZER 1
#endif
#endif

/* Installs the filter for this thread and all that it will start; and sets no_new_privs. Start-up thread, the only one of the
 * process. Returns 0 or TXTD_ESYS with a `detail`. */
int seccomp_filter_install(struct error_detail *detail);

#endif
