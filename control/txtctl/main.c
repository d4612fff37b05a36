/* txtctl: the command line for people. */
#include <curl/curl.h>
#include <stdio.h>

#include "control/txtctl/command.h"

int main(int argc, char **argv)
{
    struct options options;
    int status = options_read(argc, argv, &options);
    if (status != -1) {
        return status;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fputs("txtctl: libcurl cannot be used\n", stderr);
        return TXTCTL_FAILED;
    }
    status = (int)options.command->run(&options);
    curl_global_cleanup();
    return status;
}
