/* error.h: the one way in which a function of txtd fails.
 *
 * A function that can fail returns 0, or one of these negative codes. Where an operator has to act, the function
 * also fills a struct error_detail with one line that names the thing and says what to do; only `control` prints it.
 */
#ifndef TXTD_DATAPLANE_ERROR_H
#define TXTD_DATAPLANE_ERROR_H

enum txtd_error {
    TXTD_OK = 0,
    TXTD_EINVAL = -1,       /* an argument or an input breaks a rule */
    TXTD_ENOMEM = -2,       /* the system gave no memory */
    TXTD_ENOTFOUND = -3,    /* no such thing */
    TXTD_EEXISTS = -4,      /* such a thing is there already */
    TXTD_ECONFLICT = -5,    /* the thing changed since it was read */
    TXTD_EFULL = -6,        /* a bound was reached; try again later */
    TXTD_ETRUNCATED = -7,   /* the bytes end before the thing they hold, or the room for an answer does */
    TXTD_ECORRUPT = -8,     /* stored bytes do not decode */
    TXTD_EUNSUPPORTED = -9, /* written by a newer txtd, or not built in */
    TXTD_EIO = -10,         /* the disk failed */
    TXTD_ENOSPC = -11,      /* free space is below the reserve */
    TXTD_ESYS = -12,        /* a system call failed */
    TXTD_EFORBIDDEN = -13,  /* the caller may not */
    TXTD_ECLOSED = -14,     /* the thing is shutting down */
    TXTD_ETIMEOUT = -15,    /* it took longer than it may */
    TXTD_ELIMITED = -16,    /* this caller asks too often; others may go on */
    TXTD_EUNDECIDED = -17,  /* it takes slower work first, which the function names */
    TXTD_EQUOTA = -18,      /* there are as many as there may be, and no waiting changes that */
};

/* One line for the operator, without a newline; whole characters of UTF-8. */
struct error_detail {
    char text[512];
};

/* The fixed text of a code, never NULL. Any thread. */
const char *txtd_error_text(int code);

/* Fills `detail` (which may be NULL) as printf does, cutting what does not fit and leaving out what is no whole character of UTF-8 (a
 * part cut by "%.200s", say), and returns `code`,
 * so that a failing function can say `return error_describe(detail, TXTD_EINVAL, "...")`. Any thread. */
int error_describe(struct error_detail *detail, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
