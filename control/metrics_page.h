/* metrics_page.h: Prometheus' text format, line by line. Only the metrics*.c files include this. */
#ifndef TXTD_CONTROL_METRICS_PAGE_H
#define TXTD_CONTROL_METRICS_PAGE_H

#include <stddef.h>
#include <stdint.h>

/* The text as far as it is written; `len` runs on when it does not fit. */
struct metrics_page {
    char *text;
    size_t capacity, len;
};

void metrics_print(struct metrics_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The head of a family of samples. `type` is counter, gauge or histogram. */
void metrics_family(struct metrics_page *page, const char *name, const char *type, const char *help);

/* A family of one sample. */
void metrics_single(struct metrics_page *page, const char *name, const char *type, const char *help, uint64_t number);

/* A sample with one label. Values are the program's, or checked: nothing is quoted here. */
void metrics_labelled(struct metrics_page *page, const char *name, const char *label, const char *value,
                      uint64_t number);

#endif
