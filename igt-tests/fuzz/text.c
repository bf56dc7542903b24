// SPDX-License-Identifier: MIT
/*
 * Sequences in one line: "export>2 0 =0x1000; touch 3", where = is before what is passed
 * as it is
 */
#include <inttypes.h>
#include <string.h>

#include "calls.h"
#include "number.h"

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

/* Bytes of the next word, to which @text is moved; 0 at the end of a step */
static size_t next_word(const char **text)
{
	*text += strspn(*text, " ");
	return strcspn(*text, " ;\n");
}

/* What a number of this kind may be, or NULL if it is that */
static const char *objection(const struct fuzz_arg *what, bool raw, uint64_t value)
{
	if (what->size && what->size < 8 && value >> 8 * what->size &&
	    (raw || what->type == FUZZ_NUMBER))
		return "larger than the member that it is for";
	if (raw)
		return what->type == FUZZ_SLOT ? "passed as it is, which a slot cannot be" : NULL;
	switch (what->type) {
	case FUZZ_RES:
		if (value >> 8 >= FUZZ_NR_KINDS)
			return "of a kind that there is not";
		return (value & 0xff) < FUZZ_SLOTS ? NULL : "a slot that there is not";
	case FUZZ_SLOT:
		return value < FUZZ_SLOTS ? NULL : "a slot that there is not";
	case FUZZ_VA:
		return value >> 32 < FUZZ_SLOTS ? NULL : "in a slot that there is not";
	case FUZZ_ARENA:
	case FUZZ_NUMBER:
		break;
	}
	return NULL;
}

static long parse_arg(const struct fuzz_arg *what, unsigned int arg, const char **text,
		      struct fuzz_step *step)
{
	size_t length = next_word(text);
	const char *word = *text, *number = word, *why;
	const bool raw = *word == '=';

	*text += length;
	if (!length)
		return fuzz_wrong("its argument \"%s\" is missing", what->name);
	number += raw;
	if (!number_is(number, length - raw, &step->arg[arg]))
		return fuzz_wrong("\"%.*s\" is no number of 64 bits", (int)length, word);
	step->raw |= (unsigned int)raw << arg;
	why = objection(what, raw, step->arg[arg]);
	return why ? fuzz_wrong("\"%.*s\" is %s", (int)length, word, why) : 0;
}

static long parse_step(const struct fuzz_table *table, const char **text,
		       struct fuzz_step *step)
{
	size_t length = next_word(text), name = strcspn(*text, "> ;\n");
	const char *word = *text;
	int found = find(table, word, name);
	const struct fuzz_op *op;
	unsigned int arg;
	uint64_t slot;
	long ret = 0;

	if (found < 0)
		return fuzz_wrong("\"%.*s\" is no operation", (int)length, word);
	memset(step, 0, sizeof(*step));
	step->op = (unsigned int)found;
	op = table->op[found];
	*text += length;
	if (op->gives != FUZZ_NOTHING) {
		if (name == length || !number_is(word + name + 1, length - name - 1, &slot) ||
		    slot >= FUZZ_SLOTS)
			return fuzz_wrong("\"%.*s\" does not end with > and a slot below %u",
					  (int)length, word, FUZZ_SLOTS);
		step->slot = (unsigned int)slot;
	} else if (name != length) {
		return fuzz_wrong("\"%.*s\" has a slot, but leaves nothing there",
				  (int)length, word);
	}
	for (arg = 0; fuzz_arg(op, arg) && !ret; arg++)
		ret = parse_arg(fuzz_arg(op, arg), arg, text, step);
	length = ret ? 0 : next_word(text);
	return length ? fuzz_wrong("\"%.*s\" is one argument too many", (int)length, *text) : ret;
}

long fuzz_parse(const struct fuzz_table *table, const char *text,
		struct fuzz_sequence *seq)
{
	char why[sizeof(fuzz_why)];

	for (seq->nr = 0;; seq->nr++) {
		text += strspn(text, " ;\n");
		if (!*text)
			return 0;
		if (seq->nr == FUZZ_MAX_STEPS)
			return fuzz_wrong("more than %u steps", FUZZ_MAX_STEPS);
		if (!parse_step(table, &text, &seq->step[seq->nr]))
			continue;
		memcpy(why, fuzz_why, sizeof(why));
		return fuzz_wrong("step %u: %.200s", seq->nr + 1, why);
	}
}
