#include "runner/host_main.h"
#include "runner/runner.h"

#include "base/cleanup.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
        "askcsv-runner: checks and runs one query in a sandbox of its own.\n"
        "\n"
        "  askcsv-runner [--data-root DIR] [--framed] < request.json > response.json\n"
        "      --request-env NAME      the request is in that environment variable\n"
        "      --request-dir DIR       the request is in the files 0, 1, 2 ... there, in pieces\n"
        "      --framed                the response is a frame with its length and hash\n"
        "  askcsv-runner --warm [--data-root DIR]      gets ready, and then serves one request;\n"
        "                                              frames on standard input and output\n"
        "  askcsv-runner host --home DIR [OPTION...]   keeps tables warm; askcsv starts it\n"
        "  askcsv-runner --probe       which walls this machine gives, as one line of JSON\n"
        "  askcsv-runner --version\n"
        "\n"
        "The request is one JSON document on standard input, the response one on standard\n"
        "output (docs/PROTOCOL.md). Tables' files must lie below DIR (default: /). Exit status\n"
        "is 0 whenever a response was written. askcsv starts this program; people seldom do.\n";

static int serve(struct runner_options *options, const char *data_root, bool warm)
{
        struct error err = {0};
        const struct intake *intake = &options->intake;
        _cleanup_free_ char *resolved = realpath(data_root, NULL);
        if (!resolved) {
                (void)fprintf(stderr, "askcsv-runner: the data root %s does not exist\n",
                              data_root);
                return 2;
        }
        int n_intakes = !!intake->env + !!intake->dir + warm;
        if (n_intakes > 1 || (!intake->env && !intake->dir && isatty(STDIN_FILENO))) {
                (void)fputs(usage, stderr);
                return 2;
        }
        options->data_root = resolved;
        int r = warm ? runner_stand_by(options, STDIN_FILENO, STDOUT_FILENO, &err)
                     : runner_serve(options, STDIN_FILENO, STDOUT_FILENO, &err);
        /* The engine's library has much to tidy, and nobody to tidy for. */
        if (r == 0)
                _exit(0);
        (void)fprintf(stderr, "askcsv-runner: %s\n", err.message);
        _exit(1);
}

static int probe(void)
{
        struct error err = {0};
        if (runner_probe(STDOUT_FILENO, &err) == 0)
                return 0;
        (void)fprintf(stderr, "askcsv-runner: %s\n", err.message);
        return 1;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                {"data-root", required_argument, NULL, 'd'},
                {"request-env", required_argument, NULL, 'e'},
                {"request-dir", required_argument, NULL, 'r'},
                {"framed", no_argument, NULL, 'f'},
                {"warm", no_argument, NULL, 'w'},
                {"probe", no_argument, NULL, 'p'},
                {"version", no_argument, NULL, 'v'},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        struct runner_options wanted = {.walls = RUNNER_ALL_WALLS};
        const char *data_root = "/";
        bool warm = false;
        int option;
        if (argc > 1 && strcmp(argv[1], "host") == 0)
                return host_main(argc - 1, argv + 1);
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 'd':
                        data_root = optarg;
                        break;
                case 'e':
                        wanted.intake.env = optarg;
                        break;
                case 'r':
                        wanted.intake.dir = optarg;
                        break;
                case 'f':
                        wanted.framed = true;
                        break;
                case 'w':
                        wanted.framed = warm = true;
                        break;
                case 'p':
                        return probe();
                case 'v':
                        (void)printf("askcsv-runner %s\n", ASKCSV_VERSION);
                        return 0;
                case 'h':
                        (void)fputs(usage, stdout);
                        return 0;
                default:
                        (void)fputs(usage, stderr);
                        return 2;
                }
        }
        if (optind < argc) {
                (void)fputs(usage, stderr);
                return 2;
        }
        return serve(&wanted, data_root, warm);
}
