#include "dataplane/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *txtd_error_text(int code)
{
    switch ((enum txtd_error)code) {
    case TXTD_OK: return "success";
    case TXTD_EINVAL: return "invalid input";
    case TXTD_ENOMEM: return "out of memory";
    case TXTD_ENOTFOUND: return "not found";
    case TXTD_EEXISTS: return "already there";
    case TXTD_ECONFLICT: return "changed meanwhile";
    case TXTD_EFULL: return "limit reached";
    case TXTD_ETRUNCATED: return "ends too early";
    case TXTD_ECORRUPT: return "stored data is corrupt";
    case TXTD_EUNSUPPORTED: return "not supported";
    case TXTD_EIO: return "input/output error";
    case TXTD_ENOSPC: return "not enough free space";
    case TXTD_ESYS: return "system call failed";
    case TXTD_EFORBIDDEN: return "forbidden";
    case TXTD_ECLOSED: return "shutting down";
    case TXTD_ETIMEOUT: return "timed out";
    case TXTD_ELIMITED: return "asks too often";
    case TXTD_EUNDECIDED: return "not decided yet";
    case TXTD_EQUOTA: return "as many as there may be";
    }
    return "unknown error";
}

int error_describe(struct error_detail *detail, int code, const char *format, ...)
{
    if (detail != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(detail->text, sizeof detail->text, format, args);
        va_end(args);
    }
    return code;
}
