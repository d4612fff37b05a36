#include "control/txtctl/operator_token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Finds the first token, as the daemon reads such a file: blanks around it and what stands behind '#' do not count. Returns
 * where in *line it stands, NUL-terminated, or NULL. */
static char *find_token(FILE *stream, char **line, size_t *capacity)
{
    while (getline(line, capacity, stream) >= 0) {
        char *token = *line + strspn(*line, " \t");
        token[strcspn(token, " \t\r\n#")] = '\0';
        if (*token != '\0') {
            return token;
        }
    }
    return NULL;
}

int operator_token_read(const char *path, char token[OPERATOR_TOKEN_MAX + 1], struct error_detail *detail)
{
    char *line = NULL;
    size_t capacity = 0;
    if (path == NULL) {
        return error_describe(detail, TXTD_EINVAL,
                              "this is the operator's: give the file with the token, --token-file");
    }
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return error_describe(detail, TXTD_ESYS, "%s: %s", path, strerror(errno));
    }
    int result = 0;
    const char *found = find_token(stream, &line, &capacity);
    if (ferror(stream) != 0) {
        result = error_describe(detail, TXTD_ESYS, "%s: %s", path, strerror(errno));
    } else if (found == NULL || strlen(found) > OPERATOR_TOKEN_MAX) {
        result = error_describe(detail, TXTD_EINVAL, "%s: there is no token in it", path);
    } else {
        memcpy(token, found, strlen(found) + 1);
    }
    if (line != NULL) {
        explicit_bzero(line, capacity);
    }
    free(line);
    (void)fclose(stream);
    return result;
}
