// SPDX-License-Identifier: MIT
/*
 * Sequences as C
 *
 * Which of its arguments a call of C evaluates first nobody knows, so none of a step's calls
 * is an argument beside what looks at its outcome.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "array.h"
#include "execute.h"

/* As enum fuzz_kind has them */
static const char *const kinds[] = {
	"PHYS", "IOMMUFD", "DEVICE", "DEVICE_ID", "CONTAINER", "UDMABUF", "HEAP", "RDMA",
	"DMABUF", "WATCH", "FILE", "MOVABLE", "IOAS", "HWPT", "VM", "MAP", "AREA",
	"MR", "THREAD",
};

_Static_assert(ARRAY_SIZE(kinds) == FUZZ_NR_KINDS, "a kind without a name");

static void print_value(const struct fuzz_arg *what, const struct fuzz_step *step,
			unsigned int arg, FILE *out)
{
	uint64_t value = step->arg[arg];

	if (step->raw >> arg & 1 || what->type == FUZZ_NUMBER)
		fprintf(out, "%#" PRIx64, value);
	else if (what->type == FUZZ_RES)
		fprintf(out, "fuzz_pick(FUZZ_%s, %" PRIu64 ")",
			kinds[value >> 8 & 0xff], value & 0xff);
	else if (what->type == FUZZ_SLOT)
		fprintf(out, "fuzz_filled(FUZZ_%s, %" PRIu64 ")", kinds[what->kind],
			value);
	else if (what->type == FUZZ_ARENA)
		fprintf(out, "fuzz_at(%#" PRIx64 ")", value);
	else
		fprintf(out, "fuzz_va(%" PRIu64 ", %#" PRIx64 ")", value >> 32,
			value & UINT32_MAX);
}

static void print_ioctl(const struct fuzz_op *op, const struct fuzz_step *step,
			FILE *out)
{
	const struct fuzz_room room = fuzz_room(op, step);
	unsigned int arg;

	fprintf(out, "fuzz_ioctl(");
	print_value(fuzz_arg(op, 0), step, 0, out);
	fprintf(out, ", %s,\n\t\tfuzz_put(", op->request_name);
	print_value(fuzz_arg(op, 1), step, 1, out);
	if (!op->size)
		fprintf(out, ", NULL, 0));\n");
	else
		fprintf(out, ", &(%s) {\n", op->type);
	for (arg = 2; fuzz_arg(op, arg); arg++) {
		fprintf(out, "\t\t\t.%s = ", fuzz_arg(op, arg)->name);
		print_value(fuzz_arg(op, arg), step, arg, out);
		fprintf(out, ",\n");
	}
	if (op->size)
		fprintf(out, "\t\t}, sizeof(%s)));\n", op->type);
	fprintf(out, "\tret = fuzz_checked(ret, ");
	print_value(fuzz_arg(op, 1), step, 1, out);
	fprintf(out, ",\n\t\t(struct fuzz_room) { .size = %#" PRIx64 ", .more = %#" PRIx64 ", .tells = %d",
		room.size, room.more, room.tells);
	for (arg = 2; fuzz_arg(op, arg); arg++)
		if (fuzz_arg(op, arg)->writes) {
			fprintf(out, ", .at = ");
			print_value(fuzz_arg(op, arg), step, arg, out);
		}
	fprintf(out, " })");
}

static void print_call(const struct fuzz_op *op, const struct fuzz_step *step,
		       FILE *out)
{
	unsigned int arg;

	if (!op->run) {
		print_ioctl(op, step, out);
		return;
	}
	fprintf(out, "%s((const uint64_t []) { ", op->run_name);
	for (arg = 0; fuzz_arg(op, arg); arg++) {
		fprintf(out, "%s", arg ? ", " : "");
		print_value(fuzz_arg(op, arg), step, arg, out);
	}
	fprintf(out, "%s%u })", arg ? ", " : "", step->slot);
}

static bool is_listed(const struct fuzz_op *op, int error)
{
	const short *listed = op->errnos;

	while (*listed && *listed != error)
		listed++;
	return *listed;
}

static void print_if_other(const struct fuzz_op *op, const struct fuzz_step *step,
			   int error, FILE *out)
{
	const struct fuzz_arg *what;
	unsigned int i;

	fprintf(out, ",\n\t\t");
	for (i = 0; (what = fuzz_arg(op, i)); i++) {
		if (what->type != FUZZ_RES)
			continue;
		fprintf(out, "fuzz_is_other(FUZZ_%s, ",
			what->kind == FUZZ_NOTHING ? "NOTHING" : kinds[what->kind]);
		print_value(what, step, i, out);
		fprintf(out, ") || ");
	}
	fprintf(out, "fuzz_is_other(FUZZ_DEVICE, fuzz_res(FUZZ_DEVICE, 0)) ? %s : 0",
		strerrorname_np(error));
}

/*
 * With which errnos all is well; those of another file come last, since all of them are 0 if
 * there is none
 */
static void print_errnos(const struct fuzz_op *op, const struct fuzz_step *step,
			 FILE *out)
{
	const bool sense = !fuzz_makes_no_sense(op, step);
	const short *other;
	int error;

	for (error = 1; error < EHWPOISON; error++)
		if (!sense ? fuzz_is_documented(op, step, error) : is_listed(op, error))
			fprintf(out, ", %s", strerrorname_np(error));
	for (other = op->errnos; sense && *other; other++)
		if (*other < 0)
			print_if_other(op, step, -*other, out);
	fprintf(out, ", 0);\n");
}

static void print_give(const struct fuzz_op *op, const struct fuzz_step *step,
		       FILE *out)
{
	fprintf(out, ";\n\tret = fuzz_give%s(FUZZ_%s, %u, ret", op->id < 0 ? "" : "_id",
		kinds[op->gives], step->slot);
	if (op->id >= 0) {
		fprintf(out, ", ");
		print_value(fuzz_arg(op, 1), step, 1, out);
		fprintf(out, " + %d", op->id);
	}
	fprintf(out, ")");
}

static void print_step(const struct fuzz_op *op, const struct fuzz_step *step,
		       FILE *out)
{
	fprintf(out, "\tret = ");
	if (op->takes)
		fprintf(out, "fuzz_take(FUZZ_%s, fuzz_filled(FUZZ_%s, %u))",
			kinds[op->gives], kinds[op->gives], step->slot);
	else
		print_call(op, step, out);
	if (!op->takes && op->gives != FUZZ_NOTHING)
		print_give(op, step, out);
	fprintf(out, ";\n\tfuzz_expect(\"%s\", ret", op->name);
	print_errnos(op, step, out);
}

void fuzz_print_c(const struct fuzz_table *table,
		  const struct fuzz_sequence *seq, const char *why, FILE *out)
{
	unsigned int i;

	fprintf(out, "/*\n * %s\n *\n", why);
	fprintf(out, " * In the checkout, after tools/build: igt-tests/fuzz/compile THIS.c PROGRAM,\n");
	fprintf(out, " * then tools/vm/run --kernel debug --one-thread -- PROGRAM\n */\n");
	fprintf(out, "#include <errno.h>\n\n#include \"calls.h\"\n\nint main(void)\n{\n\tlong ret;\n\n\tfuzz_begin();\n");
	for (i = 0; i < seq->nr; i++)
		print_step(table->op[seq->step[i].op], &seq->step[i], out);
	fprintf(out, "\tret = fuzz_end();\n\treturn (int)ret;\n}\n");
}
