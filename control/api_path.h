/* api_path.h: a request's path cut into segments.
 *
 * Empty segments do not count, so "//update" and "/update/" are "/update": clients join a base URL and a path carelessly, and
 * few follow a redirect of a POST. Pure.
 */
#ifndef TXTD_CONTROL_API_PATH_H
#define TXTD_CONTROL_API_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "control/http_server.h"

#define API_PATH_SEGMENTS_MAX 8

struct api_path {
    struct http_text segments[API_PATH_SEGMENTS_MAX]; /* into the path that was cut */
    unsigned count;
    unsigned at; /* segments before it are dealt with */
};

/* Cuts. Returns 0, or TXTD_EINVAL for more segments than any path of ours has. */
int api_path_cut(struct http_text text, struct api_path *path);

/* If the next segment is `name`, steps over it. */
bool api_path_take(struct api_path *path, const char *name);

/* Steps over the next segment and returns it, or an absent text at the end. */
struct http_text api_path_take_any(struct api_path *path);

/* If the last segment is next and is `name`. */
bool api_path_ends(const struct api_path *path, const char *name);

/* Segments that are left. */
unsigned api_path_left(const struct api_path *path);

/* Whether a text is exactly `string`. */
bool http_text_is(struct http_text text, const char *string);

#endif
