/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VERB_H
#define VERB_H

/**
 * enum exit_code - what the program exits with
 * @EXIT_OK: done, and all is well
 * @EXIT_FAILED: the system refused something; the message says what
 * @EXIT_USAGE: the command line makes no sense
 * @EXIT_MISMATCH: done, but the answer is bad: bytes differ, a device cannot be
 *	reached, doctor found a problem
 * @EXIT_UNSUPPORTED: this kernel or device cannot do it at all
 * @EXIT_INTERRUPTED: Ctrl-C; the program ends by that signal, see interrupt_die()
 */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_MISMATCH = 3,
	EXIT_UNSUPPORTED = 4,
	EXIT_INTERRUPTED = 130,
};

/**
 * struct verb - one subcommand
 * @name: as typed
 * @summary: one line for the list of verbs
 * @run: argv[0] is "dmabuf-p2p NAME"; parses with argp. Return: enum exit_code
 */
struct verb {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

#endif /* VERB_H */
