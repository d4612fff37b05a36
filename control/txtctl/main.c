/* txtctl: the command line for people. */
#include <curl/curl.h>
#include <stdio.h>

#include "control/standard_output.h"
#include "control/txtctl/command.h"

/* A token or a script that got lost on the way is no success. */
static int finish(int status)
{
    return standard_output_finish("txtctl") ? status : (int)TXTCTL_FAILED;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = options_read(argc, argv, &options);
    if (status != -1) {
        return finish(status);
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fputs("txtctl: libcurl cannot be used\n", stderr);
        return TXTCTL_FAILED;
    }
    status = (int)options.command->run(&options);
    curl_global_cleanup();
    return finish(status);
}
