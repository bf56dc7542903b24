// SPDX-License-Identifier: GPL-2.0
/*
 * dmabuf-p2p - one command for peer-to-peer DMA between PCI devices
 *
 * Verbs as git has them: each parses its own arguments, with argp.
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "message.h"
#include "output.h"
#include "taken.h"
#include "verb.h"

/* Each in a file of its own, cmd_NAME.c */
extern const struct verb cmd_bench;
extern const struct verb cmd_bind;
extern const struct verb cmd_copy;
extern const struct verb cmd_doctor;
extern const struct verb cmd_export;
extern const struct verb cmd_import;
extern const struct verb cmd_info;
extern const struct verb cmd_list;
extern const struct verb cmd_release;
extern const struct verb cmd_serve;
extern const struct verb cmd_topo;
extern const struct verb cmd_watch;

static const struct verb *const verbs[] = {
	&cmd_bench,
	&cmd_bind,
	&cmd_copy,
	&cmd_doctor,
	&cmd_export,
	&cmd_import,
	&cmd_info,
	&cmd_list,
	&cmd_release,
	&cmd_serve,
	&cmd_topo,
	&cmd_watch,
	NULL
};

/* Of all verbs: "dmabuf-p2p topo --version" */
const char *argp_program_version = "dmabuf-p2p " VERSION;

static void usage(FILE *to)
{
	const struct verb *const *verb;

	fputs("Usage: dmabuf-p2p VERB [OPTION...]\n"
	      "Peer-to-peer DMA between PCI devices: who can reach whom, share the memory of\n"
	      "a device, see what is shared, measure it.\n\n", to);
	for (verb = verbs; *verb; verb++)
		fprintf(to, "  %-9s %s\n", (*verb)->name, (*verb)->summary);
	fputs("\n'dmabuf-p2p VERB --help' tells more, with examples.\n\n"
	      "Exit status: 0 done; 1 the system refused something, or what was printed did\n"
	      "not arrive; 2 bad usage; 3 done, but bytes differ, a device cannot be reached\n"
	      "or something has to be set right; 4 the kernel or the device cannot do it. A\n"
	      "signal ends it after all has been put back: shells show 130 for Ctrl-C, 143 for\n"
	      "SIGTERM, 129 for SIGHUP.\n",
	      to);
}

/* For the completion of shells */
static int list_verbs(void)
{
	const struct verb *const *verb;

	for (verb = verbs; *verb; verb++)
		puts((*verb)->name);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	static char help[] = "--help";
	const struct verb *const *verb;
	char name[64];

	output_begin();
	cleanup_taken(taken_note);
	/* "help topo" is "topo --help" */
	if (argc == 3 && !strcmp(argv[1], "help") && argv[2][0] != '-') {
		argv[1] = argv[2];
		argv[2] = help;
	}
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "-?") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("dmabuf-p2p " VERSION);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "--list-verbs"))
		return list_verbs();
	if (!strcmp(argv[1], "--put-back"))
		return cleanup_put_back(argc - 2, argv + 2);

	for (verb = verbs; *verb; verb++) {
		if (strcmp((*verb)->name, argv[1]))
			continue;
		snprintf(name, sizeof(name), "dmabuf-p2p %s", argv[1]);
		message_set_verb(argv[1]);
		argv[1] = name;
		return (*verb)->run(argc - 1, argv + 1);
	}
	complain(argv[1], "see dmabuf-p2p --help", "no such verb");
	return EXIT_USAGE;
}
