// SPDX-License-Identifier: MIT
/*
 * The shortest sequence that still fails
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

struct search {
	const struct fuzz_table *table;
	struct fuzz_sequence *best, *next;
	bool (*fails)(const struct fuzz_sequence *seq, void *data);
	void *data;
	unsigned int tries;
};

/* An attempt may take a second, and a long number 64 of them */
#define MAX_TRIES 500

/* Is @next as good? Then it is the best. */
static bool better(struct search *search)
{
	if (search->tries == MAX_TRIES)
		return false;
	search->tries++;
	if (!search->fails(search->next, search->data))
		return false;
	memcpy(search->best, search->next, sizeof(*search->best));
	return true;
}

static bool without(struct search *search, unsigned int first, unsigned int nr)
{
	const struct fuzz_sequence *best = search->best;
	struct fuzz_sequence *next = search->next;

	memcpy(next, best, sizeof(*next));
	memmove(&next->step[first], &best->step[first + nr],
		(best->nr - first - nr) * sizeof(next->step[0]));
	next->nr -= nr;
	return better(search);
}

/* From the end: what comes behind the failure goes at once */
static bool leave_out(struct search *search, unsigned int nr)
{
	unsigned int end = search->best->nr;
	bool any = false;

	while (end) {
		unsigned int some = end < nr ? end : nr;

		any |= without(search, end - some, some);
		end -= some;
	}
	return any;
}

static bool with(struct search *search, unsigned int i, unsigned int arg,
		 uint64_t value, bool raw)
{
	struct fuzz_step *step = &search->next->step[i];

	memcpy(search->next, search->best, sizeof(*search->next));
	step->arg[arg] = value;
	if (raw)
		step->raw |= 1u << arg;
	else
		step->raw &= ~(1u << arg);
	return better(search);
}

/* The smallest number that fails, if smaller ones do not; a multiple stays one */
static bool bisect(struct search *search, unsigned int i, unsigned int arg,
		   uint64_t low, bool raw)
{
	uint64_t high = search->best->step[i].arg[arg], middle;
	const uint64_t unit = high % FUZZ_PAGE ? 1 : FUZZ_PAGE;
	bool any = false;

	while (high - low > unit) {
		middle = low + (high - low) / 2;
		middle -= middle % unit;
		if (middle <= low)
			break;
		if (with(search, i, arg, middle, raw)) {
			high = middle;
			any = true;
		} else {
			low = middle;
		}
	}
	return any;
}

static bool smaller(struct search *search, unsigned int i, unsigned int arg,
		    const struct fuzz_arg *what)
{
	const struct fuzz_step *step = &search->best->step[i];
	bool raw = step->raw >> arg & 1;
	uint64_t least = 0;

	/* A slot is as good as another: only what is counted gets smaller */
	if (!raw && (what->type == FUZZ_RES || what->type == FUZZ_SLOT))
		return false;
	if (raw && what->type == FUZZ_RES)
		least = FUZZ_NO_SUCH;
	if (!raw && what->type == FUZZ_VA)
		least = step->arg[arg] & ~(uint64_t)UINT32_MAX;
	if (!raw && what->type == FUZZ_ARENA)
		least = FUZZ_PAGE;
	/* Smaller than those that make sense, perhaps: then it may fail in more ways */
	raw |= what->type == FUZZ_NUMBER;
	if (step->arg[arg] <= least)
		return false;
	return with(search, i, arg, least, raw) ||
	       bisect(search, i, arg, least, raw);
}

static bool simplify(struct search *search)
{
	const struct fuzz_arg *what;
	bool any = false;
	unsigned int i, arg;

	for (i = 0; i < search->best->nr; i++) {
		const struct fuzz_op *op = search->table->op[search->best->step[i].op];

		for (arg = 0; (what = fuzz_arg(op, arg)); arg++)
			any |= smaller(search, i, arg, what);
	}
	return any;
}

unsigned int fuzz_shrink(const struct fuzz_table *table,
			 struct fuzz_sequence *seq,
			 bool (*fails)(const struct fuzz_sequence *seq, void *data),
			 void *data)
{
	struct search search = {
		.table = table,
		.best = seq,
		.next = malloc(sizeof(*search.next)),
		.fails = fails,
		.data = data,
	};
	unsigned int nr;
	bool any;

	if (!search.next)
		return 0;
	do {
		for (nr = (seq->nr + 1) / 2; nr > 1; nr = (nr + 1) / 2)
			leave_out(&search, nr);
		any = leave_out(&search, 1);
		any |= simplify(&search);
	} while (any && search.tries < MAX_TRIES);
	free(search.next);
	return search.tries;
}
