// SPDX-License-Identifier: MIT
/*
 * Sequences in one line: "export>2 0 =0x1000; touch 3", where = is before what is passed
 * as it is
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

void fuzz_print_text(const struct fuzz_table *table,
		     const struct fuzz_sequence *seq, FILE *out)
{
	unsigned int i, arg;

	for (i = 0; i < seq->nr; i++) {
		const struct fuzz_step *step = &seq->step[i];
		const struct fuzz_op *op = table->op[step->op];

		fprintf(out, "%s%s", i ? "; " : "", op->name);
		if (op->gives != FUZZ_NOTHING)
			fprintf(out, ">%u", step->slot);
		for (arg = 0; fuzz_arg(op, arg); arg++)
			fprintf(out, " %s%#" PRIx64,
				step->raw >> arg & 1 ? "=" : "", step->arg[arg]);
	}
	fprintf(out, "\n");
}

static int find(const struct fuzz_table *table, const char *name, size_t length)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (!strncmp(table->op[i]->name, name, length) &&
		    !table->op[i]->name[length])
			return (int)i;
	return -1;
}

static bool parse_step(const struct fuzz_table *table, const char **text,
		       struct fuzz_step *step)
{
	size_t length = strcspn(*text, " >;\n");
	const struct fuzz_op *op;
	unsigned int arg;
	int found = find(table, *text, length);
	char *end;

	if (found < 0)
		return false;
	memset(step, 0, sizeof(*step));
	step->op = (unsigned int)found;
	op = table->op[found];
	*text += length;
	if (op->gives != FUZZ_NOTHING) {
		if (*(*text)++ != '>')
			return false;
		step->slot = (unsigned int)strtoul(*text, &end, 0);
		if (end == *text || step->slot >= FUZZ_SLOTS)
			return false;
		*text = end;
	}
	for (arg = 0; fuzz_arg(op, arg); arg++) {
		*text += strspn(*text, " ");
		if (**text == '=') {
			step->raw |= 1u << arg;
			++*text;
		}
		step->arg[arg] = strtoull(*text, &end, 0);
		if (end == *text)
			return false;
		*text = end;
	}
	*text += strspn(*text, " ");
	return !**text || strchr(";\n", **text);
}

unsigned int fuzz_parse(const struct fuzz_table *table, const char *text,
			struct fuzz_sequence *seq)
{
	seq->nr = 0;
	for (;;) {
		text += strspn(text, " ;\n");
		if (!*text)
			return 0;
		if (seq->nr == FUZZ_MAX_STEPS ||
		    !parse_step(table, &text, &seq->step[seq->nr]))
			return seq->nr + 1;
		seq->nr++;
	}
}
