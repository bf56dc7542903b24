// SPDX-License-Identifier: MIT
/*
 * Making sequences. Nothing that a call returns is looked at: what a slot should
 * have is known from the steps before, so a seed is all that a sequence is made of.
 */
#include <string.h>

#include "fuzz.h"
#include "random.h"

static const struct fuzz_arg pointer = {
	.name = "at", .type = FUZZ_ARENA, .pick = FUZZ_BELOW,
	.n = FUZZ_PAGE / 8, .unit = 8,
};

const struct fuzz_arg *fuzz_arg(const struct fuzz_op *op, unsigned int i)
{
	static struct fuzz_arg file[FUZZ_NR_KINDS];

	if (op->takes)
		return NULL;
	if (!op->run) {
		if (!i) {
			file[op->on] = (struct fuzz_arg) {
				.name = "file", .type = FUZZ_RES, .kind = op->on,
			};
			return &file[op->on];
		}
		if (i == 1)
			return &pointer;
		i -= 2;
	}
	return op->args[i].name ? &op->args[i] : NULL;
}

/*
 * What should be there by now: bits of slots; and one argument of how many is
 * something that makes no sense, which is another number for each sequence
 */
struct state {
	unsigned int full[FUZZ_NR_KINDS];
	unsigned int sane;
};

static bool always_there(enum fuzz_kind kind)
{
	return kind <= FUZZ_RDMA;
}

static unsigned int any_slot(const struct state *state, enum fuzz_kind kind)
{
	unsigned int full = state->full[kind], n;

	if (always_there(kind))
		return 0;
	if (!full || !below(16))
		return below(FUZZ_SLOTS);
	for (n = below((uint32_t)__builtin_popcount(full)); n; n--)
		full &= full - 1;
	return (unsigned int)__builtin_ctz(full);
}

static uint64_t sensible(const struct fuzz_arg *arg, const struct state *state)
{
	uint64_t kind = arg->kind, number;

	switch (arg->type) {
	case FUZZ_RES:
		/* Any file; and another kind than there should be, but no id for a file */
		if (kind == FUZZ_NOTHING || !below(state->sane))
			do
				kind = below(FUZZ_MAP);
			while (fuzz_is_id((enum fuzz_kind)kind) != fuzz_is_id(arg->kind));
		return kind << 8 | any_slot(state, (enum fuzz_kind)kind);
	case FUZZ_SLOT:
		return any_slot(state, arg->kind);
	case FUZZ_VA:
		number = any_slot(state, FUZZ_MAP);
		return number << 32 | below(16) * FUZZ_PAGE;
	case FUZZ_ARENA:
		/* The guard before it, the end of what is there, the middle */
		if (!below(state->sane))
			return below(4 * FUZZ_PAGE);
		return FUZZ_PAGE + below(FUZZ_PAGE / 8) * 8;
	case FUZZ_NUMBER:
		break;
	}
	switch (arg->pick) {
	case FUZZ_BELOW:
		return below((uint32_t)arg->n) * arg->unit;
	case FUZZ_BITS:
		return random64() & arg->n;
	case FUZZ_OF:
		return arg->list[below((uint32_t)arg->n)];
	case FUZZ_ODD:
		break;
	}
	return odd_number();
}

/* What an operation needs most is what its first argument names */
static bool possible(const struct fuzz_op *op, const struct state *state)
{
	const struct fuzz_arg *arg;
	unsigned int i;

	if (op->takes && !state->full[op->gives])
		return false;
	for (i = 0; (arg = fuzz_arg(op, i)); i++)
		if ((arg->type == FUZZ_RES || arg->type == FUZZ_SLOT) &&
		    arg->kind != FUZZ_NOTHING && !always_there(arg->kind) &&
		    !state->full[arg->kind])
			return false;
	return true;
}

static unsigned int any_op(const struct fuzz_table *table, unsigned int weights,
			   const struct state *state)
{
	unsigned int tries, op = 0, n;

	for (tries = 0; tries < 16; tries++) {
		n = below(weights);
		for (op = 0; n >= table->op[op]->weight; op++)
			n -= table->op[op]->weight;
		if (possible(table->op[op], state))
			break;
	}
	return op;
}

static void make_step(const struct fuzz_table *table, unsigned int weights,
		      struct state *state, struct fuzz_step *step)
{
	const struct fuzz_arg *arg;
	const struct fuzz_op *op;
	unsigned int i;

	memset(step, 0, sizeof(*step));
	step->op = any_op(table, weights, state);
	op = table->op[step->op];
	for (i = 0; (arg = fuzz_arg(op, i)); i++) {
		if (below(state->sane)) {
			step->arg[i] = sensible(arg, state);
		} else if (arg->type != FUZZ_SLOT) {
			step->raw |= 1u << i;
			step->arg[i] = odd_number();
			/* Its upper half nobody looks at */
			if (arg->type == FUZZ_RES)
				step->arg[i] &= UINT32_MAX;
			if (arg->type == FUZZ_RES && step->arg[i] < FUZZ_NO_SUCH)
				step->arg[i] += FUZZ_NO_SUCH;
		}
		/* No more of it than there is room for */
		if ((step->raw >> i & 1 || arg->type == FUZZ_NUMBER) &&
		    arg->size && arg->size < 8)
			step->arg[i] &= (1ull << 8 * arg->size) - 1;
	}
	if (op->gives == FUZZ_NOTHING)
		return;
	step->slot = op->takes ? any_slot(state, op->gives) : below(FUZZ_SLOTS);
	if (op->takes)
		state->full[op->gives] &= ~(1u << step->slot);
	else
		state->full[op->gives] |= 1u << step->slot;
}

void fuzz_generate(const struct fuzz_table *table, uint64_t seed,
		   unsigned int nr, struct fuzz_sequence *seq)
{
	static const unsigned int sanity[] = { 8, 30, 30, 200, 1000 };
	struct state state = { 0 };
	unsigned int i, weights = 0;

	random_seed(seed);
	state.sane = sanity[below(5)];
	for (i = 0; i < table->nr; i++)
		weights += table->op[i]->weight;
	seq->nr = nr;
	for (i = 0; i < nr; i++)
		make_step(table, weights, &state, &seq->step[i]);
}
