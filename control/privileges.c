#include "control/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "control/config_units.h"

/* getpwnam and getgrnam keep their answer in a static buffer: fine at start-up, with one thread. */

static int find_user(const char *user, struct privileges_identity *identity, struct error_detail *detail)
{
    uint64_t number;
    const struct passwd *entry = getpwnam(user);
    if (entry != NULL) {
        identity->uid = entry->pw_uid;
        identity->gid = entry->pw_gid;
        return 0;
    }
    if (config_parse_number(user, &number) != 0 || number > UINT32_MAX - 1) {
        return error_describe(detail, TXTD_ENOTFOUND,
                              "process.user: there is no user %s; make it (adduser --system %s)", user, user);
    }
    identity->uid = identity->gid = (uid_t)number;
    return 0;
}

static int find_group(const char *group, struct privileges_identity *identity, struct error_detail *detail)
{
    uint64_t number;
    const struct group *entry = getgrnam(group);
    if (entry != NULL) {
        identity->gid = entry->gr_gid;
        return 0;
    }
    if (config_parse_number(group, &number) != 0 || number > UINT32_MAX - 1) {
        return error_describe(detail, TXTD_ENOTFOUND,
                              "process.group: there is no group %s; make it (addgroup --system %s)", group, group);
    }
    identity->gid = (gid_t)number;
    return 0;
}

int privileges_identity_find(const char *user, const char *group, struct privileges_identity *identity,
                             struct error_detail *detail)
{
    int rc = 0;
    *identity = (struct privileges_identity){.uid = geteuid(), .gid = getegid()};
    if (user != NULL) {
        rc = find_user(user, identity, detail);
    }
    if (rc == 0 && group != NULL) {
        rc = find_group(group, identity, detail);
    }
    if (rc != 0) {
        return rc;
    }
    identity->change = identity->uid != geteuid() || identity->gid != getegid();
    if (identity->change && geteuid() != 0) {
        return error_describe(
            detail, TXTD_EFORBIDDEN,
            "process.user: only root can become user %u, group %u; start txtd as root or as that user",
            (unsigned)identity->uid, (unsigned)identity->gid);
    }
    return 0;
}

static int failed(const char *what, struct error_detail *detail)
{
    return error_describe(detail, TXTD_ESYS, "privileges cannot be dropped: %s: %s", what, strerror(errno));
}

int privileges_drop(const struct privileges_identity *identity, struct error_detail *detail)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return failed("no_new_privs", detail);
    }
    if (capng_get_caps_process() != 0) {
        return failed("reading capabilities", detail);
    }
    /* Shrinking the bounding set takes CAP_SETPCAP; without it no_new_privs has to do (nothing can be gained by exec). */
    bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
    capng_clear(CAPNG_SELECT_ALL);
    if (identity->change) {
        capng_flags_t flags = CAPNG_DROP_SUPP_GRP | (bounding ? CAPNG_CLEAR_BOUNDING : CAPNG_NO_FLAG);
        if (capng_change_id((int)identity->uid, (int)identity->gid, flags) != 0) {
            return failed("becoming another user", detail);
        }
    } else if (capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0) {
        return failed("capabilities", detail);
    }
    if (identity->change && setresuid((uid_t)-1, 0, (uid_t)-1) == 0 && identity->uid != 0) {
        errno = 0;
        return failed("root could be had back", detail);
    }
    return 0;
}
