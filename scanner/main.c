#include "lib/log.h"
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
