#include "dataplane/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

/* The octets of the UTF-8 character at `text`, which ends in a NUL; 0: there is none, or not the whole of one. RFC 3629, section 4. */
static size_t character_len(const uint8_t *text)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, len;
    } rows[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (text[0] < rows[i].first_min || text[0] > rows[i].first_max) {
            continue;
        }
        size_t at = 1;
        for (; at < rows[i].len; at++) {
            if (text[at] < (at == 1 ? rows[i].second_min : 0x80) || text[at] > (at == 1 ? rows[i].second_max : 0xbf)) {
                return 0;
            }
        }
        return at;
    }
    return 0;
}

/* Drops what is no whole character: the half of one where the text was cut, or a name was before. JSON takes nothing else. */
static void keep_characters(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        size_t len = character_len((const uint8_t *)from);
        memmove(to, from, len);
        to += len;
        from += len == 0 ? 1 : len;
    }
    *to = '\0';
}

int error_describe(struct error_detail *detail, int code, const char *format, ...)
{
    if (detail != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(detail->text, sizeof detail->text, format, args);
        va_end(args);
        keep_characters(detail->text);
    }
    return code;
}
