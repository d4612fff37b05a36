#include "control/config_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A list of blocks; a configuration has a few hundred. */
struct block {
    struct block *next;
    size_t octets;
    max_align_t data[];
};

struct config_memory {
    struct block *blocks;
};

struct config_memory *config_memory_new(void)
{
    return calloc(1, sizeof(struct config_memory));
}

void config_memory_free(struct config_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (struct block *block = memory->blocks; block != NULL;) {
        struct block *next = block->next;
        explicit_bzero(block->data, block->octets); /* tokens and cookie secrets are among them */
        free(block);
        block = next;
    }
    free(memory);
}

void *config_alloc(struct config_memory *memory, size_t count, size_t size)
{
    size_t octets;
    if (__builtin_mul_overflow(count, size, &octets) || octets > SIZE_MAX / 2) {
        return NULL;
    }
    struct block *block = calloc(1, sizeof *block + (octets == 0 ? 1 : octets));
    if (block == NULL) {
        return NULL;
    }
    block->next = memory->blocks;
    block->octets = octets;
    memory->blocks = block;
    return block->data;
}

char *config_text(struct config_memory *memory, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = len < 0 ? NULL : config_alloc(memory, (size_t)len + 1, 1);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    va_end(args);
    return text;
}

static int read_all(int fd, char *text, size_t capacity, size_t *len)
{
    *len = 0;
    while (*len < capacity) {
        ssize_t got = read(fd, text + *len, capacity - *len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -1 : 0;
        }
        *len += (size_t)got;
    }
    return 0;
}

int config_read_file(struct config_memory *memory, const char *file, size_t max, char **text, size_t *len,
                     struct error_detail *detail)
{
    struct stat status;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not make us wait */
    if (fd < 0) {
        return error_describe(detail, errno == ENOENT ? TXTD_ENOTFOUND : TXTD_ESYS, "%s: cannot be opened: %s", file,
                              strerror(errno));
    }
    int rc = 0;
    char *room = NULL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        rc = error_describe(detail, TXTD_EINVAL, "%s: is not a regular file", file);
    } else if (status.st_size < 0 || (size_t)status.st_size > max) {
        rc = error_describe(detail, TXTD_EINVAL, "%s: is longer than %zu octets", file, max);
    } else if ((room = config_alloc(memory, (size_t)status.st_size + 1, 1)) == NULL) {
        rc = error_describe(detail, TXTD_ENOMEM, "%s: %s", file, txtd_error_text(TXTD_ENOMEM));
    } else if (read_all(fd, room, (size_t)status.st_size, len) != 0) {
        rc = error_describe(detail, TXTD_ESYS, "%s: cannot be read: %s", file, strerror(errno));
    } else {
        *text = room;
    }
    close(fd);
    return rc;
}

int config_refuse(const struct config_reader *reader, const char *path, const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return error_describe(reader->detail, TXTD_EINVAL, "%s:%zu: %s: %s", reader->file,
                          config_document_line(reader->document, path), path, what);
}

int config_no_memory(const struct config_reader *reader)
{
    return error_describe(reader->detail, TXTD_ENOMEM, "%s: %s", reader->file, txtd_error_text(TXTD_ENOMEM));
}
