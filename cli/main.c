/* leastport VERB ARGS: hands over to the program that the verb belongs to. Holds no logic of its own. */
#include "cli/verbs.h"
#include "lib/log.h"
#include "lib/sibling.h"
#include "lib/stdfds.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLI_EXIT_ERROR = 2 };

static void cli_print_help(FILE *stream)
{
    size_t count;
    const struct verb *verbs = verb_table(&count);

    fputs("Usage: leastport VERB [ARGUMENT...]\n\n"
          "Tells which open ports need not be open: sweeps hosts, keeps what it saw, judges it.\n\n"
          "Verbs:\n",
          stream);
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "  %-13s %s\n", verbs[i].name, verbs[i].summary);
    }
    fputs("\n`leastport VERB --help` tells what a verb takes; `leastport --version` which version this is.\n"
          "First steps: `leastport audit` looks at this machine, `leastport serve` shows the result as a page.\n",
          stream);
}

static int cli_refuse(const char *name)
{
    const struct verb *near = verb_suggest(name);

    if (name[0] == '-') {
        log_error("unknown option \"%s\": options stand after a verb. `leastport --help` lists the verbs.", name);
    } else if (near != NULL) {
        log_error("there is no verb \"%s\". Did you mean `leastport %s`? `leastport --help` lists the verbs.", name,
                  near->name);
    } else {
        log_error("there is no verb \"%s\". `leastport --help` lists the verbs.", name);
    }
    return CLI_EXIT_ERROR;
}

static int cli_hand_over(const struct verb *verb, int argc, char **argv)
{
    char path[PATH_MAX];
    char title[64];
    char leading[64];
    char **args = calloc((size_t)argc + 2, sizeof(*args));
    int count = 0;
    int rc = sibling_find(verb->program, path, sizeof(path));

    if (args == NULL) {
        log_error("out of memory");
        return CLI_EXIT_ERROR;
    }
    if (rc < 0) {
        log_error("cannot find the program %s that `leastport %s` hands over to: neither beside leastport nor on PATH "
                  "(%s). Reinstall Leastport, or put its folder on PATH.",
                  verb->program, verb->name, strerror(-rc));
        free(args);
        return CLI_EXIT_ERROR;
    }
    /* argv[0] is what the program calls itself in its help. */
    snprintf(title, sizeof(title), "leastport %s", verb->name);
    args[count++] = title;
    if (verb->leading != NULL) {
        snprintf(leading, sizeof(leading), "%s", verb->leading);
        args[count++] = leading;
    }
    for (int i = 2; i < argc; i++) {
        args[count++] = argv[i];
    }
    execv(path, args);
    log_error("cannot start %s: %s", path, strerror(errno));
    free(args);
    return CLI_EXIT_ERROR;
}

int main(int argc, char **argv)
{
    const struct verb *verb;

    setlocale(LC_ALL, "");
    log_init("leastport", LOG_FORMAT_TEXT, LOG_LEVEL_NOTICE);
    if (stdfds_fill() < 0) {
        log_error("/dev/null cannot be opened in place of a standard descriptor that is closed");
        return CLI_EXIT_ERROR;
    }
    if (argc < 2) {
        cli_print_help(stderr);
        return CLI_EXIT_ERROR;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        cli_print_help(stdout);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : CLI_EXIT_ERROR;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("leastport " LEASTPORT_VERSION);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : CLI_EXIT_ERROR;
    }
    verb = verb_find(argv[1]);
    return verb == NULL ? cli_refuse(argv[1]) : cli_hand_over(verb, argc, argv);
}
