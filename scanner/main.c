#include "lib/log.h"
#include "lib/stdfds.h"
#include "scanner/doctor.h"
#include "scanner/invocation.h"
#include "scanner/options.h"
#include "scanner/protocol.h"

#include <locale.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct options options;
    struct problem problem;
    int rc;

    setlocale(LC_ALL, "");
    log_init(SCAN_PROGRAM, LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
    if (stdfds_fill() < 0) {
        log_error("/dev/null cannot be opened in place of a standard descriptor that is closed");
        return SCAN_EXIT_ERROR;
    }
    options_parse(argc, argv, &options);
    if (options.doctor) {
        rc = doctor_run(stdout, options.json, &problem);
    } else {
        rc = invocation_run(&options, argc, argv, &problem);
    }
    options_done(&options);
    if (rc < 0) {
        log_error("%s", problem.text);
        return SCAN_EXIT_ERROR;
    }
    return rc;
}
