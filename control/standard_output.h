/* standard_output.h: whether what a program has printed has arrived. */
#ifndef TXTD_CONTROL_STANDARD_OUTPUT_H
#define TXTD_CONTROL_STANDARD_OUTPUT_H

#include <stdbool.h>

/* Writes out what is still in the buffer. Returns false when that or an earlier write has failed, on a full disk for instance, and says
 * so on standard error in the name of `program`. Main thread, at the end. */
bool standard_output_finish(const char *program);

#endif
