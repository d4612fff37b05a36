#include "control/api_path.h"

#include <string.h>
#include <strings.h>

/* RFC 9112 section 3.2.2: a target in absolute form must be understood. The path begins behind scheme and authority. */
static size_t path_start(struct http_text text)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i]);
        if (text.len >= len && strncasecmp(text.data, schemes[i], len) == 0) {
            const char *slash = memchr(text.data + len, '/', text.len - len);
            return slash == NULL ? text.len : (size_t)(slash - text.data);
        }
    }
    return 0;
}

int api_path_cut(struct http_text text, struct api_path *path)
{
    memset(path, 0, sizeof *path);
    for (size_t at = path_start(text); at < text.len;) {
        const char *slash = memchr(text.data + at, '/', text.len - at);
        size_t end = slash == NULL ? text.len : (size_t)(slash - text.data);
        if (end > at) {
            if (path->count == API_PATH_SEGMENTS_MAX) {
                return TXTD_EINVAL;
            }
            path->segments[path->count++] = (struct http_text){text.data + at, end - at};
        }
        at = end + 1;
    }
    return 0;
}

bool http_text_is(struct http_text text, const char *string)
{
    return text.data != NULL && text.len == strlen(string) && memcmp(text.data, string, text.len) == 0;
}

bool api_path_take(struct api_path *path, const char *name)
{
    if (path->at == path->count || !http_text_is(path->segments[path->at], name)) {
        return false;
    }
    path->at++;
    return true;
}

struct http_text api_path_take_any(struct api_path *path)
{
    return path->at == path->count ? (struct http_text){NULL, 0} : path->segments[path->at++];
}

bool api_path_ends(const struct api_path *path, const char *name)
{
    return path->at + 1 == path->count && http_text_is(path->segments[path->at], name);
}

unsigned api_path_left(const struct api_path *path)
{
    return path->count - path->at;
}
