// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "message.h"
#include "output.h"
#include "verb.h"

enum common_option {
	OPTION_OUTPUT = 'o',
	OPTION_COLOR = 512,
};

static const struct argp_option options[] = {
	{ "color", OPTION_COLOR, "WHEN", OPTION_ARG_OPTIONAL,
	  "Colours: always, never, or auto: on a terminal, without $NO_COLOR (auto)", 1 },
	{ "output", OPTION_OUTPUT, "FILE", 0,
	  "Print into FILE, which appears when it is complete", 1 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int ret;

	switch (key) {
	case OPTION_COLOR:
		if (!arg || !strcmp(arg, "always"))
			message_colours(COLOURS_ALWAYS);
		else if (!strcmp(arg, "never"))
			message_colours(COLOURS_NEVER);
		else if (!strcmp(arg, "auto"))
			message_colours(COLOURS_AUTO);
		else
			argp_error(state, "--color=%s: there are always, never and auto",
				   arg);
		return 0;
	case OPTION_OUTPUT:
		ret = output_to(arg);
		if (!ret)
			return 0;
		complain(arg, NULL, "cannot be written: %s", strerror(-ret));
		exit(EXIT_FAILED);
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = { .options = options, .parser = parse };

const struct argp_child common_children[] = { { &argp, 0, NULL, 0 }, { 0 } };
