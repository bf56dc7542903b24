/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CHILD_H
#define CHILD_H

#include <stddef.h>

/**
 * child_ask - have a child find out what may take for ever
 * @fn: what the child does: it tells with child_tell(), and returns
 * @arg: for @fn
 * @answer: receives what was told last
 * @size: of each answer, bytes, up to PIPE_BUF
 * @patience_ms: how long the next answer, or the end, may take
 *
 * Whether the child ended as it should is for the answer to tell: what it tells on the
 * way is what holds if nothing follows. It has no file of this process's open or mapped
 * but its pipe, and is not waited for if it does not answer: it may never get that far,
 * whatever signal it gets.
 *
 * Return: 0; -ETIMEDOUT if it still had not ended; or -errno, and no answer.
 */
int child_ask(void (*fn)(int fd, void *arg), void *arg, void *answer, size_t size,
	      int patience_ms);

/** child_tell - give an answer, in the child: to @fd, of @size as was asked for */
void child_tell(int fd, const void *answer, size_t size);

#endif /* CHILD_H */
