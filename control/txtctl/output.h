/* output.h: what commands print: results, and what went wrong. One thread. */
#ifndef TXTD_CONTROL_TXTCTL_OUTPUT_H
#define TXTD_CONTROL_TXTCTL_OUTPUT_H

#include <jansson.h>

#include "control/txtctl/options.h"
#include "dataplane/error.h"

/* Says the detail on standard error. Returns TXTCTL_FAILED. */
enum txtctl_status output_failed(const struct error_detail *detail);

/* The member `name` of an object as text; "" when it is missing or no string. Belongs to the object. Pure. */
const char *output_member(const json_t *object, const char *name);

/* Prints it on standard output, indented. */
void output_json(const json_t *json);

/* Prints text that strangers have chosen: control characters as '?', so that it cannot talk to the terminal. */
void output_foreign(const char *text);

#endif
