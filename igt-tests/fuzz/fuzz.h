/* SPDX-License-Identifier: MIT */
/*
 * Sequences of calls: what they are made of
 *
 * An operation is described by data. A step is an operation with its arguments, a
 * sequence an array of steps. What a step works on is named by kind and slot, not by
 * the number that a call happened to return: steps can be left out, and the others
 * still mean the same.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FUZZ_PAGE 4096ull

/* Most that an operation has; most that a sequence has */
#define FUZZ_MAX_ARGS 12
#define FUZZ_MAX_STEPS 1024

/* Slots of each kind */
#define FUZZ_SLOTS 8

/*
 * No file and no id has this number or a larger one. What is passed as it is begins there:
 * behind a smaller one might be what the fuzzer itself uses, or an object that a sequence
 * knows by another name.
 */
#define FUZZ_NO_SUCH 4096u

/**
 * enum fuzz_kind - what a step works on
 *
 * Those up to %FUZZ_RDMA are there from the beginning, in slot 0. %FUZZ_DEVICE_ID is the
 * id that %FUZZ_DEVICE has in %FUZZ_IOMMUFD.
 */
enum fuzz_kind {
	FUZZ_PHYS, FUZZ_IOMMUFD, FUZZ_DEVICE, FUZZ_DEVICE_ID, FUZZ_CONTAINER,
	FUZZ_UDMABUF, FUZZ_HEAP, FUZZ_RDMA,
	FUZZ_DMABUF, FUZZ_WATCH, FUZZ_FILE, FUZZ_MOVABLE, FUZZ_IOAS, FUZZ_HWPT,
	FUZZ_VM, FUZZ_MAP, FUZZ_AREA, FUZZ_MR, FUZZ_THREAD,
	FUZZ_NR_KINDS,
	FUZZ_NOTHING = FUZZ_NR_KINDS
};

/** fuzz_is_id - whether it is known by an id in %FUZZ_IOMMUFD, not by a file */
static inline bool fuzz_is_id(enum fuzz_kind kind)
{
	return kind == FUZZ_DEVICE_ID || kind == FUZZ_IOAS || kind == FUZZ_HWPT;
}

/**
 * enum fuzz_type - how the number in a step becomes an argument
 * @FUZZ_NUMBER: it is the argument
 * @FUZZ_RES: kind << 8 | slot of a file or an id
 * @FUZZ_SLOT: a slot; the call looks itself what is there
 * @FUZZ_ARENA: an offset in the arena, whose guard pages belong to it
 * @FUZZ_VA: an address in a mapping: slot << 32 | offset
 */
enum fuzz_type { FUZZ_NUMBER, FUZZ_RES, FUZZ_SLOT, FUZZ_ARENA, FUZZ_VA };

/**
 * enum fuzz_pick - which numbers are sensible
 * @FUZZ_BELOW: a multiple of the unit, fewer than @n of them
 * @FUZZ_BITS: any of the bits in @n
 * @FUZZ_OF: one of the list
 * @FUZZ_ODD: none in particular
 */
enum fuzz_pick { FUZZ_BELOW, FUZZ_BITS, FUZZ_OF, FUZZ_ODD };

/**
 * struct fuzz_arg - an argument
 * @name: the member's, if it is one of a structure
 * @offset: in the structure, bytes
 * @size: in the structure, bytes
 * @type: how the number becomes an argument
 * @kind: the sensible kind of %FUZZ_RES and %FUZZ_SLOT
 * @pick: which numbers are sensible
 * @n: limit of %FUZZ_BELOW, mask of %FUZZ_BITS, length of %FUZZ_OF's list
 * @unit: of %FUZZ_BELOW
 * @list: of %FUZZ_OF
 * @writes: bytes that the call may write where %FUZZ_ARENA points to
 */
struct fuzz_arg {
	const char *name;
	uint16_t offset;
	uint16_t size;
	enum fuzz_type type;
	enum fuzz_kind kind;
	enum fuzz_pick pick;
	uint64_t n;
	uint64_t unit;
	const uint64_t *list;
	unsigned int writes;
};

