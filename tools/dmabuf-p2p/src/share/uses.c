// SPDX-License-Identifier: GPL-2.0
#include <search.h>
#include <stdlib.h>

#include "message.h"
#include "uses.h"
#include "verb.h"

static void *checked(void *memory)
{
	if (!memory) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	return memory;
}

static int in_order(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

struct use *uses_find(struct uses *uses, ino_t inode, pid_t pid)
{
	const struct use key = { .inode = inode, .pid = pid };
	struct use **found = tfind(&key, &uses->tree, in_order), *use;

	if (found)
		return *found;
	use = checked(malloc(sizeof(*use)));
	*use = key;
	checked(tsearch(use, &uses->tree, in_order));
	uses->nr++;
	return use;
}

static void collect(const void *node, VISIT which, void *arg)
{
	struct use ***next = arg;

	if (which == postorder || which == leaf)
		*(*next)++ = *(struct use *const *)node;
}

void uses_sort(struct uses *uses)
{
	struct use **next;

	free(uses->list);
	uses->list = next = checked(calloc(uses->nr + 1, sizeof(*next)));
	twalk_r(uses->tree, collect, &next);
}

struct use **uses_of(const struct uses *uses, ino_t inode, size_t *nr)
{
	size_t first = 0, end = uses->nr, middle;

	while (first < end) {
		middle = first + (end - first) / 2;
		if (uses->list[middle]->inode < inode)
			first = middle + 1;
		else
			end = middle;
	}
	for (end = first; end < uses->nr && uses->list[end]->inode == inode; end++)
		;
	*nr = end - first;
	return uses->list + first;
}

void uses_free(struct uses *uses)
{
	tdestroy(uses->tree, free);
	free(uses->list);
	*uses = (struct uses){ 0 };
}
