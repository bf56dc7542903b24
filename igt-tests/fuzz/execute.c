// SPDX-License-Identifier: MIT
/*
 * Making the calls of a sequence, and looking at what comes of each
 */
#include <errno.h>
#include <string.h>

#include "array.h"
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
		return fuzz_pick((enum fuzz_kind)(value >> 8 & 0xff), value & 0xff);
	case FUZZ_ARENA:
		return fuzz_at(value);
	case FUZZ_VA:
		return fuzz_va((unsigned int)(value >> 32), value & UINT32_MAX);
	case FUZZ_SLOT:
		return fuzz_filled(what->kind, (unsigned int)value);
	case FUZZ_NUMBER:
		break;
	}
	return value;
}

struct fuzz_room fuzz_room(const struct fuzz_op *op, const struct fuzz_step *step)
{
	struct fuzz_room room = { .size = op->size, .tells = op->tells };
	const struct fuzz_arg *what;
	unsigned int i;

	for (i = 2; (what = fuzz_arg(op, i)); i++) {
		/* It says how much room there is */
		if (!strcmp(what->name, "argsz") && room.size < step->arg[i])
			room.size = step->arg[i];
		/* More elements, or larger ones */
		if (what->writes)
			room.more = step->raw ? FUZZ_ARENA_SIZE : what->writes;
	}
	return room;
}

static long run_ioctl(const struct fuzz_op *op, const struct fuzz_step *step,
		      const uint64_t *value)
{
	uint8_t structure[256] = { 0 };
	struct fuzz_room room = fuzz_room(op, step);
	const struct fuzz_arg *what;
	unsigned int i;

	for (i = 2; (what = fuzz_arg(op, i)); i++) {
		memcpy(structure + what->offset, &value[i], what->size);
		if (what->writes)
			room.at = value[i];
	}
	fuzz_put(value[1], structure, op->size);
	return fuzz_checked(fuzz_ioctl(value[0], op->request, value[1]), value[1], room);
}

bool fuzz_makes_no_sense(const struct fuzz_op *op, const struct fuzz_step *step)
{
	const struct fuzz_arg *what;
	unsigned int i;

	if (step->raw)
		return true;
	for (i = 0; (what = fuzz_arg(op, i)); i++) {
		uint64_t value = step->arg[i];

		if (what->type == FUZZ_ARENA && value / FUZZ_PAGE != 1)
			return true;
		if (what->type == FUZZ_RES && what->kind != FUZZ_NOTHING &&
		    value >> 8 != what->kind)
			return true;
	}
	return false;
}

bool fuzz_is_documented(const struct fuzz_op *op, const struct fuzz_step *step,
			long error)
{
	static const short nonsense[] = {
		EFAULT, EINVAL, EBADF, ENOTTY, ENOMEM, E2BIG, EOVERFLOW,
	};
	size_t i;

	for (i = 0; op->errnos[i]; i++)
		if (op->errnos[i] == error || op->errnos[i] == -error)
			return true;
	for (i = 0; i < ARRAY_SIZE(nonsense); i++)
		if (nonsense[i] == error)
			return fuzz_makes_no_sense(op, step);
	return false;
}

/* Whether a file is not what it should be, or the device is not open */
static bool names_other_file(const struct fuzz_op *op, const uint64_t *value)
{
	const struct fuzz_arg *what;
	unsigned int i;

	for (i = 0; (what = fuzz_arg(op, i)); i++)
		if (what->type == FUZZ_RES && fuzz_is_other(what->kind, value[i]))
			return true;
	return fuzz_is_other(FUZZ_DEVICE, fuzz_res(FUZZ_DEVICE, 0));
}

/* The same by what the step has found in its slots */
static bool is_expected(const struct fuzz_op *op, const struct fuzz_step *step,
			const uint64_t *value, long error)
{
	size_t i;

	if (!fuzz_is_documented(op, step, error))
		return false;
	if (fuzz_makes_no_sense(op, step))
		return true;
	for (i = 0; op->errnos[i]; i++)
		if (op->errnos[i] == error)
			return true;
	return names_other_file(op, value);
}

long fuzz_execute(const struct fuzz_op *op, const struct fuzz_step *step)
{
	const struct fuzz_arg *what;
	uint64_t value[FUZZ_MAX_ARGS + 1] = { 0 };
	unsigned int i;
	long ret;

	if (op->takes) {
		ret = fuzz_take(op->gives, fuzz_filled(op->gives, step->slot));
	} else {
		for (i = 0; (what = fuzz_arg(op, i)); i++)
			value[i] = resolve(what, step, i);
		/* So that it can tell them apart itself */
		value[i] = step->slot;
		ret = op->run ? op->run(value) : run_ioctl(op, step, value);
		if (op->gives != FUZZ_NOTHING && op->id >= 0)
			ret = fuzz_give_id(op->gives, step->slot, ret,
					   value[1] + (unsigned int)op->id);
		else if (op->gives != FUZZ_NOTHING)
			ret = fuzz_give(op->gives, step->slot, ret);
	}
	if (ret >= 0 || ret == -FUZZ_WRONG)
		return ret;
	if (is_expected(op, step, value, -ret))
		return ret;
	return fuzz_wrong("%s is not documented", strerrorname_np((int)-ret));
}
