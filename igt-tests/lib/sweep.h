/* SPDX-License-Identifier: MIT */
#ifndef LIB_SWEEP_H
#define LIB_SWEEP_H

#include <stdbool.h>

/**
 * struct sweep_op - something that may fail half way
 * @begin: before each pass; may be NULL
 * @go: the operation; returns a value >= 0 or -errno
 * @undo: undoes a successful @go; may be NULL
 * @failed: looks at what a failed @go left; may be NULL
 * @survives: @go promises to go well whatever fails
 * @rest: not only the n-th allocation fails but all behind it, for what is tried again
 *	in another way; @go must then touch no memory for the first time
 * @injected: what @go returns, besides -ENOMEM, where the kernel makes iommufd fail:
 *	-ENOENT for the look-up of an object, -EINVAL for what a device reserves
 */
struct sweep_op {
	void (*begin)(void);
	int (*go)(void);
	void (*undo)(int result);
	void (*failed)(void);
	bool survives;
	bool rest;
	int injected[2];
};

/**
 * sweep_require - skip unless the kernel can inject failures
 *
 * Configures both injectors so that every allocation counts, silently. From here
 * on the kernel may complain that memory is short.
 */
void sweep_require(void);

/**
 * __sweep_arm - have the @n-th allocation of this thread fail from here on
 * @fd: of the thread's /proc/thread-self/fail-nth
 * @n: which, 0 for none
 *
 * Return: whether that could be.
 */
bool __sweep_arm(int fd, unsigned int n);

/** __sweep_disarm - have no more fail; Return: whether one did */
bool __sweep_disarm(int fd);

/**
 * sweep_over - do something with its n-th allocation failing, n = 1, 2, ...
 * @op: the operation
 *
 * Until a pass goes through without an n-th allocation. Fails the test if an
 * operation fails without one that failed, or with anything but -ENOMEM or what
 * is injected, or if no pass failed although it promises nothing.
 */
void sweep_over(const struct sweep_op *op);

#endif /* LIB_SWEEP_H */
