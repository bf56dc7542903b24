/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HOLDER_H
#define HOLDER_H

#include <sys/types.h>

/* What to do about that */
#define HOLDER_REMEDY \
	"as root, in no container, with the rights to trace all processes and to see what they have mapped (CAP_SYS_PTRACE and CAP_CHECKPOINT_RESTORE)"

/**
 * holder_of - who has a device open through VFIO
 * @addr: PCI address
 *
 * Return: a process, perhaps this one; 0 if there is none, or it is not bound to a
 * driver of VFIO's; -errno if none was found, but not all could be looked at, see
 * opener_find(); -ENOENT if it is not known what to look for.
 */
pid_t holder_of(const char *addr);

/** holder_known - could that be told, of any device? Return: 0 or -errno as above */
int holder_known(void);

#endif /* HOLDER_H */
