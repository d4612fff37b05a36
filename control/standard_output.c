#include "control/standard_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool standard_output_finish(const char *program)
{
    bool failed = ferror(stdout) != 0; /* why is known no more */
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "%s: the output cannot be written: %s\n", program, strerror(errno));
        return false;
    }
    if (failed) {
        (void)fprintf(stderr, "%s: the output cannot be written\n", program);
    }
    return !failed;
}