/**
 * struct fuzz_op - an operation: an ioctl with a structure, or a function
 * @name: short
 * @weight: how often it comes, relative to others
 * @gives: kind of what a successful call leaves in the step's slot, or %FUZZ_NOTHING
 * @takes: the step's slot is empty afterwards
 * @on: an ioctl's kind of file
 * @request: the ioctl's number
 * @request_name: in C
 * @type: the structure, in C
 * @size: of the structure, bytes
 * @id: where in the structure the id is that the ioctl gives; -1: what it returns
 * @refused: for want of what it needs it need never go well
 * @tells: the ioctl writes into its structure even if it fails
 * @run: the function, which returns -errno or something else; NULL for an ioctl
 * @run_name: in C
 * @args: its arguments, or the members of the structure, up to one without a name
 * @errnos: those that are documented for arguments that make sense, up to 0; negative ones
 *	only if a file is not what the slot should have
 */
struct fuzz_op {
	const char *name;
	unsigned int weight;
	enum fuzz_kind gives;
	bool takes;
	enum fuzz_kind on;
	unsigned long request;
	const char *request_name;
	const char *type;
	size_t size;
	int id;
	bool refused;
	bool tells;
	long (*run)(const uint64_t *arg);
	const char *run_name;
	const struct fuzz_arg *args;
	const short *errnos;
};

/**
 * struct fuzz_step - an operation with its arguments
 * @op: index in the table
 * @slot: where what it gives goes to, or what it takes comes from
 * @raw: bit of each argument that is passed as it is, whatever its type
 * @arg: of an ioctl: the file, where the structure is, its members
 */
struct fuzz_step {
	unsigned int op;
	unsigned int slot;
	unsigned int raw;
	uint64_t arg[FUZZ_MAX_ARGS];
};

struct fuzz_sequence {
	unsigned int nr;
	struct fuzz_step step[FUZZ_MAX_STEPS];
};

/** struct fuzz_table - all operations */
struct fuzz_table {
	const struct fuzz_op *const *op;
	unsigned int nr;
};

/** fuzz_arg - Return: argument @i of @op, file and pointer of an ioctl included, or NULL */
const struct fuzz_arg *fuzz_arg(const struct fuzz_op *op, unsigned int i);

/**
 * fuzz_generate - make a sequence
 * @table: of these operations
 * @seed: the same one makes the same sequence
 * @nr: of this many steps
 * @seq: filled in
 */
void fuzz_generate(const struct fuzz_table *table, uint64_t seed,
		   unsigned int nr, struct fuzz_sequence *seq);

/**
 * fuzz_shrink - look for the shortest sequence that still fails
 * @table: its operations
 * @seq: fails; shortened
 * @fails: tries a sequence
 * @data: of @fails
 *
 * Leaves out halves, quarters and so on down to single steps, then makes the numbers of
 * those that stay smaller, over and over until nothing of that fails any more, or 500
 * were tried.
 *
 * Return: how many sequences were tried.
 */
unsigned int fuzz_shrink(const struct fuzz_table *table,
			 struct fuzz_sequence *seq,
			 bool (*fails)(const struct fuzz_sequence *seq, void *data),
			 void *data);

/** fuzz_print_c - print a program that makes the calls of a sequence */
void fuzz_print_c(const struct fuzz_table *table,
		  const struct fuzz_sequence *seq, const char *why, FILE *out);

/** fuzz_print_text - print a sequence in one line, for fuzz_parse() */
void fuzz_print_text(const struct fuzz_table *table,
		     const struct fuzz_sequence *seq, FILE *out);

/**
 * fuzz_parse - read what fuzz_print_text() has printed
 * @table: its operations
 * @text: the line
 * @seq: filled in
 *
 * Return: 0; -%FUZZ_WRONG with fuzz_why, which names step and word, if it is something else.
 */
long fuzz_parse(const struct fuzz_table *table, const char *text,
		struct fuzz_sequence *seq);

#endif /* FUZZ_H */
