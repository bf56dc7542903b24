// SPDX-License-Identifier: MIT
/*
 * Making the calls of a sequence, and looking at what comes of each
 */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "execute.h"

static uint64_t resolve(const struct fuzz_arg *what, const struct fuzz_step *step,
			unsigned int arg)
{
	uint64_t value = step->arg[arg];

	if (step->raw >> arg & 1)
		return value;
	switch (what->type) {
	case FUZZ_RES:
		return fuzz_res((enum fuzz_kind)(value >> 8 & 0xff), value & 0xff);
	case FUZZ_ARENA:
		return fuzz_at(value);
	case FUZZ_VA:
		return fuzz_va((unsigned int)(value >> 32), value & UINT32_MAX);
	case FUZZ_SLOT:
	case FUZZ_NUMBER:
		break;
	}
	return value;
}

static long run_ioctl(const struct fuzz_op *op, const uint64_t *value)
{
	uint8_t structure[256] = { 0 };
	const struct fuzz_arg *what;
	uint64_t at[2] = { value[1] }, size[2] = { op->size };
	unsigned int i;
	long ret;

	for (i = 2; (what = fuzz_arg(op, i)); i++) {
		memcpy(structure + what->offset, &value[i], what->size);
		if (what->writes) {
			at[1] = value[i];
			size[1] = what->writes;
		}
	}
	fuzz_put(value[1], structure, op->size);
	ret = fuzz_ioctl(value[0], op->request, value[1]);
	/* Nothing is written by what is refused, unless a fault is what refused it */
	if (ret < 0 && ret != -EFAULT && !op->tells)
		size[0] = size[1] = 0;
	return fuzz_unchanged(at, size) ? -FUZZ_WRONG : ret;
}

long fuzz_execute(const struct fuzz_op *op, const struct fuzz_step *step)
{
	const struct fuzz_arg *what;
	uint64_t value[FUZZ_MAX_ARGS + 1] = { 0 };
	unsigned int i;
	long ret;

	if (op->takes) {
		ret = fuzz_take(op->gives, step->slot);
	} else {
		for (i = 0; (what = fuzz_arg(op, i)); i++)
			value[i] = resolve(what, step, i);
		/* So that it can tell them apart itself */
		value[i] = step->slot;
		ret = op->run ? op->run(value) : run_ioctl(op, value);
		if (op->gives != FUZZ_NOTHING && op->id >= 0)
			ret = fuzz_give_id(op->gives, step->slot, ret,
					   value[1] + (unsigned int)op->id);
		else if (op->gives != FUZZ_NOTHING)
			ret = fuzz_give(op->gives, step->slot, ret);
	}
	if (ret >= 0 || ret == -FUZZ_WRONG)
		return ret;
	for (i = 0; op->errnos[i]; i++)
		if (op->errnos[i] == -ret)
			return ret;
	return fuzz_wrong("%s is not documented", strerrorname_np((int)-ret));
}
