/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HOLDER_H
#define HOLDER_H

#include <sys/types.h>

/**
 * holder_of - who has a device open through VFIO
 * @addr: PCI address
 *
 * Return: a process, perhaps this one; 0 if none is found. Only root sees those of
 * others.
 */
pid_t holder_of(const char *addr);

#endif /* HOLDER_H */
