/* SPDX-License-Identifier: MIT */
#ifndef LIB_SWEEP_H
#define LIB_SWEEP_H

#include <stdbool.h>

/**
 * struct sweep - fail the n-th allocation of an operation, n = 1, 2, ...
 * @n: allocation that fails in this pass
 * @fd: of this thread's fail-nth file
 * @over: a pass went through without its n-th allocation
 *
 * ::
 *
 *	for (sweep_start(&sweep); !sweep.over;) {
 *		sweep_arm(&sweep);
 *		ret = operation();
 *		if (sweep_disarm(&sweep))
 *			... an allocation failed: ret says -ENOMEM or 0 ...
 *		else
 *			... none did: it must have worked ...
 *	}
 *	sweep_end(&sweep);
 */
struct sweep {
	unsigned int n;
	int fd;
	bool over;
};

/**
 * sweep_require - skip unless the kernel can inject failures
 *
 * Configures both injectors so that every allocation counts, silently.
 */
void sweep_require(void);

/** sweep_start - open the file; the first pass is n = 1 */
void sweep_start(struct sweep *sweep);

/** sweep_arm - from here on the n-th allocation of this thread fails */
void sweep_arm(struct sweep *sweep);

/**
 * sweep_disarm - end of a pass
 * @sweep: the sweep
 *
 * Return: whether an allocation was made to fail. If not, the sweep is over.
 */
bool sweep_disarm(struct sweep *sweep);

/** sweep_end - close the file */
void sweep_end(struct sweep *sweep);

#endif /* LIB_SWEEP_H */
