#include "control/openapi.h"

/* The build depends on the file (CMakeLists.txt). */
__asm__(".pushsection .rodata, \"a\"\n"
        "openapi_begin: .incbin \"" OPENAPI_JSON "\"\n"
        "openapi_end:\n"
        ".popsection\n");

extern const char openapi_begin[], openapi_end[];

const char *openapi_document(size_t *len)
{
    *len = (size_t)(openapi_end - openapi_begin);
    return openapi_begin;
}
