/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USES_H
#define USES_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct use - one process's hold on one dma-buf
 * @inode: of the dma-buf
 * @pid: the process
 * @fds: file descriptors it has of it
 * @maps: mappings
 */
struct use {
	ino_t inode;
	pid_t pid;
	unsigned int fds;
	unsigned int maps;
};

/**
 * struct uses - which processes have which dma-bufs
 * @tree: by dma-buf and process
 * @list: after uses_sort() in the order of @tree
 * @nr: of @list
 *
 * A machine may have a hundred thousand of them: nothing looks at all of them for one.
 */
struct uses {
	void *tree;
	struct use **list;
	size_t nr;
};

/** uses_find - the use of a dma-buf by a process, made if there is none yet */
struct use *uses_find(struct uses *uses, ino_t inode, pid_t pid);

/** uses_sort - fill in @list; no uses_find() after that */
void uses_sort(struct uses *uses);

/**
 * uses_of - who has a dma-buf
 * @uses: sorted
 * @inode: the dma-buf
 * @nr: receives how many
 *
 * Return: so many, in the order of processes.
 */
struct use **uses_of(const struct uses *uses, ino_t inode, size_t *nr);

void uses_free(struct uses *uses);

#endif /* USES_H */
