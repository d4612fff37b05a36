#include "control/metrics_page.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

void metrics_print(struct metrics_page *page, const char *format, ...)
{
    va_list args;
    bool fits = page->len < page->capacity;
    va_start(args, format);
    int len = vsnprintf(fits ? page->text + page->len : NULL, fits ? page->capacity - page->len : 0, format, args);
    va_end(args);
    page->len += len > 0 ? (size_t)len : 0;
}

void metrics_family(struct metrics_page *page, const char *name, const char *type, const char *help)
{
    metrics_print(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_single(struct metrics_page *page, const char *name, const char *type, const char *help, uint64_t number)
{
    metrics_family(page, name, type, help);
    metrics_print(page, "%s %llu\n", name, (unsigned long long)number);
}

void metrics_labelled(struct metrics_page *page, const char *name, const char *label, const char *value,
                      uint64_t number)
{
    metrics_print(page, "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)number);
}
