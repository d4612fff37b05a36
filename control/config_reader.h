/* config_reader.h: what the steps of checking share: where an error stands, and the memory of the configuration.
 *
 * One reader lives during one config_load, on one thread.
 */
#ifndef TXTD_CONTROL_CONFIG_READER_H
#define TXTD_CONTROL_CONFIG_READER_H

#include <stddef.h>

#include "control/config_document.h"
#include "dataplane/error.h"

struct config_memory;

struct config_reader {
    const char *file;
    const struct config_document *document;
    struct config_memory *memory;
    struct error_detail *detail;
};

/* Memory that is freed as a whole. config_memory_new returns NULL when there is none. */
struct config_memory *config_memory_new(void);
void config_memory_free(struct config_memory *memory);

/* `count` zeroed things of `size` octets (never zero octets), or NULL. */
void *config_alloc(struct config_memory *memory, size_t count, size_t size);

/* A string made as printf does, or NULL. */
char *config_text(struct config_memory *memory, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads a whole file of at most `max` octets as a string. Returns 0, TXTD_EINVAL, TXTD_ENOTFOUND, TXTD_ESYS or TXTD_ENOMEM with
 * a `detail` that names the file. */
int config_read_file(struct config_memory *memory, const char *file, size_t max, char **text, size_t *len,
                     struct error_detail *detail);

/* Fails: fills the detail with "<file>:<line>: <path>: <what>" and returns TXTD_EINVAL. */
int config_refuse(const struct config_reader *reader, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fails for want of memory. */
int config_no_memory(const struct config_reader *reader);

#endif
